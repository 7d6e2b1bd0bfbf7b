/* The home agent: finding one (RFC 6275 11.4.1), and taking the home address back from it when we
 * are home again (RFC 6275 11.5.5). */
#include "roles/mh_int.h"

#define NA_TIMES 3
#define NA_GAP_MS (1 * HM_SECOND)
#define HAAD_FIRST_MS (1 * HM_SECOND)
#define HAAD_CAP_MS (32 * HM_SECOND)

static bool wants_discovery(const struct mh *mh)
{
	return mh->config->discover_home_agent && mh->attach.valid && !mh->attach.home &&
	       !mh->stopping && hm_addr_is_any(&mh->peers[MH_HA].addr);
}

static void discover(struct mh *mh, struct hm_fx *fx)
{
	struct hm_packet *p;

	if (!mh->haad_active)
		hm_retry_start(&mh->haad, mh->now, HAAD_FIRST_MS, HAAD_CAP_MS, &mh->rand);
	else
		hm_retry_sent(&mh->haad, mh->now, &mh->rand);
	mh->haad_active = true;
	mh->haad_id++;
	p = &hm_fx_add(fx, HM_FX_SEND)->send.packet;
	p->kind = HM_MSG_HAAD_REQUEST;
	p->src = mh->attach.coa;
	p->dst = hm_addr_home_agents(&mh->home, mh->config->home_plen);
	p->ifindex = mh->attach.ifindex;
	p->haad.id = mh->haad_id;
}

void hm_mh_on_haad(struct mh *mh, const struct hm_packet *packet, struct hm_fx *fx)
{
	const struct hm_haad *haad = &packet->haad;

	if (!mh->haad_active || haad->id != mh->haad_id || haad->n_agents == 0 ||
	    !hm_addr_eq(&packet->dst, &mh->attach.coa) || !hm_addr_is_global(&haad->agents[0])) {
		hm_fx_count(fx, HM_COUNT_UNMATCHED_ACK);
		return;
	}
	mh->haad_active = false;
	mh->agents = *haad;
	mh->agent = 0;
	mh->peers[MH_HA].addr = haad->agents[0];
}

/* The one in use refuses or keeps silent: the next of the list, and a new list after the last (RFC
 * 6275 11.4.1). */
void hm_mh_next_agent(struct mh *mh)
{
	struct mh_peer *ha = &mh->peers[MH_HA];

	ha->addr = hm_addr_any;
	ha->ask.active = false;
	while (hm_addr_is_any(&ha->addr) && ++mh->agent < mh->agents.n_agents)
		if (hm_addr_is_global(&mh->agents.agents[mh->agent]))
			ha->addr = mh->agents.agents[mh->agent];
	if (!hm_addr_is_any(&ha->addr))
		ha->hold_ms = mh->now;
}

void hm_mh_home_deregistered(struct mh *mh)
{
	if (!mh->attach.home)
		return;
	mh->na_left = NA_TIMES;
	mh->na_ms = mh->now;
}

/* Whoever learnt the home agent's link-layer address for ours learns better. */
static void advertise(struct mh *mh, struct hm_fx *fx)
{
	struct hm_packet *p = &hm_fx_add(fx, HM_FX_SEND)->send.packet;

	p->kind = HM_MSG_NA;
	p->src = mh->home;
	p->dst = hm_addr_all_nodes;
	p->ifindex = mh->attach.ifindex;
	p->hop_limit = 255;
	p->na.override = true;
	p->na.target = mh->home;
	p->na.link = mh->links[mh->attach.link].lladdr;
	mh->na_left--;
	mh->na_ms = hm_after(mh->now, NA_GAP_MS);
}

static void tell_home(struct mh *mh, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = HM_NOTE_HOME;
	e->note.home = mh->home;
	e->note.peer = mh->peers[MH_HA].addr;
	e->note.ifindex = mh->attach.ifindex;
	e->note.elapsed_ms = mh->moving ? mh->now - mh->cause_ms : 0;
	mh->at_home_told = true;
	hm_mh_last_forget(mh, fx); /* what comes next comes from a place without server */
}

void hm_mh_home_run(struct mh *mh, struct hm_fx *fx)
{
	if (wants_discovery(mh) && (!mh->haad_active || hm_retry_due(&mh->haad, mh->now)))
		discover(mh, fx);
	if (!mh->attach.valid || !mh->attach.home) {
		mh->na_left = 0;
		mh->at_home_told = mh->at_home_told && !mh->attach.valid;
		return;
	}
	if (mh->na_left > 0 && mh->na_ms <= mh->now)
		advertise(mh, fx);
	if (!mh->at_home_told && !mh->peers[MH_HA].maybe_bound)
		tell_home(mh, fx);
}

hm_ms hm_mh_home_deadline(const struct mh *mh)
{
	hm_ms at = HM_NEVER;

	if (wants_discovery(mh))
		at = mh->haad_active ? mh->haad.next_at : mh->now;
	if (mh->na_left > 0)
		at = hm_sooner(at, mh->na_ms);
	return at;
}
