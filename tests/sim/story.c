#include "sim/site.h"

#include <criterion/criterion.h>

/* The mobile host's whole journey on a faultless network, as the demonstration shows it. */

Test(story, a_host_moves_and_stays_reachable)
{
	static struct site s;
	struct sim_node *mh;
	uint64_t updates;

	site_init(&s, 1, 1);
	mh = s.hosts[0];
	site_start(&s);
	sim_run_until(&s.sim, 5000);
	site_move(&s, mh, SITE_HOME);
	sim_start(&s.sim, mh);
	site_expect_service(&s, mh, 3000);

	site_move(&s, mh, SITE_A1);
	site_expect_service(&s, mh, 5000);
	sim_run_until(&s.sim, s.sim.now + 2000);
	cr_assert(sim_is_direct(s.ch, mh), "the correspondent has no binding");

	updates = mh->sent_kind[HM_MSG_BU];
	site_move(&s, mh, SITE_A2);
	site_expect_service(&s, mh, 2000);
	site_move(&s, mh, SITE_A1);
	site_expect_service(&s, mh, 2000);
	cr_assert_eq(mh->sent_kind[HM_MSG_BU], updates, "somebody heard of a local move");

	site_move(&s, mh, SITE_B);
	site_expect_service(&s, mh, 5000);
	site_move(&s, mh, SITE_C);
	site_expect_service(&s, mh, 5000);
	site_move(&s, mh, SITE_HOME);
	site_expect_service(&s, mh, 5000);
	sim_run_until(&s.sim, s.sim.now + 120000);
	cr_assert_eq(s.ha->n_forwards, 0);
	cr_assert_eq(mh->n_forwards, 0);
	site_expect_nothing_left(&s);
	site_free(&s);
}

Test(story, a_restarted_server_serves_without_the_host_doing_anything)
{
	static struct site s;
	struct sim_node *mh;
	uint64_t sent;

	site_init(&s, 2, 1);
	mh = s.hosts[0];
	site_start(&s);
	sim_run_until(&s.sim, 5000);
	site_move(&s, mh, SITE_A1);
	sim_start(&s.sim, mh);
	site_expect_service(&s, mh, 5000);
	sim_run_until(&s.sim, s.sim.now + 2000);
	sent = mh->sent;
	sim_crash(&s.sim, s.msa, true);
	cr_assert(!sim_reaches(&s.sim, s.plain, mh));
	sim_start(&s.sim, s.msa);
	site_expect_service(&s, mh, 100);
	cr_assert_eq(mh->sent, sent);
	site_free(&s);
}

Test(story, packets_in_flight_to_the_old_site_follow_the_host)
{
	static struct site s;
	struct sim_node *mh;
	struct hm_addr old_gcoa;
	unsigned iface;

	site_init(&s, 3, 1);
	mh = s.hosts[0];
	site_start(&s);
	sim_run_until(&s.sim, 5000);
	site_move(&s, mh, SITE_A1);
	sim_start(&s.sim, mh);
	site_expect_service(&s, mh, 5000);
	old_gcoa = hm_addr_join(&s.msa->config.ms.address, 64, &mh->config.mh.home);
	cr_assert_eq(sim_route(&s.sim, &old_gcoa, &iface), mh);
	site_move(&s, mh, SITE_B);
	site_expect_service(&s, mh, 5000);
	cr_assert_eq(sim_route(&s.sim, &old_gcoa, &iface), mh);
	site_free(&s);
}
