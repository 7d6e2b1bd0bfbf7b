/* How a mobility server keeps the routers of its area informed: Mobility Information to each, round
 * after round, and the withdrawal when it stops (draft 4.1, 4.3.1; PROTOCOL 2.3). */
#ifndef HM_ROLES_MS_INFO_H
#define HM_ROLES_MS_INFO_H

#include "base/rand.h"
#include "engine/config.h"

/* A round may take several ticks: a batch of effects holds fewer than there may be routers. */
struct hm_ms_info {
	const struct hm_config *config;
	struct hm_rand rand;
	hm_ms at; /* of the next round, or of going on with this one */
	unsigned next;
	uint32_t epoch;
	bool started, stopping;
	struct {
		char name[HM_IFNAME_MAX];
		uint32_t ifindex; /* 0: it is not there or not up */
	} link[HM_INTERFACES_MAX];
};

void hm_ms_info_init(struct hm_ms_info *info, const struct hm_config *config, uint64_t seed);
void hm_ms_info_reload(struct hm_ms_info *info, const struct hm_config *config, hm_ms now);
void hm_ms_info_start(struct hm_ms_info *info, hm_ms now);
void hm_ms_info_stop(struct hm_ms_info *info, const struct hm_event *ev, struct hm_fx *fx);
void hm_ms_info_link(struct hm_ms_info *info, const struct hm_link *link, hm_ms now);
void hm_ms_info_tick(struct hm_ms_info *info, const struct hm_event *ev, struct hm_fx *fx);

#endif
