#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, never_stays_never)
{
	cr_assert_eq(hm_after(HM_NEVER, 1), HM_NEVER);
	cr_assert_eq(hm_after(HM_NEVER - 1, 5), HM_NEVER);
	cr_assert_eq(hm_after(10, 5), 15);
}

Test(clock, lifetimes_end_and_run_down)
{
	cr_assert_eq(hm_lifetime_end(1000, 60), 61000);
	cr_assert_eq(hm_lifetime_end(1000, HM_LIFETIME_INFINITE), HM_NEVER);
	cr_assert_eq(hm_lifetime_left(1000, 61000), 60);
	cr_assert_eq(hm_lifetime_left(1001, 61000), 59);
	cr_assert_eq(hm_lifetime_left(61000, 61000), 0);
	cr_assert_eq(hm_lifetime_left(0, HM_NEVER), HM_LIFETIME_INFINITE);
}
