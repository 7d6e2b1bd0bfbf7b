/* What the parts of the router advertiser share: ra.c advertises, ra_servers.c keeps the mobility
 * servers it learnt. Private to the role. */
#ifndef HM_ROLES_RA_INT_H
#define HM_ROLES_RA_INT_H

#include "base/rand.h"
#include "engine/config.h"
#include "engine/step.h"

/* Mobility servers remembered, withdrawn ones included: their clocks must not go backwards. */
#define HM_RA_SENDERS_MAX 16
/* Hosts answered alone between two multicasts on one interface; when more ask, all get the next. */
#define HM_RA_ASKERS_MAX 4
#define HM_RA_GAPS 3

struct hm_ra_asker {
	struct hm_addr host;
	hm_ms at;
};

struct hm_ra_iface {
	struct hm_link link;
	/* Our own address in each prefix, for the R bit; :: while the interface has none. */
	struct hm_addr own[HM_RA_PREFIXES_MAX];
	hm_ms next_ms, last_ms; /* of multicast advertisements */
	unsigned initial_left;
	unsigned n_askers;
	unsigned answered; /* hosts told alone since the last multicast: they count as well */
	struct hm_ra_asker askers[HM_RA_ASKERS_MAX];
};

struct hm_ra_sender {
	bool used, advertised;
	struct hm_addr addr;
	struct hm_msinfo info;
	uint32_t epoch;
	hm_ms heard_ms, expires_ms;
	hm_ms gaps[HM_RA_GAPS];
	unsigned n_gaps;
};

struct hm_ra_state {
	const struct hm_ra_config *config;
	bool auth_none;
	bool started, stopped;
	struct hm_rand rand;
	struct hm_ra_iface ifaces[HM_INTERFACES_MAX];
	struct hm_ra_sender senders[HM_RA_SENDERS_MAX];
};

/* Mobility Information arrived (PROTOCOL 2.3; draft 4.1). True: what is advertised changed. */
bool hm_ra_on_msinfo(struct hm_ra_state *ra, const struct hm_event *ev, struct hm_fx *fx);
/* Stops advertising servers silent for three intervals. True: what is advertised changed. */
bool hm_ra_drop_silent(struct hm_ra_state *ra, hm_ms now, struct hm_fx *fx);
/* The clock of a server, kept over a restart: an old message must not be believed again. */
void hm_ra_restore(struct hm_ra_state *ra, const struct hm_record *r);

#endif
