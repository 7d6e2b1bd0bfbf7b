#include "wire/msgopt.h"

#include "wire/back.h"
#include "wire/bu.h"
#include "wire/dstopt.h"
#include "wire/handoff.h"
#include "wire/msinfo.h"
#include "wire/reg.h"
#include "wire/update.h"

const struct hm_wire_numbers hm_wire_defaults = {
	.nd_mobility_information = 253,
	.mobility_information = 0x1e,
	.registration_request = 0xca,
	.registration_update = 0xcb,
	.registration_refresh = 0xcc,
	.handoff_request = 0xcd,
};

static const struct hm_msgopt table[] = {
	{ HM_MSG_REG_REQUEST, 4, 2, HM_UPDATE_LEN, true, true, hm_reg_read, hm_reg_write },
	{ HM_MSG_REG_UPDATE, 4, 2, HM_UPDATE_LEN, true, true, hm_reg_read, hm_reg_write },
	{ HM_MSG_REG_REFRESH, 4, 2, HM_UPDATE_LEN, true, true, hm_reg_read, hm_reg_write },
	{ HM_MSG_HANDOFF, 4, 2, HM_UPDATE_LEN, true, true, hm_handoff_read, hm_handoff_write },
	{ HM_MSG_BU, 4, 2, HM_UPDATE_LEN, true, false, hm_bu_read, hm_bu_write },
	{ HM_MSG_BACK, 4, 3, HM_BACK_LEN, false, false, hm_back_read, hm_back_write },
	{ HM_MSG_BREQ, 1, 0, 0, false, false, hm_breq_read, hm_breq_write },
	{ HM_MSG_MSINFO, 8, 2, HM_MSINFO_LEN, false, false, hm_msinfo_read, hm_msinfo_write },
};

#define TABLE_LEN (sizeof table / sizeof table[0])

const struct hm_msgopt *hm_msgopt_of_kind(enum hm_msg_kind kind)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].kind == kind)
			return &table[i];
	return NULL;
}

uint8_t hm_msgopt_type(const struct hm_msgopt *msgopt, const struct hm_wire_numbers *numbers)
{
	const uint8_t types[HM_MSG_KINDS] = {
		[HM_MSG_REG_REQUEST] = numbers->registration_request,
		[HM_MSG_REG_UPDATE] = numbers->registration_update,
		[HM_MSG_REG_REFRESH] = numbers->registration_refresh,
		[HM_MSG_HANDOFF] = numbers->handoff_request,
		[HM_MSG_BU] = HM_OPT_BU,
		[HM_MSG_BACK] = HM_OPT_BACK,
		[HM_MSG_BREQ] = HM_OPT_BREQ,
		[HM_MSG_MSINFO] = numbers->mobility_information,
	};

	return types[msgopt->kind];
}

const struct hm_msgopt *hm_msgopt_of_type(uint8_t type, const struct hm_wire_numbers *numbers)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (hm_msgopt_type(&table[i], numbers) == type)
			return &table[i];
	return NULL;
}
