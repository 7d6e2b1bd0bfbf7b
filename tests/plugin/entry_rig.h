/* Entries of the plugin interface, and whose addresses they are of. */
#ifndef HM_TEST_ENTRY_RIG_H
#define HM_TEST_ENTRY_RIG_H

#include "hmipd-plugin.h"
#include "lib/addr.h"

#include <string.h>

#define CN "2001:db8:c::1"
#define HOME "2001:db8:1::aa"
#define HA "2001:db8:e::1"
#define MS "2001:db8:f::1"
#define GCOA "2001:db8:f::aa"
#define LCOA "2001:db8:a::99"

static inline void set(uint8_t to[16], const char *text)
{
	struct hm_addr a = addr(text);

	memcpy(to, a.b, 16);
}

static inline struct hm_tunnel_entry entry(uint32_t kind, const char *match, const char *local,
                                           const char *remote)
{
	struct hm_tunnel_entry e = { .size = sizeof e, .kind = kind };

	set(e.match, match);
	set(e.local, local);
	set(e.remote, remote);
	return e;
}

static inline void add_hop(struct hm_tunnel_entry *e, const char *local, const char *remote)
{
	set(e->hops[e->n_hops].local, local);
	set(e->hops[e->n_hops++].remote, remote);
}

#endif
