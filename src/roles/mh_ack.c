/* What peers answer, or fail to (draft 4.2.1; RFC 6275 11.7.3). A mobility server that refuses or
 * keeps silent is left at once for plain Mobile IPv6; home agent and correspondents are asked again
 * later; nobody is given up for good. */
#include "roles/mh_int.h"
#include "wire/dstopt.h"
#include "wire/icmp.h"
#include "wire/ip6.h"

#define SERVER_REFUSED_MS (60 * HM_SECOND)
#define SERVER_PROBE_MS (10 * HM_SECOND)
#define SERVER_PROBE_MAX_MS (60 * HM_SECOND)
#define HA_REFUSED_MAX_MS (32 * HM_SECOND)
#define CH_REFUSED_MS (600 * HM_SECOND)
#define CH_MUTE_MS (3600 * HM_SECOND) /* it does not speak Mobile IPv6 */
#define BREQ_GAP_MS (1 * HM_SECOND)
#define SEND_AGAIN_MS 100
#define SEND_FAILURES_FREE 3

static hm_ms backoff(hm_ms first, unsigned setbacks, hm_ms cap)
{
	hm_ms delay = first;

	for (unsigned i = 0; i < setbacks && delay < cap; i++)
		delay *= 2;
	return hm_sooner(delay, cap);
}

static bool to_us(const struct mh *mh, const struct mh_ask *ask, const struct hm_packet *p)
{
	if (!p->has_routing)
		return hm_addr_eq(&p->dst, &ask->src);
	if (hm_addr_eq(&p->dst, &mh->home))
		return hm_addr_eq(&p->routing_addr, &ask->src);
	return hm_addr_eq(&p->dst, &ask->src) && hm_addr_eq(&p->routing_addr, &mh->home);
}

static bool is_outstanding(const struct mh_ask *ask, struct hm_number n, bool authenticated)
{
	if (authenticated)
		return !hm_number_after(n, ask->last, true) &&
		       !hm_number_after(ask->first, n, true);
	return (uint16_t)(n.seq - ask->first.seq) <= (uint16_t)(ask->last.seq - ask->first.seq);
}

static bool is_bad_seq(const struct hm_back *back)
{
	return back->status == HM_ST_BADSEQ || back->status == HM_ST_BADSEQ_ALT;
}

/* A number ahead of ours: one that is not answers a duplicate of what was accepted long ago. Half
 * way round is ahead both ways. */
static bool is_ahead(struct hm_number n, struct hm_number ours, bool authenticated)
{
	if (n.seq == ours.seq && (!authenticated || n.epoch == ours.epoch))
		return false;
	return !hm_number_after(ours, n, authenticated);
}

/* The peer whose outstanding message this answers. A key shared with a mobility server speaks for
 * no home agent, whatever source address the packet bears. */
static struct mh_peer *match(struct mh *mh, const struct hm_packet *p, enum hm_use vouched)
{
	struct hm_number n = { p->auth.epoch, p->back.seq };

	for (unsigned i = 0; i < MH_PEERS; i++) {
		struct mh_peer *peer = &mh->peers[i];

		if (!peer->used || !peer->ask.active || peer->ask.sent == 0 ||
		    !hm_addr_eq(&peer->addr, &p->src) || !to_us(mh, &peer->ask, p) ||
		    !hm_use_fits(vouched, hm_mh_use(peer)))
			continue;
		if (is_bad_seq(&p->back) ? is_ahead(n, *hm_mh_number(mh, peer), p->auth.present)
		                         : is_outstanding(&peer->ask, n, p->auth.present))
			return peer;
	}
	return NULL;
}

static hm_ms refresh_at(struct mh *mh, const struct mh_peer *peer, const struct hm_back *back)
{
	hm_ms end = hm_lifetime_end(peer->ask.first_ms, back->lifetime_s);
	hm_ms span = back->refresh_s * HM_SECOND;

	/* A learnt correspondent asks for what it still uses (draft-12 5.3). */
	if (peer->kind == HM_ROLE_CH && !peer->configured)
		return HM_NEVER;
	if (back->refresh_s == 0 || back->refresh_s >= back->lifetime_s)
		span = end == HM_NEVER ? HM_NEVER : (end - peer->ask.first_ms) * 8 / 10;
	if (span != HM_NEVER)
		span -= hm_rand_between(&mh->rand, 0, span / 10);
	return hm_after(peer->ask.first_ms, span);
}

/* The peer holds nothing of ours any more. */
static void left(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	peer->bound.valid = false;
	peer->ask.active = false;
	peer->maybe_bound = false;
	peer->has_unique_id = false;
	peer->setbacks = 0;
	peer->hold_ms = mh->now;
	if (!peer->configured)
		peer->wanted = false;
	hm_mh_forget_registration(mh, peer, fx);
	if (peer->kind == HM_ROLE_HA)
		hm_mh_home_deregistered(mh);
}

static void accepted(struct mh *mh, struct mh_peer *peer, const struct hm_back *back,
                     struct hm_fx *fx)
{
	bool fresh = !peer->bound.valid || !hm_addr_eq(&peer->bound.coa, &peer->ask.coa);

	peer->bound = (struct mh_bound){
		.valid = true,
		.coa = peer->ask.coa,
		.since_ms = mh->now,
		.expires_ms = hm_lifetime_end(peer->ask.first_ms, back->lifetime_s),
		.refresh_ms = refresh_at(mh, peer, back),
	};
	peer->ask.active = false;
	peer->failed = false;
	peer->maybe_bound = true;
	peer->has_unique_id = false;
	peer->setbacks = 0;
	peer->hold_ms = mh->now;
	hm_mh_store_registration(mh, peer, HM_REGISTRATION_ACTIVE, fx);
	if (fresh)
		hm_mh_note(mh, HM_NOTE_REGISTERED, peer, back->status, fx);
	if (peer->kind == HM_ROLE_MS)
		hm_mh_last_set(mh, peer->level, &peer->addr, fx);
	else if (peer->kind == HM_ROLE_HA && mh->n_chain == 0)
		hm_mh_last_forget(mh, fx);
}

static void refuse_server(struct mh *mh, struct mh_peer *ms, unsigned status, struct hm_fx *fx)
{
	bool lost = status == HM_ST_NOT_REGISTERED || status == HM_ST_UNSPECIFIED;

	if (lost && ms->bound.valid && ms->ask.kind != HM_MSG_REG_REQUEST) {
		/* It lost us; a Request puts that right. */
		ms->bound.valid = false;
		ms->ask.active = false;
		return;
	}
	hm_mh_note(mh, HM_NOTE_REJECTED, ms, status, fx);
	hm_mh_store_registration(mh, ms, HM_REGISTRATION_REFUSED, fx);
	hm_mh_server_fail(mh, ms, SERVER_REFUSED_MS);
}

static void refused(struct mh *mh, struct mh_peer *peer, unsigned status, struct hm_fx *fx)
{
	if (peer->ask.leave && (peer->kind != HM_ROLE_HA || status == HM_ST_NOT_REGISTERED)) {
		left(mh, peer, fx);
		return;
	}
	if (peer->kind == HM_ROLE_MS) {
		refuse_server(mh, peer, status, fx);
		return;
	}
	hm_mh_note(mh, HM_NOTE_REJECTED, peer, status, fx);
	hm_mh_store_registration(mh, peer, HM_REGISTRATION_REFUSED, fx);
	peer->ask.active = false;
	peer->hold_ms =
	        hm_after(mh->now, peer->kind == HM_ROLE_CH
	                                  ? CH_REFUSED_MS
	                                  : backoff(HM_SECOND, peer->setbacks, HA_REFUSED_MAX_MS));
	peer->setbacks++;
	if (peer->kind == HM_ROLE_HA && mh->config->discover_home_agent && !peer->bound.valid)
		hm_mh_next_agent(mh); /* not a home agent of ours */
}

/* The peer has accepted a later number than ours: go on from there, once. */
static void bad_seq(struct mh *mh, struct mh_peer *peer, const struct hm_packet *p,
                    struct hm_fx *fx)
{
	struct hm_number *ours = hm_mh_number(mh, peer);
	struct hm_number theirs = { p->auth.present ? p->auth.epoch : ours->epoch, p->back.seq };

	hm_fx_count(fx, HM_COUNT_BADSEQ);
	if (peer->ask.bad_seq) {
		refused(mh, peer, HM_ST_BADSEQ, fx);
		return;
	}
	if (!p->auth.present && theirs.seq < ours->seq)
		theirs.epoch++; /* ahead of us, past the wrap */
	*ours = theirs;
	peer->ask.bad_seq = true;
	peer->ask.first = hm_number_next(theirs);
	peer->ask.last = theirs;
	peer->ask.retry.next_at = mh->now;
}

void hm_mh_on_back(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *p = &ev->rx.packet;
	struct mh_peer *peer;

	if (!hm_event_is_authentic(ev, fx))
		return;
	peer = match(mh, p, ev->rx.use);
	if (!peer) {
		hm_fx_count(fx, HM_COUNT_UNMATCHED_ACK);
		return;
	}
	if (is_bad_seq(&p->back))
		bad_seq(mh, peer, p, fx);
	else if (p->back.status >= 128)
		refused(mh, peer, p->back.status, fx);
	else if (peer->ask.leave)
		left(mh, peer, fx);
	else if (p->back.lifetime_s == 0)
		refused(mh, peer, HM_ST_UNSPECIFIED, fx);
	else
		accepted(mh, peer, &p->back, fx);
}

/* A correspondent's binding of ours is about to end and it still has use for it. Nobody signs this
 * (draft-12 5.3): who forges it makes us repeat what the peer knows, once per BREQ_GAP_MS. */
void hm_mh_on_breq(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *p = &ev->rx.packet;

	for (unsigned i = MH_HA; i < MH_PEERS; i++) {
		struct mh_peer *peer = &mh->peers[i];

		if (!peer->used || !peer->bound.valid || !hm_addr_eq(&peer->addr, &p->src))
			continue;
		if (peer->ask.active)
			return;
		if (peer->breq_ms > mh->now) {
			hm_fx_count(fx, HM_COUNT_RATE_LIMITED);
			return;
		}
		peer->breq_ms = hm_after(mh->now, BREQ_GAP_MS);
		peer->bound.refresh_ms = mh->now;
		peer->has_unique_id = p->breq.has_unique_id;
		peer->unique_id = p->breq.unique_id;
		peer->used_ms = mh->now;
		return;
	}
	hm_fx_count(fx, HM_COUNT_UNKNOWN_PEER);
}

static bool is_registration(const struct mh *mh, uint8_t option)
{
	return option == mh->wire->registration_request ||
	       option == mh->wire->registration_update || option == mh->wire->registration_refresh;
}

/* A stranger's word, so only about a message that is outstanding, and never about a home agent,
 * which is asked until it answers. */
static bool believe(const struct mh *mh, const struct mh_peer *peer, const struct hm_icmp_error *e)
{
	if (peer->kind == HM_ROLE_MS)
		return (e->code == HM_ICMP_PARAMETER_NEXT && e->about_next == HM_NH_DSTOPTS) ||
		       (e->code == HM_ICMP_PARAMETER_OPTION && is_registration(mh, e->bad_option));
	return peer->kind == HM_ROLE_CH && e->code == HM_ICMP_PARAMETER_OPTION &&
	       (e->bad_option == HM_OPT_BU || e->bad_option == HM_OPT_HOME);
}

static void does_not_speak(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	if (peer->kind == HM_ROLE_MS) {
		hm_mh_note(mh, HM_NOTE_REJECTED, peer, 0, fx);
		hm_mh_server_fail(mh, peer,
		                  backoff(SERVER_PROBE_MS, peer->setbacks, SERVER_PROBE_MAX_MS));
		return;
	}
	hm_mh_note(mh, HM_NOTE_REJECTED, peer, 0, fx);
	left(mh, peer, fx);
	peer->hold_ms = hm_after(mh->now, CH_MUTE_MS);
}

void hm_mh_on_icmp(struct mh *mh, const struct hm_packet *packet, struct hm_fx *fx)
{
	const struct hm_icmp_error *e = &packet->icmp;

	if (e->type != HM_ICMP_PARAMETER)
		return; /* unreachable is a hint at most: retransmission deals with it */
	for (unsigned i = 0; i < MH_PEERS; i++) {
		struct mh_peer *peer = &mh->peers[i];

		if (!peer->used || !peer->ask.active || peer->ask.sent == 0 ||
		    !hm_addr_eq(&peer->addr, &e->about_dst) ||
		    !hm_addr_eq(&peer->ask.src, &e->about_src) || !believe(mh, peer, e))
			continue;
		does_not_speak(mh, peer, fx);
		return;
	}
	hm_fx_count(fx, HM_COUNT_UNMATCHED_ERROR);
}

/* An interface that is down for a moment costs no try. */
void hm_mh_on_send_failed(struct mh *mh, hm_ticket ticket)
{
	for (unsigned i = 0; i < MH_PEERS; i++) {
		struct mh_ask *ask = &mh->peers[i].ask;

		if (!ask->active || ask->ticket != ticket || ask->sent == 0)
			continue;
		if (++ask->failures > SEND_FAILURES_FREE)
			return;
		if (ask->sent > 1)
			ask->sent--;
		ask->retry.next_at = hm_after(mh->now, SEND_AGAIN_MS << ask->failures);
		return;
	}
}

/* As often as that kind of peer is asked, without an answer. */
void hm_mh_unanswered(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx)
{
	if (peer->ask.leave && peer->kind != HM_ROLE_HA) {
		left(mh, peer, fx);
		return;
	}
	if (!peer->failed)
		hm_mh_note(mh, HM_NOTE_UNANSWERED, peer, 0, fx);
	if (peer->kind == HM_ROLE_MS) {
		hm_mh_server_fail(mh, peer,
		                  backoff(SERVER_PROBE_MS, peer->setbacks, SERVER_PROBE_MAX_MS));
	} else if (peer->kind == HM_ROLE_CH) {
		peer->ask.active = false;
		peer->bound.valid = false;
		peer->hold_ms = hm_after(mh->now, CH_REFUSED_MS);
		hm_mh_store_registration(mh, peer, HM_REGISTRATION_REFUSED, fx);
	} else if (mh->config->discover_home_agent && !peer->bound.valid && !peer->ask.leave) {
		hm_mh_next_agent(mh);
	}
}
