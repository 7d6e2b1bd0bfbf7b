#include "sim/site.h"

#include <criterion/criterion.h>

/* The same journey again and again, each time with another effect failing: for every k the k-th. */

static uint64_t journey(uint64_t failing)
{
	static struct site s;
	static const enum site_link stops[] = { SITE_A1, SITE_A2, SITE_B, SITE_C, SITE_HOME };
	uint64_t effects;
	struct sim_node *mh;

	site_init(&s, 7, 1);
	s.sim.faults.fail_effect = failing;
	mh = s.hosts[0];
	site_start(&s);
	sim_run_until(&s.sim, 4000);
	sim_start(&s.sim, mh);
	for (unsigned i = 0; i < sizeof stops / sizeof stops[0]; i++) {
		site_move(&s, mh, stops[i]);
		site_expect_service(&s, mh, 90 * HM_SECOND);
		sim_run_until(&s.sim, s.sim.now + 3000);
	}
	effects = s.sim.effects;
	sim_stop(&s.sim, mh);
	sim_run_until(&s.sim, s.sim.now + 200 * HM_SECOND);
	if (failing == 0)
		site_expect_nothing_left(&s);
	site_free(&s);
	return effects;
}

Test(faults, whichever_effect_fails_service_comes_back)
{
	uint64_t n = journey(0);

	cr_assert_gt(n, 50);
	for (uint64_t k = 1; k <= n; k++)
		(void)journey(k);
}
