/* The data paths (PROTOCOL 7): the tunnel of the home address, with every older tunnel through
 * which packets may still come, and one path per correspondent that has a binding. What should be
 * there is computed and compared with what is. */
#include "roles/mh_int.h"

/* A handoff's forwarding entry lives no longer (PROTOCOL 7). */
#define PAST_MS (60 * HM_SECOND)
#define BIND_AGAIN_MS (1 * HM_SECOND)

enum plan { PLAN_KEEP, PLAN_DROP, PLAN_SET };

static bool same_hop(const struct hm_hop *a, const struct hm_hop *b)
{
	return hm_addr_eq(&a->local, &b->local) && hm_addr_eq(&a->remote, &b->remote);
}

static bool same_hops(const struct hm_hop *a, unsigned n, const struct hm_hop *b, unsigned m)
{
	if (n != m)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!same_hop(&a[i], &b[i]))
			return false;
	return true;
}

static bool same_forward(const struct hm_forward *a, const struct hm_forward *b)
{
	return hm_addr_eq(&a->match, &b->match) && hm_addr_eq(&a->local, &b->local) &&
	       same_hops(a->hops, a->n_hops, b->hops, b->n_hops) &&
	       same_hops(a->accept, a->n_accept, b->accept, b->n_accept);
}

static bool has_hop(const struct hm_hop *hops, unsigned n, const struct hm_hop *hop)
{
	for (unsigned i = 0; i < n; i++)
		if (same_hop(&hops[i], hop))
			return true;
	return false;
}

static void add_accept(struct hm_forward *f, struct hm_hop hop)
{
	if (f->n_accept < HM_ACCEPT_MAX && !has_hop(f->hops, f->n_hops, &hop) &&
	    !has_hop(f->accept, f->n_accept, &hop))
		f->accept[f->n_accept++] = hop;
}

void hm_mh_path_past(struct mh *mh, const struct hm_addr *local, const struct hm_addr *remote)
{
	struct hm_hop hop = { *local, *remote };
	struct mh_past *slot = &mh->past[0];

	for (unsigned i = 0; i < MH_PAST; i++) {
		if (same_hop(&mh->past[i].hop, &hop)) {
			slot = &mh->past[i];
			break;
		}
		if (mh->past[i].until_ms < slot->until_ms)
			slot = &mh->past[i];
	}
	*slot = (struct mh_past){ hop, hm_after(mh->now, PAST_MS) };
}

void hm_mh_path_past_end(struct mh *mh, const struct hm_hop *hop)
{
	for (unsigned i = 0; i < MH_PAST; i++)
		if (same_hop(&mh->past[i].hop, hop))
			mh->past[i].until_ms = 0;
}

/* Tunnels around what goes to a server of the chain, innermost first. */
static unsigned server_hops(const struct mh *mh, struct hm_hop *hops)
{
	unsigned n = 0;

	for (unsigned i = mh->n_chain; i-- > 0;)
		hops[n++] = (struct hm_hop){ i > 0 ? mh->gcoa[i - 1] : mh->attach.coa,
			                     mh->peers[mh->chain[i]].addr };
	return n;
}

/* The home agent knows this care-of address, or reads of it before it reads what we send next. */
static bool knows(const struct mh_peer *peer, const struct hm_addr *coa)
{
	if (peer->ask.active && peer->ask.sent > 0 && !peer->ask.leave)
		return hm_addr_eq(&peer->ask.coa, coa);
	return hm_mh_holds(peer, coa);
}

static void accept_all(const struct mh *mh, const struct hm_addr *ha, struct hm_forward *f)
{
	struct hm_hop hops[HM_LEVELS_MAX];
	unsigned n = server_hops(mh, hops);

	add_accept(f, (struct hm_hop){ hm_mh_top(mh), *ha });
	for (unsigned i = 0; i < n; i++)
		add_accept(f, hops[i]);
	for (unsigned i = 0; i < MH_PAST; i++)
		if (mh->past[i].until_ms > mh->now)
			add_accept(f, mh->past[i].hop);
}

/* The tunnel of before still gets out: the link it goes by is there. */
static bool works_still(const struct mh *mh)
{
	const struct hm_forward *was = &mh->path.forward;

	return mh->path.installed && was->n_hops > 0 &&
	       hm_mh_coa_alive(mh, &was->hops[was->n_hops - 1].local);
}

/* Whether what we send is to come from the present care-of address. While the former path works it
 * waits for the acknowledgement, so that a move between two links loses nothing; without one, what
 * is sent behind the Binding Update is better than nothing. */
static bool may_send_from(const struct mh *mh, const struct hm_addr *coa)
{
	const struct mh_peer *ha = &mh->peers[MH_HA];

	if (!hm_mh_chain_settled(mh, NULL))
		return false;
	return hm_mh_holds(ha, coa) || (knows(ha, coa) && !works_still(mh));
}

static enum plan plan_home(const struct mh *mh, struct hm_forward *f)
{
	const struct mh_peer *ha = &mh->peers[MH_HA];
	const struct hm_forward *was = &mh->path.forward;
	struct hm_addr top = hm_mh_top(mh);
	bool tell;

	if (!mh->attach.valid)
		return PLAN_KEEP;
	if (mh->attach.home) {
		/* Until the home agent has let go, packets still come through a tunnel that works.
		 */
		return ha->maybe_bound && works_still(mh) ? PLAN_KEEP : PLAN_DROP;
	}
	*f = (struct hm_forward){ .kind = HM_FORWARD_HOME, .match = mh->home, .home = mh->home };
	tell = may_send_from(mh, &top);
	if (!tell && !mh->path.installed)
		return PLAN_KEEP;
	if (tell) {
		f->hops[0] = (struct hm_hop){ top, ha->addr };
		f->n_hops = 1;
		if (mh->config->uplink != HM_UPLINK_DIRECT)
			f->n_hops = (uint8_t)(1 + server_hops(mh, &f->hops[1]));
	} else {
		memcpy(f->hops, was->hops, sizeof f->hops);
		f->n_hops = was->n_hops;
	}
	return PLAN_SET;
}

static enum plan plan_own(const struct mh *mh, const struct mh_peer *ch, struct hm_forward *f)
{
	struct hm_addr top = hm_mh_top(mh);
	bool direct;

	if (mh->stopping || !ch->bound.valid || mh->attach.home)
		return PLAN_DROP;
	if (!mh->attach.valid)
		return PLAN_KEEP;
	direct = hm_addr_eq(&ch->bound.coa, &mh->attach.coa);
	if (!direct && !hm_addr_eq(&ch->bound.coa, &top))
		return hm_mh_coa_alive(mh, &ch->bound.coa) ? PLAN_KEEP : PLAN_DROP;
	if (!direct && !hm_mh_chain_settled(mh, NULL))
		return PLAN_KEEP; /* a local move: the old path until the server knows the new one
		                   */
	*f = (struct hm_forward){
		.kind = HM_FORWARD_OWN,
		.match = ch->addr,
		.home = mh->home,
		.local = ch->bound.coa,
	};
	/* Straight to the correspondent (PROTOCOL 7), unless the site lets no GCoA out of an access
	 * link and its administrator says so. */
	if (!direct && mh->config->uplink == HM_UPLINK_TUNNEL)
		f->n_hops = (uint8_t)server_hops(mh, f->hops);
	return PLAN_SET;
}

static void bind_path(struct mh *mh, struct mh_path *path, const struct hm_forward *f,
                      struct hm_fx *fx)
{
	struct hm_effect *e;

	if (path->installed && same_forward(&path->forward, f) &&
	    (!path->failed || path->retry_ms > mh->now))
		return;
	path->installed = true;
	path->failed = false;
	path->forward = *f;
	path->ticket = ++mh->ticket;
	e = hm_fx_add(fx, HM_FX_BIND);
	e->bind.ticket = path->ticket;
	e->bind.has_path = true;
	e->bind.path = *f;
}

static void bind_again(struct mh *mh, struct mh_path *path, struct hm_fx *fx)
{
	struct hm_forward f = path->forward;

	if (path->installed && path->failed)
		bind_path(mh, path, &f, fx);
}

void hm_mh_path_drop(struct mh *mh, struct mh_path *path, struct hm_fx *fx)
{
	struct hm_effect *e;

	(void)mh;
	if (!path->installed)
		return;
	e = hm_fx_add(fx, HM_FX_UNBIND);
	e->bind.has_path = true;
	e->bind.path = path->forward;
	*path = (struct mh_path){ .installed = false };
}

/* Whatever uplink is configured, packets come through the whole chain: once it changes, the tunnels
 * that are left are remembered. */
static void remember(struct mh *mh)
{
	struct hm_hop now[HM_HOPS_MAX];
	unsigned n = 1 + server_hops(mh, &now[1]);
	struct hm_addr top = hm_mh_top(mh);

	now[0] = (struct hm_hop){ top, mh->peers[MH_HA].addr };
	if (!hm_mh_chain_settled(mh, NULL) || !knows(&mh->peers[MH_HA], &top))
		return;
	for (unsigned i = 0; i < mh->n_tunnels; i++)
		if (!has_hop(now, n, &mh->tunnels[i]))
			hm_mh_path_past(mh, &mh->tunnels[i].local, &mh->tunnels[i].remote);
	memcpy(mh->tunnels, now, n * sizeof now[0]);
	mh->n_tunnels = n;
}

void hm_mh_path_home(struct mh *mh, struct hm_fx *fx)
{
	struct hm_forward f;

	switch (mh->stopping ? PLAN_DROP : plan_home(mh, &f)) {
	case PLAN_KEEP:
		bind_again(mh, &mh->path, fx);
		break;
	case PLAN_DROP:
		hm_mh_path_drop(mh, &mh->path, fx);
		mh->n_tunnels = 0;
		break;
	case PLAN_SET:
		remember(mh);
		accept_all(mh, &mh->peers[MH_HA].addr, &f);
		bind_path(mh, &mh->path, &f, fx);
		break;
	}
}

static void path_own(struct mh *mh, struct mh_peer *ch, struct hm_fx *fx)
{
	struct hm_forward f;

	switch (plan_own(mh, ch, &f)) {
	case PLAN_KEEP:
		bind_again(mh, &ch->path, fx);
		break;
	case PLAN_DROP:
		hm_mh_path_drop(mh, &ch->path, fx);
		break;
	case PLAN_SET:
		bind_path(mh, &ch->path, &f, fx);
		break;
	}
}

void hm_mh_path_run(struct mh *mh, struct hm_fx *fx)
{
	for (unsigned i = MH_CHS; i <= MH_PEERS; i++) {
		if (!hm_fx_has_room(fx)) {
			mh->more = true;
			return;
		}
		if (i == MH_PEERS)
			hm_mh_path_home(mh, fx);
		else if (mh->peers[i].used)
			path_own(mh, &mh->peers[i], fx);
	}
}

static void on_failed(struct mh *mh, struct mh_path *path, const struct hm_event *ev)
{
	if (!path->installed || path->ticket != ev->done.ticket)
		return;
	path->failed = true;
	path->retry_ms = hm_after(mh->now, BIND_AGAIN_MS);
}

void hm_mh_on_bind_done(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	if (ev->done.err == HM_OK)
		return;
	hm_fx_count(fx, HM_COUNT_BIND_FAILED);
	on_failed(mh, &mh->path, ev);
	for (unsigned i = MH_CHS; i < MH_PEERS; i++)
		on_failed(mh, &mh->peers[i].path, ev);
}

hm_ms hm_mh_path_deadline(const struct mh *mh)
{
	hm_ms at = HM_NEVER;

	if (!mh->attach.valid || mh->stopping)
		return HM_NEVER;
	if (mh->path.installed && mh->path.failed)
		at = mh->path.retry_ms;
	for (unsigned i = 0; mh->path.installed && i < MH_PAST; i++)
		if (mh->past[i].until_ms > mh->now)
			at = hm_sooner(at, mh->past[i].until_ms);
	for (unsigned i = MH_CHS; i < MH_PEERS; i++)
		if (mh->peers[i].path.installed && mh->peers[i].path.failed)
			at = hm_sooner(at, mh->peers[i].path.retry_ms);
	return at;
}
