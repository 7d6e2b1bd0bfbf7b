#include "path_int.h"

#define ENCAP_MAX 4u /* bindings that may point at each other (RFC 2473 6.6) */
#define SEEN_MS 1000
#define WAYS 4u /* of the small caches: a full set refuses, it does not forget early */
#define ERRORS_PER_S 200u

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

void hm_path_report(struct hm_path *p, int what, const struct hm_addr *home,
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
		                     .until_ms = p->now_ms + HM_PATH_MTU_MS };
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

/* *room: at most what the path to `remote` leaves inside `overhead`. */
static void narrow(const struct hm_path *p, const struct hm_addr *remote, size_t overhead,
                   uint32_t *room)
{
	uint32_t mtu = hm_path_get_mtu(p, remote);

	if (mtu != 0 && hm_encap_mtu(mtu, overhead) < *room)
		*room = hm_encap_mtu(mtu, overhead);
}

static enum hm_fate too_big(struct hm_path *p, struct hm_pkt *k, const struct hm_addr *from,
                            uint32_t mtu)
{
	p->stats[HM_STAT_TOO_BIG]++;
	if (!hm_pkt_error(k, from, HM_ICMP_TOO_BIG, 0, mtu))
		return HM_FATE_DROP;
	return HM_FATE_INJECT;
}

/* A bucket for the errors that anyone can cause at will. */
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
	from = hm_addr_of(prefix->local);
	if (!hm_pkt_error(k, &from, HM_ICMP_UNREACHABLE, HM_ICMP_UNREACHABLE_ADDRESS, 0))
		return HM_FATE_DROP;
	return HM_FATE_INJECT;
}

static void count_out(struct hm_item *item, size_t len)
{
	item->count.packets_out++;
	item->count.octets_out += len;
}

/* The Tunnel Encapsulation Limit of a packet that is to be encapsulated forbids it: its source, the
 * tunnel before, is told where the limit stands (RFC 2473 6.7). */
static enum hm_fate refuse_nesting(struct hm_path *p, struct hm_pkt *k, const struct hm_addr *from)
{
	uint32_t at = (uint32_t)hm_encap_limit_at(k->at, k->len);

	if (!take_error(p))
		return drop(p, HM_STAT_DROP_ERROR_LIMIT);
	p->stats[HM_STAT_DROP_ENCAP_LIMIT]++;
	if (!hm_pkt_error(k, from, HM_ICMP_PARAMETER, HM_ICMP_PARAMETER_HEADER, at))
		return HM_FATE_DROP;
	return HM_FATE_INJECT;
}

/* The way of a mobile host's packet: what goes around it, innermost first. */
struct way {
	const struct hm_item *peer, *own;
	const struct hm_tunnel_hop *hops;
	unsigned n_hops;
	int limit; /* of the first hop; those further out have less */
};

static int limit_after(int limit)
{
	return limit == HM_ENCAP_NO_LIMIT ? limit : limit - 1;
}

/* The longest packet that every path on that way carries. */
static uint32_t room_in(const struct hm_path *p, const struct way *way, const struct hm_addr *dst)
{
	uint32_t room = UINT32_MAX;
	size_t overhead = (way->peer ? HM_RO_LEN : 0) + (way->own ? HM_RO_LEN : 0);

	if (overhead > 0 || way->n_hops == 0)
		narrow(p, way->peer ? &way->peer->remote : dst, overhead, &room);
	for (unsigned i = 0; i < way->n_hops; i++) {
		const struct hm_addr remote = hm_addr_of(way->hops[i].remote);

		overhead += hm_pkt_overhead(way->limit);
		narrow(p, &remote, overhead, &room);
	}
	return room;
}

static enum hm_fate send_hops(struct hm_path *p, struct hm_pkt *k, const struct way *way)
{
	int limit = way->limit;

	for (unsigned i = 0; i < way->n_hops; i++) {
		const struct hm_addr local = hm_addr_of(way->hops[i].local),
		                     remote = hm_addr_of(way->hops[i].remote);

		if (!hm_pkt_push(k, &local, &remote, limit))
			return drop(p, HM_STAT_DROP_NESTING);
		limit = limit_after(limit);
	}
	p->stats[way->n_hops > 0 ? HM_STAT_ENCAPSULATED : HM_STAT_NATIVE]++;
	return HM_FATE_SEND;
}

/* These tunnels are all this machine's, so no nest begins here; one that has begun goes on. */
static bool may_nest(const struct way *way)
{
	return way->n_hops == 0 || way->limit == HM_ENCAP_NO_LIMIT ||
	       way->limit + 1 >= (int)way->n_hops;
}

static int limit_of(const struct hm_pkt *k)
{
	return hm_pkt_next(k) == HM_NH_DSTOPTS ? hm_pkt_limit(k) : HM_ENCAP_NO_LIMIT;
}

/* A mobile host's own packet: the care-of address and the Home Address option towards a
 * correspondent that knows the binding, else the tunnels (PROTOCOL 7, RFC 6275 11.3.1). */
static enum hm_fate out_home(struct hm_path *p, struct hm_pkt *k, struct hm_item *home,
                             struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	/* The headers go in front of all others; behind Hop-by-Hop Options is left to tunnels. */
	bool plain = hm_pkt_next(k) != HM_NH_HOP_BY_HOP;
	struct hm_item *peer = plain ? hm_table_find(&p->table, HM_ITEM_PEER, &dst, NULL) : NULL;
	struct hm_item *own = plain ? hm_table_find(&p->table, HM_ITEM_OWN, &dst, &src) : NULL;
	const struct hm_tunnel_entry *entry = own ? own->entry : home->entry;
	struct way way = { peer, own, entry->hops, entry->n_hops, limit_of(k) };
	uint32_t room = room_in(p, &way, &dst);

	if (!may_nest(&way))
		return refuse_nesting(p, k, &src);
	if (k->len > room && k->len > HM_IP6_MTU_MIN)
		return too_big(p, k, &src, room);
	count_out(own ? own : home, k->len);
	if (peer) {
		count_out(peer, k->len);
		hm_path_report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, &src, ret_seen);
	}
	if ((peer && !hm_pkt_route(k, &peer->remote)) ||
	    (own && !hm_pkt_home(k, &own->local, peer != NULL)))
		return drop(p, HM_STAT_DROP_NESTING);
	if (peer || own)
		p->stats[HM_STAT_ROUTE_OPTIMISED_OUT]++;
	return send_hops(p, k, &way);
}

/* A mobility server or home agent puts its header around the packet or, asked to rewrite, its
 * addresses into the tunnel that is there. Not into a fragment of one: its number is the other
 * tunnel's, and may be in use in this one. */
static enum hm_fate encapsulate(struct hm_path *p, struct hm_pkt *k, struct hm_item *item,
                                bool first)
{
	struct hm_tunnel_head head = hm_pkt_tunnel(k);
	bool instead = item->rewrite && head.len > 0 && !head.fragment;
	int limit = instead ? HM_ENCAP_NO_LIMIT : hm_pkt_limit(k);
	uint32_t room = UINT32_MAX;

	if (limit < 0)
		return refuse_nesting(p, k, &item->local);
	if (first)
		narrow(p, &item->remote, instead ? 0 : hm_pkt_overhead(limit), &room);
	if (k->len > room && k->len > HM_IP6_MTU_MIN)
		return too_big(p, k, &item->local, room);
	count_out(item, k->len);
	if (instead) {
		hm_pkt_set_src(k, &item->local);
		hm_pkt_set_dst(k, &item->remote);
		p->stats[HM_STAT_REWRITTEN]++;
		return HM_FATE_SEND;
	}
	if (!hm_pkt_push(k, &item->local, &item->remote, limit))
		return drop(p, HM_STAT_DROP_NESTING);
	p->stats[HM_STAT_ENCAPSULATED]++;
	return HM_FATE_SEND;
}

/* A care-of address that is itself bound here, as after a handoff within this machine, is
 * followed. */
static enum hm_fate out_encap(struct hm_path *p, struct hm_pkt *k, struct hm_item *item)
{
	for (unsigned depth = 0; item; depth++) {
		enum hm_fate fate;

		if (depth == ENCAP_MAX)
			return drop(p, HM_STAT_DROP_NESTING);
		fate = encapsulate(p, k, item, depth == 0);
		if (fate != HM_FATE_SEND)
			return fate;
		item = hm_table_find(&p->table, HM_ITEM_ENCAP, &item->remote, NULL);
	}
	return HM_FATE_SEND;
}

static enum hm_fate out_peer(struct hm_path *p, struct hm_pkt *k, struct hm_item *peer,
                             struct hm_seen *ret_seen)
{
	struct hm_addr src = hm_pkt_src(k), from = hm_pkt_dst(k);
	uint32_t room = UINT32_MAX;

	if (hm_pkt_next(k) == HM_NH_HOP_BY_HOP) {
		p->stats[HM_STAT_NATIVE]++;
		return HM_FATE_SEND;
	}
	narrow(p, &peer->remote, HM_RO_LEN, &room);
	if (k->len > room && k->len > HM_IP6_MTU_MIN)
		return too_big(p, k, &from, room);
	count_out(peer, k->len);
	hm_path_report(p, HM_TUNNEL_SEEN_BOUND, &peer->a, &src, ret_seen);
	if (!hm_pkt_route(k, &peer->remote))
		return drop(p, HM_STAT_DROP_NESTING);
	p->stats[HM_STAT_ROUTE_OPTIMISED_OUT]++;
	return HM_FATE_SEND;
}

/* The longest prefix that holds the address, as in a routing table: a role's link may lie within
 * another role's prefix. */
static const struct hm_tunnel_prefix *find_prefix(const struct hm_path *p, const struct hm_addr *a)
{
	const struct hm_tunnel_prefix *best = NULL;

	for (uint32_t i = 0; i < p->n_prefixes; i++) {
		const struct hm_tunnel_prefix *at = &p->prefixes[i];
		const struct hm_addr prefix = hm_addr_of(at->prefix);

		if (hm_addr_in(a, &prefix, at->plen) && (!best || at->plen > best->plen))
			best = at;
	}
	return best;
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

static enum hm_fate out_inner(struct hm_path *p, struct hm_pkt *k, const struct hm_tunnel_entry *e,
                              unsigned hop)
{
	struct way way = { NULL, NULL, e->hops + hop, e->n_hops - hop, limit_of(k) };
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	uint32_t room = room_in(p, &way, &dst);

	if (!may_nest(&way))
		return refuse_nesting(p, k, &src);
	if (k->len > room && k->len > HM_IP6_MTU_MIN)
		return too_big(p, k, &src, room);
	return send_hops(p, k, &way);
}

static enum hm_fate choose(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	const struct hm_tunnel_entry *inner;
	struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);
	struct hm_item *item;
	unsigned hop = 0;

	if (hm_addr_is_multicast(&dst) || hm_addr_is_link_local(&dst) ||
	    hm_addr_is_link_local(&src) || hm_addr_is_any(&src))
		return drop(p, HM_STAT_DROP_SCOPE);
	item = p->n_home > 0 ? hm_table_find(&p->table, HM_ITEM_HOME, &src, NULL) : NULL;
	if (item)
		return out_home(p, k, item, ret_seen);
	inner = find_inner(p, &src, &hop);
	if (inner)
		return out_inner(p, k, inner, hop);
	item = hm_table_find(&p->table, HM_ITEM_ENCAP, &dst, NULL);
	if (item)
		return out_encap(p, k, item);
	item = hm_table_find(&p->table, HM_ITEM_PEER, &dst, NULL);
	if (item)
		return out_peer(p, k, item, ret_seen);
	return out_unbound(p, k, &dst);
}

void hm_path_expect(const struct hm_path *p, const struct hm_pkt *k, bool found)
{
	struct hm_addr dst;

	if (p->table.n_of[HM_ITEM_ENCAP] == 0 || k->len < HM_IP6_LEN)
		return;
	dst = hm_pkt_dst(k);
	if (found)
		hm_table_expect_item(&p->table, HM_ITEM_ENCAP, &dst);
	else
		hm_table_expect(&p->table, HM_ITEM_ENCAP, &dst);
}

enum hm_fate hm_path_out(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen)
{
	enum hm_fate fate;
	bool small;

	if (!hm_pkt_check(k))
		return drop(p, HM_STAT_DROP_MALFORMED);
	small = k->len <= HM_IP6_MTU_MIN;
	fate = choose(p, k, ret_seen);
	if (fate == HM_FATE_SEND && small && k->len > HM_IP6_MTU_MIN) {
		struct hm_addr src = hm_pkt_src(k), dst = hm_pkt_dst(k);

		k->may_split = true;
		k->mtu = hm_path_get_mtu(p, &dst);
		/* Not to be guessed, and other for each packet (RFC 7739). */
		k->fragment_id = spread(p, &src, &dst) + p->n_grown++;
	}
	return fate;
}
