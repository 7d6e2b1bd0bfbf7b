/* Which of many like lines are worth logging: one per peer and ten seconds, and a bounded number
 * altogether, whoever sends how much under how many names.
 *
 * This is about who is heard: peers cause lines about refusals and failures as often as they like,
 * and one that does must not hide another. hm_log() limits how much is written, whatever the cause,
 * and knows no peers: alone it would let a flood of refusals take every line there is, for all of
 * its hundred lines a second. Two of these (refusals, failures) stay far below that, so that what
 * peers cause leaves the log room for the rest. */
#ifndef HM_HOST_QUIET_H
#define HM_HOST_QUIET_H

#include "base/addr.h"
#include "base/clock.h"

#define HM_QUIET_SLOTS 64
#define HM_QUIET_MS (10 * HM_SECOND)

struct hm_quiet {
	struct {
		hm_ms until_ms;
		unsigned held; /* lines not written since */
	} slot[HM_QUIET_SLOTS];
};

/* May a line about that peer be written now? Then ret_held is how many before it were not. Peers
 * may share a slot: they then share its silence. */
bool hm_quiet_may_say(struct hm_quiet *quiet, const struct hm_addr *peer, hm_ms now_ms,
                      unsigned *ret_held);

#endif
