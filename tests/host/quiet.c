/* How many lines many refusals make. */
#include "host/log.h"
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

/* Why there are two limits: with this one in front, the log's own never drops a line for what peers
 * do, and so never one of somebody else. */
Test(quiet, peers_leave_the_log_room_for_the_rest)
{
	struct hm_quiet refusals = { 0 }, failures = { 0 };
	struct hm_log_limit limit = { 0 };
	uint64_t suppressed = 0;
	unsigned others = 0, held;

	for (hm_ms now = 1000; now < 61000; now += 10) {
		for (unsigned n = 0; n < 20; n++) {
			const struct hm_addr a = peer((unsigned)now * 20 + n);

			if (hm_quiet_may_say(&refusals, &a, now, &held))
				cr_assert(hm_log_allowed(&limit, now, &suppressed));
			if (hm_quiet_may_say(&failures, &a, now, &held))
				cr_assert(hm_log_allowed(&limit, now, &suppressed));
		}
		/* Eighty lines a second of what else happens. */
		if (now % 50 < 40)
			others += hm_log_allowed(&limit, now, &suppressed);
	}
	cr_assert_eq(others, 60 * 80);
	cr_assert_eq(suppressed, 0);
}
