/* A mobile host's tunnels that the kernel carries: what is left to do here. */
#include "tun_int.h"

#include <errno.h>

/* Whether anything is to be taken off here. Of what the kernel takes no copies are wanted, but they
 * come with the rest, where there is any. */
bool hm_tun_listens(const void *self)
{
	const struct hm_tun *t = self;
	const struct hm_carried *c = &t->path->carried;
	const struct hm_tunnel_entry *e;

	if (!c->any || t->n_own + t->n_peer + t->n_encap > 0 || t->path->n_home > 1)
		return true;
	if (t->path->n_home == 0)
		return false;
	e = t->path->homes[0]->entry;
	return c->n_pairs < e->n_hops + e->n_accept;
}

int hm_tun_listen(struct hm_tun *t)
{
	unsigned n = hm_tun_listens(t) ? t->path->n_points : 0;

	return hm_device_filter(&t->device, t->path->points, n) ? -EIO : 0;
}

int hm_tun_beside(struct hm_tun *t, const struct hm_tunnel_entry *e)
{
	struct hm_addr match;

	if (!t->path->carried.any || (e->kind != HM_TUNNEL_OWN && e->kind != HM_TUNNEL_PEER))
		return 0;
	match = hm_addr_of(e->match);
	return hm_kernel_optimised(&t->kernel, &match, hm_entries_optimised(t->path, &match));
}

/* The routes of all that is route-optimised. */
static int all_beside(struct hm_tun *t, bool add)
{
	const struct hm_item *item;
	uint32_t pos = 0;
	int err = 0, now;

	if (t->n_own + t->n_peer == 0)
		return 0;
	while ((item = hm_table_next(&t->path->table, &pos))) {
		if (item->kind != HM_ITEM_OWN && item->kind != HM_ITEM_PEER)
			continue;
		now = hm_kernel_optimised(&t->kernel, &item->a,
		                          add && hm_entries_optimised(t->path, &item->a));
		err = err ? err : now;
	}
	return err;
}

int hm_tun_carry(void *self, const struct hm_carried *carried)
{
	static const struct hm_carried none;
	struct hm_tun *t = self;
	const struct hm_carried *now = carried ? carried : &none;
	int err, then;

	pthread_mutex_lock(&t->lock);
	t->path->carried = *now;
	pthread_mutex_unlock(&t->lock);
	err = all_beside(t, now->any);
	then = hm_kernel_sync(&t->kernel);
	err = err ? err : then;
	then = hm_tun_listen(t);
	return hm_tun_result(err ? err : then);
}
