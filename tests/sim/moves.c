#include "sim/site.h"

#include "roles/role.h"

#include <criterion/criterion.h>

/* Mobile hosts with two interfaces that are one another's correspondents, on a network that loses a
 * fifth of everything and reorders the rest, with completions that come late and hosts that crash
 * at any moment, with their store or without. When it calms down everybody reaches everybody, and
 * nothing of what was on the way is left: no address of a link that was left, no gateway, no
 * tunnel, no binding that leads astray.
 *
 *     HMIPD_SIM_SEEDS=N, HMIPD_SIM_SEED=S, HMIPD_SIM_TRACE=1   as in seeds.c */

#define STORM_MS (90 * HM_SECOND)
#define CALM_MS (240 * HM_SECOND)
#define INTERFACES 2

static void make_talkers(struct site *s)
{
	for (unsigned i = 0; i < s->n_hosts; i++) {
		struct sim_node *n = s->hosts[i];
		struct hm_mh_config *mh = &n->config.mh;

		sim_add_if(&s->sim, n, "if1", SIM_NOWHERE);
		mh->interfaces.n = INTERFACES;
		memcpy(mh->interfaces.name[1], "if1", 4);
		n->second = &hm_role_ch;
		n->config.ch.max_bindings = 16;
		n->config.common.roles[HM_ROLE_MH] = n->config.common.roles[HM_ROLE_CH] = true;
		for (unsigned k = 0; k < s->n_hosts; k++)
			if (k != i)
				mh->correspondents.a[mh->correspondents.n++] =
				        s->hosts[k]->config.mh.home;
	}
}

static bool is_mobile(const struct site *s, const struct sim_node *n)
{
	for (unsigned i = 0; i < s->n_hosts; i++)
		if (s->hosts[i] == n)
			return true;
	return false;
}

/* Down and up again within the moment, or later. */
static void crash(struct site *s, struct sim_node *n)
{
	if (!n->alive || !n->role)
		return;
	sim_crash(&s->sim, n, hm_rand_below(&s->sim.rand, 3) != 0);
	if (!is_mobile(s, n))
		return;
	/* The next start removes what the crash left in the kernel. */
	memset(n->addrs, 0, sizeof n->addrs);
	for (unsigned i = 0; i < n->n_ifs; i++)
		n->ifs[i].gateway = hm_addr_any;
}

static void wake_all(struct site *s)
{
	for (unsigned i = 0; i < s->sim.n_nodes; i++)
		if (!s->sim.nodes[i].alive)
			sim_start(&s->sim, &s->sim.nodes[i]);
}

static void storm(struct site *s)
{
	hm_ms end = s->sim.now + STORM_MS;

	while (s->sim.now < end) {
		struct sim_node *host = s->hosts[hm_rand_below(&s->sim.rand, s->n_hosts)];
		unsigned iface = hm_rand_below(&s->sim.rand, INTERFACES);
		unsigned to = hm_rand_below(&s->sim.rand, SITE_ACCESS_LINKS + 1);

		switch (hm_rand_below(&s->sim.rand, 4)) {
		case 0:
			crash(s, &s->sim.nodes[hm_rand_below(&s->sim.rand, s->sim.n_nodes)]);
			break;
		case 1:
			wake_all(s);
			break;
		default:
			sim_attach(&s->sim, host, iface,
			           to == SITE_ACCESS_LINKS ? SIM_NOWHERE : s->links[to]);
			break;
		}
		sim_run_until(&s->sim, s->sim.now + hm_rand_between(&s->sim.rand, 0, 6000));
	}
	wake_all(s);
	for (unsigned i = 0; i < s->n_hosts; i++)
		if (s->hosts[i]->ifs[0].link == SIM_NOWHERE &&
		    s->hosts[i]->ifs[1].link == SIM_NOWHERE)
			site_move(s, s->hosts[i], SITE_A1);
}

static void expect_reach(struct site *s, const struct sim_node *from, const struct sim_node *to)
{
	hm_ms end = s->sim.now + CALM_MS;

	while (!sim_reaches(&s->sim, from, to)) {
		if (s->sim.now >= end)
			sim_fail(&s->sim, "%s does not reach %s", from->name, to->name);
		sim_run_until(&s->sim, s->sim.now + 100);
	}
}

static void expect_each_other(struct site *s)
{
	for (unsigned i = 0; i < s->n_hosts; i++)
		for (unsigned k = 0; k < s->n_hosts; k++)
			if (i != k)
				expect_reach(s, s->hosts[i], s->hosts[k]);
}

static void check_addresses(struct site *s, const struct sim_node *host)
{
	for (unsigned i = 0; i < SIM_ADDRS_MAX; i++) {
		const struct sim_addr *a = &host->addrs[i];
		int link = a->used ? host->ifs[a->iface].link : 0;

		if (a->used &&
		    (link == SIM_NOWHERE || !hm_prefix_has(&s->sim.links[link].prefix, &a->addr)))
			sim_fail(&s->sim, "%s keeps an address of a link it left on %s", host->name,
			         host->ifs[a->iface].name);
	}
}

/* One way out, to a router of the link it is on. */
static void check_gateways(struct site *s, const struct sim_node *host)
{
	unsigned n = 0;

	for (unsigned i = 0; i < host->n_ifs; i++) {
		const struct sim_if *f = &host->ifs[i];
		bool known = false;

		if (hm_addr_is_any(&f->gateway))
			continue;
		n++;
		for (unsigned r = 0; r < SITE_ACCESS_LINKS; r++)
			known |= s->routers[r]->ifs[0].link == f->link &&
			         hm_addr_eq(&s->routers[r]->ifs[0].link_local, &f->gateway);
		if (!known)
			sim_fail(&s->sim, "%s has a gateway of another link on %s", host->name,
			         f->name);
	}
	if (n != 1)
		sim_fail(&s->sim, "%s has %u gateways", host->name, n);
}

static bool is_at_home(const struct sim_node *host)
{
	return !sim_forward(host, HM_FORWARD_HOME, &host->config.mh.home);
}

/* Every path of every node leads to the host it is for, and none is for a host at home. */
static void check_paths(struct site *s, struct sim_node *n)
{
	for (unsigned i = 0; i < n->n_forwards; i++) {
		const struct hm_forward *f = &n->forwards[i];
		struct sim_node *host = NULL;
		unsigned iface;

		for (unsigned k = 0; k < s->n_hosts; k++)
			if (hm_addr_eq(&s->hosts[k]->config.mh.home, &f->home))
				host = s->hosts[k];
		if (!host)
			sim_fail(&s->sim, "%s has a path for nobody", n->name);
		if (is_at_home(host))
			sim_fail(&s->sim, "%s has a path for %s, which is at home", n->name,
			         host->name);
		if ((f->kind == HM_FORWARD_ENCAP || f->kind == HM_FORWARD_PEER) &&
		    sim_route(&s->sim, &f->remote, &iface) != host)
			sim_fail(&s->sim, "%s has a path for %s that leads astray", n->name,
			         host->name);
	}
}

static void expect_nothing_stale(struct site *s)
{
	sim_run_until(&s->sim, s->sim.now + CALM_MS);
	for (unsigned i = 0; i < s->n_hosts; i++) {
		check_addresses(s, s->hosts[i]);
		check_gateways(s, s->hosts[i]);
	}
	for (unsigned i = 0; i < s->sim.n_nodes; i++)
		check_paths(s, &s->sim.nodes[i]);
}

static void play(uint64_t seed)
{
	static struct site s;

	site_init(&s, seed, 2 + (unsigned)(seed % 2));
	make_talkers(&s);
	s.sim.faults = (struct sim_faults){ .loss_pct = 20,
		                            .duplicate_pct = 5,
		                            .latency_min = 1,
		                            .latency_max = 300,
		                            .effect_min = 0,
		                            .effect_max = seed % 3 ? 50 : 2500 };
	site_start(&s);
	for (unsigned i = 0; i < s.n_hosts; i++)
		sim_start(&s.sim, s.hosts[i]);
	storm(&s);
	s.sim.faults.loss_pct = s.sim.faults.duplicate_pct = 0;
	s.sim.faults.effect_max = 50;
	for (unsigned i = 0; i < s.n_hosts; i++)
		site_expect_service(&s, s.hosts[i], CALM_MS);
	expect_each_other(&s);
	expect_nothing_stale(&s);
	for (unsigned i = 0; i < s.n_hosts; i++)
		sim_stop(&s.sim, s.hosts[i]);
	sim_run_until(&s.sim, s.sim.now + CALM_MS);
	for (unsigned i = 0; i < s.n_hosts; i++) /* what they knew of each other is theirs */
		memset(s.hosts[i]->records, 0, sizeof s.hosts[i]->records);
	site_expect_nothing_left(&s);
	site_free(&s);
}

#define MOVES(number)                                                                              \
	Test(moves, talkers_with_two_interfaces_leave_nothing_stale_##number)                      \
	{                                                                                          \
		sim_play_seeds(number, 50, play);                                                  \
	}

MOVES(0)
MOVES(1)
MOVES(2)
MOVES(3)
MOVES(4)
MOVES(5)
