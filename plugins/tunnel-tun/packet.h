/* One IPv6 packet in a buffer with room in front, changed in place: outer headers are pushed and
 * popped (RFC 2473, RFC 6040), route optimisation's headers inserted and taken out (RFC 6275 6.3,
 * 6.4). The same as wire/encap.h and wire/routeopt.h do, without the copy that costs a data plane
 * half its rate. Pure: octets in, octets out.
 *
 * Every function but hm_pkt_check() wants a packet that hm_pkt_check() has accepted. */
#ifndef HM_TUN_PACKET_H
#define HM_TUN_PACKET_H

#include "wire/icmp.h"
#include "wire/ip6.h"

/* What a type 2 routing header and a Destination Options header with a Home Address take. */
#define HM_ROUTE_OPT_LEN 24u
/* Room in front of a packet: five tunnels and both route optimisation headers, rounded up. */
#define HM_PKT_ROOM 256u

struct hm_pkt {
	uint8_t *at;
	size_t len;
	size_t room; /* octets in front of `at` that may be written */
	/* Unfinished checksum and super-packet, as the kernel describes them (virtio_net_hdr);
	 * offsets count from `at` and move with it. */
	bool needs_csum;
	uint8_t gso_type;
	uint16_t gso_size, hdr_len, csum_start, csum_offset;
};

/* True when this is a whole IPv6 packet; link padding behind it is cut off. */
bool hm_pkt_check(struct hm_pkt *k);

static inline struct hm_addr hm_pkt_src(const struct hm_pkt *k)
{
	struct hm_addr a;

	memcpy(a.b, k->at + 8, sizeof a.b);
	return a;
}

static inline struct hm_addr hm_pkt_dst(const struct hm_pkt *k)
{
	struct hm_addr a;

	memcpy(a.b, k->at + 24, sizeof a.b);
	return a;
}

static inline uint8_t hm_pkt_next(const struct hm_pkt *k)
{
	return k->at[6];
}

void hm_pkt_set_src(struct hm_pkt *k, const struct hm_addr *a);
void hm_pkt_set_dst(struct hm_pkt *k, const struct hm_addr *a);

/* Puts an IPv6 header in front: hop limit 64, traffic class (ECN included, RFC 6040 normal mode)
 * and flow label of the packet inside. False: no room, or too long for the length field. */
bool hm_pkt_push(struct hm_pkt *k, const struct hm_addr *src, const struct hm_addr *dst);

/* Takes the outer header of an IPv6-in-IPv6 packet away. False, and the packet as it was, when the
 * inside is no IPv6 packet or RFC 6040 4.2 wants it dropped (congestion marked outside, inside not
 * capable of it). */
bool hm_pkt_pop(struct hm_pkt *k);

/* Destination `to`; a type 2 routing header holds the destination it had. */
bool hm_pkt_route(struct hm_pkt *k, const struct hm_addr *to);

/* Source `from`; a Home Address option, behind the routing header when hm_pkt_route() made one
 * (RFC 6275 6.3), holds the source it had. */
bool hm_pkt_home(struct hm_pkt *k, const struct hm_addr *from, bool routed);

/* The route optimisation headers a packet begins with. */
struct hm_route_opt {
	bool has_route, has_home;
	struct hm_addr route, home;
	size_t len; /* octets they take; the packet goes on with header `next` */
	uint8_t next;
};

/* False: none, or in a form that is not a data packet's (other options, other types). */
bool hm_pkt_route_opt(const struct hm_pkt *k, struct hm_route_opt *ret_opt);
/* Undoes what the headers say: the packet as its sender's upper layers made it. */
void hm_pkt_strip(struct hm_pkt *k, const struct hm_route_opt *opt);

/* Replaces the packet by an ICMPv6 error about it, from `from` to its source, of at most 1280
 * octets. `value` is the MTU of Packet Too Big. False: about this packet none may be sent
 * (RFC 4443 2.4 e). The buffer must hold 1280 octets from `at` on. */
bool hm_pkt_error(struct hm_pkt *k, const struct hm_addr *from, uint8_t type, uint8_t code,
                  uint32_t value);

#endif
