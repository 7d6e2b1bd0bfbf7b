#include "host/chains.h"

#include <criterion/criterion.h>

#define ITEMS 1000

static struct hm_chains chains;

static void open_chains(void)
{
	cr_assert(hm_chains_init(&chains, ITEMS));
}

static void close_chains(void)
{
	hm_chains_finish(&chains);
}

TestSuite(chains, .init = open_chains, .fini = close_chains);

static struct hm_addr addr(uint32_t n)
{
	struct hm_addr a = { { 0x20, 0x01 } };

	memcpy(&a.b[12], &n, sizeof n);
	return a;
}

static bool holds(uint32_t item, uint32_t n)
{
	struct hm_addr a = addr(n);
	uint32_t i = hm_chains_first(&chains, &a);

	while (i != HM_CHAIN_END && i != item)
		i = hm_chains_next(&chains, i);
	return i == item;
}

Test(chains, items_are_found_by_their_address_until_removed)
{
	for (uint32_t i = 0; i < ITEMS; i++) {
		struct hm_addr a = addr(i);

		hm_chains_add(&chains, i, &a);
	}
	for (uint32_t i = 0; i < ITEMS; i += 2) {
		struct hm_addr a = addr(i);

		hm_chains_del(&chains, i, &a);
	}
	for (uint32_t i = 0; i < ITEMS; i++)
		cr_assert_eq(holds(i, i), i % 2 == 1, "item %u", i);
}

Test(chains, items_of_one_address_are_removed_from_any_place)
{
	const struct hm_addr a = addr(7);
	static const uint32_t order[] = { 2, 0, 4, 3, 1 };

	for (uint32_t i = 0; i < 5; i++)
		hm_chains_add(&chains, i, &a);
	cr_assert_eq(hm_chains_first(&chains, &a), 4);
	for (uint32_t k = 0; k < 5; k++) {
		hm_chains_del(&chains, order[k], &a);
		for (uint32_t j = 0; j < 5; j++)
			cr_assert_eq(holds(order[j], 7), j > k, "item %u after %u removals",
			             order[j], k + 1);
	}
	cr_assert_eq(hm_chains_first(&chains, &a), HM_CHAIN_END);
}

Test(chains, an_item_may_come_back_under_another_address)
{
	const struct hm_addr a = addr(1), b = addr(2);

	hm_chains_add(&chains, 5, &a);
	hm_chains_del(&chains, 5, &a);
	hm_chains_add(&chains, 5, &b);
	cr_assert(holds(5, 2));
	hm_chains_del(&chains, 5, &b);
	cr_assert_eq(hm_chains_first(&chains, &b), HM_CHAIN_END);
}
