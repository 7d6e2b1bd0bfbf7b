#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

#define HA "2001:db8:1::1"
#define HOME "2001:db8:1::9"
#define GCOA_F "2001:db8:f::9"
#define GCOA_D "2001:db8:d::9"

static struct hm_config ha_config(void)
{
	return (struct hm_config){ .ha = { .interface = "home0",
		                           .address = addr(HA),
		                           .plen = 64,
		                           .lifetime_max_s = 3600,
		                           .max_bindings = 4,
		                           .dad = HM_DAD_YES } };
}

static void ha_rig(struct rig *r, const struct hm_config *config)
{
	struct hm_link link = rig_link_up("home0", 2);

	rig_init(r, &hm_role_ha, config);
	rig_start(r);
	rig_link(r, 0, &link);
	rig_until(r, 0);
	rig_clear(r);
}

static struct hm_packet update(const char *src, uint16_t seq, uint32_t lifetime_s)
{
	return (struct hm_packet){
		.src = addr(src),
		.dst = addr(HA),
		.has_home = true,
		.home = addr(HOME),
		.kind = HM_MSG_BU,
		.bu = { .ack = true,
		        .home_reg = true,
		        .dad = true,
		        .seq = seq,
		        .lifetime_s = lifetime_s },
		.auth = { .present = true, .spi = 0x1002 },
	};
}

static void ask(struct rig *r, hm_ms at, const char *src, uint16_t seq, uint32_t lifetime_s)
{
	struct hm_packet packet = update(src, seq, lifetime_s);

	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

static void registered(struct rig *r)
{
	ask(r, 0, GCOA_F, 1, 600);
	rig_bind_done(r, 1005, HM_OK);
	rig_until(r, 3500);
	rig_clear(r);
}

Test(ha, probes_the_home_link_tunnels_and_announces)
{
	struct hm_config config = ha_config();
	struct rig r;

	ha_rig(&r, &config);
	ask(&r, 0, GCOA_F, 1, 600);
	rig_bind_done(&r, 1005, HM_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ha home=2001:db8:1::9 seq=1\n"
	        "     0 < send neighbour-solicit src=:: dst=ff02::1:ff00:9 if=2 "
	        "target=2001:db8:1::9 nonce\n"
	        "  1000 < bind t1 ha home=2001:db8:1::9 coa=2001:db8:f::9 seq=1 life=600 | encap "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "  1005 < send binding-ack src=2001:db8:1::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=600 refresh=480 spi=0x1002 use=mh-ha\n"
	        "  1005 < note binding-added home=2001:db8:1::9 coa=2001:db8:f::9\n"
	        "  1005 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 target=2001:db8:1::9 "
	        "O\n");
	rig_until(&r, 600999);
	rig_expect(&r, "  2005 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 "
	               "target=2001:db8:1::9 O\n"
	               "  3005 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 "
	               "target=2001:db8:1::9 O\n");
	rig_until(&r, 601000);
	rig_expect(&r,
	           "601000 < unbind ha home=2001:db8:1::9 coa=2001:db8:f::9 seq=1 life=600 | encap "
	           "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 "
	           "remote=2001:db8:f::9 attract\n"
	           "601000 < note binding-removed home=2001:db8:1::9 coa=2001:db8:f::9 status=1\n");
	rig_free(&r);
}

Test(ha, follows_its_host_to_another_domain)
{
	struct hm_config config = ha_config();
	struct rig r;

	ha_rig(&r, &config);
	registered(&r);
	ask(&r, 5000, GCOA_D, 2, 600);
	rig_bind_done(&r, 5005, HM_OK);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ha home=2001:db8:1::9 seq=2\n"
	        "  5000 < bind t2 ha home=2001:db8:1::9 coa=2001:db8:d::9 seq=2 life=600 | encap "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 remote=2001:db8:d::9 "
	        "attract\n"
	        "  5005 < send binding-ack src=2001:db8:1::1 dst=2001:db8:d::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=600 refresh=480 spi=0x1002 use=mh-ha\n"
	        "  5005 < note binding-moved home=2001:db8:1::9 coa=2001:db8:d::9\n");
	rig_free(&r);
}

Test(ha, takes_the_alternate_care_of_address_and_answers_the_source)
{
	struct hm_config config = ha_config();
	struct hm_packet packet = update("2001:db8:a::9", 1, 600);
	struct rig r;

	config.ha.dad = HM_DAD_NO;
	ha_rig(&r, &config);
	packet.bu.has_alt_coa = true;
	packet.bu.alt_coa = addr(GCOA_F);
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ha home=2001:db8:1::9 seq=1\n"
	        "     0 < bind t1 ha home=2001:db8:1::9 coa=2001:db8:f::9 seq=1 life=600 | encap "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "     5 < send binding-ack src=2001:db8:1::1 dst=2001:db8:a::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=600 refresh=480 spi=0x1002 use=mh-ha\n"
	        "     5 < note binding-added home=2001:db8:1::9 coa=2001:db8:f::9\n"
	        "     5 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 target=2001:db8:1::9 "
	        "O\n");
	rig_free(&r);
}

Test(ha, lets_go_of_a_host_that_is_home_again)
{
	struct hm_config config = ha_config();
	struct hm_packet resolve = { .src = addr("fe80::99"), .ifindex = 2, .kind = HM_MSG_NS };
	struct rig r;

	ha_rig(&r, &config);
	registered(&r);
	resolve.ns.target = addr(HOME);
	rig_packet(&r, 4000, &resolve, HM_VERDICT_OK);
	rig_expect(&r, "  4000 < send neighbour-advert src=fe80::2 dst=fe80::99 if=2 "
	               "target=2001:db8:1::9 S\n");
	ask(&r, 5000, HOME, 2, 0);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ha home=2001:db8:1::9 seq=2\n"
	        "  5000 < unbind ha home=2001:db8:1::9 coa=2001:db8:f::9 seq=2 life=600 | encap "
	        "match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 remote=2001:db8:f::9 "
	        "attract\n"
	        "  5000 < send binding-ack src=2001:db8:1::1 dst=2001:db8:1::9 home=2001:db8:1::9 "
	        "seq=2 status=accepted life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "  5000 < note binding-removed home=2001:db8:1::9 coa=2001:db8:f::9\n");
	rig_packet(&r, 5001, &resolve, HM_VERDICT_OK);
	rig_expect(&r, "");
	ask(&r, 6000, HOME, 3, 600);
	rig_expect(
	        &r,
	        "  6000 < store seq mh-ha home=2001:db8:1::9 seq=3\n"
	        "  6000 < send binding-ack src=2001:db8:1::1 dst=2001:db8:1::9 home=2001:db8:1::9 "
	        "seq=3 status=not-registered-here life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "  6000 < note refused home=2001:db8:1::9 coa=2001:db8:1::9 status=137\n");
	rig_free(&r);
}

Test(ha, defends_and_advertises_a_mobile_router_as_one)
{
	struct hm_config config = ha_config();
	struct hm_packet packet = update(GCOA_F, 1, 600);
	struct rig r;

	config.ha.dad = HM_DAD_NO;
	ha_rig(&r, &config);
	packet.bu.router = true;
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_clear(&r);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(
	        &r,
	        "     5 < send binding-ack src=2001:db8:1::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=1 status=accepted life=600 refresh=480 spi=0x1002 use=mh-ha\n"
	        "     5 < note binding-added home=2001:db8:1::9 coa=2001:db8:f::9\n"
	        "     5 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 target=2001:db8:1::9 "
	        "R O\n");
	rig_free(&r);
}

Test(ha, refuses_what_is_not_of_its_home_link)
{
	struct hm_config config = ha_config();
	struct hm_packet packet = update(GCOA_F, 1, 600);
	struct rig r;

	ha_rig(&r, &config);
	packet.home = addr("2001:db8:2::9");
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "     0 < store seq mh-ha home=2001:db8:2::9 seq=1\n"
	        "     0 < send binding-ack src=2001:db8:1::1 dst=2001:db8:f::9 home=2001:db8:2::9 "
	        "seq=1 status=not-home-subnet life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "     0 < note refused home=2001:db8:2::9 coa=2001:db8:f::9 status=133\n");
	packet = update(GCOA_F, 1, 600);
	packet.home = addr(HA);
	rig_packet(&r, 1, &packet, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_NOT_HOME_SUBNET);
	rig_free(&r);
}

Test(ha, refuses_care_of_addresses_that_would_make_packets_go_round)
{
	struct hm_config config = ha_config();
	struct hm_packet packet = update(HOME, 1, 600);
	struct rig r;

	ha_rig(&r, &config);
	registered(&r);
	packet.home = addr("2001:db8:1::10");
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "  5000 < store seq mh-ha home=2001:db8:1::10 seq=1\n"
	        "  5000 < send binding-ack src=2001:db8:1::1 dst=2001:db8:1::9 home=2001:db8:1::10 "
	        "seq=1 status=administratively-prohibited life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "  5000 < note refused home=2001:db8:1::10 coa=2001:db8:1::9 status=130\n");
	rig_free(&r);
}

Test(ha, a_lost_probe_refuses_and_an_old_number_too)
{
	struct hm_config config = ha_config();
	struct hm_packet na = { .src = addr("fe80::99"), .ifindex = 2, .kind = HM_MSG_NA };
	struct rig r;

	ha_rig(&r, &config);
	na.na.target = addr(HOME);
	ask(&r, 0, GCOA_F, 5, 600);
	rig_clear(&r);
	rig_packet(&r, 10, &na, HM_VERDICT_OK);
	rig_expect(
	        &r,
	        "    10 < send binding-ack src=2001:db8:1::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=5 status=duplicate-address life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "    10 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=138\n");
	ask(&r, 2000, GCOA_F, 5, 600);
	rig_expect(
	        &r,
	        "  2000 < send binding-ack src=2001:db8:1::1 dst=2001:db8:f::9 home=2001:db8:1::9 "
	        "seq=5 status=bad-sequence life=0 refresh=0 spi=0x1002 use=mh-ha\n"
	        "  2000 < note refused home=2001:db8:1::9 coa=2001:db8:f::9 status=134\n");
	rig_free(&r);
}

Test(ha, leaves_updates_without_the_h_bit_to_the_correspondent)
{
	struct hm_config config = ha_config();
	struct hm_packet packet = update(GCOA_F, 1, 600);
	struct rig r;

	ha_rig(&r, &config);
	packet.bu.home_reg = false;
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ha, a_stored_binding_survives_a_restart)
{
	struct hm_config config = ha_config();
	struct hm_record row = { .kind = HM_RECORD_BINDING,
		                 .binding = { .role = HM_ROLE_HA,
		                              .home = addr(HOME),
		                              .coa = addr(GCOA_F),
		                              .seq = 7,
		                              .lifetime_s = 600,
		                              .expires_ms = 40000 } };
	struct hm_record other = { .kind = HM_RECORD_BINDING,
		                   .binding = { .role = HM_ROLE_MS, .home = addr(HOME) } };
	struct hm_link link = rig_link_up("home0", 2);
	struct rig r;

	rig_init(&r, &hm_role_ha, &config);
	rig_restore(&r, &row);
	rig_restore(&r, &other);
	rig_start(&r);
	rig_link(&r, 0, &link);
	rig_until(&r, 0);
	rig_expect(&r, "     0 < bind t1 | encap match=2001:db8:1::9 home=2001:db8:1::9 "
	               "local=2001:db8:1::1 remote=2001:db8:f::9 attract\n"
	               "     0 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 "
	               "target=2001:db8:1::9 O\n");
	rig_bind_done(&r, 1, HM_EIO);
	ask(&r, 1000, GCOA_F, 8, 600);
	rig_expect(&r, "  1000 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 "
	               "target=2001:db8:1::9 O\n"
	               "  1000 < store seq mh-ha home=2001:db8:1::9 seq=8\n"
	               "  1000 < bind t2 ha home=2001:db8:1::9 coa=2001:db8:f::9 seq=8 life=600 | "
	               "encap match=2001:db8:1::9 home=2001:db8:1::9 local=2001:db8:1::1 "
	               "remote=2001:db8:f::9 attract\n");
	rig_free(&r);
}

Test(ha, answers_home_agent_discovery)
{
	struct hm_config config = ha_config();
	struct hm_packet request = { .src = addr(GCOA_F),
		                     .dst = addr("2001:db8:1:0:fdff:ffff:ffff:fffe"),
		                     .kind = HM_MSG_HAAD_REQUEST,
		                     .haad = { .id = 77 } };
	struct rig r;

	ha_rig(&r, &config);
	rig_packet(&r, 0, &request, HM_VERDICT_OK);
	rig_expect(&r, "     0 < send haad-reply src=2001:db8:1::1 dst=2001:db8:f::9 id=77 "
	               "agent=2001:db8:1::1\n");
	request.dst = addr("2001:db8:2:0:fdff:ffff:ffff:fffe");
	rig_packet(&r, 0, &request, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_free(&r);
}

static struct hm_packet agent(const char *router, const char *address, uint16_t preference,
                              uint16_t lifetime_s)
{
	struct hm_packet p = { .kind = HM_MSG_RA, .ifindex = 2, .hop_limit = 255 };

	p.src = addr(router);
	p.dst = hm_addr_all_nodes;
	p.ra.home_agent = true;
	p.ra.lifetime_s = 1800;
	p.ra.has_ha_info = true;
	p.ra.ha_preference = preference;
	p.ra.ha_lifetime_s = lifetime_s;
	p.ra.n_prefixes = 1;
	p.ra.prefixes[0] =
	        (struct hm_ra_prefix){ .addr = addr(address), .plen = 64, .router_addr = true };
	return p;
}

static void hear(struct rig *r, hm_ms at, struct hm_packet p)
{
	rig_packet(r, at, &p, HM_VERDICT_MISSING);
}

static void discover(struct rig *r, hm_ms at)
{
	struct hm_packet request = { .src = addr(GCOA_F),
		                     .dst = addr("2001:db8:1:0:fdff:ffff:ffff:fffe"),
		                     .kind = HM_MSG_HAAD_REQUEST,
		                     .haad = { .id = 1 } };

	rig_packet(r, at, &request, HM_VERDICT_MISSING);
}

#define REPLY "send haad-reply src=2001:db8:1::1 dst=2001:db8:f::9 id=1 agent="

Test(ha, lists_the_agents_of_its_link_best_first)
{
	struct hm_config config = ha_config();
	struct hm_packet other;
	struct rig r;

	ha_rig(&r, &config);
	hear(&r, 0, agent("fe80::a", "2001:db8:1::a", 5, 100));
	hear(&r, 0, agent("fe80::b", "2001:db8:1::b", 9, 50));
	hear(&r, 0, agent("fe80::c", "2001:db8:1::c", 0xffff, 100)); /* -1 */
	hear(&r, 0, agent("fe80::1", HA, 100, 100));                 /* ourselves */
	hear(&r, 0, agent("fe80::d", "2001:db8:2::d", 100, 100));    /* of another network */
	other = agent("fe80::e", "2001:db8:1::e", 100, 100);
	other.ifindex = 3;
	hear(&r, 0, other);
	discover(&r, 10);
	rig_expect(&r, "    10 < " REPLY "2001:db8:1::b agent=2001:db8:1::a agent=2001:db8:1::1 "
	               "agent=2001:db8:1::c\n");
	other = agent("fe80::a", "2001:db8:1::a", 5, 100);
	other.ra.home_agent = false; /* no home agent any more */
	hear(&r, 20, other);
	hear(&r, 20, agent("fe80::c", "2001:db8:1::c", 0xffff, 0)); /* says farewell */
	discover(&r, 49999);
	rig_expect(&r, " 49999 < " REPLY "2001:db8:1::b agent=2001:db8:1::1\n");
	discover(&r, 50000);
	rig_expect(&r, " 50000 < " REPLY "2001:db8:1::1\n");
	rig_free(&r);
}

Test(ha, remembers_the_best_of_many_agents)
{
	struct hm_config config = ha_config();
	const struct hm_haad *haad;
	struct hm_packet p;
	struct rig r;

	ha_rig(&r, &config);
	for (unsigned i = 1; i <= 20; i++) {
		p = agent("fe80::100", "2001:db8:1::100", (uint16_t)i, 100);
		p.src.b[15] = p.ra.prefixes[0].addr.b[15] = (uint8_t)i;
		hear(&r, 0, p);
	}
	discover(&r, 1);
	haad = &rig_effect(&r, HM_FX_SEND, 0)->send.packet.haad;
	cr_assert_eq(haad->n_agents, HM_HAAD_AGENTS_MAX);
	for (unsigned i = 0; i < 7; i++)
		cr_assert_eq(haad->agents[i].b[15], 20 - i, "place %u: %u", i,
		             haad->agents[i].b[15]);
	cr_assert_eq(haad->agents[7].b[15], 1, "ourselves last");
	rig_free(&r);
}

Test(ha, stands_for_the_anycast_address_of_home_agents_on_the_link)
{
	struct hm_config config = ha_config();
	struct hm_packet ns = { .src = addr("fe80::77"),
		                .dst = addr("ff02::1:ffff:fffe"),
		                .ifindex = 2,
		                .hop_limit = 255,
		                .kind = HM_MSG_NS,
		                .ns = { .target = addr("2001:db8:1:0:fdff:ffff:ffff:fffe") } };
	struct hm_packet home = update(GCOA_F, 1, 600);
	struct rig r;

	ha_rig(&r, &config);
	rig_packet(&r, 0, &ns, HM_VERDICT_MISSING);
	rig_expect(&r, "     0 < send neighbour-advert src=fe80::2 dst=fe80::77 if=2 "
	               "target=2001:db8:1:0:fdff:ffff:ffff:fffe S\n");
	ns.ifindex = 3;
	rig_packet(&r, 0, &ns, HM_VERDICT_MISSING);
	rig_expect(&r, "");
	home.home = ns.ns.target; /* nobody's home address */
	rig_packet(&r, 0, &home, HM_VERDICT_OK);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_NOT_HOME_SUBNET);
	rig_free(&r);
}

Test(ha, defends_the_link_local_address_of_a_host_that_says_it_is_its)
{
	struct hm_config config = ha_config();
	struct hm_packet probe = { .dst = addr("ff02::1:ff00:9"),
		                   .ifindex = 2,
		                   .kind = HM_MSG_NS,
		                   .ns = { .target = addr("fe80::9") } };
	struct hm_packet home = update(GCOA_F, 2, 600);
	struct rig r;

	ha_rig(&r, &config);
	registered(&r);
	rig_packet(&r, 4000, &probe, HM_VERDICT_MISSING);
	cr_assert_null(strstr(r.log, "advert")); /* it did not say so */
	home.bu.plen = 64;
	rig_packet(&r, 5000, &home, HM_VERDICT_OK);
	rig_bind_done(&r, 5005, HM_OK);
	rig_clear(&r);
	rig_packet(&r, 6000, &probe, HM_VERDICT_MISSING);
	rig_expect(&r, "  6000 < send neighbour-advert src=fe80::2 dst=ff02::1 if=2 "
	               "target=fe80::9\n");
	probe.src = addr("fe80::77"); /* who wants to talk to it gets no answer */
	rig_packet(&r, 7000, &probe, HM_VERDICT_MISSING);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ha, relays_errors_about_its_tunnel)
{
	struct hm_config config = ha_config();
	struct hm_packet error = { .src = addr("2001:db8:77::1"),
		                   .dst = addr(HA),
		                   .kind = HM_MSG_ICMP_ERROR,
		                   .icmp = { .type = 1,
		                             .code = 3,
		                             .about_src = addr(HA),
		                             .about_dst = addr(GCOA_F),
		                             .has_tunnelled = true,
		                             .inner_src = addr("2001:db8:c::1"),
		                             .inner_dst = addr(HOME) } };
	struct rig r;

	ha_rig(&r, &config);
	registered(&r);
	rig_packet(&r, 5000, &error, HM_VERDICT_OK);
	rig_expect(&r, "  5000 < relay from=2001:db8:1::1 type=1 code=3 inner_src=2001:db8:c::1 "
	               "inner_dst=2001:db8:1::9\n");
	rig_free(&r);
}
