/* Route optimisation: what is put on comes off, and what comes off leaves a packet. */
#include "fuzz.h"

#include "base/err.h"
#include "wire/routeopt.h"

typedef int change(const uint8_t *packet, size_t len, const struct hm_addr *care_of,
                   struct hm_wr *w);

static void on_and_off(change *put_on, const uint8_t *data, size_t size)
{
	static const struct hm_addr care_of = { { 0x20, 0x01, [15] = 7 } };
	uint8_t with[FUZZ_MAX], without[FUZZ_MAX];
	struct hm_wr w = hm_wr(with, sizeof with), s = hm_wr(without, sizeof without);
	struct hm_ip6 ip6;
	struct hm_span whole;
	struct hm_ro before, ro;
	bool plain;

	if (hm_ip6_read_whole((struct hm_span){ data, size }, &ip6, &whole))
		return;
	plain = hm_ro_read(whole.p, whole.len, &before) == HM_ENOTFOUND;
	if (put_on(data, size, &care_of, &w))
		return;
	FUZZ_CHECK(w.len == whole.len + HM_RO_LEN);
	if (!plain || hm_ro_read(with, w.len, &ro))
		return;
	FUZZ_CHECK(hm_ro_strip(with, w.len, &ro, &s) == 0);
	FUZZ_CHECK(s.len == whole.len && memcmp(without, data, s.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_ro ro, left;
	struct hm_ip6 ip6;
	struct hm_span whole;

	if (size > FUZZ_MAX - HM_RO_LEN)
		return 0;
	on_and_off(hm_ro_home_write, data, size);
	on_and_off(hm_ro_routing_write, data, size);
	if (hm_ro_read(data, size, &ro))
		return 0;
	FUZZ_CHECK(hm_ro_strip(data, size, &ro, &w) == 0);
	FUZZ_CHECK(!hm_ip6_read_whole((struct hm_span){ octets, w.len }, &ip6, &whole));
	FUZZ_CHECK(whole.len == w.len);
	FUZZ_CHECK(hm_ro_read(octets, w.len, &left) == HM_ENOTFOUND);
	return 0;
}
