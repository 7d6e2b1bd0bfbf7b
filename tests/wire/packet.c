#include "base/clock.h"
#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/packet.h"
#include "wire/show.h"

#include <criterion/criterion.h>

#define MH "20010db800f100010000000000000099"
#define MS "20010db800f100000000000000000001"
#define HOME "20010db80001000000000000000000aa"
#define CH "20010db8000c00000000000000000001"

static struct hm_packet from_mh(enum hm_msg_kind kind)
{
	struct hm_packet p;

	memset(&p, 0, sizeof p);
	p.kind = kind;
	p.src = addr("2001:db8:f1:1::99");
	p.dst = addr("2001:db8:f1::1");
	p.hop_limit = 64;
	return p;
}

static struct hm_packet about_home(enum hm_msg_kind kind)
{
	struct hm_packet p = from_mh(kind);

	p.has_home = true;
	p.home = addr("2001:db8:1::aa");
	return p;
}

static struct hm_packet on_link(enum hm_msg_kind kind)
{
	struct hm_packet p = from_mh(kind);

	p.src = addr("fe80::1");
	p.dst = addr("ff02::1");
	p.hop_limit = 255;
	return p;
}

static struct hm_packet with_auth(struct hm_packet p)
{
	p.auth.present = true;
	p.auth.spi = UINT32_MAX;
	p.auth.epoch = UINT32_MAX;
	return p;
}

/* Written and read again, the packet is the same: field by field in its line of text, and in the
 * octets of a second writing. */
static void round_trip(const struct hm_packet *p)
{
	uint8_t first[HM_PACKET_MAX], second[HM_PACKET_MAX];
	struct hm_wr w1 = hm_wr(first, sizeof first), w2 = hm_wr(second, sizeof second);
	struct hm_wire_numbers numbers = hm_wire_defaults;
	struct hm_signed_part part;
	struct hm_packet back;
	char want[HM_SHOW_MAX], got[HM_SHOW_MAX];
	struct hm_text t1 = hm_text(want, sizeof want), t2 = hm_text(got, sizeof got);
	enum hm_drop drop;

	numbers.accept_rh0 = true;
	hm_packet_show(&t1, p);
	hm_packet_show_rest(&t1, p);
	cr_assert(!t1.cut);
	cr_assert_eq(hm_packet_write(p, &numbers, &w1, &part), HM_OK, "%s", want);
	drop = hm_packet_read((struct hm_span){ first, w1.len }, &numbers, &back, &part);
	cr_assert_eq(drop, HM_DROP_NONE, "%s of %s: %s", hm_drop_text(drop), want,
	             hex_text(first, w1.len));
	hm_packet_show(&t2, &back);
	hm_packet_show_rest(&t2, &back);
	cr_assert_str_eq(got, want);
	cr_assert_eq(back.hop_limit, p->hop_limit);
	cr_assert_eq(hm_packet_write(&back, &numbers, &w2, &part), HM_OK);
	cr_assert_eq(w2.len, w1.len);
	cr_assert_arr_eq(second, first, w1.len, "%s", want);
}

/* As it is, authenticated, and behind a routing header. */
static void round_trips(struct hm_packet p)
{
	struct hm_packet signed_one = with_auth(p);

	round_trip(&p);
	round_trip(&signed_one);
	p.has_routing = true;
	p.routing_addr = addr("2001:db8:1::bb");
	p.routing_type = 2;
	round_trip(&p);
	p.routing_type = 0;
	round_trip(&p);
}

Test(packet, registrations_survive_at_their_limits)
{
	for (enum hm_msg_kind kind = HM_MSG_REG_REQUEST; kind <= HM_MSG_REG_REFRESH; kind++) {
		struct hm_packet p = about_home(kind);

		round_trips(p);
		p.reg = (struct hm_reg){ .ack = true, .malen = 128, .seq = UINT16_MAX };
		p.reg.lifetime_s = HM_LIFETIME_INFINITE;
		round_trips(p);
		if (kind == HM_MSG_REG_REFRESH)
			continue;
		p.reg.has_alt_coa = true;
		p.reg.alt_coa = addr("2001:db8:f1::aa");
		round_trips(p);
		if (kind != HM_MSG_REG_REQUEST)
			continue;
		p.reg.has_prev_ms = true;
		round_trips(p);
		p.reg.prev_ms = addr("2001:db8:f2::1");
		round_trips(p);
		p.reg.has_alt_coa = false;
		round_trips(p);
	}
}

Test(packet, handoffs_survive_at_their_limits)
{
	struct hm_packet p = about_home(HM_MSG_HANDOFF);

	p.handoff.new_gcoa = addr("2001:db8:f2::aa");
	round_trips(p);
	p.handoff.malen = 128;
	p.handoff.seq = UINT16_MAX;
	p.handoff.lifetime_s = HM_LIFETIME_INFINITE;
	round_trips(p);
}

Test(packet, binding_updates_survive_at_their_limits)
{
	for (unsigned bits = 0; bits < 64; bits++) {
		struct hm_packet p = about_home(HM_MSG_BU);

		p.bu.ack = bits & 1;
		p.bu.home_reg = bits & 2;
		p.bu.router = bits & 4;
		p.bu.dad = bits & 8;
		p.bu.has_alt_coa = bits & 16;
		p.bu.has_unique_id = bits & 32;
		p.bu.plen = p.bu.home_reg ? 128 : 0;
		p.bu.seq = (uint16_t)(bits * 1040);
		p.bu.lifetime_s = bits & 1 ? 0 : HM_LIFETIME_INFINITE;
		p.bu.unique_id = bits & 32 ? UINT16_MAX : 0;
		if (p.bu.has_alt_coa)
			p.bu.alt_coa = addr("2001:db8:f1::aa");
		round_trips(p);
	}
}

Test(packet, answers_and_requests_survive_at_their_limits)
{
	struct hm_packet p = from_mh(HM_MSG_BACK);

	round_trips(p);
	p.back = (struct hm_back){ UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT32_MAX };
	round_trips(p);
	p = from_mh(HM_MSG_BREQ);
	round_trips(p);
	p.breq = (struct hm_breq){ true, UINT16_MAX };
	round_trips(p);
	p = from_mh(HM_MSG_HAAD_REQUEST);
	p.haad.id = UINT16_MAX;
	round_trip(&p);
	p = from_mh(HM_MSG_HAAD_REPLY);
	round_trip(&p);
	p.haad.n_agents = HM_HAAD_AGENTS_MAX;
	for (unsigned i = 0; i < HM_HAAD_AGENTS_MAX; i++)
		p.haad.agents[i] = addr("2001:db8:1::1");
	round_trip(&p);
}

Test(packet, mobility_information_survives_and_so_does_its_withdrawal)
{
	struct hm_packet p = from_mh(HM_MSG_MSINFO);

	p.msinfo.plen = 126;
	p.msinfo.level = p.msinfo.preference = UINT8_MAX;
	p.msinfo.ms = p.src;
	p.dst = addr("ff02::2");
	round_trips(p);
	p.msinfo.plen = 0;
	round_trips(p);
	p.msinfo.ms = addr("::");
	round_trips(p);
}

static void fill(struct hm_lladdr *lladdr)
{
	lladdr->present = true;
	memset(lladdr->b, 0xff, sizeof lladdr->b);
}

Test(packet, neighbour_discovery_survives_at_its_limits)
{
	struct hm_packet p = on_link(HM_MSG_RS);

	round_trip(&p);
	fill(&p.rs.source);
	round_trip(&p);
	p = on_link(HM_MSG_RS);
	p.src = addr("::");
	round_trip(&p);
	p = on_link(HM_MSG_NS);
	p.ns.target = addr("2001:db8:f1::aa");
	p.ns.has_nonce = true;
	memset(p.ns.nonce, 0xff, sizeof p.ns.nonce);
	fill(&p.ns.source);
	round_trip(&p);
	for (unsigned bits = 0; bits < 8; bits++) {
		p = on_link(HM_MSG_NA);
		p.dst = addr("fe80::2");
		p.na.target = addr("fe80::1");
		p.na.router = bits & 1;
		p.na.solicited = bits & 2;
		p.na.override = bits & 4;
		if (bits & 1)
			fill(&p.na.link);
		round_trip(&p);
	}
}

Test(packet, a_full_router_advertisement_survives)
{
	struct hm_packet p = on_link(HM_MSG_RA);
	struct hm_ra_prefix prefix = { addr("2001:db8:f1:1:2222:3333:4444:5555"),
		                       128,
		                       true,
		                       true,
		                       true,
		                       UINT32_MAX,
		                       UINT32_MAX };
	struct hm_msinfo server = { UINT8_MAX, UINT8_MAX, 126, UINT16_MAX,
		                    addr("2001:db8:f1:1:2222:3333:4444:5555") };

	round_trip(&p);
	p.ra.hop_limit = UINT8_MAX;
	p.ra.managed = p.ra.other = p.ra.home_agent = true;
	p.ra.lifetime_s = UINT16_MAX;
	p.ra.reachable_ms = p.ra.retrans_ms = p.ra.mtu = p.ra.interval_ms = UINT32_MAX;
	fill(&p.ra.source);
	p.ra.has_interval = p.ra.has_ha_info = true;
	p.ra.ha_preference = p.ra.ha_lifetime_s = UINT16_MAX;
	for (unsigned i = 0; i < HM_RA_PREFIXES_MAX; i++)
		p.ra.prefixes[p.ra.n_prefixes++] = prefix;
	for (unsigned i = 0; i < HM_RA_SERVERS_MAX; i++)
		p.ra.servers[p.ra.n_servers++] = server;
	round_trip(&p);
	p.ra.n_servers++;
	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &(struct hm_wr){ 0 },
	                             &(struct hm_signed_part){ 0 }),
	             HM_EMALFORMED);
}

static struct hm_packet must_read(const char *text)
{
	struct hex in = hex(text);
	struct hm_packet p;
	struct hm_signed_part part;
	enum hm_drop drop = hm_packet_read(hex_span(&in), &hm_wire_defaults, &p, &part);

	cr_assert_eq(drop, HM_DROP_NONE, "%s: %s", hm_drop_text(drop), text);
	return p;
}

Test(packet, the_home_address_may_stand_before_behind_or_in_another_header)
{
	const char *texts[] = {
		"60000000 0020 3c 40" MH MS "3b03 ca08 8040 0001 00000258 0100 c910" HOME,
		"60000000 0028 3c 40" MH MS "3b04 0102 0000 c910" HOME
		"0100 ca08 8040 0001 00000258 0102 0000",
		"60000000 0028 3c 40" MH MS "3c02 0102 0000 c910" HOME
		"3b01 ca08 8040 0001 00000258 0102 0000",
		"60000000 0028 3c 40" MH MS "3c01 ca08 8040 0001 00000258 0102 0000"
		"3b02 0102 0000 c910" HOME,
	};
	struct hm_addr home = addr("2001:db8:1::aa");

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct hm_packet p = must_read(texts[i]);

		cr_assert_eq(p.kind, HM_MSG_REG_REQUEST, "%zu", i);
		cr_assert_eq(p.reg.seq, 1);
		cr_assert(p.has_home && hm_addr_eq(&p.home, &home), "%zu", i);
	}
}

Test(packet, an_answer_may_stand_behind_a_routing_header)
{
	struct hm_packet p = must_read("60000000 0028 2b 40" MS MH "3c02 0201 00000000" HOME
	                               "3b01 00 070b 00 0001 00000258 000001e0");
	struct hm_addr home = addr("2001:db8:1::aa");

	cr_assert_eq(p.kind, HM_MSG_BACK);
	cr_assert(p.has_routing);
	cr_assert_eq(p.routing_type, 2);
	cr_assert(hm_addr_eq(&p.routing_addr, &home));
}

Test(packet, a_message_may_travel_with_a_payload)
{
	struct hm_packet p =
	        must_read("60000000 0028 3c 40" MH MS "1103 c608 0000 0001 00000258 0100 c910" HOME
	                  "1389 0050 0008 0000");

	cr_assert_eq(p.kind, HM_MSG_BU);
}

Test(packet, link_padding_and_hop_by_hop_options_do_not_matter)
{
	struct hm_packet p = must_read("60000000 0028 00 40" MH MS "3c00 0502 0000 0100"
	                               "3b03 ca08 8040 0001 00000258 0100 c910" HOME "5a5a5a");

	cr_assert_eq(p.kind, HM_MSG_REG_REQUEST);
}

Test(packet, an_option_may_count_two_octets_of_padding)
{
	const char *pads[] = { "0000", "0100" };

	for (size_t i = 0; i < 2; i++) {
		char text[512];
		struct hm_packet p;

		snprintf(text, sizeof text,
		         "60000000 0038 3c 40" MH MS "3b06 ca1e 8040 0001 00000258 6612 0000" MS
		         "%s 0102 0000 c910" HOME,
		         pads[i]);
		p = must_read(text);
		cr_assert(p.reg.has_prev_ms);
		cr_assert(hm_addr_eq(&p.reg.prev_ms, &p.dst));
	}
}

Test(packet, unknown_sub_options_and_skippable_options_are_skipped)
{
	struct hm_packet p = must_read("60000000 0028 3c 40" MH MS "3b04 ca0e 8040 0001 00000258"
	                               "7f02 abcd 3f00 0102 0000 c910" HOME);

	cr_assert_eq(p.kind, HM_MSG_REG_REQUEST);
	cr_assert(p.has_home);
}

Test(packet, sub_options_of_other_messages_are_skipped)
{
	struct hm_packet p =
	        must_read("60000000 0038 3c 40" MH MS "3b06 cb1c 8040 0001 00000258 6612 0000" MS
	                  "0104 00000000 c910" HOME);

	cr_assert_eq(p.kind, HM_MSG_REG_UPDATE);
	cr_assert(!p.reg.has_prev_ms);
}

Test(packet, reserved_flags_are_ignored)
{
	struct hm_packet p = must_read("60000000 0020 3c 40" MH MS
	                               "3b03 ca08 ff40 0001 00000258 0100 c910" HOME);

	cr_assert(p.reg.ack);
	p = must_read("60000000 0020 3c 40" MH MS "3b03 ca08 7f40 0001 00000258 0100 c910" HOME);
	cr_assert(!p.reg.ack);
	p = must_read("60000000 0020 3c 40" MH MS "3b03 c608 0fff 0001 00000258 0100 c910" HOME);
	cr_assert_eq(p.bu.plen, 0, "a prefix length counts with H only");
}

Test(packet, other_numbers_are_obeyed)
{
	struct hm_wire_numbers numbers = hm_wire_defaults;
	struct hm_packet p = about_home(HM_MSG_REG_UPDATE), back;
	uint8_t octets[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_signed_part part;

	numbers.registration_update = 0xd1;
	cr_assert_eq(hm_packet_write(&p, &numbers, &w, &part), HM_OK);
	cr_assert_eq(octets[42], 0xd1);
	cr_assert_eq(hm_packet_read((struct hm_span){ octets, w.len }, &numbers, &back, &part), 0);
	cr_assert_eq(back.kind, HM_MSG_REG_UPDATE);
	cr_assert_eq(
	        hm_packet_read((struct hm_span){ octets, w.len }, &hm_wire_defaults, &back, &part),
	        HM_DROP_MALFORMED);
}

Test(packet, an_advertisement_keeps_only_servers_that_may_be_used)
{
	struct hex in = hex("fd030040 00000000" MS /* kept */
	                    "fd030000 00000000" MS /* plen 0 */
	                    "fd03007f 00000000" MS /* plen 127 */
	                    "fd030040 00000000 fe800000000000000000000000000001"
	                    "fd030040 00000000 ff020000000000000000000000000001"
	                    "fd030040 00000000 00000000000000000000000000000000"
	                    "fd020040 00000000 0000000000000000" /* another program's */
	                    "fd03007e 0102000a" CH);             /* kept */
	struct hm_packet p = on_link(HM_MSG_RA), back;
	uint8_t octets[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_signed_part part;
	uint32_t sum = 0;

	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &w, &part), HM_OK);
	hm_wr_bytes(&w, in.b, in.len);
	octets[4] = (uint8_t)((w.len - 40) >> 8);
	octets[5] = (uint8_t)(w.len - 40);
	octets[42] = octets[43] = 0;
	for (size_t i = 8; i < w.len; i += 2)
		sum += (uint32_t)octets[i] << 8 | octets[i + 1];
	sum += 58 + (uint32_t)w.len - 40;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	octets[42] = (uint8_t)(sum >> 8);
	octets[43] = (uint8_t)sum;
	cr_assert_eq(
	        hm_packet_read((struct hm_span){ octets, w.len }, &hm_wire_defaults, &back, &part),
	        HM_DROP_NONE);
	cr_assert_eq(back.ra.n_servers, 2);
	cr_assert_eq(back.ra.servers[1].plen, 126);
	cr_assert_eq(back.ra.servers[1].level, 1);
	cr_assert_eq(back.ra.servers[1].preference, 2);
	cr_assert_eq(back.ra.servers[1].lifetime_s, 10);
}

Test(packet, what_cannot_be_sent_is_said_so)
{
	struct hm_packet p = from_mh(HM_MSG_NONE);
	uint8_t octets[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_signed_part part;

	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &w, &part), HM_EMALFORMED);
	p.kind = HM_MSG_ICMP_ERROR;
	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &w, &part), HM_EMALFORMED);
	p.kind = HM_MSG_REG_REQUEST;
	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &w, &part), HM_EMALFORMED);
	p.kind = HM_MSG_BACK;
	p.has_routing = true;
	p.routing_type = 4;
	cr_assert_eq(hm_packet_write(&p, &hm_wire_defaults, &w, &part), HM_EMALFORMED);
	cr_assert_eq(w.len, 0);
}

Test(packet, hop_limits_are_64_and_255_unless_said)
{
	struct hm_packet p = from_mh(HM_MSG_BACK);
	uint8_t octets[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_signed_part part;

	p.hop_limit = 0;
	hm_packet_write(&p, &hm_wire_defaults, &w, &part);
	cr_assert_eq(octets[7], 64);
	p = on_link(HM_MSG_RS);
	p.hop_limit = 0;
	w.len = 0;
	hm_packet_write(&p, &hm_wire_defaults, &w, &part);
	cr_assert_eq(octets[7], 255);
}

Test(packet, an_error_is_shown_with_what_it_is_about)
{
	struct hm_packet p = from_mh(HM_MSG_ICMP_ERROR);
	char text[HM_SHOW_MAX];
	struct hm_text t = hm_text(text, sizeof text);

	p.ifindex = 3;
	p.icmp.type = 4;
	p.icmp.code = 2;
	p.icmp.param = 42;
	p.icmp.about_src = p.dst;
	p.icmp.about_dst = p.src;
	p.icmp.about_next = 60;
	p.icmp.bad_option = 0xca;
	hm_packet_show(&t, &p);
	hm_packet_show_rest(&t, &p);
	cr_assert_str_eq(text,
	                 "icmp-error src=2001:db8:f1:1::99 dst=2001:db8:f1::1 if=3 type=4 code=2"
	                 " param=42 option=202 about_src=2001:db8:f1::1"
	                 " about_dst=2001:db8:f1:1::99 about_next=60");
}
