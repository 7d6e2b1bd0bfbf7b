/* The home agents of the home link, as their Router Advertisements tell (RFC 6275 10.1, 10.5): what
 * a mobile host is given that asks for its home agent's address. */
#ifndef HM_ROLES_HA_AGENTS_H
#define HM_ROLES_HA_AGENTS_H

#include "base/rand.h"
#include "engine/config.h"

/* One answer's worth, less ourselves. */
#define HM_HA_AGENTS_MAX (HM_HAAD_AGENTS_MAX - 1)

struct hm_ha_agent {
	struct hm_addr addr; /* :: there is none */
	struct hm_addr router;
	uint16_t preference;
	hm_ms expires_ms;
};

struct hm_ha_agents {
	struct hm_ha_agent agent[HM_HA_AGENTS_MAX];
	struct hm_rand rand;
};

/* A Router Advertisement on the home link. */
void hm_ha_agents_heard(struct hm_ha_agents *agents, const struct hm_ha_config *config,
                        const struct hm_packet *ra, hm_ms now);
/* Everybody known and `own`, whose preference is 0, best first; equals in an order that changes. */
void hm_ha_agents_list(struct hm_ha_agents *agents, const struct hm_addr *own, hm_ms now,
                       struct hm_haad *ret_haad);

#endif
