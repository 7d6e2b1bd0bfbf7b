#include "base/err.h"

const char *hm_err_text(int err)
{
	switch (err) {
	case HM_OK:
		return "ok";
	case HM_PENDING:
		return "pending";
#define HM_ERROR_CASE(name, value, text)                                                           \
	case name:                                                                                 \
		return text;
		HM_ERRORS(HM_ERROR_CASE)
#undef HM_ERROR_CASE
	default:
		return "unknown error";
	}
}
