/* Several mobility servers on one Mobility Network: a host goes from one to another and keeps its
 * GCoA, and never do two of them answer for it for long (PROTOCOL 4). */
#include "ms_rig.h"

#define SIBLING "2001:db8:f::2"

static struct hm_config two_servers(void)
{
	struct hm_config config = ms_config();

	config.ms.peers.a[1] = addr(SIBLING);
	return config;
}

static void take_over(struct rig *r, hm_ms at, uint16_t seq)
{
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, seq, 600);

	packet.reg.has_prev_ms = true;
	packet.reg.prev_ms = addr(SIBLING);
	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

static struct hm_packet let_go(uint16_t seq)
{
	return (struct hm_packet){
		.src = addr(SIBLING),
		.dst = addr(MS),
		.has_home = true,
		.home = addr(HOME),
		.kind = HM_MSG_HANDOFF,
		.handoff = { .malen = 64, .seq = seq, .lifetime_s = 60, .new_gcoa = addr(GCOA) },
		.auth = { .present = true, .spi = 0x3001 },
	};
}

static void defend(struct rig *r, hm_ms at, bool override)
{
	struct hm_packet packet = neighbour(HM_MSG_NA, "fe80::77", GCOA);

	packet.na.override = override;
	packet.na.link = (struct hm_lladdr){ true, { 2, 0, 0, 0, 0, 0x77 } };
	rig_packet(r, at, &packet, HM_VERDICT_MISSING);
}

Test(ms_take, the_other_server_is_asked_to_let_go_before_the_probe)
{
	struct hm_config config = two_servers();
	struct rig r;

	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	rig_expect(&r, "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	               "     0 < send handoff src=2001:db8:f::1 dst=2001:db8:f::2 "
	               "hao=2001:db8:1::9 seq=1 life=60 malen=64 gcoa=2001:db8:f::9 spi=0x0 "
	               "use=ms-ms\n");
	rig_until(&r, 100);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1, "a probe");
	rig_clear(&r);
	rig_until(&r, 1100);
	rig_bind_done(&r, 1105, HM_OK);
	rig_expect(
	        &r,
	        "  1100 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=1 "
	        "life=600 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n"
	        "  1105 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=600 refresh=480 spi=0x1001 use=mh-ms\n"
	        "  1105 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n"
	        "  1105 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_free(&r);
}

Test(ms_take, its_defence_counts_only_once_it_must_have_heard)
{
	struct hm_config config = two_servers();
	struct rig r;

	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	rig_until(&r, 100);
	defend(&r, 105, false);
	rig_clear(&r);
	/* The host asks again, and so do we. */
	take_over(&r, 250, 2);
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 3);
	rig_until(&r, 505);
	rig_until(&r, 1505);
	cr_assert_eq(r.binds, 1, "nobody objected to the second probe");
	rig_free(&r);
}

Test(ms_take, a_node_that_goes_on_defending_keeps_its_address)
{
	struct hm_config config = two_servers();
	struct rig r;
	unsigned n;

	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	rig_until(&r, 100);
	for (n = 0; r.counters.n[HM_COUNT_DAD_FAILED] == 0 && n < 100; n++)
		defend(&r, r.now + 400, false);
	cr_assert_eq(n, 6);
	cr_assert_eq(r.binds, 0);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_DAD_FAILED);
	rig_free(&r);
}

Test(ms_take, a_first_registration_asks_the_other_servers_when_it_meets_a_defence)
{
	struct hm_config config = two_servers();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 600);
	rig_clear(&r);
	defend(&r, 100, false);
	rig_expect(&r, "   100 < send handoff src=2001:db8:f::1 dst=2001:db8:f::2 "
	               "hao=2001:db8:1::9 seq=1 life=60 malen=64 gcoa=2001:db8:f::9 spi=0x0 "
	               "use=ms-ms\n");
	rig_until(&r, 1500);
	cr_assert_eq(r.binds, 1, "nobody objected to the second probe");
	rig_free(&r);
}

Test(ms_take, a_server_that_is_asked_lets_go_at_once_and_for_good)
{
	struct hm_config config = two_servers();
	struct hm_packet packet = let_go(2), probe = neighbour(HM_MSG_NS, "::", GCOA);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_expect(&r, "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	               "  5000 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 seq=2 life=600 | encap match=2001:db8:f::9 "
	               "home=2001:db8:1::9 local=2001:db8:f::1 remote=2001:db8:a::9\n"
	               "  5000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 status=5\n");
	rig_packet(&r, 5001, &probe, HM_VERDICT_MISSING);
	rig_packet(&r, 5002, &packet, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ms_take, nobody_lets_go_for_an_old_number_a_stranger_or_a_bad_key)
{
	struct hm_config config = two_servers();
	struct hm_packet packet = let_go(1);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	cr_assert_eq(r.unbinds, 0);
	rig_clear(&r);
	packet = let_go(2);
	rig_packet(&r, 5001, &packet, HM_VERDICT_BAD);
	rig_packet(&r, 5002, &packet, HM_VERDICT_MISSING);
	packet.src = addr("2001:db8:f::3");
	rig_packet(&r, 5003, &packet, HM_VERDICT_OK);
	packet = let_go(3);
	packet.handoff.new_gcoa = addr("2001:db8:f::8");
	rig_packet(&r, 5004, &packet, HM_VERDICT_OK);
	packet = let_go(3);
	packet.src = addr(OLD_MS); /* a peer, but of another network */
	rig_packet(&r, 5005, &packet, HM_VERDICT_OK);
	rig_expect(&r, "  5004 < store seq mh-ms home=2001:db8:1::9 seq=3\n");
	rig_free(&r);
}

Test(ms_take, a_server_that_did_not_hear_is_told_again_when_it_shows)
{
	struct hm_config config = two_servers();
	struct rig r;

	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	rig_bind_done(&r, 1105, HM_OK);
	rig_until(&r, 4000);
	rig_clear(&r);
	defend(&r, 5000, true);
	rig_expect(&r, "  5000 < send handoff src=2001:db8:f::1 dst=2001:db8:f::2 "
	               "hao=2001:db8:1::9 seq=1 life=60 malen=64 gcoa=2001:db8:f::9 spi=0x0 "
	               "use=ms-ms\n"
	               "  5000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	for (unsigned i = 0; i < 20; i++)
		defend(&r, 5001 + i, true);
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 1 + 5, "a bound on answers");
	cr_assert_eq(r.unbinds, 0);
	rig_free(&r);
}

Test(ms_take, a_server_back_from_the_dead_asks_before_it_announces)
{
	struct hm_config config = two_servers();
	struct hm_link link = rig_link_up("mn0", 3);
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_MS,
		                              .home = addr(HOME),
		                              .gcoa = addr(GCOA),
		                              .coa = addr(LCOA_A),
		                              .seq = 1,
		                              .lifetime_s = 600,
		                              .expires_ms = 600000 } };
	struct hm_packet newer = let_go(2);
	struct rig r;

	rig_init(&r, &hm_role_ms, &config);
	rig_restore(&r, &row);
	rig_start(&r);
	rig_link(&r, 0, &link);
	rig_clear(&r);
	rig_until(&r, 0);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.kind, HM_MSG_NS);
	rig_clear(&r);
	/* It says which number it has, and the newer one is said to it. */
	defend(&r, 5, false);
	rig_expect(&r, "     5 < send handoff src=2001:db8:f::1 dst=2001:db8:f::2 "
	               "hao=2001:db8:1::9 seq=1 life=60 malen=64 gcoa=2001:db8:f::9 spi=0x0 "
	               "use=ms-ms\n");
	rig_packet(&r, 10, &newer, HM_VERDICT_OK);
	cr_assert_eq(r.unbinds, 1);
	rig_until(&r, 5000);
	cr_assert_eq(r.sends, 2, "it is silent from then on");
	rig_free(&r);
}

/* The host speaks up while the server waits to probe again. */
Test(ms_take, a_registration_meanwhile_does_not_forget_the_probe_that_waits)
{
	struct hm_config config = two_servers();
	struct hm_link down = rig_link_up("mn0", 3), up = down;
	struct hm_packet update = reg(HM_MSG_REG_UPDATE, LCOA_B, 2, 600);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	down.up = false;
	rig_link(&r, 5000, &down);
	rig_link(&r, 6000, &up); /* the probe, for it may have been taken over */
	rig_until(&r, 6000);
	defend(&r, 6010, false);
	rig_packet(&r, 6100, &update, HM_VERDICT_OK);
	rig_bind_done(&r, 6105, HM_OK);
	rig_clear(&r);
	rig_until(&r, 8000);
	rig_expect(&r, "  6410 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=3 "
	               "target=2001:db8:f::9 nonce\n"
	               "  7410 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	/* And it still minds who claims the address, more than once: either may miss something. */
	rig_until(&r, 20000);
	defend(&r, 20000, true);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.kind, HM_MSG_HANDOFF);
	rig_clear(&r);
	rig_until(&r, 25000);
	rig_expect(&r, " 21000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               " 22000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	rig_free(&r);
}

Test(ms_take, without_probing_the_other_server_lets_go_once_we_serve)
{
	struct hm_config config = two_servers();
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 0);
	rig_bind_done(&r, 5, HM_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 1);
	rig_free(&r);
}

Test(ms_take, an_old_number_is_answered_with_the_newer_one)
{
	struct hm_config config = two_servers();
	struct hm_packet old = let_go(1);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	old.handoff.seq = 0;
	rig_packet(&r, 5000, &old, HM_VERDICT_OK);
	cr_assert_eq(r.unbinds, 0);
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 1);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.handoff.seq, 1);
	rig_free(&r);
}

Test(ms_take, a_node_that_is_no_server_wins_in_the_end)
{
	struct hm_config config = two_servers();
	struct rig r;

	config.ms.dad = HM_DAD_OPTIMISTIC;
	ms_rig(&r, &config);
	take_over(&r, 0, 1);
	rig_bind_done(&r, 5, HM_OK);
	for (unsigned i = 0; r.unbinds == 0 && i < 100; i++)
		defend(&r, r.now + 405, false);
	cr_assert_eq(r.unbinds, 1);
	cr_assert_leq(r.now, 5000);
	rig_free(&r);
}
