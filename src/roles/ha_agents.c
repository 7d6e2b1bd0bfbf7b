#include "roles/ha_agents.h"

/* Its whole address is in a prefix option with the R bit (RFC 6275 7.2). */
static const struct hm_addr *address_of(const struct hm_ha_config *config, const struct hm_ra *ra)
{
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++) {
		const struct hm_ra_prefix *p = &ra->prefixes[i];

		if (p->router_addr && hm_addr_is_global(&p->addr) &&
		    hm_addr_in(&p->addr, &config->address, config->plen))
			return &p->addr;
	}
	return NULL;
}

/* Preferences are signed on the wire (RFC 6275 7.4). */
static int rank(const struct hm_ha_agent *a)
{
	return (int16_t)a->preference;
}

/* The slot of that router, or a free one, or that of an agent less preferred; NULL: none. */
static struct hm_ha_agent *take_slot(struct hm_ha_agents *agents, const struct hm_addr *router,
                                     uint16_t preference, hm_ms now)
{
	struct hm_ha_agent *best = NULL;

	for (unsigned i = 0; i < HM_HA_AGENTS_MAX; i++) {
		struct hm_ha_agent *a = &agents->agent[i];

		if (hm_addr_eq(&a->router, router))
			return a;
		if (a->expires_ms <= now) {
			if (!best || best->expires_ms > now)
				best = a;
		} else if (rank(a) < (int16_t)preference &&
		           (!best || (best->expires_ms > now && rank(a) < rank(best)))) {
			best = a;
		}
	}
	return best;
}

static void forget(struct hm_ha_agents *agents, const struct hm_addr *router)
{
	for (unsigned i = 0; i < HM_HA_AGENTS_MAX; i++)
		if (hm_addr_eq(&agents->agent[i].router, router))
			agents->agent[i] = (struct hm_ha_agent){ .expires_ms = 0 };
}

void hm_ha_agents_heard(struct hm_ha_agents *agents, const struct hm_ha_config *config,
                        const struct hm_packet *packet, hm_ms now)
{
	const struct hm_ra *ra = &packet->ra;
	const struct hm_addr *addr = address_of(config, ra);
	uint16_t lifetime = ra->has_ha_info ? ra->ha_lifetime_s : ra->lifetime_s;
	uint16_t preference = ra->has_ha_info ? ra->ha_preference : 0;
	struct hm_ha_agent *slot;

	if (!hm_addr_is_link_local(&packet->src) || (addr && hm_addr_eq(addr, &config->address)))
		return;
	if (!ra->home_agent || lifetime == 0) {
		forget(agents, &packet->src);
		return;
	}
	slot = addr ? take_slot(agents, &packet->src, preference, now) : NULL;
	if (slot)
		*slot = (struct hm_ha_agent){ *addr, packet->src, preference,
			                      hm_after(now, lifetime * HM_SECOND) };
}

void hm_ha_agents_list(struct hm_ha_agents *agents, const struct hm_addr *own, hm_ms now,
                       struct hm_haad *ret_haad)
{
	struct hm_ha_agent list[HM_HAAD_AGENTS_MAX] = { { .addr = *own } };
	unsigned n = 1;

	for (unsigned i = 0; i < HM_HA_AGENTS_MAX; i++) {
		const struct hm_ha_agent *a = &agents->agent[i];
		unsigned at = n;

		if (a->expires_ms <= now)
			continue;
		for (; at > 0 && rank(&list[at - 1]) <= rank(a); at--) {
			if (rank(&list[at - 1]) == rank(a) && hm_rand_below(&agents->rand, 2))
				break;
			list[at] = list[at - 1];
		}
		list[at] = *a;
		n++;
	}
	ret_haad->n_agents = (uint8_t)n;
	for (unsigned i = 0; i < n; i++)
		ret_haad->agents[i] = list[i].addr;
}
