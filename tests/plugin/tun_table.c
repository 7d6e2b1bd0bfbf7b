#include "table.h"

#include "base/rand.h"

#include <criterion/criterion.h>

static const uint64_t seed[5] = { 1, 2, 3, 4, 5 };

static struct hm_addr numbered(uint32_t n)
{
	return (struct hm_addr){ { 0x20, 1, 0x0d, 0xb8, [12] = (uint8_t)(n >> 24),
		                   (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

Test(tun_table, finds_what_was_put_and_only_that)
{
	struct hm_table t = { 0 };
	struct hm_addr a = numbered(1), b = numbered(2);
	struct hm_item *own;

	cr_assert(hm_table_init(&t, seed));
	cr_assert_null(hm_table_find(&t, HM_ITEM_ENCAP, &a, NULL));
	own = hm_table_put(&t, HM_ITEM_OWN, &a, &b);
	cr_assert_not_null(own);
	cr_assert_eq(hm_table_put(&t, HM_ITEM_OWN, &a, &b), own);
	cr_assert_eq(hm_table_find(&t, HM_ITEM_OWN, &a, &b), own);
	cr_assert_null(hm_table_find(&t, HM_ITEM_OWN, &b, &a));
	cr_assert_null(hm_table_find(&t, HM_ITEM_OWN, &a, NULL));
	cr_assert_null(hm_table_find(&t, HM_ITEM_PEER, &a, &b));
	cr_assert_eq(t.n, 1);
	hm_table_finish(&t);
}

/* Puts, deletes and searches at random, and compares with a plain array. */
Test(tun_table, agrees_with_an_array_whatever_happens)
{
	enum { N = 5000, STEPS = 200000 };
	static bool there[N];
	struct hm_table t = { 0 };
	struct hm_rand r;
	uint32_t n = 0;

	hm_rand_init(&r, 7);
	cr_assert(hm_table_init(&t, seed));
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t x = hm_rand_below(&r, N);
		struct hm_addr a = numbered(x);
		struct hm_item *item = hm_table_find(&t, HM_ITEM_ENCAP, &a, NULL);

		cr_assert_eq(item != NULL, there[x], "step %u, number %u", i, x);
		if (item && hm_rand_below(&r, 2)) {
			hm_table_del(&t, item);
			there[x] = false;
			n--;
		} else if (!item) {
			item = hm_table_put(&t, HM_ITEM_ENCAP, &a, NULL);
			cr_assert_not_null(item);
			item->uses = x;
			there[x] = true;
			n++;
		} else {
			cr_assert_eq(item->uses, x);
		}
	}
	cr_assert_eq(t.n, n);
	hm_table_finish(&t);
}

Test(tun_table, holds_a_million_and_lists_each_once)
{
	enum { N = 1000000 };
	struct hm_table t = { 0 };
	struct hm_item *item;
	uint32_t pos = 0;
	uint64_t sum = 0;

	cr_assert(hm_table_init(&t, seed));
	for (uint32_t i = 0; i < N; i++) {
		struct hm_addr a = numbered(i);

		item = hm_table_put(&t, HM_ITEM_ENCAP, &a, NULL);
		cr_assert_not_null(item, "at %u", i);
		item->uses = i;
	}
	while ((item = hm_table_next(&t, &pos)))
		sum += item->uses;
	cr_assert_eq(t.n, N);
	cr_assert_eq(sum, (uint64_t)N * (N - 1) / 2);
	hm_table_finish(&t);
}

Test(tun_table, refuses_above_its_ceiling_and_takes_again_after_a_deletion)
{
	struct hm_table t = { 0 };
	struct hm_addr a = numbered(0);

	cr_assert(hm_table_init(&t, seed));
	for (uint32_t i = 0; i < HM_TABLE_MAX; i++) {
		a = numbered(i);
		cr_assert_not_null(hm_table_put(&t, HM_ITEM_ENCAP, &a, NULL), "at %u", i);
	}
	a = numbered(HM_TABLE_MAX);
	cr_assert_null(hm_table_put(&t, HM_ITEM_ENCAP, &a, NULL));
	cr_assert_null(hm_table_find(&t, HM_ITEM_ENCAP, &a, NULL));
	a = numbered(17);
	hm_table_del(&t, hm_table_find(&t, HM_ITEM_ENCAP, &a, NULL));
	a = numbered(HM_TABLE_MAX);
	cr_assert_not_null(hm_table_put(&t, HM_ITEM_ENCAP, &a, NULL));
	hm_table_finish(&t);
}
