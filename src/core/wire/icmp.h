/* ICMPv6 errors (RFC 4443): read as far as the returned packet goes, written for packets a tunnel
 * cannot carry, and passed on from inside a tunnel to the sender of the tunnelled packet (RFC 2473
 * 8). PROTOCOL 7. */
#ifndef HM_WIRE_ICMP_H
#define HM_WIRE_ICMP_H

#include "wire/packet.h"

#define HM_ICMP_UNREACHABLE 1
#define HM_ICMP_TOO_BIG 2
#define HM_ICMP_TIME_EXCEEDED 3
#define HM_ICMP_PARAMETER 4

#define HM_ICMP_UNREACHABLE_PROHIBITED 1
#define HM_ICMP_UNREACHABLE_ADDRESS 3
#define HM_ICMP_PARAMETER_HEADER 0
#define HM_ICMP_PARAMETER_NEXT 1
#define HM_ICMP_PARAMETER_OPTION 2

/* Whether an error of that type and code may be sent about the packet (RFC 4443 2.4 e): not about
 * errors and redirects, not to whom no single node answers for, not about later fragments, and
 * about multicast only Packet Too Big and Parameter Problem 2. */
bool hm_icmp_error_allowed(const uint8_t *packet, size_t len, uint8_t type, uint8_t code);

struct hm_icmp_new {
	uint8_t type, code;
	uint32_t param; /* MTU or pointer */
	struct hm_addr src, dst;
};

/* Writes an IPv6 packet with the error about `packet`, of which as much is returned as 1280 octets
 * hold. HM_EUNSUPPORTED: not allowed, see above. Rate limits are the caller's. */
int hm_icmp_error_write(const struct hm_icmp_new *error, const uint8_t *packet, size_t len,
                        struct hm_wr *w);

/* Writes the error that tells the source of a tunnelled packet what happened to it inside the
 * tunnel. `from` is our address, `mtu` what to report when the packet was too big (0: what the
 * error says less the tunnel's headers; never under 1280). HM_EUNSUPPORTED: nothing is to be sent.
 */
int hm_icmp_relay_write(const struct hm_icmp_error *error, const struct hm_addr *from, uint32_t mtu,
                        struct hm_wr *w);

/* The body of an error message, checksum already verified. */
enum hm_drop hm_icmp_error_read(struct hm_span message, struct hm_icmp_error *ret_error);

#endif
