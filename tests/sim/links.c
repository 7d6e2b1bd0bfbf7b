#include "sim/estate.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* Two interfaces: the better link is taken while the other one is there (make before break), and
 * not one packet is lost on the way. */

#define LIFETIME_S 600

struct site {
	struct estate estate;
	struct sim_node *ms;
	int a, b, c;
};

static void build(struct site *s, uint64_t seed)
{
	static const char *const routers[] = { "2001:db8:f1:1::1", "2001:db8:f1:2::1", NULL };
	struct estate *e = &s->estate;
	struct hm_name_list *names;
	int network;

	estate_init(e, seed, LIFETIME_S);
	names = &e->mh->config.mh.interfaces;
	names->n = 2;
	snprintf(names->name[1], HM_IFNAME_MAX, "if1");
	(void)sim_add_if(&e->sim, e->mh, "if1", SIM_NOWHERE);
	network = sim_add_link(&e->sim, "mn", "2001:db8:f1::", 64);
	s->ms = estate_server(e, "ms", "2001:db8:f1::1", network, 0, routers);
	s->a = estate_access(e, "a", "2001:db8:f1:1::", "2001:db8:f1:1::1");
	s->b = estate_access(e, "b", "2001:db8:f1:2::", "2001:db8:f1:2::1");
	s->c = estate_access(e, "c", "2001:db8:f2:1::", "2001:db8:f2:1::1"); /* no server */
}

/* Service at every moment for so long. */
static void expect_no_gap(struct site *s, hm_ms ms)
{
	for (hm_ms end = s->estate.sim.now + ms; s->estate.sim.now < end;) {
		estate_expect_service(&s->estate, 0);
		sim_run_until(&s->estate.sim, s->estate.sim.now + 1);
	}
}

static void settle_on_if1(struct site *s, int link)
{
	struct estate *e = &s->estate;

	estate_start(e);
	sim_attach(&e->sim, e->mh, 1, link);
	sim_start(&e->sim, e->mh);
	estate_expect_service(e, 15000);
	sim_run_until(&e->sim, e->sim.now + 5000);
}

static void play(uint64_t seed, int from_c, unsigned loss_pct)
{
	static struct site s;
	struct estate *e = &s.estate;

	build(&s, seed);
	settle_on_if1(&s, from_c ? s.c : s.b);
	e->sim.faults.loss_pct = loss_pct;
	e->sim.faults.latency_min = 1;
	e->sim.faults.latency_max = loss_pct ? 100 : 20;
	sim_attach(&e->sim, e->mh, 0, s.a);
	expect_no_gap(&s, 20 * HM_SECOND);
	if (e->mh->n_forwards == 0)
		sim_fail(&e->sim, "it is not away");
	/* The link that was left goes: nobody notices. */
	e->sim.faults.loss_pct = 0;
	sim_run_until(&e->sim, e->sim.now + 60 * HM_SECOND);
	sim_attach(&e->sim, e->mh, 1, SIM_NOWHERE);
	expect_no_gap(&s, 5 * HM_SECOND);
	estate_free(e);
}

Test(links, a_better_link_of_the_domain_is_taken_without_a_gap)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(seed, 0, 0);
}

Test(links, a_better_link_of_another_network_is_taken_without_a_gap)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(seed, 1, 0);
}

Test(links, lost_messages_delay_the_move_and_cost_no_packet)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		play(seed, 0, 20);
		play(seed, 1, 20);
	}
}
