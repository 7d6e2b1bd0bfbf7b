/* A 4-ary min-heap of moments over small numbers (slots of a table): which one is due first. Both
 * arrays are the caller's and zeroed; they are touched only as far as numbers are in use. */
#ifndef HM_ENGINE_HEAP_H
#define HM_ENGINE_HEAP_H

#include "base/clock.h"

struct hm_heap_node {
	hm_ms at;
	uint32_t who;
};

struct hm_heap {
	uint32_t n;
	struct hm_heap_node *node;
	uint32_t *pos; /* by number: place in node + 1, 0 when it does not wait */
};

/* Makes `who` due at `at`, whether it waited or not; HM_NEVER takes it out. */
void hm_heap_set(struct hm_heap *h, uint32_t who, hm_ms at);

/* The first moment, HM_NEVER when nothing waits. */
static inline hm_ms hm_heap_soonest(const struct hm_heap *h)
{
	return h->n > 0 ? h->node[0].at : HM_NEVER;
}

/* Who is due first; only when something waits. */
static inline uint32_t hm_heap_first(const struct hm_heap *h)
{
	return h->node[0].who;
}

static inline hm_ms hm_heap_at(const struct hm_heap *h, uint32_t who)
{
	return h->pos[who] ? h->node[h->pos[who] - 1].at : HM_NEVER;
}

#endif
