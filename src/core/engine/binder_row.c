/* What `show bindings` says of a binder. */
#include "engine/binder.h"

static const char *state_text(const struct hm_binding *b)
{
	switch ((enum hm_slot_state)b->state) {
	case HM_SLOT_FREE:
	case HM_SLOT_IDLE:
		break;
	case HM_SLOT_PROBING:
		return "probing";
	case HM_SLOT_INSTALLING:
		return "installing";
	case HM_SLOT_ACTIVE:
		return "active";
	case HM_SLOT_FORWARDING:
		return "forwarding";
	}
	return "idle";
}

bool hm_binder_row(const struct hm_binder *bd, uint64_t *cursor, struct hm_show_row *ret_row)
{
	const struct hm_binding *b;

	do {
		b = hm_bindings_next(&bd->table, cursor);
	} while (b && !hm_binding_is_live(b));
	if (!b)
		return false;
	*ret_row = (struct hm_show_row){
		.role = bd->role,
		.home = b->home,
		.coa = b->coa,
		.state = state_text(b),
		.seq = b->seq,
		.epoch = b->epoch,
		.lifetime_s = b->lifetime_s,
		.since_ms = b->registered_ms,
		.expires_ms = b->expires_ms,
	};
	if (bd->role == HM_ROLE_MS)
		ret_row->gcoa = b->claimed;
	return true;
}
