#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/icmp.h"
#include "wire/ip6.h"

#include <criterion/criterion.h>

#define HOME "20010db80001000000000000000000aa"
#define MS "20010db800f100000000000000000001"
#define LCOA "20010db800f100010000000000000099"
#define GCOA "20010db800f1000000000000000000aa"
#define PEER "20010db8000c00000000000000000001"
#define UDP "1389 0050 000c 0000 deadbeef"
#define INNER "60000000 000c 11 3f" PEER GCOA UDP

static struct hm_icmp_error tunnelled(uint8_t type, uint8_t code, uint32_t param,
                                      const struct hex *inner)
{
	struct hm_icmp_error e = { .type = type, .code = code, .param = param };

	e.has_tunnelled = true;
	e.inner = hex_span(inner);
	e.overhead = HM_IP6_LEN;
	memcpy(e.inner_src.b, &inner->b[8], 16);
	memcpy(e.inner_dst.b, &inner->b[24], 16);
	return e;
}

/* A packet of `len` octets from the correspondent to the GCoA. */
static struct hex big(size_t len)
{
	struct hex h = hex(INNER);

	memset(&h.b[h.len], 0x5a, len - h.len);
	h.len = len;
	h.b[4] = (uint8_t)((len - 40) >> 8);
	h.b[5] = (uint8_t)(len - 40);
	return h;
}

Test(icmp, an_error_is_a_valid_packet_of_at_most_1280_octets)
{
	struct hex about = big(1500), out;
	struct hm_icmp_new new = { HM_ICMP_TOO_BIG, 0, 1460, addr("2001:db8:f1::1"),
		                   addr("2001:db8:c::1") };
	struct hm_wr w = hm_wr(out.b, sizeof out.b);
	struct hm_ip6 ip6;
	struct hm_span whole;

	cr_assert_eq(hm_icmp_error_write(&new, about.b, about.len, &w), HM_OK);
	cr_assert_eq(w.len, 1280);
	cr_assert_eq(hm_ip6_read_whole((struct hm_span){ out.b, w.len }, &ip6, &whole), HM_OK);
	cr_assert_eq(ip6.next, 58);
	cr_assert_eq(hm_ip6_checksum(&ip6, (struct hm_span){ &out.b[40], w.len - 40 }), 0);
	cr_assert_arr_eq(&out.b[40], hex("0200").b, 2);
	cr_assert_arr_eq(&out.b[44], hex("000005b4").b, 4);
	cr_assert_arr_eq(&out.b[48], about.b, 1232);
}

Test(icmp, no_error_is_sent_where_rfc_4443_forbids_it)
{
	const struct {
		const char *text;
		uint8_t type, code;
		bool allowed;
	} cases[] = {
		{ INNER, 1, 3, true },
		/* about an error; about an echo; about a redirect */
		{ "60000000 0008 3a 40" PEER GCOA "0103 0000 00000000", 1, 3, false },
		{ "60000000 0008 3a 40" PEER GCOA "8000 0000 00000000", 1, 3, true },
		{ "60000000 0008 3a 40" PEER GCOA "8900 0000 00000000", 1, 3, false },
		/* the same behind options, and cut so that nobody knows */
		{ "60000000 0010 3c 40" PEER GCOA "3a00 0104 00000000 0103 0000 00000000", 1, 3,
		  false },
		{ "60000000 0010 3c 40" PEER GCOA "3a01 0104 00000000", 1, 3, false },
		{ "60000000 0008 3a 40" PEER GCOA, 1, 3, false },
		/* to multicast */
		{ "60000000 000c 11 40" PEER "ff020000000000000000000000000001" UDP, 1, 3, false },
		{ "60000000 000c 11 40" PEER "ff020000000000000000000000000001" UDP, 2, 0, true },
		{ "60000000 000c 11 40" PEER "ff020000000000000000000000000001" UDP, 4, 1, false },
		{ "60000000 000c 11 40" PEER "ff020000000000000000000000000001" UDP, 4, 2, true },
		/* from nobody, from many */
		{ "60000000 000c 11 40 00000000000000000000000000000000" GCOA UDP, 1, 3, false },
		{ "60000000 000c 11 40 ff020000000000000000000000000001" GCOA UDP, 2, 0, false },
		/* about the first fragment, about a later one */
		{ "60000000 0014 2c 40" PEER GCOA "1100 0001 01020304" UDP, 1, 3, true },
		{ "60000000 0014 2c 40" PEER GCOA "1100 0009 01020304" UDP, 1, 3, false },
		{ "60", 1, 3, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex in = hex(cases[i].text), out;
		struct hm_icmp_new new = { cases[i].type, cases[i].code, 0, addr("2001:db8::1"),
			                   addr("2001:db8::2") };
		struct hm_wr w = hm_wr(out.b, sizeof out.b);

		cr_assert_eq(hm_icmp_error_allowed(in.b, in.len, new.type, new.code),
		             cases[i].allowed, "case %zu", i);
		cr_assert_eq(hm_icmp_error_write(&new, in.b, in.len, &w),
		             cases[i].allowed ? HM_OK : HM_EUNSUPPORTED, "case %zu", i);
	}
}

Test(icmp, too_big_in_the_tunnel_is_too_big_for_its_source)
{
	struct hex inner = big(1460), out;
	struct hm_addr from = addr("2001:db8:f1::1");
	struct hm_icmp_error e = tunnelled(HM_ICMP_TOO_BIG, 0, 1400, &inner);
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_OK);
	cr_assert_arr_eq(&out.b[8], from.b, 16);
	cr_assert_arr_eq(&out.b[24], e.inner_src.b, 16);
	cr_assert_arr_eq(&out.b[40], hex("0200").b, 2);
	cr_assert_arr_eq(&out.b[44], hex("00000550").b, 4, "%s", hex_text(&out.b[44], 4));
	cr_assert_arr_eq(&out.b[48], inner.b, 1232);
	w.len = 0;
	cr_assert_eq(hm_icmp_relay_write(&e, &from, 1352, &w), HM_OK);
	cr_assert_arr_eq(&out.b[44], hex("00000548").b, 4);
	w.len = 0;
	e.param = 1300;
	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_OK);
	cr_assert_arr_eq(&out.b[44], hex("00000500").b, 4);
}

Test(icmp, too_big_heeds_all_headers_of_the_tunnel)
{
	struct hex inner = big(1460), in, out;
	struct hm_addr from = addr("2001:db8:f1::1");
	struct hm_icmp_error e;
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	in = hex("0200 0000 00000578 60000000 05bc 3c 40" MS LCOA "2900 0401 03 010100");
	memcpy(&in.b[in.len], inner.b, 200);
	in.len += 200;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
	cr_assert(e.has_tunnelled);
	cr_assert_eq(e.overhead, 48);
	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_OK);
	cr_assert_arr_eq(&out.b[44], hex("00000548").b, 4, "not 1352");
}

Test(icmp, an_error_about_a_fragment_is_about_the_packet_when_it_shows)
{
	static const struct {
		const char *front; /* from the next header of the outer packet on */
		bool has_tunnelled;
		size_t overhead;
	} cases[] = {
		{ "2c 40" MS LCOA "2900 0001 00000007", true, 40 },
		{ "2c 40" MS LCOA "3c00 0001 00000007 2900 0401 03 010100", true, 48 },
		{ "3c 40" MS LCOA "2c00 0401 03 010100 2900 0001 00000007", true, 48 },
		{ "2c 40" MS LCOA "2900 0009 00000007", false, 0 },
		{ "2c 40" MS LCOA "1100 0001 00000007", false, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex head = hex("0103 0000 00000000 60000000 04d8"), in, inner = hex(INNER);
		struct hm_addr lcoa = addr("2001:db8:f1:1::99");
		struct hm_icmp_error e;

		in = hex(cases[i].front);
		memcpy(&head.b[head.len], in.b, in.len);
		memcpy(&head.b[head.len + in.len], inner.b, inner.len);
		head.len += in.len + inner.len;
		cr_assert_eq(hm_icmp_error_read(hex_span(&head), &e), HM_DROP_NONE);
		cr_assert(hm_addr_eq(&e.about_dst, &lcoa));
		cr_assert_eq(e.has_tunnelled, cases[i].has_tunnelled, "case %zu", i);
		cr_assert_eq(e.overhead, cases[i].overhead, "case %zu", i);
	}
}

Test(icmp, too_big_says_nothing_to_who_sent_1280_octets)
{
	struct hex inner = big(1280), out;
	struct hm_addr from = addr("2001:db8:f1::1");
	struct hm_icmp_error e = tunnelled(HM_ICMP_TOO_BIG, 0, 1280, &inner);
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_EUNSUPPORTED);
}

Test(icmp, every_other_failure_in_the_tunnel_is_an_unreachable_address)
{
	struct hex inner = hex(INNER), out;
	struct hm_addr from = addr("2001:db8:f1::1");
	const uint8_t kinds[][2] = { { 1, 0 }, { 1, 1 }, { 1, 4 }, { 3, 0 }, { 4, 0 }, { 4, 2 } };

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct hm_icmp_error e = tunnelled(kinds[i][0], kinds[i][1], 4, &inner);
		struct hm_wr w = hm_wr(out.b, sizeof out.b);

		cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_OK);
		cr_assert_arr_eq(&out.b[40], hex("0103").b, 2, "%zu", i);
		cr_assert_arr_eq(&out.b[44], hex("00000000").b, 4, "%zu", i);
	}
}

Test(icmp, an_error_about_an_error_is_not_passed_on)
{
	struct hex inner = hex("60000000 0008 3a 40" PEER GCOA "0103 0000 00000000"), out;
	struct hm_addr from = addr("2001:db8:f1::1");
	struct hm_icmp_error e = tunnelled(1, 3, 0, &inner);
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_EUNSUPPORTED);
	e = tunnelled(1, 3, 0, &inner);
	e.has_tunnelled = false;
	cr_assert_eq(hm_icmp_relay_write(&e, &from, 0, &w), HM_EUNSUPPORTED);
}

Test(icmp, an_error_says_what_it_is_about)
{
	struct hex in = hex("0103 0000 00000000 60000000 0034 29 40" MS LCOA INNER);
	struct hm_addr ms = addr("2001:db8:f1::1"), lcoa = addr("2001:db8:f1:1::99"),
	               gcoa = addr("2001:db8:f1::aa");
	struct hm_icmp_error e;

	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
	cr_assert_eq(e.about_next, 41);
	cr_assert(hm_addr_eq(&e.about_src, &ms) && hm_addr_eq(&e.about_dst, &lcoa));
	cr_assert(e.has_tunnelled && hm_addr_eq(&e.inner_dst, &gcoa));
	cr_assert_eq(e.inner.len, 52);
	in.len -= 10;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
	cr_assert(e.has_tunnelled);
	cr_assert_eq(e.inner.len, 42);
	in.len -= 10;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
	cr_assert(!e.has_tunnelled, "less than an inner header");
}

Test(icmp, the_pointer_names_the_option_it_stands_at)
{
	struct hex in = hex("0402 0000 0000002a 60000000 0020 3c 40" LCOA MS
	                    "3b03 ca08 8040 0001 0000 0258 0100 c910" HOME);
	struct hm_icmp_error e;
	const struct {
		uint8_t pointer, option;
	} cases[] = { { 42, 0xca }, { 54, 0xc9 }, { 43, 0 }, { 40, 0 }, { 52, 0 }, { 200, 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		in.b[7] = cases[i].pointer;
		in.b[1] = 2;
		cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
		cr_assert_eq(e.bad_option, cases[i].option, "pointer %u: %02x", cases[i].pointer,
		             e.bad_option);
		in.b[1] = 1;
		cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
		cr_assert_eq(e.bad_option, 0, "code 1 points at a header, not at an option");
	}
	in.b[7] = 42;
	in.b[1] = 2;
	in.len = 8 + 40 + 1;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_NONE);
	cr_assert_eq(e.bad_option, 0, "the option was not returned");
	in.len = 8 + 39;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_TRUNCATED);
	in.len = 8 + 40;
	in.b[8] = 0x45;
	cr_assert_eq(hm_icmp_error_read(hex_span(&in), &e), HM_DROP_MALFORMED);
}
