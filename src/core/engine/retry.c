#include "engine/retry.h"

/* The delay after the n-th transmission, before jitter. */
static hm_ms delay_after(const struct hm_retry *r)
{
	hm_ms delay = r->first;

	for (unsigned i = 1; i < r->sent && delay < r->cap; i++)
		delay = delay > r->cap / 2 ? r->cap : 2 * delay;
	return hm_sooner(delay, r->cap);
}

static void arm(struct hm_retry *r, hm_ms now, struct hm_rand *rand)
{
	hm_ms delay = delay_after(r), jitter = delay / 10;

	r->next_at = hm_after(now, hm_after(delay, hm_rand_between(rand, -jitter, jitter)));
}

void hm_retry_start(struct hm_retry *r, hm_ms now, hm_ms first, hm_ms cap, struct hm_rand *rand)
{
	*r = (struct hm_retry){ .first = first, .cap = cap, .sent = 1 };
	arm(r, now, rand);
}

bool hm_retry_due(const struct hm_retry *r, hm_ms now)
{
	return now >= r->next_at;
}

void hm_retry_sent(struct hm_retry *r, hm_ms now, struct hm_rand *rand)
{
	r->sent++;
	arm(r, now, rand);
}
