/* The IPv6 header, the extension headers behind it and the checksum over what follows them (RFC
 * 8200). Every reader of whole packets walks headers through here. */
#ifndef HM_WIRE_IP6_H
#define HM_WIRE_IP6_H

#include "base/addr.h"
#include "base/cursor.h"

#define HM_IP6_LEN 40
#define HM_IP6_MTU_MIN 1280
#define HM_IP6_HOP_LIMIT 64

#define HM_IP6_AT_LENGTH 4
#define HM_IP6_AT_NEXT 6
#define HM_IP6_AT_SRC 8
#define HM_IP6_AT_DST 24

#define HM_NH_HOP_BY_HOP 0
#define HM_NH_IPV6 41
#define HM_NH_ROUTING 43
#define HM_NH_FRAGMENT 44
#define HM_NH_ICMPV6 58
#define HM_NH_NONE 59
#define HM_NH_DSTOPTS 60

struct hm_ip6 {
	uint8_t tclass;
	uint32_t flow;
	uint16_t payload_len;
	uint8_t next;
	uint8_t hop_limit;
	struct hm_addr src, dst;
};

/* HM_EMALFORMED: no IPv6 header. The payload may be cut short. */
int hm_ip6_read(struct hm_span packet, struct hm_ip6 *ret_header);

/* The same for a packet that must be whole; octets past its payload, which a link may add as
 * padding, are cut from *ret_packet. */
int hm_ip6_read_whole(struct hm_span octets, struct hm_ip6 *ret_header, struct hm_span *ret_packet);

void hm_ip6_write(struct hm_wr *w, const struct hm_ip6 *header);

/* Writes the payload length of a packet that starts at `start` and ends where w does. */
int hm_ip6_end(struct hm_wr *w, size_t start);

/* The checksum of an upper-layer message (RFC 8200 8.1) with its own checksum field zero; over a
 * message whose field is filled in, 0 says that it is right. */
uint16_t hm_ip6_checksum(const struct hm_ip6 *pseudo, struct hm_span upper);

/* An extension header. */
struct hm_ext {
	uint8_t type;
	uint8_t next;
	size_t at, len;
	struct hm_rd body; /* what follows its two first octets */
};

/* Stands before a header: `next` is its number, `at` where it starts. */
struct hm_ext_walk {
	struct hm_rd rest;
	size_t at;
	uint8_t next;
};

struct hm_ext_walk hm_ext_walk(struct hm_span packet, uint8_t next);

/* Steps over the next Hop-by-Hop, Destination Options or Routing header. False: another header
 * follows (walk->next names it), or the packet ends inside this one (walk->rest.bad). */
bool hm_ext_next(struct hm_ext_walk *walk, struct hm_ext *ret_ext);

#endif
