#include "engine/heap.h"

/* Four children share a cache line, and the tree is half as deep as a binary one. */
#define ARITY 4

static void put(struct hm_heap *h, uint32_t place, struct hm_heap_node node)
{
	h->node[place] = node;
	h->pos[node.who] = place + 1;
}

static void sift_up(struct hm_heap *h, uint32_t place, struct hm_heap_node node)
{
	while (place > 0) {
		uint32_t parent = (place - 1) / ARITY;

		if (h->node[parent].at <= node.at)
			break;
		put(h, place, h->node[parent]);
		place = parent;
	}
	put(h, place, node);
}

/* The soonest child of a place, or h->n when it has none. */
static uint32_t soonest_child(const struct hm_heap *h, uint32_t place)
{
	uint32_t first = place * ARITY + 1;
	uint32_t best = h->n;

	for (uint32_t i = first; i < first + ARITY && i < h->n; i++)
		if (best == h->n || h->node[i].at < h->node[best].at)
			best = i;
	return best;
}

static void sift_down(struct hm_heap *h, uint32_t place, struct hm_heap_node node)
{
	for (;;) {
		uint32_t child = soonest_child(h, place);

		if (child == h->n || h->node[child].at >= node.at)
			break;
		put(h, place, h->node[child]);
		place = child;
	}
	put(h, place, node);
}

static void settle(struct hm_heap *h, uint32_t place, struct hm_heap_node node)
{
	if (place > 0 && h->node[(place - 1) / ARITY].at > node.at)
		sift_up(h, place, node);
	else
		sift_down(h, place, node);
}

static void take_out(struct hm_heap *h, uint32_t who)
{
	uint32_t place = h->pos[who] - 1;
	struct hm_heap_node last = h->node[--h->n];

	h->pos[who] = 0;
	if (last.who != who)
		settle(h, place, last);
}

void hm_heap_set(struct hm_heap *h, uint32_t who, hm_ms at)
{
	struct hm_heap_node node = { .at = at, .who = who };

	if (at == HM_NEVER) {
		if (h->pos[who])
			take_out(h, who);
		return;
	}
	if (h->pos[who])
		settle(h, h->pos[who] - 1, node);
	else
		sift_up(h, h->n++, node);
}
