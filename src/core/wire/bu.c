#include "wire/bu.h"

#include "wire/update.h"

enum hm_drop hm_bu_read(struct hm_rd fixed, const struct hm_subopts *subs, struct hm_packet *packet)
{
	struct hm_update u = hm_update_read(fixed);
	struct hm_bu bu = { .seq = u.seq, .lifetime_s = u.lifetime_s };

	bu.ack = u.flags & HM_UPDATE_ACK;
	bu.home_reg = u.flags & HM_UPDATE_HOME;
	bu.router = u.flags & HM_UPDATE_ROUTER;
	bu.dad = u.flags & HM_UPDATE_DAD;
	bu.plen = bu.home_reg ? u.plen : 0;
	bu.has_alt_coa = subs->has_alt_coa;
	bu.alt_coa = subs->alt_coa;
	bu.has_unique_id = subs->has_unique_id;
	bu.unique_id = subs->unique_id;
	if (bu.plen > 128)
		return HM_DROP_MALFORMED;
	if (bu.has_alt_coa && !hm_addr_is_global(&bu.alt_coa))
		return HM_DROP_BAD_ADDRESS;
	packet->bu = bu;
	return HM_DROP_NONE;
}

void hm_bu_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	const struct hm_bu *bu = &packet->bu;
	struct hm_update u = { .seq = bu->seq, .lifetime_s = bu->lifetime_s };

	u.flags = (uint8_t)((bu->ack ? HM_UPDATE_ACK : 0) | (bu->home_reg ? HM_UPDATE_HOME : 0) |
	                    (bu->router ? HM_UPDATE_ROUTER : 0) | (bu->dad ? HM_UPDATE_DAD : 0));
	u.plen = bu->home_reg ? bu->plen : 0;
	hm_update_write(w, &u);
	subs->has_alt_coa = bu->has_alt_coa;
	subs->alt_coa = bu->alt_coa;
	subs->has_unique_id = bu->has_unique_id;
	subs->unique_id = bu->unique_id;
}

enum hm_drop hm_breq_read(struct hm_rd fixed, const struct hm_subopts *subs,
                          struct hm_packet *packet)
{
	(void)fixed;
	packet->breq = (struct hm_breq){ subs->has_unique_id, subs->unique_id };
	return HM_DROP_NONE;
}

void hm_breq_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	(void)w;
	subs->has_unique_id = packet->breq.has_unique_id;
	subs->unique_id = packet->breq.unique_id;
}
