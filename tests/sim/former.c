#include "sim/estate.h"

#include "roles/role.h"

#include <criterion/criterion.h>

/* Two networks without mobility servers; the router of one is a home agent, though not the mobile
 * host's, and sends on to where the host went (draft-12 10.10). */

struct site {
	struct estate estate;
	struct sim_node *agent;
	int there, elsewhere;
};

static void build(struct site *s, uint64_t seed)
{
	struct estate *e = &s->estate;
	struct hm_ha_config ha = { .plen = 64, .lifetime_max_s = 600, .max_bindings = 16 };

	estate_init(e, seed, 600);
	s->there = estate_access(e, "there", "2001:db8:d:1::", "2001:db8:d:1::1");
	s->agent = &e->sim.nodes[e->sim.n_nodes - 1];
	s->elsewhere = estate_access(e, "elsewhere", "2001:db8:e:1::", "2001:db8:e:1::1");
	memcpy(ha.interface, "if0", 4);
	ha.address = s->agent->addrs[0].addr;
	ha.dad = HM_DAD_YES;
	s->agent->second = &hm_role_ha;
	s->agent->config.ha = ha;
	s->agent->config.ra.home_agent = true;
}

static struct hm_addr settle(struct site *s)
{
	struct estate *e = &s->estate;

	estate_start(e);
	estate_move(e, s->there);
	sim_start(&e->sim, e->mh);
	estate_expect_service(e, 10000);
	sim_run_until(&e->sim, e->sim.now + 2000);
	return sim_forward(e->mh, HM_FORWARD_HOME, &e->mh->config.mh.home)->hops[0].local;
}

static bool arrives(struct site *s, const struct hm_addr *dst)
{
	unsigned iface;

	return sim_route(&s->estate.sim, dst, &iface) == s->estate.mh;
}

Test(former, what_still_arrives_on_the_former_link_is_sent_on_for_a_minute)
{
	static struct site s;
	struct estate *e = &s.estate;
	struct hm_addr old;

	build(&s, 1);
	old = settle(&s);
	estate_move(e, s.elsewhere);
	estate_expect_service(e, 10000);
	sim_run_until(&e->sim, e->sim.now + 2000);
	cr_assert(arrives(&s, &old));
	sim_run_until(&e->sim, e->sim.now + 60 * HM_SECOND);
	cr_assert_eq(s.agent->n_forwards, 0, "it sends on for more than a minute");
	estate_free(e);
}

Test(former, a_host_that_comes_back_leaves_nothing_behind)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		static struct site s;
		struct estate *e = &s.estate;

		build(&s, seed);
		(void)settle(&s);
		e->sim.faults.loss_pct = 20;
		e->sim.faults.latency_max = 100;
		for (unsigned i = 0; i < 6; i++) {
			estate_move(e, i % 2 ? s.there : s.elsewhere);
			if (hm_rand_below(&e->sim.rand, 3) == 0) {
				sim_crash(&e->sim, s.agent, true);
				sim_start(&e->sim, s.agent);
			}
			sim_run_until(&e->sim,
			              e->sim.now + hm_rand_between(&e->sim.rand, 500, 20000));
		}
		e->sim.faults.loss_pct = 0;
		estate_expect_service(e, 60 * HM_SECOND);
		sim_run_until(&e->sim, e->sim.now + 70 * HM_SECOND);
		estate_expect_service(e, 0);
		if (s.agent->n_forwards != 0)
			sim_fail(&e->sim, "the agent of the former link still sends on");
		estate_free(e);
	}
}
