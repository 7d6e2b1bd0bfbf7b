/* What the fuzz targets share. A target is one function; libFuzzer calls it (meson option `fuzz`),
 * and replay.c calls it for each file of its corpus in an ordinary test. */
#ifndef HM_TESTS_FUZZ_H
#define HM_TESTS_FUZZ_H

#include "wire/ip6.h"
#include "wire/packet.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with the place and the octets, whatever the build. */
#define FUZZ_CHECK(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define FUZZ_MAX 2048

/* ICMPv6 directly behind the IPv6 header gets a right checksum: no fuzzer guesses one. */
static inline void fuzz_seal(uint8_t *packet, size_t len)
{
	struct hm_ip6 ip6;
	struct hm_span whole;
	uint16_t sum;

	if (hm_ip6_read_whole((struct hm_span){ packet, len }, &ip6, &whole) ||
	    ip6.next != HM_NH_ICMPV6 || whole.len < HM_IP6_LEN + 4)
		return;
	packet[42] = packet[43] = 0;
	sum = hm_ip6_checksum(&ip6, (struct hm_span){ packet + 40, whole.len - 40 });
	packet[42] = (uint8_t)(sum >> 8);
	packet[43] = (uint8_t)sum;
}

/* What was read can be shown, written, and read again as the same. */
static inline void fuzz_round_trip(const struct hm_packet *packet,
                                   const struct hm_wire_numbers *numbers)
{
	uint8_t first[FUZZ_MAX], second[FUZZ_MAX];
	struct hm_wr w1 = hm_wr(first, sizeof first), w2 = hm_wr(second, sizeof second);
	struct hm_signed_part part, again;
	struct hm_packet back;

	FUZZ_CHECK(hm_packet_write(packet, numbers, &w1, &part) == 0);
	FUZZ_CHECK(w1.len <= HM_PACKET_MAX);
	FUZZ_CHECK(hm_packet_read((struct hm_span){ first, w1.len }, numbers, &back, &again) ==
	           HM_DROP_NONE);
	FUZZ_CHECK(back.kind == packet->kind);
	FUZZ_CHECK(memcmp(&part, &again, sizeof part) == 0);
	FUZZ_CHECK(hm_packet_write(&back, numbers, &w2, &again) == 0);
	FUZZ_CHECK(w1.len == w2.len && memcmp(first, second, w1.len) == 0);
}

#endif
