#include "role/mh_rig.h"

static struct rig r;

static void begin(void)
{
	struct hm_config c = mh_config();

	mh_begin(&r, &c);
}

static void end(void)
{
	rig_free(&r);
}

TestSuite(mh_move, .init = begin, .fini = end);

Test(mh_move, within_the_domain_sends_an_update_to_the_server_and_nothing_else)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 2);
	mh_usable(&r, 1020, 3, LCOA12);
	rig_until(&r, 1020);
	mh_story(&r,
	         "  1005 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1010 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n"
	         "  1020 < gateway if=3 router=fe80::2\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=fe80::2 if=3\n"
	         "  1020 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1020 < send t5 reg-update src=2001:db8:f1:2:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n");
	mh_ack(&r, 1030, MS1, LCOA12, 2, 0);
	mh_story(&r,
	         "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  1030 < bind t6 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1030 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:2:0:ff:fe00:3 if=3 elapsed_ms=25\n");
	rig_until(&r, 1400);
	mh_story(&r, "");
}

Test(mh_move, between_domains_names_the_previous_server_and_tells_the_home_agent)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 3);
	mh_usable(&r, 1020, 3, LCOA21);
	mh_ack(&r, 1030, MS2, LCOA21, 2, 0);
	mh_ack(&r, 1050, HA, LCOA21, 2, 0);
	mh_story(&r,
	         "  1005 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1010 < address add 2001:db8:f2:1:0:ff:fe00:3/64 if=3\n"
	         "  1020 < gateway if=3 router=fe80::3\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:f2:1:0:ff:fe00:3 "
	         "peer=fe80::3 if=3\n"
	         "  1020 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f2::aa>2001:db8:1::1 "
	         "accept=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1\n"
	         "  1020 < send t5 reg-request src=2001:db8:f2:1:0:ff:fe00:3 dst=2001:db8:f2::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 prev=2001:db8:f1::1 use=mh-ms\n"
	         "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:f2:1:0:ff:fe00:3 "
	         "peer=2001:db8:f2::1\n"
	         "  1030 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1030 < send t6 binding-update src=2001:db8:f2:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H alt=2001:db8:f2::aa use=mh-ha\n"
	         "  1030 < bind t7 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f2::aa>2001:db8:1::1 hop=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1 accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1050 < note registered home=2001:db8:1::aa coa=2001:db8:f2::aa "
	         "peer=2001:db8:1::1\n"
	         "  1050 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f2::aa "
	         "coa=2001:db8:f2:1:0:ff:fe00:3 if=3 elapsed_ms=45\n");
}

Test(mh_move, back_to_the_former_domain_registers_there_anew)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 3);
	mh_usable(&r, 1020, 3, LCOA21);
	mh_ack(&r, 1030, MS2, LCOA21, 2, 0);
	mh_ack(&r, 1050, HA, LCOA21, 2, 0);
	mh_down(&r, 1100, "wlan0", 3);
	mh_up(&r, 1105, "wlan0", 3);
	rig_clear(&r);
	mh_router(&r, 1110, 3, 1);
	mh_usable(&r, 1120, 3, LCOA11);
	mh_ack(&r, 1130, MS1, LCOA11, 3, 0);
	mh_story(&r,
	         "  1110 < address del 2001:db8:f2:1:0:ff:fe00:3/64 if=3\n"
	         "  1110 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1120 < gateway if=3 router=fe80::1\n"
	         "  1120 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=fe80::1 if=3\n"
	         "  1120 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f2::aa>2001:db8:1::1 hop=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1 "
	         "accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1 accept=2001:db8:f1::aa>2001:db8:f2::1\n"
	         "  1120 < send t9 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 malen=64 prev=2001:db8:f2::1 use=mh-ms\n"
	         "  1130 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  1130 < forget registration ms state=pending peer=2001:db8:f2::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1130 < send t10 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 A H alt=2001:db8:f1::aa use=mh-ha\n"
	         "  1130 < bind t11 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f2::aa>2001:db8:f1::1 accept=2001:db8:f1::aa>2001:db8:f2::1 "
	         "accept=2001:db8:f2::aa>2001:db8:1::1 "
	         "accept=2001:db8:f2:1:0:ff:fe00:3>2001:db8:f2::1\n");
}

Test(mh_move, to_a_network_without_a_server_is_plain_mobile_ipv6)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	rig_clear(&r);
	mh_router(&r, 1010, 3, 4);
	mh_usable(&r, 1020, 3, PLAIN);
	mh_ack(&r, 1030, HA, PLAIN, 2, 0);
	mh_story(&r,
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "  1010 < address add 2001:db8:d:1:0:ff:fe00:3/64 if=3\n"
	         "  1020 < gateway if=3 router=fe80::4\n"
	         "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:d:1:0:ff:fe00:3 "
	         "peer=fe80::4 if=3\n"
	         "  1020 < send t4 binding-update src=2001:db8:d:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 A H use=mh-ha\n"
	         "  1020 < bind t5 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:d:1:0:ff:fe00:3>2001:db8:1::1 accept=2001:db8:f1::aa>2001:db8:1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1030 < note registered home=2001:db8:1::aa coa=2001:db8:d:1:0:ff:fe00:3 "
	         "peer=2001:db8:1::1\n"
	         "  1030 < forget registration ms state=pending peer=2001:db8:f1::1 "
	         "home=2001:db8:1::aa seq=0\n"
	         "  1030 < note handoff-done home=2001:db8:1::aa coa=2001:db8:d:1:0:ff:fe00:3 if=3 "
	         "elapsed_ms=25\n");
	/* The next domain hears that there was no server before it. */
	mh_down(&r, 1100, "wlan0", 3);
	mh_up(&r, 1105, "wlan0", 3);
	mh_router(&r, 1110, 3, 1);
	rig_clear(&r);
	mh_usable(&r, 1120, 3, LCOA11);
	rig_until(&r, 1120);
	mh_story(&r,
	         "  1120 < gateway if=3 router=fe80::1\n"
	         "  1120 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=fe80::1 if=3\n"
	         "  1120 < send t6 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 prev=:: use=mh-ms\n");
}

Test(mh_move, the_same_router_after_the_link_came_back_changes_nothing)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	mh_router(&r, 1010, 3, 1);
	mh_usable(&r, 1020, 3, LCOA11);
	for (hm_ms t = 1500; t <= 5000; t += 500)
		mh_router(&r, t, 3, 1);
	mh_story(&r, "  1005 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  1010 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	             "  1020 < gateway if=3 router=fe80::1\n"
	             "  1020 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=fe80::1 if=3\n");
}

Test(mh_move, two_late_advertisements_move_nobody)
{
	for (hm_ms t = 500; t <= 4000; t += 500)
		mh_router(&r, t, 3, 1);
	rig_clear(&r);
	/* Two are lost, and the third comes just after the router was doubted. */
	mh_router(&r, 5600, 3, 1);
	mh_router(&r, 6000, 3, 1);
	mh_story(&r, "  5500 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
}

Test(mh_move, a_second_router_on_the_link_moves_nobody)
{
	for (hm_ms t = 500; t <= 4000; t += 500) {
		mh_router(&r, t, 3, 1);
		mh_router(&r, t + 10, 3, 2);
	}
	mh_story(&r, "");
}

Test(mh_move, without_a_link_event_shows_in_the_old_routers_silence)
{
	for (hm_ms t = 500; t <= 2000; t += 500)
		mh_router(&r, t, 3, 1);
	rig_clear(&r);
	/* Another router appears 600 ms after the last was heard: asked, it does not answer. */
	mh_router(&r, 2600, 3, 2);
	mh_router(&r, 3100, 3, 2);
	mh_router(&r, 3600, 3, 2);
	rig_until(&r, 3700);
	mh_story(&r, "  2600 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  2850 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  3100 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  3600 < address deprecate 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	             "  3600 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n");
}

/* A router that does not tell its interval, whose last word came after the link had changed. */
Test(mh_move, silence_beside_a_router_that_speaks_on_raises_doubt)
{
	struct hm_packet old = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct hm_packet other = mh_ra(3, "fe80::2", "2001:db8:f1:2::", MS1);

	old.ra.has_interval = false;
	other.ra.has_interval = false;
	rig_packet(&r, 500, &old, HM_VERDICT_MISSING);
	rig_packet(&r, 600, &other, HM_VERDICT_MISSING);
	rig_clear(&r);
	/* Within a second of the last word nothing is doubted; after it the old one is asked, and
	 * is lost when it does not answer. */
	rig_packet(&r, 1400, &other, HM_VERDICT_MISSING);
	mh_story(&r, "");
	rig_packet(&r, 1700, &other, HM_VERDICT_MISSING);
	mh_story(&r, "  1700 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	rig_until(&r, 2600);
	mh_story(&r, "  1950 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  2200 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	rig_packet(&r, 2650, &other, HM_VERDICT_MISSING);
	rig_until(&r, 6000);
	mh_story(&r, "  2700 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  3700 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  5700 < address deprecate 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	             "  5700 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n");
}

/* A router is replaced by another with the same prefix: the gateway changes and nothing else. */
Test(mh_move, another_router_of_the_same_prefix_stands_in_for_one_that_died)
{
	struct hm_packet old = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct hm_packet other = mh_ra(3, "fe80::5", "2001:db8:f1:1::", MS1);

	old.ra.has_interval = false;
	other.ra.has_interval = false;
	rig_packet(&r, 500, &old, HM_VERDICT_MISSING);
	rig_packet(&r, 1000, &other, HM_VERDICT_MISSING);
	rig_clear(&r);
	rig_packet(&r, 2000, &other, HM_VERDICT_MISSING);
	rig_until(&r, 4000);
	rig_clear(&r);
	rig_packet(&r, 5000, &other, HM_VERDICT_MISSING);
	rig_until(&r, 6000);
	mh_story(&r, "  6000 < gateway if=3 router=fe80::5\n"
	             "  6000 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=fe80::5 if=3\n");
}

/* It does not tell its interval, and nobody else is there: asked after a third of its lifetime. */
Test(mh_move, a_router_that_is_silent_for_a_third_of_its_lifetime_is_asked)
{
	struct hm_packet old = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);

	old.ra.has_interval = false;
	old.ra.lifetime_s = 90;
	rig_packet(&r, 500, &old, HM_VERDICT_MISSING);
	rig_until(&r, 30499);
	mh_story(&r, "");
	rig_until(&r, 30500);
	mh_story(&r, " 30500 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	rig_packet(&r, 30510, &old, HM_VERDICT_MISSING);
	rig_until(&r, 60000);
	mh_story(&r, "");
}

Test(mh_move, a_router_that_says_farewell_is_left_at_once)
{
	struct hm_packet farewell = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);

	mh_router(&r, 500, 3, 1);
	mh_router(&r, 510, 3, 2);
	farewell.ra.lifetime_s = 0;
	rig_clear(&r);
	rig_packet(&r, 600, &farewell, HM_VERDICT_OK);
	mh_story(&r, "   600 < address deprecate 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	             "   600 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n");
}

Test(mh_move, a_silent_network_is_solicited_and_what_is_registered_stays)
{
	rig_until(&r, 60000);
	mh_story(&r, "  1510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  1760 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  2010 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  2510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  3510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  5510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  9510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 17510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 25510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 33510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 41510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 49510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             " 57510 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	cr_assert_eq(r.unbinds, 0);
}

Test(mh_move, a_second_interface_has_its_address_ready_before_the_first_is_lost)
{
	mh_up(&r, 100, "eth0", 4);
	mh_router(&r, 110, 4, 2);
	mh_usable(&r, 120, 4, ELCOA12);
	rig_until(&r, 150);
	mh_story(&r, "   100 < send router-solicit src=fe80::4 dst=ff02::2 if=4\n"
	             "   110 < address add 2001:db8:f1:2:0:ff:fe00:4/64 if=4\n");
	mh_down(&r, 200, "wlan0", 3);
	rig_until(&r, 200);
	mh_story(&r,
	         "   200 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "   200 < gateway if=4 router=fe80::2\n"
	         "   200 < note attached home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:4 "
	         "peer=fe80::2 if=4\n"
	         "   200 < gateway if=3\n"
	         "   200 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:2:0:ff:fe00:4>2001:db8:f1::1\n"
	         "   200 < send t5 reg-update src=2001:db8:f1:2:0:ff:fe00:4 dst=2001:db8:f1::1 "
	         "if=4 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n");
	mh_ack(&r, 210, MS1, ELCOA12, 2, 0);
	mh_story(&r,
	         "   210 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:4 "
	         "peer=2001:db8:f1::1\n"
	         "   210 < bind t6 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:2:0:ff:fe00:4>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "   210 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:2:0:ff:fe00:4 if=4 elapsed_ms=10\n");
}

Test(mh_move, the_preferred_interface_is_taken_back_once_its_address_is_usable)
{
	mh_up(&r, 100, "eth0", 4);
	mh_router(&r, 110, 4, 2);
	mh_usable(&r, 120, 4, ELCOA12);
	mh_down(&r, 200, "wlan0", 3);
	mh_ack(&r, 210, MS1, ELCOA12, 2, 0);
	rig_clear(&r);
	mh_up(&r, 300, "wlan0", 3);
	mh_router(&r, 310, 3, 1);
	rig_until(&r, 310);
	mh_story(&r, "   300 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "   310 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n");
	mh_usable(&r, 320, 3, LCOA11);
	mh_ack(&r, 330, MS1, LCOA11, 3, 0);
	rig_until(&r, 330);
	mh_story(&r,
	         "   320 < address deprecate 2001:db8:f1:2:0:ff:fe00:4/64 if=4\n"
	         "   320 < gateway if=3 router=fe80::1\n"
	         "   320 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=fe80::1 if=3\n"
	         "   320 < send t7 reg-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=3 life=600 malen=64 use=mh-ms\n"
	         "   330 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "   330 < bind t8 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:2:0:ff:fe00:4>2001:db8:f1::1\n"
	         "   330 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:1:0:ff:fe00:3 if=3 elapsed_ms=10\n"
	         "   330 < gateway if=4\n");
}

Test(mh_move, a_device_that_is_replaced_starts_from_nothing)
{
	struct hm_link gone = rig_link_up("wlan0", 3);

	gone.present = false;
	gone.up = false;
	rig_link(&r, 100, &gone);
	mh_up(&r, 200, "wlan0", 7);
	mh_router(&r, 210, 7, 1);
	rig_until(&r, 210);
	mh_story(&r, "   200 < send router-solicit src=fe80::7 dst=ff02::2 if=7\n"
	             "   210 < address add 2001:db8:f1:1:0:ff:fe00:7/64 if=7\n");
}

/* The advertisement of router 1 with two prefixes, of which the first is deprecated. */
static void hear_deprecated(hm_ms at, bool another)
{
	struct hm_packet p = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);

	p.ra.prefixes[0].preferred_s = 0;
	p.ra.prefixes[1] = p.ra.prefixes[0];
	p.ra.prefixes[1].addr = addr("2001:db8:f1:2::");
	p.ra.prefixes[1].preferred_s = 14400;
	p.ra.n_prefixes = another ? 2 : 1;
	rig_packet(&r, at, &p, HM_VERDICT_MISSING);
}

Test(mh_move, a_deprecated_prefix_is_left_when_there_is_another)
{
	hear_deprecated(400, false); /* it still works, and there is nothing better */
	rig_clear(&r);
	hear_deprecated(900, true);
	mh_usable(&r, 1000, 3, LCOA12);
	mh_ack(&r, 1010, MS1, LCOA12, 2, 0);
	rig_until(&r, 1020);
	mh_story(&r,
	         "   900 < address deprecate 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	         "   900 < address add 2001:db8:f1:2:0:ff:fe00:3/64 if=3\n"
	         "  1000 < note attached home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=fe80::1 if=3\n"
	         "  1000 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1000 < send t5 reg-update src=2001:db8:f1:2:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 use=mh-ms\n"
	         "  1010 < note registered home=2001:db8:1::aa coa=2001:db8:f1:2:0:ff:fe00:3 "
	         "peer=2001:db8:f1::1\n"
	         "  1010 < bind t6 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:2:0:ff:fe00:3>2001:db8:f1::1 "
	         "accept=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	         "  1010 < note handoff-done home=2001:db8:1::aa gcoa=2001:db8:f1::aa "
	         "coa=2001:db8:f1:2:0:ff:fe00:3 if=3 elapsed_ms=10\n"
	         "  1010 < address del 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n");
}

Test(mh_move, an_interface_that_waits_on_the_home_link_keeps_no_other_address)
{
	mh_up(&r, 100, "eth0", 4); /* wlan0 is preferred and in use */
	mh_router(&r, 110, 4, 2);
	mh_usable(&r, 120, 4, ELCOA12);
	mh_router(&r, 500, 3, 1);
	rig_clear(&r);
	mh_router(&r, 610, 4, 9); /* it has come to the home link, and no link event said so */
	rig_until(&r, 620);
	cr_assert_not_null(strstr(r.log, "address del " ELCOA12 "/64 if=4"), "%s", r.log);
}
