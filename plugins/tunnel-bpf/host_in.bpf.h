/* In from a link: a packet out of a mobile host's tunnels, or of an optimised route. */
#ifndef HM_BPF_HOST_IN_BPF_H
#define HM_BPF_HOST_IN_BPF_H

#include "host.bpf.h"

struct in {
	struct ip6 ip6;           /* inside of the tunnels; at last as it is delivered */
	struct hm_host_addr from; /* the far end of the innermost tunnel */
	__u32 tunnels, opts;      /* octets */
	bool marked;              /* congestion, by a tunnel */
	bool has_own, has_peer;
	struct hm_host_addr route, home;
	struct size size;
};

/* RFC 6040 4.2. False: to be dropped. */
static __always_inline bool join_ecn(struct in *in, const struct ip6 *inner)
{
	__u32 outside = bpf_ntohl(in->ip6.first) >> 20 & 3;
	__u32 first = bpf_ntohl(inner->first), inside = first >> 20 & 3;

	if (outside == ECN_CE && inside == 0)
		return false;
	if (inside == 0 || (outside != ECN_CE && (outside != ECN_ECT1 || inside != ECN_ECT0)))
		outside = inside;
	in->marked |= outside != inside;
	in->ip6 = *inner;
	in->ip6.first = bpf_htonl((first & ~(3u << 20)) | outside << 20);
	return true;
}

/* False: not all of it is a mobile host's tunnel in good form. */
static __always_inline bool unpack(struct __sk_buff *skb, struct in *in)
{
	for (__u32 i = 0; i < HM_HOST_HOPS && in->ip6.next == NH_IPV6; i++) {
		struct hm_host_pair end = { in->ip6.dst, in->ip6.src };
		struct ip6 inner;

		if (!bpf_map_lookup_elem(&hm_h1_ends, &end) ||
		    !read_ip6(skb, ETH_HLEN + in->tunnels + IP6_LEN, &inner) ||
		    bpf_ntohs(inner.payload) + IP6_LEN != bpf_ntohs(in->ip6.payload))
			return false;
		in->from = in->ip6.src;
		if (!join_ecn(in, &inner))
			return false;
		in->tunnels += IP6_LEN;
	}
	return in->ip6.next != NH_IPV6;
}

/* The headers in the one form that data packets have; any other is not for here. */
static __always_inline bool read_opts(struct __sk_buff *skb, struct in *in, __u8 *ret_next)
{
	__u32 at = ETH_HLEN + in->tunnels + IP6_LEN;
	__u8 next = in->ip6.next;
	struct opt opt;

	if (next == NH_ROUTING) {
		if (bpf_skb_load_bytes(skb, at, &opt, sizeof opt) || opt.len != 2 ||
		    opt.b[0] != 2 || opt.b[1] != 1)
			return false;
		in->has_own = true;
		in->route = opt.addr;
		next = opt.next;
		in->opts = OPT_LEN;
	}
	if (next == NH_DSTOPTS) {
		if (bpf_skb_load_bytes(skb, at + in->opts, &opt, sizeof opt) || opt.len != 2 ||
		    opt.b[0] != 1 || opt.b[1] != 2 || opt.b[4] != 0xc9 || opt.b[5] != 16)
			return false;
		in->has_peer = true;
		in->home = opt.addr;
		next = opt.next;
		in->opts += OPT_LEN;
	}
	*ret_next = next;
	return in->opts <= bpf_ntohs(in->ip6.payload);
}

/* An address of this machine's, by its routing table. */
static __always_inline bool is_local(struct __sk_buff *skb, const struct hm_host_addr *a)
{
	struct bpf_fib_lookup fib = { .family = FAMILY_IPV6, .ifindex = hm_tunnels };

	__builtin_memcpy(fib.ipv6_dst, a, sizeof *a);
	return bpf_fib_lookup(skb, &fib, sizeof fib, 0) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __always_inline bool is_ours(struct __sk_buff *skb, const struct in *in,
                                    const struct hm_host_peer *peer)
{
	struct hm_host_pair end = { .a = in->ip6.dst };
	const struct hm_host_way *way;

	if (peer && same(&peer->local, &in->ip6.dst))
		return true;
	if (bpf_map_lookup_elem(&hm_h1_ends, &end))
		return true;
	way = bpf_map_lookup_elem(&hm_h1_ways, &in->ip6.dst);
	if (way && way->is_home)
		return true;
	return peer && is_zero(&peer->local) && is_local(skb, &in->ip6.dst);
}

/* Whether both halves fit a binding (RFC 6275 9.3.1, 11.3.3). */
static __always_inline bool fit(struct __sk_buff *skb, const struct in *in)
{
	const struct hm_host_peer *peer = NULL;
	const struct hm_host_own *own;
	struct hm_host_pair key = { .a = in->ip6.src, .b = in->route };

	if (in->has_peer) {
		peer = bpf_map_lookup_elem(&hm_h1_peers, &in->home);
		if (!peer || !same(&peer->remote, &in->ip6.src))
			return false;
		key.a = in->home;
	}
	if (!in->has_own)
		return is_ours(skb, in, peer);
	own = bpf_map_lookup_elem(&hm_h1_owns, &key);
	return own && same(&own->local, &in->ip6.dst);
}

/* Data, and not what the kernel believes more when it comes by a link: Neighbour Discovery, whose
 * sender a tunnel hides. */
static __always_inline bool is_data(struct __sk_buff *skb, const struct in *in, __u8 next)
{
	__u8 type;

	if (next == NH_ICMPV6)
		return bpf_skb_load_bytes(skb, ETH_HLEN + in->tunnels + IP6_LEN + in->opts, &type,
		                          1) == 0 &&
		       (type < ICMPV6_ND_FIRST || type > ICMPV6_ND_LAST);
	return next == NH_TCP || next == NH_UDP || next == NH_ESP || next == NH_SCTP;
}

/* The packet as its sender's upper layers made it. */
static __always_inline void restore(struct in *in, __u8 next)
{
	in->ip6.next = next;
	in->ip6.payload = bpf_htons((__u16)(bpf_ntohs(in->ip6.payload) - in->opts));
	if (in->has_own)
		in->ip6.dst = in->route;
	if (in->has_peer)
		in->ip6.src = in->home;
}

static __always_inline void account_in(const struct in *in)
{
	const struct hm_host_way *way;

	if (in->tunnels > 0)
		add_stat(HM_HOST_TUNNELLED_IN);
	if (in->opts > 0)
		add_stat(HM_HOST_OPTIMISED_IN);
	if (in->has_own)
		count_in(counter(KIND_OWN, &in->ip6.src, &in->ip6.dst), &in->size);
	if (in->has_peer) {
		count_in(counter(KIND_PEER, &in->ip6.src, NULL), &in->size);
		report(SEEN_BOUND, &in->ip6.src, &in->ip6.dst);
	}
	if (in->opts > 0)
		return;
	way = bpf_map_lookup_elem(&hm_h1_ways, &in->ip6.dst);
	if (!way || !way->is_home)
		return;
	count_in(counter(KIND_HOME, &in->ip6.dst, NULL), &in->size);
	if (way->n_hops > 0 && same(&way->hops[0].remote, &in->from))
		report(SEEN_TUNNELLED, &in->ip6.dst, &in->ip6.src);
}

static __always_inline int take_off(struct __sk_buff *skb, const struct in *in)
{
	if (in->tunnels > 0 &&
	    bpf_skb_adjust_room(skb, -(int)in->tunnels, BPF_ADJ_ROOM_MAC, ROOM_FLAGS))
		return pass(HM_HOST_PASS_ROOM);
	if (in->opts > 0 && bpf_skb_adjust_room(skb, -(int)in->opts, BPF_ADJ_ROOM_NET, ROOM_FLAGS))
		return in->tunnels > 0 ? drop() : pass(HM_HOST_PASS_ROOM);
	/* A checksum the device made over the whole packet stays that of what is left. */
	if ((in->opts > 0 || in->marked) &&
	    bpf_skb_store_bytes(skb, ETH_HLEN, &in->ip6, sizeof in->ip6, BPF_F_RECOMPUTE_CSUM))
		return drop();
	account_in(in);
	return PASS;
}

SEC("tc")
int hm_host_in(struct __sk_buff *skb)
{
	struct in in = { .tunnels = 0 };
	__u8 next;

	if (skb->protocol != bpf_htons(ETH_P_IPV6) || skb->pkt_type != PACKET_HOST ||
	    skb->vlan_present || !read_ip6(skb, ETH_HLEN, &in.ip6))
		return PASS;
	if (in.ip6.next != NH_IPV6 && in.ip6.next != NH_ROUTING && in.ip6.next != NH_DSTOPTS)
		return PASS;
	if (bpf_ntohs(in.ip6.payload) + IP6_LEN != skb->len - ETH_HLEN || !unpack(skb, &in) ||
	    !read_opts(skb, &in, &next) || !is_data(skb, &in, next))
		return PASS;
	if (in.opts > 0 ? !fit(skb, &in) : !is_ours(skb, &in, NULL))
		return PASS;
	in.size.octets = bpf_ntohs(in.ip6.payload) + IP6_LEN - in.opts;
	if (!size_up(skb, ETH_HLEN + in.tunnels + IP6_LEN + in.opts, IP6_LEN, next, &in.size))
		return pass(HM_HOST_PASS_FORM);
	restore(&in, next);
	if (is_special(&in.ip6.src) || is_special(&in.ip6.dst))
		return PASS;
	return take_off(skb, &in);
}

#endif
