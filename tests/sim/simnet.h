/* A network in one process on virtual time: the same roles that run in the daemon, on simulated
 * hosts, links and stores. Packets are encoded, signed, damaged, lost, doubled, delayed, decoded;
 * effects take time and may fail; hosts crash and come back with or without their store. Everything
 * that happens follows from one seed.
 *
 * The simulated Internet knows each link's prefix: a packet reaches the host that has its
 * destination on an attached link, or the host whose data plane holds a tunnel for it, and through
 * that tunnel on. */
#ifndef HM_TESTS_SIM_SIMNET_H
#define HM_TESTS_SIM_SIMNET_H

#include "base/rand.h"
#include "engine/config.h"
#include "engine/step.h"

#define SIM_NODES_MAX 24
#define SIM_LINKS_MAX 16
#define SIM_IFS_MAX 3
#define SIM_ADDRS_MAX 32
#define SIM_FORWARDS_MAX 64
#define SIM_RECORDS_MAX 256
#define SIM_ACKED_MAX 16
#define SIM_NOWHERE (-1)

struct sim_faults {
	unsigned loss_pct, duplicate_pct, corrupt_pct; /* per packet and receiver */
	hm_ms latency_min, latency_max;                /* a wide span reorders */
	hm_ms effect_min, effect_max;                  /* until an effect has completed */
	uint64_t fail_effect; /* the number of the effect that fails; 0: none */
};

struct sim_link {
	const char *name;
	struct hm_prefix prefix;
};

struct sim_if {
	char name[HM_IFNAME_MAX];
	int link; /* index, or SIM_NOWHERE: no carrier */
	struct hm_lladdr lladdr;
	struct hm_addr link_local;
	struct hm_addr gateway;
};

struct sim_addr {
	bool used, usable;
	unsigned iface;
	struct hm_addr addr;
};

struct sim_record {
	bool used;
	struct hm_record record;
};

/* The highest number acknowledged for a home address in this store's life: may not fall. */
struct sim_acked {
	enum hm_role_id role;
	struct hm_addr home;
	uint32_t epoch;
	uint16_t seq;
};

struct sim_node {
	const char *name;
	bool alive;
	bool plain;          /* knows no mobility: answers options of ours with Parameter Problem */
	bool cut;            /* partitioned: nothing beyond its own links reaches it or leaves it */
	uint32_t generation; /* of this life: completions for an earlier one are void */
	const struct hm_role *role;
	const struct hm_role *second; /* a further role of the same host; NULL: none */
	struct hm_config config;
	void *state, *second_state;
	struct hm_counters counters;
	unsigned n_ifs;
	struct sim_if ifs[SIM_IFS_MAX]; /* ifindex = index + 1 */
	struct sim_addr addrs[SIM_ADDRS_MAX];
	unsigned n_forwards;
	struct hm_forward forwards[SIM_FORWARDS_MAX];
	struct sim_former {
		struct hm_addr remote; /* before the last change */
		hm_ms until;
	} former[SIM_FORWARDS_MAX];                 /* of the forward with the same index */
	struct sim_record records[SIM_RECORDS_MAX]; /* what would survive a crash */
	hm_ms store_busy_until;
	unsigned n_acked;
	struct sim_acked acked[SIM_ACKED_MAX];
	uint64_t sent, heard;
	uint64_t sent_kind[HM_MSG_KINDS];
	uint64_t notes[HM_NOTES];
};

struct sim_item;

struct sim {
	uint64_t seed;
	struct hm_rand rand;
	hm_ms now;
	struct sim_faults faults;
	uint64_t effects, order, steps;
	unsigned n_nodes, n_links;
	struct sim_node nodes[SIM_NODES_MAX];
	struct sim_link links[SIM_LINKS_MAX];
	struct sim_item *items; /* a binary heap by moment, then order */
	size_t n_items, cap_items;
	bool trace; /* print every event and effect */
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_free(struct sim *sim);

int sim_add_link(struct sim *sim, const char *name, const char *prefix, uint8_t plen);
/* A host with one role (NULL: plain), not started. Its interfaces are added before the start. */
struct sim_node *sim_add_node(struct sim *sim, const char *name, const struct hm_role *role,
                              const struct hm_config *config);
unsigned sim_add_if(struct sim *sim, struct sim_node *n, const char *name, int link);
void sim_add_addr(struct sim_node *n, unsigned iface, const char *address);

void sim_start(struct sim *sim, struct sim_node *n);
/* As kill -9 or a power cut; keep_store false: the disk is gone as well. */
void sim_crash(struct sim *sim, struct sim_node *n, bool keep_store);
void sim_stop(struct sim *sim, struct sim_node *n);
void sim_attach(struct sim *sim, struct sim_node *n, unsigned iface, int link);

void sim_run_until(struct sim *sim, hm_ms at);
/* Plays as many seeds, or those that the environment asks for (seeds.c); `part` numbers the tests
 * that share them. */
void sim_play_seeds(uint64_t part, uint64_t usual, void (*play)(uint64_t seed));

/* True when a packet from `from` to the home address arrives at the mobile host: straight, through
 * the home agent or by route optimisation, as `from` would send it. */
bool sim_reaches(struct sim *sim, const struct sim_node *from, const struct sim_node *mobile);
/* True when a packet from the mobile host's home address gets out through its present path. */
bool sim_uplink_works(struct sim *sim, const struct sim_node *mobile);
/* True when the packet from `from` takes the direct path (type 2 routing header). */
bool sim_is_direct(const struct sim_node *from, const struct sim_node *mobile);

const struct hm_forward *sim_forward(const struct sim_node *n, enum hm_forward_kind kind,
                                     const struct hm_addr *match);

/* Ends the test with the seed and the moment. */
_Noreturn void sim_fail(const struct sim *sim, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* --- between the parts of the simulator ---------------------------------------------------- */

enum sim_item_kind { SIM_PACKET, SIM_BIND_DONE, SIM_ADDRESS, SIM_DURABLE, SIM_SEND_FAILED };

struct sim_item {
	hm_ms at;
	uint64_t order;
	enum sim_item_kind kind;
	unsigned node;
	bool second; /* for the second role */
	uint32_t generation;
	union {
		struct {
			uint8_t *octets;
			size_t len;
			unsigned iface;
			bool multicast;
		} packet;
		struct {
			hm_ticket ticket;
			int err;
			bool has_row, has_path;
			struct hm_binding_row row;
			struct hm_forward path;
		} done;
		struct {
			unsigned iface;
			struct hm_addr addr;
		} address;
		struct {
			struct hm_record record;
			bool deleted;
		} durable;
	};
};

void sim_push(struct sim *sim, const struct sim_item *item);
hm_ms sim_effect_delay(struct sim *sim);
void sim_event(struct sim *sim, struct sim_node *n, struct hm_event *ev);
/* An event for one of the host's roles. */
void sim_event_of(struct sim *sim, struct sim_node *n, bool second, struct hm_event *ev);
void sim_run_effects(struct sim *sim, struct sim_node *n, bool second, const struct hm_fx *fx);
void sim_send(struct sim *sim, struct sim_node *n, const struct hm_effect *e);
void sim_deliver(struct sim *sim, const struct sim_item *item);
void sim_remember(struct sim_node *n, const struct hm_record *record, bool deleted);
bool sim_remembers(const struct sim_node *n, const struct hm_record *record);
/* The host a packet to dst pops out of, through every tunnel on the way; NULL: nowhere. */
struct sim_node *sim_route(struct sim *sim, const struct hm_addr *dst, unsigned *ret_iface);

#endif
