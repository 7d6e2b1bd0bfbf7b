#include "engine/step.h"

#include <assert.h>

struct hm_effect *hm_fx_add(struct hm_fx *fx, enum hm_effect_kind kind)
{
	static struct hm_effect overflow;
	struct hm_effect *e;

	assert(fx->n < HM_FX_MAX);
	if (fx->n >= HM_FX_MAX) {
		/* A bug: a release build loses the effect, counts it, and stays in bounds. */
		hm_fx_count(fx, HM_COUNT_EFFECTS_LOST);
		e = &overflow;
	} else {
		e = &fx->e[fx->n++];
	}
	memset(e, 0, sizeof *e);
	e->kind = kind;
	return e;
}

bool hm_event_is_authentic(const struct hm_event *event, struct hm_fx *fx)
{
	switch (event->rx.verdict) {
	case HM_VERDICT_OK:
		return true;
	case HM_VERDICT_MISSING:
		hm_fx_count(fx, HM_COUNT_AUTH_MISSING);
		return false;
	case HM_VERDICT_NO_KEY:
		hm_fx_count(fx, HM_COUNT_AUTH_NO_KEY);
		return false;
	case HM_VERDICT_BAD:
		break;
	}
	hm_fx_count(fx, HM_COUNT_AUTH_BAD);
	return false;
}

bool hm_event_is_authentic_for(const struct hm_event *event, enum hm_use use, struct hm_fx *fx)
{
	if (!hm_event_is_authentic(event, fx))
		return false;
	if (hm_use_fits(event->rx.use, use))
		return true;
	hm_fx_count(fx, HM_COUNT_AUTH_NO_KEY);
	return false;
}

const char *hm_role_text(enum hm_role_id role)
{
	static const char *const texts[HM_ROLES] = { "ms", "mh", "ra", "ha", "ch" };

	return (unsigned)role < HM_ROLES ? texts[role] : "?";
}

const char *hm_use_text(enum hm_use use)
{
	static const char *const texts[HM_USES] = { "none",  "mh-ms", "mh-ha",
		                                    "mh-ch", "ms-ms", "ms-ra" };

	return (unsigned)use < HM_USES ? texts[use] : "?";
}

const char *hm_note_text(enum hm_note note)
{
	static const char *const texts[HM_NOTES] = {
		"binding-added", "binding-moved", "binding-removed", "refused",      "attached",
		"registered",    "rejected",      "unanswered",      "handoff-done", "fallback",
		"home",          "server-learnt", "server-lost",     "forwarding",
	};

	return (unsigned)note < HM_NOTES ? texts[note] : "?";
}

const char *hm_counter_text(enum hm_counter counter)
{
	static const char *const texts[] = {
#define HM_COUNTER_TEXT(name, text) text,
		HM_COUNTERS(HM_COUNTER_TEXT)
#undef HM_COUNTER_TEXT
	};

	return (unsigned)counter < HM_COUNTERS_END ? texts[counter] : "?";
}
