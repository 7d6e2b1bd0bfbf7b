/* What a mobility server says no to, and what it does not answer at all. */
#include "ms_rig.h"

Test(ms_refuse, an_unknown_host_cannot_update_refresh_or_delete)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_UPDATE, LCOA_A, 1, 60);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=not-registered-here life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     0 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=137\n");
	ms_ask(&r, 1, HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	rig_expect(
	        &r,
	        "     1 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "     1 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=not-registered-here life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     1 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=137\n");
	ms_ask(&r, 2, HM_MSG_REG_REQUEST, LCOA_A, 3, 0);
	rig_expect(
	        &r,
	        "     2 < store seq mh-ms home=2001:db8:1::9 seq=3\n"
	        "     2 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=3 status=not-registered-here life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     2 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=137\n");
	cr_assert_eq(r.counters.n[HM_COUNT_REFUSED], 3);
	rig_free(&r);
}

Test(ms_refuse, a_key_of_another_use_vouches_for_nothing)
{
	static const enum hm_use others[] = { HM_USE_MH_HA, HM_USE_MH_CH, HM_USE_MS_MS,
		                              HM_USE_MS_RA };
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
		rig_signed(&r, 0, &packet, others[i]);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_NO_KEY], 4);
	rig_signed(&r, 0, &packet, HM_USE_MH_MS);
	cr_assert_gt(r.fx.n, 0);
	rig_free(&r);
}

Test(ms_refuse, the_mobility_network_has_one_prefix_length)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	packet.reg.malen = 48;
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=incorrect-prefix-length life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     0 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=136\n");
	rig_free(&r);
}

Test(ms_refuse, a_refresh_comes_from_the_registered_lcoa)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 5000, HM_MSG_REG_REFRESH, LCOA_B, 2, 60);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=reason-unspecified life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note refused home=2001:db8:1::9 coa=2001:db8:b::9 status=128\n");
	rig_free(&r);
}

Test(ms_refuse, a_replay_gets_the_last_accepted_number)
{
	struct hm_config config = ms_config();
	struct hm_packet later = reg(HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 5000, HM_MSG_REG_REQUEST, LCOA_B, 1, 60);
	rig_expect(
	        &r,
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=1 status=bad-sequence life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note refused home=2001:db8:1::9 coa=2001:db8:b::9 status=134\n");
	later.auth.epoch = 7;
	rig_packet(&r, 5001, &later, HM_VERDICT_OK);
	rig_clear(&r);
	ms_ask(&r, 5002, HM_MSG_REG_REFRESH, LCOA_A, 900, 60);
	rig_expect(
	        &r,
	        "  5002 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=2 status=bad-sequence life=0 refresh=0 spi=0x1001 epoch=7 use=mh-ms\n"
	        "  5002 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=134\n");
	cr_assert_eq(r.counters.n[HM_COUNT_BADSEQ], 2);
	rig_free(&r);
}

Test(ms_refuse, a_refused_message_cannot_be_replayed_either)
{
	struct hm_config config = ms_config();
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_UPDATE, LCOA_A, 5, 60);
	rig_clear(&r);
	ms_ask(&r, 1, HM_MSG_REG_UPDATE, LCOA_A, 5, 60);
	rig_expect(
	        &r,
	        "     1 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=5 status=bad-sequence life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     1 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=134\n");
	rig_free(&r);
}

Test(ms_refuse, two_hosts_whose_home_addresses_end_alike)
{
	struct hm_config config = ms_config();
	struct hm_packet other = reg(HM_MSG_REG_REQUEST, LCOA_B, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	other.home = addr("2001:db8:2::9");
	rig_packet(&r, 5000, &other, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ms home=2001:db8:2::9 seq=1\n"
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:2::9 "
	        "seq=1 status=duplicate-address life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note refused home=2001:db8:2::9 coa=2001:db8:b::9 status=138\n");
	rig_free(&r);
}

Test(ms_refuse, the_servers_own_address_and_that_of_its_routers)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	packet.home = addr("2001:db8:1::1");
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::1 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::1 "
	        "seq=1 status=duplicate-address life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     0 < note refused home=2001:db8:1::1 coa=2001:db8:a::9 status=138\n");
	packet.home = addr("2001:db8:1::");
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1:: seq=1\n"
	        "     0 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1:: "
	        "seq=1 status=duplicate-address life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     0 < note refused home=2001:db8:1:: coa=2001:db8:a::9 status=138\n");
	rig_free(&r);
}

Test(ms_refuse, care_of_addresses_that_would_make_packets_go_round)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, GCOA, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	packet.home = addr("2001:db8:1::10");
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ms home=2001:db8:1::10 seq=1\n"
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:f::9 home=2001:db8:1::10 "
	        "seq=1 status=administratively-prohibited life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note refused home=2001:db8:1::10 coa=2001:db8:f::9 status=130\n");
	packet.src = addr(LCOA_B);
	packet.reg.seq = 2;
	packet.reg.has_alt_coa = true;
	packet.reg.alt_coa = addr(MS);
	rig_packet(&r, 5001, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "  5001 < store seq mh-ms home=2001:db8:1::10 seq=2\n"
	        "  5001 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::10 "
	        "seq=2 status=administratively-prohibited life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5001 < note refused home=2001:db8:1::10 coa=2001:db8:b::9 status=130\n");
	packet.reg.seq = 3;
	packet.reg.alt_coa = addr("fe80::9");
	rig_packet(&r, 5002, &packet, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_PROHIBITED);
	packet.reg.seq = 4;
	packet.reg.alt_coa = addr("2001:db8:f::10");
	rig_packet(&r, 5003, &packet, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_PROHIBITED);
	rig_free(&r);
}

Test(ms_refuse, what_is_not_authentic_gets_no_answer)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	rig_packet(&r, 0, &packet, HM_VERDICT_MISSING);
	rig_packet(&r, 1, &packet, HM_VERDICT_NO_KEY);
	rig_packet(&r, 2, &packet, HM_VERDICT_BAD);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_MISSING], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_NO_KEY], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_BAD], 1);
	ms_ask(&r, 3, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	cr_assert_eq(rig_count(&r, HM_FX_STORE), 1);
	rig_free(&r);
}

Test(ms_refuse, a_wrong_mac_is_answered_where_the_configuration_says_so)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	config.common.auth_failure_reply = true;
	ms_rig(&r, &config);
	rig_packet(&r, 0, &packet, HM_VERDICT_NO_KEY);
	rig_expect(&r, "");
	rig_packet(&r, 2, &packet, HM_VERDICT_BAD);
	rig_expect(
	        &r,
	        "     2 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=authentication-failed life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "     2 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=139\n");
	rig_free(&r);
}

Test(ms_refuse, messages_to_another_address_or_from_nowhere)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	ms_rig(&r, &config);
	packet.dst = addr("2001:db8:f::2");
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	packet = reg(HM_MSG_REG_REQUEST, "fe80::9", 1, 60);
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_NOT_FOR_US], 2);
	rig_free(&r);
}

Test(ms_refuse, without_authentication_only_the_sequence_number_counts)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 65535, 60);
	struct rig r;

	config.common.auth_none = true;
	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	packet.auth = (struct hm_auth_data){ 0 };
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 1, HM_OK);
	packet.kind = HM_MSG_REG_REFRESH;
	packet.reg.seq = 0;
	rig_clear(&r);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5001, HM_OK);
	rig_expect(&r, "  1001 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  2001 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  5000 < store seq mh-ms home=2001:db8:1::9 seq=0\n"
	               "  5000 < bind t2 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 seq=0 life=60\n"
	               "  5001 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 "
	               "home=2001:db8:1::9 seq=0 status=accepted life=60 refresh=48\n");
	rig_free(&r);
}
