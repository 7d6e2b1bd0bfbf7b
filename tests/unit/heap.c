#include "engine/heap.h"
#include "base/rand.h"

#include <criterion/criterion.h>

#define N 50

struct fixture {
	struct hm_heap heap;
	struct hm_heap_node node[N];
	uint32_t pos[N];
};

static struct fixture *fixture(void)
{
	static struct fixture f;

	f.heap = (struct hm_heap){ .node = f.node, .pos = f.pos };
	return &f;
}

Test(heap, gives_the_soonest_first)
{
	struct hm_heap *h = &fixture()->heap;

	cr_assert_eq(hm_heap_soonest(h), HM_NEVER);
	hm_heap_set(h, 3, 300);
	hm_heap_set(h, 1, 100);
	hm_heap_set(h, 2, 200);
	cr_assert_eq(hm_heap_soonest(h), 100);
	cr_assert_eq(hm_heap_first(h), 1);
	hm_heap_set(h, 1, 400);
	cr_assert_eq(hm_heap_first(h), 2);
	hm_heap_set(h, 2, HM_NEVER);
	hm_heap_set(h, 2, HM_NEVER);
	cr_assert_eq(hm_heap_first(h), 3);
	cr_assert_eq(hm_heap_at(h, 2), HM_NEVER);
	cr_assert_eq(hm_heap_at(h, 1), 400);
}

static hm_ms least(const hm_ms model[N])
{
	hm_ms min = HM_NEVER;

	for (unsigned i = 0; i < N; i++)
		min = hm_sooner(min, model[i]);
	return min;
}

Test(heap, agrees_with_a_plain_array_over_random_changes)
{
	struct hm_heap *h = &fixture()->heap;
	hm_ms model[N];
	struct hm_rand rand;

	hm_rand_init(&rand, 7);
	for (unsigned i = 0; i < N; i++)
		model[i] = HM_NEVER;
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t who = hm_rand_below(&rand, N);
		hm_ms at = hm_rand_below(&rand, 3) ? (hm_ms)hm_rand_below(&rand, 1000) : HM_NEVER;

		hm_heap_set(h, who, at);
		model[who] = at;
		cr_assert_eq(hm_heap_soonest(h), least(model), "step %u", step);
		if (h->n > 0)
			cr_assert_eq(model[hm_heap_first(h)], least(model), "step %u", step);
		cr_assert_eq(hm_heap_at(h, who), at, "step %u", step);
	}
}
