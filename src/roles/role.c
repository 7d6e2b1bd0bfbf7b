#include "roles/role.h"

const struct hm_role *hm_role_by_id(enum hm_role_id id)
{
	static const struct hm_role *const roles[HM_ROLES] = {
		[HM_ROLE_MS] = &hm_role_ms, [HM_ROLE_MH] = &hm_role_mh, [HM_ROLE_RA] = &hm_role_ra,
		[HM_ROLE_HA] = &hm_role_ha, [HM_ROLE_CH] = &hm_role_ch,
	};

	return roles[id];
}
