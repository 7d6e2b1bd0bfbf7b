/* What becomes of a packet: the decision, without any I/O. The worker hands over a packet and the
 * direction it came from, and does what its fate says with what the packet has become. All state
 * is in struct hm_path, bounded, and guarded by the caller's lock. PROTOCOL 7. */
#ifndef HM_TUN_PATH_H
#define HM_TUN_PATH_H

#include "packet.h"
#include "reasm.h"
#include "table.h"

/* After a move the mobile host sends from its former care-of address until it has heard that the
 * new one is bound: a round trip, with retransmissions. */
#define HM_FORMER_MS 5000
/* How long a path is believed to be narrow (RFC 8201 4). */
#define HM_PATH_MTU_MS 600000
#define HM_PREFIXES_MAX 64u
#define HM_HOMES_MAX 8u
#define HM_POINTS_MAX 24u
#define HM_PATH_MTUS 1024u
#define HM_SEEN_SLOTS 1024u

/* The plugin's own counters, in the order of stat(). */
#define HM_TUN_STATS(X)                                                                            \
	X(HM_STAT_ENCAPSULATED, "encapsulated")                                                    \
	X(HM_STAT_REWRITTEN, "rewritten")                                                          \
	X(HM_STAT_DECAPSULATED, "decapsulated")                                                    \
	X(HM_STAT_ROUTE_OPTIMISED_OUT, "route_optimised_out")                                      \
	X(HM_STAT_ROUTE_OPTIMISED_IN, "route_optimised_in")                                        \
	X(HM_STAT_NATIVE, "native")                                                                \
	X(HM_STAT_FRAGMENTED, "fragmented")                                                        \
	X(HM_STAT_REASSEMBLED, "reassembled")                                                      \
	X(HM_STAT_TOO_BIG, "too_big")                                                              \
	X(HM_STAT_UNREACHABLE, "unreachable")                                                      \
	X(HM_STAT_DROP_MALFORMED, "drop_malformed")                                                \
	X(HM_STAT_DROP_SCOPE, "drop_scope")                                                        \
	X(HM_STAT_DROP_NO_ENTRY, "drop_no_entry")                                                  \
	X(HM_STAT_DROP_FOREIGN_TUNNEL, "drop_foreign_tunnel")                                      \
	X(HM_STAT_DROP_FOREIGN_SOURCE, "drop_foreign_source")                                      \
	X(HM_STAT_DROP_INNER, "drop_inner")                                                        \
	X(HM_STAT_DROP_NESTING, "drop_nesting")                                                    \
	X(HM_STAT_DROP_DECAPSULATION, "drop_decapsulation")                                        \
	X(HM_STAT_DROP_ENCAP_LIMIT, "drop_encapsulation_limit")                                    \
	X(HM_STAT_DROP_FRAGMENT_FOREIGN, "drop_fragment_foreign")                                  \
	X(HM_STAT_DROP_FRAGMENT_OVERLAP, "drop_fragment_overlap")                                  \
	X(HM_STAT_DROP_FRAGMENT_LENGTH, "drop_fragment_length")                                    \
	X(HM_STAT_DROP_FRAGMENT_CROWD, "drop_fragment_crowd")                                      \
	X(HM_STAT_DROP_FRAGMENT_LATE, "drop_fragment_late")                                        \
	X(HM_STAT_DROP_ERROR_LIMIT, "drop_error_limit")                                            \
	X(HM_STAT_SEND_FAILED, "send_failed")                                                      \
	X(HM_STAT_SEND_TOO_BIG, "send_too_big")                                                    \
	X(HM_STAT_INJECT_FAILED, "inject_failed")                                                  \
	X(HM_STAT_CAPTURE_LOST, "capture_lost")

enum hm_stat {
#define HM_STAT_ENUM(name, text) name,
	HM_TUN_STATS(HM_STAT_ENUM)
#undef HM_STAT_ENUM
	        HM_TUN_STATS_END
};

/* The one home address whose tunnels the kernel carries, when a plugin has it do so: what came
 * through these pairs alone the kernel has delivered already. */
struct hm_carried {
	bool any;    /* else all of it is zero */
	bool routed; /* the kernel's way out is there, too: rules may lead to it (kernel.h) */
	struct hm_addr home;
	uint8_t n_hops, n_pairs;
	/* Those of the hops, in their order, then pairs that are only accepted. */
	struct hm_carried_pair {
		struct hm_addr local, remote;
		/* A tunnel within another: its local end is an address of our making. The routing
		 * table for what comes from there, one of HM_NET_TABLES_CARRIED; 0: none yet. */
		bool within;
		uint32_t table;
	} pairs[HM_TUNNEL_HOPS + HM_TUNNEL_ACCEPTS];
};

/* Whether it has a pair with these ends; nothing carried has none. */
bool hm_carried_pair(const struct hm_carried *c, const struct hm_addr *local,
                     const struct hm_addr *remote);
/* Whether packets in its tunnels may be for the address: the home address, or an end of theirs. */
bool hm_carried_inner(const struct hm_carried *c, const struct hm_addr *inner);

enum hm_fate {
	HM_FATE_IGNORE, /* none of our business */
	HM_FATE_DROP,   /* counted */
	HM_FATE_SEND,   /* to the network, past the tunnels' rules */
	HM_FATE_INJECT, /* to this machine's IPv6, as if received on the device */
};

/* Traffic to report (enum hm_tunnel_seen), at most once per second and pair. */
struct hm_seen {
	bool any;
	int what;
	struct hm_addr home, peer;
};

struct hm_path {
	struct hm_table table;
	uint64_t stats[HM_TUN_STATS_END];
	bool accept_rh0; /* from a correspondent, like type 2; set once at the start */
	/* The mobile host's entries, and the destinations at which packets may be ours
	 * (HM_ITEM_POINT): the first HM_POINTS_MAX of n_points. Kept by entries.c. */
	uint32_t n_home;
	struct hm_item *homes[HM_HOMES_MAX];
	struct hm_carried carried;
	uint32_t n_points;
	struct hm_addr points[HM_POINTS_MAX];
	uint32_t n_prefixes;
	struct hm_tunnel_prefix prefixes[HM_PREFIXES_MAX];
	struct hm_path_mtu {
		struct hm_addr remote;
		uint32_t mtu;
		int64_t until_ms;
	} mtus[HM_PATH_MTUS];
	uint32_t n_mtus; /* ever put: 0 skips the search */
	struct hm_seen_slot {
		struct hm_addr home, peer;
		int what;
		int64_t at_ms;
	} seen[HM_SEEN_SLOTS];
	struct hm_reasm reasm;
	uint32_t n_grown; /* packets that may have to be sent in fragments */
	int64_t error_ms; /* the bucket of Address Unreachable and Parameter Problem */
	uint32_t error_left;
	int64_t now_ms; /* set by the caller before a batch */
};

/* That packet, as read, is one of the next for hm_path_out(): asks for the memory of its binding
 * without waiting for it, first of where it will be found, some time later of the binding itself.
 */
void hm_path_expect(const struct hm_path *p, const struct hm_pkt *k, bool found);
/* A packet that came out of the device. */
enum hm_fate hm_path_out(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen);
/* A packet captured on its way into this machine; nothing has been taken off it. Its buffer holds
 * HM_PATH_IN_ROOM octets from where it starts: a fragment may become the whole packet. */
#define HM_PATH_IN_ROOM (1024u + HM_REASM_LEN)
enum hm_fate hm_path_in(struct hm_path *p, struct hm_pkt *k, struct hm_seen *ret_seen);

/* Remembers for ten minutes; below 1280 counts as 1280. */
void hm_path_set_mtu(struct hm_path *p, const struct hm_addr *remote, uint32_t mtu);
/* 0: not known. */
uint32_t hm_path_get_mtu(const struct hm_path *p, const struct hm_addr *remote);

#endif
