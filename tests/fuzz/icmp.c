/* ICMPv6 errors: the message read on its own, passed on, and an error made about the octets. What
 * is sent is a packet that we would read ourselves. */
#include "fuzz.h"

#include "base/err.h"
#include "wire/icmp.h"

static const struct hm_addr from = { { 0x20, 0x01, [15] = 1 } };

static void check_sent(const uint8_t *packet, size_t len, uint8_t type)
{
	struct hm_packet back;
	struct hm_signed_part part;
	enum hm_drop drop =
	        hm_packet_read((struct hm_span){ packet, len }, &hm_wire_defaults, &back, &part);

	FUZZ_CHECK(len <= HM_IP6_MTU_MIN);
	FUZZ_CHECK(drop == HM_DROP_NONE && back.icmp.type == type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_icmp_new new = { HM_ICMP_TOO_BIG, 0, 1280, from, from };
	struct hm_icmp_error error;

	if (hm_icmp_error_write(&new, data, size, &w) == HM_OK)
		check_sent(octets, w.len, HM_ICMP_TOO_BIG);
	if (hm_icmp_error_read((struct hm_span){ data, size }, &error))
		return 0;
	if (error.has_tunnelled)
		FUZZ_CHECK(error.inner.p > data && error.inner.p + error.inner.len <= data + size);
	w.len = 0;
	if (hm_icmp_relay_write(&error, &from, 0, &w) == HM_OK)
		check_sent(octets, w.len,
		           error.type == HM_ICMP_TOO_BIG ? HM_ICMP_TOO_BIG : HM_ICMP_UNREACHABLE);
	return 0;
}
