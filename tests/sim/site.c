#include "sim/site.h"

#include "lib/addr.h"
#include "roles/role.h"

#define LIFETIME_S 60

static void name_interface(char name[HM_IFNAME_MAX], const char *value)
{
	snprintf(name, HM_IFNAME_MAX, "%s", value);
}

static struct sim_node *add(struct site *s, const char *name, const struct hm_role *role,
                            const struct hm_config *config, int link, const char *address)
{
	struct sim_node *n = sim_add_node(&s->sim, name, role, config);
	unsigned iface = sim_add_if(&s->sim, n, "if0", link);

	if (address)
		sim_add_addr(n, iface, address);
	return n;
}

static void add_home_agent(struct site *s)
{
	struct hm_config c = { .ha = { .address = addr("2001:db8:1::1"),
		                       .plen = 64,
		                       .lifetime_max_s = LIFETIME_S,
		                       .max_bindings = 16,
		                       .dad = HM_DAD_YES } };

	name_interface(c.ha.interface, "if0");
	s->ha = add(s, "ha", &hm_role_ha, &c, s->links[SITE_HOME], "2001:db8:1::1");
}

static struct sim_node *add_server(struct site *s, const char *name, const char *address, int link,
                                   bool on_link)
{
	struct hm_config c = { .ms = { .address = addr(address),
		                       .plen = 64,
		                       .lifetime_max_s = LIFETIME_S,
		                       .max_bindings = 16,
		                       .dad = on_link ? HM_DAD_YES : HM_DAD_NO,
		                       .info_interval_ms = 3000 } };

	if (on_link)
		name_interface(c.ms.interface, "if0");
	c.ms.peers.n = 2;
	c.ms.peers.a[0] = addr("2001:db8:f1::1");
	c.ms.peers.a[1] = addr("2001:db8:f2::1");
	if (on_link) {
		c.ms.routers.n = 2;
		c.ms.routers.a[0] = addr("2001:db8:f1:1::1");
		c.ms.routers.a[1] = addr("2001:db8:f1:2::1");
	} else {
		c.ms.routers.n = 1;
		c.ms.routers.a[0] = addr("2001:db8:f2:1::1");
	}
	return add(s, name, &hm_role_ms, &c, link, address);
}

static void add_router(struct site *s, enum site_link link, const char *name, const char *prefix,
                       const char *address)
{
	struct hm_config c = { .ra = { .mobility = HM_RA_DYNAMIC,
		                       .min_interval_ms = 1000,
		                       .max_interval_ms = 3000,
		                       .router_lifetime_s = 1800 } };

	c.ra.interfaces.n = 1;
	name_interface(c.ra.interfaces.name[0], "if0");
	c.ra.prefixes.n = 1;
	c.ra.prefixes.p[0] = (struct hm_prefix){ addr(prefix), 64 };
	if (link == SITE_HOME)
		c.ra.home_agent = true;
	s->routers[link] = add(s, name, &hm_role_ra, &c, s->links[link], address);
}

static void add_host(struct site *s, unsigned number)
{
	static const char *const names[SITE_HOSTS_MAX] = { "mh1", "mh2", "mh3" };
	struct hm_config c = { .mh = { .home = addr("2001:db8:1::a0"),
		                       .home_plen = 64,
		                       .home_agent = addr("2001:db8:1::1"),
		                       .lifetime_s = LIFETIME_S,
		                       .uplink = HM_UPLINK_AUTO } };

	c.mh.home.b[15] = (uint8_t)(c.mh.home.b[15] + number);
	c.mh.interfaces.n = 1;
	name_interface(c.mh.interfaces.name[0], "if0");
	c.mh.correspondents.n = 1;
	c.mh.correspondents.a[0] = addr("2001:db8:c::1");
	s->hosts[number] = add(s, names[number], &hm_role_mh, &c, SIM_NOWHERE, NULL);
}

void site_init(struct site *s, uint64_t seed, unsigned n_hosts)
{
	struct hm_config ch = { .ch = { .max_bindings = 16 } };
	int mna, mnb, far;

	memset(s, 0, sizeof *s);
	sim_init(&s->sim, seed);
	s->links[SITE_HOME] = sim_add_link(&s->sim, "home", "2001:db8:1::", 64);
	s->links[SITE_A1] = sim_add_link(&s->sim, "a1", "2001:db8:f1:1::", 64);
	s->links[SITE_A2] = sim_add_link(&s->sim, "a2", "2001:db8:f1:2::", 64);
	s->links[SITE_B] = sim_add_link(&s->sim, "b", "2001:db8:f2:1::", 64);
	s->links[SITE_C] = sim_add_link(&s->sim, "c", "2001:db8:f3:1::", 64);
	mna = sim_add_link(&s->sim, "mna", "2001:db8:f1::", 64);
	mnb = sim_add_link(&s->sim, "mnb", "2001:db8:f2::", 64);
	far = sim_add_link(&s->sim, "far", "2001:db8:c::", 64);
	add_home_agent(s);
	s->msa = add_server(s, "msa", "2001:db8:f1::1", mna, true);
	s->msb = add_server(s, "msb", "2001:db8:f2::1", mnb, false);
	add_router(s, SITE_HOME, "rhome", "2001:db8:1::", "2001:db8:1::2");
	add_router(s, SITE_A1, "ra1", "2001:db8:f1:1::", "2001:db8:f1:1::1");
	add_router(s, SITE_A2, "ra2", "2001:db8:f1:2::", "2001:db8:f1:2::1");
	add_router(s, SITE_B, "rb", "2001:db8:f2:1::", "2001:db8:f2:1::1");
	add_router(s, SITE_C, "rc", "2001:db8:f3:1::", "2001:db8:f3:1::1");
	s->ch = add(s, "ch", &hm_role_ch, &ch, far, "2001:db8:c::1");
	s->plain = add(s, "plain", NULL, NULL, far, "2001:db8:c::2");
	s->n_hosts = n_hosts;
	for (unsigned i = 0; i < n_hosts; i++)
		add_host(s, i);
}

void site_start(struct site *s)
{
	for (unsigned i = 0; i < s->sim.n_nodes; i++)
		if (s->sim.nodes[i].role != &hm_role_mh)
			sim_start(&s->sim, &s->sim.nodes[i]);
}

void site_free(struct site *s)
{
	sim_free(&s->sim);
}

void site_move(struct site *s, struct sim_node *host, enum site_link to)
{
	sim_attach(&s->sim, host, 0, s->links[to]);
}

static const char *what_fails(struct site *s, const struct sim_node *host)
{
	if (!sim_reaches(&s->sim, s->plain, host))
		return "the plain correspondent does not reach";
	if (!sim_reaches(&s->sim, s->ch, host))
		return "the binding correspondent does not reach";
	if (!sim_uplink_works(&s->sim, host))
		return "no uplink from";
	return NULL;
}

void site_expect_service(struct site *s, struct sim_node *host, hm_ms within)
{
	hm_ms end = s->sim.now + within;

	while (what_fails(s, host)) {
		if (s->sim.now >= end)
			sim_fail(&s->sim, "%s %s after %lld ms", what_fails(s, host), host->name,
			         (long long)within);
		sim_run_until(&s->sim, s->sim.now + 100);
	}
}

void site_expect_nothing_left(struct site *s)
{
	for (unsigned i = 0; i < s->sim.n_nodes; i++) {
		struct sim_node *n = &s->sim.nodes[i];

		if (n->n_forwards)
			sim_fail(&s->sim, "%s still forwards for %u", n->name, n->n_forwards);
		for (unsigned r = 0; r < SIM_RECORDS_MAX; r++)
			if (n->records[r].used && n->records[r].record.kind == HM_RECORD_BINDING)
				sim_fail(&s->sim, "%s still stores a binding", n->name);
	}
}
