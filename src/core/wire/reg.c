#include "wire/reg.h"

#include "wire/update.h"

enum hm_drop hm_reg_read(struct hm_rd fixed, const struct hm_subopts *subs,
                         struct hm_packet *packet)
{
	struct hm_update u = hm_update_read(fixed);
	struct hm_reg reg = { .ack = u.flags & HM_UPDATE_ACK, .malen = u.plen, .seq = u.seq };

	reg.lifetime_s = u.lifetime_s;
	if (packet->kind == HM_MSG_REG_REQUEST && subs->has_prev_ms) {
		reg.has_prev_ms = true;
		reg.prev_ms = subs->prev_ms;
	}
	if (packet->kind != HM_MSG_REG_REFRESH && subs->has_alt_coa) {
		reg.has_alt_coa = true;
		reg.alt_coa = subs->alt_coa;
	}
	if (reg.malen > 128)
		return HM_DROP_MALFORMED;
	if (reg.has_prev_ms && !hm_addr_is_any(&reg.prev_ms) && !hm_addr_is_global(&reg.prev_ms))
		return HM_DROP_BAD_ADDRESS;
	if (reg.has_alt_coa && !hm_addr_is_global(&reg.alt_coa))
		return HM_DROP_BAD_ADDRESS;
	packet->reg = reg;
	return HM_DROP_NONE;
}

void hm_reg_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	const struct hm_reg *reg = &packet->reg;
	struct hm_update u = { .flags = reg->ack ? HM_UPDATE_ACK : 0, .plen = reg->malen };

	u.seq = reg->seq;
	u.lifetime_s = reg->lifetime_s;
	hm_update_write(w, &u);
	if (packet->kind == HM_MSG_REG_REQUEST) {
		subs->has_prev_ms = reg->has_prev_ms;
		subs->prev_ms = reg->prev_ms;
	}
	if (packet->kind != HM_MSG_REG_REFRESH) {
		subs->has_alt_coa = reg->has_alt_coa;
		subs->alt_coa = reg->alt_coa;
	}
}
