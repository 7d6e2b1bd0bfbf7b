/* Each reason for which a packet is refused, with the packets that show where it begins. */
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/packet.h"

#include <criterion/criterion.h>

#define MH "20010db800f100010000000000000099"
#define MS "20010db800f100000000000000000001"
#define HOME "20010db80001000000000000000000aa"
#define ANY "00000000000000000000000000000000"
#define LOOPBACK "00000000000000000000000000000001"
#define NODES "ff020000000000000000000000000001"
#define LINK "fe800000000000000000000000000099"
#define GROUP "ff0200000000000000000001ff0000aa"
#define GCOA "20010db800f1000000000000000000aa"
#define HOME_OPT "c910" HOME
#define HOME_HDR(next) next "02 0102 0000" HOME_OPT
#define REQ "ca08 8040 0001 00000258"
#define REQ_HDR(next) next "03" REQ "0100" HOME_OPT
#define AUTH "0518 00001001 00000000" ANY

struct refused {
	const char *why, *text;
	enum hm_drop want;
};

/* The ICMPv6 checksum, written where CCCC stands as 0000. */
static void seal(struct hex *h)
{
	uint32_t sum = 58 + (uint32_t)h->len - 40;

	for (size_t i = 8; i < h->len; i++)
		sum += i % 2 ? h->b[i] : (uint32_t)h->b[i] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	h->b[42] = (uint8_t)(sum >> 8);
	h->b[43] = (uint8_t)sum;
}

static void check(const struct refused *cases, size_t n, bool icmp)
{
	for (size_t i = 0; i < n; i++) {
		struct hex in = hex(cases[i].text);
		struct hm_packet p;
		struct hm_signed_part part;
		enum hm_drop got;

		cr_assert_eq((size_t)(in.b[4] << 8 | in.b[5]) + 40, in.len,
		             "test error: %s has %zu octets of payload", cases[i].why, in.len - 40);
		if (icmp)
			seal(&in);
		got = hm_packet_read(hex_span(&in), &hm_wire_defaults, &p, &part);
		cr_expect_eq(got, cases[i].want, "%s: %s, not %s", cases[i].why, hm_drop_text(got),
		             hm_drop_text(cases[i].want));
	}
}

#define CHECK(cases, icmp) check(cases, sizeof cases / sizeof cases[0], icmp)

Test(refusal, options_that_break_their_form)
{
	const struct refused cases[] = {
		{ "a good one", "60000000 0020 3c 40" MH MS REQ_HDR("3b"), HM_DROP_NONE },
		{ "an option past its header",
		  "60000000 0020 3c 40" MH MS "3b03 ca38 8040 0001 00000258 0100" HOME_OPT,
		  HM_DROP_TRUNCATED },
		{ "a sub-option past its option",
		  "60000000 0020 3c 40" MH MS "3b03 ca0a 8040 0001 00000258 7f01" HOME_OPT,
		  HM_DROP_TRUNCATED },
		{ "a header past the packet", "60000000 0010 3c 40" MH MS "3b03" REQ "0100 0100",
		  HM_DROP_TRUNCATED },
		{ "too short an option",
		  "60000000 0020 3c 40" MH MS "3b03 ca07 8040 0001 000002 0101 00" HOME_OPT,
		  HM_DROP_BAD_LENGTH },
		{ "too short an answer",
		  "60000000 0010 3c 40" MH MS "3b01 00 070a 00 0001 00000258 000001 00",
		  HM_DROP_BAD_LENGTH },
		{ "a previous server of 16 octets",
		  "60000000 0038 3c 40" MH MS "3b06 ca1a 8040 0001 00000258 6610" MS
		  "0106 000000000000" HOME_OPT,
		  HM_DROP_BAD_LENGTH },
		{ "a home address of 15 octets",
		  "60000000 0020 3c 40" MH MS "3b03" REQ "0100 c90f"
		  "20010db8000100000000000000000000",
		  HM_DROP_BAD_LENGTH },
		{ "a request at 4n",
		  "60000000 0028 3c 40" MH MS "3b04 0100" REQ "0106 000000000000" HOME_OPT,
		  HM_DROP_MISALIGNED },
		{ "an answer at 4n+2",
		  "60000000 0010 3c 40" MH MS "3b01 070b 00 0001 00000258 000001e0 00",
		  HM_DROP_MISALIGNED },
		{ "a home address at 8n",
		  "60000000 0028 3c 40" MH MS "3b04" REQ "0102 0000" HOME_OPT "0104 00000000",
		  HM_DROP_MISALIGNED },
		{ "a sub-option at 8n+6",
		  "60000000 0038 3c 40" MH MS "3b06 ca1e 8040 0001 00000258 0100 6612 0000" MS
		  "0102 0000" HOME_OPT,
		  HM_DROP_MISALIGNED },
		{ "an unknown option that forbids it",
		  "60000000 0028 3c 40" MH MS "3b04" REQ "0100" HOME_OPT "5f06 000000000000",
		  HM_DROP_MALFORMED },
		{ "an unknown option that may be skipped",
		  "60000000 0028 3c 40" MH MS "3b04" REQ "0100" HOME_OPT "1f06 000000000000",
		  HM_DROP_NONE },
		{ "a Mobility Network of 129 bits",
		  "60000000 0020 3c 40" MH MS "3b03 ca08 8081 0001 00000258 0100" HOME_OPT,
		  HM_DROP_MALFORMED },
		{ "a prefix of 129 bits",
		  "60000000 0020 3c 40" MH MS "3b03 c608 c081 0001 00000258 0100" HOME_OPT,
		  HM_DROP_MALFORMED },
		{ "a handoff to nowhere",
		  "60000000 0020 3c 40" MH MS "3b03 cd08 0040 0001 00000258 0100" HOME_OPT,
		  HM_DROP_MALFORMED },
		{ "a sub-option behind the authentication",
		  "60000000 0040 3c 40" MH MS "3b07 ca28 8040 0001 00000258 0100" AUTH
		  "0202 0001 0100" HOME_OPT,
		  HM_DROP_MALFORMED },
	};

	CHECK(cases, false);
}

Test(refusal, what_must_be_there_once)
{
	const struct refused cases[] = {
		{ "two messages",
		  "60000000 0030 3c 40" MH MS "3b05" REQ "0100" REQ "0104 00000000" HOME_OPT,
		  HM_DROP_TWO_MESSAGES },
		{ "two messages in two headers",
		  "60000000 0030 3c 40" MH MS REQ_HDR("3c") "3b01" REQ "0102 0000",
		  HM_DROP_TWO_MESSAGES },
		{ "a registration and an answer",
		  "60000000 0030 3c 40" MH MS REQ_HDR(
		          "3c") "3b01 00 070b 00 0001 00000258 000001e0",
		  HM_DROP_TWO_MESSAGES },
		{ "two home addresses", "60000000 0038 3c 40" MH MS HOME_HDR("3c") REQ_HDR("3b"),
		  HM_DROP_DUPLICATE_OPTION },
		{ "two alternate care-of addresses",
		  "60000000 0050 3c 40" MH MS "3c02 0102 0000" HOME_OPT
		  "3b06 c634 c000 0001 00000258 0100 0410" GCOA "0104 00000000 0410" GCOA,
		  HM_DROP_DUPLICATE_OPTION },
		{ "two MACs",
		  "60000000 0060 3c 40" MH MS "3c02 0102 0000" HOME_OPT
		  "3b08 c644 c000 0001 00000258 0100" AUTH "0104 00000000" AUTH,
		  HM_DROP_DUPLICATE_OPTION },
		{ "a request without a home address",
		  "60000000 0010 3c 40" MH MS "3b01" REQ "0102 0000", HM_DROP_NO_HOME_ADDRESS },
		{ "a handoff without a home address",
		  "60000000 0020 3c 40" MH MS "3b03 cd1c 0040 0003 0000003c 6712 0000" GCOA,
		  HM_DROP_NO_HOME_ADDRESS },
		{ "a binding update without a home address",
		  "60000000 0010 3c 40" MH MS "3b01 c608 c000 0001 00000258 0102 0000",
		  HM_DROP_NO_HOME_ADDRESS },
	};

	CHECK(cases, false);
}

#define REQ_FROM(src) "60000000 0020 3c 40" src MS REQ_HDR("3b")
#define BACK_FROM(src) "60000000 0010 3c 40" src MH "3b01 00 070b 00 0001 00000258 000001e0"
#define REQ_HOME(home) "60000000 0020 3c 40" MH MS "3b03" REQ "0100 c910" home
#define REQ_PREV(prev)                                                                             \
	"60000000 0038 3c 40" MH MS "3b06 ca1c 8040 0001 00000258 6612 0000" prev                  \
	"0104 00000000" HOME_OPT
#define REQ_COA(coa)                                                                               \
	"60000000 0038 3c 40" MH MS "3b06 ca1c 8040 0001 00000258 0100 0410" coa                   \
	"0104 00000000 0100" HOME_OPT
#define BU_COA(coa)                                                                                \
	"60000000 0038 3c 40" MH MS HOME_HDR("3c") "3b03 c61c c000 0001 00000258 0100 0410" coa
#define HANDOFF_TO(gcoa)                                                                           \
	"60000000 0038 3c 40" MS MS "3b06 cd1c 0040 0003 0000003c 6712 0000" gcoa                  \
	"0104 00000000" HOME_OPT
#define MSINFO(src, plen, ms) "60000000 0018 3c 40" src MH "3b02 1e14 0000 00" plen ms

Test(refusal, addresses_nobody_can_have)
{
	const struct refused cases[] = {
		{ "request from a group", REQ_FROM(NODES), HM_DROP_BAD_SOURCE },
		{ "request from nobody", REQ_FROM(ANY), HM_DROP_BAD_SOURCE },
		{ "request from itself", REQ_FROM(LOOPBACK), HM_DROP_BAD_SOURCE },
		{ "request from a link", REQ_FROM(LINK), HM_DROP_BAD_SOURCE },
		{ "answer from a group", BACK_FROM(NODES), HM_DROP_BAD_SOURCE },
		{ "answer from nobody", BACK_FROM(ANY), HM_DROP_BAD_SOURCE },
		{ "request to a group", "60000000 0020 3c 40" MH NODES REQ_HDR("3b"),
		  HM_DROP_BAD_ADDRESS },
		{ "home ::", REQ_HOME(ANY), HM_DROP_BAD_ADDRESS },
		{ "home a group", REQ_HOME(NODES), HM_DROP_BAD_ADDRESS },
		{ "home on a link", REQ_HOME(LINK), HM_DROP_BAD_ADDRESS },
		{ "home itself", REQ_HOME(LOOPBACK), HM_DROP_BAD_ADDRESS },
		{ "previous server a group", REQ_PREV(NODES), HM_DROP_BAD_ADDRESS },
		{ "no previous server", REQ_PREV(ANY), HM_DROP_NONE },
		{ "handoff to a group", HANDOFF_TO(NODES), HM_DROP_BAD_ADDRESS },
		{ "handoff to ::", HANDOFF_TO(ANY), HM_DROP_BAD_ADDRESS },
		{ "handoff", HANDOFF_TO(GCOA), HM_DROP_NONE },
		{ "binding a group", BU_COA(NODES), HM_DROP_BAD_ADDRESS },
		{ "binding ::", BU_COA(ANY), HM_DROP_BAD_ADDRESS },
		{ "binding a link", BU_COA(LINK), HM_DROP_BAD_ADDRESS },
		{ "information from another", MSINFO(MH, "40", MS), HM_DROP_BAD_SOURCE },
		{ "information about a link", MSINFO(LINK, "40", LINK), HM_DROP_BAD_ADDRESS },
		{ "information about 127 bits", MSINFO(MS, "7f", MS), HM_DROP_MALFORMED },
		{ "information", MSINFO(MS, "40", MS), HM_DROP_NONE },
		{ "withdrawal", MSINFO(MS, "00", MS), HM_DROP_NONE },
		{ "withdrawal of all", MSINFO(MS, "00", ANY), HM_DROP_NONE },
	};

	CHECK(cases, false);
}

#define BACK_HDR "3b01 00 070b 00 0001 00000258 000001e0"

Test(refusal, headers_that_are_none_of_ours)
{
	const struct refused cases[] = {
		{ "IPv4", "45000000 0000 3b 40" MH MS, HM_DROP_MALFORMED },
		{ "nothing", "60000000 0000 3b 40" MH MS, HM_DROP_NOT_OURS },
		{ "TCP", "60000000 0000 06 40" MH MS, HM_DROP_NOT_OURS },
		{ "only a home address", "60000000 0018 3c 40" MH MS HOME_HDR("3b"),
		  HM_DROP_NOT_OURS },
		{ "a home address and UDP",
		  "60000000 0020 3c 40" MH MS HOME_HDR("11") "1389 0050 0008 0000",
		  HM_DROP_NOT_OURS },
		{ "a tunnel", "60000000 0028 29 40" MH MS "60000000 0000 3b 40" MH MS,
		  HM_DROP_NOT_OURS },
		{ "a fragment", "60000000 0028 2c 40" MH MS "3c00 0001 01020304" REQ_HDR("3b"),
		  HM_DROP_FRAGMENT },
		{ "a fragment behind a message",
		  "60000000 0028 3c 40" MH MS REQ_HDR("2c") "3b00 0001 01020304",
		  HM_DROP_FRAGMENT },
		{ "hop-by-hop options in the middle",
		  "60000000 0028 3c 40" MH MS REQ_HDR("00") "3b00 0104 00000000",
		  HM_DROP_MALFORMED },
		{ "routing type 0", "60000000 0028 2b 40" MS MH "3c02 0001 00000000" HOME BACK_HDR,
		  HM_DROP_ROUTING },
		{ "routing type 4", "60000000 0028 2b 40" MS MH "3c02 0401 00000000" HOME BACK_HDR,
		  HM_DROP_ROUTING },
		{ "no segment left", "60000000 0028 2b 40" MS MH "3c02 0200 00000000" HOME BACK_HDR,
		  HM_DROP_ROUTING },
		{ "no address", "60000000 0018 2b 40" MS MH "3c00 0201 00000000" BACK_HDR,
		  HM_DROP_ROUTING },
		{ "two addresses",
		  "60000000 0038 2b 40" MS MH "3c04 0201 00000000" HOME HOME BACK_HDR,
		  HM_DROP_ROUTING },
		{ "two routing headers",
		  "60000000 0040 2b 40" MS MH "2b02 0201 00000000" HOME
		  "3c02 0201 00000000" HOME BACK_HDR,
		  HM_DROP_ROUTING },
		{ "routing to a group",
		  "60000000 0028 2b 40" MS MH "3c02 0201 00000000" NODES BACK_HDR,
		  HM_DROP_BAD_ADDRESS },
	};

	CHECK(cases, false);
}

Test(refusal, routing_type_0_is_accepted_where_the_site_says_so)
{
	struct hex in = hex("60000000 0028 2b 40" MS MH "3c02 0001 00000000" HOME BACK_HDR);
	struct hm_wire_numbers numbers = hm_wire_defaults;
	struct hm_packet p;
	struct hm_signed_part part;

	numbers.accept_rh0 = true;
	cr_assert_eq(hm_packet_read(hex_span(&in), &numbers, &p, &part), HM_DROP_NONE);
	cr_assert_eq(p.routing_type, 0);
}

Test(refusal, a_routing_header_leads_to_our_home_address_or_nowhere)
{
	const struct hm_addr home = addr("2001:db8:1::aa"), other = addr("2001:db8:1::bb");

	for (uint8_t type = 0; type <= 2; type += 2) {
		struct hex in = hex("60000000 0028 2b 40" MS MH "3c02 0001 00000000" HOME BACK_HDR);
		struct hm_wire_numbers numbers = hm_wire_defaults;
		struct hm_packet p;
		struct hm_signed_part part;

		in.b[42] = type;
		numbers.accept_rh0 = true;
		cr_assert_eq(hm_packet_read(hex_span(&in), &numbers, &p, &part), HM_DROP_NONE);
		cr_expect(hm_packet_ends_here(&p, &home));
		cr_expect_not(hm_packet_ends_here(&p, &other), "type %u", type);
		cr_expect_not(hm_packet_ends_here(&p, &p.dst), "type %u", type);
		cr_expect_not(hm_packet_ends_here(&p, NULL), "type %u", type);
		p.has_routing = false;
		cr_expect(hm_packet_ends_here(&p, NULL));
	}
}

Test(refusal, a_signed_header_larger_than_any_message)
{
	struct hex in = hex("60000000 0510 3c 40" MS MH
	                    "3ba1 00 072b 00 0001 00000258 000001e0 0104 00000000" AUTH);
	struct hm_packet p;
	struct hm_signed_part part;

	/* Skippable options fill the rest: 1296 octets. */
	while (in.len < 40 + 0x510) {
		size_t n = 40 + 0x510 - in.len;

		n = n > 202 ? 200 : n;
		memset(&in.b[in.len], 0, n);
		in.b[in.len] = 0x1f;
		in.b[in.len + 1] = (uint8_t)(n - 2);
		in.len += n;
	}
	cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &p, &part),
	             HM_DROP_OVERSIZED);
}

#define RS(hl, src, opts) "60000000 0010 3a" hl src NODES "8500 0000 00000000" opts
#define NS(len, hl, src, dst, target, opts)                                                        \
	"60000000 00" len "3a" hl src dst "8700 0000 00000000" target opts
#define NA(src, dst, flags, target) "60000000 0018 3a ff" src dst "8800 0000" flags "000000" target
#define RA(hl, src, code, len, opts)                                                               \
	"60000000 00" len "3a" hl src NODES "86" code "0000 40000708 00000000 00000000" opts
#define SLLAO "0101 020000000099"

Test(refusal, neighbour_discovery_that_rfc_4861_forbids)
{
	const struct refused cases[] = {
		{ "solicitation", RS("ff", LINK, SLLAO), HM_DROP_NONE },
		{ "solicitation from afar", RS("fe", LINK, SLLAO), HM_DROP_HOP_LIMIT },
		{ "solicitation from nobody with an address", RS("ff", ANY, SLLAO),
		  HM_DROP_MALFORMED },
		{ "solicitation from a group", RS("ff", NODES, SLLAO), HM_DROP_BAD_SOURCE },
		{ "an option of length 0", RS("ff", LINK, "0100 020000000099"),
		  HM_DROP_BAD_LENGTH },
		{ "an option that overruns", RS("ff", LINK, "0102 020000000099"),
		  HM_DROP_TRUNCATED },
		{ "half a solicitation", "60000000 0006 3a ff" LINK NODES "8500 0000 0000",
		  HM_DROP_TRUNCATED },
		{ "no more than a type", "60000000 0004 3a ff" LINK NODES "8500 0000",
		  HM_DROP_TRUNCATED },
		{ "probe", NS("18", "ff", ANY, GROUP, GCOA, ""), HM_DROP_NONE },
		{ "probe to all", NS("18", "ff", ANY, NODES, GCOA, ""), HM_DROP_MALFORMED },
		{ "probe with an address", NS("20", "ff", ANY, GROUP, GCOA, SLLAO),
		  HM_DROP_MALFORMED },
		{ "probe from afar", NS("18", "40", ANY, GROUP, GCOA, ""), HM_DROP_HOP_LIMIT },
		{ "target a group", NS("18", "ff", LINK, GROUP, NODES, ""), HM_DROP_BAD_ADDRESS },
		{ "neighbour", NA(MS, LINK, "40", GCOA), HM_DROP_NONE },
		{ "neighbour answers all", NA(MS, NODES, "40", GCOA), HM_DROP_MALFORMED },
		{ "neighbour tells all", NA(MS, NODES, "20", GCOA), HM_DROP_NONE },
		{ "neighbour a group", NA(MS, LINK, "40", NODES), HM_DROP_BAD_ADDRESS },
		{ "neighbour from nobody", NA(ANY, LINK, "40", GCOA), HM_DROP_BAD_SOURCE },
		{ "router", RA("ff", LINK, "00", "10", ""), HM_DROP_NONE },
		{ "router from afar", RA("40", LINK, "00", "10", ""), HM_DROP_HOP_LIMIT },
		{ "router with a global address", RA("ff", MS, "00", "10", ""),
		  HM_DROP_BAD_SOURCE },
		{ "router with code 1", RA("ff", LINK, "01", "10", ""), HM_DROP_MALFORMED },
		{ "router with an option cut", RA("ff", LINK, "00", "14", "fd03 0040"),
		  HM_DROP_TRUNCATED },
		{ "discovery with half an agent",
		  "60000000 0010 3a 40" MS MH "9100 0000 12340000 20010db800010000",
		  HM_DROP_TRUNCATED },
		{ "error about nothing", "60000000 0008 3a 40" MS MH "0103 0000 00000000",
		  HM_DROP_TRUNCATED },
	};

	CHECK(cases, true);
}

/* Mobile prefix discovery is not offered, in either direction (RFC 6275 6.7, 6.8). */
Test(refusal, icmpv6_that_is_nobodys_message)
{
	const struct refused cases[] = {
		{ "echo", "60000000 0008 3a 40" MH MS "8000 0000 00000000", HM_DROP_NOT_OURS },
		{ "mobile prefix solicitation", "60000000 0008 3a 40" MH MS "9200 0000 12340000",
		  HM_DROP_NOT_OURS },
		{ "mobile prefix advertisement", "60000000 0008 3a 40" MS MH "9300 0000 12340000",
		  HM_DROP_NOT_OURS },
	};

	CHECK(cases, true);
}

Test(refusal, a_wrong_checksum)
{
	struct hex in = hex(RA("ff", LINK, "00", "10", ""));
	struct hm_packet p;
	struct hm_signed_part part;

	seal(&in);
	for (size_t bit = 0; bit < 16; bit++) {
		in.b[42 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &p, &part),
		             HM_DROP_CHECKSUM);
		in.b[42 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &p, &part), HM_DROP_NONE);
}
