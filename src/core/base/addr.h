/* IPv6 addresses as values: sixteen octets in network order, compared, joined and classified
 * without a libc call (RFC 4291). Addresses are parsed in host/ and printed by base/text.h. */
#ifndef HM_BASE_ADDR_H
#define HM_BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hm_addr {
	uint8_t b[16];
};

/* The first plen bits of addr count; the rest is ignored. */
struct hm_prefix {
	struct hm_addr addr;
	uint8_t plen;
};

static const struct hm_addr hm_addr_any = { { 0 } };
static const struct hm_addr hm_addr_all_nodes = { { 0xff, 0x02, [15] = 0x01 } };
static const struct hm_addr hm_addr_all_routers = { { 0xff, 0x02, [15] = 0x02 } };

static inline struct hm_addr hm_addr_of(const uint8_t b[16])
{
	struct hm_addr a;

	memcpy(a.b, b, sizeof a.b);
	return a;
}

static inline bool hm_addr_eq(const struct hm_addr *a, const struct hm_addr *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool hm_addr_is_any(const struct hm_addr *a)
{
	return hm_addr_eq(a, &hm_addr_any);
}

static inline bool hm_addr_is_multicast(const struct hm_addr *a)
{
	return a->b[0] == 0xff;
}

static inline bool hm_addr_is_link_local(const struct hm_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static inline bool hm_addr_is_loopback(const struct hm_addr *a)
{
	static const struct hm_addr loopback = { { [15] = 1 } };

	return hm_addr_eq(a, &loopback);
}

static inline bool hm_addr_is_v4_mapped(const struct hm_addr *a)
{
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->b, head, sizeof head) == 0;
}

/* An address a binding may name: unicast, and of global scope (RFC 4291) or ULA (RFC 4193). */
static inline bool hm_addr_is_global(const struct hm_addr *a)
{
	return !hm_addr_is_any(a) && !hm_addr_is_multicast(a) && !hm_addr_is_link_local(a) &&
	       !hm_addr_is_loopback(a) && !hm_addr_is_v4_mapped(a);
}

/* The mask of octet i in a prefix of plen bits. */
static inline uint8_t hm_prefix_mask(unsigned plen, unsigned i)
{
	if (plen >= 8 * (i + 1))
		return 0xff;
	if (plen <= 8 * i)
		return 0;
	return (uint8_t)(0xff << (8 * (i + 1) - plen));
}

/* First plen bits of head, the rest of tail: how a GCoA is formed (draft 4.2.1). */
static inline struct hm_addr hm_addr_join(const struct hm_addr *head, unsigned plen,
                                          const struct hm_addr *tail)
{
	struct hm_addr out;

	for (unsigned i = 0; i < sizeof out.b; i++) {
		uint8_t mask = hm_prefix_mask(plen, i);

		out.b[i] = (uint8_t)((head->b[i] & mask) | (tail->b[i] & ~mask));
	}
	return out;
}

static inline bool hm_addr_in(const struct hm_addr *a, const struct hm_addr *prefix, unsigned plen)
{
	for (unsigned i = 0; i < sizeof a->b; i++)
		if ((a->b[i] ^ prefix->b[i]) & hm_prefix_mask(plen, i))
			return false;
	return true;
}

static inline bool hm_prefix_has(const struct hm_prefix *p, const struct hm_addr *a)
{
	return hm_addr_in(a, &p->addr, p->plen);
}

/* ff02::1:ffXX:XXXX (RFC 4291 2.7.1). */
static inline struct hm_addr hm_addr_solicited_node(const struct hm_addr *a)
{
	struct hm_addr out = { { 0xff, 0x02, [11] = 0x01, [12] = 0xff } };

	memcpy(&out.b[13], &a->b[13], 3);
	return out;
}

/* The anycast address of a network's home agents: identifier 0x7e of the reserved ones (RFC 2526).
 */
static inline struct hm_addr hm_addr_home_agents(const struct hm_addr *prefix, unsigned plen)
{
	static const struct hm_addr ones = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe } };
	struct hm_addr out = hm_addr_join(prefix, plen, &ones);

	if (plen == 64)
		out.b[8] = 0xfd; /* interface identifiers there are EUI-64 */
	return out;
}

/* fe80::/64 with the interface identifier of a 48-bit link-layer address (RFC 4291 appendix A),
 * under the first 64 bits of prefix. */
static inline struct hm_addr hm_addr_eui64(const struct hm_addr *prefix, const uint8_t mac[6])
{
	struct hm_addr out = *prefix;

	out.b[8] = mac[0] ^ 0x02;
	out.b[9] = mac[1];
	out.b[10] = mac[2];
	out.b[11] = 0xff;
	out.b[12] = 0xfe;
	out.b[13] = mac[3];
	out.b[14] = mac[4];
	out.b[15] = mac[5];
	return out;
}

#endif
