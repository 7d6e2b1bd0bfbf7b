#include "host/quiet.h"

static unsigned slot_of(const struct hm_addr *peer)
{
	unsigned h = 0;

	for (unsigned i = 0; i < sizeof peer->b; i++)
		h = h * 31 + peer->b[i];
	return h % HM_QUIET_SLOTS;
}

bool hm_quiet_may_say(struct hm_quiet *quiet, const struct hm_addr *peer, hm_ms now_ms,
                      unsigned *ret_held)
{
	unsigned i = slot_of(peer);

	if (quiet->slot[i].until_ms > now_ms) {
		quiet->slot[i].held++;
		return false;
	}
	*ret_held = quiet->slot[i].held;
	quiet->slot[i].held = 0;
	quiet->slot[i].until_ms = hm_after(now_ms, HM_QUIET_MS);
	return true;
}
