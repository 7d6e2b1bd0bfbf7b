/* IPv6 in IPv6 (RFC 2473; congestion marks RFC 6040; flow labels RFC 6438): what a data plane in
 * user space needs to tunnel packets, without a syscall. PROTOCOL 7.
 *
 * Hop limits of the inner packet are the business of whoever routed it here: it is forwarded once,
 * by the kernel, and nothing below counts again. */
#ifndef HM_WIRE_ENCAP_H
#define HM_WIRE_ENCAP_H

#include "base/addr.h"
#include "base/cursor.h"

/* How often a packet may be encapsulated when nobody limited it before (RFC 2473 6.6). */
#define HM_ENCAP_LIMIT 4
#define HM_ENCAP_NO_LIMIT 256

/* A Destination Options header with a Tunnel Encapsulation Limit. */
#define HM_LIMIT_LEN 8
/* Outer headers at most: with that. */
#define HM_ENCAP_OVERHEAD_MAX 48

/* The outer headers of an IPv6-in-IPv6 packet (RFC 2473 3): the IPv6 header and, maybe, a limit. */
struct hm_tunnel_head {
	size_t len;    /* 0: this is no tunnelled packet */
	bool fragment; /* a Fragment header follows them, and then a part of the rest */
};

struct hm_tunnel_head hm_tunnel_head(struct hm_span packet);

/* The limit that an outer header around the packet is to carry: what the packet's own headers
 * carry, less one. A packet without starts one when it is a tunnel in a tunnel already: two levels
 * of tunnels are what every mobile host in a domain has, and pay nothing for a limit; a third is
 * where a nest, or a loop of bindings that point at each other, begins. HM_ENCAP_NO_LIMIT: none.
 * HM_EPERM: it is used up; answer with a Parameter Problem, code 0, at hm_encap_limit_at(). */
int hm_encap_limit(struct hm_span packet);

/* Writes that Destination Options header, in front of the packet. */
void hm_encap_limit_write(struct hm_wr *w, uint8_t limit);

struct hm_encap {
	struct hm_addr src, dst;
	uint8_t hop_limit; /* 0: 64 */
};

/* The octets that hm_encap_write() puts before the packet: 40 or 48. */
size_t hm_encap_overhead(const uint8_t *packet, size_t len);

/* Writes outer header and packet. HM_EMALFORMED: no whole IPv6 packet. HM_EPERM: see
 * hm_encap_limit(). HM_ETOOBIG: it does not fit in w, or in any packet. */
int hm_encap_write(const uint8_t *packet, size_t len, const struct hm_encap *how, struct hm_wr *w);

/* Where the limit stands in the packet's own headers; 0: it has none. */
size_t hm_encap_limit_at(const uint8_t *packet, size_t len);

/* `forwarding = rewrite` (draft 4.3.5): the packet with another outer source and destination.
 * HM_EUNSUPPORTED: it is not IPv6 in IPv6, encapsulate it. There is no checksum over the addresses
 * of a tunnel, so the copy is valid. */
int hm_encap_rewrite(const uint8_t *packet, size_t len, const struct hm_addr *src,
                     const struct hm_addr *dst, struct hm_wr *w);

#define HM_ECN_NOT_ECT 0
#define HM_ECN_ECT1 1
#define HM_ECN_CE 3

/* The congestion mark of a packet out of a tunnel (RFC 6040 figure 4), by the traffic classes
 * outside and inside. False: the packet must be dropped. */
bool hm_ecn_join(uint8_t outer_tclass, uint8_t *inner_tclass);

/* A tunnelled packet: what to check before it is unpacked. */
struct hm_decap {
	struct hm_addr src, dst;             /* outer */
	struct hm_addr inner_src, inner_dst; /* inner */
	struct hm_span inner;                /* borrowed: the inner packet, exactly its length */
	uint8_t inner_tclass;                /* after RFC 6040 4.2 */
};

/* HM_EUNSUPPORTED: not IPv6 in IPv6. HM_EMALFORMED: drop it (broken, a routing header in the
 * tunnel, an impossible inner source, or congestion marked on a packet that cannot carry it). */
int hm_decap_read(const uint8_t *packet, size_t len, struct hm_decap *ret_decap);

/* Writes the inner packet, with the congestion mark it has now. */
int hm_decap_write(const struct hm_decap *decap, struct hm_wr *w);

/* What becomes of a packet of `len` octets in a tunnel (RFC 2473 7.1). */
enum hm_encap_fit {
	HM_ENCAP_FITS,
	HM_ENCAP_FRAGMENT, /* too small to be refused: the outer packet is sent in fragments */
	HM_ENCAP_TOO_BIG,  /* Packet Too Big with hm_encap_mtu() to its source */
};

enum hm_encap_fit hm_encap_fit(size_t len, size_t overhead, uint32_t path_mtu);

/* The MTU of a tunnel over a path, never under 1280. */
uint32_t hm_encap_mtu(uint32_t path_mtu, size_t overhead);

#endif
