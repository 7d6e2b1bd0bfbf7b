#include "wire/msg.h"

#include "wire/packet.h"

const char *hm_status_text(unsigned status)
{
	switch (status) {
#define HM_STATUS_CASE(name, value, text)                                                          \
	case value:                                                                                \
		return text;
		HM_STATUSES(HM_STATUS_CASE)
#undef HM_STATUS_CASE
	default:
		return "status-unknown";
	}
}

const char *hm_msg_text(enum hm_msg_kind kind)
{
	static const char *const texts[HM_MSG_KINDS] = {
		"none",
		"reg-request",
		"reg-update",
		"reg-refresh",
		"handoff",
		"binding-update",
		"binding-ack",
		"binding-request",
		"mobility-information",
		"router-advert",
		"router-solicit",
		"neighbour-solicit",
		"neighbour-advert",
		"icmp-error",
		"haad-request",
		"haad-reply",
	};

	return (unsigned)kind < HM_MSG_KINDS ? texts[kind] : "?";
}

const char *hm_drop_text(enum hm_drop drop)
{
	static const char *const texts[] = { "none",
#define HM_DROP_TEXT(name, text) text,
		                             HM_DROPS(HM_DROP_TEXT)
#undef HM_DROP_TEXT
	};

	return (unsigned)drop < HM_DROPS_END ? texts[drop] : "?";
}
