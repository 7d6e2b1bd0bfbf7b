/* What is known of neighbours, and what follows from news of them. */
#include "neighbours.h"

#include <criterion/criterion.h>
#include <string.h>

#define MANY 4096u

static struct hm_neighbours table;
static const uint8_t here[6] = { 2, 0, 0, 0, 0, 1 }, there[6] = { 2, 0, 0, 0, 0, 2 };

static enum hm_neighbour_news hear(uint32_t ifindex, uint16_t host, const uint8_t *lladdr,
                                   uint8_t ret_lladdr[6])
{
	const uint8_t addr[16] = { 0x20, 0x01, [14] = (uint8_t)(host >> 8), (uint8_t)host };

	return hm_neighbours_hear(&table, ifindex, addr, lladdr, ret_lladdr);
}

Test(bpf_neighbours, tell_where_one_was_that_moves_or_goes)
{
	uint8_t was[6];

	cr_assert_eq(hear(1, 7, here, was), HM_NEIGHBOUR_OLD);
	cr_assert_eq(hear(1, 7, here, was), HM_NEIGHBOUR_OLD);
	cr_assert_eq(hear(1, 7, there, was), HM_NEIGHBOUR_LEFT);
	cr_assert_arr_eq(was, here, sizeof was);
	cr_assert_eq(hear(1, 7, NULL, was), HM_NEIGHBOUR_LEFT);
	cr_assert_arr_eq(was, there, sizeof was);
	cr_assert_eq(hear(1, 7, NULL, was), HM_NEIGHBOUR_OLD);
	cr_assert_eq(hear(1, 7, here, was), HM_NEIGHBOUR_OLD);
}

Test(bpf_neighbours, are_other_ones_on_other_interfaces)
{
	uint8_t was[6];

	cr_assert_eq(hear(1, 7, here, was), HM_NEIGHBOUR_OLD);
	cr_assert_eq(hear(2, 7, there, was), HM_NEIGHBOUR_OLD);
	cr_assert_eq(hear(2, 7, NULL, was), HM_NEIGHBOUR_LEFT);
	cr_assert_arr_eq(was, there, sizeof was);
	cr_assert_eq(hear(1, 7, here, was), HM_NEIGHBOUR_OLD);
}

/* Nothing of them is missed: of whom there is no room for, anything may be true. */
Test(bpf_neighbours, are_never_forgotten_for_sure)
{
	unsigned unsure = 0;
	uint8_t was[6];

	for (unsigned i = 0; i < 4 * MANY; i++)
		(void)hear(1, (uint16_t)i, here, was);
	for (unsigned i = 0; i < 4 * MANY; i++) {
		enum hm_neighbour_news news = hear(1, (uint16_t)i, NULL, was);

		cr_assert_neq(news, HM_NEIGHBOUR_OLD, "neighbour %u", i);
		unsure += news == HM_NEIGHBOUR_UNSURE;
	}
	cr_assert_gt(unsure, MANY);
}

Test(bpf_neighbours, have_room_for_as_many_as_a_kernel_keeps)
{
	unsigned unsure = 0;
	uint8_t was[6];

	for (unsigned i = 0; i < MANY / 4; i++)
		(void)hear(1, (uint16_t)i, here, was);
	for (unsigned i = 0; i < MANY / 4; i++)
		unsure += hear(1, (uint16_t)i, there, was) == HM_NEIGHBOUR_UNSURE;
	cr_assert_leq(unsure, 4u);
}
