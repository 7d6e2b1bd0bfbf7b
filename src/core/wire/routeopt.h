/* Route-optimised data packets (RFC 6275 6.3, 6.4; PROTOCOL 2.4, 7): the Home Address option that a
 * mobile host adds, the type 2 routing header that its correspondent adds, and both taken off
 * again.
 *
 * Upper-layer checksums stay valid without being touched. Sender and receiver compute them over the
 * home address: the source when a Home Address option follows (RFC 6275 11.3.1), the final
 * destination when a routing header does (RFC 8200 8.1). The packet a program wrote to or from the
 * home address already carries that checksum, and the receiver checks it after these headers are
 * off. Only addresses and headers outside the checksum change here. */
#ifndef HM_WIRE_ROUTEOPT_H
#define HM_WIRE_ROUTEOPT_H

#include "base/addr.h"
#include "base/cursor.h"

/* What either header adds. */
#define HM_RO_LEN 24u

/* Writes either header in front of `next`. */
void hm_ro_home_header(uint8_t to[HM_RO_LEN], uint8_t next, const struct hm_addr *home);
void hm_ro_routing_header(uint8_t to[HM_RO_LEN], uint8_t next, const struct hm_addr *home);

/* Writes the packet with source `care_of` and its own source in a Home Address option, behind any
 * hop-by-hop and routing header and before all else. HM_EEXIST: it carries one already.
 * HM_EMALFORMED: no whole IPv6 packet. HM_ETOOBIG: no room. */
int hm_ro_home_write(const uint8_t *packet, size_t len, const struct hm_addr *care_of,
                     struct hm_wr *w);

/* Writes the packet with destination `care_of` and its own destination in a type 2 routing header.
 * HM_EEXIST: it has a routing header already. */
int hm_ro_routing_write(const uint8_t *packet, size_t len, const struct hm_addr *care_of,
                        struct hm_wr *w);

/* Both headers, as a packet between two mobile hosts carries them. */
struct hm_ro {
	bool has_home;
	struct hm_addr home; /* of the Home Address option: the true source */
	bool has_routing;
	struct hm_addr routing; /* of the type 2 routing header: the true destination */
	struct hm_addr src, dst;
};

/* What the packet carries, checked for form: one Home Address option, aligned and global; a routing
 * header with one global address and one segment left. HM_ENOTFOUND: neither.
 * HM_EMALFORMED: drop it. Whether the addresses are those of a binding is the caller's to check. */
int hm_ro_read(const uint8_t *packet, size_t len, struct hm_ro *ret_ro);

/* What a data plane undoes in place: these headers in front of all others, and nothing among them.
 */
struct hm_ro_front {
	struct hm_ro ro;
	size_t len; /* octets they take; the packet goes on with header `next` */
	uint8_t next;
};

/* accept_rh0: a routing header of type 0 counts like one of type 2 (PROTOCOL 2.4).
 * HM_ENOTFOUND: none, or something else among them. */
int hm_ro_front(struct hm_span packet, bool accept_rh0, struct hm_ro_front *ret_front);

/* Writes the packet without what `ro` says it has, its addresses those the program sees. */
int hm_ro_strip(const uint8_t *packet, size_t len, const struct hm_ro *ro, struct hm_wr *w);

#endif
