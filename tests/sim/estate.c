#include "sim/estate.h"

#include "lib/addr.h"
#include "roles/role.h"

static void name_interface(char name[HM_IFNAME_MAX])
{
	snprintf(name, HM_IFNAME_MAX, "%s", "if0");
}

static struct sim_node *add(struct estate *s, const char *name, const struct hm_role *role,
                            const struct hm_config *config, int link, const char *address)
{
	struct sim_node *n = sim_add_node(&s->sim, name, role, config);
	unsigned iface = sim_add_if(&s->sim, n, "if0", link);

	if (address)
		sim_add_addr(n, iface, address);
	return n;
}

static void add_home_agent(struct estate *s)
{
	struct hm_config c = { .ha = { .address = addr("2001:db8:1::1"),
		                       .plen = 64,
		                       .lifetime_max_s = s->lifetime_s,
		                       .max_bindings = 16,
		                       .dad = HM_DAD_YES } };

	name_interface(c.ha.interface);
	s->ha = add(s, "ha", &hm_role_ha, &c, s->home_link, "2001:db8:1::1");
}

static void add_host(struct estate *s)
{
	struct hm_config c = { .mh = { .home = addr("2001:db8:1::aa"),
		                       .home_plen = 64,
		                       .home_agent = addr("2001:db8:1::1"),
		                       .lifetime_s = s->lifetime_s,
		                       .uplink = HM_UPLINK_AUTO } };

	c.mh.interfaces.n = 1;
	name_interface(c.mh.interfaces.name[0]);
	c.mh.correspondents.n = 1;
	c.mh.correspondents.a[0] = addr("2001:db8:c::1");
	s->mh = add(s, "mh", &hm_role_mh, &c, SIM_NOWHERE, NULL);
}

void estate_init(struct estate *s, uint64_t seed, uint32_t lifetime_s)
{
	struct hm_config ch = { .ch = { .max_bindings = 16 } };
	int far;

	memset(s, 0, sizeof *s);
	sim_init(&s->sim, seed);
	s->lifetime_s = lifetime_s;
	far = sim_add_link(&s->sim, "far", "2001:db8:c::", 64);
	s->home_link = sim_add_link(&s->sim, "home", "2001:db8:1::", 64);
	add_home_agent(s);
	s->ch = add(s, "ch", &hm_role_ch, &ch, far, "2001:db8:c::1");
	s->plain = add(s, "plain", NULL, NULL, far, "2001:db8:c::2");
	add_host(s);
}

void estate_free(struct estate *s)
{
	sim_free(&s->sim);
}

static void fill_list(struct hm_addr_list *list, const char *const *text)
{
	for (; text && *text; text++)
		list->a[list->n++] = addr(*text);
}

struct sim_node *estate_server(struct estate *s, const char *name, const char *address, int link,
                               uint8_t level, const char *const *routers)
{
	struct hm_config c = { .ms = { .address = addr(address),
		                       .plen = 64,
		                       .lifetime_max_s = s->lifetime_s,
		                       .max_bindings = 16,
		                       .dad = HM_DAD_YES,
		                       .info_interval_ms = 1000,
		                       .level = level } };

	name_interface(c.ms.interface);
	fill_list(&c.ms.routers, routers);
	return add(s, name, &hm_role_ms, &c, link, address);
}

void estate_peers(struct sim_node *ms, const char *const *peers)
{
	fill_list(&ms->config.ms.peers, peers);
}

int estate_access(struct estate *s, const char *name, const char *prefix, const char *address)
{
	struct hm_config c = { .ra = { .mobility = HM_RA_DYNAMIC,
		                       .min_interval_ms = 1000,
		                       .max_interval_ms = 3000,
		                       .router_lifetime_s = 1800 } };
	int link = sim_add_link(&s->sim, name, prefix, 64);

	c.ra.interfaces.n = 1;
	name_interface(c.ra.interfaces.name[0]);
	c.ra.prefixes.n = 1;
	c.ra.prefixes.p[0] = (struct hm_prefix){ addr(prefix), 64 };
	(void)add(s, name, &hm_role_ra, &c, link, address);
	return link;
}

void estate_start(struct estate *s)
{
	for (unsigned i = 0; i < s->sim.n_nodes; i++)
		if (&s->sim.nodes[i] != s->mh)
			sim_start(&s->sim, &s->sim.nodes[i]);
	sim_run_until(&s->sim, s->sim.now + 5000);
}

void estate_move(struct estate *s, int link)
{
	sim_attach(&s->sim, s->mh, 0, link);
}

static const char *what_fails(struct estate *s)
{
	if (!sim_reaches(&s->sim, s->plain, s->mh))
		return "the plain correspondent does not reach the host";
	if (!sim_reaches(&s->sim, s->ch, s->mh))
		return "the binding correspondent does not reach the host";
	if (!sim_uplink_works(&s->sim, s->mh))
		return "the host has no uplink";
	return NULL;
}

void estate_expect_service(struct estate *s, hm_ms within)
{
	hm_ms end = s->sim.now + within;

	while (what_fails(s)) {
		if (s->sim.now >= end)
			sim_fail(&s->sim, "%s after %lld ms", what_fails(s), (long long)within);
		sim_run_until(&s->sim, s->sim.now + 100);
	}
}

struct hm_addr estate_gcoa(const struct estate *s, const struct sim_node *ms)
{
	return hm_addr_join(&ms->config.ms.address, ms->config.ms.plen, &s->mh->config.mh.home);
}

bool estate_serves(const struct estate *s, const struct sim_node *ms)
{
	struct hm_addr gcoa = estate_gcoa(s, ms);

	return ms->alive && sim_forward(ms, HM_FORWARD_ENCAP, &gcoa);
}

void estate_expect_no_stale_tunnel(struct estate *s)
{
	unsigned iface;

	for (unsigned i = 0; i < s->sim.n_nodes; i++) {
		const struct sim_node *n = &s->sim.nodes[i];

		for (unsigned f = 0; n != s->mh && f < n->n_forwards; f++)
			if (n->forwards[f].kind == HM_FORWARD_ENCAP &&
			    sim_route(&s->sim, &n->forwards[f].match, &iface) != s->mh)
				sim_fail(&s->sim, "a stale tunnel at %s", n->name);
	}
}
