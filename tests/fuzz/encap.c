/* Tunnels: a packet that goes in comes out the same; what comes out of foreign octets lies within
 * them. */
#include "fuzz.h"

#include "wire/encap.h"
#include "wire/fragment.h"
#include "wire/ip6.h"

static void unpack(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_decap d;
	struct hm_addr to = { { 0x20, 0x01, [15] = 9 } };

	if (hm_decap_read(data, size, &d))
		return;
	FUZZ_CHECK(d.inner.p > data && d.inner.p + d.inner.len <= data + size);
	FUZZ_CHECK(hm_decap_write(&d, &w) == 0 && w.len == d.inner.len);
	w.len = 0;
	FUZZ_CHECK(hm_encap_rewrite(data, size, &to, &to, &w) == 0);
	FUZZ_CHECK(hm_decap_read(octets, w.len, &d) == 0 && hm_addr_eq(&d.dst, &to));
}

static void pack(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX], inner[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets), back = hm_wr(inner, sizeof inner);
	struct hm_encap how = { .src = { { 0x20, [15] = 1 } }, .dst = { { 0x20, [15] = 2 } } };
	struct hm_decap d;
	struct hm_ip6 ip6;
	struct hm_span whole;

	if (hm_encap_write(data, size, &how, &w))
		return;
	FUZZ_CHECK(!hm_ip6_read_whole((struct hm_span){ data, size }, &ip6, &whole));
	FUZZ_CHECK(w.len == whole.len + hm_encap_overhead(data, size));
	if (hm_decap_read(octets, w.len, &d))
		return; /* its source is impossible */
	FUZZ_CHECK(hm_decap_write(&d, &back) == 0);
	FUZZ_CHECK(back.len == whole.len && memcmp(inner, data, back.len) == 0);
}

static void split(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX];
	struct hm_fragments f;
	struct hm_fragment read;

	if (hm_fragments_begin((struct hm_span){ data, size }, HM_IP6_MTU_MIN, 1, &f))
		return;
	while (hm_fragments_left(&f)) {
		struct hm_wr w = hm_wr(octets, sizeof octets);
		size_t before = f.at;

		FUZZ_CHECK(hm_fragments_write(&f, &w) == 0);
		FUZZ_CHECK(f.at > before && w.len <= HM_IP6_MTU_MIN);
		FUZZ_CHECK(hm_fragment_read((struct hm_span){ octets, w.len }, &read) == 0);
		FUZZ_CHECK(read.data.len == f.at - before);
		FUZZ_CHECK(memcmp(read.data.p, data + before, read.data.len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > FUZZ_MAX - HM_ENCAP_OVERHEAD_MAX)
		return 0;
	unpack(data, size);
	pack(data, size);
	split(data, size);
	return 0;
}
