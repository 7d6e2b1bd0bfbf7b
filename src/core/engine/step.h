/* The heart: a role is a function from (state, event) to (state, effects).
 *
 * It has no clock, socket, allocator, log or random source. Whatever can fail or wait is an effect,
 * and its result comes back as an event with the same ticket. The host (or a simulator) calls
 * step() with one event, runs the effects in order, and asks deadline() when the role must be
 * stepped next.
 *
 * Events and effects are values; spans inside them are borrowed until the effects of that step
 * have been run. */
#ifndef HM_ENGINE_STEP_H
#define HM_ENGINE_STEP_H

#include "base/clock.h"
#include "base/err.h"
#include "wire/packet.h"
#include "engine/counters.h"
#include "engine/record.h"

#define HM_IFNAME_MAX 16

/* Joins an effect to its completion; 0: no completion is wanted. */
typedef uint64_t hm_ticket;

/* What authentication found (the host asks the plugin before the role sees the packet). */
enum hm_verdict {
	HM_VERDICT_OK,      /* a valid MAC, or `auth = none` */
	HM_VERDICT_MISSING, /* no Authentication Data */
	HM_VERDICT_NO_KEY,  /* no key for that SPI and home address */
	HM_VERDICT_BAD,     /* the key is that home address's, the MAC is wrong */
};

enum hm_event_kind {
	HM_EV_RESTORE,     /* a stored record; all of them come before HM_EV_START */
	HM_EV_START,       /* the role may act */
	HM_EV_PACKET,      /* a decoded control packet and its verdict */
	HM_EV_LINK,        /* an interface appeared, changed or vanished */
	HM_EV_ADDRESS,     /* an address of ours became usable, failed DAD or vanished */
	HM_EV_BIND_DONE,   /* HM_FX_BIND finished: stored and installed, or failed */
	HM_EV_SEND_FAILED, /* HM_FX_SEND with a ticket could not be sent */
	HM_EV_TRAFFIC,     /* the data plane saw a packet that a role may want to act on */
	HM_EV_TICK,        /* the deadline has come */
	HM_EV_STOP,        /* leave gracefully: withdraw what others believe because of us */
};

/* Does the key that vouched for a packet speak for this use? HM_USE_NONE comes with HM_VERDICT_OK
 * only where authentication is switched off. */
static inline bool hm_use_fits(enum hm_use vouched, enum hm_use wanted)
{
	return vouched == HM_USE_NONE || vouched == wanted;
}

struct hm_link {
	uint32_t ifindex;
	char name[HM_IFNAME_MAX];
	bool present; /* false: it vanished */
	bool up;      /* administratively up, with carrier */
	uint32_t mtu;
	struct hm_lladdr lladdr;
	struct hm_addr link_local; /* :: while there is none that DAD has passed */
};

enum hm_address_state {
	HM_ADDRESS_USABLE, /* DAD passed, or it is optimistic and may be used as a source */
	HM_ADDRESS_DUPLICATE,
	HM_ADDRESS_GONE,
};

enum hm_traffic_kind {
	HM_TRAFFIC_TUNNELLED, /* mobile host: `peer` reached `home` through the home agent */
	HM_TRAFFIC_BOUND,     /* correspondent: the binding of `home` is in use by our `peer` */
};

struct hm_event {
	enum hm_event_kind kind;
	hm_ms now_ms;    /* monotonic */
	int64_t wall_ms; /* CLOCK_REALTIME: what goes on the wire as a clock, never a deadline */
	union {
		struct hm_record restore;
		struct {
			struct hm_packet packet;
			enum hm_verdict verdict;
			/* Of the key that vouches for the packet, HM_USE_NONE: none does. An
			 * acknowledgement is its sender's only under the right one: a mobility
			 * server's key must not speak for the home agent. */
			enum hm_use use;
		} rx;
		struct hm_link link;
		struct {
			uint32_t ifindex;
			struct hm_addr addr;
			enum hm_address_state state;
		} address;
		struct {
			hm_ticket ticket;
			int err;
		} done; /* HM_EV_BIND_DONE, HM_EV_SEND_FAILED */
		struct {
			enum hm_traffic_kind kind;
			struct hm_addr home, peer;
			bool has_key; /* a mh-ch key exists for the pair */
		} traffic;
	};
};

/* What the data plane is asked to do with packets (PROTOCOL 7). The tunnel plugin decides how. */
enum hm_forward_kind {
	HM_FORWARD_ENCAP, /* ms, ha: packets to `match` are tunnelled local -> remote; tunnelled
	                   * packets remote -> local are accepted when their inner source is `match`
	                   */
	HM_FORWARD_HOME,  /* mh: packets from the home address `match` go through `hops` */
	HM_FORWARD_OWN,   /* mh: packets from `home` to the correspondent `match` leave with source
	                   * `local` and a Home Address option; type 2 routing headers from it are
	                   * accepted at `local` */
	HM_FORWARD_PEER,  /* ch: packets to the mobile host `match` go to `remote` with a type 2
	                   * routing  header; the Home Address option is accepted from `remote` */
};

#define HM_LEVELS_MAX 4
#define HM_HOPS_MAX (HM_LEVELS_MAX + 1)
#define HM_ACCEPT_MAX 8

struct hm_hop {
	struct hm_addr local, remote;
};

struct hm_forward {
	enum hm_forward_kind kind;
	struct hm_addr match; /* the key, together with kind */
	struct hm_addr home;
	struct hm_addr local, remote;
	bool attract; /* nothing routes `match` to the data plane yet: it must see to that itself */
	bool rewrite; /* HM_FORWARD_ENCAP: `forwarding = rewrite` (PROTOCOL 7) */
	bool one_way; /* HM_FORWARD_ENCAP: accept nothing in reverse (a handoff's forwarding entry)
	               */
	uint8_t n_hops;
	struct hm_hop hops[HM_HOPS_MAX]; /* innermost first: {GCoA, HA}, {LCoA, MS} */
	uint8_t n_accept;
	struct hm_hop
	        accept[HM_ACCEPT_MAX]; /* further tunnels to accept: local = outer destination */
};

enum hm_address_op {
	HM_ADDRESS_ADD, /* with duplicate address detection, optimistic where the kernel can */
	HM_ADDRESS_ADD_NODAD, /* coming home: the home agent still defends it (RFC 6275 11.5.5) */
	HM_ADDRESS_DEPRECATE, /* keep it for what is under way, prefer it for nothing */
	HM_ADDRESS_DEL,
};

enum hm_note {
	HM_NOTE_BINDING_ADDED,   /* home, gcoa, coa */
	HM_NOTE_BINDING_MOVED,   /* home, gcoa, coa */
	HM_NOTE_BINDING_REMOVED, /* home, gcoa, coa; status: 0 deleted by the host, 1 expired, 2 its
	                            address is another's, 3 it could not be installed, 4 its
	                            care-of address is unreachable, 5 taken over by another
	                            server of its network */
	HM_NOTE_REFUSED,         /* home, coa (source), status */
	HM_NOTE_ATTACHED,        /* mh: ifindex, coa (LCoA), peer (router) */
	HM_NOTE_REGISTERED,      /* mh: peer, home, coa; status */
	HM_NOTE_REJECTED,        /* mh: peer, home, status */
	HM_NOTE_UNANSWERED,      /* mh: peer, home */
	HM_NOTE_HANDOFF_DONE,    /* mh: gcoa, coa; elapsed_ms since the link change */
	HM_NOTE_FALLBACK,        /* mh: plain Mobile IPv6 from here on; peer (the server left) */
	HM_NOTE_HOME,            /* mh: at home, deregistered */
	HM_NOTE_SERVER_LEARNT,   /* ra: peer (ms) */
	HM_NOTE_SERVER_LOST,     /* ra: peer (ms) */
	HM_NOTE_FORWARDING,      /* ms: handoff request accepted; home, gcoa, coa (new GCoA) */
	HM_NOTES
};

const char *hm_note_text(enum hm_note note);

enum hm_effect_kind {
	HM_FX_SEND,    /* send a packet */
	HM_FX_BIND,    /* store and install; HM_EV_BIND_DONE follows, exactly once */
	HM_FX_UNBIND,  /* remove from data plane and store; the host retries, no completion */
	HM_FX_STORE,   /* store a record that no packet waits for */
	HM_FX_FORGET,  /* delete a stored record */
	HM_FX_ADDRESS, /* add, deprecate or delete an address; HM_EV_ADDRESS follows an add */
	HM_FX_GATEWAY, /* mh: the default router of an interface; :: removes it */
	HM_FX_RELAY,   /* pass an ICMP error about a tunnelled packet on to the inner source */
	HM_FX_NOTE,    /* tell the people who watch */
};

struct hm_effect {
	enum hm_effect_kind kind;
	union {
		struct {
			hm_ticket ticket; /* wanted back with HM_EV_SEND_FAILED */
			/* auth.present is the role's wish only for an answer: use HM_USE_NONE
			 * leaves the packet unsigned. auth.spi 0 lets the host choose the key. */
			enum hm_use use;
			struct hm_packet packet;
		} send;
		struct {
			hm_ticket ticket;
			bool has_row;  /* store `row` (BIND) or delete it (UNBIND) */
			bool has_path; /* install `path` (BIND) or remove it (UNBIND) */
			struct hm_binding_row row;
			struct hm_forward path;
		} bind;                  /* HM_FX_BIND, HM_FX_UNBIND */
		struct hm_record record; /* HM_FX_STORE, HM_FX_FORGET */
		struct {
			enum hm_address_op op;
			uint32_t ifindex;
			struct hm_addr addr;
			uint8_t plen;
		} address;
		struct {
			uint32_t ifindex;
			struct hm_addr router;
		} gateway;
		struct {
			struct hm_icmp_error error;
			struct hm_addr from; /* our address, the source of the relayed error */
			uint32_t mtu;        /* Packet Too Big: what to report; 0: the error's own
			                      * less one outer header */
		} relay;
		struct {
			enum hm_note note;
			struct hm_addr home, gcoa, coa, peer;
			uint32_t ifindex;
			unsigned status;
			hm_ms elapsed_ms;
		} note;
	};
};

/* The effects of one step, in order. A handler may add HM_FX_RESERVE effects without asking;
 * who has more to do checks hm_fx_has_room() and goes on at the next tick, with the deadline
 * left in the past. */
#define HM_FX_MAX 32
#define HM_FX_RESERVE 8

struct hm_fx {
	unsigned n;
	struct hm_effect e[HM_FX_MAX];
	struct hm_counters *counters; /* where the step counts; never NULL */
};

static inline bool hm_fx_has_room(const struct hm_fx *fx)
{
	return fx->n + HM_FX_RESERVE <= HM_FX_MAX;
}

/* Room for one more effect, its union zeroed. */
struct hm_effect *hm_fx_add(struct hm_fx *fx, enum hm_effect_kind kind);

static inline void hm_fx_count(struct hm_fx *fx, enum hm_counter counter)
{
	fx->counters->n[counter]++;
}

/* Whether the packet of an HM_EV_PACKET may be believed; what speaks against it is counted. */
bool hm_event_is_authentic(const struct hm_event *event, struct hm_fx *fx);
/* And by a key for that use. */
bool hm_event_is_authentic_for(const struct hm_event *event, enum hm_use use, struct hm_fx *fx);

/* What `show` may ask of a role; the role answers row by row. */
enum hm_show {
	HM_SHOW_BINDINGS,
	HM_SHOW_REGISTRATIONS,
	HM_SHOW_ROUTERS,
	HM_SHOW_PEERS,
};

/* One row of an answer: the members a role leaves zero are not shown. */
struct hm_show_row {
	enum hm_role_id role;
	struct hm_addr home, gcoa, coa, peer, router;
	struct hm_addr prefix;
	uint8_t plen;
	uint32_t ifindex;
	const char *kind;  /* static text */
	const char *state; /* static text */
	uint16_t seq;
	uint32_t epoch;
	uint32_t lifetime_s;
	hm_ms since_ms; /* when it was registered or heard, 0: not known */
	hm_ms expires_ms;
	uint8_t level, preference;
};

struct hm_config;

/* One const descriptor per role. The host owns the state's memory. */
struct hm_role {
	enum hm_role_id id;
	const char *name;
	size_t (*size)(const struct hm_config *config);
	/* state is zeroed memory of that size; config outlives it. */
	void (*init)(void *state, const struct hm_config *config, uint64_t seed);
	void (*step)(void *state, const struct hm_event *event, struct hm_fx *fx);
	/* The moment of the next tick; HM_NEVER when nothing waits. */
	hm_ms (*deadline)(const void *state);
	/* The first row at or after *cursor; moves the cursor past it. False: no more. */
	bool (*row)(const void *state, enum hm_show what, uint64_t *cursor,
	            struct hm_show_row *ret_row);
	/* A changed configuration, of the same memory size: bindings stay. NULL: restart to change.
	 */
	void (*reload)(void *state, const struct hm_config *config, hm_ms now_ms);
};

#endif
