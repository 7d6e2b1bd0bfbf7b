/* How many lines many refusals make. */
#include "host/quiet.h"

#include <criterion/criterion.h>

static struct hm_addr peer(unsigned n)
{
	return (struct hm_addr){ { 0x20, 0x01, [14] = (uint8_t)(n >> 8), (uint8_t)n } };
}

Test(quiet, one_line_per_peer_and_period_tells_how_many_were_held_back)
{
	const struct hm_addr a = peer(1), b = peer(2);
	struct hm_quiet q = { 0 };
	unsigned held = 99;

	cr_assert(hm_quiet_may_say(&q, &a, 1000, &held));
	cr_assert_eq(held, 0);
	for (int i = 0; i < 500; i++)
		cr_assert(!hm_quiet_may_say(&q, &a, 1001, &held));
	cr_assert(hm_quiet_may_say(&q, &b, 1002, &held), "another peer is heard");
	cr_assert_eq(held, 0);
	cr_assert(!hm_quiet_may_say(&q, &a, 1000 + HM_QUIET_MS - 1, &held));
	cr_assert(hm_quiet_may_say(&q, &a, 1000 + HM_QUIET_MS, &held));
	cr_assert_eq(held, 501);
}

Test(quiet, a_thousand_peers_are_not_a_thousand_lines)
{
	struct hm_quiet q = { 0 };
	unsigned lines = 0, held;

	for (unsigned n = 0; n < 1000; n++) {
		const struct hm_addr a = peer(n);

		lines += hm_quiet_may_say(&q, &a, 5000, &held);
	}
	cr_assert_leq(lines, HM_QUIET_SLOTS);
	cr_assert_gt(lines, 1);
}
