#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

#define CH "2001:db8:c::1"
#define HOME "2001:db8:1::9"
#define COA_A "2001:db8:f::9"
#define COA_B "2001:db8:d::9"

static void ch_rig(struct rig *r, struct hm_config config)
{
	config.ch.max_bindings = 2;
	rig_init(r, &hm_role_ch, &config);
	rig_start(r);
}

static struct hm_packet update(const char *src, uint16_t seq, uint32_t lifetime_s)
{
	return (struct hm_packet){
		.src = addr(src),
		.dst = addr(CH),
		.has_home = true,
		.home = addr(HOME),
		.kind = HM_MSG_BU,
		.bu = { .ack = true, .seq = seq, .lifetime_s = lifetime_s },
		.auth = { .present = true, .spi = 0x1003 },
	};
}

static void ask(struct rig *r, hm_ms at, const char *src, uint16_t seq, uint32_t lifetime_s)
{
	struct hm_packet packet = update(src, seq, lifetime_s);

	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

static void bound(struct rig *r)
{
	ask(r, 0, COA_A, 1, 100);
	rig_bind_done(r, 5, HM_OK);
	rig_clear(r);
}

Test(ch, keeps_a_binding_moves_it_and_lets_it_expire)
{
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	ask(&r, 0, COA_A, 1, 100);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ch home=2001:db8:1::9 seq=1\n"
	        "     0 < bind t1 ch home=2001:db8:1::9 coa=2001:db8:f::9 seq=1 life=100 | peer "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "     5 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=100 refresh=80 spi=0x1003 use=mh-ch\n"
	        "     5 < note binding-added home=2001:db8:1::9 coa=2001:db8:f::9\n");
	ask(&r, 5000, COA_B, 2, 100);
	rig_bind_done(&r, 5005, HM_OK);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ch home=2001:db8:1::9 seq=2\n"
	        "  5000 < bind t2 ch home=2001:db8:1::9 coa=2001:db8:d::9 seq=2 life=100 | peer "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 remote=2001:db8:d::9 "
	        "attract\n"
	        "  5005 < send binding-ack src=2001:db8:c::1 dst=2001:db8:d::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=100 refresh=80 spi=0x1003 use=mh-ch\n"
	        "  5005 < note binding-moved home=2001:db8:1::9 coa=2001:db8:d::9\n");
	rig_until(&r, 104999);
	rig_expect(&r, "");
	rig_until(&r, 105000);
	rig_expect(&r,
	           "105000 < unbind ch home=2001:db8:1::9 coa=2001:db8:d::9 seq=2 life=100 | peer "
	           "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 "
	           "remote=2001:db8:d::9 attract\n"
	           "105000 < note binding-removed home=2001:db8:1::9 coa=2001:db8:d::9 status=1\n");
	rig_free(&r);
}

Test(ch, answers_only_when_asked_to_unless_it_refuses)
{
	struct hm_packet packet = update(COA_A, 1, 100);
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	packet.bu.ack = false;
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_clear(&r);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(&r, "     5 < note binding-added home=2001:db8:1::9 coa=2001:db8:f::9\n");
	rig_packet(&r, 6, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     6 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=bad-sequence life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        "     6 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=134\n");
	rig_free(&r);
}

Test(ch, deletes_for_lifetime_zero_and_for_a_host_at_home)
{
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	bound(&r);
	ask(&r, 1000, COA_A, 2, 0);
	rig_expect(
	        &r,
	        "  1000 < store seq mh-ch home=2001:db8:1::9 seq=2\n"
	        "  1000 < unbind ch home=2001:db8:1::9 coa=2001:db8:f::9 seq=2 life=100 | peer "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "  1000 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        "  1000 < note binding-removed home=2001:db8:1::9 coa=2001:db8:f::9\n");
	ask(&r, 2000, COA_A, 3, 100);
	rig_bind_done(&r, 2005, HM_OK);
	rig_clear(&r);
	ask(&r, 3000, HOME, 4, 100);
	rig_expect(
	        &r,
	        "  3000 < store seq mh-ch home=2001:db8:1::9 seq=4\n"
	        "  3000 < unbind ch home=2001:db8:1::9 coa=2001:db8:f::9 seq=4 life=100 | peer "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "  3000 < send binding-ack src=2001:db8:c::1 dst=2001:db8:1::9 home=2001:db8:1::9 "
	        "seq=4 status=accepted life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        "  3000 < note binding-removed home=2001:db8:1::9 coa=2001:db8:f::9\n");
	rig_free(&r);
}

Test(ch, asks_for_renewal_of_a_binding_in_use)
{
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	bound(&r);
	rig_traffic(&r, 10000, HM_TRAFFIC_BOUND, HOME, CH, false);
	rig_until(&r, 79999);
	rig_expect(&r, "");
	rig_until(&r, 80000);
	rig_expect(&r, " 80000 < send binding-request src=2001:db8:c::1 dst=2001:db8:f::9 "
	               "home=2001:db8:1::9 route=2001:db8:1::9\n");
	rig_traffic(&r, 85000, HM_TRAFFIC_BOUND, HOME, CH, false);
	rig_until(&r, 99999);
	rig_expect(&r, " 90000 < send binding-request src=2001:db8:c::1 dst=2001:db8:f::9 "
	               "home=2001:db8:1::9 route=2001:db8:1::9\n");
	rig_free(&r);
}

/* The data plane may tell of a packet a second after it (the plugin interface's `seen`). */
Test(ch, a_report_of_traffic_may_be_a_second_late)
{
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	ask(&r, 0, COA_A, 1, 10);
	rig_bind_done(&r, 5, HM_OK);
	rig_clear(&r);
	rig_until(&r, 8000);
	rig_expect(&r, "");
	rig_traffic(&r, 8900, HM_TRAFFIC_BOUND, HOME, CH, false);
	rig_until(&r, 9999);
	rig_expect(&r, "  9000 < send binding-request src=2001:db8:c::1 dst=2001:db8:f::9 "
	               "home=2001:db8:1::9 route=2001:db8:1::9\n");
	rig_free(&r);
}

Test(ch, does_not_ask_for_what_nobody_uses)
{
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	bound(&r);
	rig_until(&r, 99999);
	rig_expect(&r, "");
	rig_traffic(&r, 99999, HM_TRAFFIC_BOUND, "2001:db8:1::77", CH, false);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ch, is_no_home_agent)
{
	struct hm_packet packet = update(COA_A, 1, 100);
	struct rig r;

	packet.bu.home_reg = true;
	ch_rig(&r, (struct hm_config){ 0 });
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(&r, "     0 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 "
	               "home=2001:db8:1::9 seq=1 status=home-registration-not-supported life=0 "
	               "refresh=0 spi=0x1003 use=mh-ha\n"
	               "     0 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=132\n");
	rig_free(&r);
	ch_rig(&r, (struct hm_config){ .ch = { .home_agent_here = true } });
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ch, believes_an_error_about_a_packet_it_could_have_sent)
{
	struct hm_packet error = {
		.src = addr("2001:db8:77::1"),
		.dst = addr(CH),
		.kind = HM_MSG_ICMP_ERROR,
		.icmp = { .type = 1, .about_src = addr(CH), .about_dst = addr(COA_B) }
	};
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	bound(&r);
	rig_packet(&r, 1000, &error, HM_VERDICT_OK);
	error.icmp.about_dst = addr(COA_A);
	error.icmp.about_src = addr("2001:db8:c::2");
	rig_packet(&r, 1001, &error, HM_VERDICT_OK);
	error.icmp.about_src = addr(CH);
	error.icmp.type = 2;
	rig_packet(&r, 1002, &error, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_UNMATCHED_ERROR], 3);
	error.icmp.type = 1;
	rig_packet(&r, 1003, &error, HM_VERDICT_OK);
	rig_expect(&r,
	           "  1003 < unbind ch home=2001:db8:1::9 coa=2001:db8:f::9 seq=1 life=100 | peer "
	           "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 "
	           "remote=2001:db8:f::9 attract\n"
	           "  1003 < note binding-removed home=2001:db8:1::9 coa=2001:db8:f::9 status=4\n");
	rig_free(&r);
}

Test(ch, two_hosts_may_share_a_care_of_address)
{
	struct hm_packet other = update(COA_A, 1, 100);
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	bound(&r);
	other.home = addr("2001:db8:1::10");
	rig_packet(&r, 1000, &other, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_BIND), 1);
	other.home = addr("2001:db8:1::11");
	rig_packet(&r, 1001, &other, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_RESOURCES);
	rig_free(&r);
}

Test(ch, refuses_itself_as_care_of_address)
{
	struct hm_packet packet = update(COA_A, 1, 100);
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	packet.bu.has_alt_coa = true;
	packet.bu.alt_coa = addr(CH);
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ch home=2001:db8:1::9 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=administratively-prohibited life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        "     0 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=130\n");
	rig_free(&r);
}

Test(ch, a_stored_binding_is_used_again_after_a_restart)
{
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_CH,
		                              .home = addr(HOME),
		                              .coa = addr(COA_A),
		                              .seq = 7,
		                              .lifetime_s = 100,
		                              .expires_ms = 40000 } };
	struct hm_record seq = { .kind = HM_RECORD_SEQ,
		                 .seq = { .use = HM_USE_MH_CH, .home = addr(HOME), .seq = 9 } };
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	rig_restore(&r, &seq);
	rig_restore(&r, &row);
	rig_expect(&r, "     0 < bind t1 | peer match=2001:db8:1::9 home=2001:db8:1::9 "
	               "remote=2001:db8:f::9 attract\n");
	rig_until(&r, 39999);
	rig_expect(&r, "");
	ask(&r, 39999, COA_A, 9, 100);
	rig_expect(
	        &r,
	        " 39999 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=9 status=bad-sequence life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        " 39999 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=134\n");
	rig_free(&r);
}

Test(ch, a_restored_binding_learns_from_traffic_where_its_host_knows_us)
{
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_CH,
		                              .home = addr(HOME),
		                              .coa = addr(COA_A),
		                              .seq = 7,
		                              .lifetime_s = 100,
		                              .expires_ms = 40000 } };
	struct rig r;

	ch_rig(&r, (struct hm_config){ 0 });
	rig_restore(&r, &row);
	rig_clear(&r);
	rig_traffic(&r, 1000, HM_TRAFFIC_BOUND, HOME, CH, false);
	rig_until(&r, 20000);
	rig_expect(&r, " 20000 < send binding-request src=2001:db8:c::1 dst=2001:db8:f::9 "
	               "home=2001:db8:1::9 route=2001:db8:1::9\n");
	ask(&r, 20100, COA_A, 8, 100);
	rig_expect(&r, " 20100 < store seq mh-ch home=2001:db8:1::9 seq=8\n"
	               " 20100 < bind t2 ch home=2001:db8:1::9 coa=2001:db8:f::9 seq=8 life=100 | "
	               "peer match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:c::1 "
	               "remote=2001:db8:f::9 attract\n");
	rig_free(&r);
}

Test(ch, a_mobile_host_is_a_correspondent_under_its_home_address_only)
{
	struct hm_config config = { .mh = { .home = addr("2001:db8:1::77") } };
	struct hm_packet packet = update(COA_A, 1, 100);
	struct rig r;

	config.common.roles[HM_ROLE_MH] = true;
	ch_rig(&r, config);
	rig_packet(&r, 0, &packet, HM_VERDICT_OK); /* to the care-of address it has just now */
	rig_expect(
	        &r,
	        "     0 < store seq mh-ch home=2001:db8:1::9 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:c::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=administratively-prohibited life=0 refresh=0 spi=0x1003 use=mh-ch\n"
	        "     0 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=130\n");
	packet.dst = config.mh.home;
	packet.bu.seq = 2;
	rig_packet(&r, 1, &packet, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_BIND), 1);
	rig_free(&r);
}
