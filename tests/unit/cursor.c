#include "base/cursor.h"

#include <criterion/criterion.h>

Test(cursor, reads_big_endian_in_order)
{
	const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct hm_rd r = hm_rd(octets, sizeof octets);

	cr_assert_eq(hm_rd_u8(&r), 1);
	cr_assert_eq(hm_rd_u16(&r), 0x0203);
	cr_assert_eq(hm_rd_u32(&r), 0x04050607U);
	cr_assert(!r.bad);
	cr_assert_eq(r.left, 0);
}

Test(cursor, an_overrun_sticks)
{
	const uint8_t octets[] = { 1, 2, 3 };
	struct hm_rd r = hm_rd(octets, sizeof octets);

	cr_assert_eq(hm_rd_u32(&r), 0x01020000U);
	cr_assert(r.bad);
	cr_assert_eq(hm_rd_u8(&r), 0);
	cr_assert_null(hm_rd_bytes(&r, 0));
}

Test(cursor, a_sub_reader_cannot_leave_its_part)
{
	const uint8_t octets[] = { 1, 2, 3, 4 };
	struct hm_rd r = hm_rd(octets, sizeof octets), sub = hm_rd_sub(&r, 2);

	cr_assert_eq(hm_rd_u16(&sub), 0x0102);
	cr_assert_eq(hm_rd_u8(&sub), 0);
	cr_assert(sub.bad);
	cr_assert_eq(hm_rd_u16(&r), 0x0304);
	sub = hm_rd_sub(&r, 1);
	cr_assert(sub.bad);
	cr_assert(r.bad);
}

Test(cursor, a_writer_never_passes_its_end)
{
	uint8_t octets[4] = { 9, 9, 9, 9 };
	struct hm_wr w = hm_wr(octets, 3);

	hm_wr_u16(&w, 0x0102);
	hm_wr_u16(&w, 0x0304);
	cr_assert(w.bad);
	cr_assert_eq(octets[2], 9);
	cr_assert_eq(octets[3], 9);
	cr_assert_eq(w.len, 2);
}

Test(cursor, a_patch_stays_inside_what_was_written)
{
	uint8_t octets[4];
	struct hm_wr w = hm_wr(octets, sizeof octets);

	hm_wr_u16(&w, 0);
	hm_wr_patch(&w, 1, "\x07", 1);
	cr_assert(!w.bad);
	cr_assert_eq(octets[1], 7);
	hm_wr_patch(&w, 2, "\x07", 1);
	cr_assert(w.bad);
}
