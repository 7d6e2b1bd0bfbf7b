/* The mobility servers a router advertises when nobody configured them: learnt from their Mobility
 * Information, forgotten on withdrawal or silence. */
#include "roles/ra_int.h"

#define INFO_INTERVAL_DEFAULT (10 * HM_SECOND)
#define INFO_INTERVAL_MIN (1 * HM_SECOND)

static void note_server(struct hm_fx *fx, enum hm_note note, const struct hm_addr *ms)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = note;
	e->note.peer = *ms;
}

static void stop_advertising(struct hm_ra_sender *s, struct hm_fx *fx)
{
	if (!s->advertised)
		return;
	s->advertised = false;
	s->expires_ms = HM_NEVER;
	note_server(fx, HM_NOTE_SERVER_LOST, &s->info.ms);
}

static struct hm_ra_sender *sender_of(struct hm_ra_state *ra, const struct hm_addr *addr)
{
	for (unsigned s = 0; s < HM_RA_SENDERS_MAX; s++)
		if (ra->senders[s].used && hm_addr_eq(&ra->senders[s].addr, addr))
			return &ra->senders[s];
	return NULL;
}

/* A slot for a new sender. Without authentication a withdrawn one may go: there is no number of
 * its to remember. */
static struct hm_ra_sender *sender_add(struct hm_ra_state *ra, const struct hm_addr *addr)
{
	for (unsigned s = 0; s < HM_RA_SENDERS_MAX; s++) {
		struct hm_ra_sender *slot = &ra->senders[s];

		if (slot->used && !(ra->auth_none && !slot->advertised))
			continue;
		*slot = (struct hm_ra_sender){ .used = true,
			                       .addr = *addr,
			                       .expires_ms = HM_NEVER };
		return slot;
	}
	return NULL;
}

/* The MS does not say how often it sends: three times the longest of the last gaps is silence. */
static hm_ms silence_of(const struct hm_ra_sender *s)
{
	hm_ms longest = INFO_INTERVAL_MIN;

	for (unsigned g = 0; g < HM_RA_GAPS; g++) {
		hm_ms gap = g < s->n_gaps ? s->gaps[g] : INFO_INTERVAL_DEFAULT;

		if (gap > longest)
			longest = gap;
	}
	return 3 * longest;
}

static void heard(struct hm_ra_sender *s, hm_ms now)
{
	if (s->advertised) {
		memmove(&s->gaps[1], &s->gaps[0], sizeof s->gaps - sizeof s->gaps[0]);
		s->gaps[0] = now - s->heard_ms;
		if (s->n_gaps < HM_RA_GAPS)
			s->n_gaps++;
	}
	s->heard_ms = now;
	s->expires_ms = hm_after(now, silence_of(s));
}

static bool is_same_server(const struct hm_msinfo *a, const struct hm_msinfo *b)
{
	return hm_addr_eq(&a->ms, &b->ms) && a->plen == b->plen && a->level == b->level &&
	       a->preference == b->preference;
}

static bool is_usable(const struct hm_msinfo *info)
{
	return info->plen <= 126 && hm_addr_is_global(&info->ms);
}

static void store_epoch(const struct hm_ra_sender *s, struct hm_fx *fx)
{
	struct hm_record *r = &hm_fx_add(fx, HM_FX_STORE)->record;

	r->kind = HM_RECORD_SEQ;
	r->seq.use = HM_USE_MS_RA;
	r->seq.peer = s->addr;
	r->seq.epoch = s->epoch;
}

/* Everything that must hold before a message changes anything; NULL: it was counted and dropped. */
static struct hm_ra_sender *admit(struct hm_ra_state *ra, const struct hm_event *ev,
                                  struct hm_fx *fx)
{
	const struct hm_packet *p = &ev->rx.packet;
	struct hm_ra_sender *s = sender_of(ra, &p->src);

	if (!hm_event_is_authentic_for(ev, HM_USE_MS_RA, fx))
		return NULL;
	if (!hm_addr_is_any(&p->msinfo.ms) && !hm_addr_eq(&p->msinfo.ms, &p->src)) {
		hm_fx_count(fx, HM_COUNT_UNKNOWN_PEER);
		return NULL;
	}
	if (s && !ra->auth_none && p->auth.epoch <= s->epoch) {
		hm_fx_count(fx, HM_COUNT_BADSEQ);
		return NULL;
	}
	if (!s)
		s = sender_add(ra, &p->src);
	if (!s)
		hm_fx_count(fx, HM_COUNT_TABLE_FULL);
	return s;
}

/* Mobility Information (PROTOCOL 2.3; draft 4.1). */
bool hm_ra_on_msinfo(struct hm_ra_state *ra, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_msinfo *info = &ev->rx.packet.msinfo;
	bool changed;
	struct hm_ra_sender *s;

	if (ra->config->mobility != HM_RA_DYNAMIC) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return false;
	}
	s = admit(ra, ev, fx);
	if (!s)
		return false;
	s->epoch = ev->rx.packet.auth.epoch;
	store_epoch(s, fx);
	if (hm_addr_is_any(&info->ms) || info->plen == 0 || !is_usable(info)) {
		changed = s->advertised;
		stop_advertising(s, fx);
	} else {
		changed = !s->advertised || !is_same_server(&s->info, info);
		heard(s, ev->now_ms);
		if (!s->advertised)
			note_server(fx, HM_NOTE_SERVER_LEARNT, &info->ms);
		s->advertised = true;
		s->info = *info;
	}
	return changed;
}

bool hm_ra_drop_silent(struct hm_ra_state *ra, hm_ms now, struct hm_fx *fx)
{
	bool changed = false;

	for (unsigned s = 0; s < HM_RA_SENDERS_MAX; s++) {
		if (!ra->senders[s].advertised || ra->senders[s].expires_ms > now)
			continue;
		if (!hm_fx_has_room(fx))
			break;
		stop_advertising(&ra->senders[s], fx);
		changed = true;
	}
	return changed;
}

void hm_ra_restore(struct hm_ra_state *ra, const struct hm_record *r)
{
	struct hm_ra_sender *s;

	if (r->kind != HM_RECORD_SEQ || r->seq.use != HM_USE_MS_RA)
		return;
	s = sender_add(ra, &r->seq.peer);
	if (s)
		s->epoch = r->seq.epoch;
}
