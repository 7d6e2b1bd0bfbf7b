/* A retransmission schedule: a first delay that doubles up to a cap, each delay with ten per cent
 * of jitter, so that hosts which lost the same server do not come back in step (RFC 6275 11.8). */
#ifndef HM_ENGINE_RETRY_H
#define HM_ENGINE_RETRY_H

#include "base/clock.h"
#include "base/rand.h"

#include <stdbool.h>

struct hm_retry {
	hm_ms first, cap;
	unsigned sent;
	hm_ms next_at; /* of the next retransmission */
};

/* The message has just been sent for the first time. */
void hm_retry_start(struct hm_retry *r, hm_ms now, hm_ms first, hm_ms cap, struct hm_rand *rand);

bool hm_retry_due(const struct hm_retry *r, hm_ms now);

/* It has been sent again. */
void hm_retry_sent(struct hm_retry *r, hm_ms now, struct hm_rand *rand);

#endif
