#include "wire/msinfo.h"

enum hm_drop hm_msinfo_read(struct hm_rd fixed, const struct hm_subopts *subs,
                            struct hm_packet *packet)
{
	struct hm_msinfo info = { .level = hm_rd_u8(&fixed) };

	(void)subs;
	info.preference = hm_rd_u8(&fixed);
	hm_rd_skip(&fixed, 1);
	info.plen = hm_rd_u8(&fixed);
	info.ms = hm_rd_addr(&fixed);
	if (info.plen > HM_MSINFO_PLEN_MAX)
		return HM_DROP_MALFORMED;
	if (!hm_addr_is_any(&info.ms)) {
		if (!hm_addr_is_global(&info.ms))
			return HM_DROP_BAD_ADDRESS;
		/* A server speaks for itself, or its key would speak for others. */
		if (!hm_addr_eq(&info.ms, &packet->src))
			return HM_DROP_BAD_SOURCE;
	}
	packet->msinfo = info;
	return HM_DROP_NONE;
}

void hm_msinfo_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs)
{
	const struct hm_msinfo *info = &packet->msinfo;

	(void)subs;
	hm_wr_u8(w, info->level);
	hm_wr_u8(w, info->preference);
	hm_wr_u8(w, 0);
	hm_wr_u8(w, info->plen);
	hm_wr_addr(w, &info->ms);
}

bool hm_msinfo_nd_read(struct hm_rd body, struct hm_msinfo *ret_info)
{
	struct hm_msinfo info = { .plen = 0 };

	if (body.left != 8 * HM_MSINFO_ND_UNITS - 2)
		return false;
	hm_rd_skip(&body, 1);
	info.plen = hm_rd_u8(&body);
	info.level = hm_rd_u8(&body);
	info.preference = hm_rd_u8(&body);
	info.lifetime_s = hm_rd_u16(&body);
	info.ms = hm_rd_addr(&body);
	if (info.plen == 0 || info.plen > HM_MSINFO_PLEN_MAX || !hm_addr_is_global(&info.ms))
		return false;
	*ret_info = info;
	return true;
}

void hm_msinfo_nd_write(struct hm_wr *w, uint8_t type, const struct hm_msinfo *info)
{
	hm_wr_u8(w, type);
	hm_wr_u8(w, HM_MSINFO_ND_UNITS);
	hm_wr_u8(w, 0);
	hm_wr_u8(w, info->plen);
	hm_wr_u8(w, info->level);
	hm_wr_u8(w, info->preference);
	hm_wr_u16(w, info->lifetime_s);
	hm_wr_addr(w, &info->ms);
}
