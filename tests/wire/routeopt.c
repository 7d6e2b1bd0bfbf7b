#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/ip6.h"
#include "wire/routeopt.h"

#include <criterion/criterion.h>

#define HOME "20010db80001000000000000000000aa"
#define CARE "20010db800f1000000000000000000aa"
#define PEER "20010db8000c00000000000000000001"
#define UDP "1389 0050 000c 0000 deadbeef"
#define HAO "c910" HOME

static struct hm_addr care(void)
{
	return addr("2001:db8:f1::aa");
}

/* `in` must become `want`, and stripped again `in`. */
static void check(int (*change)(const uint8_t *, size_t, const struct hm_addr *, struct hm_wr *),
                  const char *in, const char *want)
{
	struct hex a = hex(in), b = hex(want), out, back;
	struct hm_wr w = hm_wr(out.b, sizeof out.b), s = hm_wr(back.b, sizeof back.b);
	struct hm_addr coa = care();
	struct hm_ro ro;

	cr_assert_eq(change(a.b, a.len, &coa, &w), HM_OK);
	cr_assert_eq(w.len, a.len + HM_RO_LEN);
	cr_assert_eq(w.len, b.len);
	cr_assert_arr_eq(out.b, b.b, b.len, "%s", hex_text(out.b, w.len));
	cr_assert_eq(hm_ro_read(out.b, w.len, &ro), HM_OK);
	cr_assert_eq(hm_ro_strip(out.b, w.len, &ro, &s), HM_OK);
	cr_assert_eq(s.len, a.len);
	cr_assert_arr_eq(back.b, a.b, a.len, "%s", hex_text(back.b, s.len));
}

Test(routeopt, the_home_address_option_goes_on_and_off)
{
	check(hm_ro_home_write, "60012345 000c 11 40" HOME PEER UDP,
	      "60012345 0024 3c 40" CARE PEER "1102 0102 0000" HAO UDP);
}

Test(routeopt, the_routing_header_goes_on_and_off)
{
	check(hm_ro_routing_write, "60000000 000c 11 40" PEER HOME UDP,
	      "60000000 0024 2b 40" PEER CARE "1102 0201 00000000" HOME UDP);
}

Test(routeopt, hop_by_hop_options_stay_first)
{
	check(hm_ro_home_write, "60000000 0014 00 40" HOME PEER "1100 0502 0000 0100" UDP,
	      "60000000 002c 00 40" CARE PEER "3c00 0502 0000 0100"
	      "1102 0102 0000" HAO UDP);
	check(hm_ro_routing_write, "60000000 0014 00 40" PEER HOME "1100 0502 0000 0100" UDP,
	      "60000000 002c 00 40" PEER CARE "2b00 0502 0000 0100"
	      "1102 0201 00000000" HOME UDP);
}

Test(routeopt, the_option_stands_before_a_fragment_header)
{
	check(hm_ro_home_write, "60000000 0014 2c 40" HOME PEER "1100 0001 01020304" UDP,
	      "60000000 002c 3c 40" CARE PEER "2c02 0102 0000" HAO "1100 0001 01020304" UDP);
}

Test(routeopt, between_two_mobile_hosts_both_are_carried)
{
	struct hex in = hex("60000000 000c 11 40" HOME PEER UDP), one, two, back;
	struct hex want = hex("60000000 003c 2b 40" CARE CARE "3c02 0201 00000000" PEER
	                      "1102 0102 0000" HAO UDP);
	struct hm_wr w1 = hm_wr(one.b, sizeof one.b), w2 = hm_wr(two.b, sizeof two.b),
	             s = hm_wr(back.b, sizeof back.b);
	struct hm_addr coa = care(), home = addr("2001:db8:1::aa"), peer = addr("2001:db8:c::1");
	struct hm_ro ro;

	cr_assert_eq(hm_ro_routing_write(in.b, in.len, &coa, &w1), HM_OK);
	cr_assert_eq(hm_ro_home_write(one.b, w1.len, &coa, &w2), HM_OK);
	cr_assert_eq(w2.len, want.len);
	cr_assert_arr_eq(two.b, want.b, want.len, "%s", hex_text(two.b, w2.len));
	cr_assert_eq(hm_ro_read(two.b, w2.len, &ro), HM_OK);
	cr_assert(ro.has_home && hm_addr_eq(&ro.home, &home));
	cr_assert(ro.has_routing && hm_addr_eq(&ro.routing, &peer));
	cr_assert(hm_addr_eq(&ro.src, &coa) && hm_addr_eq(&ro.dst, &coa));
	cr_assert_eq(hm_ro_strip(two.b, w2.len, &ro, &s), HM_OK);
	cr_assert_arr_eq(back.b, in.b, in.len, "%s", hex_text(back.b, s.len));
}

Test(routeopt, the_checksum_a_program_wrote_stays_valid)
{
	struct hex in = hex("60000000 000c 11 40" HOME PEER UDP), out, back;
	struct hm_wr w = hm_wr(out.b, sizeof out.b), s = hm_wr(back.b, sizeof back.b);
	struct hm_addr coa = care();
	struct hm_ip6 ip6;
	struct hm_ro ro;
	uint16_t sum;

	cr_assert_eq(hm_ip6_read(hex_span(&in), &ip6), HM_OK);
	sum = hm_ip6_checksum(&ip6, (struct hm_span){ &in.b[40], 12 });
	in.b[46] = (uint8_t)(sum >> 8);
	in.b[47] = (uint8_t)sum;
	hm_ro_home_write(in.b, in.len, &coa, &w);
	cr_assert_eq(hm_ro_read(out.b, w.len, &ro), HM_OK);
	hm_ro_strip(out.b, w.len, &ro, &s);
	cr_assert_eq(hm_ip6_read((struct hm_span){ back.b, s.len }, &ip6), HM_OK);
	cr_assert_eq(hm_ip6_checksum(&ip6, (struct hm_span){ &back.b[40], 12 }), 0);
}

Test(routeopt, other_options_stay_when_the_home_address_goes)
{
	struct hex in = hex("60000000 002c 3c 40" CARE PEER "1103 1e02 0000 c910" HOME
	                    "1e06 0000 0000 0000" UDP);
	struct hex want = hex("60000000 002c 3c 40" HOME PEER "1103 1e02 0000 0110"
	                      "00000000000000000000000000000000 1e06 0000 0000 0000" UDP),
	           out;
	struct hm_wr w = hm_wr(out.b, sizeof out.b);
	struct hm_ro ro;

	cr_assert_eq(hm_ro_read(in.b, in.len, &ro), HM_OK);
	cr_assert_eq(hm_ro_strip(in.b, in.len, &ro, &w), HM_OK);
	cr_assert_eq(w.len, want.len);
	cr_assert_arr_eq(out.b, want.b, want.len, "%s", hex_text(out.b, w.len));
}

Test(routeopt, what_is_there_already_is_not_put_on_twice)
{
	struct hex hao = hex("60000000 0024 3c 40" CARE PEER "1102 0102 0000" HAO UDP);
	struct hex rh = hex("60000000 0024 2b 40" PEER CARE "1102 0201 00000000" HOME UDP), out;
	struct hm_wr w = hm_wr(out.b, sizeof out.b);
	struct hm_addr coa = care();

	cr_assert_eq(hm_ro_home_write(hao.b, hao.len, &coa, &w), HM_EEXIST);
	cr_assert_eq(hm_ro_routing_write(rh.b, rh.len, &coa, &w), HM_EEXIST);
}

Test(routeopt, broken_headers_are_refused)
{
	const struct {
		const char *why, *text;
		int err;
	} cases[] = {
		{ "nothing to strip", "60000000 000c 11 40" HOME PEER UDP, HM_ENOTFOUND },
		{ "misaligned", "60000000 0024 3c 40" CARE PEER "1102" HAO "0102 0000" UDP,
		  HM_EMALFORMED },
		{ "two options",
		  "60000000 003c 3c 40" CARE PEER "3c02 0102 0000" HAO "1102 0102 0000" HAO UDP,
		  HM_EMALFORMED },
		{ "short option",
		  "60000000 0024 3c 40" CARE PEER "1102 0102 0000 c90f"
		  "20010db800010000000000000000aa 00" UDP,
		  HM_EMALFORMED },
		{ "multicast home",
		  "60000000 0024 3c 40" CARE PEER "1102 0102 0000 c910"
		  "ff020000000000000000000000000001" UDP,
		  HM_EMALFORMED },
		{ "overrun", "60000000 0024 3c 40" CARE PEER "1102 0102 0000 c911" HOME UDP,
		  HM_EMALFORMED },
		{ "no segment left", "60000000 0024 2b 40" PEER CARE "1102 0200 00000000" HOME UDP,
		  HM_EMALFORMED },
		{ "two segments left",
		  "60000000 0024 2b 40" PEER CARE "1102 0202 00000000" HOME UDP, HM_EMALFORMED },
		{ "two addresses",
		  "60000000 0034 2b 40" PEER CARE "1104 0201 00000000" HOME HOME UDP,
		  HM_EMALFORMED },
		{ "link-local home",
		  "60000000 0024 2b 40" PEER CARE "1102 0201 00000000"
		  "fe800000000000000000000000000001" UDP,
		  HM_EMALFORMED },
		{ "another type", "60000000 0024 2b 40" PEER CARE "1102 0401 00000000" HOME UDP,
		  HM_ENOTFOUND },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex in = hex(cases[i].text);
		struct hm_ro ro;
		int err = hm_ro_read(in.b, in.len, &ro);

		cr_assert_eq(err, cases[i].err, "%s: %d", cases[i].why, err);
	}
}

Test(routeopt, a_packet_cut_short_is_refused)
{
	struct hex in = hex("60000000 0024 3c 40" CARE PEER "1102 0102 0000" HAO UDP), out;
	struct hm_addr coa = care();
	struct hm_ro ro;

	for (size_t len = 0; len < in.len; len++) {
		struct hm_wr w = hm_wr(out.b, sizeof out.b);

		cr_assert_eq(hm_ro_read(in.b, len, &ro), HM_EMALFORMED, "%zu", len);
		cr_assert_eq(hm_ro_home_write(in.b, len, &coa, &w), HM_EMALFORMED, "%zu", len);
		cr_assert_eq(hm_ro_routing_write(in.b, len, &coa, &w), HM_EMALFORMED);
	}
}

Test(routeopt, in_front_of_a_packet_they_are_told_from_other_headers)
{
	static const struct {
		const char *text; /* from the next header on */
		int err;
		size_t len;
		uint8_t next;
	} cases[] = {
		{ "2b 40" PEER CARE "1102 0201 00000000" HOME, HM_OK, 24, 17 },
		{ "3c 40" PEER CARE "1102 0102 0000 c910" HOME, HM_OK, 24, 17 },
		{ "2b 40" PEER CARE "3c02 0201 00000000" HOME "2c02 0102 0000 c910" HOME, HM_OK, 48,
		  44 },
		{ "3c 40" PEER CARE "2b02 0102 0000 c910" HOME "1102 0201 00000000" HOME, HM_OK, 48,
		  17 },
		/* a third is the packet's own */
		{ "2b 40" PEER CARE "3c02 0201 00000000" HOME "3c02 0102 0000 c910" HOME
		  "1100 0104 00000000",
		  HM_OK, 48, 60 },
		{ "11 40" PEER CARE, HM_ENOTFOUND, 0, 0 },
		/* other options with it or instead, another type, twice, cut short, not aligned */
		{ "3c 40" PEER CARE "1103 0102 0000 c910" HOME "1e06 0000 0000 0000", HM_ENOTFOUND,
		  0, 0 },
		{ "3c 40" PEER CARE "1100 0104 00000000", HM_ENOTFOUND, 0, 0 },
		{ "2b 40" PEER CARE "1102 0001 00000000" HOME, HM_ENOTFOUND, 0, 0 },
		{ "2b 40" PEER CARE "1102 0200 00000000" HOME, HM_ENOTFOUND, 0, 0 },
		{ "2b 40" PEER CARE "2b02 0201 00000000" HOME "1102 0201 00000000" HOME,
		  HM_ENOTFOUND, 0, 0 },
		{ "3c 40" PEER CARE "1102 0102 0000 c910 20010db8", HM_ENOTFOUND, 0, 0 },
		{ "3c 40" PEER CARE "1102 c910" HOME "0102 0000", HM_ENOTFOUND, 0, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex packet = hex("60000000 0040"), rest = hex(cases[i].text);
		struct hm_ro_front front;

		memcpy(&packet.b[packet.len], rest.b, rest.len);
		packet.len += rest.len;
		cr_assert_eq(hm_ro_front(hex_span(&packet), false, &front), cases[i].err,
		             "case %zu", i);
		if (cases[i].err)
			continue;
		cr_assert_eq(front.len, cases[i].len, "case %zu", i);
		cr_assert_eq(front.next, cases[i].next, "case %zu", i);
	}
}

/* draft-12's way to say the same, for who asks for it: one address and one segment, as in type 2.
 */
Test(routeopt, a_routing_header_of_type_0_counts_where_it_was_allowed)
{
	static const struct {
		const char *text; /* from the next header on */
		int err;          /* where it was allowed */
	} cases[] = {
		{ "2b 40" PEER CARE "3b02 0001 00000000" HOME, HM_OK },
		{ "2b 40" PEER CARE "3b02 0000 00000000" HOME, HM_ENOTFOUND },
		{ "2b 40" PEER CARE "3b02 0002 00000000" HOME, HM_ENOTFOUND },
		{ "2b 40" PEER CARE "3b04 0001 00000000" HOME CARE, HM_ENOTFOUND },
		{ "2b 40" PEER CARE "3b02 0301 00000000" HOME, HM_ENOTFOUND },
		{ "2b 40" PEER CARE "2b02 0001 00000000" HOME "3b02 0201 00000000" HOME,
		  HM_ENOTFOUND },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex packet = hex("60000000 0040"), rest = hex(cases[i].text);
		struct hm_ro_front front;
		struct hm_ro ro;

		memcpy(&packet.b[packet.len], rest.b, rest.len);
		packet.len += rest.len;
		cr_expect_eq(hm_ro_front(hex_span(&packet), true, &front), cases[i].err, "case %zu",
		             i);
		cr_expect_eq(hm_ro_front(hex_span(&packet), false, &front), HM_ENOTFOUND,
		             "case %zu", i);
		if (cases[i].err)
			continue;
		cr_expect(front.ro.has_routing && front.len == HM_RO_LEN);
		cr_expect(hm_ro_read(packet.b, packet.len, &ro) != HM_OK);
	}
}
