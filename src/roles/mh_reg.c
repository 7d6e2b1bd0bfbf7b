/* The binding update list (draft 4.2; RFC 6275 11.7): what each peer should believe, and the
 * messages that make it so. Every message takes a new number, retransmissions too (PROTOCOL 4). */
#include "roles/mh_int.h"

/* A handoff waits for the first retransmission, so it comes soon; a peer that is down is asked no
 * more than once in 32 s (RFC 6275 12). */
#define FIRST_MS 250
/* Correspondents are spared: draft-12's MAX_UPDATE_RATE, and its SLOW_UPDATE_RATE after
 * MAX_FAST_UPDATES in a row that say the same; after CH_TRIES without an answer none for long. */
#define CH_GAP_MS (1 * HM_SECOND)
#define CH_SLOW_GAP_MS (10 * HM_SECOND)
#define CH_FAST_MAX 5
#define CAP_MS (32 * HM_SECOND)
#define MS_TRIES 4
#define CH_TRIES 5
#define HA_TELL_AFTER 5

bool hm_mh_is_local(const struct mh *mh, const struct hm_addr *ch)
{
	const struct hm_prefix_list *list = &mh->config->domain_prefixes;

	if (mh->n_chain == 0)
		return false;
	if (!mh->config->has_domain_prefixes)
		return hm_addr_in(ch, &mh->gcoa[mh->n_chain - 1], 48);
	for (unsigned i = 0; i < list->n && i < HM_LIST_MAX; i++)
		if (hm_prefix_has(&list->p[i], ch))
			return true;
	return false;
}

static bool in_chain(const struct mh *mh, const struct mh_peer *peer)
{
	for (unsigned i = 0; i < mh->n_chain; i++)
		if (&mh->peers[mh->chain[i]] == peer)
			return true;
	return false;
}

/* A server that failed is probed where no other stands in for it. */
static bool is_probed(const struct mh *mh, const struct mh_peer *ms)
{
	for (unsigned i = 0; i < mh->n_chain; i++)
		if (mh->peers[mh->chain[i]].level == ms->level)
			return false;
	return ms->failed && hm_mh_advertised(mh, ms);
}

static bool wants_server(const struct mh *mh, const struct mh_peer *ms)
{
	return (in_chain(mh, ms) || is_probed(mh, ms)) && hm_mh_chain_settled(mh, ms);
}

/* At home everybody forgets the care-of address, the home agent first (RFC 6275 11.5.5). */
static struct mh_want want_at_home(const struct mh *mh, const struct mh_peer *peer)
{
	struct mh_want gone = { MH_WANT_GONE, mh->home, mh->attach.coa };
	const struct mh_peer *ha = &mh->peers[MH_HA];
	bool told_ha = !ha->maybe_bound || (ha->ask.active && ha->ask.leave && ha->ask.sent > 0);

	if (!peer->maybe_bound || hm_addr_is_any(&peer->addr) || (peer != ha && !told_ha))
		return (struct mh_want){ .what = MH_WANT_NOTHING };
	if (peer->kind == HM_ROLE_MS && peer->plen == 0) /* of a former life: it will expire */
		return (struct mh_want){ .what = MH_WANT_NOTHING };
	return gone;
}

struct mh_want hm_mh_want(const struct mh *mh, const struct mh_peer *peer)
{
	struct mh_want want = { MH_WANT_BOUND, hm_mh_top(mh), mh->attach.coa };
	struct mh_want nothing = { .what = MH_WANT_NOTHING };

	if (!peer->used || !mh->attach.valid || mh->stopping)
		return nothing;
	if (mh->attach.home)
		return want_at_home(mh, peer);
	if (peer->kind == HM_ROLE_MS) {
		want.coa = hm_mh_server_coa(mh, peer);
		return wants_server(mh, peer) ? want : nothing;
	}
	/* Home agent and correspondents learn what the servers have accepted (draft 4.2.1). */
	if (hm_addr_is_any(&peer->addr) || !hm_mh_chain_settled(mh, NULL))
		return nothing;
	if (peer->kind == HM_ROLE_HA)
		return want;
	if (!peer->wanted)
		return nothing;
	if (hm_mh_is_local(mh, &peer->addr))
		want.coa = mh->attach.coa;
	return want;
}

static bool same_ask(const struct mh_ask *ask, const struct mh_want *want)
{
	return ask->active && ask->leave == (want->what == MH_WANT_GONE) &&
	       hm_addr_eq(&ask->coa, &want->coa);
}

bool hm_mh_holds(const struct mh_peer *peer, const struct hm_addr *coa)
{
	return peer->bound.valid && !peer->bound.doubted && hm_addr_eq(&peer->bound.coa, coa);
}

static hm_ms wanted_at(const struct mh_peer *peer, const struct mh_want *want)
{
	if (want->what == MH_WANT_NOTHING)
		return HM_NEVER;
	if (same_ask(&peer->ask, want) && hm_addr_eq(&peer->ask.src, &want->src))
		return peer->ask.retry.next_at;
	if (want->what == MH_WANT_BOUND && hm_mh_holds(peer, &want->coa))
		return peer->bound.refresh_ms > peer->hold_ms ? peer->bound.refresh_ms
		                                              : peer->hold_ms;
	return peer->hold_ms;
}

/* When the peer must be sent something; in the past: now. */
static hm_ms due_at(const struct mh_peer *peer, const struct mh_want *want)
{
	bool again = hm_addr_eq(&peer->ask.coa, &want->coa) && peer->alike >= CH_FAST_MAX;
	hm_ms at = wanted_at(peer, want), earliest;

	if (peer->kind != HM_ROLE_CH || at == HM_NEVER || peer->sent_ms == 0)
		return at;
	earliest = hm_after(peer->sent_ms, again ? CH_SLOW_GAP_MS : CH_GAP_MS);
	return at > earliest ? at : earliest;
}

void hm_mh_store_registration(const struct mh *mh, const struct mh_peer *peer,
                              enum hm_registration_state state, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_STORE);
	struct hm_registration_row *row = &e->record.registration;
	bool active = state == HM_REGISTRATION_ACTIVE;

	e->record.kind = HM_RECORD_REGISTRATION;
	row->kind = peer->kind;
	row->peer = peer->addr;
	row->home = mh->home;
	row->coa = active ? peer->bound.coa : peer->ask.coa;
	row->seq = peer->ask.last.seq;
	row->epoch = peer->ask.last.epoch;
	row->state = state;
	row->expires_ms =
	        active ? peer->bound.expires_ms : hm_lifetime_end(mh->now, mh->config->lifetime_s);
}

void hm_mh_forget_registration(const struct mh *mh, const struct mh_peer *peer, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_FORGET);

	e->record.kind = HM_RECORD_REGISTRATION;
	e->record.registration.kind = peer->kind;
	e->record.registration.peer = peer->addr;
	e->record.registration.home = mh->home;
}

void hm_mh_note(const struct mh *mh, enum hm_note note, const struct mh_peer *peer, unsigned status,
                struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = note;
	e->note.home = mh->home;
	e->note.peer = peer->addr;
	e->note.coa = peer->ask.coa;
	e->note.status = status;
}

enum hm_use hm_mh_use(const struct mh_peer *peer)
{
	return peer->kind == HM_ROLE_MS   ? HM_USE_MH_MS
	       : peer->kind == HM_ROLE_HA ? HM_USE_MH_HA
	                                  : HM_USE_MH_CH;
}

static void store_number(const struct mh *mh, const struct mh_peer *peer, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_STORE);
	struct hm_seq_row *row = &e->record.seq;

	e->record.kind = HM_RECORD_SEQ;
	row->use = hm_mh_use(peer);
	row->peer = peer->kind == HM_ROLE_MS ? hm_addr_any : peer->addr;
	row->home = mh->home;
	row->seq = peer->ask.last.seq;
	row->epoch = peer->ask.last.epoch;
}

static enum hm_msg_kind kind_of(const struct mh_peer *peer, const struct mh_want *want)
{
	if (peer->kind != HM_ROLE_MS)
		return HM_MSG_BU;
	if (want->what == MH_WANT_GONE)
		return HM_MSG_REG_UPDATE;
	if (!peer->bound.valid)
		return HM_MSG_REG_REQUEST;
	return hm_mh_holds(peer, &want->coa) ? HM_MSG_REG_REFRESH : HM_MSG_REG_UPDATE;
}

/* While the server does not answer, its predecessors are named in turns. */
static struct hm_addr former_server(const struct mh_ask *ask)
{
	const struct hm_addr *former = &ask->former[(ask->sent + 1) % 2];

	return hm_addr_is_any(former) ? ask->former[ask->sent % 2] : *former;
}

/* No longer than the care-of address is good for (RFC 6275 11.7.1). */
static uint32_t lifetime_of(const struct mh *mh, const struct mh_ask *ask)
{
	uint32_t left = HM_LIFETIME_INFINITE;

	if (ask->leave)
		return 0;
	if (hm_addr_eq(&ask->coa, &mh->attach.coa))
		left = hm_mh_coa_left_s(mh);
	return left < mh->config->lifetime_s ? left : mh->config->lifetime_s;
}

static void fill_reg(struct mh *mh, const struct mh_peer *ms, struct hm_reg *reg)
{
	reg->ack = true;
	reg->malen = ms->plen;
	reg->seq = ms->ask.last.seq;
	reg->lifetime_s = lifetime_of(mh, &ms->ask);
	reg->has_prev_ms = ms->ask.kind == HM_MSG_REG_REQUEST && mh->ever_registered;
	if (reg->has_prev_ms)
		reg->prev_ms = former_server(&ms->ask);
	reg->has_alt_coa = !ms->ask.leave && !hm_addr_eq(&ms->ask.coa, &ms->ask.src);
	reg->alt_coa = reg->has_alt_coa ? ms->ask.coa : hm_addr_any;
}

/* The home address ends like our link-local address: the home agent defends that one, too (draft-12
 * 5.1). */
static bool is_whole(const struct mh *mh)
{
	const struct hm_addr *link_local = &mh->links[mh->attach.link].link_local;
	struct hm_addr same = hm_addr_join(&mh->home, mh->config->home_plen, link_local);

	return hm_addr_is_link_local(link_local) && hm_addr_eq(&same, &mh->home);
}

static void fill_bu(const struct mh *mh, const struct mh_peer *peer, struct hm_bu *bu)
{
	bu->ack = true;
	bu->home_reg = peer->kind == HM_ROLE_HA;
	bu->dad = bu->home_reg && !peer->ask.leave && !peer->bound.valid;
	bu->plen = bu->home_reg && !peer->ask.leave && is_whole(mh) ? mh->config->home_plen : 0;
	bu->seq = peer->ask.last.seq;
	bu->lifetime_s = lifetime_of(mh, &peer->ask);
	bu->has_alt_coa = !peer->ask.leave && !hm_addr_eq(&peer->ask.coa, &peer->ask.src);
	bu->alt_coa = bu->has_alt_coa ? peer->ask.coa : hm_addr_any;
	bu->has_unique_id = peer->has_unique_id;
	bu->unique_id = peer->unique_id;
}

static void ask_send(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	struct mh_ask *ask = &peer->ask;
	struct hm_effect *e = hm_fx_add(fx, HM_FX_SEND);
	struct hm_packet *p = &e->send.packet;

	e->send.use = hm_mh_use(peer);
	e->send.ticket = ask->ticket = ++mh->ticket;
	p->src = ask->src;
	p->dst = peer->addr;
	p->ifindex = mh->attach.ifindex;
	p->has_home = true;
	p->home = mh->home;
	p->kind = ask->kind;
	p->auth.epoch = ask->last.epoch;
	if (ask->kind == HM_MSG_BU)
		fill_bu(mh, peer, &p->bu);
	else
		fill_reg(mh, peer, &p->reg);
}

static void transmit(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	struct mh_ask *ask = &peer->ask;
	struct hm_number *number = hm_mh_number(mh, peer);

	*number = hm_number_next(*number);
	ask->last = *number;
	if (mh->now - peer->sent_ms > CH_SLOW_GAP_MS * CH_FAST_MAX)
		peer->alike = 0;
	peer->alike++;
	peer->sent_ms = mh->now;
	if (ask->sent++ == 0) {
		ask->first = *number;
		ask->first_ms = mh->now;
		hm_retry_start(&ask->retry, mh->now,
		               peer->kind == HM_ROLE_CH ? CH_GAP_MS : FIRST_MS, CAP_MS, &mh->rand);
		hm_mh_store_registration(mh, peer, HM_REGISTRATION_PENDING, fx);
	} else {
		hm_fx_count(fx, HM_COUNT_RETRANSMITTED);
		hm_retry_sent(&ask->retry, mh->now, &mh->rand);
	}
	store_number(mh, peer, fx);
	ask_send(mh, peer, fx);
}

static void name_former(struct mh *mh, struct mh_peer *ms, unsigned i, const struct hm_addr *former)
{
	struct hm_addr gcoa = hm_addr_join(&ms->addr, ms->plen, &mh->home);

	if (hm_addr_is_any(former) || hm_addr_eq(former, &ms->addr))
		return;
	ms->ask.former[i] = *former;
	/* Packets sent on by it arrive from it at the new GCoA (draft 4.3.6). */
	hm_mh_path_past(mh, &gcoa, former);
	/* It may soon hold something else than it acknowledged: who goes back registers anew. */
	hm_mh_server_doubt(mh, former);
}

/* Who is to be told that we are at `ms` now: the server asked last, which may have accepted
 * although we never heard so, and the one that acknowledged last. */
static void leave_former(struct mh *mh, struct mh_peer *ms)
{
	struct mh_last *last = hm_mh_last(mh, ms->level);

	if (!last)
		return;
	name_former(mh, ms, 0, &last->asked);
	name_former(mh, ms, 1, &last->ms);
	last->asked = ms->addr;
}

static void begin(struct mh *mh, struct mh_peer *peer, const struct mh_want *want, struct hm_fx *fx)
{
	if (!hm_addr_eq(&peer->ask.coa, &want->coa))
		peer->alike = 0;
	peer->ask = (struct mh_ask){
		.active = true,
		.leave = want->what == MH_WANT_GONE,
		.kind = kind_of(peer, want),
		.coa = want->coa,
		.src = want->src,
	};
	peer->maybe_bound = true;
	peer->bound.doubted |= !hm_addr_eq(&peer->bound.coa, &want->coa);
	if (peer->kind != HM_ROLE_MS || peer->ask.leave)
		return;
	if (peer->ask.kind == HM_MSG_REG_REQUEST)
		leave_former(mh, peer);
	/* The server may send before its acknowledgement does: be ready to receive first. */
	hm_mh_path_home(mh, fx);
}

static unsigned tries_of(const struct mh_peer *peer)
{
	if (peer->kind == HM_ROLE_CH)
		return CH_TRIES;
	if (peer->kind == HM_ROLE_HA || peer->ask.kind == HM_MSG_REG_REFRESH)
		return UINT32_MAX; /* until it answers, or until the binding is over */
	if (peer->ask.leave)
		return 1;
	/* A server that probes for duplicates first takes more than a second. */
	return MS_TRIES;
}

static void act(struct mh *mh, struct mh_peer *peer, const struct mh_want *want, struct hm_fx *fx)
{
	if (!same_ask(&peer->ask, want) || peer->ask.kind != kind_of(peer, want))
		begin(mh, peer, want, fx);
	peer->ask.src = want->src;
	if (peer->ask.sent >= tries_of(peer)) {
		hm_mh_unanswered(mh, peer, fx);
		return;
	}
	transmit(mh, peer, fx);
	if (peer->kind == HM_ROLE_HA && peer->ask.sent == HA_TELL_AFTER + 1)
		hm_mh_unanswered(mh, peer, fx);
}

static void expire(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	if (!peer->bound.valid || peer->bound.expires_ms > mh->now)
		return;
	peer->bound.valid = false;
	peer->maybe_bound = peer->ask.active;
	peer->wanted = peer->configured;
	hm_fx_count(fx, HM_COUNT_EXPIRED);
	if (!peer->ask.active)
		hm_mh_forget_registration(mh, peer, fx);
}

void hm_mh_reg_run(struct mh *mh, struct hm_fx *fx)
{
	for (unsigned i = 0; i < MH_PEERS; i++) {
		struct mh_peer *peer = &mh->peers[i];
		struct mh_want want;

		if (!peer->used)
			continue;
		if (!hm_fx_has_room(fx)) {
			mh->more = true;
			return;
		}
		expire(mh, peer, fx);
		want = hm_mh_want(mh, peer);
		if (due_at(peer, &want) > mh->now)
			continue;
		act(mh, peer, &want, fx);
		if (peer->failed && i < MH_SERVERS)
			hm_mh_chain_update(mh, fx);
	}
}

hm_ms hm_mh_reg_deadline(const struct mh *mh)
{
	hm_ms at = HM_NEVER;

	for (unsigned i = 0; i < MH_PEERS; i++) {
		const struct mh_peer *peer = &mh->peers[i];
		struct mh_want want;

		if (!peer->used)
			continue;
		want = hm_mh_want(mh, peer);
		at = hm_sooner(at, due_at(peer, &want));
		if (peer->bound.valid)
			at = hm_sooner(at, peer->bound.expires_ms);
	}
	return at;
}

/* Leaving for good: one deregistration, unanswered or not. */
void hm_mh_reg_stop(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	struct mh_want want = { MH_WANT_GONE, mh->home, mh->attach.coa };

	if (!peer->used || !peer->maybe_bound || !mh->attach.valid || hm_addr_is_any(&peer->addr))
		return;
	if (peer->kind == HM_ROLE_MS && !peer->bound.valid)
		return;
	begin(mh, peer, &want, fx);
	transmit(mh, peer, fx);
}
