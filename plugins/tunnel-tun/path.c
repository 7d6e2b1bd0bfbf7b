#include "path.h"

#define NESTING_MAX 8u /* tunnels taken off one packet */
#define ENCAP_MAX 4u   /* bindings that may point at each other (RFC 2473 6.6) */
#define MTU_AGE_MS 600000
#define SEEN_MS 1000
#define WAYS 4u /* of the small caches: a full set refuses, it does not forget early */
#define ERRORS_PER_S 200u

static enum hm_fate drop(struct hm_path *p, enum hm_stat why)
{
	p->stats[why]++;
	return HM_FATE_DROP;
}

static uint32_t spread(const struct hm_path *p, const struct hm_addr *a, const struct hm_addr *b)
{
	uint64_t w[4], h = p->table.seed[0];

	memcpy(w, a->b, 16);
	memcpy(w + 2, b->b, 16);
	for (unsigned i = 0; i < 4; i++) {
		h = (h ^ w[i] ^ p->table.seed[i]) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* True when the pair has a place among those seen and was not reported within the last second. */
static bool is_news(struct hm_path *p, int what, const struct hm_addr *home,
                    const struct hm_addr *peer)
{
	struct hm_seen_slot *set = &p->seen[spread(p, home, peer) % (HM_SEEN_SLOTS / WAYS) * WAYS];
	struct hm_seen_slot *use = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		bool stale = set[i].at_ms == 0 || p->now_ms - set[i].at_ms >= SEEN_MS;

		if (set[i].what == what && hm_addr_eq(&set[i].home, home) &&
		    hm_addr_eq(&set[i].peer, peer)) {
			if (!stale)
				return false;
			use = &set[i];
			break;
		}
		if (stale && !use)
			use = &set[i];
	}
	if (!use)
		return false;
	*use = (struct hm_seen_slot){
		.home = *home, .peer = *peer, .what = what, .at_ms = p->now_ms ? p->now_ms : 1
	};
	return true;
}

static void report(struct hm_path *p, int what, const struct hm_addr *home,
                   const struct hm_addr *peer, struct hm_seen *ret_seen)
{
	if (is_news(p, what, home, peer))
		*ret_seen = (struct hm_seen){ true, what, *home, *peer };
}

static struct hm_path_mtu *mtu_set(const struct hm_path *p, const struct hm_addr *remote)
{
	uint32_t at = spread(p, remote, &hm_addr_any) % (HM_PATH_MTUS / WAYS) * WAYS;

	return (struct hm_path_mtu *)&p->mtus[at];
}

void hm_path_set_mtu(struct hm_path *p, const struct hm_addr *remote, uint32_t mtu)
{
	struct hm_path_mtu *set = mtu_set(p, remote), *use = &set[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (hm_addr_eq(&set[i].remote, remote)) {
			use = &set[i];
			break;
		}
		if (set[i].until_ms < use->until_ms)
			use = &set[i];
	}
	*use = (struct hm_path_mtu){ .remote = *remote,
		                     .mtu = mtu < HM_IP6_MTU_MIN ? HM_IP6_MTU_MIN : mtu,
		                     .until_ms = p->now_ms + MTU_AGE_MS };
	p->n_mtus++;
}

uint32_t hm_path_get_mtu(const struct hm_path *p, const struct hm_addr *remote)
{
	const struct hm_path_mtu *set;

	if (p->n_mtus == 0)
		return 0;
	set = mtu_set(p, remote);
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].until_ms > p->now_ms && hm_addr_eq(&set[i].remote, remote))
			return set[i].mtu;
	return 0;
}

/* Whether the packet and `overhead` fit the path to `remote`. A packet of the least MTU is never
 * too big: its sender could not go lower. */
static bool fits(const struct hm_path *p, const struct hm_pkt *k, const struct hm_addr *remote,
                 size_t overhead, uint32_t *ret_mtu)
{
	uint32_t mtu = hm_path_get_mtu(p, remote);

	if (mtu == 0 || k->len <= HM_IP6_MTU_MIN || k->len + overhead <= mtu)
		return true;
	*ret_mtu = mtu < HM_IP6_MTU_MIN + overhead ? HM_IP6_MTU_MIN : mtu - (uint32_t)overhead;
	return false;
}

static enum hm_fate too_big(struct hm_path *p, struct hm_pkt *k, const struct hm_addr *from,
                            uint32_t mtu)
{
	p->stats[HM_STAT_TOO_BIG]++;
	if (!hm_pkt_error(k, from, HM_ICMP_TOO_BIG, 0, mtu))
		return HM_FATE_DROP;
	return HM_FATE_INJECT;
}

static bool take_error(struct hm_path *p)
{
	int64_t gone = p->now_ms - p->error_ms;

	if (gone >= 1000) {
		p->error_ms = p->now_ms;
		p->error_left = ERRORS_PER_S;
	}
	if (p->error_left == 0)
		return false;
	p->error_left--;
	return true;
}

static enum hm_fate unreachable(struct hm_path *p, struct hm_pkt *k,
                                const struct hm_tunnel_prefix *prefix)
{
	struct hm_addr from;

	if (!take_error(p))
		return drop(p, HM_STAT_DROP_ERROR_LIMIT);
	p->stats[HM_STAT_UNREACHABLE]++;
	memcpy(from.b, prefix->local, sizeof from.b);
	if (!hm_pkt_error(k, &from, HM_ICMP_UNREACHABLE, HM_ICMP_UNREACHABLE_ADDRESS, 0))
		return HM_FATE_DROP;
	return HM_FATE_INJECT;
}

static void count_out(struct hm_item *item, size_t len)
{
	item->count.packets_out++;
	item->count.octets_out += len;
}

static void count_in(struct hm_item *item, size_t len)
{
	item->count.packets_in++;
	item->count.octets_in += len;
}

/* Hops, innermost first. */
static enum hm_fate send_hops(struct hm_path *p, struct hm_pkt *k, const struct hm_tunnel_hop *hops,
                              unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct hm_addr local, remote;

		memcpy(local.b, hops[i].local, 16);
		memcpy(remote.b, hops[i].remote, 16);
		if (!hm_pkt_push(k, &local, &remote))
			return drop(p, HM_STAT_DROP_NESTING);
	}
	p->stats[n > 0 ? HM_STAT_ENCAPSULATED : HM_STAT_NATIVE]++;
	return HM_FATE_SEND;
}

/* A mobile host's own packet: the care-of address and the Home Address option towards a
 * correspondent that knows the binding, else the tunnels (PROTOCOL 7, RFC 6275 11.3.1). */
static enum hm_fate out_home(struct hm_path *p, struct hm_pkt *k, struct hm_item *home,
                             struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k), last;
	/* The headers go in front of all others; behind Hop-by-Hop Options is left to tunnels. */
	bool plain = hm_pkt_next(k) != HM_NH_HOP_BY_HOP;
	struct hm_item *peer = plain ? hm_table_find(&p->table, HM_ITEM_PEER, &dst, NULL) : NULL;
	struct hm_item *own = plain ? hm_table_find(&p->table, HM_ITEM_OWN, &dst, &src) : NULL;
	const struct hm_tunnel_entry *way = own ? own->entry : home->entry;
	size_t overhead = HM_IP6_LEN * way->n_hops;
	uint32_t mtu = 0;

	overhead += (peer ? HM_ROUTE_OPT_LEN : 0) + (own ? HM_ROUTE_OPT_LEN : 0);
	last = peer ? peer->remote : dst;
	if (way->n_hops > 0)
		memcpy(last.b, way->hops[way->n_hops - 1].remote, 16);
	if (!fits(p, k, &last, overhead, &mtu))
		return too_big(p, k, &src, mtu);
	count_out(own ? own : home, k->len);
	if (peer) {
		count_out(peer, k->len);
		report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, &src, ret_seen);
	}
	if ((peer && !hm_pkt_route(k, &peer->remote)) ||
	    (own && !hm_pkt_home(k, &own->local, peer != NULL)))
		return drop(p, HM_STAT_DROP_NESTING);
	if (peer || own)
		p->stats[HM_STAT_ROUTE_OPTIMISED_OUT]++;
	return send_hops(p, k, way->hops, way->n_hops);
}

static bool rewrite(struct hm_path *p, struct hm_pkt *k, struct hm_item *item)
{
	if (!item->rewrite || hm_pkt_next(k) != HM_NH_IPV6)
		return false;
	hm_pkt_set_src(k, &item->local);
	hm_pkt_set_dst(k, &item->remote);
	p->stats[HM_STAT_REWRITTEN]++;
	return true;
}

/* A mobility server or home agent. A care-of address that is itself bound here, as after a
 * handoff within this machine, is followed. */
static enum hm_fate out_encap(struct hm_path *p, struct hm_pkt *k, struct hm_item *item)
{
	for (unsigned depth = 0; item && depth < ENCAP_MAX; depth++) {
		bool instead = item->rewrite && hm_pkt_next(k) == HM_NH_IPV6;
		uint32_t mtu = 0;

		if (depth == 0 && !fits(p, k, &item->remote, instead ? 0 : HM_IP6_LEN, &mtu))
			return too_big(p, k, &item->local, mtu);
		count_out(item, k->len);
		if (!rewrite(p, k, item)) {
			if (!hm_pkt_push(k, &item->local, &item->remote))
				return drop(p, HM_STAT_DROP_NESTING);
			p->stats[HM_STAT_ENCAPSULATED]++;
		}
		item = hm_table_find(&p->table, HM_ITEM_ENCAP, &item->remote, NULL);
	}
	return item ? drop(p, HM_STAT_DROP_NESTING) : HM_FATE_SEND;
}

static enum hm_fate out_peer(struct hm_path *p, struct hm_pkt *k, struct hm_item *peer,
                             struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), from = hm_pkt_dst(k);
	uint32_t mtu = 0;

	if (hm_pkt_next(k) == HM_NH_HOP_BY_HOP) {
		p->stats[HM_STAT_NATIVE]++;
		return HM_FATE_SEND;
	}
	if (!fits(p, k, &peer->remote, HM_ROUTE_OPT_LEN, &mtu))
		return too_big(p, k, &from, mtu);
	count_out(peer, k->len);
	report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, &src, ret_seen);
	if (!hm_pkt_route(k, &peer->remote))
		return drop(p, HM_STAT_DROP_NESTING);
	p->stats[HM_STAT_ROUTE_OPTIMISED_OUT]++;
	return HM_FATE_SEND;
}

static const struct hm_tunnel_prefix *find_prefix(const struct hm_path *p, const struct hm_addr *a)
{
	for (uint32_t i = 0; i < p->n_prefixes; i++) {
		struct hm_addr prefix;

		memcpy(prefix.b, p->prefixes[i].prefix, 16);
		if (hm_addr_in(a, &prefix, p->prefixes[i].plen))
			return &p->prefixes[i];
	}
	return NULL;
}

/* Nothing bound. What is sent on bears the mark and so cannot come back. */
static enum hm_fate out_unbound(struct hm_path *p, struct hm_pkt *k, const struct hm_addr *dst)
{
	const struct hm_tunnel_prefix *prefix = find_prefix(p, dst);

	if (prefix && !prefix->on_link)
		return unreachable(p, k, prefix);
	if (!prefix && p->n_home == 0)
		return drop(p, HM_STAT_DROP_NO_ENTRY);
	p->stats[HM_STAT_NATIVE]++;
	return HM_FATE_SEND;
}

/* A regional care-of address of a mobile host belongs to where its tunnel ends: what it sends goes
 * through the tunnels outside of it, or ingress filters would drop it. */
static const struct hm_tunnel_entry *find_inner(const struct hm_path *p, const struct hm_addr *src,
                                                unsigned *ret_hop)
{
	for (uint32_t n = 0; n < p->n_home; n++) {
		const struct hm_tunnel_entry *e = p->homes[n]->entry;

		for (unsigned i = 0; i + 1 < e->n_hops; i++) {
			if (memcmp(e->hops[i].local, src->b, sizeof src->b) != 0)
				continue;
			*ret_hop = i + 1;
			return e;
		}
	}
	return NULL;
}

enum hm_fate hm_path_out(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	const struct hm_tunnel_entry *inner;
	struct hm_addr src, dst;
	struct hm_item *item;
	unsigned hop = 0;

	if (!hm_pkt_check(k))
		return drop(p, HM_STAT_DROP_MALFORMED);
	src = hm_pkt_src(k);
	dst = hm_pkt_dst(k);
	if (hm_addr_is_multicast(&dst) || hm_addr_is_link_local(&dst) ||
	    hm_addr_is_link_local(&src) || hm_addr_is_any(&src))
		return drop(p, HM_STAT_DROP_SCOPE);
	item = p->n_home > 0 ? hm_table_find(&p->table, HM_ITEM_HOME, &src, NULL) : NULL;
	if (item)
		return out_home(p, k, item, ret_seen);
	inner = find_inner(p, &src, &hop);
	if (inner)
		return send_hops(p, k, inner->hops + hop, inner->n_hops - hop);
	item = hm_table_find(&p->table, HM_ITEM_ENCAP, &dst, NULL);
	if (item)
		return out_encap(p, k, item);
	item = hm_table_find(&p->table, HM_ITEM_PEER, &dst, NULL);
	if (item)
		return out_peer(p, k, item, ret_seen);
	return out_unbound(p, k, &dst);
}

/* The reverse tunnel of a binding: the inner source must be the one bound to the outer source
 * (PROTOCOL 7). */
static enum hm_fate in_reverse(struct hm_path *p, struct hm_pkt *k)
{
	struct hm_addr remote = hm_pkt_src(k), local = hm_pkt_dst(k), inner;
	struct hm_item *item;

	if (k->len < 2 * HM_IP6_LEN)
		return drop(p, HM_STAT_DROP_MALFORMED);
	memcpy(inner.b, k->at + HM_IP6_LEN + 8, 16);
	item = hm_table_find(&p->table, HM_ITEM_ENCAP, &inner, NULL);
	if (!item || item->one_way || !hm_addr_eq(&item->remote, &remote) ||
	    !hm_addr_eq(&item->local, &local))
		return drop(p, HM_STAT_DROP_FOREIGN_SOURCE);
	if (!hm_pkt_pop(k))
		return drop(p, HM_STAT_DROP_DECAPSULATION);
	p->stats[HM_STAT_DECAPSULATED]++;
	count_in(item, k->len);
	return HM_FATE_INJECT;
}

/* Takes tunnels off while they are a mobile host's; IGNORE: what is left is to be looked at. */
static enum hm_fate unpack(struct hm_path *p, struct hm_pkt *k, struct hm_addr *ret_from)
{
	for (unsigned depth = 0; hm_pkt_next(k) == HM_NH_IPV6; depth++) {
		struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);

		if (depth == NESTING_MAX)
			return drop(p, HM_STAT_DROP_NESTING);
		if (!hm_table_find(&p->table, HM_ITEM_PAIR, &dst, &src)) {
			if (!hm_table_find(&p->table, HM_ITEM_POINT, &dst, NULL))
				return depth ? drop(p, HM_STAT_DROP_INNER) : HM_FATE_IGNORE;
			if (depth == 0)
				return in_reverse(p, k);
			return drop(p, HM_STAT_DROP_FOREIGN_TUNNEL);
		}
		if (!hm_pkt_pop(k))
			return drop(p, HM_STAT_DROP_DECAPSULATION);
		p->stats[HM_STAT_DECAPSULATED]++;
		*ret_from = src;
	}
	return HM_FATE_IGNORE;
}

/* Undoes route optimisation when both halves fit a binding (RFC 6275 9.3.1, 11.3.3). */
static bool undo_route_opt(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	struct hm_item *peer = NULL, *own = NULL;
	struct hm_route_opt opt;

	if (!hm_pkt_route_opt(k, &opt) || opt.next == HM_NH_NONE)
		return false;
	if (opt.has_home) {
		peer = hm_table_find(&p->table, HM_ITEM_PEER, &opt.home, NULL);
		if (!peer || !hm_addr_eq(&peer->remote, &src))
			return false;
	}
	if (opt.has_route) {
		own = hm_table_find(&p->table, HM_ITEM_OWN, opt.has_home ? &opt.home : &src,
		                    &opt.route);
		if (!own || !hm_addr_eq(&own->local, &dst))
			return false;
	}
	hm_pkt_strip(k, &opt);
	p->stats[HM_STAT_ROUTE_OPTIMISED_IN]++;
	if (own)
		count_in(own, k->len);
	if (peer) {
		count_in(peer, k->len);
		report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, own ? &opt.route : &dst, ret_seen);
	}
	return true;
}

/* A packet out of a mobile host's tunnels: for one of its addresses, or dropped. */
static enum hm_fate in_home(struct hm_path *p, struct hm_pkt *k, const struct hm_addr *from,
                            struct hm_seen *ret_seen)
{
	struct hm_addr src, dst;
	struct hm_item *home;

	if (undo_route_opt(p, k, ret_seen))
		return HM_FATE_INJECT;
	src = hm_pkt_src(k);
	dst = hm_pkt_dst(k);
	home = hm_table_find(&p->table, HM_ITEM_HOME, &dst, NULL);
	if (!home)
		return hm_table_find(&p->table, HM_ITEM_INNER, &dst, NULL)
		               ? HM_FATE_INJECT
		               : drop(p, HM_STAT_DROP_INNER);
	count_in(home, k->len);
	if (home->entry->n_hops > 0 && memcmp(home->entry->hops[0].remote, from->b, 16) == 0)
		report(p, HM_TUNNEL_SEEN_TUNNELLED, &dst, &src, ret_seen);
	return HM_FATE_INJECT;
}

enum hm_fate hm_path_in(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	struct hm_addr from = hm_addr_any, dst;
	enum hm_fate verdict;

	if (!hm_pkt_check(k))
		return drop(p, HM_STAT_DROP_MALFORMED);
	if (hm_pkt_next(k) == HM_NH_IPV6) {
		verdict = unpack(p, k, &from);
		if (verdict != HM_FATE_IGNORE || hm_addr_is_any(&from))
			return verdict;
		return in_home(p, k, &from, ret_seen);
	}
	dst = hm_pkt_dst(k);
	if (hm_table_find(&p->table, HM_ITEM_POINT, &dst, NULL) && undo_route_opt(p, k, ret_seen))
		return HM_FATE_INJECT;
	return HM_FATE_IGNORE;
}
