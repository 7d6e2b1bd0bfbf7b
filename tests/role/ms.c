/* The life of a binding at a mobility server. */
#include "ms_rig.h"

Test(ms, probes_installs_and_only_then_acknowledges)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	r.verbose = true;
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_expect(&r, "     0 > reg-request src=2001:db8:a::9 dst=2001:db8:f::1 hao=2001:db8:1::9 "
	               "seq=1 life=60 malen=64 spi=0x1001 auth=ok\n"
	               "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	               "     0 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=3 "
	               "target=2001:db8:f::9 nonce\n");
	rig_until(&r, 999);
	rig_expect(&r, "");
	rig_bind_done(&r, 1005, HM_OK);
	rig_expect(
	        &r,
	        "  1000 > tick\n"
	        "  1000 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=1 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n"
	        "  1005 > bind-done t1 ok\n"
	        "  1005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "  1005 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n"
	        "  1005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_until(&r, 60999);
	rig_expect(&r, "  2005 > tick\n"
	               "  2005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  3005 > tick\n"
	               "  3005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	rig_until(&r, 61000);
	rig_expect(&r, " 61000 > tick\n"
	               " 61000 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 "
	               "seq=1 life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 "
	               "local=2001:db8:f::1 remote=2001:db8:a::9\n"
	               " 61000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 status=1\n");
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_free(&r);
}

Test(ms, an_update_moves_the_binding_without_a_probe)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 10000, HM_MSG_REG_UPDATE, LCOA_B, 2, 60);
	rig_bind_done(&r, 10005, HM_OK);
	rig_expect(
	        &r,
	        " 10000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        " 10000 < bind t2 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:b::9 seq=2 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:b::9\n"
	        " 10005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        " 10005 < note binding-moved home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:b::9\n");
	rig_until(&r, 69999);
	rig_expect(&r, "");
	rig_until(&r, 70000);
	rig_expect(&r, " 70000 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:b::9 "
	               "seq=2 life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 "
	               "local=2001:db8:f::1 remote=2001:db8:b::9\n"
	               " 70000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:b::9 status=1\n");
	rig_free(&r);
}

Test(ms, a_refresh_touches_the_store_alone)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 48000, HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	rig_bind_done(&r, 48004, HM_OK);
	rig_expect(
	        &r,
	        " 48000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        " 48000 < bind t2 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=2 "
	        "life=60\n"
	        " 48004 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n");
	rig_until(&r, 107999);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ms, the_lifetime_is_capped_even_when_infinity_was_asked_for)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, HM_LIFETIME_INFINITE);
	rig_bind_done(&r, 1005, HM_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.lifetime_s, 600);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.refresh_s, 480);
	rig_free(&r);
}

Test(ms, the_newest_request_wins_while_probing)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	ms_ask(&r, 500, HM_MSG_REG_REQUEST, LCOA_B, 2, 30);
	rig_bind_done(&r, 1005, HM_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	        "     0 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=3 "
	        "target=2001:db8:f::9 nonce\n"
	        "   500 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "  1000 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:b::9 seq=2 "
	        "life=30 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:b::9\n"
	        "  1005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=30 refresh=24 spi=0x1001 use=mh-ms\n"
	        "  1005 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:b::9\n"
	        "  1005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_free(&r);
}

Test(ms, the_newest_request_wins_while_installing_and_the_old_answer_is_ignored)
{
	struct hm_config config = ms_config();
	struct rig r;
	hm_ticket old;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_until(&r, 1000);
	old = r.bind_ticket;
	rig_clear(&r);
	ms_ask(&r, 1002, HM_MSG_REG_UPDATE, LCOA_B, 2, 60);
	rig_bind_done_ticket(&r, 1005, old, HM_OK);
	rig_bind_done(&r, 1010, HM_OK);
	rig_expect(
	        &r,
	        "  1002 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "  1002 < bind t2 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:b::9 seq=2 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:b::9\n"
	        "  1010 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "  1010 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:b::9\n"
	        "  1010 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_bind_done_ticket(&r, 1011, old, HM_EIO);
	rig_bind_done_ticket(&r, 1012, 12345, HM_EIO);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ms, a_request_refused_meanwhile_does_not_change_what_is_acknowledged)
{
	struct hm_config config = ms_config();
	struct hm_packet wrong = reg(HM_MSG_REG_UPDATE, LCOA_B, 2, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_until(&r, 1000);
	wrong.reg.malen = 48;
	rig_packet(&r, 1001, &wrong, HM_VERDICT_OK);
	rig_clear(&r);
	rig_bind_done(&r, 1005, HM_OK);
	rig_expect(
	        &r,
	        "  1005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "  1005 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n"
	        "  1005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_free(&r);
}

Test(ms, a_first_binding_that_cannot_be_installed_is_refused_and_undone)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_until(&r, 1000);
	rig_clear(&r);
	rig_bind_done(&r, 1005, HM_EPERM);
	rig_expect(
	        &r,
	        "  1005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=reason-unspecified life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  1005 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=128\n"
	        "  1005 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=1 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n");
	ms_ask(&r, 2000, HM_MSG_REG_REQUEST, LCOA_A, 2, 60);
	rig_until(&r, 3000);
	rig_clear(&r);
	rig_bind_done(&r, 3005, HM_ESTORE);
	rig_expect(
	        &r,
	        "  3005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=insufficient-resources life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  3005 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=131\n"
	        "  3005 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=2 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n");
	cr_assert_eq(r.counters.n[HM_COUNT_BIND_FAILED], 2);
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_free(&r);
}

Test(ms, a_move_that_cannot_be_installed_ends_the_binding)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 5000, HM_MSG_REG_UPDATE, LCOA_B, 2, 60);
	rig_clear(&r);
	rig_bind_done(&r, 5005, HM_EIO);
	rig_expect(
	        &r,
	        "  5005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=reason-unspecified life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5005 < note refused home=2001:db8:1::9 coa=2001:db8:b::9 status=128\n"
	        "  5005 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:b::9 seq=2 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:b::9\n"
	        "  5005 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:b::9 status=3\n");
	rig_free(&r);
}

Test(ms, a_renewal_that_cannot_be_stored_leaves_what_was_promised)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 40000, HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	rig_clear(&r);
	rig_bind_done(&r, 40005, HM_ESTORE);
	rig_expect(
	        &r,
	        " 40005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=insufficient-resources life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        " 40005 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=131\n");
	rig_until(&r, 60999);
	rig_expect(&r, "");
	rig_until(&r, 61000);
	rig_expect(&r, " 61000 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 "
	               "seq=2 life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 "
	               "local=2001:db8:f::1 remote=2001:db8:a::9\n"
	               " 61000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 status=1\n");
	rig_free(&r);
}

Test(ms, lifetime_zero_deletes)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 5000, HM_MSG_REG_UPDATE, LCOA_A, 2, 0);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "  5000 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=2 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n"
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n");
	ms_ask(&r, 5001, HM_MSG_REG_UPDATE, LCOA_A, 3, 0);
	rig_expect(
	        &r,
	        "  5001 < store seq mh-ms home=2001:db8:1::9 seq=3\n"
	        "  5001 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=3 status=not-registered-here life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5001 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=137\n");
	rig_free(&r);
}

Test(ms, without_an_interface_nothing_is_probed_or_announced)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.interface[0] = '\0';
	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_bind_done(&r, 5, HM_OK);
	rig_until(&r, 30000);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	        "     0 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=1 "
	        "life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n"
	        "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "     5 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n");
	rig_free(&r);
}

Test(ms, a_number_outlives_its_binding)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	rig_until(&r, 61000);
	rig_clear(&r);
	ms_ask(&r, 70000, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_expect(
	        &r,
	        " 70000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=bad-sequence life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        " 70000 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=134\n");
	ms_ask(&r, 70001, HM_MSG_REG_REQUEST, LCOA_A, 2, 60);
	cr_assert_eq(rig_count(&r, HM_FX_STORE), 1);
	rig_free(&r);
}

static void ask_home(struct rig *r, hm_ms at, uint8_t host, uint16_t seq, uint32_t lifetime_s)
{
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, seq, lifetime_s);

	packet.src.b[15] = packet.home.b[15] = host;
	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

Test(ms, many_bindings_that_expire_together_go_in_bounded_batches)
{
	struct hm_config config = ms_config();
	unsigned ticks;
	struct rig r;

	config.ms.max_bindings = 100;
	config.ms.interface[0] = '\0';
	ms_rig(&r, &config);
	for (uint8_t i = 0; i < 100; i++) {
		ask_home(&r, 0, (uint8_t)(i + 100), 1, 60);
		rig_bind_done(&r, 0, HM_OK);
	}
	rig_until(&r, 59999);
	cr_assert_eq(r.unbinds, 0);
	ticks = r.steps;
	rig_until(&r, 60000);
	cr_assert_eq(r.unbinds, 100);
	cr_assert_geq(r.steps - ticks, 100 * 2 / HM_FX_MAX);
	cr_assert_eq(r.counters.n[HM_COUNT_EXPIRED], 100);
	rig_free(&r);
}

Test(ms, a_full_table_refuses_until_a_binding_ends)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.max_bindings = 2;
	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	ask_home(&r, 0, 0x11, 1, 60);
	ask_home(&r, 0, 0x12, 1, 60);
	rig_clear(&r);
	ask_home(&r, 1, 0x13, 1, 60);
	rig_expect(&r, "     1 < store seq mh-ms home=2001:db8:1::13 seq=1\n"
	               "     1 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::13 "
	               "home=2001:db8:1::13 seq=1 status=insufficient-resources life=0 refresh=0 "
	               "spi=0x1001 use=mh-ms\n"
	               "     1 < note refused home=2001:db8:1::13 coa=2001:db8:a::13 status=131\n");
	cr_assert_eq(r.counters.n[HM_COUNT_TABLE_FULL], 1);
	ask_home(&r, 2, 0x12, 2, 0);
	ask_home(&r, 3, 0x13, 2, 60);
	cr_assert_eq(rig_count(&r, HM_FX_BIND), 1);
	rig_free(&r);
}

Test(ms, numbers_of_hosts_with_keys_are_never_dropped_for_others)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.max_bindings = 1;
	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	ask_home(&r, 0, 0x11, 1, 60);
	ask_home(&r, 1, 0x11, 2, 0);
	ask_home(&r, 2, 0x12, 1, 60);
	ask_home(&r, 3, 0x12, 2, 0);
	rig_clear(&r);
	ask_home(&r, 4, 0x13, 1, 60);
	rig_expect(&r, "     4 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::13 "
	               "home=2001:db8:1::13 seq=1 status=insufficient-resources life=0 refresh=0 "
	               "spi=0x1001 use=mh-ms\n"
	               "     4 < note refused home=2001:db8:1::13 coa=2001:db8:a::13 status=131\n");
	ask_home(&r, 5, 0x11, 2, 60);
	rig_expect(&r, "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::11 "
	               "home=2001:db8:1::11 seq=2 status=bad-sequence life=0 refresh=0 spi=0x1001 "
	               "use=mh-ms\n"
	               "     5 < note refused home=2001:db8:1::11 coa=2001:db8:a::11 status=134\n");
	rig_free(&r);
}

Test(ms, without_keys_the_host_silent_for_longest_makes_room)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.common.auth_none = true;
	config.ms.max_bindings = 1;
	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	ask_home(&r, 0, 0x11, 1, 60);
	ask_home(&r, 1, 0x11, 2, 0);
	ask_home(&r, 2, 0x12, 1, 60);
	ask_home(&r, 3, 0x12, 2, 0);
	rig_clear(&r);
	ask_home(&r, 4, 0x13, 1, 60);
	rig_expect(&r, "     4 < forget seq mh-ms home=2001:db8:1::11 seq=2\n"
	               "     4 < store seq mh-ms home=2001:db8:1::13 seq=1\n"
	               "     4 < bind t3 ms home=2001:db8:1::13 gcoa=2001:db8:f::13 "
	               "coa=2001:db8:a::13 seq=1 life=60 | encap match=2001:db8:f::13 "
	               "home=2001:db8:1::13 local=2001:db8:f::1 remote=2001:db8:a::13\n");
	rig_free(&r);
}

Test(ms, show_tells_the_live_bindings)
{
	struct hm_config config = ms_config();
	struct hm_show_row row;
	uint64_t cursor = 0;
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	ask_home(&r, 0, 0x11, 1, 60);
	ask_home(&r, 0, 0x11, 2, 0);
	ask_home(&r, 0, 0x12, 5, 60);
	rig_bind_done(&r, 7, HM_OK);
	cr_assert(hm_role_ms.row(r.state, HM_SHOW_BINDINGS, &cursor, &row));
	cr_assert_eq(row.home.b[15], 0x12);
	cr_assert_eq(row.gcoa.b[15], 0x12);
	cr_assert_eq(row.seq, 5);
	cr_assert_str_eq(row.state, "active");
	cr_assert_eq(row.expires_ms, 60000);
	cr_assert(!hm_role_ms.row(r.state, HM_SHOW_BINDINGS, &cursor, &row));
	cursor = 0;
	cr_assert(hm_role_ms.row(r.state, HM_SHOW_PEERS, &cursor, &row));
	cr_assert_eq(row.peer.b[15], 1);
	rig_free(&r);
}

Test(ms, a_reload_keeps_bindings_and_takes_the_new_limits)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	r.config.ms.lifetime_max_s = 20;
	hm_role_ms.reload(r.state, &r.config, r.now);
	ms_ask(&r, 5000, HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	rig_bind_done(&r, 5005, HM_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.lifetime_s, 20);
	rig_free(&r);
}
