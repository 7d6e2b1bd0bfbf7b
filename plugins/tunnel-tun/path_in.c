#include "path_int.h"

#define NESTING_MAX 8u /* tunnels taken off one packet */

static void count_in(struct hm_item *item, size_t len)
{
	item->count.packets_in++;
	item->count.octets_in += len;
}

/* Whether that is the care-of address of a binding, or was a moment ago. */
static bool may_send(const struct hm_path *p, const struct hm_item *item,
                     const struct hm_addr *remote)
{
	if (p->now_ms < item->former_until_ms && hm_addr_eq(&item->former, remote))
		return true;
	return !item->one_way && hm_addr_eq(&item->remote, remote);
}

/* The binding of a reverse tunnel: the inner source must be the one bound to the outer source
 * (PROTOCOL 7). `inner`: the inner packet, as far as it is there. */
static struct hm_item *bound(const struct hm_path *p, const struct hm_pkt *k, struct hm_span inner)
{
	struct hm_addr remote = hm_pkt_src(k), local = hm_pkt_dst(k);
	struct hm_item *item;
	struct hm_ip6 ip6;

	if (hm_ip6_read(inner, &ip6))
		return NULL;
	item = hm_table_find(&p->table, HM_ITEM_ENCAP, &ip6.src, NULL);
	if (!item || !may_send(p, item, &remote) || !hm_addr_eq(&item->local, &local))
		return NULL;
	return item;
}

static enum hm_fate in_reverse(struct hm_path *p, struct hm_pkt *k, size_t head_len)
{
	struct hm_item *item;

	if (k->len < head_len + HM_IP6_LEN)
		return drop(p, HM_STAT_DROP_MALFORMED);
	item = bound(p, k, (struct hm_span){ k->at + head_len, k->len - head_len });
	if (!item)
		return drop(p, HM_STAT_DROP_FOREIGN_SOURCE);
	if (!hm_pkt_pop(k, head_len))
		return drop(p, HM_STAT_DROP_DECAPSULATION);
	p->stats[HM_STAT_DECAPSULATED]++;
	count_in(item, k->len);
	return HM_FATE_INJECT;
}

/* Whether a first fragment is that of a reverse tunnel in use. */
static bool begins_bound(const struct hm_path *p, const struct hm_pkt *k,
                         const struct hm_fragment *f)
{
	struct hm_rd r = hm_rd(f->data.p, f->data.len);
	uint8_t next = f->next;

	if (f->offset != 0)
		return false;
	if (next == HM_NH_DSTOPTS) {
		struct hm_rd header = hm_rd_sub(&r, HM_LIMIT_LEN);

		next = hm_rd_u8(&header);
	}
	return next == HM_NH_IPV6 && bound(p, k, (struct hm_span){ r.p, r.left });
}

static enum hm_fate keep(struct hm_path *p, struct hm_pkt *k, const struct hm_fragment *f)
{
	enum hm_reasm_verdict verdict = hm_reasm_add(&p->reasm, k, f, p->now_ms);

	p->stats[HM_STAT_DROP_FRAGMENT_LATE] += p->reasm.timed_out;
	p->stats[HM_STAT_DROP_FRAGMENT_CROWD] += p->reasm.pushed_out;
	p->reasm.timed_out = p->reasm.pushed_out = 0;
	switch (verdict) {
	case HM_REASM_KEPT:
		return HM_FATE_DROP;
	case HM_REASM_OVERLAP:
		return drop(p, HM_STAT_DROP_FRAGMENT_OVERLAP);
	case HM_REASM_TOO_LONG:
		return drop(p, HM_STAT_DROP_FRAGMENT_LENGTH);
	case HM_REASM_MARKED:
		return drop(p, HM_STAT_DROP_DECAPSULATION);
	case HM_REASM_WHOLE:
		p->stats[HM_STAT_REASSEMBLED]++;
		return HM_FATE_IGNORE;
	}
	return HM_FATE_DROP;
}

/* A fragment of a tunnelled packet. IGNORE: it has become the whole packet, which is to be looked
 * at. Nothing is kept but of tunnels in use. Of a reverse tunnel the first fragment shows that it
 * is; others may come before it once one was kept. */
static enum hm_fate join(struct hm_path *p, struct hm_pkt *k, bool is_pair)
{
	struct hm_fragment f;

	if (hm_fragment_read(hm_pkt_span(k), &f))
		return drop(p, HM_STAT_DROP_MALFORMED);
	if (f.offset == 0 && !f.more) {
		hm_pkt_unfragment(k, &f);
		return HM_FATE_IGNORE;
	}
	if (!is_pair && !hm_reasm_knows(&p->reasm, k, p->now_ms) && !begins_bound(p, k, &f))
		return drop(p, HM_STAT_DROP_FRAGMENT_FOREIGN);
	return keep(p, k, &f);
}

bool hm_carried_pair(const struct hm_carried *c, const struct hm_addr *local,
                     const struct hm_addr *remote)
{
	for (unsigned i = 0; i < c->n_pairs; i++)
		if (hm_addr_eq(&c->pairs[i].local, local) &&
		    hm_addr_eq(&c->pairs[i].remote, remote))
			return true;
	return false;
}

bool hm_carried_inner(const struct hm_carried *c, const struct hm_addr *inner)
{
	for (unsigned i = 0; i < c->n_pairs; i++)
		if (hm_addr_eq(&c->pairs[i].local, inner))
			return true;
	return c->any && hm_addr_eq(&c->home, inner);
}

/* What has been taken off a packet: the last tunnel's other end, :: before any, and whether the
 * kernel carries all of them. */
struct taken_off {
	struct hm_addr from;
	bool carried;
};

/* One step: takes a tunnel off, or joins a fragment. IGNORE: what is left is to be looked at;
 * *ret_on: for more tunnels. */
static enum hm_fate unpack_one(struct hm_path *p, struct hm_pkt *k, struct taken_off *off,
                               bool *ret_on)
{
	struct hm_tunnel_head head = hm_pkt_tunnel(k);
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	bool outermost = hm_addr_is_any(&off->from), is_pair;

	*ret_on = false;
	if (head.len == 0)
		return HM_FATE_IGNORE;
	is_pair = hm_table_find(&p->table, HM_ITEM_PAIR, &dst, &src) != NULL;
	if (head.fragment && !is_pair && !outermost)
		return HM_FATE_IGNORE; /* what it is a part of is not for a tunnel of ours */
	if (!is_pair && !hm_table_find(&p->table, HM_ITEM_POINT, &dst, NULL))
		return outermost ? HM_FATE_IGNORE : drop(p, HM_STAT_DROP_INNER);
	*ret_on = true;
	if (head.fragment)
		return join(p, k, is_pair);
	if (!is_pair)
		return outermost ? in_reverse(p, k, head.len)
		                 : drop(p, HM_STAT_DROP_FOREIGN_TUNNEL);
	if (!hm_pkt_pop(k, head.len))
		return drop(p, HM_STAT_DROP_DECAPSULATION);
	p->stats[HM_STAT_DECAPSULATED]++;
	off->from = src;
	off->carried = off->carried && hm_carried_pair(&p->carried, &dst, &src);
	return HM_FATE_IGNORE;
}

/* Takes tunnels off while they are a mobile host's; IGNORE: what is left is to be looked at. */
static enum hm_fate unpack(struct hm_path *p, struct hm_pkt *k, struct taken_off *off)
{
	for (unsigned depth = 0; depth <= NESTING_MAX; depth++) {
		bool on;
		enum hm_fate fate = unpack_one(p, k, off, &on);

		if (fate != HM_FATE_IGNORE || !on)
			return fate;
	}
	return drop(p, HM_STAT_DROP_NESTING);
}

/* Undoes route optimisation when both halves fit a binding (RFC 6275 9.3.1, 11.3.3). */
static bool undo_route_opt(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	struct hm_item *peer = NULL, *own = NULL;
	struct hm_ro_front front;
	const struct hm_ro *ro = &front.ro;

	if (hm_pkt_next(k) != HM_NH_ROUTING && hm_pkt_next(k) != HM_NH_DSTOPTS)
		return false;
	if (hm_ro_front(hm_pkt_span(k), p->accept_rh0, &front) || front.next == HM_NH_NONE)
		return false;
	if (ro->has_home) {
		peer = hm_table_find(&p->table, HM_ITEM_PEER, &ro->home, NULL);
		if (!peer || !hm_addr_eq(&peer->remote, &src))
			return false;
	}
	if (ro->has_routing) {
		own = hm_table_find(&p->table, HM_ITEM_OWN, ro->has_home ? &ro->home : &src,
		                    &ro->routing);
		if (!own || !hm_addr_eq(&own->local, &dst))
			return false;
	}
	hm_pkt_strip(k, &front);
	p->stats[HM_STAT_ROUTE_OPTIMISED_IN]++;
	if (own)
		count_in(own, k->len);
	if (peer) {
		count_in(peer, k->len);
		hm_path_report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, own ? &ro->routing : &dst,
		               ret_seen);
	}
	return true;
}

/* The kernel has delivered it: this is a copy. What may be route optimisation it leaves to us. */
static bool is_copy(const struct hm_path *p, const struct hm_pkt *k, const struct hm_addr *dst)
{
	return hm_pkt_next(k) != HM_NH_ROUTING && hm_pkt_next(k) != HM_NH_DSTOPTS &&
	       hm_carried_inner(&p->carried, dst);
}

/* A packet out of a mobile host's tunnels: for one of its addresses, or dropped. */
static enum hm_fate in_home(struct hm_path *p, struct hm_pkt *k, const struct taken_off *off,
                            struct hm_seen *ret_seen)
{
	struct hm_addr src, dst;
	struct hm_item *home;

	if (undo_route_opt(p, k, ret_seen))
		return HM_FATE_INJECT;
	src = hm_pkt_src(k);
	dst = hm_pkt_dst(k);
	if (off->carried && is_copy(p, k, &dst))
		return HM_FATE_DROP;
	home = hm_table_find(&p->table, HM_ITEM_HOME, &dst, NULL);
	if (!home)
		return hm_table_find(&p->table, HM_ITEM_INNER, &dst, NULL)
		               ? HM_FATE_INJECT
		               : drop(p, HM_STAT_DROP_INNER);
	count_in(home, k->len);
	if (home->entry->n_hops > 0 && memcmp(home->entry->hops[0].remote, off->from.b, 16) == 0)
		hm_path_report(p, HM_TUNNEL_SEEN_TUNNELLED, &dst, &src, ret_seen);
	return HM_FATE_INJECT;
}

enum hm_fate hm_path_in(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	struct taken_off off = { hm_addr_any, true };
	struct hm_addr dst;
	enum hm_fate verdict;

	if (!hm_pkt_check(k))
		return drop(p, HM_STAT_DROP_MALFORMED);
	verdict = unpack(p, k, &off);
	if (verdict != HM_FATE_IGNORE)
		return verdict;
	if (!hm_addr_is_any(&off.from))
		return in_home(p, k, &off, ret_seen);
	dst = hm_pkt_dst(k);
	if (hm_table_find(&p->table, HM_ITEM_POINT, &dst, NULL) && undo_route_opt(p, k, ret_seen))
		return HM_FATE_INJECT;
	return HM_FATE_IGNORE;
}
