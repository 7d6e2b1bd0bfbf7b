#include "base/text.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

Test(text, addresses_are_printed_as_rfc_5952_says)
{
	const char *canonical[] = {
		"::",
		"::1",
		"1::",
		"2001:db8::1",
		"2001:db8:0:1:1:1:1:1",
		"2001:0:0:1::1",
		"2001:db8::1:0:0:1",
		"1:2:3:4:5:6:7:8",
		"fe80::1",
		"0:1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:0",
		"1:2:3:4:5:6::",
	};
	char got[HM_ADDR_TEXT_MAX];

	for (unsigned i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
		struct hm_addr a = addr(canonical[i]);

		cr_assert_str_eq(hm_addr_text(&a, got), canonical[i]);
	}
}

Test(text, what_does_not_fit_is_cut_and_marked)
{
	char buf[6];
	struct hm_text t = hm_text(buf, sizeof buf);

	hm_text_str(&t, "abc");
	cr_assert(!t.cut);
	hm_text_u64(&t, 1234);
	cr_assert(t.cut);
	cr_assert_str_eq(buf, "abc12");
}

Test(text, numbers)
{
	char buf[80];
	struct hm_text t = hm_text(buf, sizeof buf);

	hm_text_i64(&t, INT64_MIN);
	hm_text_str(&t, " ");
	hm_text_u64(&t, UINT64_MAX);
	hm_text_str(&t, " ");
	hm_text_hex(&t, 0xab, 4);
	cr_assert_str_eq(buf, "-9223372036854775808 18446744073709551615 00ab");
}
