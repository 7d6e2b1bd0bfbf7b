#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/encap.h"

#include <criterion/criterion.h>

/* UDP from the correspondent to the GCoA: traffic class 0xb9 (ECT(1)), flow 0x12345. */
#define INNER                                                                                      \
	"6b912345 000c 11 3f 20010db8000c0000000000000000 0001"                                    \
	"20010db800f1000000000000000000aa 1389 0050 000c 0000 deadbeef"

/* The same with a Tunnel Encapsulation Limit of %02x. */
#define LIMITED                                                                                    \
	"60000000 0014 3c 3f 20010db8000c00000000000000000001"                                     \
	"20010db800f1000000000000000000aa 1100 0401 %02x 010100"                                   \
	"1389 0050 000c 0000 deadbeef"

static struct hm_encap how(void)
{
	return (struct hm_encap){ .src = addr("2001:db8:f1::1"), .dst = addr("2001:db8:f1:1::99") };
}

static struct hex limited(unsigned limit)
{
	char text[256];

	snprintf(text, sizeof text, LIMITED, limit);
	return hex(text);
}

Test(encap, the_outer_header_follows_rfc_2473)
{
	struct hex inner = hex(INNER), out = { .len = 0 };
	struct hex want = hex("6b912345 0034 29 40 20010db800f100000000000000000001"
	                      "20010db800f100010000000000000099" INNER);
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	cr_assert_eq(hm_encap_write(inner.b, inner.len, &e, &w), HM_OK);
	cr_assert_eq(w.len, want.len);
	cr_assert_arr_eq(out.b, want.b, want.len, "%s", hex_text(out.b, w.len));
}

Test(encap, one_flow_keeps_one_label)
{
	struct hex inner = hex(INNER), a, b;
	struct hm_encap e = how();
	struct hm_wr wa = hm_wr(a.b, sizeof a.b), wb = hm_wr(b.b, sizeof b.b);

	hm_encap_write(inner.b, inner.len, &e, &wa);
	inner.b[inner.len - 1] ^= 1;
	hm_encap_write(inner.b, inner.len, &e, &wb);
	cr_assert_arr_eq(a.b, b.b, 4);
	inner.b[3] ^= 1;
	wb.len = 0;
	hm_encap_write(inner.b, inner.len, &e, &wb);
	cr_assert_arr_neq(a.b, b.b, 4);
}

Test(encap, a_nesting_limit_is_handed_on_and_obeyed)
{
	struct hex three = limited(3), none = limited(0), out;
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(out.b, sizeof out.b);

	cr_assert_eq(hm_encap_overhead(three.b, three.len), 48);
	cr_assert_eq(hm_encap_write(three.b, three.len, &e, &w), HM_OK);
	cr_assert_eq(w.len, three.len + 48);
	cr_assert_eq(out.b[6], 60);
	cr_assert_arr_eq(&out.b[40], hex("2900 0401 02 010100").b, 8, "%s",
	                 hex_text(&out.b[40], 8));
	w.len = 0;
	cr_assert_eq(hm_encap_write(none.b, none.len, &e, &w), HM_EPERM);
	cr_assert_eq(hm_encap_limit_at(none.b, none.len), 44);
}

/* Encapsulates the packet in place. */
static void wrap(struct hex *h)
{
	struct hex inner = *h;
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(h->b, sizeof h->b);

	cr_assert_eq(hm_encap_write(inner.b, inner.len, &e, &w), HM_OK);
	h->len = w.len;
}

Test(encap, a_third_tunnel_begins_a_limit_that_counts_down_to_a_refusal)
{
	struct hex h = hex(INNER);
	struct hm_encap e = how();
	struct hex out;
	struct hm_wr w = hm_wr(out.b, sizeof out.b);
	struct hm_decap d;

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(hm_encap_overhead(h.b, h.len), 40);
		wrap(&h);
		cr_assert_eq(h.b[6], 41);
	}
	for (unsigned limit = HM_ENCAP_LIMIT + 1; limit-- > 0;) {
		struct hm_tunnel_head head;

		cr_assert_eq(hm_encap_overhead(h.b, h.len), 48);
		wrap(&h);
		cr_assert_eq(h.b[6], 60);
		cr_assert_eq(h.b[44], limit);
		head = hm_tunnel_head((struct hm_span){ h.b, h.len });
		cr_assert(head.len == 48 && !head.fragment);
	}
	cr_assert_eq(hm_encap_write(h.b, h.len, &e, &w), HM_EPERM);
	cr_assert_eq(hm_encap_limit_at(h.b, h.len), 44);
	cr_assert_eq(hm_decap_read(h.b, h.len, &d), HM_OK);
	cr_assert_eq(d.inner.len, h.len - 48);
}

Test(encap, what_a_tunnel_puts_in_front_is_told_from_other_headers)
{
	static const struct {
		const char *text; /* from the next header on */
		size_t len;
		bool fragment;
	} cases[] = {
		{ "29", 40, false },
		{ "11", 0, false },
		{ "2b", 0, false },
		{ "3c 2900 0401 03 010100", 48, false },
		{ "3c 2900 0100 0401 03 00", 48, false },
		/* a limit, but no tunnel; two; another option; longer than a limit needs */
		{ "3c 1100 0401 03 010100", 0, false },
		{ "3c 2900 0401 03 040103", 0, false },
		{ "3c 2900 0801 03 010100", 0, false },
		{ "3c 2900 0104 00000000", 0, false },
		{ "3c 2901 0401 03 010b 00000000000000000000 00", 0, false },
		/* fragments of tunnelled packets, of others */
		{ "2c 2900 0001 00000001", 40, true },
		{ "2c 3c00 0001 00000001", 40, true },
		{ "2c 1100 0001 00000001", 0, false },
		{ "3c 2c00 0401 03 010100 2900 0001 00000001", 48, true },
		{ "3c 2c00 0401 03 010100 1100 0001 00000001", 0, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct hex front = hex(cases[i].text), h = hex(INNER);
		struct hm_tunnel_head head;

		h.b[6] = front.b[0];
		memcpy(&h.b[40], &front.b[1], front.len - 1);
		head = hm_tunnel_head((struct hm_span){ h.b, 40 + front.len - 1 });
		cr_assert_eq(head.len, cases[i].len, "case %zu: %zu", i, head.len);
		cr_assert_eq(head.fragment, cases[i].fragment, "case %zu", i);
	}
}

Test(encap, what_is_no_packet_is_not_tunnelled)
{
	struct hex inner = hex(INNER), out;
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(out.b, sizeof out.b), small = hm_wr(out.b, 91);

	for (size_t len = 0; len < inner.len; len++)
		cr_assert_eq(hm_encap_write(inner.b, len, &e, &w), HM_EMALFORMED, "%zu", len);
	cr_assert_eq(hm_encap_write(inner.b, inner.len, &e, &small), HM_ETOOBIG);
	inner.b[0] = 0x45;
	cr_assert_eq(hm_encap_write(inner.b, inner.len, &e, &w), HM_EMALFORMED);
}

Test(encap, unpacking_gives_back_what_went_in)
{
	struct hex inner = hex(INNER), out, back;
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(out.b, sizeof out.b), b = hm_wr(back.b, sizeof back.b);
	struct hm_addr ch = addr("2001:db8:c::1"), gcoa = addr("2001:db8:f1::aa");
	struct hm_decap d;

	cr_assert_eq(hm_encap_write(inner.b, inner.len, &e, &w), HM_OK);
	for (size_t len = 0; len < w.len; len++)
		cr_assert_eq(hm_decap_read(out.b, len, &d), HM_EMALFORMED, "%zu", len);
	cr_assert_eq(hm_decap_read(out.b, w.len, &d), HM_OK);
	cr_assert(hm_addr_eq(&d.src, &e.src) && hm_addr_eq(&d.dst, &e.dst));
	cr_assert(hm_addr_eq(&d.inner_src, &ch) && hm_addr_eq(&d.inner_dst, &gcoa));
	cr_assert_eq(hm_decap_write(&d, &b), HM_OK);
	cr_assert_eq(b.len, inner.len);
	cr_assert_arr_eq(back.b, inner.b, inner.len, "%s", hex_text(back.b, b.len));
}

/* RFC 6040 figure 4; -1: drop. Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns the same, outer. */
Test(encap, congestion_marks_join_as_in_rfc_6040)
{
	static const int want[4][4] = {
		{ 0, 0, 0, -1 }, { 1, 1, 1, 3 }, { 2, 1, 2, 3 }, { 3, 3, 3, 3 }
	};
	struct hm_encap e = how();

	for (unsigned in = 0; in < 4; in++) {
		for (unsigned outer = 0; outer < 4; outer++) {
			struct hex inner = hex(INNER), out, back;
			struct hm_wr w = hm_wr(out.b, sizeof out.b),
			             b = hm_wr(back.b, sizeof back.b);
			struct hm_decap d;
			int err;

			inner.b[1] = (uint8_t)((inner.b[1] & 0xcf) | in << 4);
			hm_encap_write(inner.b, inner.len, &e, &w);
			cr_assert_eq(out.b[1] >> 4 & 3, in);
			out.b[1] = (uint8_t)((out.b[1] & 0xcf) | outer << 4);
			err = hm_decap_read(out.b, w.len, &d);
			cr_assert_eq(err, want[in][outer] < 0 ? HM_EMALFORMED : HM_OK);
			if (err)
				continue;
			cr_assert_eq(hm_decap_write(&d, &b), HM_OK);
			cr_assert_eq(back.b[1] >> 4 & 3, want[in][outer], "%u in %u", in, outer);
			cr_assert_eq(back.b[0] << 8 | (back.b[1] & 0xcf), 0x6b81);
		}
	}
}

Test(encap, what_cannot_come_out_of_a_tunnel_is_refused)
{
	struct hex inner = hex(INNER), out;
	struct hm_encap e = how();
	struct hm_wr w = hm_wr(out.b, sizeof out.b);
	struct hm_decap d;

	cr_assert_eq(hm_decap_read(inner.b, inner.len, &d), HM_EUNSUPPORTED, "UDP");
	inner.b[8] = 0xff;
	hm_encap_write(inner.b, inner.len, &e, &w);
	cr_assert_eq(hm_decap_read(out.b, w.len, &d), HM_EMALFORMED, "multicast source");
	inner = hex(INNER);
	w.len = 0;
	hm_encap_write(inner.b, inner.len, &e, &w);
	out.b[40] = 0x45;
	cr_assert_eq(hm_decap_read(out.b, w.len, &d), HM_EMALFORMED, "IPv4 within");
}

Test(encap, rewriting_changes_the_outer_addresses_only)
{
	struct hex inner = hex(INNER), out, changed;
	struct hm_encap e = how();
	struct hm_addr ms = addr("2001:db8:f2::1"), lcoa = addr("2001:db8:f2:1::5");
	struct hm_wr w = hm_wr(out.b, sizeof out.b), c = hm_wr(changed.b, sizeof changed.b);

	hm_encap_write(inner.b, inner.len, &e, &w);
	cr_assert_eq(hm_encap_rewrite(out.b, w.len, &ms, &lcoa, &c), HM_OK);
	cr_assert_eq(c.len, w.len);
	cr_assert_arr_eq(changed.b, out.b, 8);
	cr_assert_arr_eq(&changed.b[8], ms.b, 16);
	cr_assert_arr_eq(&changed.b[24], lcoa.b, 16);
	cr_assert_arr_eq(&changed.b[40], inner.b, inner.len);
	cr_assert_eq(hm_encap_rewrite(inner.b, inner.len, &ms, &lcoa, &c), HM_EUNSUPPORTED);
}

Test(encap, mtu_never_falls_under_1280)
{
	cr_assert_eq(hm_encap_mtu(1500, 40), 1460);
	cr_assert_eq(hm_encap_mtu(1320, 40), 1280);
	cr_assert_eq(hm_encap_mtu(1280, 40), 1280);
	cr_assert_eq(hm_encap_mtu(0, 48), 1280);
	cr_assert_eq(hm_encap_fit(1460, 40, 1500), HM_ENCAP_FITS);
	cr_assert_eq(hm_encap_fit(1461, 40, 1500), HM_ENCAP_TOO_BIG);
	cr_assert_eq(hm_encap_fit(1280, 40, 1280), HM_ENCAP_FRAGMENT);
	cr_assert_eq(hm_encap_fit(1240, 40, 1280), HM_ENCAP_FITS);
}
