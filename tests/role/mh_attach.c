#include "role/mh_rig.h"

Test(mh_attach, registers_with_the_server_then_the_home_agent_at_power_on)
{
	struct hm_config c = mh_config();
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_until(&r, 0);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	mh_ack(&r, 40, HA, LCOA11, 1, 0);
	rig_until(&r, 1000);
	rig_expect(
	        &r,
	        "     0 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	        "    10 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	        "    20 < gateway if=3 router=fe80::1\n"
	        "    20 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=fe80::1 if=3\n"
	        "    20 < store registration ms state=pending peer=2001:db8:f1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 seq=1\n"
	        "    20 < store seq mh-ms home=2001:db8:1::aa seq=1\n"
	        "    20 < send t1 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	        "if=3 hao=2001:db8:1::aa seq=1 life=600 malen=64 use=mh-ms\n"
	        "    30 < store registration ms state=active peer=2001:db8:f1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 seq=1\n"
	        "    30 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=2001:db8:f1::1\n"
	        "    30 < store registration ha state=pending peer=2001:db8:1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1::aa seq=1\n"
	        "    30 < store seq mh-ha peer=2001:db8:1::1 home=2001:db8:1::aa seq=1\n"
	        "    30 < send t2 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	        "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	        "    30 < bind t3 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	        "    40 < store registration ha state=active peer=2001:db8:1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1::aa seq=1\n"
	        "    40 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	        "peer=2001:db8:1::1\n");
	rig_free(&r);
}

Test(mh_attach, an_interface_name_ends_where_it_ends)
{
	struct hm_config c = mh_config();
	struct hm_link link = rig_link_up("wlan0", 3);
	struct rig r;

	link.name[sizeof link.name - 1] = 'x'; /* behind the zero octet, whatever was there */
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	rig_link(&r, 0, &link);
	rig_until(&r, 0);
	rig_expect(&r, "     0 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	rig_free(&r);
}

Test(mh_attach, without_a_link_local_address_solicits_from_nowhere_and_backs_off)
{
	struct hm_config c = mh_config();
	struct hm_link link = rig_link_up("wlan0", 3);
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	link.link_local = hm_addr_any;
	rig_link(&r, 0, &link); /* before the start: remembered, not acted on */
	cr_assert_eq(r.log_len, 0);
	rig_start(&r);
	rig_until(&r, 700);
	link = rig_link_up("wlan0", 3);
	rig_link(&r, 700, &link);
	rig_until(&r, 9000);
	mh_story(&r, "     0 < send router-solicit src=:: dst=ff02::2 if=3\n"
	             "   250 < send router-solicit src=:: dst=ff02::2 if=3\n"
	             "   500 < send router-solicit src=:: dst=ff02::2 if=3\n"
	             "  1000 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  2000 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  4000 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	             "  8000 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n");
	rig_free(&r);
}

Test(mh_attach, nothing_is_sent_before_the_address_is_usable)
{
	struct hm_config c = mh_config();
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	for (hm_ms t = 10; t < 5000; t += 500)
		mh_router(&r, t, 3, 1);
	cr_assert_eq(r.sends, 1, "%s", r.log);       /* the solicitation */
	mh_usable(&r, 5000, 3, "2001:db8:f1:1::99"); /* another one */
	mh_usable(&r, 5000, 4, LCOA11);              /* another interface */
	cr_assert_eq(r.sends, 1);
	mh_usable(&r, 5000, 3, LCOA11);
	cr_assert_eq(r.sends, 2);
	rig_free(&r);
}

Test(mh_attach, a_duplicate_address_makes_place_for_others_three_times)
{
	struct hm_config c = mh_config();
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct hm_event ev = { .kind = HM_EV_ADDRESS };

		ev.address.ifindex = 3;
		ev.address.addr = rig_effect(&r, HM_FX_ADDRESS, 0)->address.addr;
		ev.address.state = HM_ADDRESS_DUPLICATE;
		cr_assert(hm_addr_in(&ev.address.addr,
		                     &(struct hm_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0, 0xf1, 0, 1 } },
		                     64));
		rig_step(&r, &ev);
	}
	cr_assert_eq(rig_count(&r, HM_FX_ADDRESS), 0);
	cr_assert_eq(r.counters.n[HM_COUNT_DAD_FAILED], 3);
	for (hm_ms t = 500; t < 59500; t += 500)
		mh_router(&r, t, 3, 1);
	cr_assert_eq(r.sends, 1);
	rig_clear(&r);
	mh_router(&r, 60100, 3, 1);
	cr_assert_not_null(strstr(r.log, "address add 2001:db8:f1:1:"));
	rig_free(&r);
}

Test(mh_attach, an_address_that_vanishes_is_added_again)
{
	struct hm_config c = mh_config();
	struct rig r;

	mh_begin(&r, &c);
	rig_address(&r, 100, 3, LCOA11, HM_ADDRESS_GONE);
	mh_router(&r, 500, 3, 1);
	mh_router(&r, 1000, 3, 1);
	rig_until(&r, 1100);
	mh_usable(&r, 1100, 3, LCOA11);
	rig_until(&r, 1200);
	mh_story(&r, "  1010 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	             "  1100 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	             "peer=fe80::1 if=3\n");
	rig_free(&r);
}

Test(mh_attach, advertisements_that_cannot_be_right_are_ignored)
{
	struct hm_config c = mh_config();
	struct hm_packet p = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_clear(&r);
	p.src = addr("2001:db8::1"); /* not link-local */
	rig_packet(&r, 1, &p, HM_VERDICT_OK);
	p.src = addr("fe80::1");
	p.ifindex = 9; /* not ours */
	rig_packet(&r, 2, &p, HM_VERDICT_OK);
	p.ifindex = 3;
	p.ra.lifetime_s = 0; /* not a router */
	rig_packet(&r, 3, &p, HM_VERDICT_OK);
	p.ra.lifetime_s = 1800;
	p.ra.prefixes[0].autonomous = false;
	rig_packet(&r, 4, &p, HM_VERDICT_OK);
	p.ra.prefixes[0].autonomous = true;
	p.ra.prefixes[0].addr = addr("fe80::");
	rig_packet(&r, 5, &p, HM_VERDICT_OK);
	p.ra.prefixes[0].addr = addr("2001:db8:f1:1::");
	p.ra.prefixes[0].preferred_s = 0;
	rig_packet(&r, 6, &p, HM_VERDICT_OK);
	cr_assert_null(strstr(r.log, "address"), "%s", r.log);
	/* Good, but for a server that cannot be one. */
	p.ra.prefixes[0].preferred_s = 14400;
	p.ra.servers[0].plen = 127;
	rig_packet(&r, 7, &p, HM_VERDICT_OK);
	rig_packet(&r, 7, &p, HM_VERDICT_OK);
	rig_clear(&r);
	mh_usable(&r, 8, 3, LCOA11);
	cr_assert_not_null(strstr(r.log, "binding-update"));
	cr_assert_null(strstr(r.log, "reg-request"));
	rig_free(&r);
}

Test(mh_attach, of_two_servers_the_preferred_one_is_taken_and_kept)
{
	struct hm_config c = mh_config();
	struct hm_packet p = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct rig r;

	p.ra.n_servers = 2;
	p.ra.servers[1] = (struct hm_msinfo){ .plen = 64, .preference = 5, .ms = addr(MS2) };
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_packet(&r, 10, &p, HM_VERDICT_OK);
	mh_usable(&r, 20, 3, LCOA11);
	cr_assert_not_null(strstr(r.log, "dst=" MS2));
	mh_ack(&r, 30, MS2, LCOA11, 1, 0);
	mh_ack(&r, 40, HA, LCOA11, 1, 0);
	rig_clear(&r);
	p.ra.servers[1].preference = 0;
	p.ra.servers[0].preference = 9;
	rig_packet(&r, 50, &p, HM_VERDICT_OK);
	mh_story(&r, "");
	/* One advertisement without it may be an accident; two are not. */
	p.ra.n_servers = 1;
	rig_packet(&r, 60, &p, HM_VERDICT_OK);
	mh_story(&r, "");
	rig_packet(&r, 70, &p, HM_VERDICT_OK);
	cr_assert_not_null(strstr(r.log, "dst=" MS1));
	rig_free(&r);
}

Test(mh_attach, levels_are_registered_from_the_lowest_up)
{
	struct hm_config c = mh_config();
	struct hm_packet p = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct rig r;

	p.ra.n_servers = 2;
	p.ra.servers[0].level = 1;
	p.ra.servers[1] = (struct hm_msinfo){ .plen = 64, .level = 2, .ms = addr(MS2) };
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_packet(&r, 10, &p, HM_VERDICT_OK);
	mh_usable(&r, 20, 3, LCOA11);
	rig_clear(&r);
	mh_ack(&r, 30, MS2, LCOA11, 1, 0);
	rig_until(&r, 30);
	mh_ack(&r, 40, MS1, LCOA11, 2, 0);
	mh_ack(&r, 50, HA, LCOA11, 1, 0);
	mh_story(&r,
	         "    30 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	         "peer=2001:db8:f2::1\n"
	         "    30 < send t2 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	         "if=3 hao=2001:db8:1::aa seq=2 life=600 malen=64 alt=2001:db8:f2::aa use=mh-ms\n"
	         "    40 < note registered home=2001:db8:1::aa coa=2001:db8:f2::aa "
	         "peer=2001:db8:f1::1\n"
	         "    40 < send t3 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	         "    40 < bind t4 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	         "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f2::aa>2001:db8:f1::1 "
	         "hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f2::1\n"
	         "    50 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	         "peer=2001:db8:1::1\n");
	rig_free(&r);
}
