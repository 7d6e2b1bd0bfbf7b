#include "role/mh_rig.h"

static struct rig r;

static void begin(void)
{
	struct hm_config c = mh_config();

	mh_begin(&r, &c);
}

static void begin_off(void)
{
	struct hm_config c = mh_config();

	rig_init(&r, &hm_role_mh, &c);
}

static void end(void)
{
	rig_free(&r);
}

/* Home by way of wlan0, everything taken back by 1040 ms. */
static void go_home(void)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 9);
	mh_usable(&r, 1020, 3, HOME);
	mh_ack(&r, 1030, HA, HOME, 2, 0);
	rig_until(&r, 1040);
}

TestSuite(mh_home, .init = begin, .fini = end);

Test(mh_home, coming_home_takes_everything_back_and_advertises_the_address)
{
	go_home();
	rig_until(&r, 4000);
	mh_story(&r,
	         "  1005 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1010 < address add-nodad 2001:db8:1::aa/64 if=3\n"
	         "  1020 < gateway if=3 router=fe80::9\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	         "  1020 < send t4 binding-update src=2001:db8:1::aa dst=2001:db8:1::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 A H use=mh-ha\n"
	         "  1020 < unbind | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1020 < send t5 reg-update src=2001:db8:1::aa dst=2001:db8:f1::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 malen=64 use=mh-ms\n"
	         "  1030 < forget registration ha state=pending peer=2001:db8:1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1030 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         "  1030 < note home home=2001:db8:1::aa peer=2001:db8:1::1 if=3 elapsed_ms=25\n"
	         "  1030 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1262 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  2030 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         "  2510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  2760 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  3010 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  3030 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         "  3510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	cr_assert_eq(r.counters.n[HM_COUNT_HANDOFF], 1);
}

Test(mh_home, a_home_agent_that_keeps_silent_is_asked_until_it_answers)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 9);
	mh_usable(&r, 1020, 3, HOME);
	rig_clear(&r);
	for (unsigned i = 0; i < 120; i++)
		mh_router(&r, 1500 + 500 * i, 3, 9);
	cr_assert_not_null(strstr(r.log, "note unanswered"));
	cr_assert_null(strstr(r.log, "note home"));
	rig_clear(&r);
	mh_ack(&r, r.now, HA, HOME, 4, 0);
	mh_story(&r,
	         " 61000 < forget registration ha state=pending peer=2001:db8:1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         " 61000 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         " 61000 < note home home=2001:db8:1::aa peer=2001:db8:1::1 if=3 elapsed_ms=59995\n"
	         " 61000 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n");
}

Test(mh_home, a_home_agent_that_knows_no_binding_is_as_good)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 9);
	mh_usable(&r, 1020, 3, HOME);
	rig_clear(&r);
	mh_ack(&r, 1030, HA, HOME, 2, HM_ST_NOT_REGISTERED);
	cr_assert_not_null(strstr(r.log, "note home"));
}

Test(mh_home, over_a_second_interface_keeps_the_tunnel_until_the_home_agent_let_go)
{
	struct hm_link eth = rig_link_up("eth0", 4);

	/* wlan0, the preferred one, comes home while eth0 is abroad. */
	mh_down(&r, 100, "wlan0", 3);
	rig_link(&r, 110, &eth);
	mh_router(&r, 120, 4, 2);
	mh_usable(&r, 130, 4, ELCOA12);
	mh_ack(&r, 140, MS1, ELCOA12, 2, 0);
	mh_up(&r, 200, "wlan0", 3);
	rig_clear(&r);
	mh_router(&r, 210, 3, 9);
	mh_usable(&r, 220, 3, HOME);
	rig_until(&r, 220);
	mh_story(&r,
	         "   210 < address add-nodad 2001:db8:1::aa/64 if=3\n"
	         "   220 < address deprecate 2001:db8:f1:2:0:ff:fe00:4/64 if=4\n"
	         "   220 < gateway if=3 router=fe80::9\n"
	         "   220 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	         "   220 < send t7 binding-update src=2001:db8:1::aa dst=2001:db8:1::1 if=3 "
	         "hao=2001:db8:1::aa seq=2 life=0 A H use=mh-ha\n"
	         "   220 < send t8 reg-update src=2001:db8:1::aa dst=2001:db8:f1::1 if=3 "
	         "hao=2001:db8:1::aa seq=3 life=0 malen=64 use=mh-ms\n");
	mh_ack(&r, 230, HA, HOME, 2, 0);
	mh_story(&r,
	         "   230 < forget registration ha state=pending peer=2001:db8:1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "   230 < send neighbour-advert src=2001:db8:1::aa dst=ff02::1 if=3 "
	         "target=2001:db8:1::aa O\n"
	         "   230 < note home home=2001:db8:1::aa peer=2001:db8:1::1 if=3 elapsed_ms=20\n"
	         "   230 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "   230 < unbind | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:2:0:ff:fe00:4>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
}

Test(mh_home, at_power_on_nothing_is_sent_and_the_address_is_probed, .init = begin_off)
{
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 9);
	mh_usable(&r, 1020, 3, HOME);
	rig_until(&r, 1100);
	mh_story(
	        &r,
	        "     0 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	        "    10 < address add 2001:db8:1::aa/64 if=3\n"
	        "  1020 < gateway if=3 router=fe80::9\n"
	        "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	        "  1020 < note home home=2001:db8:1::aa peer=2001:db8:1::1 if=3 elapsed_ms=1020\n");
}

Test(mh_home, an_address_that_is_defended_at_power_on_is_the_home_agents_doing, .init = begin_off)
{
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 9);
	rig_clear(&r);
	rig_address(&r, 20, 3, HOME, HM_ADDRESS_DUPLICATE);
	mh_usable(&r, 30, 3, HOME);
	rig_until(&r, 30);
	mh_story(&r,
	         "    20 < address add-nodad 2001:db8:1::aa/64 if=3\n"
	         "    30 < gateway if=3 router=fe80::9\n"
	         "    30 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	         "    30 < send t1 binding-update src=2001:db8:1::aa dst=2001:db8:1::1 if=3 "
	         "hao=2001:db8:1::aa seq=1 life=0 A H use=mh-ha\n");
}

Test(mh_home, leaving_home_removes_the_address_and_registers)
{
	go_home();
	mh_down(&r, 2000, "wlan0", 3);
	mh_up(&r, 2005, "wlan0", 3);
	rig_clear(&r);
	mh_router(&r, 2010, 3, 1);
	mh_usable(&r, 2020, 3, LCOA11);
	mh_ack(&r, 2030, MS1, LCOA11, 3, 0);
	mh_ack(&r, 2040, HA, LCOA11, 3, 0);
	rig_until(&r, 2040);
	mh_story(&r,
	         "  2010 < address del 2001:db8:1::aa/64 if=3\n"
	         "  2010 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  2020 < gateway if=3 router=fe80::1\n"
	         "  2020 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=fe80::1 if=3\n"
	         "  2020 < send t6 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 malen=64 prev=:: use=mh-ms\n"
	         "  2030 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  2030 < send t7 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	         "  2030 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  2040 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1\n"
	         "  2040 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:1:0:ff:fe00:3 if=3 elapsed_ms=35\n");
}

Test(mh_home, the_home_agent_is_discovered_when_it_is_not_configured, .init = begin_off)
{
	struct hm_packet reply = { .kind = HM_MSG_HAAD_REPLY,
		                   .src = addr(HA),
		                   .dst = addr(PLAIN),
		                   .haad = { .id = 2, .n_agents = 1, .agents = { addr(HA) } } };

	r.config.mh.discover_home_agent = true;
	r.config.mh.home_agent = hm_addr_any;
	memset(r.state, 0, hm_role_mh.size(&r.config));
	hm_role_mh.init(r.state, &r.config, 1);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 4);
	rig_clear(&r);
	mh_usable(&r, 20, 3, PLAIN);
	mh_router(&r, 500, 3, 4);
	mh_router(&r, 1000, 3, 4);
	mh_router(&r, 1300, 3, 4);
	rig_packet(&r, 1310, &reply, HM_VERDICT_MISSING);
	mh_ack(&r, 1320, HA, PLAIN, 1, 0);
	rig_packet(&r, 1330, &reply, HM_VERDICT_MISSING); /* nobody asks any more */
	rig_until(&r, 1400);
	mh_story(&r, "    20 < gateway if=3 router=fe80::4\n"
	             "    20 < note attached home=2001:db8:1::aa coa=2001:db8:d:1:0:ff:fe00:3 "
	             "peer=fe80::4 if=3\n"
	             "    20 < send haad-request src=2001:db8:d:1:0:ff:fe00:3 "
	             "dst=2001:db8:1:0:fdff:ffff:ffff:fffe if=3 id=1\n"
	             "   967 < send haad-request src=2001:db8:d:1:0:ff:fe00:3 "
	             "dst=2001:db8:1:0:fdff:ffff:ffff:fffe if=3 id=2\n"
	             "  1310 < send t1 binding-update src=2001:db8:d:1:0:ff:fe00:3 "
	             "dst=2001:db8:1::1 if=3 hao=2001:db8:1::aa seq=1 life=600 A H D use=mh-ha\n"
	             "  1310 < bind t2 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	             "hop=2001:db8:d:1:0:ff:fe00:3>2001:db8:1::1\n"
	             "  1320 < note registered home=2001:db8:1::aa coa=2001:db8:d:1:0:ff:fe00:3 "
	             "peer=2001:db8:1::1\n");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 1);
}

Test(mh_home, a_discovered_home_agent_that_refuses_is_followed_by_the_next, .init = begin_off)
{
	struct hm_packet reply = {
		.kind = HM_MSG_HAAD_REPLY,
		.src = addr(HA),
		.dst = addr(PLAIN),
		.haad = { .id = 1,
		          .n_agents = 3,
		          .agents = { addr("2001:db8:1::7"), { { 0 } }, addr(HA) } },
	};

	r.config.mh.discover_home_agent = true;
	r.config.mh.home_agent = hm_addr_any;
	memset(r.state, 0, hm_role_mh.size(&r.config));
	hm_role_mh.init(r.state, &r.config, 1);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 4);
	mh_usable(&r, 20, 3, PLAIN);
	rig_packet(&r, 30, &reply, HM_VERDICT_MISSING);
	rig_clear(&r);
	mh_ack(&r, 40, "2001:db8:1::7", PLAIN, 1, HM_ST_RESOURCES);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.dst.b[15], 1, "asks the next");
	mh_ack(&r, 50, HA, PLAIN, 2, HM_ST_NO_HOME_REG);
	cr_assert_not_null(strstr(r.log, "send haad-request"), "%s", r.log);
	mh_router(&r, 500, 3, 4);
	reply.haad.id = 2;
	rig_packet(&r, 600, &reply, HM_VERDICT_MISSING);
	mh_router(&r, 1000, 3, 4);
	mh_router(&r, 2000, 3, 4);
	rig_until(&r, 3000);
	cr_assert_not_null(strstr(r.log, "dst=2001:db8:1::7"), "the first again: %s", r.log);
}
