/* A mobility server, the routers of its area, other servers, and what comes back to it. */
#include "ms_rig.h"

static struct hm_packet handoff(uint16_t seq, uint32_t lifetime_s)
{
	return (struct hm_packet){
		.src = addr(NEW_MS),
		.dst = addr(MS),
		.has_home = true,
		.home = addr(HOME),
		.kind = HM_MSG_HANDOFF,
		.handoff = { .malen = 64,
		             .seq = seq,
		             .lifetime_s = lifetime_s,
		             .new_gcoa = addr("2001:db8:d::9") },
		.auth = { .present = true, .spi = 0x3001 },
	};
}

static void ask_from(struct rig *r, hm_ms at, uint16_t seq, const char *prev_ms)
{
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, seq, 60);

	packet.reg.has_prev_ms = true;
	packet.reg.prev_ms = addr(prev_ms);
	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

Test(ms_area, the_former_server_is_asked_once_to_send_on)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	ms_rig(&r, &config);
	ask_from(&r, 0, 1, OLD_MS);
	rig_clear(&r);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(
	        &r,
	        "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "     5 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n"
	        "     5 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n"
	        "     5 < send handoff src=2001:db8:f::1 dst=2001:db8:e::1 hao=2001:db8:1::9 seq=1 "
	        "life=60 malen=64 gcoa=2001:db8:f::9 spi=0x0 use=ms-ms\n");
	ms_ask(&r, 5000, HM_MSG_REG_REFRESH, LCOA_A, 2, 60);
	rig_clear(&r);
	rig_bind_done(&r, 5005, HM_OK);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
	rig_free(&r);
}

Test(ms_area, nobody_is_asked_who_is_no_configured_peer)
{
	struct hm_config config = ms_config();
	const char *former[] = { "::", MS, "2001:db8:cc::1" };
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	config.ms.interface[0] = '\0';
	ms_rig(&r, &config);
	for (uint16_t i = 0; i < 3; i++) {
		ask_from(&r, i * 10, (uint16_t)(i + 1), former[i]);
		rig_bind_done(&r, i * 10 + 5, HM_OK);
		cr_assert_eq(rig_count(&r, HM_FX_SEND), 1, "%s", former[i]);
	}
	rig_free(&r);
}

Test(ms_area, a_handoff_request_sends_packets_on_for_a_while)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = handoff(2, 100);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5005, HM_OK);
	rig_expect(&r, "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	               "  5000 < bind t2 ms forwarding home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:d::9 seq=2 life=60 | encap match=2001:db8:f::9 "
	               "home=2001:db8:1::9 local=2001:db8:f::1 remote=2001:db8:d::9 one-way\n"
	               "  5005 < note forwarding home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:d::9\n");
	rig_until(&r, 64999);
	rig_expect(&r, "");
	rig_until(&r, 65000);
	rig_expect(&r, " 65000 < unbind ms forwarding home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:d::9 seq=2 life=60 | encap match=2001:db8:f::9 "
	               "home=2001:db8:1::9 local=2001:db8:f::1 remote=2001:db8:d::9 one-way\n"
	               " 65000 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:d::9 status=1\n");
	rig_free(&r);
}

Test(ms_area, forwarding_never_outlives_the_binding)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = handoff(2, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 30);
	rig_packet(&r, 21000, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 21000, HM_OK);
	rig_until(&r, 31000);
	cr_assert_eq(r.unbinds, 1);
	rig_free(&r);
}

Test(ms_area, a_host_that_returns_ends_the_forwarding)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = handoff(2, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5005, HM_OK);
	rig_clear(&r);
	ms_ask(&r, 9000, HM_MSG_REG_REQUEST, LCOA_A, 3, 600);
	rig_bind_done(&r, 9005, HM_OK);
	rig_expect(
	        &r,
	        "  9000 < store seq mh-ms home=2001:db8:1::9 seq=3\n"
	        "  9000 < bind t3 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 seq=3 "
	        "life=600 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:a::9\n"
	        "  9005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=3 status=accepted life=600 refresh=480 spi=0x1001 use=mh-ms\n"
	        "  9005 < note binding-moved home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n");
	rig_free(&r);
}

Test(ms_area, handoff_requests_that_change_nothing_and_get_no_answer)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = handoff(1, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_BADSEQ], 1);
	packet = handoff(2, 60);
	packet.src = addr("2001:db8:cc::1");
	rig_packet(&r, 5001, &packet, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_UNKNOWN_PEER], 1);
	packet = handoff(2, 60);
	rig_packet(&r, 5002, &packet, HM_VERDICT_BAD);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_BAD], 1);
	packet.home = addr("2001:db8:1::77");
	rig_packet(&r, 5003, &packet, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_REFUSED], 1);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ms_area, a_refused_handoff_request_cannot_be_replayed_either)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = handoff(2, 60);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	packet.handoff.new_gcoa = addr(GCOA);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_expect(&r, "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n");
	cr_assert_eq(r.counters.n[HM_COUNT_REFUSED], 1);
	packet = handoff(2, 60);
	rig_packet(&r, 5001, &packet, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_BADSEQ], 1);
	rig_free(&r);
}

Test(ms_area, routers_are_informed_round_by_round_and_told_at_the_end)
{
	struct hm_config config = ms_config();
	struct hm_link access = rig_link_up("acc0", 5);
	hm_ms second;
	struct rig r;

	config.ms.routers.n = 1;
	config.ms.routers.a[0] = addr("2001:db8:f:1::1");
	config.ms.router_interfaces.n = 1;
	memcpy(config.ms.router_interfaces.name[0], "acc0", 5);
	config.ms.preference = 3;
	rig_init(&r, &hm_role_ms, &config);
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_start(&r);
	rig_until(&r, 0);
	rig_expect(&r,
	           "     0 < send mobility-information src=2001:db8:f::1 dst=2001:db8:f:1::1 "
	           "ms=2001:db8:f::1 plen=64 preference=3 spi=0x0 epoch=1785542400 use=ms-ra\n");
	rig_link(&r, 100, &access);
	rig_until(&r, 100);
	rig_expect(&r,
	           "   100 < send mobility-information src=2001:db8:f::1 dst=2001:db8:f:1::1 "
	           "ms=2001:db8:f::1 plen=64 preference=3 spi=0x0 epoch=1785542401 use=ms-ra\n"
	           "   100 < send mobility-information src=2001:db8:f::1 dst=ff02::2 if=5 "
	           "ms=2001:db8:f::1 plen=64 preference=3 spi=0x0 epoch=1785542401 use=ms-ra\n");
	second = rig_deadline(&r);
	cr_assert_geq(second, 100 + 9000);
	cr_assert_leq(second, 100 + 10000);
	rig_until(&r, second);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 2);
	rig_clear(&r);
	rig_stop(&r, 12000);
	rig_until(&r, 500000);
	rig_expect(&r, " 12000 < send mobility-information src=2001:db8:f::1 dst=2001:db8:f:1::1 "
	               "ms=2001:db8:f::1 plen=0 preference=3 spi=0x0 epoch=1785542412 use=ms-ra\n"
	               " 12000 < send mobility-information src=2001:db8:f::1 dst=ff02::2 if=5 "
	               "ms=2001:db8:f::1 plen=0 preference=3 spi=0x0 epoch=1785542412 use=ms-ra\n");
	rig_free(&r);
}

Test(ms_area, more_routers_than_one_batch_holds_all_hear_the_withdrawal)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.routers.n = HM_LIST_MAX;
	for (unsigned i = 0; i < HM_LIST_MAX; i++) {
		config.ms.routers.a[i] = addr("2001:db8:f:1::");
		config.ms.routers.a[i].b[15] = (uint8_t)(i + 1);
	}
	rig_init(&r, &hm_role_ms, &config);
	rig_start(&r);
	rig_until(&r, 0);
	cr_assert_eq(r.sends, HM_LIST_MAX);
	rig_stop(&r, 10);
	rig_until(&r, 10);
	cr_assert_eq(r.sends, 2 * HM_LIST_MAX);
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_free(&r);
}

static struct hm_packet error_about(uint8_t type, uint32_t param)
{
	return (struct hm_packet){
		.src = addr("2001:db8:77::1"),
		.dst = addr(MS),
		.kind = HM_MSG_ICMP_ERROR,
		.icmp = { .type = type,
		          .param = param,
		          .about_src = addr(MS),
		          .about_dst = addr(LCOA_A),
		          .has_tunnelled = true,
		          .inner_src = addr("2001:db8:c::1"),
		          .inner_dst = addr(GCOA) },
	};
}

Test(ms_area, errors_about_tunnelled_packets_go_to_their_inner_source)
{
	struct hm_config config = ms_config();
	struct hm_packet error = error_about(2, 1400);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	rig_packet(&r, 5000, &error, HM_VERDICT_OK);
	rig_expect(&r, "  5000 < relay from=2001:db8:f::1 type=2 code=0 "
	               "inner_src=2001:db8:c::1 inner_dst=2001:db8:f::9\n");
	error = error_about(1, 0);
	rig_packet(&r, 5001, &error, HM_VERDICT_OK);
	rig_expect(&r, "  5001 < relay from=2001:db8:f::1 type=1 code=0 inner_src=2001:db8:c::1 "
	               "inner_dst=2001:db8:f::9\n");
	error.icmp.about_dst = addr(LCOA_B);
	rig_packet(&r, 5002, &error, HM_VERDICT_OK);
	error = error_about(1, 0);
	error.icmp.about_src = addr("2001:db8:f::2");
	rig_packet(&r, 5003, &error, HM_VERDICT_OK);
	error = error_about(1, 0);
	error.icmp.has_tunnelled = false;
	rig_packet(&r, 5004, &error, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ERROR], 3);
	rig_free(&r);
}

Test(ms_area, with_rewriting_the_header_under_ours_is_the_home_agents_packet)
{
	struct hm_config config = ms_config();
	struct hm_packet error = error_about(1, 0);
	struct rig r;

	config.ms.rewrite = true;
	ms_rig(&r, &config);
	ms_registered(&r, 60);
	error.icmp.inner_dst = addr(HOME);
	rig_packet(&r, 5000, &error, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_RELAY), 1);
	rig_free(&r);
}

Test(ms_area, above_the_lowest_level_another_care_of_address_is_bound)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	config.ms.interface[0] = '\0';
	ms_rig(&r, &config);
	packet.reg.has_alt_coa = true;
	packet.reg.alt_coa = addr("2001:db8:f:2::9");
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5, HM_OK);
	ms_ask(&r, 5000, HM_MSG_REG_REFRESH, LCOA_B, 2, 60);
	rig_bind_done(&r, 5005, HM_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ms home=2001:db8:1::9 seq=1\n"
	        "     0 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:f:2::9 "
	        "seq=1 life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 local=2001:db8:f::1 "
	        "remote=2001:db8:f:2::9\n"
	        "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "     5 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:f:2::9\n"
	        "  5000 < store seq mh-ms home=2001:db8:1::9 seq=2\n"
	        "  5000 < bind t2 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:f:2::9 "
	        "seq=2 life=60\n"
	        "  5005 < send binding-ack src=2001:db8:f::1 dst=2001:db8:b::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n");
	rig_free(&r);
}
