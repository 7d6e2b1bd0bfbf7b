/* A mobility server and its neighbours on the Mobility Network. */
#include "ms_rig.h"

static void nonce_of_last_probe(const struct rig *r, struct hm_packet *ret_ns)
{
	const struct hm_packet *probe = &rig_effect(r, HM_FX_SEND, 0)->send.packet;

	cr_assert_eq(probe->kind, HM_MSG_NS);
	memcpy(ret_ns->ns.nonce, probe->ns.nonce, sizeof ret_ns->ns.nonce);
	ret_ns->ns.has_nonce = true;
}

Test(ms_link, an_advertisement_for_the_address_ends_the_probe)
{
	struct hm_config config = ms_config();
	struct hm_packet na = neighbour(HM_MSG_NA, "fe80::99", GCOA);
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_clear(&r);
	rig_packet(&r, 400, &na, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "   400 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=duplicate-address life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "   400 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=138\n");
	rig_until(&r, 5000);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_DAD_FAILED], 1);
	rig_free(&r);
}

Test(ms_link, another_nodes_probe_ends_ours_but_our_own_does_not)
{
	struct hm_config config = ms_config();
	struct hm_packet ns = neighbour(HM_MSG_NS, "::", GCOA);
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	nonce_of_last_probe(&r, &ns);
	rig_clear(&r);
	rig_packet(&r, 100, &ns, HM_VERDICT_OK);
	rig_expect(&r, "");
	ns.ns.nonce[3] ^= 1;
	rig_packet(&r, 101, &ns, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_DAD_FAILED);
	ms_ask(&r, 200, HM_MSG_REG_REQUEST, LCOA_A, 2, 60);
	ns.ns.has_nonce = false;
	rig_packet(&r, 201, &ns, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_DAD_FAILED);
	rig_free(&r);
}

Test(ms_link, what_others_say_on_other_links_or_of_other_addresses_is_no_conflict)
{
	struct hm_config config = ms_config();
	struct hm_packet na = neighbour(HM_MSG_NA, "fe80::99", GCOA);
	struct hm_packet resolve = neighbour(HM_MSG_NS, "fe80::99", GCOA);
	struct hm_packet other = neighbour(HM_MSG_NA, "fe80::99", "2001:db8:f::8");
	struct hm_packet own = neighbour(HM_MSG_NA, "fe80::3", GCOA);
	struct rig r;

	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_clear(&r);
	na.ifindex = 4;
	rig_packet(&r, 1, &na, HM_VERDICT_OK);
	rig_packet(&r, 2, &resolve, HM_VERDICT_OK);
	rig_packet(&r, 3, &other, HM_VERDICT_OK);
	rig_packet(&r, 4, &own, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_until(&r, 1000);
	cr_assert_eq(r.binds, 1);
	rig_free(&r);
}

Test(ms_link, solicitations_for_a_served_address_are_answered)
{
	struct hm_config config = ms_config();
	struct hm_packet resolve = neighbour(HM_MSG_NS, "fe80::99", GCOA);
	struct hm_packet probe = neighbour(HM_MSG_NS, "::", GCOA);
	struct hm_packet unserved = neighbour(HM_MSG_NS, "fe80::99", "2001:db8:f::8");
	const struct hm_packet *answer;
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	rig_packet(&r, 5000, &resolve, HM_VERDICT_OK);
	answer = &rig_effect(&r, HM_FX_SEND, 0)->send.packet;
	cr_assert(answer->na.link.present);
	cr_assert_eq(answer->na.link.b[5], 3);
	cr_assert_eq(answer->hop_limit, 255);
	rig_expect(&r, "  5000 < send neighbour-advert src=fe80::3 dst=fe80::99 if=3 "
	               "target=2001:db8:f::9 S\n");
	rig_packet(&r, 5001, &probe, HM_VERDICT_OK);
	rig_expect(&r, "  5001 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9\n");
	rig_packet(&r, 5002, &unserved, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_PROXY_ANSWERED], 2);
	rig_free(&r);
}

Test(ms_link, an_address_stays_defended_while_its_host_moves)
{
	struct hm_config config = ms_config();
	struct hm_packet resolve = neighbour(HM_MSG_NS, "fe80::99", GCOA);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	ms_ask(&r, 5000, HM_MSG_REG_UPDATE, LCOA_B, 2, 60);
	rig_packet(&r, 5001, &resolve, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
	rig_free(&r);
}

Test(ms_link, a_registration_waits_for_the_interface)
{
	struct hm_config config = ms_config();
	struct hm_link link = rig_link_up("mn0", 3);
	struct rig r;

	rig_init(&r, &hm_role_ms, &config);
	rig_start(&r);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_clear(&r);
	rig_link(&r, 3000, &link);
	rig_until(&r, 4000);
	rig_expect(&r, "  3000 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=3 "
	               "target=2001:db8:f::9 nonce\n"
	               "  4000 < bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 seq=1 life=60 | encap match=2001:db8:f::9 "
	               "home=2001:db8:1::9 local=2001:db8:f::1 remote=2001:db8:a::9\n");
	rig_free(&r);
}

Test(ms_link, but_not_for_ever)
{
	struct hm_config config = ms_config();
	struct hm_link link = rig_link_up("mn0", 3);
	struct rig r;

	rig_init(&r, &hm_role_ms, &config);
	rig_start(&r);
	link.link_local = hm_addr_any;
	rig_link(&r, 0, &link);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_clear(&r);
	rig_until(&r, 4999);
	rig_expect(&r, "");
	rig_until(&r, 5000);
	rig_expect(
	        &r,
	        "  5000 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=reason-unspecified life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        "  5000 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=128\n");
	rig_free(&r);
}

Test(ms_link, optimistic_accepts_first_and_announces_after_the_probe)
{
	struct hm_config config = ms_config();
	struct rig r;

	config.ms.dad = HM_DAD_OPTIMISTIC;
	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_clear(&r);
	rig_bind_done(&r, 5, HM_OK);
	rig_until(&r, 1005);
	rig_expect(
	        &r,
	        "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=60 refresh=48 spi=0x1001 use=mh-ms\n"
	        "     5 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	        "coa=2001:db8:a::9\n"
	        "     5 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=3 "
	        "target=2001:db8:f::9 nonce\n"
	        "  1005 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 target=2001:db8:f::9 "
	        "O\n");
	rig_free(&r);
}

Test(ms_link, a_conflict_ends_an_optimistic_binding)
{
	struct hm_config config = ms_config();
	struct hm_packet na = neighbour(HM_MSG_NA, "fe80::99", GCOA);
	struct rig r;

	config.ms.dad = HM_DAD_OPTIMISTIC;
	ms_rig(&r, &config);
	ms_ask(&r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	rig_bind_done(&r, 5, HM_OK);
	rig_clear(&r);
	rig_packet(&r, 300, &na, HM_VERDICT_OK);
	rig_expect(&r, "   300 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 "
	               "seq=1 life=60 | encap match=2001:db8:f::9 home=2001:db8:1::9 "
	               "local=2001:db8:f::1 remote=2001:db8:a::9\n"
	               "   300 < note binding-removed home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9 status=2\n");
	rig_until(&r, 100000);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ms_link, a_new_link_layer_address_is_announced_for_every_binding)
{
	struct hm_config config = ms_config();
	struct hm_link link = rig_link_up("mn0", 3);
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 60);
	rig_link(&r, 5000, &link);
	rig_until(&r, 5000);
	rig_expect(&r, "");
	link.lladdr.b[5] = 0x77;
	rig_link(&r, 6000, &link);
	rig_until(&r, 20000);
	rig_expect(&r, "  6000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  7000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  8000 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	rig_free(&r);
}

Test(ms_link, a_stored_binding_is_served_at_once_and_announced_with_the_link)
{
	struct hm_config config = ms_config();
	struct hm_link link = rig_link_up("mn0", 3);
	struct hm_record seq = { .kind = HM_RECORD_SEQ,
		                 .seq = { .use = HM_USE_MH_MS, .home = addr(HOME), .seq = 8 } };
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_MS,
		                              .home = addr(HOME),
		                              .gcoa = addr(GCOA),
		                              .coa = addr(LCOA_A),
		                              .seq = 7,
		                              .lifetime_s = 60,
		                              .registered_ms = -20000,
		                              .expires_ms = 40000 } };
	struct rig r;

	rig_init(&r, &hm_role_ms, &config);
	rig_restore(&r, &seq);
	rig_restore(&r, &row);
	rig_start(&r);
	rig_bind_done(&r, 2, HM_OK);
	rig_link(&r, 3, &link);
	rig_until(&r, 39999);
	rig_expect(&r, "     0 < bind t1 | encap match=2001:db8:f::9 home=2001:db8:1::9 "
	               "local=2001:db8:f::1 remote=2001:db8:a::9\n"
	               "     3 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  1003 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n"
	               "  2003 < send neighbour-advert src=fe80::3 dst=ff02::1 if=3 "
	               "target=2001:db8:f::9 O\n");
	ms_ask(&r, 39999, HM_MSG_REG_REFRESH, LCOA_A, 8, 60);
	rig_expect(
	        &r,
	        " 39999 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=8 status=bad-sequence life=0 refresh=0 spi=0x1001 use=mh-ms\n"
	        " 39999 < note refused home=2001:db8:1::9 coa=2001:db8:a::9 status=134\n");
	rig_until(&r, 40000);
	cr_assert_eq(r.unbinds, 1);
	ms_ask(&r, 40001, HM_MSG_REG_REQUEST, LCOA_A, 8, 60);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_BADSEQ);
	rig_free(&r);
}

Test(ms_link, a_stored_binding_of_another_prefix_is_dropped)
{
	struct hm_config config = ms_config();
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_MS,
		                              .home = addr(HOME),
		                              .gcoa = addr("2001:db8:ff::9"),
		                              .coa = addr(LCOA_A),
		                              .seq = 7,
		                              .lifetime_s = 60,
		                              .expires_ms = 40000 } };
	struct rig r;

	rig_init(&r, &hm_role_ms, &config);
	rig_restore(&r, &row);
	rig_expect(&r, "     0 < unbind ms home=2001:db8:1::9 gcoa=2001:db8:ff::9 "
	               "coa=2001:db8:a::9 seq=7 life=60\n");
	rig_free(&r);
}
