/* Rules of PROTOCOL that a mobile host's other stories pass by. */
#include "role/mh_rig.h"

#define MS3 "2001:db8:f3::1"

static struct rig r;

static void end(void)
{
	rig_free(&r);
}

TestSuite(mh_rules, .fini = end);

static const struct hm_packet *only_sent(void)
{
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
	return &rig_effect(&r, HM_FX_SEND, 0)->send.packet;
}

static void expect_sent(enum hm_msg_kind kind, const char *dst)
{
	struct hm_addr want = addr(dst);

	cr_assert_eq(only_sent()->kind, kind);
	cr_assert(hm_addr_eq(&only_sent()->dst, &want), "sent to another than %s", dst);
}

/* PROTOCOL 2.3: a router may split its options over several advertisements. */
Test(mh_rules, a_server_missing_from_one_advertisement_stays_and_from_two_goes)
{
	struct hm_config c = mh_config();

	mh_begin(&r, &c);
	mh_hear(&r, 500, 3, "fe80::1", "2001:db8:f1:1::", NULL);
	mh_story(&r, "");
	mh_hear(&r, 1000, 3, "fe80::1", "2001:db8:f1:1::", NULL);
	expect_sent(HM_MSG_BU, HA);
	cr_assert_not(only_sent()->bu.has_alt_coa);
}

/* An advertisement of a domain with two levels: MS1 above `lower`. */
static struct hm_packet two_levels(const char *router, const char *prefix, const char *lower)
{
	struct hm_packet p = mh_ra(3, router, prefix, MS1);

	p.ra.n_servers = 2;
	p.ra.servers[0].level = 1;
	p.ra.servers[1] = (struct hm_msinfo){ .plen = 64, .level = 2, .ms = addr(lower) };
	return p;
}

static void begin_below_ms2(void)
{
	struct hm_config c = mh_config();
	struct hm_packet p = two_levels("fe80::1", "2001:db8:f1:1::", MS2);

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_packet(&r, 10, &p, HM_VERDICT_OK);
	mh_usable(&r, 20, 3, LCOA11);
	mh_ack(&r, 30, MS2, LCOA11, 1, 0);
	mh_ack(&r, 40, MS1, LCOA11, 2, 0);
	mh_ack(&r, 50, HA, LCOA11, 1, 0);
	rig_until(&r, 50);
	rig_clear(&r);
}

static void move_to(const struct hm_packet *advertisement)
{
	mh_down(&r, 1000, "wlan0", 3);
	mh_up(&r, 1005, "wlan0", 3);
	rig_packet(&r, 1010, advertisement, HM_VERDICT_OK);
	mh_usable(&r, 1020, 3, LCOA12);
	rig_until(&r, 1020);
}

/* PROTOCOL 6. */
Test(mh_rules, a_move_below_a_server_that_stays_is_not_told_above_it, .init = begin_below_ms2)
{
	struct hm_packet p = two_levels("fe80::2", "2001:db8:f1:2::", MS2);
	unsigned sent;

	move_to(&p);
	expect_sent(HM_MSG_REG_UPDATE, MS2);
	sent = r.sends;
	mh_ack(&r, 1030, MS2, LCOA12, 3, 0);
	rig_until(&r, 1400);
	cr_assert_eq(r.sends, sent);
}

Test(mh_rules, a_new_server_below_is_told_to_the_one_above_and_no_further, .init = begin_below_ms2)
{
	struct hm_packet p = two_levels("fe80::2", "2001:db8:f1:2::", MS3);
	struct hm_addr gcoa = addr("2001:db8:f3::aa");
	unsigned sent;

	move_to(&p);
	expect_sent(HM_MSG_REG_REQUEST, MS3);
	mh_ack(&r, 1030, MS3, LCOA12, 3, 0);
	expect_sent(HM_MSG_REG_UPDATE, MS1);
	cr_assert(only_sent()->reg.has_alt_coa);
	cr_assert(hm_addr_eq(&only_sent()->reg.alt_coa, &gcoa));
	sent = r.sends;
	mh_ack(&r, 1040, MS1, LCOA12, 4, 0);
	rig_until(&r, 1400);
	cr_assert_eq(r.sends, sent);
}

/* PROTOCOL 5: the key of a mobility server vouches for no home agent. */
Test(mh_rules, an_acknowledgement_under_the_key_of_another_use_answers_nothing)
{
	struct hm_config c = mh_config();
	struct hm_event ev = { .kind = HM_EV_PACKET };

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	ev.rx.packet = mh_back(HA, LCOA11, 1, 0);
	ev.rx.use = HM_USE_MH_MS;
	rig_step(&r, &ev);
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ACK], 1);
	rig_clear(&r);
	ev.rx.use = HM_USE_MH_HA;
	rig_step(&r, &ev);
	mh_story(&r, "    30 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	             "peer=2001:db8:1::1\n");
}

/* PROTOCOL 4. Without authentication the epoch is not on the wire, but it orders what is stored. */
Test(mh_rules, a_number_returned_from_past_the_wrap_is_of_the_next_epoch)
{
	struct hm_config c = mh_config();
	struct hm_record last = { .kind = HM_RECORD_SEQ,
		                  .seq = {
		                          .use = HM_USE_MH_MS, .home = addr(HOME), .seq = 65500 } };
	const struct hm_effect *stored;

	rig_init(&r, &hm_role_mh, &c);
	rig_restore(&r, &last);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	expect_sent(HM_MSG_REG_REQUEST, MS1);
	cr_assert_eq(only_sent()->reg.seq, 65517);
	mh_ack(&r, 30, MS1, LCOA11, 10, HM_ST_BADSEQ);
	rig_until(&r, 30);
	expect_sent(HM_MSG_REG_REQUEST, MS1);
	cr_assert_eq(only_sent()->reg.seq, 11);
	stored = rig_effect(&r, HM_FX_STORE, 0);
	cr_assert_eq(stored->record.kind, HM_RECORD_SEQ);
	cr_assert_eq(stored->record.seq.seq, 11);
	cr_assert_eq(stored->record.seq.epoch, 1);
}

Test(mh_rules, nothing_is_bound_for_longer_than_the_care_of_address_is_good)
{
	struct hm_packet ra = mh_ra(3, "fe80::1", "2001:db8:f1:1::", MS1);
	struct hm_config c = mh_config();

	ra.ra.prefixes[0].valid_s = 90;
	ra.ra.prefixes[0].preferred_s = 60;
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_packet(&r, 10, &ra, HM_VERDICT_MISSING);
	mh_usable(&r, 20, 3, LCOA11);
	cr_assert_eq(only_sent()->reg.lifetime_s, 89);
	/* The GCoA is the server's to grant. */
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	cr_assert_eq(only_sent()->bu.lifetime_s, 600);
}

/* The home address ends like the link-local address of wlan0. */
Test(mh_rules, the_prefix_length_tells_the_home_agent_that_the_link_local_address_is_ours)
{
	struct hm_config c = mh_config();

	c.mh.home = addr("2001:db8:1::3");
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	mh_router(&r, 10, 3, 4);
	mh_usable(&r, 20, 3, PLAIN);
	cr_assert_eq(only_sent()->bu.plen, 64);
}
