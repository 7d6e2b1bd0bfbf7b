/* Which of a mobile host's tunnels the kernel carries, and by which tables. */
#include "tun_rig.h"
#include "tunnel-ip6tnl/carried.h"
#include "tunnel-tun/net.h"

#define MS2 "2001:db8:f2::1"
#define GCOA2 "2001:db8:f2::aa"
#define GCOA3 "2001:db8:f3::aa"
#define OUT HM_NET_TABLE_CARRIED

static struct hm_tunnel_entry home(const char *gcoa, const char *ms)
{
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	add_hop(&e, gcoa, HA);
	add_hop(&e, LCOA, ms);
	return e;
}

static void add_accept(struct hm_tunnel_entry *e, const char *local, const char *remote)
{
	set(e->accept[e->n_accept].local, local);
	set(e->accept[e->n_accept++].remote, remote);
}

static const struct hm_carried_pair *pair_of(const struct hm_carried *c, const char *local)
{
	struct hm_addr a = addr(local);

	for (unsigned i = 0; i < c->n_pairs; i++)
		if (hm_addr_eq(&c->pairs[i].local, &a))
			return &c->pairs[i];
	return NULL;
}

static struct hm_carried carry(const struct hm_carried *now, struct hm_tunnel_entry e)
{
	return hm_carried_of(now, &e, 0);
}

Test(ip6tnl_carried, leads_each_tunnel_into_the_next)
{
	static const struct hm_carried none;
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");
	struct hm_carried c;

	add_hop(&e, GCOA, HA);
	add_hop(&e, GCOA2, MS2);
	add_hop(&e, LCOA, MS);
	c = carry(&none, e);
	cr_assert(c.any && !c.routed);
	cr_assert_eq(c.n_pairs, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(hm_carried_table(&c, i), OUT + i);
	cr_assert(c.pairs[0].within && c.pairs[1].within && !c.pairs[2].within);
	cr_assert(hm_carried_leads_out(&c, OUT + 2));
	cr_assert_not(hm_carried_leads_out(&c, OUT + 1));
	cr_assert(carry(&c, e).routed);
}

Test(ip6tnl_carried, keeps_the_way_of_the_former_end)
{
	static const struct hm_carried none;
	struct hm_carried first = carry(&none, home(GCOA, MS)), second, third, fourth;
	struct hm_tunnel_entry e = home(GCOA2, MS2);

	add_accept(&e, GCOA, HA);
	second = carry(&first, e);
	cr_assert_eq(hm_carried_table(&second, 1), OUT + 1 + HM_TUNNEL_HOPS);
	cr_assert(pair_of(&second, GCOA)->within);
	cr_assert_eq(pair_of(&second, GCOA)->table, OUT + 1);
	cr_assert(hm_carried_leads_out(&second, OUT + 1));
	cr_assert(hm_carried_leads_out(&second, OUT + 1 + HM_TUNNEL_HOPS));
	/* It is not accepted any more, and its way goes. */
	third = carry(&second, home(GCOA2, MS2));
	cr_assert_eq(hm_carried_table(&third, 1), OUT + 1 + HM_TUNNEL_HOPS);
	cr_assert_not(hm_carried_leads_out(&third, OUT + 1));
	/* And back into the table that is free. */
	fourth = carry(&third, home(GCOA3, MS));
	cr_assert_eq(hm_carried_table(&fourth, 1), OUT + 1);
}

Test(ip6tnl_carried, replaces_the_route_when_the_care_of_address_changes)
{
	static const struct hm_carried none;
	struct hm_carried first = carry(&none, home(GCOA, MS)), second;
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	add_hop(&e, GCOA, HA);
	add_hop(&e, "2001:db8:a::98", MS);
	second = carry(&first, e);
	cr_assert_eq(hm_carried_table(&second, 1), OUT + 1);
}

Test(ip6tnl_carried, makes_an_address_of_an_end_to_come_but_no_way)
{
	static const struct hm_carried none;
	struct hm_tunnel_entry e = home(GCOA, MS);
	struct hm_carried c;

	add_accept(&e, GCOA2, HA);
	add_accept(&e, LCOA, MS2);
	add_accept(&e, "2001:db8:a::98", MS2); /* no address of this machine */
	c = carry(&none, e);
	cr_assert_eq(c.n_pairs, 4);
	cr_assert(pair_of(&c, GCOA2)->within);
	cr_assert_eq(pair_of(&c, GCOA2)->table, 0);
	cr_assert_null(pair_of(&c, "2001:db8:a::98"));
	/* It gets one when packets are to come from there. */
	cr_assert_eq(carry(&c, home(GCOA2, MS2)).pairs[0].table, OUT + 1 + HM_TUNNEL_HOPS);
}
