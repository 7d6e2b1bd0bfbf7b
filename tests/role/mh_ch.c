#include "role/mh_rig.h"

#include "base/text.h"

static struct rig r;

static struct hm_config with_correspondents(void)
{
	struct hm_config c = mh_config();

	c.mh.correspondents.n = 2;
	c.mh.correspondents.a[0] = addr(CH);
	c.mh.correspondents.a[1] = addr(CH_LOCAL);
	return c;
}

static void begin_list(void)
{
	struct hm_config c = with_correspondents();

	mh_begin(&r, &c);
}

static void begin_none(void)
{
	struct hm_config c = mh_config();

	mh_begin(&r, &c);
}

static void end(void)
{
	rig_free(&r);
}

static void learn(hm_ms at, const char *peer)
{
	rig_traffic(&r, at, HM_TRAFFIC_TUNNELLED, HOME, peer, true);
}

/* Router 1 advertises, server and home agent acknowledge whatever they are sent. */
static void answer(void *arg, const struct hm_effect *e)
{
	struct hm_packet *asked = arg;

	if (e->kind == HM_FX_SEND && (e->send.use == HM_USE_MH_MS || e->send.use == HM_USE_MH_HA))
		*asked = e->send.packet;
}

static void stay(hm_ms until)
{
	struct hm_packet asked = { 0 };

	r.watch = answer;
	r.watch_arg = &asked;
	while (r.now + 500 < until) {
		mh_router(&r, r.now + 500, 3, 1);
		if (asked.kind != HM_MSG_NONE) {
			char from[HM_ADDR_TEXT_MAX];
			uint16_t seq = asked.kind == HM_MSG_BU ? asked.bu.seq : asked.reg.seq;

			mh_ack(&r, r.now, hm_addr_text(&asked.dst, from), LCOA11, seq, 0);
			asked.kind = HM_MSG_NONE;
		}
	}
	r.watch = NULL;
}

static void icmp(hm_ms at, const char *dst, uint8_t option)
{
	struct hm_packet p = { .kind = HM_MSG_ICMP_ERROR, .src = addr(dst), .dst = addr(LCOA11) };

	p.icmp = (struct hm_icmp_error){
		.type = 4,
		.code = 2,
		.about_src = addr(LCOA11),
		.about_dst = addr(dst),
		.about_next = 60,
		.bad_option = option,
	};
	rig_packet(&r, at, &p, HM_VERDICT_MISSING);
}

TestSuite(mh_ch, .init = begin_none, .fini = end);

Test(mh_ch, external_ones_learn_the_gcoa_and_local_ones_the_lcoa, .init = NULL)
{
	struct hm_config c = with_correspondents();

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	rig_until(&r, 20);
	rig_clear(&r);
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	rig_until(&r, 30);
	mh_ack(&r, 40, HA, LCOA11, 1, 0);
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, 0);
	mh_story(&r,
	         "    30 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "    30 < send t2 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	         "    30 < send t3 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A alt=2001:db8:f1::aa use=mh-ch\n"
	         "    30 < send t4 binding-update src=2001:db8:f1:1:0:ff:fe00:3 "
	         "dst=2001:db8:f1:9::1 if=3 hao=2001:db8:1::aa seq=1 life=600 A use=mh-ch\n"
	         "    30 < bind t5 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "    40 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1\n"
	         "    50 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:c::1\n"
	         "    50 < bind t6 | own match=2001:db8:c::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1::aa\n"
	         "    60 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1:9::1\n"
	         "    60 < bind t7 | own match=2001:db8:f1:9::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1:1:0:ff:fe00:3\n");
}

Test(mh_ch, a_local_move_is_told_to_local_ones_only, .init = begin_list)
{
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, 0);
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 2);
	mh_usable(&r, 1020, 3, LCOA12);
	rig_until(&r, 1020);
	rig_clear(&r);
	mh_ack(&r, 1030, MS1, LCOA12, 2, 0);
	mh_ack(&r, 1040, CH_LOCAL, LCOA12, 2, 0);
	mh_story(&r,
	         "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  1030 < send t10 binding-update src=2001:db8:f1:2:0:ff:fe00:3 "
	         "dst=2001:db8:f1:9::1 if=3 hao=2001:db8:1::aa seq=2 life=600 A use=mh-ch\n"
	         "  1030 < bind t11 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1030 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:2:0:ff:fe00:3 if=3 elapsed_ms=25\n"
	         "  1040 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1:9::1\n"
	         "  1040 < bind t12 | own match=2001:db8:f1:9::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1:2:0:ff:fe00:3\n");
}

Test(mh_ch, a_domain_change_goes_through_the_tunnel_until_they_know, .init = begin_list)
{
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, 0);
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	rig_clear(&r);
	mh_router(&r, 1010, 3, 3);
	mh_usable(&r, 1020, 3, LCOA21);
	mh_ack(&r, 1030, MS2, LCOA21, 2, 0);
	mh_ack(&r, 1040, HA, LCOA21, 2, 0);
	mh_ack(&r, 1050, CH, LCOA21, 2, 0);
	mh_ack(&r, 1060, CH_LOCAL, LCOA21, 2, 0);
	mh_story(&r,
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1010 < address add 2001:db8:f2:1:0:ff:fe00:3/64 if=3\n"
	         "  1020 < gateway if=3 router=fe80::3\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:f2:1:0:ff:fe00:3 "
	         "peer=fe80::3 if=3\n"
	         "  1020 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f2::aa>2001:db8:1::1 "
	         "accept=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1\n"
	         "  1020 < send t9 reg-request src=2001:db8:f2:1:0:ff:fe00:3 dst=2001:db8:f2::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 prev=2001:db8:f1::1 use=mh-ms\n"
	         "  1020 < unbind | own match=2001:db8:c::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1::aa\n"
	         "  1020 < unbind | own match=2001:db8:f1:9::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1:1:0:ff:fe00:3\n"
	         "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:f2:1:0:ff:fe00:3 "
	         "peer=2001:db8:f2::1\n"
	         "  1030 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1030 < send t10 binding-update src=2001:db8:f2:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H alt=2001:db8:f2::aa use=mh-ha\n"
	         "  1030 < send t11 binding-update src=2001:db8:f2:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A alt=2001:db8:f2::aa use=mh-ch\n"
	         "  1030 < send t12 binding-update src=2001:db8:f2:1:0:ff:fe00:3 "
	         "dst=2001:db8:f1:9::1 if=3 hao=2001:db8:1::aa seq=2 life=600 A "
	         "alt=2001:db8:f2::aa use=mh-ch\n"
	         "  1030 < bind t13 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f2::aa>2001:db8:1::1 hop=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1 accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1040 < note registered home=2001:db8:1::aa coa=2001:db8:f2::aa "
	         "peer=2001:db8:1::1\n"
	         "  1040 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f2::aa "
	         "coa=2001:db8:f2:1:0:ff:fe00:3 if=3 elapsed_ms=35\n"
	         "  1050 < note registered home=2001:db8:1::aa coa=2001:db8:f2::aa "
	         "peer=2001:db8:c::1\n"
	         "  1050 < bind t14 | own match=2001:db8:c::1 home=2001:db8:1::aa "
	         "local=2001:db8:f2::aa\n"
	         "  1060 < note registered home=2001:db8:1::aa coa=2001:db8:f2::aa "
	         "peer=2001:db8:f1:9::1\n"
	         "  1060 < bind t15 | own match=2001:db8:f1:9::1 home=2001:db8:1::aa "
	         "local=2001:db8:f2::aa\n");
}

Test(mh_ch, direct_uplink_spares_the_servers_tunnel_and_accepts_it, .init = NULL)
{
	struct hm_config c = with_correspondents();

	c.mh.uplink = HM_UPLINK_DIRECT;
	c.mh.correspondents.n = 1;
	mh_begin(&r, &c);
	cr_assert_eq(r.binds, 1);
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	rig_clear(&r);
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 2);
	mh_usable(&r, 1020, 3, LCOA12);
	mh_ack(&r, 1030, MS1, LCOA12, 2, 0);
	mh_story(
	        &r,
	        "  1005 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	        "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	        "  1010 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n"
	        "  1020 < gateway if=3 router=fe80::2\n"
	        "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	        "peer=fe80::2 if=3\n"
	        "  1020 < bind t6 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 "
	        "accept=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1\n"
	        "  1020 < send t7 reg-update src=2001:db8:f1:2:0:ff:fe00:3 dst=2001:db8:f1::1 if=3 "
	        "hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n"
	        "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	        "peer=2001:db8:f1::1\n"
	        "  1030 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 accept=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1 "
	        "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	        "  1030 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	        "coa=2001:db8:f1:2:0:ff:fe00:3 if=3 elapsed_ms=25\n");
}

Test(mh_ch, configured_domain_prefixes_say_who_is_local, .init = NULL)
{
	struct hm_config c = with_correspondents();

	c.mh.has_domain_prefixes = true;
	c.mh.domain_prefixes.n = 1;
	c.mh.domain_prefixes.p[0] = (struct hm_prefix){ addr("2001:db8:c::"), 48 };
	mh_begin(&r, &c);
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, 0);
	cr_assert_not_null(strstr(r.log, "own match=" CH " home=" HOME " local=" LCOA11));
	cr_assert_not_null(strstr(r.log, "own match=" CH_LOCAL " home=" HOME " local=" GCOA1));
}

Test(mh_ch, one_that_sent_through_the_tunnel_is_learnt_when_there_is_a_key)
{
	rig_traffic(&r, 100, HM_TRAFFIC_TUNNELLED, HOME, CH, false);
	rig_traffic(&r, 101, HM_TRAFFIC_BOUND, HOME, CH, true);
	rig_traffic(&r, 102, HM_TRAFFIC_TUNNELLED, GCOA1, CH, true);
	rig_traffic(&r, 103, HM_TRAFFIC_TUNNELLED, HOME, HA, true);
	rig_until(&r, 110);
	cr_assert_eq(r.log_len, 0);
	learn(120, CH);
	mh_ack(&r, 130, CH, LCOA11, 1, 0);
	mh_story(&r,
	         "   120 < send t4 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A alt=2001:db8:f1::aa use=mh-ch\n"
	         "   130 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:c::1\n"
	         "   130 < bind t5 | own match=2001:db8:c::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1::aa\n");
}

Test(mh_ch, learnt_ones_are_dropped_when_their_binding_ends_unused)
{
	learn(120, CH);
	mh_ack(&r, 130, CH, LCOA11, 1, 0);
	stay(600000);
	rig_clear(&r);
	mh_router(&r, 600200, 3, 1);
	mh_story(&r, "600120 < forget registration ch state=pending peer=2001:db8:c::1 "
	             "home=2001:db8:1::aa seq=0\n"
	             "600120 < unbind | own match=2001:db8:c::1 home=2001:db8:1::aa "
	             "local=2001:db8:f1::aa\n");
	learn(600300, CH);
	mh_story(&r,
	         "600300 < send t9 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A alt=2001:db8:f1::aa use=mh-ch\n");
}

Test(mh_ch, one_more_than_fit_takes_the_place_of_the_least_recently_used)
{
	char peer[32];

	for (unsigned i = 0; i < 32; i++) {
		snprintf(peer, sizeof peer, "2001:db8:c::%x", i + 1);
		learn(100 + (hm_ms)i, peer);
		mh_ack(&r, r.now, peer, LCOA11, 1, HM_ST_PROHIBITED);
	}
	learn(200, "2001:db8:c::1"); /* used again; the second is the oldest now */
	rig_clear(&r);
	learn(300, "2001:db8:c::100");
	cr_assert_not_null(strstr(r.log, "forget registration ch state=pending "
	                                 "peer=2001:db8:c::2 "));
	/* It is not mistaken for somebody new: its numbers go on. */
	cr_assert_not_null(strstr(r.log, "binding-update src=" LCOA11
	                                 " dst=2001:db8:c::100 if=3 hao=" HOME " seq=2"));
	cr_assert_eq(r.counters.n[HM_COUNT_TABLE_FULL], 0);
}

Test(mh_ch, when_all_that_fit_are_bound_no_more_are_learnt)
{
	char peer[32];

	for (unsigned i = 0; i < 32; i++) {
		snprintf(peer, sizeof peer, "2001:db8:c::%x", i + 1);
		learn(100 + (hm_ms)i, peer);
		mh_ack(&r, r.now, peer, LCOA11, 1, 0);
	}
	rig_clear(&r);
	learn(300, "2001:db8:c::100");
	mh_story(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_TABLE_FULL], 1);
}

Test(mh_ch, a_binding_request_is_answered_at_once_and_not_too_often)
{
	struct hm_packet breq = { .kind = HM_MSG_BREQ, .src = addr(CH), .dst = addr(LCOA11) };

	breq.breq.has_unique_id = true;
	breq.breq.unique_id = 7;
	rig_packet(&r, 100, &breq, HM_VERDICT_MISSING);
	cr_assert_eq(r.counters.n[HM_COUNT_UNKNOWN_PEER], 1);
	learn(120, CH);
	mh_ack(&r, 130, CH, LCOA11, 1, 0);
	rig_clear(&r);
	for (hm_ms t = 400; t < 1400; t += 200)
		mh_router(&r, t, 3, 1);
	rig_packet(&r, 1410, &breq, HM_VERDICT_MISSING);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.bu.unique_id, 7);
	mh_ack(&r, 1420, CH, LCOA11, 2, 0);
	rig_packet(&r, 1430, &breq, HM_VERDICT_MISSING);
	mh_story(&r,
	         "  1410 < send t6 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A alt=2001:db8:f1::aa use=mh-ch\n");
	cr_assert_eq(r.counters.n[HM_COUNT_RATE_LIMITED], 1);
}

/* Nobody signs a Binding Request: who forges one a second gets no more out of us than draft-12 lets
 * anybody have, five in a row and then one in ten seconds. */
Test(mh_ch, hears_the_same_five_times_and_then_once_in_ten_seconds)
{
	struct hm_packet breq = { .kind = HM_MSG_BREQ, .src = addr(CH), .dst = addr(LCOA11) };
	hm_ms sent[16];
	unsigned n = 0, heard = r.sends;

	learn(120, CH);
	for (hm_ms t = 130; t < 40000; t += 200) {
		if (r.sends > heard && n < 16) {
			sent[n++] = r.now;
			mh_ack(&r, t, CH, LCOA11, (uint16_t)n, 0);
		}
		heard = r.sends;
		rig_packet(&r, t + 10, &breq, HM_VERDICT_MISSING);
		if (r.sends == heard)
			mh_router(&r, t + 20, 3, 1);
	}
	cr_assert_eq(n, 8, "%u in 40 s", n);
	for (unsigned i = 1; i < n; i++)
		cr_assert_geq(sent[i] - sent[i - 1], i < 5 ? 1000 : 10000, "the %uth", i + 1);
}

Test(mh_ch, one_that_does_not_speak_mobile_ipv6_is_left_alone)
{
	learn(120, CH);
	rig_clear(&r);
	icmp(130, CH, 0xc6);
	mh_story(&r, "   130 < note rejected home=2001:db8:1::aa coa=2001:db8:f1::aa "
	             "peer=2001:db8:c::1\n"
	             "   130 < forget registration ch state=pending peer=2001:db8:c::1 "
	             "home=2001:db8:1::aa seq=0\n");
	learn(1000, CH);
	mh_story(&r, "");
}

Test(mh_ch, one_that_keeps_silent_is_asked_five_times)
{
	unsigned before;

	learn(120, CH);
	before = r.sends;
	for (hm_ms t = 500; t < 50000; t += 500)
		mh_router(&r, t, 3, 1);
	cr_assert_eq(r.sends - before, 4, "%u retransmissions", r.sends - before);
	cr_assert_not_null(strstr(r.log, "note unanswered home=" HOME " coa=" GCOA1 " peer=" CH));
	cr_assert_eq(r.binds, 1);
}

Test(mh_ch, nobody_hears_of_two_moves_within_a_second)
{
	unsigned before;

	learn(120, CH);
	mh_ack(&r, 130, CH, LCOA11, 1, 0);
	rig_clear(&r);
	mh_down(&r, 200, "wlan0", 3);
	mh_up(&r, 210, "wlan0", 3);
	mh_router(&r, 220, 3, 4); /* to a link without a server: another care-of address */
	mh_usable(&r, 230, 3, PLAIN);
	before = r.sends;
	mh_router(&r, 700, 3, 4);
	mh_ack(&r, 710, HA, PLAIN, 3, 0);
	rig_until(&r, 1119);
	cr_assert_null(strstr(r.log, "dst=" CH " "), "%s", r.log);
	mh_router(&r, 1120, 3, 4);
	cr_assert_not_null(strstr(r.log, "dst=" CH " "), "%s", r.log);
	cr_assert_gt(r.sends, before);
}

Test(mh_ch, one_that_refuses_is_asked_again_after_ten_minutes, .init = begin_list)
{
	mh_ack(&r, 50, CH, LCOA11, 1, HM_ST_PROHIBITED);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, 0);
	rig_clear(&r);
	stay(600000);
	cr_assert_null(strstr(r.log, "dst=" CH " "));
	mh_router(&r, 600100, 3, 1);
	cr_assert_not_null(strstr(r.log, "dst=" CH " "));
}

Test(mh_ch, coming_home_is_told_to_those_with_a_binding, .init = begin_list)
{
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	mh_ack(&r, 60, CH_LOCAL, LCOA11, 1, HM_ST_PROHIBITED);
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 9);
	rig_clear(&r);
	mh_usable(&r, 1020, 3, HOME);
	mh_ack(&r, 1030, HA, HOME, 2, 0);
	mh_ack(&r, 1040, CH, HOME, 2, 0);
	rig_until(&r, 1040);
	mh_story(&r,
	         "  1020 < gateway if=3 router=fe80::9\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	         "  1020 < send t7 binding-update src=2001:db8:1::aa dst=2001:db8:1::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 A H use=mh-ha\n"
	         "  1020 < unbind | own match=2001:db8:c::1 home=2001:db8:1::aa "
	         "local=2001:db8:f1::aa\n"
	         "  1020 < unbind | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1020 < send t8 reg-update src=2001:db8:1::aa dst=2001:db8:f1::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 malen=64 use=mh-ms\n"
	         "  1030 < send t9 binding-update src=2001:db8:1::aa dst=2001:db8:c::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 A use=mh-ch\n"
	         "  1030 < forget registration ha state=pending peer=2001:db8:1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1030 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         "  1030 < note home home=2001:db8:1::aa peer=2001:db8:1::1 if=3 elapsed_ms=25\n"
	         "  1030 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1040 < forget registration ch state=pending peer=2001:db8:c::1 "
	         "home=2001:db8:1::aa seq=0\n");
}
