/* How many errors are passed on. */
#include "host/relay.h"

#include <criterion/criterion.h>

static unsigned burst(struct hm_relay *r, hm_ms now_ms)
{
	unsigned n = 0;

	while (n < 1000 && hm_relay_allowed(r, now_ms))
		n++;
	return n;
}

Test(relay, a_burst_is_passed_on_and_then_so_many_per_second)
{
	struct hm_relay r = { 0 };

	cr_expect_eq(burst(&r, 5000), HM_RELAY_BURST);
	cr_expect_eq(burst(&r, 5009), 0);
	cr_expect_eq(burst(&r, 5010), 1);
	cr_expect_eq(burst(&r, 5510), 50);
	cr_expect_eq(burst(&r, 1000000), HM_RELAY_BURST);
}

Test(relay, what_is_left_of_a_token_is_kept)
{
	struct hm_relay r = { 0 };

	(void)burst(&r, 5000);
	cr_expect_eq(burst(&r, 5015), 1);
	cr_expect_eq(burst(&r, 5020), 1);
}
