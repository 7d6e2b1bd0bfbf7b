/* Packets that wait for the key they are to be signed with, while the auth plugin obtains it (the
 * plugin interface's pick). A Handoff Request is sent once and never again (draft 4.3.6), so it is
 * held here rather than dropped. Moments come in, a deadline goes out; nothing is sent here.
 *
 * A packet takes the place of one of the same role, kind, addresses and home address that still
 * waits: it is the same words, repeated or newer. */
#ifndef HM_HOST_OUTQ_H
#define HM_HOST_OUTQ_H

#include "engine/step.h"

#define HM_OUTQ_MAX 64
#define HM_OUTQ_TIMEOUT (2 * HM_SECOND)
#define HM_OUTQ_RETRY 100

struct hm_outq;

struct hm_outq_options {
	/* Tries to send; HM_PENDING: the key is not there yet. `effect` is a HM_FX_SEND. */
	int (*send)(void *arg, unsigned role, const struct hm_effect *effect);
	/* The packet has left, or never will: HM_ENOKEY after HM_OUTQ_TIMEOUT. */
	void (*gone)(void *arg, unsigned role, const struct hm_effect *effect, int err);
	void *arg;
};

/* NULL: out of memory. */
struct hm_outq *hm_outq_create(const struct hm_outq_options *options);
/* Forgets what waits. NULL is fine. */
void hm_outq_destroy(struct hm_outq *q);

/* Keeps a copy; HM_EFULL: HM_OUTQ_MAX packets wait. */
int hm_outq_hold(struct hm_outq *q, unsigned role, const struct hm_effect *effect, hm_ms now_ms);

/* When hm_outq_retry() has something to do; HM_NEVER: nothing waits. */
hm_ms hm_outq_deadline(const struct hm_outq *q);
/* Tries every packet again once the deadline has come, the oldest first. */
void hm_outq_retry(struct hm_outq *q, hm_ms now_ms);
/* A key was learnt: the deadline is now. */
void hm_outq_wake(struct hm_outq *q, hm_ms now_ms);

#endif
