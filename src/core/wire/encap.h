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

/* Outer headers at most: with a Tunnel Encapsulation Limit option. */
#define HM_ENCAP_OVERHEAD_MAX 48

struct hm_encap {
	struct hm_addr src, dst;
	uint8_t hop_limit; /* 0: 64 */
	/* Carry a Tunnel Encapsulation Limit although the packet carries none; one that it does
	 * carry is always obeyed and handed on. */
	bool limit_nesting;
};

/* The octets that hm_encap_write() puts before the packet: 40 or 48. */
size_t hm_encap_overhead(const uint8_t *packet, size_t len, const struct hm_encap *how);

/* Writes outer header and packet. HM_EMALFORMED: no whole IPv6 packet. HM_EPERM: its Tunnel
 * Encapsulation Limit is used up; answer with a Parameter Problem, code 0, at
 * hm_encap_limit_at(). HM_ETOOBIG: it does not fit in w, or in any packet. */
int hm_encap_write(const uint8_t *packet, size_t len, const struct hm_encap *how, struct hm_wr *w);

/* Where the limit stands in the packet's own headers; 0: it has none. */
size_t hm_encap_limit_at(const uint8_t *packet, size_t len);

/* `forwarding = rewrite` (draft 4.3.5): the packet with another outer source and destination.
 * HM_EUNSUPPORTED: it is not IPv6 in IPv6, encapsulate it. There is no checksum over the addresses
 * of a tunnel, so the copy is valid. */
int hm_encap_rewrite(const uint8_t *packet, size_t len, const struct hm_addr *src,
                     const struct hm_addr *dst, struct hm_wr *w);

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

/* Writes the fragment of `packet` that starts at *offset of its payload (0 at first) and moves
 * *offset behind it; the last one moves it to len - 40. `id` is the same for all fragments. Only
 * for packets made here: nothing behind the IPv6 header belongs into every fragment. */
int hm_fragment_write(struct hm_span packet, uint32_t mtu, uint32_t id, size_t *offset,
                      struct hm_wr *w);

#endif
