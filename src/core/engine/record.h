/* What is kept over a restart, as roles see it: moments are on the monotonic clock; host/store.c
 * alone turns them into dates. */
#ifndef HM_ENGINE_RECORD_H
#define HM_ENGINE_RECORD_H

#include "base/addr.h"
#include "base/clock.h"

enum hm_role_id { HM_ROLE_MS, HM_ROLE_MH, HM_ROLE_RA, HM_ROLE_HA, HM_ROLE_CH, HM_ROLES };

/* What a key, and so a sequence of numbers, is used for (PROTOCOL 5). */
enum hm_use {
	HM_USE_NONE,
	HM_USE_MH_MS,
	HM_USE_MH_HA,
	HM_USE_MH_CH,
	HM_USE_MS_MS,
	HM_USE_MS_RA,
	HM_USES
};

enum hm_binding_state {
	HM_BINDING_ACTIVE,
	HM_BINDING_FORWARDING, /* ms: points at a GCoA elsewhere after a Handoff Request */
};

/* A binding of role ms, ha or ch, keyed by (role, home). ha and ch leave gcoa unspecified and keep
 * the registered care-of address in coa. */
struct hm_binding_row {
	enum hm_role_id role;
	enum hm_binding_state state;
	struct hm_addr home, gcoa, coa;
	uint16_t seq;
	uint32_t epoch, spi;
	uint32_t lifetime_s;
	hm_ms registered_ms, expires_ms;
	uint32_t flags; /* the role's own */
};

/* The last number accepted from, or sent to, a peer, keyed by (use, peer, home). Outlives bindings.
 * At ms, ha and ch `peer` is :: and `home` names the mobile host; at mh `peer` is the home agent or
 * correspondent and :: stands for all mobility servers (PROTOCOL 4). */
struct hm_seq_row {
	enum hm_use use;
	struct hm_addr peer, home;
	uint16_t seq;
	uint32_t epoch, spi;
};

enum hm_registration_state {
	HM_REGISTRATION_PENDING,
	HM_REGISTRATION_ACTIVE,
	HM_REGISTRATION_REFUSED,
};

/* An entry of a mobile host's binding update list, keyed by (kind, peer, home). */
struct hm_registration_row {
	enum hm_role_id kind; /* what the peer is: ms, ha or ch */
	struct hm_addr peer, home, coa;
	uint16_t seq;
	uint32_t epoch;
	enum hm_registration_state state;
	hm_ms expires_ms;
};

enum hm_record_kind {
	HM_RECORD_BINDING,
	HM_RECORD_SEQ,
	HM_RECORD_REGISTRATION,
};

struct hm_record {
	enum hm_record_kind kind;
	union {
		struct hm_binding_row binding;
		struct hm_seq_row seq;
		struct hm_registration_row registration;
	};
};

const char *hm_role_text(enum hm_role_id role);
const char *hm_use_text(enum hm_use use);

#endif
