/* Whole packets: what is read is written and read back the same, shown in one line, and its MAC
 * lies inside it. */
#include "fuzz.h"

#include "wire/show.h"

static void check(const uint8_t *data, size_t size, const struct hm_wire_numbers *numbers)
{
	struct hm_packet packet;
	struct hm_signed_part part;
	uint8_t input[HM_MAC_INPUT_MAX];
	struct hm_wr w = hm_wr(input, sizeof input);
	char text[HM_SHOW_MAX];
	struct hm_text t = hm_text(text, sizeof text);

	if (hm_packet_read((struct hm_span){ data, size }, numbers, &packet, &part))
		return;
	hm_packet_show(&t, &packet);
	hm_packet_show_rest(&t, &packet);
	FUZZ_CHECK(!t.cut);
	if (packet.auth.present)
		FUZZ_CHECK(hm_packet_mac_input((struct hm_span){ data, size }, &packet.home, &part,
		                               &w) == 0);
	if (packet.kind != HM_MSG_ICMP_ERROR)
		fuzz_round_trip(&packet, numbers);
	else if (packet.icmp.has_tunnelled)
		FUZZ_CHECK(packet.icmp.inner.p >= data &&
		           packet.icmp.inner.p + packet.icmp.inner.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_wire_numbers numbers = hm_wire_defaults;
	uint8_t sealed[FUZZ_MAX];

	check(data, size, &numbers);
	if (size > sizeof sealed)
		return 0;
	if (size > 0)
		memcpy(sealed, data, size);
	fuzz_seal(sealed, size);
	numbers.accept_rh0 = true;
	check(sealed, size, &numbers);
	return 0;
}
