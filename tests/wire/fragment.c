#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/fragment.h"
#include "wire/ip6.h"

#include <criterion/criterion.h>

#define SRC "20010db800f100000000000000000001"
#define DST "20010db800f100010000000000000099"

struct packet {
	uint8_t b[1600];
	size_t len;
};

/* `front`: what stands between the IPv6 header and `len` octets of payload, next header first. */
static struct packet packet(const char *front, size_t len)
{
	struct packet p = { .len = 0 };
	struct hex h = hex(front), ends = hex(SRC DST);
	struct hm_wr w = hm_wr(p.b, sizeof p.b);

	hm_wr_u32(&w, 0x6b912345);
	hm_wr_u16(&w, (uint16_t)(h.len - 1 + len));
	hm_wr_u8(&w, h.b[0]);
	hm_wr_u8(&w, 64);
	hm_wr_bytes(&w, ends.b, ends.len);
	hm_wr_bytes(&w, &h.b[1], h.len - 1);
	for (size_t i = 0; i < len; i++)
		hm_wr_u8(&w, (uint8_t)(i * 7 + i / 256));
	p.len = w.len;
	return p;
}

static struct hm_span span(const struct packet *p)
{
	return (struct hm_span){ p->b, p->len };
}

/* Cuts for 1280 octets and joins; returns how many. `keep`: headers that each fragment has. */
static unsigned cut_and_join(const struct packet *p, size_t keep, size_t first, uint32_t id,
                             size_t offset)
{
	struct hm_fragments f;
	struct hm_fragment got;
	uint8_t joined[1600];
	size_t at = first;
	unsigned n = 0;

	cr_assert_eq(hm_fragments_begin(span(p), 1280, 0x01020304, &f), HM_OK);
	while (hm_fragments_left(&f)) {
		struct packet one;
		struct hm_wr w = hm_wr(one.b, sizeof one.b);

		cr_assert_eq(hm_fragments_write(&f, &w), HM_OK);
		one.len = w.len;
		cr_assert_leq(one.len, 1280);
		cr_assert_eq(hm_fragment_read(span(&one), &got), HM_OK);
		cr_assert_eq(got.at, keep);
		cr_assert_eq(got.id, id);
		cr_assert_eq(got.offset, offset + at - first);
		memcpy(joined + at, got.data.p, got.data.len);
		at += got.data.len;
		cr_assert_eq(got.more, at < p->len);
		one.b[got.next_at] = p->b[got.next_at];
		cr_assert_arr_eq(one.b, p->b, 4);
		cr_assert_arr_eq(one.b + 6, p->b + 6, keep - 6);
		n++;
	}
	cr_assert_eq(at, p->len);
	cr_assert_arr_eq(joined + first, p->b + first, p->len - first);
	return n;
}

Test(fragment, pieces_join_to_the_packet)
{
	struct packet tunnel = packet("29", 1280), limited = packet("3c 2900 0401 03 010100", 1280);
	struct packet routed = packet("2b 1102 0201 00000000" DST, 1280);
	struct packet small = packet("29", 100);

	cr_assert_eq(cut_and_join(&tunnel, 40, 40, 0x01020304, 0), 2);
	cr_assert_eq(cut_and_join(&limited, 48, 48, 0x01020304, 0), 2);
	cr_assert_eq(cut_and_join(&routed, 64, 64, 0x01020304, 0), 2);
	cr_assert_eq(cut_and_join(&small, 40, 40, 0x01020304, 0), 1);
}

Test(fragment, a_fragment_is_cut_further_under_its_own_number)
{
	struct packet p = packet("2b 2c02 0201 00000000" DST "1100 0020 0a0b0c0d", 1240);

	cr_assert_eq(cut_and_join(&p, 64, 72, 0x0a0b0c0d, 32), 2);
}

Test(fragment, a_fragment_that_is_not_the_last_stays_so)
{
	struct packet p = packet("2c 2900 0021 0a0b0c0d", 1240), one;
	struct hm_fragments f;
	struct hm_fragment got = { .more = false };

	cr_assert_eq(hm_fragments_begin(span(&p), 1280, 1, &f), HM_OK);
	while (hm_fragments_left(&f)) {
		struct hm_wr w = hm_wr(one.b, sizeof one.b);

		cr_assert_eq(hm_fragments_write(&f, &w), HM_OK);
		one.len = w.len;
		cr_assert_eq(hm_fragment_read(span(&one), &got), HM_OK);
		cr_assert(got.more);
	}
	cr_assert_eq(got.offset + got.data.len, 32 + 1240);
}

Test(fragment, what_cannot_be_cut_is_refused)
{
	struct packet p = packet("29", 1280), empty = packet("29", 0), cut = packet("3c 2901", 4);
	struct hm_fragments f;

	cr_assert_eq(hm_fragments_begin(span(&p), 1279, 1, &f), HM_EMALFORMED);
	cr_assert_eq(hm_fragments_begin(span(&empty), 1280, 1, &f), HM_EMALFORMED);
	cr_assert_eq(hm_fragments_begin(span(&cut), 1280, 1, &f), HM_EMALFORMED);
	p.len--;
	cr_assert_eq(hm_fragments_begin(span(&p), 1280, 1, &f), HM_EMALFORMED);
}

Test(fragment, what_rfc_8200_discards_is_not_read)
{
	static const struct {
		const char *front;
		size_t len;
		int want;
	} cases[] = {
		{ "2c 2900 0001 00000001", 16, HM_OK },
		{ "2c 2900 0008 00000001", 3, HM_OK },
		{ "2c 2900 0000 00000001", 3, HM_OK }, /* atomic: RFC 6946 */
		{ "29", 16, HM_ENOTFOUND },
		{ "2c 2900 0001 00000001", 0, HM_EMALFORMED },
		{ "2c 2900 0001 00000001", 15, HM_EMALFORMED },
		{ "2c 2900 fff8 00000001", 7, HM_OK },
		{ "2c 2900 fff8 00000001", 8, HM_EMALFORMED },
		{ "3c 2c00 0401 03 010100 2900 fff8 00000001", 7, HM_EMALFORMED },
		{ "2c 2900 00", 0, HM_EMALFORMED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct packet p = packet(cases[i].front, cases[i].len);
		struct hm_fragment f;

		cr_assert_eq(hm_fragment_read(span(&p), &f), cases[i].want, "case %zu", i);
	}
}
