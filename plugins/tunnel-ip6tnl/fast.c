#include "fast.h"

#include "tunnel-tun/path.h"
#include "tunnel-tun/tun.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NARROW 1024u

/* The plugin's counters behind those of tunnel-tun. */
#define FAST_STATS(X)                                                                              \
	X(FAST_BINDINGS, "kernel_bindings")                                                        \
	X(FAST_NO_ROOM, "kernel_no_room")                                                          \
	X(FAST_ENCAPSULATED, "kernel_encapsulated")                                                \
	X(FAST_DECAPSULATED, "kernel_decapsulated")                                                \
	X(FAST_REFUSED, "kernel_refused")

enum {
#define FAST_ENUM(name, text) name,
	FAST_STATS(FAST_ENUM)
#undef FAST_ENUM
	        FAST_STATS_END
};

/* Paths narrower than the device's MTU provides for. */
struct narrow {
	struct hm_addr remote;
	uint32_t mtu;
	int64_t until_ms; /* 0: none */
};

/* The table: HM_ITEM_ENCAP by match, `uses` the slot in the kernel's table, or 0; HM_ITEM_POINT by
 * remote, `uses` of bindings, the last of them in `local`. */
struct hm_fast {
	struct hm_fast_how how;
	pthread_mutex_t lock; /* around all of it, and `bound` */
	struct hm_table table;
	uint32_t n_prefixes;
	struct hm_fast_prefix {
		struct hm_addr prefix;
		uint8_t plen;
	} prefixes[HM_PREFIXES_MAX];
	struct narrow narrow[NARROW];
	uint32_t n_narrow;
	uint64_t n_bindings, n_no_room;
};

static int64_t now_ms(const struct hm_fast *f)
{
	return f->how.api->now_ms(f->how.api->host);
}

/* --- narrow paths --------------------------------------------------------------------------- */

static struct narrow *narrow_place(struct hm_fast *f, const struct hm_addr *remote)
{
	uint64_t w[2], h = f->table.seed[0];

	memcpy(w, remote->b, sizeof w);
	for (unsigned i = 0; i < 2; i++) {
		h = (h ^ w[i] ^ f->table.seed[i + 1]) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	return &f->narrow[h % NARROW];
}

/* What an inner packet may measure; 0: what the device says. */
static uint16_t inner_mtu(struct hm_fast *f, const struct hm_addr *remote)
{
	const struct narrow *n = narrow_place(f, remote);
	uint32_t mtu;

	if (n->until_ms == 0 || !hm_addr_eq(&n->remote, remote))
		return 0;
	mtu = hm_encap_mtu(n->mtu, HM_IP6_LEN);
	return mtu > UINT16_MAX ? 0 : (uint16_t)mtu;
}

/* --- the kernel's table --------------------------------------------------------------------- */

/* Whether a packet for the address would be led into the tunnel's device. */
static bool comes_back(const struct hm_fast *f, const struct hm_addr *remote)
{
	for (uint32_t i = 0; i < f->n_prefixes; i++)
		if (hm_addr_in(remote, &f->prefixes[i].prefix, f->prefixes[i].plen))
			return true;
	return hm_table_find(&f->table, HM_ITEM_ENCAP, remote, NULL) != NULL;
}

/* A packet out of the kernel's tunnel does not go into it again: where the care-of address is bound
 * here itself, the slower way follows it, and where it is a neighbour in a prefix of ours sends
 * what goes there past the rules. */
static bool fits_kernel(const struct hm_fast *f, const struct hm_item *item)
{
	return !item->rewrite && !comes_back(f, &item->remote);
}

static void leave_kernel(struct hm_fast *f, struct hm_item *item)
{
	if (item->uses == 0)
		return;
	hm_bound_del(f->how.bound, &item->a, item->uses);
	item->uses = 0;
	f->n_bindings--;
}

/* Makes of the kernel's table what is right now. False: it has no room; what was there stays. */
static bool settle(struct hm_fast *f, struct hm_item *item)
{
	struct hm_bound_way way = { .match = item->a,
		                    .local = item->local,
		                    .remote = item->remote,
		                    .former = item->former,
		                    .former_until_ms = item->former_until_ms,
		                    .mtu = inner_mtu(f, &item->remote),
		                    .out = fits_kernel(f, item),
		                    .in = !item->one_way,
		                    .slot = item->uses };

	if (hm_bound_put(f->how.bound, &way) != 0)
		return false;
	if (item->uses == 0)
		f->n_bindings++;
	item->uses = way.slot;
	return true;
}

/* Every binding to this care-of address, but those that tunnel-tun has. */
static void settle_remote(struct hm_fast *f, const struct hm_addr *remote)
{
	const struct hm_item *point = hm_table_find(&f->table, HM_ITEM_POINT, remote, NULL);
	struct hm_item *item =
	        point ? hm_table_find(&f->table, HM_ITEM_ENCAP, &point->local, NULL) : NULL;
	uint32_t pos = 0;

	if (!point)
		return;
	if (point->uses == 1 && item && hm_addr_eq(&item->remote, remote)) {
		if (item->uses > 0)
			(void)settle(f, item);
		return;
	}
	while ((item = hm_table_next(&f->table, &pos)))
		if (item->kind == HM_ITEM_ENCAP && item->uses > 0 &&
		    hm_addr_eq(&item->remote, remote))
			(void)settle(f, item);
}

void hm_fast_prefix(struct hm_fast *f, const struct hm_tunnel_prefix *prefix, bool add)
{
	const struct hm_addr head = hm_addr_of(prefix->prefix);
	struct hm_item *item;
	uint32_t i = 0, pos = 0;

	pthread_mutex_lock(&f->lock);
	while (i < f->n_prefixes &&
	       (f->prefixes[i].plen != prefix->plen || !hm_addr_eq(&f->prefixes[i].prefix, &head)))
		i++;
	if (add && i == f->n_prefixes && i < HM_PREFIXES_MAX)
		f->prefixes[f->n_prefixes++] = (struct hm_fast_prefix){ head, prefix->plen };
	else if (!add && i < f->n_prefixes)
		f->prefixes[i] = f->prefixes[--f->n_prefixes];
	while ((item = hm_table_next(&f->table, &pos)))
		if (item->kind == HM_ITEM_ENCAP && item->uses > 0 &&
		    hm_addr_in(&item->remote, &head, prefix->plen))
			(void)settle(f, item);
	pthread_mutex_unlock(&f->lock);
}

static void leave_remote(struct hm_fast *f, const struct hm_addr *remote)
{
	struct hm_item *point = hm_table_find(&f->table, HM_ITEM_POINT, remote, NULL);

	if (point && --point->uses == 0)
		hm_table_del(&f->table, point);
}

static bool join_remote(struct hm_fast *f, const struct hm_addr *remote,
                        const struct hm_addr *match)
{
	struct hm_item *point = hm_table_put(&f->table, HM_ITEM_POINT, remote, NULL);

	if (!point)
		return false;
	point->uses++;
	point->local = *match;
	return true;
}

void hm_fast_tick(struct hm_fast *f)
{
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; f->n_narrow > 0 && i < NARROW; i++) {
		struct narrow *n = &f->narrow[i];

		if (n->until_ms == 0 || n->until_ms > now_ms(f))
			continue;
		n->until_ms = 0;
		f->n_narrow--;
		settle_remote(f, &n->remote);
	}
	pthread_mutex_unlock(&f->lock);
}

void hm_fast_path_mtu(struct hm_fast *f, const uint8_t remote[16], uint32_t mtu)
{
	struct hm_addr to = hm_addr_of(remote), before;
	struct narrow *n = narrow_place(f, &to);
	bool another, same;

	pthread_mutex_lock(&f->lock);
	another = n->until_ms != 0 && !hm_addr_eq(&n->remote, &to);
	same = n->until_ms != 0 && !another && n->mtu == mtu;
	before = n->remote;
	if (n->until_ms == 0)
		f->n_narrow++;
	*n = (struct narrow){ to, mtu, now_ms(f) + HM_PATH_MTU_MS };
	if (another)
		settle_remote(f, &before);
	if (!same)
		settle_remote(f, &to);
	pthread_mutex_unlock(&f->lock);
}

/* --- entries -------------------------------------------------------------------------------- */

static void forget(struct hm_fast *f, struct hm_item *item)
{
	struct hm_addr match = item->a, remote = item->remote;

	leave_kernel(f, item);
	hm_table_del(&f->table, item);
	leave_remote(f, &remote);
	settle_remote(f, &match);
}

static void set_former(struct hm_fast *f, struct hm_item *item)
{
	item->former = item->remote;
	item->former_until_ms = now_ms(f) + HM_FORMER_MS;
}

static bool note(struct hm_fast *f, const struct hm_tunnel_entry *e, struct hm_item **io_item)
{
	struct hm_addr match = hm_addr_of(e->match), remote = hm_addr_of(e->remote);
	struct hm_item *item = *io_item;
	bool fresh = !item;

	if (fresh)
		item = hm_table_put(&f->table, HM_ITEM_ENCAP, &match, NULL);
	if (!item)
		return false;
	if (fresh || !hm_addr_eq(&item->remote, &remote)) {
		if (!join_remote(f, &remote, &match)) {
			if (fresh)
				hm_table_del(&f->table, item);
			return false;
		}
		if (!fresh) {
			leave_remote(f, &item->remote);
			set_former(f, item);
		}
	}
	item->local = hm_addr_of(e->local);
	item->remote = remote;
	item->rewrite = e->rewrite;
	item->one_way = e->one_way;
	*io_item = item;
	return true;
}

/* First tunnel-tun, which is behind: it leaves the way back to the kernel, and takes it when there
 * is no room. */
static int put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct hm_addr match = hm_addr_of(e->match);
	struct hm_item *before = hm_table_find(&f->table, HM_ITEM_ENCAP, &match, NULL);
	struct hm_item *item = before;
	struct hm_tunnel_entry copy = *e;
	int err;

	copy.one_way = 1;
	err = hm_tun_put(f->how.tun, ticket, &copy);
	if (err)
		return err;
	if (!note(f, e, &item)) {
		if (before)
			forget(f, before);
		(void)hm_tun_del(f->how.tun, ticket, e);
		return HM_PLUGIN_ENOMEM;
	}
	if (!before)
		settle_remote(f, &match); /* bindings that lead to this one */
	if (settle(f, item))
		return HM_PLUGIN_OK;
	leave_kernel(f, item);
	f->n_no_room++;
	return hm_tun_put(f->how.tun, ticket, e);
}

int hm_fast_put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	int err;

	pthread_mutex_lock(&f->lock);
	err = put(f, ticket, e);
	pthread_mutex_unlock(&f->lock);
	return err;
}

int hm_fast_del(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct hm_addr match = hm_addr_of(e->match);
	struct hm_item *item;
	int err;

	pthread_mutex_lock(&f->lock);
	err = hm_tun_del(f->how.tun, ticket, e);
	item = hm_table_find(&f->table, HM_ITEM_ENCAP, &match, NULL);
	if (item)
		forget(f, item);
	pthread_mutex_unlock(&f->lock);
	return err;
}

int hm_fast_count(struct hm_fast *f, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count)
{
	struct hm_addr match = hm_addr_of(e->match);
	int err = hm_tun_count(f->how.tun, e, ret_count);
	const struct hm_item *item;

	if (err)
		return err;
	pthread_mutex_lock(&f->lock);
	item = hm_table_find(&f->table, HM_ITEM_ENCAP, &match, NULL);
	if (item && item->uses > 0)
		hm_bound_count(f->how.bound, item->uses, ret_count);
	pthread_mutex_unlock(&f->lock);
	return HM_PLUGIN_OK;
}

static uint64_t stat_of(struct hm_fast *f, unsigned index)
{
	struct hm_tunnel_count total = { .packets_in = 0 };

	if (index == FAST_ENCAPSULATED || index == FAST_DECAPSULATED)
		hm_bound_total(f->how.bound, &total);
	switch (index) {
	case FAST_BINDINGS:
		return f->n_bindings;
	case FAST_NO_ROOM:
		return f->n_no_room;
	case FAST_ENCAPSULATED:
		return total.packets_out;
	case FAST_DECAPSULATED:
		return total.packets_in;
	default:
		return hm_bound_refused(f->how.bound);
	}
}

unsigned hm_fast_stats(void)
{
	return FAST_STATS_END;
}

bool hm_fast_stat(struct hm_fast *f, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define FAST_NAME(name, text) [name] = (text),
		FAST_STATS(FAST_NAME)
#undef FAST_NAME
	};

	if (index >= FAST_STATS_END)
		return false;
	*ret_name = names[index];
	pthread_mutex_lock(&f->lock);
	*ret_value = stat_of(f, index);
	pthread_mutex_unlock(&f->lock);
	return true;
}

struct hm_fast *hm_fast_open(const struct hm_fast_how *how)
{
	struct hm_fast *f = calloc(1, sizeof *f);
	uint64_t seed[5];

	if (!f)
		return NULL;
	f->how = *how;
	pthread_mutex_init(&f->lock, NULL);
	how->api->random(how->api->host, seed, sizeof seed);
	if (hm_table_init(&f->table, seed))
		return f;
	hm_fast_close(f);
	return NULL;
}

void hm_fast_close(struct hm_fast *f)
{
	if (!f)
		return;
	hm_table_finish(&f->table);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
