#include "engine/seq.h"

#include <criterion/criterion.h>

Test(seq, the_half_circle_ahead_of_a_number_is_after_it)
{
	cr_assert(hm_seq_after(1, 0));
	cr_assert(hm_seq_after(0, 0xffff));
	cr_assert(hm_seq_after(0x7fff, 0));
	cr_assert(!hm_seq_after(0x8000, 0));
	cr_assert(!hm_seq_after(0x8000, 0x8000));
	cr_assert(!hm_seq_after(0xffff, 0));
	cr_assert(!hm_seq_after(5, 5));
}

Test(seq, every_pair_agrees_with_a_signed_difference)
{
	for (unsigned a = 0; a <= 0xffff; a += 251) {
		for (unsigned b = 0; b <= 0xffff; b += 257) {
			unsigned ahead = (a - b) & 0xffff;
			int difference = ahead < 0x8000 ? (int)ahead : (int)ahead - 0x10000;

			cr_assert_eq(hm_seq_after((uint16_t)a, (uint16_t)b), difference > 0,
			             "a=%u b=%u", a, b);
		}
	}
}

Test(seq, with_authentication_the_epoch_decides_first)
{
	struct hm_number old = { .epoch = 1, .seq = 0xfff0 };

	cr_assert(hm_number_after((struct hm_number){ 2, 0 }, old, true));
	cr_assert(hm_number_after((struct hm_number){ 1, 0xfff1 }, old, true));
	cr_assert(!hm_number_after((struct hm_number){ 1, 0 }, old, true));
	cr_assert(!hm_number_after((struct hm_number){ 1, 0xfff0 }, old, true));
	cr_assert(!hm_number_after((struct hm_number){ 0, 0xffff }, old, true));
	/* No half circle: a number far ahead is after, one far behind is not. */
	cr_assert(
	        hm_number_after((struct hm_number){ 0, 0xffff }, (struct hm_number){ 0, 1 }, true));
	cr_assert(!hm_number_after((struct hm_number){ 0, 1 }, (struct hm_number){ 0, 0xffff },
	                           true));
}

Test(seq, without_authentication_the_epoch_is_not_looked_at)
{
	struct hm_number old = { .epoch = 7, .seq = 0xfff0 };

	cr_assert(hm_number_after((struct hm_number){ 0, 0 }, old, false));
	cr_assert(!hm_number_after((struct hm_number){ 9, 0xffef }, old, false));
}

Test(seq, the_epoch_counts_the_wraps)
{
	struct hm_number n = hm_number_next((struct hm_number){ .epoch = 3, .seq = 0xfffe });

	cr_assert_eq(n.seq, 0xffff);
	cr_assert_eq(n.epoch, 3);
	n = hm_number_next(n);
	cr_assert_eq(n.seq, 0);
	cr_assert_eq(n.epoch, 4);
}
