/* Links and where we are attached (RFC 6275 11.5). The first interface of the configured list that
 * has a router and a usable address wins; the others keep an address ready, so that a link that
 * breaks costs one registration and no address configuration. */
#include "roles/mh_int.h"

#define RS_MAX_MS (8 * HM_SECOND)
#define FLAP_ANSWER_MS (1 * HM_SECOND)
/* How long the link in use may take for a new address before another link is taken. */
#define PATIENCE_MS (2 * HM_SECOND)

void hm_mh_cause(struct mh *mh, hm_ms at)
{
	if (!mh->moving) {
		mh->moving = true;
		mh->cause_ms = at;
	}
}

void hm_mh_solicit(struct mh *mh, struct mh_link *link)
{
	if (link->soliciting)
		return;
	link->soliciting = true;
	link->rs_sent = 0;
	link->rs_ms = mh->now;
}

static int find_name(const struct mh *mh, const char *name)
{
	for (unsigned i = 0; i < mh->names.n; i++)
		if (strncmp(mh->names.name[i], name, HM_IFNAME_MAX) == 0)
			return (int)i;
	return -1;
}

static bool in_use(const struct mh *mh, const struct mh_link *link)
{
	return mh->attach.valid && &mh->links[mh->attach.link] == link;
}

/* Another device or another link-layer address: what was heard before counts for nothing. */
static void reset(struct mh *mh, struct mh_link *link, bool same_device, struct hm_fx *fx)
{
	if (same_device)
		hm_mh_coa_retire(mh, link, fx);
	*link = (struct mh_link){ .router = -1,
		                  .gateway = same_device ? link->gateway : hm_addr_any };
}

static void went_down(struct mh *mh, struct mh_link *link)
{
	link->soliciting = false;
	link->gateway_lost = true; /* the kernel forgets the routes of a link that is shut */
	if (link->coa.state == MH_COA_USABLE || link->coa.state == MH_COA_ADDING) {
		link->coa.state = MH_COA_LOST;
		link->coa.retry_ms = mh->now;
	}
	if (in_use(mh, link))
		hm_mh_cause(mh, mh->now);
}

/* Whoever was heard here may be somewhere else now. */
static void came_up(struct mh *mh, struct mh_link *link)
{
	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		link->routers[i].suspect = true;
		link->routers[i].lost_ms = hm_after(mh->now, FLAP_ANSWER_MS);
	}
	link->soliciting = false;
	hm_mh_solicit(mh, link);
	if (mh->attach.valid && !in_use(mh, link))
		return;
	mh->moving = true;
	mh->cause_ms = mh->now; /* not the moment the former link was lost */
}

static bool same_lladdr(const struct hm_lladdr *a, const struct hm_lladdr *b)
{
	return a->present == b->present && memcmp(a->b, b->b, sizeof a->b) == 0;
}

void hm_mh_on_link(struct mh *mh, const struct hm_link *ev, struct hm_fx *fx)
{
	int i = find_name(mh, ev->name);
	struct mh_link *link;
	bool was_up, up = ev->present && ev->up;

	if (i < 0)
		return;
	link = &mh->links[i];
	if (link->present && (!ev->present || link->ifindex != ev->ifindex))
		reset(mh, link, false, fx);
	else if (link->present && !same_lladdr(&link->lladdr, &ev->lladdr))
		reset(mh, link, true, fx);
	was_up = link->up;
	link->present = ev->present;
	link->up = up;
	link->ifindex = ev->ifindex;
	link->lladdr = ev->lladdr;
	link->link_local = ev->link_local;
	if (was_up && !up)
		went_down(mh, link);
	if (!was_up && up)
		came_up(mh, link);
}

static void send_rs(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	struct hm_packet *p = &hm_fx_add(fx, HM_FX_SEND)->send.packet;
	hm_ms gap = 250;

	p->kind = HM_MSG_RS;
	p->src = link->link_local;
	p->dst = hm_addr_all_routers;
	p->ifindex = link->ifindex;
	p->hop_limit = 255;
	if (!hm_addr_is_any(&link->link_local))
		p->rs.source = link->lladdr;
	/* 250 ms, then 250 ms, 500 ms, 1 s … after the one before. */
	for (unsigned i = 1; i < link->rs_sent && gap < RS_MAX_MS; i++)
		gap *= 2;
	link->rs_sent++;
	link->rs_ms = hm_after(mh->now, hm_sooner(gap, RS_MAX_MS));
}

static void tell_gateway(struct mh_link *link, const struct hm_addr *router, struct hm_fx *fx)
{
	struct hm_effect *e;

	if (hm_addr_eq(&link->gateway, router) && (!link->gateway_lost || hm_addr_is_any(router)))
		return;
	link->gateway_lost = false;
	e = hm_fx_add(fx, HM_FX_GATEWAY);
	e->gateway.ifindex = link->ifindex;
	e->gateway.router = *router;
	link->gateway = *router;
}

/* The router of the home link is on it. */
static bool is_home_link(const struct mh *mh, const struct mh_link *link)
{
	return link->router >= 0 && hm_mh_router_is_home(mh, &link->routers[link->router]);
}

/* Worth waiting for: the link in use is getting a new address. */
static bool is_patient(const struct mh *mh, unsigned i)
{
	const struct mh_link *link = &mh->links[i];

	return mh->attach.link == i && link->coa.state == MH_COA_ADDING &&
	       mh->now < hm_after(link->coa.asked_ms, PATIENCE_MS);
}

/* The home address is added once its link is chosen; other addresses are there before. */
static bool is_ready(const struct mh *mh, const struct mh_link *link)
{
	const struct mh_coa *c = &link->coa;

	if (c->state == MH_COA_USABLE)
		return true;
	if (!is_home_link(mh, link) || link->routers[link->router].suspect)
		return false;
	return c->state != MH_COA_FAILED || c->retry_ms <= mh->now;
}

/* The link to be attached to, -1: none. */
static int choose_link(const struct mh *mh)
{
	int waiting = -1;

	for (unsigned i = 0; i < mh->names.n; i++) {
		const struct mh_link *link = &mh->links[i];

		if (!link->up || link->router < 0)
			continue;
		if (is_patient(mh, i))
			waiting = (int)i;
		else if (is_ready(mh, link))
			return waiting >= 0 ? waiting : (int)i;
	}
	return waiting;
}

/* The move is complete for this link too: nothing leaves through it any more. */
static void leave_others(struct mh *mh, struct hm_fx *fx)
{
	for (unsigned i = 0; i < mh->names.n && hm_fx_has_room(fx); i++) {
		struct mh_link *link = &mh->links[i];

		if (i == mh->attach.link || !link->present)
			continue;
		if (!link->up)
			hm_mh_coa_retire(mh, link, fx);
		if (!link->up || !mh->moving)
			tell_gateway(link, &hm_addr_any, fx);
	}
}

static void ask_attached(const struct mh *mh, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = HM_NOTE_ATTACHED;
	e->note.home = mh->home;
	e->note.ifindex = mh->attach.ifindex;
	e->note.coa = mh->attach.coa;
	e->note.peer = mh->attach.router;
}

/* A server that failed may answer from here. */
static void probe_servers_now(struct mh *mh)
{
	for (unsigned i = 0; i < MH_SERVERS; i++)
		if (mh->peers[i].failed)
			mh->peers[i].hold_ms = mh->now;
}

static void attach_to(struct mh *mh, unsigned i, struct hm_fx *fx)
{
	struct mh_link *link = &mh->links[i];
	struct mh_attach at = {
		.valid = true,
		.home = is_home_link(mh, link),
		.link = i,
		.ifindex = link->ifindex,
		.router = link->routers[link->router].addr,
		.coa = link->coa.addr,
		.agent = hm_mh_former_agent(link, &link->coa.addr),
	};
	struct mh_attach *now = &mh->attach;
	bool moved = now->link != i || now->home != at.home || now->ifindex != at.ifindex ||
	             !hm_addr_eq(&now->coa, &at.coa);

	if (!moved && now->valid && hm_addr_eq(&now->router, &at.router)) {
		now->agent = at.agent;
		return;
	}
	if (now->link != i && mh->links[now->link].present)
		hm_mh_coa_leave(mh, &mh->links[now->link], fx);
	if (moved) {
		hm_mh_cause(mh, mh->now);
		hm_mh_former_leave(mh, now, &at, fx);
		probe_servers_now(mh);
	}
	hm_mh_coa_prefer(mh, link, fx);
	tell_gateway(link, &at.router, fx);
	mh->attach = at;
	ask_attached(mh, fx);
}

static void update_attachment(struct mh *mh, struct hm_fx *fx)
{
	int i = choose_link(mh);

	if (i < 0) {
		mh->attach.valid = false;
		return;
	}
	if (is_home_link(mh, &mh->links[i]))
		hm_mh_coa_home(mh, &mh->links[i], fx);
	if (mh->links[i].coa.state != MH_COA_USABLE) {
		mh->attach.valid = false;
		return;
	}
	attach_to(mh, (unsigned)i, fx);
}

static void run_link(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	hm_mh_router_expire(mh, link);
	if (is_home_link(mh, link))
		hm_mh_coa_drop(mh, link, fx);
	else if (link->router >= 0)
		hm_mh_coa_ensure(mh, link, fx);
	if (link->soliciting && link->rs_ms <= mh->now)
		send_rs(mh, link, fx);
}

void hm_mh_link_run(struct mh *mh, struct hm_fx *fx)
{
	for (unsigned i = 0; i < mh->names.n; i++) {
		if (!mh->links[i].up)
			continue;
		if (!hm_fx_has_room(fx)) {
			mh->more = true;
			return;
		}
		run_link(mh, &mh->links[i], fx);
	}
	hm_mh_coa_clean(mh, false, fx);
	if (!hm_fx_has_room(fx)) {
		mh->more = true;
		return;
	}
	update_attachment(mh, fx);
	if (mh->attach.valid)
		leave_others(mh, fx);
}

hm_ms hm_mh_link_deadline(const struct mh *mh)
{
	int chosen = choose_link(mh);
	hm_ms at = HM_NEVER;

	for (unsigned i = 0; i < mh->names.n; i++) {
		const struct mh_link *link = &mh->links[i];

		if (!link->up)
			continue;
		at = hm_sooner(at, hm_mh_router_deadline(link));
		if (link->soliciting)
			at = hm_sooner(at, link->rs_ms);
		if (!is_home_link(mh, link) || (int)i == chosen)
			at = hm_sooner(at, hm_mh_coa_deadline(link));
		else if (link->coa.state == MH_COA_FAILED && link->coa.retry_ms > mh->now)
			at = hm_sooner(at, link->coa.retry_ms);
		if (is_patient(mh, i))
			at = hm_sooner(at, hm_after(link->coa.asked_ms, PATIENCE_MS));
	}
	return at;
}
