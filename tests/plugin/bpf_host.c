/* The programs for mobile hosts and correspondents, one packet at a time (BPF_PROG_TEST_RUN),
 * beside the data plane in user space that serves what they leave: what they take must become the
 * same, octet by octet, and be counted the same. Needs root, and the right to load programs. */
#include "bpf_host_rig.h"
#include "offload.h"

#include "base/rand.h"

Test(bpf_host, puts_a_mobile_host_s_packets_into_as_many_tunnels_as_it_has)
{
	for (unsigned n = 0; n <= HM_TUNNEL_HOPS; n++) {
		put(home(n));
		packet(HOME, CN, 17, 300, 0xb9);
		cr_assert(out(), "%u hops", n);
		cr_assert_eq(rig->result_len, MAC + 300 + 40 * n);
	}
	same_count(home(0));
}

Test(bpf_host, takes_as_many_tunnels_off)
{
	for (unsigned n = 1; n <= HM_TUNNEL_HOPS; n++) {
		struct hm_tunnel_entry e = home(n);

		put(e);
		packet(CN, HOME, 17, 300, 0);
		for (unsigned i = 0; i < n; i++) {
			struct hm_addr from, to;

			memcpy(from.b, e.hops[i].remote, 16);
			memcpy(to.b, e.hops[i].local, 16);
			cr_assert(hm_pkt_push(&rig->k, &from, &to, HM_ENCAP_NO_LIMIT));
		}
		cr_assert(in(), "%u hops", n);
		cr_assert_eq(rig->result_len, MAC + 300);
	}
	same_count(home(0));
}

Test(bpf_host, joins_congestion_marks_as_rfc_6040_says)
{
	unsigned dropped = 0;

	put(home(2));
	for (unsigned i = 0; i < 64; i++) {
		packet(CN, HOME, 17, 100, (uint8_t)(i & 3));
		wrap(HA, GCOA);
		rig->k.at[1] = (uint8_t)((rig->k.at[1] & 0xcf) | (i >> 2 & 3) << 4);
		wrap(MS, LCOA);
		rig->k.at[1] = (uint8_t)((rig->k.at[1] & 0xcf) | (i >> 4 & 3) << 4);
		dropped += !in();
	}
	cr_assert_eq(dropped, rig->path.stats[HM_STAT_DROP_DECAPSULATION]);
	cr_assert_gt(dropped, 0);
}

Test(bpf_host, sends_from_a_regional_address_through_the_tunnels_outside_of_it)
{
	put(home(2));
	packet(GCOA, CN, 17, 100, 0);
	cr_assert(out());
	cr_assert_eq(rig->result_len, MAC + 140);
	packet(LCOA, CN, 17, 100, 0);
	cr_assert_not(out());
	packet(CN, GCOA, 17, 100, 0);
	wrap(MS, LCOA);
	cr_assert(in(), "what is for a regional address");
}

Test(bpf_host, optimises_routes_on_either_side_and_both)
{
	struct hm_tunnel_entry peer = entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2);

	put(home(2));
	put(own(CN, 0));
	put(own(HOME2, 1));
	put(peer);
	packet(HOME, CN, 6, 200, 0);
	cr_assert(out(), "own");
	packet(HOME, HOME2, 6, 200, 0);
	cr_assert(out(), "own with a tunnel, and peer");
	cr_assert_eq(rig->result_len, MAC + 200 + 48 + 40);
	packet(CN, HOME2, 6, 200, 0);
	cr_assert(out(), "peer");
	same_count(own(CN, 0));
	same_count(own(HOME2, 1));
	same_count(peer);
	same_count(home(2));
}

Test(bpf_host, undoes_what_its_correspondents_did)
{
	struct hm_tunnel_entry peer = entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2);
	struct hm_addr lcoa = addr(LCOA), gcoa = addr(GCOA), coa2 = addr(COA2);

	put(home(2));
	put(own(CN, 0));
	put(own(HOME2, 1));
	put(peer);
	packet(CN, HOME, 17, 200, 0);
	cr_assert(hm_pkt_route(&rig->k, &lcoa));
	cr_assert(in(), "routing header");
	packet(HOME2, LCOA, 17, 200, 0);
	cr_assert(hm_pkt_home(&rig->k, &coa2, false));
	cr_assert(in(), "home address");
	packet(HOME2, HOME, 17, 200, 0);
	cr_assert(hm_pkt_route(&rig->k, &gcoa));
	cr_assert(hm_pkt_home(&rig->k, &coa2, true));
	wrap(MS, LCOA);
	cr_assert(in(), "both, tunnelled");
	cr_assert_eq(rig->result_len, MAC + 200);
	same_count(own(CN, 0));
	same_count(own(HOME2, 1));
	same_count(peer);
}

Test(bpf_host, serves_a_binding_that_names_no_address_of_ours_at_any_of_them)
{
	struct hm_addr coa2 = addr(COA2);

	put(entry(HM_TUNNEL_PEER, HOME, "::", COA2));
	for (unsigned i = 0; i < 2; i++) {
		packet(HOME, i ? CN : "2001:db8:a::98", 17, 200, 0);
		cr_assert(hm_pkt_home(&rig->k, &coa2, false));
		run(rig->skel->progs.hm_host_in, rig->link);
		cr_assert_eq(is_untouched(), i == 1);
	}
}

Test(bpf_host, leaves_to_others_what_is_not_plain_data)
{
	static const uint8_t next[] = { 0, 43, 44, 51, 59, 60, 135 };
	struct hm_addr lcoa = addr(LCOA);

	put(home(2));
	put(own(CN, 0));
	for (size_t i = 0; i < sizeof next; i++) {
		packet(CN, HOME, next[i], 200, 0);
		wrap(HA, GCOA);
		wrap(MS, LCOA);
		cr_assert_not(in(), "tunnelled %u", next[i]);
		packet(CN, HOME, next[i], 200, 0);
		cr_assert(hm_pkt_route(&rig->k, &lcoa));
		cr_assert_not(in(), "route-optimised %u", next[i]);
	}
	for (unsigned type = 0; type < 256; type++) {
		packet(CN, HOME, 58, 200, 0);
		rig->k.at[40] = (uint8_t)type;
		wrap(HA, GCOA);
		wrap(MS, LCOA);
		cr_assert_eq(in(), type < 133 || type > 137, "type %u", type);
	}
}

Test(bpf_host, leaves_to_others_what_does_not_fit)
{
	struct hm_addr ms = addr(MS);

	put(home(2));
	packet(HOME, CN, 17, 1420, 0);
	cr_assert(out());
	packet(HOME, CN, 17, 1421, 0);
	cr_assert_not(out(), "wider than the link");
	hm_path_set_mtu(&rig->path, &ms, 1400);
	hm_host_state_path_mtu(&rig->state, ms.b, 1400);
	packet(HOME, CN, 17, 1320, 0);
	cr_assert(out());
	packet(HOME, CN, 17, 1321, 0);
	cr_assert_not(out(), "wider than the path");
}

Test(bpf_host, leaves_to_others_a_neighbour_yet_to_be_found_and_a_way_back_into_tunnels)
{
	put(home(1));
	cr_assert_eq(system("ip neigh del 2001:db8:a::1 dev w"), 0);
	packet(HOME, CN, 17, 200, 0);
	cr_assert_not(out());
	cr_assert_eq(system("ip -6 route add " MS " dev hmip0"), 0);
	packet(HOME, CN, 17, 200, 0);
	cr_assert_not(out());
	cr_assert_eq(hm_host_state_stat(&rig->state, HM_HOST_PASS_ROUTE), 2);
}

/* The kernel makes no super-packet of one given by hand: it has no room for headers in that, which
 * tells how far the program came. */
Test(bpf_host, sends_no_super_packets_in_nested_tunnels_where_a_device_would_cut_them)
{
	rig->gso_size = 500;
	put(home(2));
	hm_host_state_plain(&rig->state, (uint32_t)rig->link, true);
	packet(HOME, CN, 17, 1400, 0);
	cr_assert_not(out());
	cr_assert_eq(hm_host_state_stat(&rig->state, HM_HOST_PASS_FORM), 1);
	put(home(1));
	packet(HOME, CN, 17, 1400, 0);
	cr_assert_not(out());
	cr_assert_eq(hm_host_state_stat(&rig->state, HM_HOST_PASS_ROOM), 1);
	put(home(2));
	hm_host_state_plain(&rig->state, (uint32_t)rig->link, false);
	packet(HOME, CN, 17, 1400, 0);
	cr_assert_not(out());
	cr_assert_eq(hm_host_state_stat(&rig->state, HM_HOST_PASS_ROOM), 2);
}

Test(bpf_host, knows_what_devices_cut)
{
	cr_assert(hm_offload_cuts_tunnels("w"));
	cr_assert_eq(system("ethtool -K w tx-ipxip6-segmentation off"), 0);
	cr_assert_not(hm_offload_cuts_tunnels("w"));
	cr_assert_not(hm_offload_cuts_tunnels("hmip0"));
	cr_assert_not(hm_offload_cuts_tunnels("none"));
}

Test(bpf_host, reports_a_pair_once_a_tick)
{
	put(home(2));
	for (unsigned tick = 0; tick < 2; tick++) {
		for (unsigned i = 0; i < 3; i++) {
			packet(CN, HOME, 17, 200, 0);
			wrap(HA, GCOA);
			wrap(MS, LCOA);
			cr_assert(in());
		}
		hm_host_state_tick(&rig->state, &api);
		cr_assert_eq(reported.n, tick + 1);
		cr_assert_eq(reported.what, HM_TUNNEL_SEEN_TUNNELLED);
		cr_assert_eq(memcmp(reported.home, addr(HOME).b, 16), 0);
		cr_assert_eq(memcmp(reported.peer, addr(CN).b, 16), 0);
	}
	put(entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2));
	packet(HOME, HOME2, 17, 200, 0);
	cr_assert(out());
	hm_host_state_tick(&rig->state, &api);
	cr_assert_eq(reported.n, 3);
	cr_assert_eq(reported.what, HM_TUNNEL_SEEN_BOUND);
	cr_assert_eq(memcmp(reported.home, addr(HOME2).b, 16), 0);
	cr_assert_eq(memcmp(reported.peer, addr(HOME).b, 16), 0);
}

static unsigned entries_in(const struct bpf_map *map)
{
	uint64_t key[8];
	unsigned n = 0;

	for (void *from = NULL; bpf_map_get_next_key(bpf_map__fd(map), from, key) == 0; from = key)
		n++;
	return n;
}

static void expect_entries(unsigned ways, unsigned ends, unsigned owns, unsigned peers)
{
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_ways), ways);
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_ends), ends);
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_owns), owns);
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_peers), peers);
}

Test(bpf_host, leaves_nothing_behind_when_entries_go)
{
	struct hm_tunnel_entry peer = entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2);

	put(home(3));
	put(own(CN, 1));
	put(peer);
	put(home(2));
	expect_entries(2, 4, 1, 1);
	cr_assert(hm_host_state_is_used(&rig->state));
	del(own(CN, 1));
	del(home(1));
	del(peer);
	del(peer);
	expect_entries(0, 0, 0, 0);
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_counts), 0);
	cr_assert_not(hm_host_state_is_used(&rig->state));
}

Test(bpf_host, keeps_what_a_former_run_left_until_it_is_put_again_or_swept)
{
	put(home(2));
	put(own(CN, 0));
	put(own(HOME2, 0));
	put(entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2));
	put(entry(HM_TUNNEL_PEER, CN, LCOA, COA2));
	hm_host_state_finish(&rig->state);
	cr_assert(hm_host_state_init(&rig->state, rig->skel, true, &api));
	cr_assert(hm_host_state_is_used(&rig->state));
	packet(HOME, CN, 17, 200, 0);
	cr_assert(out());
	put(home(1));
	put(own(CN, 0));
	put(entry(HM_TUNNEL_PEER, CN, LCOA, COA2));
	expect_entries(2, 4, 2, 2);
	hm_host_state_sweep(&rig->state);
	expect_entries(1, 2, 1, 1);
	cr_assert_eq(entries_in(rig->skel->maps.hm_h1_counts), 3);
	del(own(HOME2, 0));
	del(entry(HM_TUNNEL_PEER, HOME2, "::", "::"));
	packet(HOME, CN, 17, 200, 0);
	cr_assert(out());
	packet(HOME, HOME2, 17, 200, 0);
	cr_assert(out());
}

static void break_at_random(struct hm_rand *rand)
{
	for (unsigned n = hm_rand_below(rand, 6); n > 0; n--)
		rig->k.at[hm_rand_below(rand, rig->k.len < 140 ? (uint32_t)rig->k.len : 140)] =
		        (uint8_t)hm_rand_next(rand);
}

/* Valid packets of every kind, some broken: whatever a program takes is what user space would have
 * made of it. */
Test(bpf_host, agrees_with_user_space_about_any_packet)
{
	static const char *const nodes[] = { CN, HOME, HOME2, GCOA, LCOA };
	static const uint8_t nexts[] = { 6, 17, 58, 60, 0, 41, 132, 44 };
	struct hm_addr coa2 = addr(COA2), to[2] = { addr(LCOA), addr(GCOA) };
	unsigned taken[2] = { 0, 0 };
	struct hm_rand rand;

	put(home(2));
	put(own(CN, 0));
	put(own(HOME2, 1));
	put(entry(HM_TUNNEL_PEER, HOME2, LCOA, COA2));
	hm_path_set_mtu(&rig->path, &coa2, 1300);
	hm_host_state_path_mtu(&rig->state, coa2.b, 1300);
	hm_rand_init(&rand, 99);
	for (unsigned i = 0; i < 100000; i++) {
		bool inward = hm_rand_below(&rand, 2);

		packet(nodes[inward ? 2 * hm_rand_below(&rand, 2) : hm_rand_below(&rand, 5)],
		       nodes[inward ? 1 : hm_rand_below(&rand, 5)], nexts[hm_rand_below(&rand, 8)],
		       64 + hm_rand_below(&rand, i % 64 ? 200 : 1500),
		       (uint8_t)hm_rand_next(&rand));
		if (inward && hm_rand_below(&rand, 2))
			hm_pkt_route(&rig->k, &to[hm_rand_below(&rand, 2)]);
		if (inward && hm_rand_below(&rand, 2))
			hm_pkt_home(&rig->k, &coa2, hm_pkt_next(&rig->k) == HM_NH_ROUTING);
		if (inward && hm_rand_below(&rand, 2))
			wrap(HA, GCOA);
		if (inward && hm_rand_below(&rand, 2))
			wrap(MS, LCOA);
		if (hm_rand_below(&rand, 2))
			break_at_random(&rand);
		taken[inward] += inward ? in() : out();
	}
	cr_assert(taken[0] > 5000 && taken[1] > 5000, "taken %u %u", taken[0], taken[1]);
}
