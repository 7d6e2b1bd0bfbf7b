/* The one layout that registrations, handoffs and binding updates share (PROTOCOL 2.1). */
#ifndef HM_WIRE_UPDATE_H
#define HM_WIRE_UPDATE_H

#include "base/cursor.h"

#define HM_UPDATE_LEN 8 /* without type, length and sub-options */

#define HM_UPDATE_ACK 0x80
#define HM_UPDATE_HOME 0x40
#define HM_UPDATE_ROUTER 0x20
#define HM_UPDATE_DAD 0x10

struct hm_update {
	uint8_t flags;
	uint8_t plen;
	uint16_t seq;
	uint32_t lifetime_s;
};

static inline struct hm_update hm_update_read(struct hm_rd fixed)
{
	struct hm_update u = { .flags = hm_rd_u8(&fixed) };

	u.plen = hm_rd_u8(&fixed);
	u.seq = hm_rd_u16(&fixed);
	u.lifetime_s = hm_rd_u32(&fixed);
	return u;
}

static inline void hm_update_write(struct hm_wr *w, const struct hm_update *u)
{
	hm_wr_u8(w, u->flags);
	hm_wr_u8(w, u->plen);
	hm_wr_u16(w, u->seq);
	hm_wr_u32(w, u->lifetime_s);
}

#endif
