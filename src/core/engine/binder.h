/* The life of a binding, shared by the roles that keep them (ms, ha, ch): what a mobile host asked
 * for is probed, installed, acknowledged, defended, renewed and ended in the same way; what may be
 * asked is each role's own policy.
 *
 *                request                    nobody objects
 *   IDLE/unknown ───────► PROBING ─────────────────────────► INSTALLING ◄─────────┐
 *                            │  ▲ newer request: keeps the        │  ▲ newer      │
 *                            │  └ probe, answers the newer one    │  └ request:   │ request,
 *                  conflict: │ 138                                │    a new      │ Handoff
 *                            ▼                    failed: 128/131 │    ticket     │ Request
 *                          IDLE ◄─────────────────────────────────┤               │
 *                            ▲  expiry, deletion, late conflict   │ done:         │
 *                            │                                    ▼ acknowledged  │
 *                            └───────────────────── ACTIVE or FORWARDING ─────────┘
 *
 * An address that another server of the network still serves (`takes_over`) is probed a little
 * later, and again when that one defends it: it may not have heard yet (PROTOCOL 4).
 *
 * Without duplicate address detection, and with the optimistic kind, PROBING is left at once; the
 * optimistic probe runs while the binding is served already. No acknowledgement leaves before store
 * and data plane hold the binding. */
#ifndef HM_ENGINE_BINDER_H
#define HM_ENGINE_BINDER_H

#include "engine/bindings.h"
#include "engine/config.h"
#include "engine/proxy.h"
#include "engine/seq.h"

/* How long a registration waits for an interface that is not there (yet). */
#define HM_BINDER_LINK_WAIT_MS (5 * HM_SECOND)
/* How often and for how long another server of the network may be in the way. */
#define HM_BINDER_CONTESTS 5
#define HM_BINDER_CONTEST_MS 400

struct hm_binder {
	/* Set by the role before hm_binder_init(). */
	enum hm_role_id role;
	enum hm_use use;              /* the keys of its mobile hosts */
	enum hm_forward_kind forward; /* ENCAP or PEER */
	bool auth_none;
	bool auth_failure_reply;
	bool attract, rewrite;
	bool shared; /* ms: other servers of our network may take an address over */
	enum hm_dad_mode dad;
	uint32_t lifetime_max_s;
	struct hm_addr local; /* our end of the paths; :: at ch, where each binding has its own */
	struct hm_proxy proxy;
	/* Its own. */
	struct hm_bindings table;
	uint64_t seed;
	bool sweeping; /* every slot is visited once, because the interface came or changed */
	uint64_t sweep;
	hm_ms sweep_at;
};

/* Why a binding ended, as HM_NOTE_BINDING_REMOVED says it. */
enum hm_ended {
	HM_ENDED_DELETED,
	HM_ENDED_EXPIRED,
	HM_ENDED_CONFLICT,
	HM_ENDED_NOT_INSTALLED,
	HM_ENDED_UNREACHABLE,
	HM_ENDED_TAKEN_OVER,
};

/* A request that passed authentication, sequence check and policy. */
struct hm_bind_ask {
	const struct hm_packet *packet;
	uint16_t seq;
	uint32_t lifetime_s; /* asked for, not 0 */
	struct hm_addr coa;
	struct hm_addr claim;
	struct hm_addr peer;
	bool ack, router, whole, alternate;
	bool takes_over; /* `peer` is of our network and still serves the claim */
};

/* memory: zeroed, hm_bindings_size(max) octets, outlives the binder. */
void hm_binder_init(struct hm_binder *bd, void *memory, uint32_t max, uint64_t seed);

/* True when the packet is what its mobile host sent; else it has been counted, and answered with
 * 139 where the configuration says so. */
bool hm_binder_is_authentic(const struct hm_binder *bd, const struct hm_event *ev, uint16_t seq,
                            struct hm_fx *fx);
/* Accepts and stores the number of an authentic message: from here on it cannot be replayed,
 * whatever is answered (PROTOCOL 4). NULL: it was refused (134, or 131 when no further host can be
 * remembered). */
struct hm_binding *hm_binder_number(struct hm_binder *bd, const struct hm_packet *packet,
                                    uint16_t seq, struct hm_fx *fx);
/* The same for a Handoff Request, which another mobility server sends with the host's number; it
 * is never answered. */
bool hm_binder_number_from_peer(struct hm_binder *bd, struct hm_binding *b, struct hm_number number,
                                struct hm_fx *fx);
/* The care-of address of a Binding Update. */
const struct hm_addr *hm_binder_update_coa(const struct hm_packet *packet);
/* Whether it ends a binding: lifetime 0, or the home address as its own care-of address (RFC 6275
 * 9.5.1, 10.3.2). */
bool hm_binder_update_deletes(const struct hm_packet *packet);
/* Says no to the sender of `packet`. */
void hm_binder_refuse(const struct hm_binder *bd, const struct hm_packet *packet, uint16_t seq,
                      enum hm_status status, struct hm_fx *fx);

/* What hm_binder_number() returned is to be bound as asked. */
void hm_binder_register(struct hm_binder *bd, struct hm_binding *b, const struct hm_bind_ask *ask,
                        hm_ms now, struct hm_fx *fx);
/* The mobile host deletes its binding (lifetime 0): 137 when there is none. */
void hm_binder_delete(struct hm_binder *bd, struct hm_binding *b, const struct hm_packet *packet,
                      uint16_t seq, bool ack, struct hm_fx *fx);
/* ms: points a served binding at a GCoA elsewhere (draft 4.3.6). */
void hm_binder_send_on(struct hm_binder *bd, struct hm_binding *b, const struct hm_addr *new_gcoa,
                       uint32_t lifetime_s, hm_ms now, struct hm_fx *fx);
/* Ends a live binding for good without a word to its host. */
void hm_binder_end(struct hm_binder *bd, struct hm_binding *b, enum hm_ended why, struct hm_fx *fx);

/* The binding that was completed and acknowledged by this, or NULL. */
struct hm_binding *hm_binder_bind_done(struct hm_binder *bd, hm_ticket ticket, int err, hm_ms now,
                                       struct hm_fx *fx);
/* A stored number of our `use`, or a stored binding of our role whose claim the role has checked.
 */
void hm_binder_restore_seq(struct hm_binder *bd, const struct hm_seq_row *row);
void hm_binder_restore(struct hm_binder *bd, const struct hm_binding_row *row,
                       const struct hm_addr *claim, struct hm_fx *fx);

/* Deletes a stored binding that no longer fits the configuration. */
void hm_binder_drop_row(const struct hm_binding_row *row, struct hm_fx *fx);

void hm_binder_link(struct hm_binder *bd, const struct hm_link *link, hm_ms now);
/* Neighbour Solicitations and Advertisements. A served binding to whose address another node lays
 * claim, which may be a server of our network that is behind, or that has taken it over; or NULL.
 */
struct hm_binding *hm_binder_neighbour(struct hm_binder *bd, const struct hm_packet *packet,
                                       hm_ms now, struct hm_fx *fx);
/* Errors about packets that we tunnelled go to their inner source (PROTOCOL 7). */
void hm_binder_icmp(const struct hm_binder *bd, const struct hm_packet *packet, struct hm_fx *fx);

/* Whether another node's claim may be answered once more. */
bool hm_binder_may_contest(struct hm_binding *b);
/* As at first, three times: one announcement is easily lost, where a link has just come up or two
 * servers have to agree. */
void hm_binder_announce_anew(struct hm_binder *bd, struct hm_binding *b, hm_ms now,
                             struct hm_fx *fx);

void hm_binder_tick(struct hm_binder *bd, hm_ms now, struct hm_fx *fx);
hm_ms hm_binder_deadline(const struct hm_binder *bd);
bool hm_binder_row(const struct hm_binder *bd, uint64_t *cursor, struct hm_show_row *ret_row);

/* Between the parts of the binder. */

/* The acknowledgement of the request under way. */
void hm_binder_ack(const struct hm_binder *bd, const struct hm_binding *b, struct hm_fx *fx);
void hm_binder_refuse_pending(const struct hm_binder *bd, const struct hm_binding *b,
                              enum hm_status status, struct hm_fx *fx);
/* Sends the probe for a binding, or lets it wait for the interface. */
void hm_binder_probe(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx);
/* Probes a little later, once another server may have let go of the address. */
void hm_binder_probe_later(struct hm_binder *bd, struct hm_binding *b, hm_ms now);
/* The next of the announcements of an address that is served since just now. */
void hm_binder_announce(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx);
void hm_binder_sweep(struct hm_binder *bd, hm_ms now, struct hm_fx *fx);
/* Someone else has the address: 138, or the end of a binding accepted in good faith. */
void hm_binder_conflict(struct hm_binder *bd, struct hm_binding *b, struct hm_fx *fx);
/* Puts what the binding waits for into the table. */
void hm_binder_rearm(struct hm_binder *bd, const struct hm_binding *b);

#endif
