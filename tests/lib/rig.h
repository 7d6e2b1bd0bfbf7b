/* The rig for tests of one role: it feeds events on a virtual clock, ticks the role when it asks,
 * and keeps a transcript of events and effects to compare as text.
 *
 *     struct rig r;
 *
 *     rig_init(&r, &hm_role_ms, &config);
 *     rig_start(&r);
 *     rig_packet(&r, 0, request, HM_VERDICT_OK);
 *     rig_expect(&r, "     0 < send neighbour-solicit src=:: ...\n");
 *     rig_until(&r, 1000);
 *     rig_bind_done(&r, 1005, HM_OK);
 *
 * Every step checks that no effect was lost and that no two ticks in a row did nothing and left
 * the deadline where it was. */
#ifndef HM_TESTS_LIB_RIG_H
#define HM_TESTS_LIB_RIG_H

#include "engine/config.h"
#include "engine/step.h"

#define RIG_LOG_MAX (1u << 18)

/* The wall clock of rigs when the monotonic clock shows 0: 2026-08-01T00:00:00Z. */
#define RIG_WALL_MS ((int64_t)1785542400000)

struct rig {
	const struct hm_role *role;
	struct hm_config config;
	void *state;
	hm_ms now;
	bool verbose; /* rig_expect() sees the events too */
	struct hm_counters counters;
	struct hm_fx fx;       /* the effects of the last step */
	hm_ticket bind_ticket; /* of the last HM_FX_BIND that wants an answer */
	unsigned binds, unbinds, sends, steps;
	/* Sees each effect when it is asked for; NULL: nobody. */
	void (*watch)(void *arg, const struct hm_effect *effect);
	void *watch_arg;
	char *log; /* the transcript since the last rig_expect() */
	size_t log_len;
};

/* Copies the configuration and makes the role's state. */
void rig_init(struct rig *r, const struct hm_role *role, const struct hm_config *config);
void rig_free(struct rig *r);

/* One event at the clock's present moment; now_ms and wall_ms are filled in. */
void rig_step(struct rig *r, struct hm_event *ev);

/* Moves the clock to `at`, ticking the role at every deadline on the way (those at `at` too). */
void rig_until(struct rig *r, hm_ms at);
/* One tick now, whatever the deadline is. */
void rig_tick(struct rig *r);
hm_ms rig_deadline(const struct rig *r);

/* Each moves the clock first, so that deadlines due by then come before the event. */
void rig_start(struct rig *r);
void rig_stop(struct rig *r, hm_ms at);
void rig_restore(struct rig *r, const struct hm_record *record);
void rig_packet(struct rig *r, hm_ms at, const struct hm_packet *packet, enum hm_verdict verdict);
/* As vouched for by a key of that use. */
void rig_signed(struct rig *r, hm_ms at, const struct hm_packet *packet, enum hm_use use);
void rig_link(struct rig *r, hm_ms at, const struct hm_link *link);
void rig_address(struct rig *r, hm_ms at, uint32_t ifindex, const char *address,
                 enum hm_address_state state);
/* Answers the last BIND that wanted an answer. */
void rig_bind_done(struct rig *r, hm_ms at, int err);
void rig_bind_done_ticket(struct rig *r, hm_ms at, hm_ticket ticket, int err);
void rig_send_failed(struct rig *r, hm_ms at, hm_ticket ticket, int err);
void rig_traffic(struct rig *r, hm_ms at, enum hm_traffic_kind kind, const char *home,
                 const char *peer, bool has_key);

/* Fails the test and shows both texts unless the transcript since the last call is exactly this:
 * effects only, or events too when the rig is verbose. */
void rig_expect_at(struct rig *r, const char *want, const char *file, int line);
#define rig_expect(r, want) rig_expect_at(r, want, __FILE__, __LINE__)
/* Forgets the transcript so far. */
void rig_clear(struct rig *r);
/* How many effects of that kind the last step asked for, and the index-th of them. */
unsigned rig_count(const struct rig *r, enum hm_effect_kind kind);
const struct hm_effect *rig_effect(const struct rig *r, enum hm_effect_kind kind, unsigned index);

/* A link that is up, with ifindex, a link-layer address and fe80::IFINDEX. */
struct hm_link rig_link_up(const char *name, uint32_t ifindex);

#endif
