/* What the programs of the site and the daemon share: the layout of their maps. Included by both
 * sides, and kept over restarts: HM_SITE_LAYOUT changes with every change below it.
 *
 * The table is an array that the daemon maps into its memory: it writes a binding as fast as it
 * writes memory, and a program finds one with one access to a cold cache line. The daemon is the
 * only writer of bindings and guards each slot by a version, odd while it writes; programs write
 * next_hop, in one store, and add to the counters. A program that meets a slot being written lets
 * the packet pass on: the slower way serves it. */
#ifndef HM_BPF_SHARED_H
#define HM_BPF_SHARED_H

#include <linux/types.h>

#define HM_SITE_MAGIC 0x484d5354u /* "HMST" */
#define HM_SITE_LAYOUT 2u

#define HM_SITE_PROBE 32u /* slots looked at from the first one a hash names */
#define HM_SITE_PREFIXES 16u
#define HM_SITE_LOCALS 16u
#define HM_SITE_PORTS 256u /* a port is an interface by the low octet of its index */

enum hm_site_flag {
	HM_SITE_USED = 1,
	HM_SITE_ONE_WAY = 2,
	HM_SITE_REWRITE = 4,
};

/* Addresses are pairs of words as they lie in memory, never compared but for equality. */
struct hm_site_addr {
	__u64 w[2];
};

/* One cache line. */
struct hm_site_slot {
	struct hm_site_addr match;  /* the GCoA or home address */
	struct hm_site_addr remote; /* the care-of address */
	/* Where frames to remote go: destination MAC << 16 | port << 8 | generation; 0: not known.
	 * Valid while its generation is hm_site_generation(). */
	__u64 next_hop;
	__u64 packets_out, octets_out; /* tunnelled, inner packets */
	__u16 version;
	__u8 local;    /* index of the tunnel's source among the locals */
	__u8 flags;    /* enum hm_site_flag */
	__u32 sampled; /* when its next hop was last looked up without need: a program's business */
};

/* The other direction, by the same index. */
struct hm_site_inbound {
	__u64 packets, octets;
};

struct hm_site_prefix {
	struct hm_site_addr net, mask;
};

struct hm_site_port {
	__u32 ifindex; /* 0: none */
	__u16 mtu;     /* of IPv6 packets, at most 65535 */
	__u8 mac[6];
	__u8 xdp_target; /* XDP may redirect frames to it */
	__u8 spare[3];
};

/* The one element of the configuration map. Lists are read by programs while they change: an
 * element is complete before the count that admits it grows. */
struct hm_site_config {
	__u32 magic, layout;
	__u32 n_slots;    /* that a hash may name; HM_SITE_PROBE more follow */
	__u32 generation; /* of next hops */
	__u64 seed[4];
	__u32 n_prefixes;
	__u32 n_locals;
	__u32 any; /* addresses outside of all prefixes are bound too */
	__u32 spare;
	struct hm_site_prefix prefixes[HM_SITE_PREFIXES];
	struct hm_site_addr locals[HM_SITE_LOCALS];
	struct hm_site_port ports[HM_SITE_PORTS];
	/* Added to the generation, for next hops whose MAC address ends so. */
	__u8 mac_generations[256];
};

/* A neighbour the programs send frames to: what the kernel does not see, it is told. */
struct hm_site_neighbour {
	__u32 ifindex;
	__u32 spare;
	struct hm_site_addr addr;
};

struct hm_site_mtu {
	__u64 until_ns; /* bpf_ktime_get_ns() */
	__u32 mtu;
	__u32 spare;
};

/* Counters, in the order of the statistics map and of stat(). */
#define HM_SITE_STATS(X)                                                                           \
	X(HM_SITE_STAT_ENCAPSULATED, "bpf_encapsulated")                                           \
	X(HM_SITE_STAT_REWRITTEN, "bpf_rewritten")                                                 \
	X(HM_SITE_STAT_DECAPSULATED, "bpf_decapsulated")                                           \
	X(HM_SITE_STAT_LOOKED_UP, "bpf_next_hops_looked_up")                                       \
	X(HM_SITE_STAT_PASS_NEXT_HOP, "bpf_passed_next_hop")                                       \
	X(HM_SITE_STAT_PASS_TOO_BIG, "bpf_passed_too_big")                                         \
	X(HM_SITE_STAT_PASS_HEADER, "bpf_passed_header")                                           \
	X(HM_SITE_STAT_PASS_UNBOUND, "bpf_passed_unbound")                                         \
	X(HM_SITE_STAT_PASS_FOREIGN, "bpf_passed_foreign")                                         \
	X(HM_SITE_STAT_PASS_BUSY, "bpf_passed_busy")

enum hm_site_stat {
#define HM_SITE_STAT_ENUM(name, text) name,
	HM_SITE_STATS(HM_SITE_STAT_ENUM)
#undef HM_SITE_STAT_ENUM
	        HM_SITE_STATS_END
};

/* The first slot at which a binding of that address may lie. The seed keeps peers, who choose their
 * addresses, from choosing slots. */
static inline __u32 hm_site_first(const struct hm_site_config *c, const struct hm_site_addr *a)
{
	__u64 h = (a->w[0] ^ c->seed[0]) * (c->seed[1] | 1);

	h ^= h >> 32;
	h = (h ^ a->w[1] ^ c->seed[2]) * (c->seed[3] | 1);
	h ^= h >> 29;
	h *= 0x9fb21c651e98df25ull;
	return (__u32)((h >> 32) * c->n_slots >> 32);
}

static inline __u8 hm_site_generation(const struct hm_site_config *c, __u64 next_hop)
{
	return (__u8)(c->generation + c->mac_generations[next_hop >> 16 & 0xff]);
}

#endif
