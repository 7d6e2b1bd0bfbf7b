/* Entries of the plugin interface, and what they make the packet path look up. */
#include "tun_rig.h"

Test(tun_entries, leaves_nothing_behind_when_entries_go)
{
	struct rig *r = rig();
	struct hm_tunnel_entry encap = entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA);
	struct hm_tunnel_entry home = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	put(r, encap);
	cr_assert(r->change.points);
	put_home(r);
	put(r, home); /* the same entry, without hops now */
	cr_assert(r->change.home);
	set(encap.local, HA);
	put(r, encap);
	cr_assert_eq(r->path.n_points, 2);
	hm_entries_del(&r->path, &encap, &r->change);
	hm_entries_del(&r->path, &home, &r->change);
	hm_entries_del(&r->path, &home, &r->change);
	cr_assert_eq(r->path.table.n, 0);
	cr_assert_eq(r->path.n_points, 0);
	cr_assert_eq(r->path.n_home, 0);
}

Test(tun_entries, refuses_entries_out_of_form_and_more_homes_than_it_has_room_for)
{
	struct rig *r = rig();
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	e.n_hops = HM_TUNNEL_HOPS + 1;
	cr_assert_eq(hm_entries_put(&r->path, &e, &r->change), HM_PLUGIN_ECONFIG);
	e.n_hops = 0;
	e.kind = 4;
	cr_assert_eq(hm_entries_put(&r->path, &e, &r->change), HM_PLUGIN_EUNSUPPORTED);
	e.kind = HM_TUNNEL_HOME;
	e.size = sizeof e - 1;
	cr_assert_eq(hm_entries_put(&r->path, &e, &r->change), HM_PLUGIN_EUNSUPPORTED);
	e.size = sizeof e;
	for (unsigned i = 0; i <= HM_HOMES_MAX; i++) {
		e.match[15] = (uint8_t)i;
		cr_assert_eq(hm_entries_put(&r->path, &e, &r->change),
		             i < HM_HOMES_MAX ? HM_PLUGIN_OK : HM_PLUGIN_EFULL);
	}
}

Test(tun_entries, hears_nothing_of_what_is_one_way_from_the_beginning)
{
	struct rig *r = rig();
	struct hm_tunnel_entry e = entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA);

	e.one_way = 1;
	put(r, e);
	cr_assert_eq(r->path.n_points, 0);
	e.one_way = 0;
	put(r, e);
	cr_assert_eq(r->path.n_points, 1);
	/* What is under way is still taken. */
	e.one_way = 1;
	put(r, e);
	cr_assert_eq(r->path.n_points, 1);
	cr_assert(hm_entries_del(&r->path, &e, &r->change));
	cr_assert_eq(r->path.n_points, 0);
	cr_assert_not(hm_entries_del(&r->path, &e, &r->change));
}
