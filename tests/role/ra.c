#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

/* A fixed interval takes the jitter out of the stories. */
static struct hm_config config_dynamic(void)
{
	struct hm_config c = { .ra = { .mobility = HM_RA_DYNAMIC,
		                       .min_interval_ms = 1000,
		                       .max_interval_ms = 1000,
		                       .router_lifetime_s = 1800 } };

	c.ra.interfaces.n = 1;
	strcpy(c.ra.interfaces.name[0], "acc0");
	c.ra.prefixes.n = 1;
	c.ra.prefixes.p[0] = (struct hm_prefix){ addr("2001:db8:f1:1::"), 64 };
	return c;
}

static void start(struct rig *r, const struct hm_config *config)
{
	struct hm_link link = rig_link_up("acc0", 3);

	rig_init(r, &hm_role_ra, config);
	rig_link(r, 0, &link);
	rig_start(r);
}

static struct hm_packet solicitation(const char *src)
{
	return (struct hm_packet){ .kind = HM_MSG_RS,
		                   .src = addr(src),
		                   .dst = hm_addr_all_routers,
		                   .ifindex = 3,
		                   .hop_limit = 255 };
}

static struct hm_packet information(const char *ms, unsigned plen, uint32_t epoch)
{
	struct hm_packet p = { .kind = HM_MSG_MSINFO,
		               .src = addr(ms),
		               .dst = addr("2001:db8:f1:1::1"),
		               .auth = { .present = true, .spi = 0x2001, .epoch = epoch } };

	p.msinfo.ms = addr(ms);
	p.msinfo.plen = (uint8_t)plen;
	return p;
}

static const struct hm_ra *last_ra(const struct rig *r)
{
	cr_assert_eq(rig_count(r, HM_FX_SEND), 1);
	return &rig_effect(r, HM_FX_SEND, 0)->send.packet.ra;
}

#define RA_PLAIN                                                                                   \
	"send router-advert src=fe80::3 dst=ff02::1 if=3 life=1800 prefix=2001:db8:f1:1::/64"
#define RA_WITH_MS RA_PLAIN " ms=2001:db8:f1::1 plen=64"

Test(ra, advertises_at_once_and_then_at_its_interval)
{
	struct hm_config c = config_dynamic();
	struct rig r;

	start(&r, &c);
	rig_until(&r, 2500);
	rig_expect(&r, "     0 < " RA_PLAIN "\n"
	               "  1000 < " RA_PLAIN "\n"
	               "  2000 < " RA_PLAIN "\n");
	rig_free(&r);
}

Test(ra, an_advertisement_says_all_a_host_needs)
{
	struct hm_config c = config_dynamic();
	struct rig r;
	struct hm_link link = rig_link_up("acc0", 3);
	struct hm_addr own = addr("2001:db8:f1:1::1");
	const struct hm_ra *ra;

	c.ra.home_agent = true;
	link.mtu = 1500;
	rig_init(&r, &hm_role_ra, &c);
	rig_link(&r, 0, &link);
	rig_address(&r, 0, 3, "2001:db8:f1:1::1", HM_ADDRESS_USABLE);
	rig_start(&r);
	ra = last_ra(&r);
	cr_assert_eq(ra->mtu, 1500);
	cr_assert_eq(ra->hop_limit, 64);
	cr_assert(ra->home_agent);
	cr_assert(ra->has_interval);
	cr_assert_eq(ra->interval_ms, 1000);
	cr_assert(ra->has_ha_info);
	cr_assert_eq(ra->ha_lifetime_s, 1800);
	cr_assert(ra->source.present);
	cr_assert_eq(ra->n_prefixes, 1);
	cr_assert(ra->prefixes[0].router_addr);
	cr_assert(ra->prefixes[0].on_link);
	cr_assert(ra->prefixes[0].autonomous);
	cr_assert(hm_addr_eq(&ra->prefixes[0].addr, &own));
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.hop_limit, 255);
	rig_free(&r);
}

Test(ra, intervals_stay_between_min_and_max)
{
	struct hm_config c = config_dynamic();
	struct rig r;
	hm_ms last = 0, shortest = HM_NEVER, longest = 0;

	c.ra.min_interval_ms = 50;
	c.ra.max_interval_ms = 500;
	start(&r, &c);
	for (unsigned i = 0; i < 500; i++) {
		hm_ms next = rig_deadline(&r);

		cr_assert_geq(next - last, 50);
		cr_assert_leq(next - last, 500);
		shortest = hm_sooner(shortest, next - last);
		longest = next - last > longest ? next - last : longest;
		rig_until(&r, next);
		last = next;
	}
	cr_assert_lt(shortest, 100, "got %lld", (long long)shortest);
	cr_assert_gt(longest, 400, "got %lld", (long long)longest);
	rig_free(&r);
}

Test(ra, answers_one_host_alone_and_within_a_tenth_of_the_interval)
{
	struct hm_config c = config_dynamic();
	struct hm_packet rs = solicitation("fe80::99");
	struct rig r;

	start(&r, &c);
	rig_clear(&r);
	rig_packet(&r, 100, &rs, HM_VERDICT_OK);
	rig_packet(&r, 100, &rs, HM_VERDICT_OK);
	cr_assert_leq(rig_deadline(&r), 150);
	rig_until(&r, rig_deadline(&r));
	cr_assert(hm_addr_eq(&rig_effect(&r, HM_FX_SEND, 0)->send.packet.dst, &rs.src));
	cr_assert_eq(r.sends, 2, "the initial one and one answer, got %u", r.sends);
	rig_until(&r, 999);
	cr_assert_eq(r.sends, 2);
	rig_free(&r);
}

Test(ra, a_crowd_gets_one_multicast_no_sooner_than_min_interval)
{
	struct hm_config c = config_dynamic();
	struct rig r;
	struct hm_packet rs = solicitation("fe80::1:0");

	c.ra.max_interval_ms = 100000;
	start(&r, &c);
	rig_clear(&r);
	for (unsigned i = 0; i < 1000; i++) {
		rs.src.b[15] = (uint8_t)i;
		rs.src.b[14] = (uint8_t)(i >> 8);
		rig_packet(&r, 100, &rs, HM_VERDICT_OK);
	}
	rig_until(&r, 999);
	cr_assert_leq(r.sends, 1 + 4, "unicast answers are bounded, got %u", r.sends - 1);
	rig_until(&r, 1000);
	cr_assert(hm_addr_eq(&rig_effect(&r, HM_FX_SEND, 0)->send.packet.dst, &hm_addr_all_nodes));
	rig_free(&r);
}

Test(ra, an_unspecified_solicitor_gets_a_multicast)
{
	struct hm_config c = config_dynamic();
	struct hm_packet rs = solicitation("::");
	struct rig r;

	c.ra.min_interval_ms = 50;
	c.ra.max_interval_ms = 100000;
	start(&r, &c);
	rig_until(&r, 60);
	rig_clear(&r);
	rig_packet(&r, 60, &rs, HM_VERDICT_OK);
	rig_until(&r, 110);
	cr_assert_eq(r.sends, 2);
	cr_assert(hm_addr_eq(&rig_effect(&r, HM_FX_SEND, 0)->send.packet.dst, &hm_addr_all_nodes));
	rig_free(&r);
}

Test(ra, a_solicitation_on_another_link_is_not_answered)
{
	struct hm_config c = config_dynamic();
	struct hm_packet rs = solicitation("fe80::99");
	struct rig r;

	start(&r, &c);
	rs.ifindex = 4;
	rig_clear(&r);
	rig_packet(&r, 100, &rs, HM_VERDICT_OK);
	rig_until(&r, 999);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ra, a_learnt_server_is_advertised_at_once_and_until_it_withdraws)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::1", 64, 100);
	struct rig r;

	c.ra.min_interval_ms = 50;
	c.ra.max_interval_ms = 60000;
	start(&r, &c);
	rig_clear(&r);
	rig_packet(&r, 100, &info, HM_VERDICT_OK);
	rig_expect(&r, "   100 < store seq ms-ra peer=2001:db8:f1::1 seq=0 epoch=100\n"
	               "   100 < note server-learnt peer=2001:db8:f1::1\n"
	               "   100 < " RA_WITH_MS "\n");
	info.msinfo.plen = 0;
	info.auth.epoch = 101;
	rig_packet(&r, 200, &info, HM_VERDICT_OK);
	rig_expect(&r, "   200 < store seq ms-ra peer=2001:db8:f1::1 seq=0 epoch=101\n"
	               "   200 < note server-lost peer=2001:db8:f1::1\n"
	               "   200 < " RA_PLAIN "\n");
	rig_free(&r);
}

Test(ra, the_unspecified_address_withdraws_what_its_sender_announced)
{
	struct hm_config c = config_dynamic();
	struct hm_packet a = information("2001:db8:f1::1", 64, 1);
	struct hm_packet b = information("2001:db8:f1::2", 64, 1);
	struct rig r;

	start(&r, &c);
	rig_packet(&r, 100, &a, HM_VERDICT_OK);
	rig_packet(&r, 100, &b, HM_VERDICT_OK);
	rig_until(&r, 1000);
	cr_assert_eq(last_ra(&r)->n_servers, 2);
	a.msinfo.ms = hm_addr_any;
	a.auth.epoch = 2;
	rig_packet(&r, 1100, &a, HM_VERDICT_OK);
	rig_until(&r, 2000);
	cr_assert_eq(last_ra(&r)->n_servers, 1);
	cr_assert(hm_addr_eq(&last_ra(&r)->servers[0].ms, &b.msinfo.ms));
	rig_free(&r);
}

Test(ra, three_intervals_of_silence_end_the_advertisement)
{
	struct hm_config c = config_dynamic();
	struct rig r;

	start(&r, &c);
	for (unsigned i = 0; i < 5; i++) {
		struct hm_packet info = information("2001:db8:f1::1", 64, 10 + i);

		rig_packet(&r, 100 + 2000 * (hm_ms)i, &info, HM_VERDICT_OK);
	}
	rig_until(&r, 8100 + 5999);
	rig_clear(&r);
	rig_until(&r, 8100 + 6000);
	rig_expect(&r, " 14100 < note server-lost peer=2001:db8:f1::1\n");
	rig_until(&r, 15000);
	cr_assert_eq(last_ra(&r)->n_servers, 0);
	rig_free(&r);
}

Test(ra, believes_no_stranger_no_replay_and_nobody_speaking_for_another)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::1", 64, 100), forged = info;
	struct rig r;

	start(&r, &c);
	forged.src = addr("2001:db8:bad::1");
	rig_clear(&r);
	rig_packet(&r, 1, &info, HM_VERDICT_MISSING);
	rig_packet(&r, 2, &info, HM_VERDICT_NO_KEY);
	rig_packet(&r, 3, &info, HM_VERDICT_BAD);
	rig_packet(&r, 4, &forged, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_MISSING], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_NO_KEY], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_AUTH_BAD], 1);
	cr_assert_eq(r.counters.n[HM_COUNT_UNKNOWN_PEER], 1);
	rig_packet(&r, 5, &info, HM_VERDICT_OK);
	rig_clear(&r);
	rig_packet(&r, 6, &info, HM_VERDICT_OK);
	rig_expect(&r, "");
	cr_assert_eq(r.counters.n[HM_COUNT_BADSEQ], 1);
	rig_free(&r);
}

Test(ra, a_replay_is_known_after_a_restart)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::1", 64, 100);
	struct hm_record record = {
		.kind = HM_RECORD_SEQ,
		.seq = { .use = HM_USE_MS_RA, .peer = addr("2001:db8:f1::1"), .epoch = 100 }
	};
	struct rig r;

	rig_init(&r, &hm_role_ra, &c);
	rig_restore(&r, &record);
	rig_start(&r);
	rig_packet(&r, 5, &info, HM_VERDICT_OK);
	cr_assert_eq(r.counters.n[HM_COUNT_BADSEQ], 1);
	rig_free(&r);
}

Test(ra, keeps_a_bounded_number_of_servers)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::1", 64, 1);
	struct rig r;

	start(&r, &c);
	for (unsigned i = 0; i < 100; i++) {
		info.src.b[14] = (uint8_t)i;
		info.msinfo.ms = info.src;
		rig_packet(&r, 100, &info, HM_VERDICT_OK);
	}
	cr_assert_eq(r.counters.n[HM_COUNT_TABLE_FULL], 100 - 16);
	rig_until(&r, 1000);
	cr_assert_eq(last_ra(&r)->n_servers, HM_RA_SERVERS_MAX);
	rig_free(&r);
}

Test(ra, configured_servers_need_no_message_and_heed_none)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::2", 64, 1);
	struct rig r;

	c.ra.mobility = HM_RA_STATIC;
	c.ra.n_servers = 1;
	c.ra.servers[0] = (struct hm_msinfo){ .plen = 64, .ms = addr("2001:db8:f1::1") };
	start(&r, &c);
	rig_expect(&r, "     0 < " RA_WITH_MS "\n");
	rig_packet(&r, 1, &info, HM_VERDICT_OK);
	rig_expect(&r, "");
	rig_free(&r);
}

Test(ra, a_link_that_comes_late_or_again_is_advertised_on_at_once)
{
	struct hm_config c = config_dynamic();
	struct hm_link link = rig_link_up("acc0", 3), down = link;
	struct rig r;

	down.up = false;
	rig_init(&r, &hm_role_ra, &c);
	rig_start(&r);
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_link(&r, 5000, &link);
	rig_expect(&r, "  5000 < " RA_PLAIN "\n");
	rig_link(&r, 5500, &down);
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	link.ifindex = 7;
	link.link_local = addr("fe80::7");
	rig_link(&r, 9000, &link);
	rig_expect(&r, "  9000 < send router-advert src=fe80::7 dst=ff02::1 if=7 life=1800 "
	               "prefix=2001:db8:f1:1::/64\n");
	rig_free(&r);
}

Test(ra, leaves_with_a_lifetime_of_zero)
{
	struct hm_config c = config_dynamic();
	struct hm_packet info = information("2001:db8:f1::1", 64, 100);
	struct rig r;

	start(&r, &c);
	rig_packet(&r, 100, &info, HM_VERDICT_OK);
	rig_clear(&r);
	rig_stop(&r, 200);
	rig_expect(&r, "   200 < send router-advert src=fe80::3 dst=ff02::1 if=3 life=0 "
	               "prefix=2001:db8:f1:1::/64\n");
	cr_assert_eq(rig_deadline(&r), HM_NEVER);
	rig_free(&r);
}

Test(ra, each_of_several_interfaces_has_its_own_prefix)
{
	struct hm_config c = config_dynamic();
	struct hm_link one = rig_link_up("acc0", 3), two = rig_link_up("acc1", 4);
	struct rig r;

	c.ra.interfaces.n = 2;
	strcpy(c.ra.interfaces.name[1], "acc1");
	c.ra.prefixes.n = 2;
	c.ra.prefixes.p[1] = (struct hm_prefix){ addr("2001:db8:f1:2::"), 64 };
	rig_init(&r, &hm_role_ra, &c);
	rig_link(&r, 0, &one);
	rig_link(&r, 0, &two);
	rig_start(&r);
	rig_expect(&r, "     0 < " RA_PLAIN "\n"
	               "     0 < send router-advert src=fe80::4 dst=ff02::1 if=4 life=1800 "
	               "prefix=2001:db8:f1:2::/64\n");
	rig_free(&r);
}
