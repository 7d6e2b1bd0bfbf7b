#include "lib/addr.h"

#include <criterion/criterion.h>

Test(addr, gcoa_is_the_ms_prefix_joined_with_the_home_address)
{
	struct hm_addr ms = addr("2001:db8:f1::1"), home = addr("2001:db8:1:0:aa::aa");
	struct hm_addr want = addr("2001:db8:f1:0:aa::aa"), got = hm_addr_join(&ms, 64, &home);

	cr_assert(hm_addr_eq(&got, &want));
}

Test(addr, join_splits_inside_an_octet)
{
	struct hm_addr ones = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), zero = addr("::");

	for (unsigned plen = 0; plen <= 128; plen++) {
		struct hm_addr got = hm_addr_join(&ones, plen, &zero);

		for (unsigned bit = 0; bit < 128; bit++)
			cr_assert_eq(got.b[bit / 8] >> (7 - bit % 8) & 1, bit < plen,
			             "plen %u, bit %u", plen, bit);
	}
}

Test(addr, a_prefix_holds_its_addresses_and_no_other)
{
	struct hm_prefix p = { addr("2001:db8:f1::"), 47 };
	struct hm_addr in = addr("2001:db8:f0:1::9"), out = addr("2001:db8:f2::1");

	cr_assert(hm_prefix_has(&p, &in));
	cr_assert(!hm_prefix_has(&p, &out));
}

Test(addr, only_unicast_beyond_the_link_may_be_bound)
{
	const char *bad[] = { "::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.1" };
	struct hm_addr good = addr("2001:db8::1"), ula = addr("fd00::1");

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct hm_addr a = addr(bad[i]);

		cr_assert(!hm_addr_is_global(&a), "%s", bad[i]);
	}
	cr_assert(hm_addr_is_global(&good));
	cr_assert(hm_addr_is_global(&ula));
}

Test(addr, derived_addresses_are_those_of_the_rfc)
{
	struct hm_addr a = addr("2001:db8::12:3456"), prefix = addr("fe80::");
	struct hm_addr solicited = hm_addr_solicited_node(&a);
	struct hm_addr eui =
	        hm_addr_eui64(&prefix, (const uint8_t[]){ 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde });
	struct hm_addr want_solicited = addr("ff02::1:ff12:3456");
	struct hm_addr want_eui = addr("fe80::3656:78ff:fe9a:bcde");

	cr_assert(hm_addr_eq(&solicited, &want_solicited));
	cr_assert(hm_addr_eq(&eui, &want_eui));
}
