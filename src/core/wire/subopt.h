/* Sub-options: what stands behind the fixed part of a registration or binding option (PROTOCOL 2.1,
 * 5). All of them are read in one place, and each message takes those that are its own. */
#ifndef HM_WIRE_SUBOPT_H
#define HM_WIRE_SUBOPT_H

#include "wire/packet.h"

#define HM_SUB_UNIQUE_ID 2
#define HM_SUB_ALT_COA 4
#define HM_SUB_AUTH 5
#define HM_SUB_PREV_MS 102
#define HM_SUB_NEW_GCOA 103

struct hm_subopts {
	bool has_unique_id, has_alt_coa, has_prev_ms, has_new_gcoa;
	uint16_t unique_id;
	struct hm_addr alt_coa, prev_ms, new_gcoa;
	struct hm_auth_data auth;
	size_t mac_at; /* of auth.mac, from the start of the Destination Options header */
};

/* `body` starts `at` octets into the Destination Options header. */
enum hm_drop hm_subopts_read(struct hm_rd body, size_t at, struct hm_subopts *ret_subs);

/* Writes those that are present, Authentication Data last and its MAC zero, and sets mac_at. */
void hm_subopts_write(struct hm_wr *w, size_t header_at, struct hm_subopts *subs);

#endif
