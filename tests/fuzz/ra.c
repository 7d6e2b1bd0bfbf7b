/* Neighbour Discovery behind a right header: the first octet chooses the message, the rest is what
 * follows its checksum. */
#include "fuzz.h"

#include "wire/nd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t octets[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_ip6 ip6 = { .next = HM_NH_ICMPV6, .hop_limit = 255 };
	struct hm_packet packet;
	struct hm_signed_part part;

	if (size < 1 || size > 1024)
		return 0;
	ip6.src = (struct hm_addr){ { 0xfe, 0x80, [15] = 1 } };
	ip6.dst = hm_addr_all_nodes;
	ip6.payload_len = (uint16_t)(4 + size - 1);
	hm_ip6_write(&w, &ip6);
	hm_wr_u8(&w, (uint8_t)(HM_ICMP_RS + data[0] % 4));
	hm_wr_zero(&w, 3);
	hm_wr_bytes(&w, data + 1, size - 1);
	FUZZ_CHECK(!w.bad);
	fuzz_seal(octets, w.len);
	if (hm_packet_read((struct hm_span){ octets, w.len }, &hm_wire_defaults, &packet, &part))
		return 0;
	FUZZ_CHECK(packet.kind >= HM_MSG_RA && packet.kind <= HM_MSG_NA);
	if (packet.kind == HM_MSG_RA)
		for (unsigned i = 0; i < packet.ra.n_servers; i++)
			FUZZ_CHECK(packet.ra.servers[i].plen > 0 &&
			           packet.ra.servers[i].plen <= 126);
	fuzz_round_trip(&packet, &hm_wire_defaults);
	return 0;
}
