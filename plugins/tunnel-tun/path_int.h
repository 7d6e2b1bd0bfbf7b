/* What both directions of the packet path share. */
#ifndef HM_TUN_PATH_INT_H
#define HM_TUN_PATH_INT_H

#include "path.h"

static inline enum hm_fate drop(struct hm_path *p, enum hm_stat why)
{
	p->stats[why]++;
	return HM_FATE_DROP;
}

/* Reports traffic, unless the same was reported within the last second. */
void hm_path_report(struct hm_path *p, int what, const struct hm_addr *home,
                    const struct hm_addr *peer, struct hm_seen *ret_seen);

#endif
