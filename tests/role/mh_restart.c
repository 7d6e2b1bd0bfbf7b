#include "role/mh_rig.h"

static struct rig r;

static void begin(void)
{
	struct hm_config c = mh_config();

	rig_init(&r, &hm_role_mh, &c);
}

static void end(void)
{
	rig_free(&r);
}

static void restore_seq(enum hm_use use, const char *peer, uint16_t seq, uint32_t epoch)
{
	struct hm_record record = { .kind = HM_RECORD_SEQ };

	record.seq = (struct hm_seq_row){
		.use = use, .peer = addr(peer), .home = addr(HOME), .seq = seq, .epoch = epoch
	};
	rig_restore(&r, &record);
}

static void restore_registration(enum hm_role_id kind, const char *peer, const char *coa)
{
	struct hm_record record = { .kind = HM_RECORD_REGISTRATION };

	record.registration = (struct hm_registration_row){
		.kind = kind,
		.peer = addr(peer),
		.home = addr(HOME),
		.coa = addr(coa),
		.state = HM_REGISTRATION_ACTIVE,
		.expires_ms = 300000,
	};
	rig_restore(&r, &record);
}

TestSuite(mh_restart, .init = begin, .fini = end);

Test(mh_restart, numbers_go_on_past_those_whose_storing_was_cut_off)
{
	restore_seq(HM_USE_MH_MS, "::", 65530, 2);
	restore_seq(HM_USE_MH_HA, HA, 7, 0);
	restore_registration(HM_ROLE_MS, MS2, LCOA21);
	restore_registration(HM_ROLE_HA, HA, GCOA2);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	rig_clear(&r);
	mh_usable(&r, 20, 3, LCOA11);
	mh_story(
	        &r,
	        "    20 < gateway if=3 router=fe80::1\n"
	        "    20 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=fe80::1 if=3\n"
	        "    20 < send t1 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	        "if=3 hao=2001:db8:1::aa seq=11 life=600 malen=64 prev=2001:db8:f2::1 use=mh-ms\n");
}

Test(mh_restart, at_home_gives_back_what_was_bound_before)
{
	restore_seq(HM_USE_MH_HA, HA, 7, 0);
	restore_seq(HM_USE_MH_CH, CH, 3, 0);
	restore_registration(HM_ROLE_HA, HA, GCOA1);
	restore_registration(HM_ROLE_CH, CH, GCOA1);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 9);
	mh_usable(&r, 20, 3, HOME);
	rig_until(&r, 20);
	mh_story(&r,
	         "     0 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	         "    10 < address add-nodad 2001:db8:1::aa/64 if=3\n"
	         "    20 < gateway if=3 router=fe80::9\n"
	         "    20 < note attached home=2001:db8:1::aa coa=2001:db8:1::aa peer=fe80::9 if=3\n"
	         "    20 < send t1 binding-update src=2001:db8:1::aa dst=2001:db8:1::1 if=3 "
	         "hao=2001:db8:1::aa seq=24 life=0 A H use=mh-ha\n"
	         "    20 < send t2 binding-update src=2001:db8:1::aa dst=2001:db8:c::1 if=3 "
	         "hao=2001:db8:1::aa seq=20 life=0 A use=mh-ch\n");
}

Test(mh_restart, records_of_another_home_address_are_not_ours)
{
	struct hm_record record = { .kind = HM_RECORD_SEQ };

	record.seq = (struct hm_seq_row){ .use = HM_USE_MH_MS,
		                          .home = addr("2001:db8:1::bb"),
		                          .seq = 9 };
	rig_restore(&r, &record);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	cr_assert_not_null(strstr(r.log, "seq=1 life=600 malen=64 use=mh-ms"));
}

Test(mh_restart, learnt_correspondents_that_were_bound_are_bound_again)
{
	restore_registration(HM_ROLE_CH, CH, GCOA1);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 4);
	mh_usable(&r, 20, 3, PLAIN);
	cr_assert_not_null(strstr(r.log, "binding-update src=" PLAIN " dst=" CH));
}

Test(mh_restart, stopping_takes_bindings_back_and_removes_the_paths)
{
	struct hm_config c = mh_config();

	end();
	c.mh.correspondents.n = 1;
	c.mh.correspondents.a[0] = addr(CH);
	mh_begin(&r, &c);
	mh_ack(&r, 50, CH, LCOA11, 1, 0);
	rig_clear(&r);
	rig_stop(&r, 100);
	rig_until(&r, 100000);
	mh_story(
	        &r,
	        "   100 < send t6 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	        "if=3 hao=2001:db8:1::aa seq=2 life=0 A H use=mh-ha\n"
	        "   100 < send t7 reg-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 if=3 "
	        "hao=2001:db8:1::aa seq=2 life=0 malen=64 use=mh-ms\n"
	        "   100 < send t8 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	        "if=3 hao=2001:db8:1::aa seq=2 life=0 A use=mh-ch\n"
	        "   100 < unbind | own match=2001:db8:c::1 home=2001:db8:1::aa "
	        "local=2001:db8:f1::aa\n"
	        "   100 < unbind | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n");
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
}

Test(mh_restart, stopping_with_more_correspondents_than_fit_in_one_step_tells_them_all)
{
	struct hm_config c = mh_config();
	char peer[32];

	end();
	mh_begin(&r, &c);
	for (unsigned i = 0; i < 32; i++) {
		snprintf(peer, sizeof peer, "2001:db8:c::%x", i + 1);
		rig_traffic(&r, 100 + (hm_ms)i, HM_TRAFFIC_TUNNELLED, HOME, peer, true);
		mh_ack(&r, r.now, peer, LCOA11, 1, 0);
	}
	r.sends = r.unbinds = 0;
	rig_stop(&r, 200);
	rig_until(&r, 200);
	cr_assert_eq(r.sends, 34, "%u messages", r.sends);
	cr_assert_eq(r.unbinds, 33, "%u paths", r.unbinds);
}

Test(mh_restart, a_changed_configuration_keeps_what_is_bound)
{
	struct hm_config c = mh_config();

	end();
	mh_begin(&r, &c);
	r.config.mh.correspondents.n = 1;
	r.config.mh.correspondents.a[0] = addr(CH);
	hm_role_mh.reload(r.state, &r.config, r.now);
	rig_until(&r, 100);
	mh_story(&r,
	         "    40 < send t4 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:c::1 "
	         "if=3 hao=2001:db8:1::aa seq=1 life=600 A alt=2001:db8:f1::aa use=mh-ch\n");
}

Test(mh_restart, show_lists_registrations_and_routers)
{
	struct hm_config c = mh_config();
	struct hm_addr lcoa = addr(LCOA11);
	struct hm_show_row row;
	uint64_t cursor = 0;

	end();
	mh_begin(&r, &c);
	cr_assert(hm_role_mh.row(r.state, HM_SHOW_REGISTRATIONS, &cursor, &row));
	cr_assert_str_eq(row.kind, "ms");
	cr_assert_str_eq(row.state, "active");
	cr_assert_arr_eq(row.coa.b, lcoa.b, sizeof lcoa.b);
	cr_assert_eq(row.seq, 1);
	cr_assert_eq(row.expires_ms, 600020);
	cr_assert(hm_role_mh.row(r.state, HM_SHOW_REGISTRATIONS, &cursor, &row));
	cr_assert_str_eq(row.kind, "ha");
	cr_assert_not(hm_role_mh.row(r.state, HM_SHOW_REGISTRATIONS, &cursor, &row));
	cursor = 0;
	cr_assert(hm_role_mh.row(r.state, HM_SHOW_ROUTERS, &cursor, &row));
	cr_assert_str_eq(row.state, "in-use");
	cr_assert_eq(row.ifindex, 3);
	cr_assert_not(hm_role_mh.row(r.state, HM_SHOW_ROUTERS, &cursor, &row));
	cr_assert_not(hm_role_mh.row(r.state, HM_SHOW_BINDINGS, &cursor, &row));
}
