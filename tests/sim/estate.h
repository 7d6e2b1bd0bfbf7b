/* Larger sites for the simulator, put together piece by piece: any number of mobility servers, in
 * any number of networks and levels, and access links whose routers know some of them. The Internet
 * around them is always there: a home network, a correspondent that binds and one that knows
 * nothing. */
#ifndef HM_TESTS_SIM_ESTATE_H
#define HM_TESTS_SIM_ESTATE_H

#include "sim/simnet.h"

struct estate {
	struct sim sim;
	uint32_t lifetime_s;
	int home_link;
	struct sim_node *ha, *ch, *plain, *mh;
};

/* lifetime_s: what the mobile host asks for and everybody grants. Nothing is started. */
void estate_init(struct estate *s, uint64_t seed, uint32_t lifetime_s);
void estate_free(struct estate *s);

/* A mobility server at address/64, with its interface on `link`; it tells `routers` (a list that
 * NULL ends). */
struct sim_node *estate_server(struct estate *s, const char *name, const char *address, int link,
                               uint8_t level, const char *const *routers);
/* Before the start: whom it exchanges Handoff Requests with. */
void estate_peers(struct sim_node *ms, const char *const *peers);
/* A router at prefix::1 of an access link of its own; returns the link. */
int estate_access(struct estate *s, const char *name, const char *prefix, const char *address);
/* Starts everything but the mobile host, and lets it settle. */
void estate_start(struct estate *s);
void estate_move(struct estate *s, int link);
/* Fails the simulation unless packets flow both ways, from both correspondents, within `within`. */
void estate_expect_service(struct estate *s, hm_ms within);
/* And unless every tunnel that anybody else has for a binding leads to the mobile host. */
void estate_expect_no_stale_tunnel(struct estate *s);
/* The mobile host's address in a server's network, and whether the server forwards for it. */
struct hm_addr estate_gcoa(const struct estate *s, const struct sim_node *ms);
bool estate_serves(const struct estate *s, const struct sim_node *ms);

#endif
