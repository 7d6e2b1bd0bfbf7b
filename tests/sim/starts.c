#include "sim/estate.h"

#include <criterion/criterion.h>

/* Beginnings: registrations that arrive in the first seconds of a server's life, daemons and links
 * in any order, and a home agent that must be found first. */

#define LIFETIME_S 600
#define FIRST_SECONDS_MS 3000
#define STEP_MS 150

struct site {
	struct estate estate;
	struct sim_node *ms;
	int a, b;
};

static void build(struct site *s, uint64_t seed)
{
	static const char *const routers[] = { "2001:db8:f1:1::1", "2001:db8:f1:2::1", NULL };
	int network;

	estate_init(&s->estate, seed, LIFETIME_S);
	network = sim_add_link(&s->estate.sim, "mn", "2001:db8:f1::", 64);
	s->ms = estate_server(&s->estate, "ms", "2001:db8:f1::1", network, 0, routers);
	s->a = estate_access(&s->estate, "a", "2001:db8:f1:1::", "2001:db8:f1:1::1");
	s->b = estate_access(&s->estate, "b", "2001:db8:f1:2::", "2001:db8:f1:2::1");
}

/* A server dies and is back after two seconds; its store is there or not. The host has moved
 * meanwhile, or comes `after` it is back. */
static void play_restart(struct sim_node *(*which)(struct site *s), hm_ms after, bool keep_store)
{
	static struct site s;
	struct estate *e = &s.estate;
	struct sim_node *n;

	build(&s, 1 + (uint64_t)after);
	estate_start(e);
	estate_move(e, s.a);
	sim_start(&e->sim, e->mh);
	estate_expect_service(e, 10000);
	sim_run_until(&e->sim, e->sim.now + 5000);
	n = which(&s);
	sim_crash(&e->sim, n, keep_store);
	sim_run_until(&e->sim, e->sim.now + 2000);
	sim_start(&e->sim, n);
	sim_run_until(&e->sim, e->sim.now + after);
	estate_move(e, s.b);
	/* Whatever was refused or lost in the beginning, nobody gives up. */
	estate_expect_service(e, 15000);
	estate_free(e);
}

static struct sim_node *server(struct site *s)
{
	return s->ms;
}

static struct sim_node *home_agent(struct site *s)
{
	return s->estate.ha;
}

Test(starts, a_server_serves_in_its_first_seconds_what_it_remembers)
{
	for (hm_ms after = 0; after <= FIRST_SECONDS_MS; after += STEP_MS)
		play_restart(server, after, true);
}

Test(starts, a_home_agent_serves_in_its_first_seconds_what_it_remembers)
{
	for (hm_ms after = 0; after <= FIRST_SECONDS_MS; after += STEP_MS)
		play_restart(home_agent, after, true);
}

/* Its disk is gone: it knows nobody, and says so. */
Test(starts, a_server_that_lost_everything_is_registered_with_anew)
{
	for (hm_ms after = 0; after <= FIRST_SECONDS_MS; after += STEP_MS)
		play_restart(server, after, false);
}

/* A host that comes while its server begins, from the first moment on. */
Test(starts, the_first_registration_of_all_may_come_at_any_moment)
{
	for (hm_ms after = 0; after <= FIRST_SECONDS_MS; after += STEP_MS) {
		static struct site s;
		struct estate *e = &s.estate;

		build(&s, 100 + (uint64_t)after);
		for (unsigned i = 0; i < e->sim.n_nodes; i++)
			if (&e->sim.nodes[i] != e->mh)
				sim_start(&e->sim, &e->sim.nodes[i]);
		sim_run_until(&e->sim, e->sim.now + after);
		estate_move(e, s.a);
		sim_start(&e->sim, e->mh);
		estate_expect_service(e, 10000);
		sim_run_until(&e->sim, e->sim.now + 70 * HM_SECOND);
		cr_assert(estate_serves(e, s.ms), "after %lld ms it never came to the server",
		          (long long)after);
		estate_free(e);
	}
}

/* Daemons one after the other in an order drawn at random, the host's link at some point between.
 */
static void play_order(uint64_t seed)
{
	static struct site s;
	struct estate *e = &s.estate;
	unsigned order[SIM_NODES_MAX], n;

	build(&s, seed);
	n = e->sim.n_nodes;
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n - 1; i > 0; i--) {
		unsigned k = hm_rand_below(&e->sim.rand, i + 1), was = order[i];

		order[i] = order[k];
		order[k] = was;
	}
	e->sim.faults.loss_pct = 20;
	e->sim.faults.latency_min = 1;
	e->sim.faults.latency_max = 100;
	for (unsigned i = 0; i < n; i++) {
		if (i == seed % n)
			estate_move(e, s.a);
		sim_start(&e->sim, &e->sim.nodes[order[i]]);
		sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 4000));
	}
	e->sim.faults.loss_pct = 0;
	estate_expect_service(e, 60 * HM_SECOND);
	/* Where plain Mobile IPv6 came first the server is found later (probed once a minute). */
	sim_run_until(&e->sim, e->sim.now + 130 * HM_SECOND);
	estate_expect_service(e, 0);
	if (!estate_serves(e, s.ms))
		sim_fail(&e->sim, "the server is never come to");
	estate_free(e);
}

Test(starts, any_order_of_daemons_and_links_works)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		play_order(seed);
}

/* `home-agent = auto`: requests and replies get lost and reordered, the home agent restarts. */
static void play_discovery(uint64_t seed)
{
	static struct site s;
	struct estate *e = &s.estate;

	build(&s, seed);
	e->mh->config.mh.discover_home_agent = true;
	e->mh->config.mh.home_agent = hm_addr_any;
	sim_add_addr(e->ha, 0, "2001:db8:1:0:fdff:ffff:ffff:fffe");
	e->sim.faults.loss_pct = 20;
	e->sim.faults.latency_min = 1;
	e->sim.faults.latency_max = 400;
	estate_start(e);
	sim_crash(&e->sim, e->ha, true);
	estate_move(e, s.a);
	sim_start(&e->sim, e->mh);
	sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 6000));
	sim_start(&e->sim, e->ha);
	sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 3000));
	sim_crash(&e->sim, e->ha, true);
	sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 3000));
	sim_start(&e->sim, e->ha);
	e->sim.faults.loss_pct = seed % 2 ? 20 : 0;
	estate_expect_service(e, 150 * HM_SECOND);
	cr_assert_gt(e->mh->sent_kind[HM_MSG_HAAD_REQUEST], 0);
	cr_assert_gt(e->ha->sent_kind[HM_MSG_HAAD_REPLY], 0);
	estate_free(e);
}

Test(starts, a_home_agent_is_found_whatever_is_lost)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		play_discovery(seed);
}
