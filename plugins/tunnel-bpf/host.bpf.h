/* What both directions of the host's programs have in common: maps, packets, counting. */
#ifndef HM_BPF_HOST_BPF_H
#define HM_BPF_HOST_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "host_maps.h"

#define PASS TC_ACT_UNSPEC /* whoever else has a filter here is asked */

#define FAMILY_IPV6 10
#define IP6_LEN 40
#define OPT_LEN 24
#define LENGTH_MAX 65535

#define NH_HOP_BY_HOP 0
#define NH_TCP 6
#define NH_UDP 17
#define NH_IPV6 41
#define NH_ROUTING 43
#define NH_ESP 50
#define NH_ICMPV6 58
#define NH_DSTOPTS 60
#define NH_SCTP 132

#define PACKET_HOST 0

#define ICMPV6_ND_FIRST 133
#define ICMPV6_ND_LAST 137

#define ECN_ECT1 1
#define ECN_ECT0 2
#define ECN_CE 3

/* enum hm_tunnel_kind and enum hm_tunnel_seen; hmipd-plugin.h is not for programs. */
#define KIND_HOME 1
#define KIND_OWN 2
#define KIND_PEER 3
#define SEEN_TUNNELLED 0
#define SEEN_BOUND 1

/* Younger than the headers this may be built with (Linux 6.10); refused by an older kernel. */
#define FIB_MARK 32u

#define ROOM_FLAGS (BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET)

#define MAP(map_name, map_type, entries, flags, key_type, value_type)                              \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(max_entries, entries);                                                      \
		__uint(map_flags, flags);                                                          \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} map_name SEC(".maps")
#define GROWING BPF_F_NO_PREALLOC

MAP(hm_h1_ways, BPF_MAP_TYPE_HASH, HM_HOST_WAYS, 0, struct hm_host_addr, struct hm_host_way);
MAP(hm_h1_owns, BPF_MAP_TYPE_HASH, HM_HOST_OWNS, GROWING, struct hm_host_pair, struct hm_host_own);
MAP(hm_h1_peers, BPF_MAP_TYPE_HASH, HM_HOST_PEERS, GROWING, struct hm_host_addr,
    struct hm_host_peer);
MAP(hm_h1_ends, BPF_MAP_TYPE_HASH, HM_HOST_ENDS, GROWING, struct hm_host_pair, __u32);
MAP(hm_h1_counts, BPF_MAP_TYPE_HASH, HM_HOST_COUNTS, GROWING, struct hm_host_key,
    struct hm_host_count);
MAP(hm_h1_mtus, BPF_MAP_TYPE_LRU_HASH, HM_HOST_MTUS, 0, struct hm_host_addr, __u32);
MAP(hm_h1_seen, BPF_MAP_TYPE_LRU_HASH, HM_HOST_SEEN, 0, struct hm_host_key, __u32);
MAP(hm_h1_stats, BPF_MAP_TYPE_PERCPU_ARRAY, HM_HOST_STATS_END, 0, __u32, __u64);
MAP(hm_h1_conf, BPF_MAP_TYPE_ARRAY, 1, 0, __u32, struct hm_host_conf);
/* Interfaces that segment a tunnel in hardware, and would not know what to do with two. */
MAP(hm_h1_plain, BPF_MAP_TYPE_HASH, HM_HOST_PLAIN, GROWING, __u32, __u32);

/* The mark of packets that are past all tunnels. */
const volatile __u32 hm_mark;
/* The tunnels' device. It counts as a router's, or the kernel would refuse to look up a route. */
const volatile __u32 hm_tunnels;
/* Octets of link-layer header in front of what hm_host_out gets. */
const volatile __u32 hm_out_l2;

struct ip6 {
	__be32 first; /* version, traffic class, flow label */
	__be16 payload;
	__u8 next, hop_limit;
	struct hm_host_addr src, dst;
};

/* A type 2 routing header, or a Destination Options header with one Home Address option. */
struct opt {
	__u8 next, len, b[6];
	struct hm_host_addr addr;
};

static __always_inline bool same(const struct hm_host_addr *a, const struct hm_host_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1];
}

static __always_inline bool is_zero(const struct hm_host_addr *a)
{
	return (a->w[0] | a->w[1]) == 0;
}

/* Multicast, of the link, or none at all. */
static __always_inline bool is_special(const struct hm_host_addr *a)
{
	__u64 top = bpf_be64_to_cpu(a->w[0]);

	return top >> 56 == 0xff || top >> 54 == 0x3fa || is_zero(a);
}

static __always_inline void add_stat(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&hm_h1_stats, &which);

	if (n)
		*n += 1;
}

static __always_inline int pass(__u32 why)
{
	add_stat(why);
	return PASS;
}

static __always_inline int drop(void)
{
	add_stat(HM_HOST_DROP_ROOM);
	return TC_ACT_SHOT;
}

/* The tick reports each pair once and takes it out again. */
static __always_inline void report(__u32 what, const struct hm_host_addr *home,
                                   const struct hm_host_addr *peer)
{
	struct hm_host_key key = { .kind = what, .a = *home, .b = *peer };
	__u32 one = 1;

	if (!bpf_map_lookup_elem(&hm_h1_seen, &key))
		(void)bpf_map_update_elem(&hm_h1_seen, &key, &one, BPF_ANY);
}

static __always_inline bool read_ip6(struct __sk_buff *skb, __u32 at, struct ip6 *ret_ip6)
{
	return bpf_skb_load_bytes(skb, at, ret_ip6, sizeof *ret_ip6) == 0 &&
	       (ret_ip6->first & bpf_htonl(0xf0000000)) == bpf_htonl(0x60000000);
}

/* How a packet counts: as the packets it is on the wire. */
struct size {
	__u32 packets, octets;
	__u32 largest; /* of them */
};

/* `len` octets from the IPv6 header on, `front` of them before the transport header, which stands
 * at `at`. False: a super-packet whose segments are not known. */
static __always_inline bool size_up(struct __sk_buff *skb, __u32 at, __u32 front, __u8 next,
                                    struct size *size)
{
	__u32 gso = skb->gso_size, header = 8, len = size->octets;
	__u8 offset = 0;

	size->packets = 1;
	size->largest = len;
	if (gso == 0)
		return true;
	if (next == NH_TCP && bpf_skb_load_bytes(skb, at + 12, &offset, 1) == 0)
		header = (offset >> 4) * 4;
	else if (next != NH_UDP)
		return false;
	header += front;
	if (len <= header)
		return false;
	size->packets = (len - header + gso - 1) / gso;
	size->octets += (size->packets - 1) * header;
	if (size->packets > 1)
		size->largest = header + gso;
	return true;
}

static __always_inline struct hm_host_count *counter(__u32 kind, const struct hm_host_addr *match,
                                                     const struct hm_host_addr *home)
{
	struct hm_host_key key = { .kind = kind, .a = *match };

	if (home)
		key.b = *home;
	return bpf_map_lookup_elem(&hm_h1_counts, &key);
}

static __always_inline void count_out(struct hm_host_count *c, const struct size *size)
{
	if (!c)
		return;
	__sync_fetch_and_add(&c->packets_out, size->packets);
	__sync_fetch_and_add(&c->octets_out, size->octets);
}

static __always_inline void count_in(struct hm_host_count *c, const struct size *size)
{
	if (!c)
		return;
	__sync_fetch_and_add(&c->packets_in, size->packets);
	__sync_fetch_and_add(&c->octets_in, size->octets);
}

#endif
