#include "role/mh_rig.h"

static struct rig r;

/* Attached to router 1, nothing registered yet, the first Request sent at 20 ms. */
static void begin(void)
{
	struct hm_config c = mh_config();

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	rig_until(&r, 20);
	rig_clear(&r);
}

static void begin_registered(void)
{
	struct hm_config c = mh_config();

	mh_begin(&r, &c);
}

static void end(void)
{
	rig_free(&r);
}

/* Router 1 keeps advertising from the present moment to `until`. */
static void advertise(hm_ms until)
{
	while (r.now + 500 < until)
		mh_router(&r, r.now + 500, 3, 1);
	rig_until(&r, until);
}

/* Router 1 keeps advertising until the transcript holds `text`. */
static void advertise_until(const char *text, hm_ms limit)
{
	rig_clear(&r);
	while (!strstr(r.log, text)) {
		rig_clear(&r);
		mh_router(&r, r.now + 200, 3, 1);
		cr_assert_lt(r.now, limit, "no %s", text);
	}
}

static void icmp(hm_ms at, const char *dst, uint8_t code, uint8_t option)
{
	struct hm_packet p = { .kind = HM_MSG_ICMP_ERROR, .src = addr(dst), .dst = addr(LCOA11) };

	p.icmp = (struct hm_icmp_error){
		.type = 4,
		.code = code,
		.about_src = addr(LCOA11),
		.about_dst = addr(dst),
		.about_next = 60,
		.bad_option = option,
	};
	rig_packet(&r, at, &p, HM_VERDICT_MISSING);
}

TestSuite(mh_failure, .init = begin, .fini = end);

Test(mh_failure, a_server_that_keeps_silent_is_asked_four_times_then_left_then_probed)
{
	advertise(3900);
	mh_story(&r,
	         "   289 < send t2 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n"
	         "   774 < send t3 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 malen=64 use=mh-ms\n"
	         "  1737 < send t4 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=4 life=600 malen=64 use=mh-ms\n"
	         "  3700 < note unanswered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  3700 < note fallback home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  3700 < send t5 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D use=mh-ha\n"
	         "  3700 < bind t6 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1\n");
	mh_ack(&r, 3950, HA, LCOA11, 1, 0);
	advertise(26000);
	mh_story(&r,
	         "  3928 < send t7 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H D use=mh-ha\n"
	         "  3950 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:1::1\n"
	         " 13700 < send t8 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=5 life=600 malen=64 use=mh-ms\n"
	         " 13931 < send t9 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=6 life=600 malen=64 use=mh-ms\n"
	         " 14395 < send t10 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=7 life=600 malen=64 use=mh-ms\n"
	         " 15461 < send t11 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=8 life=600 malen=64 use=mh-ms\n");
	/* The next probe, after another 20 s or so, is answered. */
	advertise(37900);
	rig_clear(&r);
	mh_ack(&r, 37910, MS1, LCOA11, r.sends ? 9 : 0, 0);
	mh_story(&r,
	         " 37910 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         " 37910 < send t14 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 A H alt=2001:db8:f1::aa use=mh-ha\n"
	         " 37910 < bind t15 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1 accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
	/* What works is left once the home agent knows better. */
	mh_ack(&r, 37950, HA, LCOA11, 3, 0);
	mh_story(&r,
	         " 37950 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1\n"
	         " 37950 < bind t16 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1\n");
}

Test(mh_failure, a_server_that_refuses_is_left_at_once)
{
	mh_ack(&r, 30, MS1, LCOA11, 1, HM_ST_PROHIBITED);
	mh_story(&r, "    30 < note rejected home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1 status=130\n"
	             "    30 < note fallback home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1\n"
	             "    30 < send t2 binding-update src=2001:db8:f1:1:0:ff:fe00:3 "
	             "dst=2001:db8:1::1 if=3 hao=2001:db8:1::aa seq=1 life=600 A H D use=mh-ha\n"
	             "    30 < bind t3 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	             "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1\n");
	cr_assert_eq(r.counters.n[HM_COUNT_FALLBACK], 1);
}

Test(mh_failure, a_server_that_refused_is_probed_after_a_minute)
{
	mh_ack(&r, 30, MS1, LCOA11, 1, HM_ST_RESOURCES);
	mh_ack(&r, 40, HA, LCOA11, 1, 0);
	rig_clear(&r);
	rig_until(&r, 1000);
	rig_clear(&r);
	while (r.now < 59500)
		mh_router(&r, r.now + 500, 3, 1);
	rig_until(&r, 60029);
	cr_assert_null(strstr(r.log, "<"));
	rig_until(&r, 60030);
	mh_story(&r,
	         " 60030 < send t4 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n");
}

Test(mh_failure, a_machine_that_does_not_know_the_option_is_left_at_once)
{
	icmp(30, MS1, 2, 0xca);
	mh_story(&r, "    30 < note rejected home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1\n"
	             "    30 < note fallback home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1\n"
	             "    30 < send t2 binding-update src=2001:db8:f1:1:0:ff:fe00:3 "
	             "dst=2001:db8:1::1 if=3 hao=2001:db8:1::aa seq=1 life=600 A H D use=mh-ha\n"
	             "    30 < bind t3 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	             "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1\n");
}

Test(mh_failure, an_error_about_something_else_is_not_believed)
{
	struct hm_packet p = { .kind = HM_MSG_ICMP_ERROR, .src = addr(MS1), .dst = addr(LCOA11) };

	icmp(30, MS2, 2, 0xca);
	icmp(31, MS1, 2, 0x3f);
	/* A tunnelled packet the server's kernel knows nothing of, while its daemon is away. */
	p.icmp = (struct hm_icmp_error){ .type = 4,
		                         .code = 1,
		                         .about_src = addr(LCOA11),
		                         .about_dst = addr(MS1),
		                         .about_next = 41 };
	rig_packet(&r, 32, &p, HM_VERDICT_MISSING);
	mh_story(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ERROR], 3);
}

Test(mh_failure, a_lower_number_than_the_server_knows_is_corrected_once)
{
	mh_ack(&r, 30, MS1, LCOA11, 500, HM_ST_BADSEQ);
	mh_ack(&r, 40, MS1, LCOA11, 501, 0);
	mh_story(
	        &r,
	        "    30 < send t2 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	        "if=3 hao=2001:db8:1::aa seq=501 life=600 malen=64 use=mh-ms\n"
	        "    40 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=2001:db8:f1::1\n"
	        "    40 < send t3 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	        "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	        "    40 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
}

Test(mh_failure, two_wrong_numbers_in_a_row_are_a_refusal)
{
	mh_ack(&r, 30, MS1, LCOA11, 500, HM_ST_BADSEQ_ALT);
	rig_clear(&r);
	mh_ack(&r, 40, MS1, LCOA11, 700, HM_ST_BADSEQ);
	mh_story(&r, "    40 < note rejected home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1 status=134\n"
	             "    40 < note fallback home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=2001:db8:f1::1\n"
	             "    40 < send t3 binding-update src=2001:db8:f1:1:0:ff:fe00:3 "
	             "dst=2001:db8:1::1 if=3 hao=2001:db8:1::aa seq=1 life=600 A H D use=mh-ha\n"
	             "    40 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	             "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:1::1\n");
}

Test(mh_failure, an_answer_about_an_old_number_is_no_correction)
{
	advertise(900); /* numbers 1, 2 and 3 are out */
	rig_clear(&r);
	mh_ack(&r, 910, MS1, LCOA11, 0, HM_ST_BADSEQ);
	mh_ack(&r, 920, MS1, LCOA11, 3, HM_ST_BADSEQ);
	mh_story(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 2);
}

Test(mh_failure, any_number_that_is_out_may_be_acknowledged)
{
	advertise(900);
	rig_clear(&r);
	mh_ack(&r, 910, MS1, LCOA11, 2, 0);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1); /* to the home agent */
}

Test(mh_failure, acknowledgements_that_answer_nothing_are_counted)
{
	struct hm_packet p = mh_back(MS1, LCOA11, 1, 0);

	mh_ack(&r, 30, MS1, LCOA11, 2, 0); /* a number never sent */
	mh_ack(&r, 30, MS2, LCOA11, 1, 0); /* from somebody else */
	mh_ack(&r, 30, MS1, LCOA12, 1, 0); /* to somebody else */
	p.auth.present = true;
	p.auth.epoch = 1; /* another epoch */
	rig_packet(&r, 30, &p, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 4);
	p.auth.epoch = 0;
	rig_packet(&r, 30, &p, HM_VERDICT_BAD);
	rig_packet(&r, 30, &p, HM_VERDICT_NO_KEY);
	rig_packet(&r, 30, &p, HM_VERDICT_MISSING);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_BAD], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_NO_KEY], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_MISSING], 1);
	mh_story(&r, "");
	rig_packet(&r, 30, &p, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
}

Test(mh_failure, a_key_speaks_for_its_own_kind_of_peer_only)
{
	struct hm_packet p = mh_back(MS1, LCOA11, 1, 0);

	rig_signed(&r, 30, &p, HM_USE_MH_HA);
	rig_signed(&r, 30, &p, HM_USE_MH_CH);
	mh_story(&r, "");
	rig_signed(&r, 30, &p, HM_USE_MH_MS);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1); /* to the home agent */
	rig_clear(&r);
	p = mh_back(HA, LCOA11, 1, 0);
	rig_signed(&r, 40, &p, HM_USE_MH_MS); /* the server, in the home agent's name */
	rig_signed(&r, 40, &p, HM_USE_MH_CH);
	mh_story(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 4);
	rig_signed(&r, 50, &p, HM_USE_MH_HA);
	mh_story(&r, "    50 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	             "peer=2001:db8:1::1\n");
}

Test(mh_failure, an_acknowledgement_behind_a_routing_header_counts_with_our_home_address_only)
{
	struct hm_packet p = mh_back(MS1, LCOA11, 1, 0);

	p.has_routing = true;
	p.routing_type = 2;
	p.routing_addr = addr(CH);
	rig_packet(&r, 30, &p, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 1);
	p.routing_addr = addr(HOME);
	rig_packet(&r, 30, &p, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
}

Test(mh_failure, a_packet_that_could_not_be_sent_is_sent_again_soon)
{
	rig_send_failed(&r, 21, 1, HM_ENODEV);
	rig_until(&r, 240);
	mh_story(&r,
	         "   221 < send t2 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n");
	/* Failures for long are silence like any other. */
	for (unsigned i = 0; i < 8; i++) {
		rig_until(&r, rig_deadline(&r));
		if (rig_count(&r, HM_FX_SEND) > 0)
			rig_send_failed(&r, r.now, rig_effect(&r, HM_FX_SEND, 0)->send.ticket,
			                HM_ENODEV);
	}
	cr_assert_leq(r.sends, 14);
}

Test(mh_failure, a_home_agent_that_refuses_is_asked_again_and_again)
{
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	rig_clear(&r);
	mh_ack(&r, 40, HA, LCOA11, 1, HM_ST_RESOURCES);
	mh_router(&r, 500, 3, 1);
	mh_ack(&r, 1045, HA, LCOA11, 2, HM_ST_NOT_HOME_SUBNET);
	mh_router(&r, 1500, 3, 1);
	mh_router(&r, 2900, 3, 1);
	mh_ack(&r, 3050, HA, LCOA11, 3, HM_ST_DAD_FAILED);
	rig_until(&r, 4000);
	mh_story(&r,
	         "    40 < note rejected home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1 status=131\n"
	         "  1040 < send t4 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	         "  1045 < note rejected home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1 status=133\n"
	         "  3045 < send t5 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	         "  3050 < note rejected home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1 status=138\n");
}

Test(mh_failure, a_home_agent_that_keeps_silent_is_never_given_up)
{
	unsigned before;

	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	before = r.sends;
	advertise(40000);
	/* About 280, 780, 1780, 3780, 7780, 15780 and 31780 ms. */
	cr_assert_eq(r.sends - before, 7, "%u retransmissions", r.sends - before);
	cr_assert_not_null(strstr(r.log, "note unanswered home=2001:db8:1::aa "
	                                 "coa=2001:db8:f1::aa peer=2001:db8:1::1\n"));
	advertise(140000);
	cr_assert_geq(r.sends - before, 9, "%u retransmissions", r.sends - before);
}

Test(mh_failure, a_server_that_lost_us_gets_a_request, .init = begin_registered)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 2);
	mh_usable(&r, 1020, 3, LCOA12);
	rig_clear(&r);
	mh_ack(&r, 1030, MS1, LCOA12, 2, HM_ST_NOT_REGISTERED);
	mh_story(&r,
	         "  1030 < send t6 reg-request src=2001:db8:f1:2:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 malen=64 prev=:: use=mh-ms\n");
	mh_ack(&r, 1040, MS1, LCOA12, 3, HM_ST_NOT_REGISTERED); /* this makes no sense: leave it */
	mh_story(&r,
	         "  1040 < note rejected home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1 status=137\n"
	         "  1040 < note fallback home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  1040 < send t7 binding-update src=2001:db8:f1:2:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H use=mh-ha\n"
	         "  1040 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1:2:0:ff:fe00:3>2001:db8:1::1 accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
}

Test(mh_failure, bindings_are_refreshed_before_they_end, .init = begin_registered)
{
	advertise_until("reg-refresh", 480040);
	cr_assert_gt(r.now, 400000);
	cr_assert_not_null(strstr(r.log, "reg-refresh src=" LCOA11 " dst=" MS1 " if=3 hao=" HOME
	                                 " seq=2 life=600"));
	mh_ack(&r, r.now + 1, MS1, LCOA11, 2, 0);
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 0);
	mh_ack(&r, r.now + 1, MS1, LCOA11, 2, 0);
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 1);
	/* The home agent's turn came before or comes now. */
	if (r.counters.n[HM_COUNT_RETRANSMITTED] == 0)
		advertise_until("binding-update", 480040);
}

Test(mh_failure, an_unanswered_refresh_is_repeated_until_the_binding_ends, .init = begin_registered)
{
	rig_clear(&r);
	advertise(599000);
	cr_assert_null(strstr(r.log, "fallback"));
	rig_clear(&r);
	advertise(610000);
	cr_assert_not_null(strstr(r.log, "reg-request"));
	cr_assert_not_null(strstr(r.log, "note fallback"));
}

Test(mh_failure, a_refresh_refused_for_its_source_becomes_a_request, .init = begin_registered)
{
	advertise_until("reg-refresh", 480040);
	rig_clear(&r);
	mh_ack(&r, r.now, MS1, LCOA11, 2, HM_ST_UNSPECIFIED);
	cr_assert_not_null(strstr(r.log, "reg-request"));
	cr_assert_null(strstr(r.log, "fallback"));
}

Test(mh_failure, a_path_that_could_not_be_installed_is_tried_again, .init = begin_registered)
{
	rig_bind_done(&r, 100, HM_EIO);
	rig_until(&r, 1099);
	cr_assert_eq(r.log_len, 0);
	rig_until(&r, 1100);
	mh_story(
	        &r,
	        "  1100 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
}

Test(mh_failure, another_server_of_the_router_stands_in)
{
	struct hm_packet ra = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);

	ra.ra.n_servers = 2;
	ra.ra.servers[1] = (struct hm_msinfo){ .plen = 64, .ms = addr(MS2) };
	rig_packet(&r, 25, &ra, HM_VERDICT_OK);
	mh_ack(&r, 30, MS1, LCOA11, 1, HM_ST_RESOURCES);
	mh_story(&r,
	         "    30 < note rejected home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1 status=131\n"
	         "    30 < send t2 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f2::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n");
	/* It stays, and the one it stands in for is left in peace. */
	mh_ack(&r, 40, MS2, LCOA11, 2, 0);
	mh_ack(&r, 50, HA, LCOA11, 1, 0);
	rig_clear(&r);
	while (r.now < 100000)
		rig_packet(&r, r.now + 500, &ra, HM_VERDICT_OK);
	mh_story(&r, "");
}
