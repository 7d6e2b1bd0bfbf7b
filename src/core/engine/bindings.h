/* The table of bindings of a role that keeps them (ms, ha, ch): fixed in size, without allocation,
 * constant work per look-up by home address, by claimed address and by ticket, and a heap of what
 * is due next. A slot whose binding is gone still remembers the last number accepted from its
 * mobile host: a stored number outlives its binding (PROTOCOL 4).
 *
 *            add            enliven                        idle
 *     FREE ───────► IDLE ──────────► PROBING … FORWARDING ──────► IDLE ──► FREE
 *                   (a number only)          (live)                   forget
 *
 * At most `max` bindings are live, and twice as many slots exist: the others remember. Memory is
 * one zeroed block, touched only as far as slots have been used. */
#ifndef HM_ENGINE_BINDINGS_H
#define HM_ENGINE_BINDINGS_H

#include "engine/heap.h"
#include "engine/step.h"

enum hm_slot_state {
	HM_SLOT_FREE,
	HM_SLOT_IDLE,
	HM_SLOT_PROBING,    /* duplicate address detection is under way, nobody was told yes */
	HM_SLOT_INSTALLING, /* store and data plane have been asked */
	HM_SLOT_ACTIVE,
	HM_SLOT_FORWARDING, /* ms: points at a GCoA elsewhere (draft 4.3.6) */
};

/* What engine/binder.h remembers of duplicate address detection. */
enum hm_probe {
	HM_PROBE_NONE,
	HM_PROBE_WAITING, /* the interface is not there yet */
	HM_PROBE_DELAYED, /* another server of the network is still to let go of the address */
	HM_PROBE_SENT,
};

struct hm_binding {
	struct hm_addr home;
	/* The address it is also found by: the GCoA at ms, the home address at ha, at ch the
	 * care-of address. */
	struct hm_addr claimed;
	struct hm_addr coa;
	struct hm_addr reply_to; /* where the acknowledgement under way goes */
	/* ms: the former mobility server, told once the binding stands (`handed`); ch: the address
	 * of ours that the mobile host talks to. */
	struct hm_addr peer;
	hm_ms asked_ms;      /* when the request under way arrived or was handed on */
	hm_ms registered_ms; /* when the last one was completed */
	hm_ms expires_ms;
	hm_ms timer_ms; /* the next probe, advertisement or request; HM_NEVER: none */
	uint32_t lifetime_s;
	uint32_t epoch, spi;
	uint32_t serial;                /* of the last ticket */
	uint32_t next_home, next_claim; /* hash chains, slot + 1 */
	uint32_t older, newer;          /* idle slots by age, slot + 1 */
	uint16_t seq;
	uint16_t ack_seq; /* of the request under way; a later one may have been refused since */
	uint8_t state;    /* enum hm_slot_state */
	uint8_t probe;    /* enum hm_probe */
	uint8_t repeats;  /* unsolicited advertisements or Binding Requests still to send */
	uint8_t contests; /* ms: how often another server of the network may still be in the way */
	bool handed : 1;  /* ms: `peer` has been asked for this request */
	bool served : 1;  /* it has been active: the address is ours to defend */
	bool path_stands : 1; /* the data plane holds the path to coa */
	bool ack : 1;         /* an acknowledgement was asked for */
	bool router : 1;      /* ha: the R bit of the Binding Update */
	bool whole : 1;       /* ha: its host has the interface identifier on every prefix */
	bool moved : 1;       /* the request under way changes coa */
	bool elsewhere : 1;   /* ms: coa is a GCoA elsewhere, as a Handoff Request said */
	bool alternate : 1;   /* coa came in an Alternate Care-of Address */
	bool used : 1;        /* ch: traffic went by it since it was last asked to be renewed */
};

struct hm_bindings {
	uint32_t max;      /* live bindings */
	uint32_t capacity; /* slots */
	uint32_t high;     /* slots ever used */
	uint32_t n_live, n_idle;
	uint32_t free;           /* slot + 1 */
	uint32_t oldest, newest; /* idle, slot + 1 */
	uint32_t mask;
	uint64_t seed[2];
	uint32_t *by_home, *by_claim;
	struct hm_binding *slot;
	struct hm_heap due;
};

/* Octets of memory for at most max live bindings. */
size_t hm_bindings_size(uint32_t max);
/* memory: zeroed, that size, aligned for struct hm_binding; it outlives the table. */
void hm_bindings_init(struct hm_bindings *t, void *memory, uint32_t max, uint64_t seed);

/* NULL when there is none. */
struct hm_binding *hm_bindings_find(const struct hm_bindings *t, const struct hm_addr *home);
/* A live binding by the address it claims. */
struct hm_binding *hm_bindings_find_claim(const struct hm_bindings *t,
                                          const struct hm_addr *claimed);
/* The live binding whose last ticket this is. */
struct hm_binding *hm_bindings_find_ticket(const struct hm_bindings *t, hm_ticket ticket);

/* An IDLE slot for a home address that has none; NULL when all are taken. */
struct hm_binding *hm_bindings_add(struct hm_bindings *t, const struct hm_addr *home);
/* IDLE to PROBING with `claimed` (:: claims nothing). HM_EFULL: max are live; HM_EEXIST: another
 * binding claims it. */
int hm_bindings_enliven(struct hm_bindings *t, struct hm_binding *b, const struct hm_addr *claimed);
/* Gives a live binding another address to be found by; others may have it too. */
void hm_bindings_reclaim(struct hm_bindings *t, struct hm_binding *b,
                         const struct hm_addr *claimed);
/* Ends a live binding; home, number and SPI stay. */
void hm_bindings_idle(struct hm_bindings *t, struct hm_binding *b);
/* Frees an IDLE slot. */
void hm_bindings_forget(struct hm_bindings *t, struct hm_binding *b);
/* The slot that has been idle for longest, or NULL. */
struct hm_binding *hm_bindings_oldest_idle(const struct hm_bindings *t);

/* A new ticket; every older one of this slot is void. */
hm_ticket hm_bindings_ticket(struct hm_bindings *t, struct hm_binding *b);

/* When the binding wants attention next; HM_NEVER: not by time. */
void hm_bindings_wake(struct hm_bindings *t, const struct hm_binding *b, hm_ms at);
static inline hm_ms hm_bindings_soonest(const struct hm_bindings *t)
{
	return hm_heap_soonest(&t->due);
}
/* The binding that is due first, NULL when none is due at now. */
struct hm_binding *hm_bindings_due(const struct hm_bindings *t, hm_ms now);

/* Slot by slot: the first used one at or after *cursor, which moves past it; NULL: no more. */
struct hm_binding *hm_bindings_next(const struct hm_bindings *t, uint64_t *cursor);

static inline bool hm_binding_is_live(const struct hm_binding *b)
{
	return b->state >= HM_SLOT_PROBING;
}

#endif
