#include "sim/site.h"

#include <criterion/criterion.h>

/* Random journeys on a network that loses, doubles, damages and reorders, with hosts that crash,
 * forget and are cut off, and effects that fail. When it calms down everything must work, and when
 * the mobile hosts leave nothing may stay behind.
 *
 *     HMIPD_SIM_SEEDS=N   that many seeds per test instead of 100
 *     HMIPD_SIM_SEED=S    only seed S
 *     HMIPD_SIM_TRACE=1   print every event and effect */

#define STORM_MS (120 * HM_SECOND)
#define CALM_MS (240 * HM_SECOND)

struct outage {
	struct sim_node *node;
	hm_ms until;
	bool was_cut;
};

static struct sim_node *any_node(struct site *s)
{
	return &s->sim.nodes[hm_rand_below(&s->sim.rand, s->sim.n_nodes)];
}

static void begin_outage(struct site *s, struct outage *o)
{
	struct sim_node *n = any_node(s);

	if (o->node || !n->alive || n->cut)
		return;
	o->node = n;
	o->until = s->sim.now + hm_rand_between(&s->sim.rand, 0, 10000);
	o->was_cut = hm_rand_below(&s->sim.rand, 2) == 0 || !n->role;
	if (o->was_cut)
		n->cut = true;
	else
		sim_crash(&s->sim, n, hm_rand_below(&s->sim.rand, 3) != 0);
}

static void end_outage(struct site *s, struct outage *o)
{
	if (!o->node)
		return;
	if (o->was_cut)
		o->node->cut = false;
	else
		sim_start(&s->sim, o->node);
	o->node = NULL;
}

static void storm(struct site *s)
{
	struct outage outages[2] = { { 0 } };
	hm_ms end = s->sim.now + STORM_MS;

	while (s->sim.now < end) {
		struct outage *o = &outages[hm_rand_below(&s->sim.rand, 2)];

		for (unsigned i = 0; i < 2; i++)
			if (outages[i].node && outages[i].until <= s->sim.now)
				end_outage(s, &outages[i]);
		if (hm_rand_below(&s->sim.rand, 3) == 0)
			begin_outage(s, o);
		else
			site_move(s, s->hosts[hm_rand_below(&s->sim.rand, s->n_hosts)],
			          (enum site_link)hm_rand_below(&s->sim.rand, SITE_ACCESS_LINKS));
		sim_run_until(&s->sim, s->sim.now + hm_rand_between(&s->sim.rand, 0, 8000));
	}
	for (unsigned i = 0; i < 2; i++)
		end_outage(s, &outages[i]);
	for (unsigned i = 0; i < s->n_hosts; i++) /* chance may have moved one nowhere so far */
		if (s->hosts[i]->ifs[0].link == SIM_NOWHERE)
			site_move(s, s->hosts[i], SITE_A1);
}

static void play(uint64_t seed)
{
	static struct site s;

	site_init(&s, seed, 1 + (unsigned)(seed % SITE_HOSTS_MAX));
	s.sim.faults = (struct sim_faults){ .loss_pct = hm_rand_below(&s.sim.rand, 21),
		                            .duplicate_pct = hm_rand_below(&s.sim.rand, 11),
		                            .corrupt_pct = hm_rand_below(&s.sim.rand, 3),
		                            .latency_min = 1,
		                            .latency_max = 1 + hm_rand_below(&s.sim.rand, 200),
		                            .effect_min = 0,
		                            .effect_max = hm_rand_below(&s.sim.rand, 50) };
	site_start(&s);
	for (unsigned i = 0; i < s.n_hosts; i++)
		sim_start(&s.sim, s.hosts[i]);
	storm(&s);
	s.sim.faults.loss_pct = s.sim.faults.duplicate_pct = s.sim.faults.corrupt_pct = 0;
	for (unsigned i = 0; i < s.n_hosts; i++)
		site_expect_service(&s, s.hosts[i], CALM_MS);
	for (unsigned i = 0; i < s.n_hosts; i++)
		sim_stop(&s.sim, s.hosts[i]);
	sim_run_until(&s.sim, s.sim.now + CALM_MS);
	site_expect_nothing_left(&s);
	site_free(&s);
}

#define SEEDS(number)                                                                              \
	Test(seeds, converge_and_leave_nothing_##number)                                           \
	{                                                                                          \
		sim_play_seeds(number, 100, play);                                                 \
	}

SEEDS(0)
SEEDS(1)
SEEDS(2)
SEEDS(3)
SEEDS(4)
SEEDS(5)
SEEDS(6)
SEEDS(7)
SEEDS(8)
SEEDS(9)
