/* The five roles; the host knows them by this table alone. */
#ifndef HM_ROLES_ROLE_H
#define HM_ROLES_ROLE_H

#include "engine/step.h"

extern const struct hm_role hm_role_ms, hm_role_mh, hm_role_ra, hm_role_ha, hm_role_ch;

/* The descriptor of a role; never NULL for an id below HM_ROLES. */
const struct hm_role *hm_role_by_id(enum hm_role_id id);

#endif
