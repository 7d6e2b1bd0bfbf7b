#include "sim/estate.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* Two mobility servers on one Mobility Network, one in a network of its own, and four access links:
 * routers tell of both servers, of either, and of the third. */

#define LIFETIME_S 600
#define STORM_MS (120 * HM_SECOND)

struct site {
	struct estate estate;
	struct sim_node *ms1, *ms2, *ms3;
	int both, one, two, other;
};

static void build(struct site *s, uint64_t seed)
{
	static const char *const routers1[] = { "2001:db8:f1:1::1", "2001:db8:f1:2::1", NULL };
	static const char *const routers2[] = { "2001:db8:f1:1::1", "2001:db8:f1:3::1", NULL };
	static const char *const routers3[] = { "2001:db8:f1:4::1", NULL };
	static const char *const peers[] = { "2001:db8:f1::1", "2001:db8:f1::2", "2001:db8:f1:f::1",
		                             NULL };
	struct estate *e = &s->estate;
	int network, third;

	estate_init(e, seed, LIFETIME_S);
	network = sim_add_link(&e->sim, "mn", "2001:db8:f1::", 64);
	third = sim_add_link(&e->sim, "mn3", "2001:db8:f1:f::", 64);
	s->ms1 = estate_server(e, "ms1", "2001:db8:f1::1", network, 0, routers1);
	s->ms2 = estate_server(e, "ms2", "2001:db8:f1::2", network, 0, routers2);
	s->ms3 = estate_server(e, "ms3", "2001:db8:f1:f::1", third, 0, routers3);
	estate_peers(s->ms1, peers);
	estate_peers(s->ms2, peers);
	estate_peers(s->ms3, peers);
	s->both = estate_access(e, "both", "2001:db8:f1:1::", "2001:db8:f1:1::1");
	s->one = estate_access(e, "one", "2001:db8:f1:2::", "2001:db8:f1:2::1");
	s->two = estate_access(e, "two", "2001:db8:f1:3::", "2001:db8:f1:3::1");
	s->other = estate_access(e, "other", "2001:db8:f1:4::", "2001:db8:f1:4::1");
}

/* On the link that knows both, served by one of them, and everybody told. */
static struct sim_node *settle(struct site *s)
{
	estate_start(&s->estate);
	estate_move(&s->estate, s->both);
	sim_start(&s->estate.sim, s->estate.mh);
	estate_expect_service(&s->estate, 8000);
	sim_run_until(&s->estate.sim, s->estate.sim.now + 3000);
	cr_assert_neq(estate_serves(&s->estate, s->ms1), estate_serves(&s->estate, s->ms2));
	return estate_serves(&s->estate, s->ms1) ? s->ms1 : s->ms2;
}

Test(servers, one_takes_over_when_the_other_dies_and_nobody_beyond_hears)
{
	static struct site s;
	struct sim_node *first, *second;
	uint64_t updates;

	build(&s, 1);
	first = settle(&s);
	second = first == s.ms1 ? s.ms2 : s.ms1;
	updates = s.estate.mh->sent_kind[HM_MSG_BU];
	sim_crash(&s.estate.sim, first, true);
	cr_assert(!sim_reaches(&s.estate.sim, s.estate.plain, s.estate.mh));
	estate_expect_service(&s.estate, 12000);
	cr_assert(estate_serves(&s.estate, second));
	/* Back from the dead, with a binding that is another's now. */
	sim_start(&s.estate.sim, first);
	sim_run_until(&s.estate.sim, s.estate.sim.now + 5000);
	cr_assert(!estate_serves(&s.estate, first), "it still serves what it lost");
	cr_assert(estate_serves(&s.estate, second));
	estate_expect_service(&s.estate, 0);
	cr_assert_eq(s.estate.mh->sent_kind[HM_MSG_BU], updates, "somebody beyond heard of it");
	cr_assert_eq(s.estate.mh->notes[HM_NOTE_FALLBACK], 0);
	estate_free(&s.estate);
}

Test(servers, one_that_withdraws_hands_its_host_over)
{
	static struct site s;
	struct sim_node *first, *second;
	uint64_t updates;

	build(&s, 2);
	first = settle(&s);
	second = first == s.ms1 ? s.ms2 : s.ms1;
	updates = s.estate.mh->sent_kind[HM_MSG_BU];
	sim_stop(&s.estate.sim, first);
	estate_expect_service(&s.estate, 8000);
	cr_assert(estate_serves(&s.estate, second));
	cr_assert_eq(s.estate.mh->sent_kind[HM_MSG_BU], updates, "somebody beyond heard of it");
	estate_free(&s.estate);
}

Test(servers, one_that_lives_and_is_left_lets_go)
{
	static struct site s;
	uint64_t updates;

	build(&s, 3);
	(void)settle(&s);
	updates = s.estate.mh->sent_kind[HM_MSG_BU];
	for (unsigned i = 0; i < 6; i++) {
		struct sim_node *now = i % 2 ? s.ms1 : s.ms2;

		estate_move(&s.estate, i % 2 ? s.one : s.two);
		estate_expect_service(&s.estate, 8000);
		sim_run_until(&s.estate.sim, s.estate.sim.now + 1000);
		cr_assert(estate_serves(&s.estate, now));
		cr_assert(!estate_serves(&s.estate, i % 2 ? s.ms2 : s.ms1), "two serve one GCoA");
	}
	cr_assert_eq(s.estate.mh->sent_kind[HM_MSG_BU], updates, "somebody beyond heard of it");
	estate_free(&s.estate);
}

Test(servers, another_network_of_the_domain_is_another_gcoa_and_handed_over)
{
	static struct site s;
	struct hm_addr old;
	struct sim_node *first;
	uint64_t updates;
	unsigned iface;

	build(&s, 4);
	first = settle(&s);
	old = estate_gcoa(&s.estate, first);
	updates = s.estate.mh->sent_kind[HM_MSG_BU];
	estate_move(&s.estate, s.other);
	estate_expect_service(&s.estate, 8000);
	cr_assert(estate_serves(&s.estate, s.ms3));
	cr_assert_gt(s.estate.mh->sent_kind[HM_MSG_BU], updates);
	cr_assert_eq(sim_route(&s.estate.sim, &old, &iface), s.estate.mh);
	sim_run_until(&s.estate.sim, s.estate.sim.now + 61000);
	cr_assert(!estate_serves(&s.estate, first), "it sends on for more than 60 s");
	estate_free(&s.estate);
}

#define PROBE_MS 10

/* What a correspondent loses of a packet every 10 ms while the host goes from one network of the
 * domain to another, on paths that take 40 ms. */
static unsigned lost_by_a_move(uint64_t seed, bool handoff)
{
	static struct site s;
	struct sim *sim = &s.estate.sim;
	unsigned lost = 0;

	build(&s, seed);
	for (unsigned i = 0; i < sim->n_nodes && !handoff; i++)
		if (sim->nodes[i].role == s.ms1->role)
			sim->nodes[i].config.ms.peers.n = 0;
	sim->faults.latency_min = sim->faults.latency_max = 40;
	(void)settle(&s);
	estate_move(&s.estate, s.other);
	for (unsigned i = 0; i < 12 * HM_SECOND / PROBE_MS; i++) {
		sim_run_until(sim, sim->now + PROBE_MS);
		lost += !sim_reaches(sim, s.estate.plain, s.estate.mh);
	}
	cr_assert(estate_serves(&s.estate, s.ms3), "seed %u: it stays with a router it has left",
	          (unsigned)seed);
	estate_expect_service(&s.estate, 0);
	cr_assert_eq(s.ms3->sent_kind[HM_MSG_HANDOFF] > 0, handoff);
	estate_free(&s.estate);
	return lost;
}

/* The same moves with and without (draft 4.3.6). */
Test(servers, the_handoff_request_saves_packets)
{
	unsigned with = 0, without = 0, n = 20;

	for (unsigned i = 0; i < n; i++) {
		unsigned one = lost_by_a_move(200 + i, true);
		unsigned other = lost_by_a_move(200 + i, false);

		cr_expect_leq(one, other, "seed %u", 200 + i);
		with += one;
		without += other;
	}
	printf("%u moves to another network lose %u packets with the Handoff Request, %u without\n",
	       n, with, without);
	cr_expect_leq(with + 2 * n, without, "it saves less than two packets of each move");
}

Test(servers, equals_share_the_hosts_and_preference_wins)
{
	unsigned served[2] = { 0 };

	for (unsigned i = 0; i < 24; i++) {
		static struct site s;

		build(&s, 100 + i);
		s.estate.mh->config.mh.home.b[15] = (uint8_t)(0x20 + i);
		s.ms2->config.ms.preference = i >= 16;
		served[settle(&s) == s.ms2]++;
		cr_assert(i < 16 || estate_serves(&s.estate, s.ms2), "host %u", i);
		if (i == 15)
			cr_assert(served[0] >= 3 && served[1] >= 3, "%u to %u", served[0],
			          served[1]);
		estate_free(&s.estate);
	}
}

/* Servers die, withdraw and come back; the host moves about. */
static void storm(struct site *s)
{
	struct sim_node *const servers[] = { s->ms1, s->ms2, s->ms3 };
	const int links[] = { s->both, s->both, s->one, s->two, s->other };
	struct estate *e = &s->estate;
	hm_ms end = e->sim.now + STORM_MS;

	while (e->sim.now < end) {
		struct sim_node *ms = servers[hm_rand_below(&e->sim.rand, 3)];

		if (hm_rand_below(&e->sim.rand, 2))
			estate_move(e, links[hm_rand_below(&e->sim.rand, 5)]);
		else if (!ms->alive)
			sim_start(&e->sim, ms);
		else if (hm_rand_below(&e->sim.rand, 2))
			sim_stop(&e->sim, ms);
		else
			sim_crash(&e->sim, ms, true);
		sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 8000));
	}
	for (unsigned i = 0; i < 3; i++)
		if (!servers[i]->alive)
			sim_start(&e->sim, servers[i]);
	estate_move(e, s->both); /* where it meets what it left behind */
}

static void play(uint64_t seed)
{
	static struct site s;
	struct estate *e = &s.estate;

	build(&s, seed);
	/* Correspondents are another story: one that was given up keeps what it knew. */
	e->mh->config.mh.correspondents.n = 0;
	e->sim.faults.loss_pct = 20;
	e->sim.faults.latency_min = 1;
	e->sim.faults.latency_max = 100;
	estate_start(e);
	estate_move(e, s.both);
	sim_start(&e->sim, e->mh);
	storm(&s);
	e->sim.faults.loss_pct = 0;
	estate_expect_service(e, 240 * HM_SECOND);
	/* Less than any binding lives: what is stale must have been found out, not have expired. */
	sim_run_until(&e->sim, e->sim.now + 540 * HM_SECOND);
	estate_expect_service(e, 0);
	if (estate_serves(e, s.ms1) && estate_serves(e, s.ms2))
		sim_fail(&e->sim, "two servers of one network serve one host");
	/* The Handoff Request to another network is not repeated (draft 4.3.6): that one expires.
	 */
	sim_run_until(&e->sim, e->sim.now + 300 * HM_SECOND);
	estate_expect_no_stale_tunnel(e);
	estate_free(e);
}

#define SEEDS(number)                                                                              \
	Test(servers, converge_whatever_dies_##number)                                             \
	{                                                                                          \
		sim_play_seeds(number, 50, play);                                                  \
	}

SEEDS(0)
SEEDS(1)
SEEDS(2)
SEEDS(3)
