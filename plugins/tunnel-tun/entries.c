#include "entries.h"

#include <stdlib.h>

/* What one entry makes us look up besides itself. */
#define DERIVED_MAX (3 * (HM_TUNNEL_HOPS + HM_TUNNEL_ACCEPTS) + 2)

struct derived {
	unsigned n;
	struct {
		enum hm_item_kind kind;
		struct hm_addr a, b;
	} of[DERIVED_MAX];
};

static void derive(struct derived *d, enum hm_item_kind kind, const uint8_t a[16],
                   const uint8_t b[16])
{
	d->of[d->n].kind = kind;
	d->of[d->n].a = hm_addr_of(a);
	d->of[d->n].b = b ? hm_addr_of(b) : hm_addr_any;
	d->n++;
}

static void derive_hop(struct derived *d, const struct hm_tunnel_hop *hop)
{
	derive(d, HM_ITEM_PAIR, hop->local, hop->remote);
	derive(d, HM_ITEM_POINT, hop->local, NULL);
	derive(d, HM_ITEM_INNER, hop->local, NULL);
}

/* heard: of an HM_TUNNEL_ENCAP, whether packets come back from it. */
static void derive_all(struct derived *d, const struct hm_tunnel_entry *e, bool heard)
{
	static const uint8_t none[16];

	d->n = 0;
	if (e->kind == HM_TUNNEL_ENCAP && heard)
		derive(d, HM_ITEM_POINT, e->local, NULL);
	if (e->kind == HM_TUNNEL_PEER && memcmp(e->local, none, 16) != 0)
		derive(d, HM_ITEM_POINT, e->local, NULL);
	if (e->kind == HM_TUNNEL_HOME)
		derive(d, HM_ITEM_POINT, e->match, NULL);
	if (e->kind == HM_TUNNEL_OWN)
		derive(d, HM_ITEM_POINT, e->local, NULL);
	if (e->kind != HM_TUNNEL_HOME && e->kind != HM_TUNNEL_OWN)
		return;
	for (unsigned i = 0; i < e->n_hops; i++)
		derive_hop(d, &e->hops[i]);
	for (unsigned i = 0; i < e->n_accept; i++)
		derive_hop(d, &e->accept[i]);
}

/* The entry an item was made from, as far as derive_all() looks at it. */
static struct hm_tunnel_entry entry_of(const struct hm_item *item)
{
	struct hm_tunnel_entry e = { .kind = item->kind };

	if (item->entry)
		return *item->entry;
	memcpy(e.match, item->a.b, 16);
	memcpy(e.local, item->local.b, 16);
	return e;
}

static void list_points(struct hm_path *p)
{
	const struct hm_item *item;
	uint32_t pos = 0, n = 0;

	while (n < HM_POINTS_MAX && (item = hm_table_next(&p->table, &pos)))
		if (item->kind == HM_ITEM_POINT)
			p->points[n++] = item->a;
}

static void add_point(struct hm_path *p, const struct hm_addr *a)
{
	if (p->n_points < HM_POINTS_MAX)
		p->points[p->n_points] = *a;
	p->n_points++;
}

/* To be called when the item is gone. */
static void drop_point(struct hm_path *p, const struct hm_addr *a)
{
	if (p->n_points-- > HM_POINTS_MAX) {
		if (p->n_points == HM_POINTS_MAX)
			list_points(p);
		return;
	}
	for (uint32_t i = 0; i < p->n_points; i++) {
		if (!hm_addr_eq(&p->points[i], a))
			continue;
		p->points[i] = p->points[p->n_points];
		return;
	}
}

static void release(struct hm_path *p, const struct derived *d, unsigned n, bool *ret_points)
{
	for (unsigned i = 0; i < n; i++) {
		struct hm_item *item =
		        hm_table_find(&p->table, d->of[i].kind, &d->of[i].a, &d->of[i].b);

		if (!item || --item->uses > 0)
			continue;
		hm_table_del(&p->table, item);
		if (d->of[i].kind != HM_ITEM_POINT)
			continue;
		drop_point(p, &d->of[i].a);
		*ret_points = true;
	}
}

static bool acquire(struct hm_path *p, const struct derived *d, bool *ret_points)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct hm_item *item =
		        hm_table_put(&p->table, d->of[i].kind, &d->of[i].a, &d->of[i].b);

		if (!item) {
			release(p, d, i, ret_points);
			return false;
		}
		if (item->uses++ > 0 || d->of[i].kind != HM_ITEM_POINT)
			continue;
		add_point(p, &d->of[i].a);
		*ret_points = true;
	}
	return true;
}

static int check(const struct hm_tunnel_entry *e)
{
	if (e->size < sizeof *e || e->kind > HM_TUNNEL_PEER)
		return HM_PLUGIN_EUNSUPPORTED;
	if (e->n_hops > HM_TUNNEL_HOPS || e->n_accept > HM_TUNNEL_ACCEPTS)
		return HM_PLUGIN_ECONFIG;
	return e->kind == HM_TUNNEL_OWN && e->n_hops > 1 ? HM_PLUGIN_ECONFIG : HM_PLUGIN_OK;
}

static struct hm_addr second_key(const struct hm_tunnel_entry *e)
{
	return e->kind == HM_TUNNEL_OWN ? hm_addr_of(e->home) : hm_addr_any;
}

struct hm_item *hm_entries_find(const struct hm_path *p, const struct hm_tunnel_entry *e)
{
	struct hm_addr match = hm_addr_of(e->match), second = second_key(e);

	if (e->kind > HM_TUNNEL_PEER)
		return NULL;
	return hm_table_find(&p->table, (enum hm_item_kind)e->kind, &match, &second);
}

bool hm_entries_attract(const struct hm_path *p, const struct hm_addr *match)
{
	const struct hm_item *encap = hm_table_find(&p->table, HM_ITEM_ENCAP, match, NULL);
	const struct hm_item *peer = hm_table_find(&p->table, HM_ITEM_PEER, match, NULL);

	return (encap && encap->attract) || (peer && peer->attract);
}

bool hm_entries_optimised(const struct hm_path *p, const struct hm_addr *match)
{
	return hm_table_find(&p->table, HM_ITEM_OWN, match, &p->carried.home) ||
	       hm_table_find(&p->table, HM_ITEM_PEER, match, NULL);
}

/* The item with room for what its kind keeps; NULL, and nothing made, when there is no room. */
static struct hm_item *open_item(struct hm_path *p, const struct hm_tunnel_entry *e)
{
	bool whole = e->kind == HM_TUNNEL_HOME || e->kind == HM_TUNNEL_OWN;
	struct hm_addr match = hm_addr_of(e->match), second = second_key(e);
	struct hm_tunnel_entry *copy = NULL;
	struct hm_item *item;

	if (e->kind == HM_TUNNEL_HOME && p->n_home == HM_HOMES_MAX)
		return NULL;
	if (whole) {
		copy = calloc(1, sizeof *copy);
		if (!copy)
			return NULL;
	}
	item = hm_table_put(&p->table, (enum hm_item_kind)e->kind, &match, &second);
	if (!item) {
		free(copy);
		return NULL;
	}
	item->entry = copy;
	if (e->kind == HM_TUNNEL_HOME)
		p->homes[p->n_home++] = item;
	return item;
}

static void close_item(struct hm_path *p, struct hm_item *item)
{
	for (uint32_t i = 0; item->kind == HM_ITEM_HOME && i < p->n_home; i++) {
		if (p->homes[i] != item)
			continue;
		p->homes[i] = p->homes[--p->n_home];
		break;
	}
	hm_table_del(&p->table, item);
}

/* From another care-of address on: the one until now goes on for a moment. */
static void keep_former(const struct hm_path *p, struct hm_item *item,
                        const struct hm_tunnel_entry *e)
{
	struct hm_addr remote = hm_addr_of(e->remote);

	if (e->kind != HM_TUNNEL_ENCAP || item->one_way || hm_addr_eq(&item->remote, &remote))
		return;
	item->former = item->remote;
	item->former_until_ms = p->now_ms + HM_FORMER_MS;
}

static void fill(struct hm_item *item, const struct hm_tunnel_entry *e)
{
	item->attract = e->attract && (e->kind == HM_TUNNEL_ENCAP || e->kind == HM_TUNNEL_PEER);
	item->rewrite = e->rewrite;
	item->one_way = e->one_way;
	item->local = hm_addr_of(e->local);
	item->remote = hm_addr_of(e->remote);
	if (item->entry)
		*item->entry = *e;
}

int hm_entries_put(struct hm_path *p, const struct hm_tunnel_entry *e,
                   struct hm_entry_change *ret_change)
{
	struct hm_entry_change change = { .home = e->kind == HM_TUNNEL_HOME };
	struct hm_item *item;
	struct hm_tunnel_entry before;
	struct derived old, now;
	bool attracted, heard;
	int err = check(e);

	if (err)
		return err;
	change.match = hm_addr_of(e->match);
	attracted = hm_entries_attract(p, &change.match);
	item = hm_entries_find(p, e);
	change.is_new = !item;
	if (!item && !(item = open_item(p, e)))
		return HM_PLUGIN_EFULL;
	before = entry_of(item);
	/* What was under way when it became one-way is still taken. */
	heard = item->heard || (e->kind == HM_TUNNEL_ENCAP && !e->one_way);
	derive_all(&old, &before, item->heard);
	derive_all(&now, e, heard);
	if (change.is_new)
		old.n = 0;
	if (!acquire(p, &now, &change.points)) {
		if (change.is_new)
			close_item(p, item);
		return HM_PLUGIN_EFULL;
	}
	release(p, &old, old.n, &change.points);
	if (!change.is_new)
		keep_former(p, item, e);
	fill(item, e);
	item->heard = heard;
	change.attract = item->attract && !attracted;
	change.detract = attracted && !hm_entries_attract(p, &change.match);
	*ret_change = change;
	return HM_PLUGIN_OK;
}

bool hm_entries_del(struct hm_path *p, const struct hm_tunnel_entry *e,
                    struct hm_entry_change *ret_change)
{
	struct hm_entry_change change = { .match = hm_addr_of(e->match) };
	struct hm_item *item = hm_entries_find(p, e);
	struct hm_tunnel_entry before;
	struct derived old;
	bool attracted;

	*ret_change = change;
	if (!item)
		return false;
	attracted = hm_entries_attract(p, &change.match);
	change.home = item->kind == HM_ITEM_HOME;
	before = entry_of(item);
	derive_all(&old, &before, item->heard);
	close_item(p, item);
	release(p, &old, old.n, &change.points);
	change.detract = attracted && !hm_entries_attract(p, &change.match);
	*ret_change = change;
	return true;
}

static struct hm_tunnel_prefix *find_prefix(struct hm_path *p,
                                            const struct hm_tunnel_prefix *prefix)
{
	for (uint32_t i = 0; i < p->n_prefixes; i++)
		if (p->prefixes[i].plen == prefix->plen &&
		    memcmp(p->prefixes[i].prefix, prefix->prefix, 16) == 0)
			return &p->prefixes[i];
	return NULL;
}

int hm_prefixes_put(struct hm_path *p, const struct hm_tunnel_prefix *prefix)
{
	struct hm_tunnel_prefix *at = find_prefix(p, prefix);

	if (prefix->size < sizeof *prefix)
		return HM_PLUGIN_EUNSUPPORTED;
	if (prefix->plen == 0 || prefix->plen > 128)
		return HM_PLUGIN_ECONFIG;
	if (!at && p->n_prefixes == HM_PREFIXES_MAX)
		return HM_PLUGIN_EFULL;
	if (!at)
		at = &p->prefixes[p->n_prefixes++];
	*at = *prefix;
	return HM_PLUGIN_OK;
}

bool hm_prefixes_del(struct hm_path *p, const struct hm_tunnel_prefix *prefix)
{
	struct hm_tunnel_prefix *at = find_prefix(p, prefix);

	if (!at)
		return false;
	*at = p->prefixes[--p->n_prefixes];
	return true;
}

/* Own addresses hold their points through one use of their own, marked in `rewrite`, which points
 * do not need otherwise. */
void hm_entries_own(struct hm_path *p, const struct hm_addr *own, unsigned n,
                    struct hm_entry_change *ret_change)
{
	for (unsigned i = 0; i < n; i++) {
		struct derived d = { .n = 1 };
		struct hm_item *item = hm_table_find(&p->table, HM_ITEM_POINT, &own[i], NULL);

		if (item && item->rewrite)
			continue;
		d.of[0].kind = HM_ITEM_POINT;
		d.of[0].a = own[i];
		if (acquire(p, &d, &ret_change->points))
			hm_table_find(&p->table, HM_ITEM_POINT, &own[i], NULL)->rewrite = true;
	}
}
