#include "wire/back.h"

enum hm_drop hm_back_read(struct hm_rd fixed, const struct hm_subopts *subs,
                          struct hm_packet *packet)
{
	struct hm_back back = { .status = hm_rd_u8(&fixed) };

	(void)subs;
	back.seq = hm_rd_u16(&fixed);
	back.lifetime_s = hm_rd_u32(&fixed);
	back.refresh_s = hm_rd_u32(&fixed);
	packet->back = back;
	return HM_DROP_NONE;
}

void hm_back_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	const struct hm_back *back = &packet->back;

	(void)subs;
	hm_wr_u8(w, back->status);
	hm_wr_u16(w, back->seq);
	hm_wr_u32(w, back->lifetime_s);
	hm_wr_u32(w, back->refresh_s);
}
