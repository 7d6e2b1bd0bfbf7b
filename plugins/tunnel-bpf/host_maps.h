/* What host.bpf.c and host.c share: the maps' keys and values. A map outlives the process that made
 * it and is adopted by the next: whoever changes a layout changes the number in the maps' names, so
 * that an older one is not taken for it. */
#ifndef HM_BPF_HOST_MAPS_H
#define HM_BPF_HOST_MAPS_H

#include <linux/types.h>

#define HM_HOST_HOPS 5

#define HM_HOST_WAYS 64
#define HM_HOST_OWNS 4096
/* All counters: a power of two, since that is what the kernel takes memory for. */
#define HM_HOST_COUNTS 131072
#define HM_HOST_PEERS (HM_HOST_COUNTS - HM_HOST_OWNS - HM_HOST_WAYS)
#define HM_HOST_ENDS 65536
#define HM_HOST_MTUS 1024
#define HM_HOST_SEEN 1024
#define HM_HOST_PLAIN 1024

/* In network order. */
struct hm_host_addr {
	__u64 w[2];
};

struct hm_host_hop {
	struct hm_host_addr local, remote;
};

/* By source: what is put around its packets, innermost first. */
struct hm_host_way {
	__u32 is_home; /* else a regional care-of address */
	__u32 n_hops;
	struct hm_host_hop hops[HM_HOST_HOPS];
};

/* The key of hm_host_own: the correspondent and the home address. Of an end: the local and the
 * remote address of a tunnel to take off; or local and zero: an address that packets out of
 * tunnels may be for. */
struct hm_host_pair {
	struct hm_host_addr a, b;
};

struct hm_host_own {
	struct hm_host_addr local;
	__u32 n_hops;
	__u32 epoch; /* the run of the daemon that put it */
	struct hm_host_hop hop;
};

/* By home address. */
struct hm_host_peer {
	struct hm_host_addr local, remote;
	__u32 epoch;
	__u32 unused;
};

struct hm_host_key {
	__u32 kind; /* enum hm_tunnel_kind; of what was seen: enum hm_tunnel_seen */
	__u32 unused;
	struct hm_host_addr a, b;
};

struct hm_host_count {
	__u64 packets_in, octets_in, packets_out, octets_out;
};

struct hm_host_conf {
	__u32 epoch;    /* of the run that owns the maps */
	__u32 has_mtus; /* 0: no path MTU is known */
};

/* The programs' counters: those that begin with host_pass left to the embedded data plane a packet
 * of an entry of ours. */
#define HM_HOST_STATS(X)                                                                           \
	X(HM_HOST_TUNNELLED_OUT, "host_tunnelled_out")                                             \
	X(HM_HOST_OPTIMISED_OUT, "host_optimised_out")                                             \
	X(HM_HOST_NATIVE_OUT, "host_native_out")                                                   \
	X(HM_HOST_TUNNELLED_IN, "host_tunnelled_in")                                               \
	X(HM_HOST_OPTIMISED_IN, "host_optimised_in")                                               \
	X(HM_HOST_PASS_FORM, "host_pass_form")                                                     \
	X(HM_HOST_PASS_SIZE, "host_pass_size")                                                     \
	X(HM_HOST_PASS_ROUTE, "host_pass_route")                                                   \
	X(HM_HOST_PASS_ROOM, "host_pass_room")                                                     \
	X(HM_HOST_DROP_ROOM, "host_drop_room")

enum hm_host_stat {
#define HM_HOST_STAT_ENUM(name, text) name,
	HM_HOST_STATS(HM_HOST_STAT_ENUM)
#undef HM_HOST_STAT_ENUM
	        HM_HOST_STATS_END
};

#endif
