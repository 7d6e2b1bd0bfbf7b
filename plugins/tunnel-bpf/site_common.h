/* What the site's programs for XDP and for tc have in common: maps, the look-up of bindings and of
 * next hops, headers. Included by site.bpf.c alone. */
#ifndef HM_BPF_SITE_COMMON_H
#define HM_BPF_SITE_COMMON_H

#include "shared.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET6 10
#define TUNNEL_HOP_LIMIT 64
#define NH_HOP_BY_HOP 0
#define NH_TCP 6
#define NH_UDP 17
#define NH_IPV6 41
#define NH_FRAGMENT 44
#define NH_ICMPV6 58
#define NH_DSTOPTS 60
#define NH_ROUTING 43
#define ND_FIRST 133 /* types of Neighbor Discovery (RFC 4861 4) */
#define ND_LAST 137
#define ECN_MASK 3u
#define ECN_CE 3u
#define ECN_ECT1 1u
#define MTU_NONE 0xffffu
/* One in so many packets to a binding looks its next hop up although it is known, so that the
 * kernel hears that the neighbour is in use. A power of two; and in the same 2^27 ns, 134 ms, only
 * one does, for it costs as much as ten packets. */
#define SAMPLE 128u
#define SAMPLE_SHIFT 27

#define ALWAYS static __attribute__((always_inline))
#define GLOBAL __attribute__((noinline))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hm_site_config);
} hm_site_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set by the daemon */
	__type(key, __u32);
	__type(value, struct hm_site_slot);
} hm_site_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set by the daemon */
	__type(key, __u32);
	__type(value, struct hm_site_inbound);
} hm_site_inbound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct hm_site_neighbour);
	__type(value, __u64); /* last looked up, bpf_ktime_get_ns() */
} hm_site_used SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct hm_site_addr);
	__type(value, struct hm_site_mtu);
} hm_site_mtus SEC(".maps");

/* Of ports: a redirect by it costs less than one by the number of an interface. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, HM_SITE_PORTS);
	__type(key, __u32);
	__type(value, __u32); /* interface */
} hm_site_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HM_SITE_STATS_END);
	__type(key, __u32);
	__type(value, __u64);
} hm_site_stats SEC(".maps");

/* A binding as it was found: the daemon may write its slot meanwhile. */
struct found {
	struct hm_site_addr remote, local;
	__u64 next_hop;
	__u32 index;   /* of the slot */
	__u16 packets; /* counted so far, the low bits */
	__u16 flags;
};

/* What is known of one packet. */
struct job {
	struct hm_site_config *config;
	struct hm_site_slot *slot;
	struct found b;
	__u32 ingress;
};

ALWAYS void count(__u32 stat)
{
	__u64 *n = bpf_map_lookup_elem(&hm_site_stats, &stat);

	if (n)
		++*n;
}

ALWAYS struct hm_site_addr load(const struct in6_addr *a)
{
	struct hm_site_addr v;

	__builtin_memcpy(&v, a, sizeof v);
	return v;
}

ALWAYS bool same(const struct hm_site_addr *a, const struct hm_site_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1];
}

ALWAYS struct hm_site_config *config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&hm_site_config, &zero);
}

ALWAYS bool is_in(const struct hm_site_prefix *p, const struct hm_site_addr *a)
{
	return (a->w[0] & p->mask.w[0]) == p->net.w[0] && (a->w[1] & p->mask.w[1]) == p->net.w[1];
}

/* The functions with loops are global ones: the kernel verifies those once, and not again for each
 * way that leads to them. */

GLOBAL int hm_is_local(const struct hm_site_addr *a)
{
	const struct hm_site_config *c = config();

	for (__u32 i = 0; c && a && i < HM_SITE_LOCALS && i < c->n_locals; i++)
		if (same(&c->locals[i], a))
			return 1;
	return 0;
}

/* Whether an address may be bound here at all. */
GLOBAL int hm_is_gated(const struct hm_site_addr *a)
{
	const struct hm_site_config *c = config();

	if (!c || !a)
		return 0;
	for (__u32 i = 0; i < HM_SITE_PREFIXES && i < c->n_prefixes; i++)
		if (is_in(&c->prefixes[i], a))
			return 1;
	return c->any != 0;
}

/* Most sites have one prefix and one tunnel end: no call for those. */
ALWAYS bool is_local(const struct hm_site_config *c, const struct hm_site_addr *a)
{
	return c->n_locals > 0 && (same(&c->locals[0], a) || (c->n_locals > 1 && hm_is_local(a)));
}

ALWAYS bool is_gated(const struct hm_site_config *c, const struct hm_site_addr *a)
{
	if (c->n_prefixes > 0 && is_in(&c->prefixes[0], a))
		return true;
	return (c->n_prefixes > 1 || c->any) && hm_is_gated(a);
}

/* Loads before it happen before those after it. x86 does not reorder loads. */
ALWAYS void order_loads(struct hm_site_config *c)
{
#ifdef HM_WEAK_ORDER
	__sync_fetch_and_add(&c->spare, 0);
#else
	(void)c;
	__asm__ volatile("" ::: "memory");
#endif
}

ALWAYS void copy(struct hm_site_config *c, const struct hm_site_slot *s, struct found *ret)
{
	ret->remote = s->remote;
	ret->flags = s->flags;
	ret->packets = (__u16)s->packets_out;
	ret->next_hop = *(volatile __u64 *)&s->next_hop;
	ret->local = c->locals[s->local & (HM_SITE_LOCALS - 1)];
}

/* Finds the binding and copies what it says. 0: there is none, or it is being written. */
GLOBAL int hm_find(const struct hm_site_addr *match, struct found *ret)
{
	struct hm_site_config *c = config();
	__u32 why = HM_SITE_STAT_PASS_UNBOUND, at;

	if (!c || !match || !ret)
		return 0;
	at = hm_site_first(c, match);
	for (__u32 i = 0; i < HM_SITE_PROBE; i++, at++) {
		struct hm_site_slot *s = bpf_map_lookup_elem(&hm_site_slots, &at);
		__u16 version;

		if (!s)
			break;
		version = *(volatile __u16 *)&s->version;
		order_loads(c);
		if (version & 1)
			why = HM_SITE_STAT_PASS_BUSY;
		else if (!(s->flags & HM_SITE_USED))
			break;
		if (!same(&s->match, match))
			continue;
		ret->index = at;
		copy(c, s, ret);
		order_loads(c);
		if (!(version & 1) && *(volatile __u16 *)&s->version == version)
			return 1;
		why = HM_SITE_STAT_PASS_BUSY;
		break;
	}
	count(why);
	return 0;
}

/* As hm_find(), for a binding in the first two slots: most are. The two lines are asked for before
 * either is looked at, for with many bindings what costs is waiting for them. */
ALWAYS bool find_near(struct job *j, const struct hm_site_addr *match)
{
	__u32 at = hm_site_first(j->config, match), next = at + 1;
	struct hm_site_slot *s = bpf_map_lookup_elem(&hm_site_slots, &at);
	struct hm_site_slot *t = bpf_map_lookup_elem(&hm_site_slots, &next);
	__u64 first, second;
	__u16 version;

	if (!s || !t)
		return false;
	first = *(volatile __u64 *)&s->match.w[1];
	second = *(volatile __u64 *)&t->match.w[1];
	if (first != match->w[1] && second == match->w[1]) {
		s = t;
		at = next;
	}
	version = *(volatile __u16 *)&s->version;
	order_loads(j->config);
	if ((version & 1) || !same(&s->match, match) || !(s->flags & HM_SITE_USED))
		return false;
	copy(j->config, s, &j->b);
	order_loads(j->config);
	j->b.index = at;
	j->slot = s;
	return *(volatile __u16 *)&s->version == version;
}

/* Into the job. False: the packet passes on. */
ALWAYS bool find(struct job *j, const struct hm_site_addr *match)
{
	if (find_near(j, match))
		return true;
	if (!hm_find(match, &j->b))
		return false;
	j->slot = bpf_map_lookup_elem(&hm_site_slots, &j->b.index);
	return j->slot;
}

/* The port at which the interface is, if it is a port: the caller compares. */
ALWAYS struct hm_site_port *port_of(struct hm_site_config *c, __u32 ifindex)
{
	return &c->ports[ifindex & (HM_SITE_PORTS - 1)];
}

/* Tells the daemon which neighbour is in use. */
ALWAYS void note_use(const struct bpf_fib_lookup *fib)
{
	struct hm_site_neighbour key = { .ifindex = fib->ifindex };
	__u64 now = bpf_ktime_get_ns();

	__builtin_memcpy(&key.addr, fib->ipv6_dst, sizeof key.addr);
	bpf_map_update_elem(&hm_site_used, &key, &now, BPF_ANY);
}

/* What a path of its own narrower MTU carries; MTU_NONE: none is known. */
ALWAYS __u32 path_mtu(const struct hm_site_addr *remote)
{
	struct hm_site_mtu *m = bpf_map_lookup_elem(&hm_site_mtus, remote);

	return m && m->until_ns > bpf_ktime_get_ns() ? m->mtu : MTU_NONE;
}

/* The remote end may itself be bound here, as after a handoff within this machine. */
ALWAYS bool is_chained(const struct job *j)
{
	struct hm_site_addr remote = j->b.remote;
	struct found other = { 0 };

	return hm_is_gated(&remote) && hm_find(&remote, &other);
}

/* The daemon may have written the slot since it was read: then the word is another binding's, and
 * is taken back. Either this sees its writing, or it finds the word and clears it. */
ALWAYS void remember(const struct job *j, __u64 word)
{
	struct hm_site_slot *s = j->slot;

	(void)__sync_lock_test_and_set(&s->next_hop, word); /* and a barrier */
	if ((*(volatile __u16 *)&s->version & 1) || !same(&s->remote, &j->b.remote))
		(void)__sync_val_compare_and_swap(&s->next_hop, word, 0);
}

/* Asks the kernel where packets of `size` to the remote end go: destination MAC and port, as in
 * next_hop. Remembered when nothing but the interface limits the size. 0: the kernel must see to
 * it. */
static __attribute__((noinline)) __u64 look_up(void *ctx, struct job *j, __u32 size)
{
	struct bpf_fib_lookup fib = { .family = AF_INET6, .l4_protocol = NH_IPV6 };
	struct hm_site_port *port;
	__u64 word = 0;
	__u32 narrow;

	if (!ctx || !j || is_chained(j))
		return 0;
	count(HM_SITE_STAT_LOOKED_UP);
	narrow = path_mtu(&j->b.remote);
	if (size > narrow)
		return 0;
	fib.tot_len = size;
	fib.ifindex = j->ingress;
	__builtin_memcpy(fib.ipv6_src, &j->b.local, sizeof j->b.local);
	__builtin_memcpy(fib.ipv6_dst, &j->b.remote, sizeof j->b.remote);
	if (bpf_fib_lookup(ctx, &fib, sizeof fib, 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	port = port_of(j->config, fib.ifindex);
	if (port->ifindex != fib.ifindex)
		return 0;
	for (int i = 0; i < ETH_ALEN; i++)
		word = word << 8 | fib.dmac[i];
	word = word << 16 | (fib.ifindex & (HM_SITE_PORTS - 1)) << 8;
	word |= hm_site_generation(j->config, word);
	note_use(&fib);
	if (narrow == MTU_NONE && fib.mtu_result >= port->mtu && !(j->b.flags & HM_SITE_ONE_WAY))
		remember(j, word);
	return word;
}

ALWAYS bool is_sample(const struct job *j)
{
	volatile __u32 *last = &j->slot->sampled;
	__u32 now;

	if (j->b.packets % SAMPLE != SAMPLE - 1)
		return false;
	now = (__u32)(bpf_ktime_get_ns() >> SAMPLE_SHIFT);
	if (*last == now)
		return false;
	*last = now;
	return true;
}

ALWAYS struct hm_site_port *next_port(void *ctx, struct job *j, __u32 size)
{
	struct hm_site_port *port;

	if (!j->b.next_hop || (__u8)j->b.next_hop != hm_site_generation(j->config, j->b.next_hop) ||
	    is_sample(j))
		j->b.next_hop = look_up(ctx, j, size);
	if (!j->b.next_hop) {
		/* What one packet in so many found out holds for all. */
		*(volatile __u64 *)&j->slot->next_hop = 0;
		count(HM_SITE_STAT_PASS_NEXT_HOP);
		return 0;
	}
	port = &j->config->ports[(j->b.next_hop >> 8) & (HM_SITE_PORTS - 1)];
	if (!port->ifindex) {
		count(HM_SITE_STAT_PASS_NEXT_HOP);
		return 0;
	}
	if (size > port->mtu) {
		count(HM_SITE_STAT_PASS_TOO_BIG);
		return 0;
	}
	return port;
}

ALWAYS void write_eth(struct ethhdr *eth, const struct job *j, const struct hm_site_port *port)
{
	for (int i = 0; i < ETH_ALEN; i++)
		eth->h_dest[i] = (__u8)(j->b.next_hop >> (56 - 8 * i));
	__builtin_memcpy(eth->h_source, port->mac, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IPV6);
}

/* Everything of the outer header but what the inner one gives it. */
ALWAYS void write_outer(struct ipv6hdr *outer, const struct ipv6hdr *inner, const struct job *j)
{
	__builtin_memcpy(outer, inner, 4); /* version, traffic class, flow label */
	outer->payload_len = bpf_htons(bpf_ntohs(inner->payload_len) + sizeof *outer);
	outer->nexthdr = NH_IPV6;
	outer->hop_limit = TUNNEL_HOP_LIMIT;
	__builtin_memcpy(&outer->saddr, &j->b.local, sizeof outer->saddr);
	__builtin_memcpy(&outer->daddr, &j->b.remote, sizeof outer->daddr);
}

/* Scopes that do not go through tunnels, and headers that every node on the way must see. */
ALWAYS bool is_plain(const struct ipv6hdr *ip)
{
	__u8 s = ip->saddr.s6_addr[0], d = ip->daddr.s6_addr[0];

	return ip->version == 6 && ip->hop_limit > 1 && ip->nexthdr != NH_HOP_BY_HOP && s != 0xff &&
	       s != 0xfe && s != 0 && d != 0xff && d != 0xfe && ip->payload_len != 0;
}

/* A packet that may carry a Tunnel Encapsulation Limit, or that begins one as a tunnel in a tunnel
 * (PROTOCOL 6), is the other plane's to encapsulate. */
ALWAYS bool may_be_limited(const struct ipv6hdr *ip, const void *end)
{
	const struct ipv6hdr *inner = ip + 1;

	if (ip->nexthdr != NH_IPV6)
		return ip->nexthdr == NH_DSTOPTS;
	return (const void *)(inner + 1) > end || inner->nexthdr == NH_IPV6 ||
	       inner->nexthdr == NH_DSTOPTS || inner->nexthdr == NH_FRAGMENT;
}

/* Neighbor Discovery: about an address bound here it is for this machine to answer. */
ALWAYS bool asks_neighbour(const struct ipv6hdr *ip, const void *end)
{
	const __u8 *type = (const void *)(ip + 1);

	return ip->nexthdr == NH_ICMPV6 &&
	       ((const void *)(type + 1) > end || (*type >= ND_FIRST && *type <= ND_LAST));
}

ALWAYS void count_out(struct hm_site_slot *s, __u32 octets)
{
	__sync_fetch_and_add(&s->packets_out, 1);
	__sync_fetch_and_add(&s->octets_out, octets);
}

/* RFC 6040 4.2: the mark of the inner packet once the outer header is gone; 4: drop it. */
ALWAYS __u8 joined_mark(__u8 outer, __u8 inner)
{
	if (outer == ECN_CE)
		return inner ? ECN_CE : 4;
	return outer == ECN_ECT1 && inner == 2 ? ECN_ECT1 : inner;
}

ALWAYS __u8 mark_of(const struct ipv6hdr *ip)
{
	return ip->flow_lbl[0] >> 4 & ECN_MASK;
}

/* Whether the inner packet may come out of this tunnel: its source must be the one bound to the
 * outer source. `room`: octets there are from the outer header on. */
ALWAYS bool may_unpack(struct job *j, const struct ipv6hdr *outer, __u32 room)
{
	const struct ipv6hdr *inner = outer + 1;
	struct hm_site_addr source = load(&inner->saddr), remote = load(&outer->saddr),
	                    local = load(&outer->daddr);
	__u32 size = sizeof *inner + bpf_ntohs(inner->payload_len);

	if (outer->version != 6 || bpf_ntohs(outer->payload_len) != size ||
	    size + sizeof *outer > room || !is_plain(inner) ||
	    joined_mark(mark_of(outer), mark_of(inner)) > ECN_MASK)
		return false;
	return find(j, &source) && same(&j->b.remote, &remote) && same(&j->b.local, &local) &&
	       !(j->b.flags & HM_SITE_ONE_WAY);
}

ALWAYS void set_mark(struct ipv6hdr *ip, __u8 mark)
{
	ip->flow_lbl[0] = (__u8)((ip->flow_lbl[0] & ~(ECN_MASK << 4)) | mark << 4);
}

ALWAYS void count_in(struct job *j, __u32 octets)
{
	struct hm_site_inbound *in = bpf_map_lookup_elem(&hm_site_inbound, &j->b.index);

	if (!in)
		return;
	__sync_fetch_and_add(&in->packets, 1);
	__sync_fetch_and_add(&in->octets, octets);
}

#endif
