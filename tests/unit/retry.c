#include "engine/retry.h"

#include <criterion/criterion.h>

static void expect_within(hm_ms got, hm_ms delay)
{
	cr_assert(got >= delay - delay / 10 && got <= delay + delay / 10,
	          "%lld is not within ten per cent of %lld", (long long)got, (long long)delay);
}

Test(retry, delays_double_up_to_the_cap)
{
	const hm_ms delays[] = { 1000, 2000, 4000, 8000, 10000, 10000 };
	struct hm_rand rand;
	struct hm_retry r;
	hm_ms now = 500;

	hm_rand_init(&rand, 1);
	hm_retry_start(&r, now, 1000, 10000, &rand);
	for (unsigned i = 0; i < sizeof delays / sizeof delays[0]; i++) {
		expect_within(r.next_at - now, delays[i]);
		cr_assert(!hm_retry_due(&r, r.next_at - 1));
		cr_assert(hm_retry_due(&r, r.next_at));
		cr_assert_eq(r.sent, i + 1);
		now = r.next_at;
		hm_retry_sent(&r, now, &rand);
	}
}

Test(retry, jitter_spreads_over_twenty_per_cent)
{
	struct hm_rand rand;
	hm_ms low = HM_NEVER, high = 0;

	hm_rand_init(&rand, 2);
	for (unsigned i = 0; i < 1000; i++) {
		struct hm_retry r;

		hm_retry_start(&r, 0, 1000, 10000, &rand);
		low = r.next_at < low ? r.next_at : low;
		high = r.next_at > high ? r.next_at : high;
	}
	cr_assert(low >= 900 && low < 910, "low %lld", (long long)low);
	cr_assert(high <= 1100 && high > 1090, "high %lld", (long long)high);
}

Test(retry, extreme_spans_do_not_overflow)
{
	struct hm_rand rand;
	struct hm_retry r;

	hm_rand_init(&rand, 3);
	hm_retry_start(&r, HM_NEVER - 5, 1000, HM_NEVER, &rand);
	cr_assert_eq(r.next_at, HM_NEVER);
	hm_retry_start(&r, 0, 2000, 1000, &rand);
	expect_within(r.next_at, 1000);
	r.cap = HM_NEVER;
	for (unsigned i = 0; i < 100; i++)
		hm_retry_sent(&r, 0, &rand);
	cr_assert(r.next_at >= HM_NEVER - HM_NEVER / 10 - 1);
}
