#include "tun_rig.h"

#include "base/rand.h"
#include "wire/encap.h"
#include "wire/routeopt.h"

Test(tun_path, encapsulates_as_the_wire_module_does)
{
	struct rig *r = rig();
	const struct hm_encap how = { .src = addr(MS), .dst = addr(LCOA) };
	uint8_t want[2000];
	struct hm_wr w = hm_wr(want, sizeof want);

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	packet(r, CN, GCOA, 300, 0xb9);
	cr_assert_eq(hm_encap_write(r->k.at, r->k.len, &how, &w), 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_eq(r->k.len, w.len);
	cr_assert_eq(memcmp(r->k.at, want, w.len), 0);
}

Test(tun_path, decapsulates_congestion_marks_as_rfc_6040_says)
{
	/* inner, outer, what comes out; 4: dropped */
	static const uint8_t rows[][3] = { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 2, 0 }, { 0, 3, 4 },
		                           { 2, 0, 2 }, { 2, 1, 1 }, { 2, 2, 2 }, { 2, 3, 3 },
		                           { 1, 0, 1 }, { 1, 1, 1 }, { 1, 2, 1 }, { 1, 3, 3 },
		                           { 3, 0, 3 }, { 3, 1, 3 }, { 3, 2, 3 }, { 3, 3, 3 } };
	struct rig *r = rig();

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum hm_fate fate;

		packet(r, GCOA, CN, 100, rows[i][0]);
		wrap(r, LCOA, MS);
		r->k.at[1] = (uint8_t)((r->k.at[1] & 0xcf) | rows[i][1] << 4);
		fate = in(r);
		cr_assert_eq(fate, rows[i][2] == 4 ? HM_FATE_DROP : HM_FATE_INJECT, "row %zu", i);
		if (fate == HM_FATE_INJECT)
			cr_assert_eq(r->k.at[1] >> 4 & 3, rows[i][2], "row %zu", i);
	}
}

Test(tun_path, moves_the_offsets_of_unfinished_checksums_with_the_packet)
{
	struct rig *r = rig();

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	packet(r, GCOA, CN, 3000, 0);
	wrap(r, LCOA, MS);
	r->k.needs_csum = true;
	r->k.gso_type = 4;
	r->k.gso_size = 1400;
	r->k.hdr_len = 100;
	r->k.csum_start = 80;
	cr_assert_eq(in(r), HM_FATE_INJECT);
	cr_assert_eq(r->k.csum_start, 40);
	cr_assert_eq(r->k.hdr_len, 60);
	cr_assert_eq(r->k.gso_size, 1400);
	cr_assert(r->k.needs_csum);
}

Test(tun_path, takes_off_nested_tunnels_and_reports_the_peer_once_a_second)
{
	struct rig *r = rig();

	put_home(r);
	for (unsigned i = 0; i < 3; i++) {
		packet(r, CN, HOME, 100, 0);
		wrap(r, HA, GCOA);
		wrap(r, MS, LCOA);
		cr_assert_eq(in(r), HM_FATE_INJECT);
		expect_ends(r, CN, HOME);
		cr_assert_eq(r->seen.any, i != 1, "turn %u", i);
		r->path.now_ms += i == 1 ? 999 : 1;
	}
	cr_assert_eq(r->path.homes[0]->count.packets_in, 3);
}

Test(tun_path, sends_from_a_regional_address_through_the_tunnel_it_came_by)
{
	struct rig *r = rig();

	put_home(r);
	packet(r, GCOA, CN, 100, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	expect_ends(r, LCOA, MS);
	cr_assert_eq(r->k.len, 140);
	packet(r, LCOA, CN, 100, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	expect_ends(r, LCOA, CN);
	cr_assert_eq(r->k.len, 100);
}

static struct hm_carried carried(void)
{
	struct hm_carried c = { .any = true, .home = addr(HOME), .n_hops = 2, .n_pairs = 2 };

	c.pairs[0].local = addr(GCOA);
	c.pairs[0].remote = addr(HA);
	c.pairs[1].local = addr(LCOA);
	c.pairs[1].remote = addr(MS);
	return c;
}

Test(tun_path, does_not_deliver_again_what_the_kernel_takes)
{
	struct rig *r = rig();

	put_home(r);
	r->path.carried = carried();
	for (unsigned depth = 0; depth < 2; depth++) {
		packet(r, CN, depth ? HOME : GCOA, 100, 0);
		if (depth)
			wrap(r, HA, GCOA);
		wrap(r, MS, LCOA);
		cr_assert_eq(in(r), HM_FATE_DROP, "depth %u", depth);
	}
	cr_assert_eq(r->path.homes[0]->count.packets_in, 0);
	/* One tunnel of two is not the kernel's: it has taken nothing off. */
	for (unsigned i = 0; i < 2; i++) {
		r->path.carried = carried();
		r->path.carried.pairs[i].remote = addr(CN);
		packet(r, CN, HOME, 100, 0);
		wrap(r, HA, GCOA);
		wrap(r, MS, LCOA);
		cr_assert_eq(in(r), HM_FATE_INJECT, "tunnel %u", i);
		expect_ends(r, CN, HOME);
	}
	/* Route optimisation may be in it: the kernel leaves it. */
	r->path.carried = carried();
	packet(r, CN, HOME, 100, 0);
	r->k.at[6] = 60;
	wrap(r, HA, GCOA);
	wrap(r, MS, LCOA);
	cr_assert_eq(in(r), HM_FATE_INJECT);
}

Test(tun_path, bounds_what_it_remembers_of_peers)
{
	struct rig *r = rig();
	unsigned reported = 0;

	put_home(r);
	for (unsigned i = 0; i < 20000; i++) {
		packet(r, CN, HOME, 100, 0);
		memcpy(r->k.at + 18, &i, sizeof i);
		wrap(r, HA, GCOA);
		wrap(r, MS, LCOA);
		cr_assert_eq(in(r), HM_FATE_INJECT);
		reported += r->seen.any;
	}
	cr_assert(reported > 0 && reported <= HM_SEEN_SLOTS, "%u", reported);
}

Test(tun_path, route_optimises_as_the_wire_module_reads_and_writes)
{
	struct rig *r = rig();
	struct hm_addr coa = addr(LCOA);
	struct hm_tunnel_entry own = entry(HM_TUNNEL_OWN, CN, LCOA, "::");
	uint8_t plain[400], want[500];
	struct hm_wr w = hm_wr(want, sizeof want);
	struct hm_ro ro;

	set(own.home, HOME);
	put_home(r);
	put(r, own);
	packet(r, HOME, CN, 200, 0);
	memcpy(plain, r->k.at, 200);
	cr_assert_eq(hm_ro_home_write(plain, 200, &coa, &w), 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_eq(r->k.len, w.len);
	cr_assert_eq(memcmp(r->k.at, want, w.len), 0);

	put(r, entry(HM_TUNNEL_PEER, CN, LCOA, "2001:db8:9::9"));
	packet(r, HOME, CN, 200, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	expect_ends(r, LCOA, "2001:db8:9::9");
	cr_assert_eq(r->k.len, 200 + 2 * HM_RO_LEN);
	cr_assert_eq(hm_ro_read(r->k.at, r->k.len, &ro), 0);
	cr_assert(ro.has_home && ro.has_routing);
	w = hm_wr(want, sizeof want);
	cr_assert_eq(hm_ro_strip(r->k.at, r->k.len, &ro, &w), 0);
	cr_assert_eq(w.len, 200);
	cr_assert_eq(memcmp(want, plain, 200), 0);
}

Test(tun_path, undoes_both_headers_only_when_both_fit)
{
	struct rig *r = rig();
	struct hm_tunnel_entry own = entry(HM_TUNNEL_OWN, CN, LCOA, "::");
	struct hm_addr care_of = addr("2001:db8:9::9"), to = addr(LCOA);

	set(own.home, HOME);
	put_home(r);
	put(r, own);
	put(r, entry(HM_TUNNEL_PEER, CN, LCOA, "2001:db8:9::9"));
	for (unsigned i = 0; i < 2; i++) {
		packet(r, CN, HOME, 200, 0);
		cr_assert(hm_pkt_route(&r->k, &to));
		cr_assert(hm_pkt_home(&r->k, &care_of, true));
		if (i == 1)
			r->k.at[23] ^= 1; /* another care-of address */
		cr_assert_eq(in(r), i == 1 ? HM_FATE_IGNORE : HM_FATE_INJECT);
	}
	packet(r, CN, HOME, 200, 0);
	cr_assert(hm_pkt_route(&r->k, &to));
	cr_assert(hm_pkt_home(&r->k, &care_of, true));
	cr_assert_eq(in(r), HM_FATE_INJECT);
	expect_ends(r, CN, HOME);
	cr_assert_eq(r->k.len, 200);
}

Test(tun_path, takes_routing_headers_of_type_0_where_the_site_says_so)
{
	struct rig *r = rig();
	struct hm_tunnel_entry own = entry(HM_TUNNEL_OWN, CN, LCOA, "::");
	struct hm_addr to = addr(LCOA);

	set(own.home, HOME);
	put_home(r);
	put(r, own);
	for (unsigned i = 0; i < 4; i++) {
		r->path.accept_rh0 = i > 0;
		packet(r, i == 2 ? HA : CN, i == 3 ? "2001:db8:1::ab" : HOME, 200, 0);
		cr_assert(hm_pkt_route(&r->k, &to));
		r->k.at[HM_IP6_LEN + 2] = 0;
		cr_expect_eq(in(r), i == 1 ? HM_FATE_INJECT : HM_FATE_IGNORE, "%u", i);
		if (i != 1)
			continue;
		expect_ends(r, CN, HOME);
		cr_expect_eq(r->k.len, 200);
	}
}

Test(tun_path, leaves_messages_without_data_to_the_daemon)
{
	struct rig *r = rig();
	struct hm_addr care_of = addr(LCOA);

	put(r, entry(HM_TUNNEL_PEER, HOME, CN, LCOA));
	packet(r, HOME, CN, 40, 0);
	r->k.at[6] = HM_NH_NONE;
	cr_assert(hm_pkt_home(&r->k, &care_of, false));
	cr_assert_eq(in(r), HM_FATE_IGNORE);
	cr_assert_eq(r->k.at[6], HM_NH_DSTOPTS);
}

Test(tun_path, follows_a_forwarding_entry_but_not_in_circles)
{
	struct rig *r = rig();

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, "2001:db8:f::ab"));
	put(r, entry(HM_TUNNEL_ENCAP, "2001:db8:f::ab", MS, LCOA));
	packet(r, CN, GCOA, 100, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	expect_ends(r, MS, LCOA);
	cr_assert_eq(r->k.len, 180);
	put(r, entry(HM_TUNNEL_ENCAP, "2001:db8:f::ab", MS, GCOA));
	packet(r, CN, GCOA, 100, 0);
	cr_assert_eq(out(r), HM_FATE_DROP);
	cr_assert_eq(r->path.stats[HM_STAT_DROP_NESTING], 1);
}

/* PROTOCOL 7: inner source, outer source and outer destination must all be the binding's. */
Test(tun_path, takes_from_a_reverse_tunnel_only_what_is_bound)
{
	static const struct {
		const char *inner, *src, *dst;
	} foreign[] = { { "2001:db8:f::ab", LCOA, MS },
		        { CN, LCOA, MS },
		        { GCOA, "2001:db8:a::98", MS },
		        { GCOA, LCOA, "2001:db8:f::2" } };
	struct hm_tunnel_entry away = entry(HM_TUNNEL_ENCAP, "2001:db8:f::ac", MS, LCOA);
	struct rig *r = rig();

	away.one_way = 1;
	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	put(r, entry(HM_TUNNEL_ENCAP, "2001:db8:f::ad", "2001:db8:f::2", LCOA));
	put(r, away);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		packet(r, foreign[i].inner, CN, 100, 0);
		wrap(r, foreign[i].src, foreign[i].dst);
		cr_assert_eq(in(r), HM_FATE_DROP, "row %zu", i);
	}
	packet(r, "2001:db8:f::ac", CN, 100, 0);
	wrap(r, LCOA, MS);
	cr_assert_eq(in(r), HM_FATE_DROP, "a forwarding entry is one way");
	cr_assert_eq(r->path.stats[HM_STAT_DROP_FOREIGN_SOURCE], 5);
	packet(r, GCOA, CN, 100, 0);
	wrap(r, LCOA, MS);
	cr_assert_eq(in(r), HM_FATE_INJECT);
	expect_ends(r, GCOA, CN);
	cr_assert_eq(r->k.len, 100);
}

Test(tun_path, takes_from_the_former_care_of_address_for_a_moment)
{
	static const char *const second = "2001:db8:a::98";
	struct hm_tunnel_entry away = entry(HM_TUNNEL_ENCAP, GCOA, MS, "2001:db8:f:2::aa");
	struct rig *r = rig();

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, second));
	for (unsigned i = 0; i < 2; i++) {
		packet(r, GCOA, CN, 100, 0);
		wrap(r, i ? second : LCOA, MS);
		cr_assert_eq(in(r), HM_FATE_INJECT, "%u", i);
	}
	/* Put again as it is, nothing moves. */
	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, second));
	r->path.now_ms += HM_FORMER_MS;
	packet(r, GCOA, CN, 100, 0);
	wrap(r, LCOA, MS);
	cr_assert_eq(in(r), HM_FATE_DROP);
	/* A handoff's forwarding entry takes nothing but what was under way. */
	away.one_way = 1;
	put(r, away);
	packet(r, GCOA, CN, 100, 0);
	wrap(r, second, MS);
	cr_assert_eq(in(r), HM_FATE_INJECT);
	r->path.now_ms += HM_FORMER_MS;
	packet(r, GCOA, CN, 100, 0);
	wrap(r, second, MS);
	cr_assert_eq(in(r), HM_FATE_DROP);
}

Test(tun_path, forgets_a_path_mtu_after_ten_minutes)
{
	struct rig *r = rig();
	struct hm_addr to = addr(LCOA);

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	hm_path_set_mtu(&r->path, &to, 1400);
	packet(r, CN, GCOA, 1361, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	expect_ends(r, MS, CN);
	cr_assert_eq(r->k.len, 1280);
	cr_assert_eq(r->k.at[40], HM_ICMP_TOO_BIG);
	cr_assert_eq(r->k.at[46] << 8 | r->k.at[47], 1360);
	r->path.now_ms += 600000;
	packet(r, CN, GCOA, 1361, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
}

static void put_prefix(struct rig *r, const char *text, uint8_t plen, bool on_link,
                       const char *local)
{
	struct hm_tunnel_prefix prefix = { .size = sizeof prefix, .plen = plen };

	prefix.on_link = on_link;
	set(prefix.prefix, text);
	set(prefix.local, local);
	cr_assert_eq(hm_prefixes_put(&r->path, &prefix), HM_PLUGIN_OK);
}

Test(tun_path, believes_the_longest_prefix_whatever_their_order)
{
	static const uint8_t plens[] = { 32, 48, 64 };

	for (unsigned first = 0; first < 3; first++) {
		struct rig *r = rig();

		for (unsigned i = 0; i < 3; i++) {
			uint8_t plen = plens[(first + i) % 3];

			put_prefix(r, "2001:db8::", plen, plen == 48, plen == 32 ? HA : MS);
		}
		packet(r, CN, "2001:db8:0:1::9", 100, 0);
		cr_expect_eq(out(r), HM_FATE_SEND, "/48 is a link, %u", first);
		packet(r, CN, "2001:db8::9", 100, 0);
		cr_expect_eq(out(r), HM_FATE_INJECT, "/64 is ours alone, %u", first);
		expect_ends(r, MS, CN);
		packet(r, CN, "2001:db8:1::9", 100, 0);
		cr_expect_eq(out(r), HM_FATE_INJECT, "/32 is ours alone, %u", first);
		expect_ends(r, HA, CN);
	}
}

Test(tun_path, limits_the_errors_it_sends)
{
	struct rig *r = rig();
	unsigned answered = 0;

	put_prefix(r, "2001:db8:f::", 64, false, MS);
	for (unsigned i = 0; i < 1000; i++) {
		packet(r, CN, GCOA, 100, 0);
		answered += out(r) == HM_FATE_INJECT;
	}
	cr_assert_eq(answered, 200);
	r->path.now_ms += 1000;
	packet(r, CN, GCOA, 100, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	expect_ends(r, MS, CN);
}

/* Valid packets of every kind, broken at random: no packet may harm, and what is to be sent or
 * injected is a whole IPv6 packet within its buffer. */
Test(tun_path, withstands_any_packet)
{
	struct rig *r = rig();
	struct hm_tunnel_entry own = entry(HM_TUNNEL_OWN, CN, LCOA, "::");
	struct hm_addr care_of = addr("2001:db8:9::9"), to = addr(LCOA);
	struct hm_rand rand;

	set(own.home, HOME);
	put_home(r);
	put(r, own);
	put(r, entry(HM_TUNNEL_PEER, CN, LCOA, "2001:db8:9::9"));
	put(r, entry(HM_TUNNEL_ENCAP, "2001:db8:f::ab", LCOA, MS));
	hm_path_set_mtu(&r->path, &care_of, 1300);
	hm_rand_init(&rand, 99);
	for (unsigned i = 0; i < 300000; i++) {
		enum hm_fate fate;
		bool inward = hm_rand_below(&rand, 2);

		packet(r, inward ? CN : HOME, inward ? HOME : CN,
		       40 + hm_rand_below(&rand, i % 64 ? 200 : 2000), 0);
		if (hm_rand_below(&rand, 2)) {
			hm_pkt_route(&r->k, &to);
			hm_pkt_home(&r->k, &care_of, true);
		}
		if (hm_rand_below(&rand, 2)) {
			wrap(r, HA, GCOA);
			wrap(r, MS, LCOA);
		}
		for (unsigned n = hm_rand_below(&rand, 6); n > 0; n--)
			r->k.at[hm_rand_below(&rand, r->k.len < 140 ? (uint32_t)r->k.len : 140)] =
			        (uint8_t)hm_rand_next(&rand);
		if (hm_rand_below(&rand, 4) == 0)
			r->k.len = hm_rand_below(&rand, (uint32_t)r->k.len + 1);
		fate = inward ? in(r) : out(r);
		if (fate != HM_FATE_SEND && fate != HM_FATE_INJECT)
			continue;
		cr_assert(r->k.at >= r->buffer &&
		          r->k.at + r->k.len <= r->buffer + sizeof r->buffer);
		cr_assert(hm_pkt_check(&r->k), "turn %u", i);
	}
	cr_assert(r->path.stats[HM_STAT_ROUTE_OPTIMISED_IN] > 1000);
	cr_assert(r->path.stats[HM_STAT_DECAPSULATED] > 1000);
}
