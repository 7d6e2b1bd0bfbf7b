/* The site that simulations play in: a home network, domain A with a mobility server on a link and
 * two access links, domain B with a routed Mobility Network, a link without a mobility server, a
 * correspondent that binds and one that knows nothing. */
#ifndef HM_TESTS_SIM_SITE_H
#define HM_TESTS_SIM_SITE_H

#include "sim/simnet.h"

#define SITE_HOSTS_MAX 3

enum site_link { SITE_HOME, SITE_A1, SITE_A2, SITE_B, SITE_C, SITE_ACCESS_LINKS };

struct site {
	struct sim sim;
	struct sim_node *ha, *msa, *msb, *ch, *plain;
	struct sim_node *routers[SITE_ACCESS_LINKS];
	unsigned n_hosts;
	struct sim_node *hosts[SITE_HOSTS_MAX];
	int links[SITE_ACCESS_LINKS];
};

/* Everything built, nothing started. Mobile hosts are attached nowhere. */
void site_init(struct site *s, uint64_t seed, unsigned n_hosts);
/* Starts all but the mobile hosts. */
void site_start(struct site *s);
void site_free(struct site *s);

void site_move(struct site *s, struct sim_node *host, enum site_link to);
/* Fails the simulation unless packets flow both ways, from both correspondents, within `within`. */
void site_expect_service(struct site *s, struct sim_node *host, hm_ms within);
/* Fails unless no server keeps anything for a mobile host. */
void site_expect_nothing_left(struct site *s);

#endif
