#include "base/rand.h"

#include <criterion/criterion.h>

Test(rand, the_same_seed_gives_the_same_numbers)
{
	struct hm_rand a, b;

	hm_rand_init(&a, 42);
	hm_rand_init(&b, 42);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(hm_rand_next(&a), hm_rand_next(&b));
	cr_assert_neq(hm_rand_next(&a), hm_rand_next(&a));
}

Test(rand, stays_within_bounds_and_reaches_them)
{
	struct hm_rand r;
	unsigned seen = 0;

	hm_rand_init(&r, 1);
	for (unsigned i = 0; i < 1000; i++) {
		int64_t v = hm_rand_between(&r, -1, 2);

		cr_assert(v >= -1 && v <= 2);
		seen |= 1u << (v + 1);
		cr_assert(hm_rand_below(&r, 7) < 7);
	}
	cr_assert_eq(seen, 0xf);
	cr_assert_eq(hm_rand_below(&r, 0), 0);
	cr_assert_eq(hm_rand_between(&r, 5, 5), 5);
}
