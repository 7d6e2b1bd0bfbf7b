#include "wire/handoff.h"

#include "wire/update.h"

enum hm_drop hm_handoff_read(struct hm_rd fixed, const struct hm_subopts *subs,
                             struct hm_packet *packet)
{
	struct hm_update u = hm_update_read(fixed);

	if (!subs->has_new_gcoa || u.plen > 128)
		return HM_DROP_MALFORMED;
	if (!hm_addr_is_global(&subs->new_gcoa))
		return HM_DROP_BAD_ADDRESS;
	packet->handoff = (struct hm_handoff){ u.plen, u.seq, u.lifetime_s, subs->new_gcoa };
	return HM_DROP_NONE;
}

void hm_handoff_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	const struct hm_handoff *handoff = &packet->handoff;
	struct hm_update u = { .plen = handoff->malen, .seq = handoff->seq };

	u.lifetime_s = handoff->lifetime_s;
	hm_update_write(w, &u);
	subs->has_new_gcoa = true;
	subs->new_gcoa = handoff->new_gcoa;
}
