/* Tunnelled packets in fragments, out and in. */
#include "tun_rig.h"

#include "base/rand.h"

/* A packet of the mobile host through the reverse tunnel, in two fragments. */
static struct pieces reverse(struct rig *r, uint32_t id)
{
	packet(r, GCOA, CN, 1280, 2);
	wrap(r, LCOA, MS);
	return cut(r, id);
}

Test(tun_fragment, what_may_not_be_refused_may_be_cut)
{
	struct rig *r = server();
	struct hm_addr lcoa = addr(LCOA);
	uint32_t id;

	packet(r, CN, GCOA, 1280, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert(r->k.may_split);
	cr_assert_eq(r->k.mtu, 0);
	id = r->k.fragment_id;
	hm_path_set_mtu(&r->path, &lcoa, 1300);
	packet(r, CN, GCOA, 1280, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert(r->k.may_split);
	cr_assert_eq(r->k.mtu, 1300);
	cr_assert_neq(r->k.fragment_id, id);
	/* One octet more and its source can be told; one that stays small needs nothing. */
	packet(r, CN, GCOA, 1281, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	cr_assert_eq(count(r, HM_STAT_TOO_BIG), 1);
	packet(r, CN, GCOA, 1240, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_not(r->k.may_split);
}

Test(tun_fragment, every_path_around_a_packet_counts)
{
	struct rig *r = rig();
	struct hm_addr ms = addr(MS), ha = addr(HA);

	put_home(r);
	hm_path_set_mtu(&r->path, &ms, 1480);
	hm_path_set_mtu(&r->path, &ha, 1400);
	packet(r, HOME, CN, 1361, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	cr_assert_arr_eq(r->k.at + 44, "\0\0\x05\x50", 4, "not 1360");
	packet(r, HOME, CN, 1360, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	hm_path_set_mtu(&r->path, &ms, 1420);
	packet(r, HOME, CN, 1341, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	/* What the mobile host says for its own care-of address takes one tunnel less. */
	packet(r, GCOA, HA, 1380, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	packet(r, GCOA, HA, 1381, 0);
	cr_assert_eq(out(r), HM_FATE_INJECT);
}

Test(tun_fragment, a_reverse_tunnel_is_joined_in_any_order)
{
	struct rig *r = server();

	for (uint32_t id = 1; id <= 4; id++) {
		struct pieces p = reverse(r, id);
		unsigned first = id % 2 ? 0 : 1;

		cr_assert_eq(p.n, 2);
		cr_assert_eq(in_piece(r, &p, first), HM_FATE_DROP);
		cr_assert_eq(in_piece(r, &p, 1 - first), HM_FATE_INJECT, "packet %u", id);
		expect_whole(r, GCOA, CN, 1280);
	}
	cr_assert_eq(count(r, HM_STAT_REASSEMBLED), 4);
	cr_assert_eq(count(r, HM_STAT_DECAPSULATED), 4);
}

Test(tun_fragment, two_tunnels_are_joined_at_either_depth)
{
	struct rig *r = rig();
	struct pieces p;

	put_home(r);
	/* The outer one in fragments. */
	packet(r, CN, HOME, 1280, 0);
	wrap(r, HA, GCOA);
	wrap(r, MS, LCOA);
	p = cut(r, 7);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_INJECT);
	expect_whole(r, CN, HOME, 1280);
	/* The inner one: each part in a tunnel of its own, one of which is cut again. */
	packet(r, CN, HOME, 1280, 0);
	wrap(r, HA, GCOA);
	p = cut(r, 8);
	memcpy(r->k.at, p.of[1].b, p.of[1].len);
	r->k.len = p.of[1].len;
	wrap(r, MS, LCOA);
	cr_assert_eq(in(r), HM_FATE_DROP);
	memcpy(r->buffer + HM_PKT_ROOM, p.of[0].b, p.of[0].len);
	r->k = (struct hm_pkt){ .at = r->buffer + HM_PKT_ROOM,
		                .len = p.of[0].len,
		                .room = HM_PKT_ROOM };
	wrap(r, MS, LCOA);
	p = cut(r, 9);
	cr_assert_eq(p.n, 2);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_INJECT);
	expect_whole(r, CN, HOME, 1280);
}

Test(tun_fragment, fragments_of_what_a_host_sent_are_its_receivers)
{
	struct rig *r = rig();
	struct pieces p;

	put_home(r);
	packet(r, CN, HOME, 2000, 0);
	r->k.at[6] = HM_NH_DSTOPTS; /* of which it may be a part */
	memcpy(r->k.at + 40, "\x11\0\1\4\0\0\0\0", 8);
	p = cut(r, 7);
	p.of[1].b[40] = HM_NH_DSTOPTS;
	memcpy(r->buffer + HM_PKT_ROOM, p.of[1].b, p.of[1].len);
	r->k = (struct hm_pkt){ .at = r->buffer + HM_PKT_ROOM,
		                .len = p.of[1].len,
		                .room = HM_PKT_ROOM };
	wrap(r, HA, GCOA);
	wrap(r, MS, LCOA);
	cr_assert_eq(in(r), HM_FATE_INJECT);
	cr_assert_eq(r->k.len, p.of[1].len);
}

Test(tun_fragment, a_packet_of_one_fragment_keeps_nothing)
{
	struct rig *r = server();
	struct pieces p;

	packet(r, GCOA, CN, 500, 0);
	wrap(r, LCOA, MS);
	p = cut(r, 1);
	cr_assert_eq(p.n, 1);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_INJECT);
	expect_whole(r, GCOA, CN, 500);
	cr_assert_eq(count(r, HM_STAT_REASSEMBLED), 0);
}

Test(tun_fragment, nothing_is_kept_of_strangers)
{
	struct rig *r = server();
	struct pieces p;

	/* The later part first, when nothing says whose it is. */
	p = reverse(r, 1);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_FOREIGN), 1);
	/* From another care-of address; with another inner source; to where no tunnel ends. */
	packet(r, GCOA, CN, 1280, 0);
	wrap(r, "2001:db8:a::98", MS);
	p = cut(r, 2);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	packet(r, "2001:db8:f::ab", CN, 1280, 0);
	wrap(r, LCOA, MS);
	p = cut(r, 3);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_FOREIGN), 3);
	packet(r, GCOA, CN, 1280, 0);
	wrap(r, LCOA, "2001:db8:f::2");
	p = cut(r, 4);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_IGNORE);
	for (unsigned i = 0; i < HM_REASM_PACKETS; i++)
		cr_assert_eq(r->path.reasm.slots[i].state, HM_REASM_FREE);
}

Test(tun_fragment, overlapping_parts_discard_the_packet)
{
	struct rig *r = server();
	struct pieces p = reverse(r, 1), wrong = p;

	/* Eight octets back, and no longer the last: into the first. */
	wrong.of[1].b[43] = (uint8_t)(wrong.of[1].b[43] - 8);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &wrong, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_OVERLAP), 1);
	/* All that comes of it yet. */
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_OVERLAP), 3);
	cr_assert_eq(count(r, HM_STAT_REASSEMBLED), 0);
}

Test(tun_fragment, parts_that_disagree_on_the_end_discard_the_packet)
{
	struct rig *r = server();
	struct pieces p = reverse(r, 1), wrong = p;

	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	wrong.of[0].b[43] = (uint8_t)(wrong.of[0].b[43] & ~1);
	wrong.of[0].b[4] = 0; /* the last, and shorter than what is there */
	wrong.of[0].b[5] = 8 + 40;
	wrong.of[0].len = 40 + 8 + 40;
	wrong.of[0].b[42] = 0;
	wrong.of[0].b[43] = 8;
	cr_assert_eq(in_piece(r, &wrong, 0), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_OVERLAP), 1);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_REASSEMBLED), 0);
}

Test(tun_fragment, a_part_that_comes_twice_does_no_harm)
{
	struct rig *r = server();
	struct pieces p = reverse(r, 1);

	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_INJECT);
	expect_whole(r, GCOA, CN, 1280);
	/* The same place with other octets is no repetition. */
	p = reverse(r, 2);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	p.of[0].b[p.of[0].len - 1] ^= 1;
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_OVERLAP), 2);
}

Test(tun_fragment, the_rest_is_not_waited_for_longer_than_it_takes)
{
	struct rig *r = server();
	struct pieces p = reverse(r, 1);

	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	r->path.now_ms += HM_REASM_MS;
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_LATE), 1);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_INJECT, "begun anew");
}

Test(tun_fragment, packets_of_too_many_or_too_long_parts_are_discarded)
{
	struct rig *r = server();
	struct pieces p;

	packet(r, GCOA, CN, HM_REASM_LEN, 0);
	wrap(r, LCOA, MS);
	p = cut(r, 1);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_INJECT, "it just fits");
	packet(r, GCOA, CN, HM_REASM_LEN + 1, 0);
	wrap(r, LCOA, MS);
	p = cut(r, 2);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_DROP);
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_LENGTH), 1);
}

Test(tun_fragment, parts_are_counted)
{
	struct rig *r = server();
	struct pieces p = reverse(r, 1);

	p.of[0].len = 48 + 64;
	p.of[0].b[4] = 0;
	p.of[0].b[5] = 8 + 64;
	for (unsigned i = 0; i <= HM_REASM_PARTS; i++) {
		cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_LENGTH), 0, "part %u", i);
		p.of[0].b[42] = (uint8_t)(64 * i >> 8);
		p.of[0].b[43] = (uint8_t)(64 * i | 1);
		cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	}
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_LENGTH), 1);
}

/* Ever new packets that lose a part each. */
Test(tun_fragment, a_source_that_wastes_its_room_wastes_its_own)
{
	struct rig *r = server();
	struct pieces other, p;

	put(r, entry(HM_TUNNEL_ENCAP, "2001:db8:f::ab", MS, "2001:db8:a::98"));
	packet(r, "2001:db8:f::ab", CN, 1280, 0);
	wrap(r, "2001:db8:a::98", MS);
	other = cut(r, 1);
	cr_assert_eq(in_piece(r, &other, 0), HM_FATE_DROP);
	for (uint32_t id = 100; id < 100 + 4 * HM_REASM_PACKETS; id++) {
		p = reverse(r, id);
		cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	}
	cr_assert_eq(count(r, HM_STAT_DROP_FRAGMENT_CROWD),
	             4 * HM_REASM_PACKETS - HM_REASM_PER_SOURCE);
	cr_assert_eq(in_piece(r, &other, 1), HM_FATE_INJECT);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_INJECT);
	cr_assert_eq(count(r, HM_STAT_REASSEMBLED), 2);
}

/* RFC 3168 5.3: parts are marked 1 (ECT), 3 (congestion) or 0 (neither); what comes out. */
Test(tun_fragment, congestion_of_one_part_is_that_of_the_packet)
{
	static const struct {
		uint8_t first, second;
		enum hm_fate fate;
		uint8_t mark;
	} rows[] = { { 2, 2, HM_FATE_INJECT, 2 },
		     { 2, 3, HM_FATE_INJECT, 3 },
		     { 3, 2, HM_FATE_INJECT, 3 },
		     { 0, 3, HM_FATE_DROP, 0 } };

	for (uint32_t i = 0; i < 4; i++) {
		struct rig *r = server();
		struct pieces p = reverse(r, i);

		p.of[0].b[1] = (uint8_t)((p.of[0].b[1] & 0xcf) | rows[i].first << 4);
		p.of[1].b[1] = (uint8_t)((p.of[1].b[1] & 0xcf) | rows[i].second << 4);
		cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
		cr_assert_eq(in_piece(r, &p, 1), rows[i].fate, "row %u", i);
		if (rows[i].fate == HM_FATE_INJECT)
			cr_assert_eq(hm_pkt_ecn(&r->k), rows[i].mark, "row %u", i);
	}
}

Test(tun_fragment, a_fragment_of_a_tunnel_is_not_rewritten)
{
	struct rig *r = rig();
	struct hm_tunnel_entry e = entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA);
	struct pieces p;

	e.rewrite = 1;
	put(r, e);
	packet(r, CN, HOME, 1280, 0);
	wrap(r, HA, GCOA);
	p = cut(r, 5);
	memcpy(r->k.at, p.of[0].b, p.of[0].len);
	r->k.len = p.of[0].len;
	cr_assert_eq(out(r), HM_FATE_SEND);
	expect_ends(r, MS, LCOA);
	cr_assert_eq(r->k.len, p.of[0].len + 40);
	cr_assert(r->k.may_split);
}

Test(tun_fragment, route_optimised_packets_are_cut_behind_their_headers)
{
	struct rig *r = rig();
	struct hm_addr care_of = addr("2001:db8:9::9");
	struct pieces p;
	size_t octets = 0;

	put(r, entry(HM_TUNNEL_PEER, HOME, CN, "2001:db8:9::9"));
	hm_path_set_mtu(&r->path, &care_of, 1280);
	packet(r, CN, HOME, 1280, 0);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert(r->k.may_split);
	cr_assert_eq(r->k.mtu, 1280);
	p = cut(r, r->k.fragment_id);
	cr_assert_eq(p.n, 2);
	/* At the mobile host each becomes a fragment between the two, for its kernel to join. */
	r = rig();
	{
		struct hm_tunnel_entry own = entry(HM_TUNNEL_OWN, CN, "2001:db8:9::9", "::");

		set(own.home, HOME);
		put_home(r);
		put(r, own);
	}
	for (unsigned i = 0; i < p.n; i++) {
		cr_assert_eq(in_piece(r, &p, i), HM_FATE_INJECT);
		expect_ends(r, CN, HOME);
		cr_assert_eq(hm_pkt_next(&r->k), HM_NH_FRAGMENT);
		octets += r->k.len - HM_IP6_LEN - HM_FRAGMENT_LEN;
	}
	cr_assert_eq(octets, 1280 - HM_IP6_LEN);
}

/* `n` octets of the payload of the packet at hand, from `at` on. */
static void add_piece(struct pieces *p, const struct rig *r, size_t at, size_t n)
{
	struct hm_wr w = hm_wr(p->of[p->n].b, sizeof p->of[p->n].b);
	bool more = HM_IP6_LEN + at + n < r->k.len;

	hm_wr_bytes(&w, r->k.at, HM_IP6_LEN);
	w.p[HM_IP6_AT_NEXT] = HM_NH_FRAGMENT;
	w.p[HM_IP6_AT_LENGTH] = (uint8_t)((n + HM_FRAGMENT_LEN) >> 8);
	w.p[HM_IP6_AT_LENGTH + 1] = (uint8_t)(n + HM_FRAGMENT_LEN);
	hm_wr_u8(&w, hm_pkt_next(&r->k));
	hm_wr_u8(&w, 0);
	hm_wr_u16(&w, (uint16_t)(at | more));
	hm_wr_u32(&w, 77);
	hm_wr_bytes(&w, r->k.at + HM_IP6_LEN + at, n);
	p->of[p->n++].len = w.len;
}

/* Parts of any length in any order, some of them twice. */
Test(tun_fragment, packets_cut_at_random_come_out_as_they_were)
{
	struct hm_rand rand;

	hm_rand_init(&rand, 4711);
	for (unsigned round = 0; round < 500; round++) {
		struct rig *r = rig();
		static struct pieces p;
		unsigned order[HM_REASM_PARTS], injected = 0;
		size_t len = 300 + hm_rand_below(&rand, 981), at = 0;

		put_home(r);
		packet(r, CN, HOME, len, 2);
		wrap(r, HA, GCOA);
		for (p.n = 0; HM_IP6_LEN + at < r->k.len;) {
			size_t left = r->k.len - HM_IP6_LEN - at,
			       n = 8 + 8 * hm_rand_below(&rand, 60);

			n = p.n == HM_REASM_PARTS - 1 || n > left ? left : n;
			add_piece(&p, r, at, n);
			at += n;
		}
		for (unsigned i = 0; i < p.n; i++) {
			unsigned k = hm_rand_below(&rand, i + 1);

			order[i] = order[k];
			order[k] = i;
		}
		for (unsigned i = 0; i < p.n; i++) {
			if (i + 1 < p.n && hm_rand_below(&rand, 4) == 0)
				cr_assert_neq(in_piece(r, &p, order[i]), HM_FATE_INJECT);
			injected += in_piece(r, &p, order[i]) == HM_FATE_INJECT;
		}
		cr_assert_eq(injected, 1, "round %u: %u parts", round, p.n);
		expect_whole(r, CN, HOME, len);
		hm_table_finish(&r->path.table);
	}
}
