/* The mobile host (draft 4.2; RFC 6275 11): events in, then everything that follows from them. */
#include "roles/mh_int.h"
#include "roles/role.h"

static size_t size(const struct hm_config *config)
{
	(void)config;
	return sizeof(struct mh);
}

static void init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct mh *mh = state;

	mh->config = &config->mh;
	mh->wire = &config->wire;
	mh->home = config->mh.home;
	mh->names = config->mh.interfaces;
	for (unsigned i = 0; i < HM_INTERFACES_MAX; i++)
		mh->links[i].router = -1;
	hm_rand_init(&mh->rand, seed);
	hm_mh_peers_configure(mh);
}

static bool is_complete(const struct mh *mh)
{
	const struct mh_peer *ha = &mh->peers[MH_HA];
	struct hm_addr top = hm_mh_top(mh);

	if (!mh->attach.valid)
		return false;
	if (mh->attach.home)
		return mh->at_home_told;
	return hm_mh_chain_settled(mh, NULL) && ha->bound.valid && hm_addr_eq(&ha->bound.coa, &top);
}

static void tell_handoff(const struct mh *mh, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = HM_NOTE_HANDOFF_DONE;
	e->note.home = mh->home;
	if (mh->n_chain > 0)
		e->note.gcoa = hm_mh_top(mh);
	e->note.coa = mh->attach.coa;
	e->note.ifindex = mh->attach.ifindex;
	e->note.elapsed_ms = mh->now - mh->cause_ms;
}

/* Everybody who must know knows: the old addresses can go. */
static void finish_move(struct mh *mh, struct hm_fx *fx)
{
	struct hm_addr top = hm_mh_top(mh);
	bool moved;

	if (!is_complete(mh))
		return;
	if (!hm_fx_has_room(fx)) {
		mh->more = true;
		return;
	}
	moved = !hm_addr_eq(&mh->done_coa, &mh->attach.coa) || !hm_addr_eq(&mh->done_top, &top);
	if (mh->moving && moved && mh->moved_before) {
		hm_fx_count(fx, HM_COUNT_HANDOFF);
		if (!mh->attach.home)
			tell_handoff(mh, fx);
	}
	mh->more |= mh->moving; /* the gateways of links that were left */
	mh->moving = false;
	mh->moved_before = true;
	mh->done_coa = mh->attach.coa;
	mh->done_top = top;
	hm_mh_coa_clean(mh, true, fx);
}

static void settle(struct mh *mh, struct hm_fx *fx)
{
	hm_mh_link_run(mh, fx);
	if (!hm_fx_has_room(fx)) {
		mh->more = true;
		return;
	}
	hm_mh_chain_update(mh, fx);
	hm_mh_reg_run(mh, fx);
	if (hm_fx_has_room(fx))
		hm_mh_home_run(mh, fx);
	else
		mh->more = true;
	hm_mh_path_run(mh, fx);
	finish_move(mh, fx);
}

/* One message each, answered or not, and the paths: what a mobile host that stops can still do. */
static void leave(struct mh *mh, struct hm_fx *fx)
{
	for (; mh->stop_next < MH_PEERS; mh->stop_next++) {
		/* The home agent first. */
		unsigned i = mh->stop_next == 0       ? MH_HA
		             : mh->stop_next <= MH_HA ? mh->stop_next - 1
		                                      : mh->stop_next;

		if (!hm_fx_has_room(fx)) {
			mh->more = true;
			return;
		}
		hm_mh_reg_stop(mh, &mh->peers[i], fx);
	}
	hm_mh_path_run(mh, fx);
}

static void on_packet(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;

	switch (packet->kind) {
	case HM_MSG_RA:
		hm_mh_on_ra(mh, packet);
		break;
	case HM_MSG_BACK:
		hm_mh_on_back(mh, ev, fx);
		break;
	case HM_MSG_BREQ:
		hm_mh_on_breq(mh, ev, fx);
		break;
	case HM_MSG_ICMP_ERROR:
		hm_mh_on_icmp(mh, packet, fx);
		break;
	case HM_MSG_HAAD_REPLY:
		hm_mh_on_haad(mh, packet, fx);
		break;
	case HM_MSG_NONE:
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
	case HM_MSG_HANDOFF:
	case HM_MSG_BU:
	case HM_MSG_MSINFO:
	case HM_MSG_RS:
	case HM_MSG_NS:
	case HM_MSG_NA:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_KINDS:
		break;
	}
}

static void handle(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	switch (ev->kind) {
	case HM_EV_RESTORE:
		hm_mh_restore(mh, &ev->restore);
		break;
	case HM_EV_START:
		mh->started = true;
		break;
	case HM_EV_PACKET:
		on_packet(mh, ev, fx);
		break;
	case HM_EV_LINK:
		hm_mh_on_link(mh, &ev->link, fx);
		break;
	case HM_EV_ADDRESS:
		hm_mh_on_address(mh, ev, fx);
		break;
	case HM_EV_BIND_DONE:
		hm_mh_on_bind_done(mh, ev, fx);
		break;
	case HM_EV_SEND_FAILED:
		hm_mh_on_send_failed(mh, ev->done.ticket);
		hm_mh_former_failed(mh, ev->done.ticket);
		break;
	case HM_EV_TRAFFIC:
		hm_mh_on_traffic(mh, ev, fx);
		break;
	case HM_EV_TICK:
		break;
	case HM_EV_STOP:
		mh->stopping = true;
		break;
	}
}

static void step(void *state, const struct hm_event *ev, struct hm_fx *fx)
{
	struct mh *mh = state;

	mh->now = ev->now_ms;
	mh->wall_s = (uint32_t)(ev->wall_ms / 1000);
	mh->more = false;
	if (!mh->stopping)
		handle(mh, ev, fx);
	if (!mh->started)
		return;
	if (mh->stopping)
		leave(mh, fx);
	else
		settle(mh, fx);
}

static hm_ms deadline(const void *state)
{
	const struct mh *mh = state;
	hm_ms at;

	if (!mh->started)
		return HM_NEVER;
	if (mh->more)
		return mh->now;
	if (mh->stopping)
		return HM_NEVER;
	at = hm_sooner(hm_mh_link_deadline(mh), hm_mh_reg_deadline(mh));
	at = hm_sooner(at, hm_mh_home_deadline(mh));
	return hm_sooner(at, hm_mh_path_deadline(mh));
}

static bool row(const void *state, enum hm_show what, uint64_t *cursor, struct hm_show_row *ret_row)
{
	return hm_mh_row(state, what, cursor, ret_row);
}

/* Bindings stay. The home address and the interfaces are those of the start: what hangs on them
 * cannot change under it. */
static void reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	struct mh *mh = state;

	mh->now = now_ms;
	mh->config = &config->mh;
	mh->wire = &config->wire;
	hm_mh_peers_configure(mh);
	mh->more = mh->started;
}

const struct hm_role hm_role_mh = {
	.id = HM_ROLE_MH,
	.name = "mh",
	.size = size,
	.init = init,
	.step = step,
	.deadline = deadline,
	.row = row,
	.reload = reload,
};
