/* Out of the tunnels' device: a packet of a mobile host, or to one. */
#ifndef HM_BPF_HOST_OUT_BPF_H
#define HM_BPF_HOST_OUT_BPF_H

#include "host.bpf.h"

struct out {
	struct ip6 ip6;               /* as it came */
	struct hm_host_addr src, dst; /* as it leaves, inside of the hops */
	bool from_home, has_own, has_peer;
	__u32 n_hops, opts;
	struct size size;
	struct hm_host_hop hops[HM_HOST_HOPS];
};

static __always_inline void take_own(struct out *o, const struct hm_host_own *own)
{
	o->has_own = true;
	o->src = own->local;
	o->opts += OPT_LEN;
	o->n_hops = own->n_hops;
	o->hops[0] = own->hop;
}

/* False: no entry says anything about it. */
static __always_inline bool find_out(struct out *o)
{
	/* The headers go in front of all others; behind Hop-by-Hop Options is left to tunnels. */
	bool plain = o->ip6.next != NH_HOP_BY_HOP, found = false;
	const struct hm_host_way *way = bpf_map_lookup_elem(&hm_h1_ways, &o->ip6.src);
	const struct hm_host_peer *peer = NULL;
	const struct hm_host_own *own = NULL;

	o->src = o->ip6.src;
	o->dst = o->ip6.dst;
	if (way) {
		found = true;
		o->from_home = way->is_home;
		o->n_hops = way->n_hops;
		__builtin_memcpy(o->hops, way->hops, sizeof o->hops);
	}
	if (!plain || (found && !o->from_home))
		return found;
	peer = bpf_map_lookup_elem(&hm_h1_peers, &o->ip6.dst);
	if (peer) {
		o->has_peer = true;
		o->dst = peer->remote;
		o->opts = OPT_LEN;
	}
	if (o->from_home) {
		struct hm_host_pair key = { o->ip6.dst, o->ip6.src };

		own = bpf_map_lookup_elem(&hm_h1_owns, &key);
	}
	if (own)
		take_own(o, own);
	return found || o->has_peer;
}

static __always_inline bool is_wider(const struct hm_host_addr *to, __u32 size)
{
	__u32 *mtu = bpf_map_lookup_elem(&hm_h1_mtus, to);

	return mtu && size > *mtu;
}

/* Whether it fits the path of everything around it. What does not is answered, or cut. */
static __always_inline bool fits_paths(const struct out *o)
{
	__u32 first = 0, size = o->size.largest + o->opts;
	const struct hm_host_conf *conf = bpf_map_lookup_elem(&hm_h1_conf, &first);

	if (!conf || !conf->has_mtus)
		return true;
	if ((o->opts > 0 || o->n_hops == 0) && is_wider(&o->dst, size))
		return false;
#pragma unroll
	for (__u32 i = 0; i < HM_HOST_HOPS; i++) {
		size += IP6_LEN;
		if (i < o->n_hops && is_wider(&o->hops[i].remote, size))
			return false;
	}
	return true;
}

/* The way to the outermost destination: FOUND, or the reason to pass. */
#define FOUND HM_HOST_STATS_END
static __always_inline __u32 find_route(struct __sk_buff *skb, const struct out *o,
                                        struct bpf_redir_neigh *ret_nh, __u32 *ret_ifindex)
{
	struct bpf_fib_lookup fib = { .family = FAMILY_IPV6, .ifindex = hm_tunnels };
	struct hm_host_hop end = { o->src, o->dst };
	__u32 around = o->opts + IP6_LEN * o->n_hops, mark = hm_mark;
	long err;

#pragma unroll
	for (__u32 i = 0; i < HM_HOST_HOPS; i++)
		if (i + 1 == o->n_hops)
			end = o->hops[i];
	if (skb->len - hm_out_l2 + around > LENGTH_MAX || !fits_paths(o))
		return HM_HOST_PASS_SIZE;
	fib.tot_len = o->size.largest + around;
	fib.flowinfo = o->ip6.first & bpf_htonl(0x0fffffff);
	__builtin_memcpy(fib.ipv6_src, &end.local, sizeof end.local);
	__builtin_memcpy(fib.ipv6_dst, &end.remote, sizeof end.remote);
	__builtin_memcpy(fib.smac, &mark, sizeof mark);
	err = bpf_fib_lookup(skb, &fib, sizeof fib, FIB_MARK);
	if (err == -22 /* EINVAL */)
		err = bpf_fib_lookup(skb, &fib, sizeof fib, 0);
	if (err == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return HM_HOST_PASS_SIZE;
	/* A neighbour yet to be found is not for here: what waits for one leaves by the route it
	 * had before. One that is known is kept in good state by what follows. */
	if (err != BPF_FIB_LKUP_RET_SUCCESS || fib.ifindex == hm_tunnels)
		return HM_HOST_PASS_ROUTE;
	if (skb->gso_size > 0 && o->n_hops > 1 && bpf_map_lookup_elem(&hm_h1_plain, &fib.ifindex))
		return HM_HOST_PASS_FORM;
	ret_nh->nh_family = FAMILY_IPV6;
	__builtin_memcpy(ret_nh->ipv6_nh, fib.ipv6_dst, sizeof fib.ipv6_dst);
	*ret_ifindex = fib.ifindex;
	return FOUND;
}

/* A super-packet of UDP may be a tunnel's of this machine already, which is found out too late when
 * other headers go in first. */
static __always_inline bool can_describe(const struct out *o)
{
	return o->n_hops == 0 || o->opts == 0 || o->ip6.next != NH_UDP;
}

/* Room for route optimisation's headers behind the packet's own, for hops in front of it. The
 * first hop is described to the kernel as what it is, for checksums and segmentation below.
 * TC_ACT_OK: there is room. */
static __always_inline int make_room(struct __sk_buff *skb, const struct out *o)
{
	bool changed = o->opts > 0;

	if (changed && bpf_skb_adjust_room(skb, (int)o->opts, BPF_ADJ_ROOM_NET, ROOM_FLAGS))
		return pass(HM_HOST_PASS_ROOM);
	if (o->n_hops == 0)
		return TC_ACT_OK;
	if (bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC,
	                        ROOM_FLAGS | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6)) {
		if (!changed)
			return pass(HM_HOST_PASS_ROOM);
		/* Already a tunnel's of this machine, and described as that. */
		if (skb->gso_size > 0 ||
		    bpf_skb_adjust_room(skb, IP6_LEN, BPF_ADJ_ROOM_MAC, ROOM_FLAGS))
			return drop();
	}
	if (o->n_hops > 1 && bpf_skb_adjust_room(skb, (int)(IP6_LEN * (o->n_hops - 1)),
	                                         BPF_ADJ_ROOM_MAC, ROOM_FLAGS))
		return drop();
	return TC_ACT_OK;
}

/* RFC 2473 5.1, RFC 6040 4.1: hop limit of our own, traffic class with its congestion field and
 * flow label of what is inside. */
static __always_inline bool write_hops(struct __sk_buff *skb, const struct out *o)
{
	__u32 inside = bpf_ntohs(o->ip6.payload) + IP6_LEN + o->opts;

	for (__u32 i = 0; i < HM_HOST_HOPS && i < o->n_hops; i++) {
		struct ip6 outer = { .first = o->ip6.first,
			             .payload = bpf_htons((__u16)(inside + IP6_LEN * i)),
			             .next = NH_IPV6,
			             .hop_limit = 64,
			             .src = o->hops[i].local,
			             .dst = o->hops[i].remote };

		if (bpf_skb_store_bytes(skb, hm_out_l2 + IP6_LEN * (o->n_hops - 1 - i), &outer,
		                        sizeof outer, 0))
			return false;
	}
	return true;
}

static __always_inline bool write_opts(struct __sk_buff *skb, const struct out *o)
{
	__u32 at = hm_out_l2 + IP6_LEN * o->n_hops;
	struct ip6 ip6 = o->ip6;
	struct opt route = { .len = 2, .b = { 2, 1 }, .addr = o->ip6.dst };
	struct opt home = { .len = 2, .b = { 1, 2, 0, 0, 0xc9, 16 }, .addr = o->ip6.src };

	home.next = o->ip6.next;
	route.next = o->has_own ? NH_DSTOPTS : o->ip6.next;
	ip6.next = o->has_peer ? NH_ROUTING : NH_DSTOPTS;
	ip6.payload = bpf_htons((__u16)(bpf_ntohs(ip6.payload) + o->opts));
	ip6.src = o->src;
	ip6.dst = o->dst;
	if (bpf_skb_store_bytes(skb, at, &ip6, sizeof ip6, 0))
		return false;
	at += IP6_LEN;
	if (o->has_peer && bpf_skb_store_bytes(skb, at, &route, sizeof route, 0))
		return false;
	at += o->has_peer ? OPT_LEN : 0;
	return !o->has_own || bpf_skb_store_bytes(skb, at, &home, sizeof home, 0) == 0;
}

static __always_inline void account_out(const struct out *o)
{
	if (o->has_own)
		count_out(counter(KIND_OWN, &o->ip6.dst, &o->ip6.src), &o->size);
	else if (o->from_home)
		count_out(counter(KIND_HOME, &o->ip6.src, NULL), &o->size);
	if (o->has_peer) {
		count_out(counter(KIND_PEER, &o->ip6.dst, NULL), &o->size);
		report(SEEN_BOUND, &o->ip6.dst, &o->ip6.src);
	}
	if (o->opts > 0)
		add_stat(HM_HOST_OPTIMISED_OUT);
	add_stat(o->n_hops > 0 ? HM_HOST_TUNNELLED_OUT : HM_HOST_NATIVE_OUT);
}

SEC("tc")
int hm_host_out(struct __sk_buff *skb)
{
	struct out o = { .n_hops = 0 };
	struct bpf_redir_neigh nh = { .nh_family = 0 };
	__u32 ifindex = 0, why;
	int verdict;

	if (skb->protocol != bpf_htons(ETH_P_IPV6) || !read_ip6(skb, hm_out_l2, &o.ip6) ||
	    is_special(&o.ip6.src) || is_special(&o.ip6.dst) || !find_out(&o))
		return PASS;
	o.size.octets = bpf_ntohs(o.ip6.payload) + IP6_LEN;
	/* A Tunnel Encapsulation Limit is not for here (PROTOCOL 7), nor a header to take it for.
	 */
	if (o.ip6.next == NH_DSTOPTS || o.size.octets != skb->len - hm_out_l2 ||
	    o.n_hops > HM_HOST_HOPS ||
	    !size_up(skb, hm_out_l2 + IP6_LEN, IP6_LEN, o.ip6.next, &o.size))
		return pass(HM_HOST_PASS_FORM);
	if (skb->gso_size > 0 && !can_describe(&o))
		return pass(HM_HOST_PASS_FORM);
	why = find_route(skb, &o, &nh, &ifindex);
	if (why != FOUND)
		return pass(why);
	verdict = make_room(skb, &o);
	if (verdict != TC_ACT_OK)
		return verdict;
	if ((o.opts > 0 && !write_opts(skb, &o)) || !write_hops(skb, &o) ||
	    (hm_out_l2 == 0 && bpf_skb_change_head(skb, ETH_HLEN, 0)))
		return drop();
	account_out(&o);
	skb->mark = hm_mark;
	return (int)bpf_redirect_neigh(ifindex, &nh, sizeof nh, 0);
}

#endif
