#include "sim/estate.h"

#include <criterion/criterion.h>

/* Three levels (PROTOCOL 6): one server at the top, two below it, three at the bottom.
 *
 *                 top
 *            west      east
 *         w1    w2       e1
 *        /  \    |        |
 *      a11  a12  a2       b        access links, whose routers tell of all above them */

#define LIFETIME_S 600
#define STORM_MS (120 * HM_SECOND)

enum { TOP, WEST, EAST, W1, W2, E1, SERVERS };

struct site {
	struct estate estate;
	struct sim_node *ms[SERVERS];
	int a11, a12, a2, b;
};

static struct sim_node *server(struct site *s, const char *name, const char *prefix,
                               const char *address, uint8_t level, const char *const *routers)
{
	static const char *const peers[] = { "2001:db8:f1:10::1",
		                             "2001:db8:f1:20::1",
		                             "2001:db8:f1:30::1",
		                             "2001:db8:f1:11::1",
		                             "2001:db8:f1:12::1",
		                             "2001:db8:f1:21::1",
		                             NULL };
	int link = sim_add_link(&s->estate.sim, name, prefix, 64);
	struct sim_node *ms = estate_server(&s->estate, name, address, link, level, routers);

	estate_peers(ms, peers);
	return ms;
}

#define A11 "2001:db8:f1:1::"
#define A12 "2001:db8:f1:2::"
#define A2 "2001:db8:f1:3::"
#define B "2001:db8:f1:4::"

static void build(struct site *s, uint64_t seed)
{
	static const char *const all[] = { A11 "1", A12 "1", A2 "1", B "1", NULL };
	static const char *const west[] = { A11 "1", A12 "1", A2 "1", NULL };
	static const char *const w1[] = { A11 "1", A12 "1", NULL };
	static const char *const w2[] = { A2 "1", NULL };
	static const char *const east[] = { B "1", NULL };
	struct estate *e = &s->estate;

	estate_init(e, seed, LIFETIME_S);
	s->ms[TOP] = server(s, "top", "2001:db8:f1:10::", "2001:db8:f1:10::1", 1, all);
	s->ms[WEST] = server(s, "west", "2001:db8:f1:20::", "2001:db8:f1:20::1", 2, west);
	s->ms[EAST] = server(s, "east", "2001:db8:f1:30::", "2001:db8:f1:30::1", 2, east);
	s->ms[W1] = server(s, "w1", "2001:db8:f1:11::", "2001:db8:f1:11::1", 3, w1);
	s->ms[W2] = server(s, "w2", "2001:db8:f1:12::", "2001:db8:f1:12::1", 3, w2);
	s->ms[E1] = server(s, "e1", "2001:db8:f1:21::", "2001:db8:f1:21::1", 3, east);
	s->a11 = estate_access(e, "a11", A11, A11 "1");
	s->a12 = estate_access(e, "a12", A12, A12 "1");
	s->a2 = estate_access(e, "a2", A2, A2 "1");
	s->b = estate_access(e, "b", B, B "1");
}

static void settle(struct site *s)
{
	estate_start(&s->estate);
	estate_move(&s->estate, s->a11);
	sim_start(&s->estate.sim, s->estate.mh);
	estate_expect_service(&s->estate, 20000);
	sim_run_until(&s->estate.sim, s->estate.sim.now + 5000);
}

/* What a server or the home agent has acknowledged. */
static uint64_t acked(const struct sim_node *n)
{
	return n->sent_kind[HM_MSG_BACK];
}

/* The care-of address a server forwards the host's packets to. */
static struct hm_addr below(const struct site *s, int at)
{
	struct hm_addr gcoa = estate_gcoa(&s->estate, s->ms[at]);
	const struct hm_forward *f = sim_forward(s->ms[at], HM_FORWARD_ENCAP, &gcoa);

	cr_assert_not_null(f, "%s does not serve the host", s->ms[at]->name);
	return f->remote;
}

static void expect_chain(const struct site *s, int high, int low)
{
	struct hm_addr at = below(s, high), want = estate_gcoa(&s->estate, s->ms[low]);

	cr_assert(hm_addr_eq(&at, &want), "%s does not lead to %s", s->ms[high]->name,
	          s->ms[low]->name);
}

Test(levels, are_registered_from_the_bottom_and_lead_down)
{
	static struct site s;

	build(&s, 1);
	settle(&s);
	expect_chain(&s, TOP, WEST);
	expect_chain(&s, WEST, W1);
	(void)below(&s, W1);
	cr_assert_not(estate_serves(&s.estate, s.ms[EAST]));
	estate_free(&s.estate);
}

/* Moves, and checks who had to hear of it: the servers from `from` on down, nobody above. */
static void move_and_count(struct site *s, int link, unsigned highest_told)
{
	static const unsigned levels[SERVERS] = { 1, 2, 2, 3, 3, 3 };
	uint64_t before[SERVERS], home = acked(s->estate.ha);
	uint64_t told = s->estate.mh->sent_kind[HM_MSG_BU];

	for (int i = 0; i < SERVERS; i++)
		before[i] = acked(s->ms[i]);
	estate_move(&s->estate, link);
	sim_run_until(&s->estate.sim, s->estate.sim.now + 8000);
	estate_expect_service(&s->estate, 0);
	for (int i = 0; i < SERVERS; i++)
		if (levels[i] < highest_told)
			cr_assert_eq(acked(s->ms[i]), before[i], "%s heard of it", s->ms[i]->name);
	if (highest_told > 0) {
		cr_assert_eq(acked(s->estate.ha), home, "the home agent heard of it");
		cr_assert_eq(s->estate.mh->sent_kind[HM_MSG_BU], told, "somebody beyond did");
	}
}

Test(levels, below_the_server_that_stays_hear_of_a_move_and_no_others)
{
	static struct site s;

	build(&s, 2);
	settle(&s);
	move_and_count(&s, s.a12, 3); /* the lowest server stays */
	expect_chain(&s, WEST, W1);
	move_and_count(&s, s.a2, 2); /* another one below west */
	expect_chain(&s, WEST, W2);
	expect_chain(&s, TOP, WEST);
	move_and_count(&s, s.b, 1); /* another branch below the top */
	expect_chain(&s, TOP, EAST);
	expect_chain(&s, EAST, E1);
	move_and_count(&s, s.a11, 1);
	expect_chain(&s, TOP, WEST);
	expect_chain(&s, WEST, W1);
	estate_free(&s.estate);
}

Test(levels, a_server_that_restarts_goes_on_without_a_word)
{
	for (int i = 0; i < SERVERS; i++) {
		static struct site s;
		uint64_t told;

		build(&s, 10 + (uint64_t)i);
		settle(&s);
		told = s.estate.mh->sent;
		sim_crash(&s.estate.sim, s.ms[i], true);
		sim_start(&s.estate.sim, s.ms[i]);
		sim_run_until(&s.estate.sim, s.estate.sim.now + 1500);
		estate_expect_service(&s.estate, 0);
		cr_assert_eq(s.estate.mh->sent, told, "%s made the host speak", s.ms[i]->name);
		estate_free(&s.estate);
	}
}

/* Anything restarts at any moment, the mobile host too, and the host moves about. */
static void storm(struct site *s)
{
	const int links[] = { s->a11, s->a12, s->a2, s->b, s->estate.home_link };
	struct estate *e = &s->estate;
	hm_ms end = e->sim.now + STORM_MS;

	while (e->sim.now < end) {
		struct sim_node *n = &e->sim.nodes[hm_rand_below(&e->sim.rand, e->sim.n_nodes)];

		if (hm_rand_below(&e->sim.rand, 2)) {
			estate_move(e, links[hm_rand_below(&e->sim.rand, 5)]);
		} else if (!n->plain) {
			if (n->alive)
				sim_crash(&e->sim, n, true);
			sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 3000));
			if (!n->alive)
				sim_start(&e->sim, n);
		}
		sim_run_until(&e->sim, e->sim.now + hm_rand_between(&e->sim.rand, 0, 8000));
	}
	estate_move(e, s->a11);
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
	estate_move(e, s.a11);
	sim_start(&e->sim, e->mh);
	storm(&s);
	e->sim.faults.loss_pct = 0;
	estate_expect_service(e, 240 * HM_SECOND);
	/* Bindings of branches that were left without a word expire. */
	sim_run_until(&e->sim, e->sim.now + 2 * LIFETIME_S * HM_SECOND);
	estate_expect_service(e, 0);
	expect_chain(&s, TOP, WEST);
	expect_chain(&s, WEST, W1);
	estate_expect_no_stale_tunnel(e);
	estate_free(e);
}

#define SEEDS(number)                                                                              \
	Test(levels, converge_whatever_restarts_##number)                                          \
	{                                                                                          \
		sim_play_seeds(number, 50, play);                                                  \
	}

SEEDS(0)
SEEDS(1)
