/* One IPv6 packet in a buffer with room in front, changed in place: outer headers are pushed and
 * popped (RFC 2473, RFC 6040), route optimisation's headers inserted and taken out (RFC 6275 6.3,
 * 6.4). What the headers look like, what may be unpacked and how marks join is said by wire/encap.h
 * and wire/routeopt.h; here it is done without their copy, which costs a data plane half its
 * rate. Pure: octets in, octets out.
 *
 * Every function but hm_pkt_check() wants a packet that hm_pkt_check() has accepted. */
#ifndef HM_TUN_PACKET_H
#define HM_TUN_PACKET_H

#include "wire/encap.h"
#include "wire/fragment.h"
#include "wire/icmp.h"
#include "wire/ip6.h"
#include "wire/routeopt.h"

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
	/* To be sent: it grew beyond 1280 octets here, so that it may be, and must be where it does
	 * not fit its path, sent in fragments (RFC 2473 7.1). mtu 0: not known. */
	bool may_split;
	uint32_t mtu, fragment_id;
};

/* True when this is a whole IPv6 packet; link padding behind it is cut off. */
bool hm_pkt_check(struct hm_pkt *k);

static inline struct hm_addr hm_pkt_src(const struct hm_pkt *k)
{
	return hm_addr_of(k->at + HM_IP6_AT_SRC);
}

static inline struct hm_addr hm_pkt_dst(const struct hm_pkt *k)
{
	return hm_addr_of(k->at + HM_IP6_AT_DST);
}

static inline uint8_t hm_pkt_next(const struct hm_pkt *k)
{
	return k->at[HM_IP6_AT_NEXT];
}

static inline struct hm_span hm_pkt_span(const struct hm_pkt *k)
{
	return (struct hm_span){ k->at, k->len };
}

static inline unsigned hm_pkt_ecn(const struct hm_pkt *k)
{
	return (unsigned)k->at[1] >> 4 & 3;
}

static inline void hm_pkt_set_ecn(struct hm_pkt *k, unsigned ecn)
{
	k->at[1] = (uint8_t)((k->at[1] & 0xcf) | ecn << 4);
}

/* Writes the length field. */
static inline void hm_pkt_set_len(struct hm_pkt *k)
{
	size_t len = k->len - HM_IP6_LEN;

	k->at[HM_IP6_AT_LENGTH] = (uint8_t)(len >> 8);
	k->at[HM_IP6_AT_LENGTH + 1] = (uint8_t)len;
}

/* The outer headers of a tunnelled packet: almost always just the one. */
static inline struct hm_tunnel_head hm_pkt_tunnel(const struct hm_pkt *k)
{
	uint8_t next = hm_pkt_next(k);

	if (next == HM_NH_DSTOPTS || next == HM_NH_FRAGMENT)
		return hm_tunnel_head(hm_pkt_span(k));
	return (struct hm_tunnel_head){ .len = next == HM_NH_IPV6 ? HM_IP6_LEN : 0 };
}

static inline bool hm_nh_may_tunnel(uint8_t next)
{
	return next == HM_NH_IPV6 || next == HM_NH_DSTOPTS || next == HM_NH_FRAGMENT;
}

/* hm_encap_limit(), without a call for all but those that may hold or want one. */
static inline int hm_pkt_limit(const struct hm_pkt *k)
{
	const size_t inner_next = HM_IP6_LEN + HM_IP6_AT_NEXT;
	uint8_t next = hm_pkt_next(k);

	if (next == HM_NH_IPV6 && (k->len <= inner_next || !hm_nh_may_tunnel(k->at[inner_next])))
		return HM_ENCAP_NO_LIMIT;
	if (next != HM_NH_DSTOPTS && next != HM_NH_IPV6)
		return HM_ENCAP_NO_LIMIT;
	return hm_encap_limit(hm_pkt_span(k));
}

static inline size_t hm_pkt_overhead(int limit)
{
	return limit == HM_ENCAP_NO_LIMIT ? HM_IP6_LEN : HM_ENCAP_OVERHEAD_MAX;
}

void hm_pkt_set_src(struct hm_pkt *k, const struct hm_addr *a);
void hm_pkt_set_dst(struct hm_pkt *k, const struct hm_addr *a);

/* Puts an IPv6 header in front, and a Tunnel Encapsulation Limit unless it is HM_ENCAP_NO_LIMIT:
 * hop limit 64, traffic class (ECN included, RFC 6040 normal mode) and flow label of the packet
 * inside. False: no room, or too long for the length field. */
bool hm_pkt_push(struct hm_pkt *k, const struct hm_addr *src, const struct hm_addr *dst, int limit);

/* Takes the outer headers of a tunnelled packet away, which are so long. False, and the packet as
 * it was, when the inside is no IPv6 packet or RFC 6040 4.2 wants it dropped (congestion marked
 * outside, inside not capable of it). */
bool hm_pkt_pop(struct hm_pkt *k, size_t head_len);

/* Takes the Fragment header out of a packet of one fragment (RFC 6946). */
void hm_pkt_unfragment(struct hm_pkt *k, const struct hm_fragment *f);

/* Destination `to`; a type 2 routing header holds the destination it had. */
bool hm_pkt_route(struct hm_pkt *k, const struct hm_addr *to);

/* Source `from`; a Home Address option, behind the routing header when hm_pkt_route() made one
 * (RFC 6275 6.3), holds the source it had. */
bool hm_pkt_home(struct hm_pkt *k, const struct hm_addr *from, bool routed);

/* Undoes what the headers in front say: the packet as its sender's upper layers made it. */
void hm_pkt_strip(struct hm_pkt *k, const struct hm_ro_front *front);

/* Replaces the packet by an ICMPv6 error about it, from `from` to its source, of at most 1280
 * octets. `value` is the MTU of Packet Too Big. False: about this packet none may be sent
 * (RFC 4443 2.4 e). The buffer must hold 1280 octets from `at` on. */
bool hm_pkt_error(struct hm_pkt *k, const struct hm_addr *from, uint8_t type, uint8_t code,
                  uint32_t value);

#endif
