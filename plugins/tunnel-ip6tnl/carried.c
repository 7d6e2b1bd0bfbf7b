#include "carried.h"

#include "tunnel-tun/net.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

uint32_t hm_carried_table(const struct hm_carried *c, unsigned i)
{
	return i == 0 ? HM_NET_TABLE_CARRIED : c->pairs[i - 1].table;
}

/* The outermost tunnel's table, of the one that is the i-th. When the end within it changes, so may
 * the server at its other end, which takes nothing that comes from the former end: what is under
 * way from there finds the way it had, in the other table. */
static uint32_t outermost_table(const struct hm_carried *now, const struct hm_tunnel_entry *e,
                                unsigned i)
{
	uint32_t table = HM_NET_TABLE_CARRIED + i, other = table + HM_TUNNEL_HOPS;
	const struct hm_carried_pair *was = &now->pairs[i - 1];

	if (now->n_hops != e->n_hops)
		return table;
	if (memcmp(was->local.b, e->hops[i - 1].local, 16) == 0)
		return was->table;
	return was->table == table ? other : table;
}

static struct hm_carried_pair *add_pair(struct hm_carried *c, const struct hm_tunnel_hop *hop)
{
	struct hm_carried_pair *p = &c->pairs[c->n_pairs++];

	p->local = hm_addr_of(hop->local);
	p->remote = hm_addr_of(hop->remote);
	return p;
}

static void add_hop(struct hm_carried *c, const struct hm_carried *now,
                    const struct hm_tunnel_entry *e, unsigned i)
{
	struct hm_carried_pair *p = add_pair(c, &e->hops[i]);

	p->within = i + 1u < e->n_hops;
	if (i + 2u == e->n_hops)
		p->table = outermost_table(now, e, i + 1);
	else if (p->within)
		p->table = HM_NET_TABLE_CARRIED + i + 1;
}

static bool is_assigned(const uint8_t b[16], int made_on)
{
	struct ifaddrs *list, *i;
	bool is = false;

	if (getifaddrs(&list) != 0)
		return false;
	for (i = list; i && !is; i = i->ifa_next) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(void *)i->ifa_addr;

		is = sin6 && sin6->sin6_family == AF_INET6 &&
		     memcmp(&sin6->sin6_addr, b, 16) == 0 &&
		     (int)if_nametoindex(i->ifa_name) != made_on;
	}
	freeifaddrs(list);
	return is;
}

/* Whether a tunnel within another has that far end. */
static bool is_end_within(const struct hm_tunnel_entry *e, const uint8_t remote[16])
{
	for (unsigned i = 0; i + 1u < e->n_hops; i++)
		if (memcmp(e->hops[i].remote, remote, 16) == 0)
			return true;
	return false;
}

static bool is_local(const struct hm_tunnel_entry *e, const uint8_t local[16])
{
	for (unsigned i = 0; i < e->n_hops; i++)
		if (memcmp(e->hops[i].local, local, 16) == 0)
			return true;
	return false;
}

/* The table that a pair of ends has now. */
static uint32_t table_of(const struct hm_carried *now, const struct hm_carried_pair *p)
{
	for (unsigned i = 0; i < now->n_pairs; i++)
		if (hm_addr_eq(&now->pairs[i].local, &p->local) &&
		    hm_addr_eq(&now->pairs[i].remote, &p->remote))
			return now->pairs[i].table;
	return 0;
}

/* A pair of ends that is only accepted, since the tunnel had them or is to have them. The kernel
 * takes packets to its own addresses alone. An end within another tunnel is made one, so that the
 * kernel takes all of them, before and after; any other is one, or it is tunnel-tun that takes. */
static void add_accepted(struct hm_carried *c, const struct hm_carried *now,
                         const struct hm_tunnel_entry *e, const struct hm_tunnel_hop *accept,
                         int made_on)
{
	bool within = is_end_within(e, accept->remote);
	struct hm_carried_pair *p;

	if (!within && !is_local(e, accept->local) && !is_assigned(accept->local, made_on))
		return;
	p = add_pair(c, accept);
	p->within = within;
	p->table = table_of(now, p);
}

struct hm_carried hm_carried_of(const struct hm_carried *now, const struct hm_tunnel_entry *e,
                                int made_on)
{
	struct hm_carried c = {
		.any = true, .routed = now->any, .home = hm_addr_of(e->match), .n_hops = e->n_hops
	};

	for (unsigned i = 0; i < e->n_hops; i++)
		add_hop(&c, now, e, i);
	for (unsigned i = 0; i < e->n_accept; i++)
		add_accepted(&c, now, e, &e->accept[i], made_on);
	return c;
}

bool hm_carried_leads_out(const struct hm_carried *c, uint32_t table)
{
	unsigned last = c->n_hops - 1u;

	if (c->n_hops <= 1)
		return c->n_hops == 1 && table == HM_NET_TABLE_CARRIED;
	if (table != HM_NET_TABLE_CARRIED + last &&
	    table != HM_NET_TABLE_CARRIED + HM_TUNNEL_HOPS + last)
		return false;
	for (unsigned i = 0; i < c->n_pairs; i++)
		if (c->pairs[i].table == table)
			return true;
	return false;
}
