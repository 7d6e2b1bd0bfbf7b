/* Fragments (RFC 8200 4.5): made of tunnel packets that do not fit their path (RFC 2473 7.1, 7.2),
 * and read from those that arrive. PROTOCOL 7. */
#ifndef HM_WIRE_FRAGMENT_H
#define HM_WIRE_FRAGMENT_H

#include "base/cursor.h"

#define HM_FRAGMENT_LEN 8

/* A packet on its way out in fragments. */
struct hm_fragments {
	struct hm_span packet; /* borrowed; packet.len - at octets are to be sent yet */
	size_t at;
	size_t keep,
	        next_at; /* headers that go into every fragment; where the last one says next */
	size_t first;    /* `at` at the start */
	size_t room;     /* octets of payload in a fragment, a multiple of 8 */
	uint32_t id;
	uint16_t offset; /* of a packet that is a fragment itself */
	uint8_t next;
	bool more;
};

/* Cuts for a path of `mtu`. The options and routing headers in front go into every fragment: route
 * optimisation's (RFC 6275 6.3), and a Tunnel Encapsulation Limit, which must be seen by whoever
 * encapsulates a fragment. A packet that is a fragment is cut further, and `id` is not used.
 * HM_EMALFORMED: no whole packet, an MTU below IPv6's least, or nothing to cut. */
int hm_fragments_begin(struct hm_span packet, uint32_t mtu, uint32_t id,
                       struct hm_fragments *ret_fragments);

static inline bool hm_fragments_left(const struct hm_fragments *f)
{
	return f->at < f->packet.len;
}

/* Writes the next one. */
int hm_fragments_write(struct hm_fragments *f, struct hm_wr *w);

/* A fragment received. */
struct hm_fragment {
	size_t at;      /* of its Fragment header */
	size_t next_at; /* where the number of that header stands */
	uint8_t next;
	bool more;
	size_t offset;
	uint32_t id;
	struct hm_span data; /* borrowed */
};

/* Behind options and routing headers. HM_ENOTFOUND: the packet is no fragment. HM_EMALFORMED: it is
 * not whole, or a fragment that RFC 8200 4.5 has discarded: empty, not the last and no multiple of
 * 8 octets, or beyond the longest packet. */
int hm_fragment_read(struct hm_span packet, struct hm_fragment *ret_fragment);

#endif
