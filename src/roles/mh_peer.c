/* Who is in the binding update list, and the numbers each is sent (PROTOCOL 4). Servers and the
 * home agent have places of their own; correspondents are configured, or learnt from packets that
 * came through the home agent's tunnel, and of the learnt ones the least recently used makes room.
 */
#include "roles/mh_int.h"

static bool later(struct hm_number a, struct hm_number b)
{
	return hm_number_after(a, b, true);
}

struct hm_number *hm_mh_number(struct mh *mh, struct mh_peer *peer)
{
	return peer->kind == HM_ROLE_MS ? &mh->ms_number : &peer->number;
}

static struct mh_peer *find_ch(struct mh *mh, const struct hm_addr *addr)
{
	for (unsigned i = MH_CHS; i < MH_PEERS; i++)
		if (mh->peers[i].used && hm_addr_eq(&mh->peers[i].addr, addr))
			return &mh->peers[i];
	return NULL;
}

static struct mh_peer *make_ch(struct mh *mh, struct mh_peer *slot, const struct hm_addr *addr)
{
	*slot = (struct mh_peer){
		.used = true,
		.kind = HM_ROLE_CH,
		.addr = *addr,
		.used_ms = mh->now,
		.number = mh->ch_floor,
	};
	return slot;
}

/* Makes room for a learnt correspondent: NULL when all hold bindings. The numbers of one that is
 * dropped are never used again, whoever comes back. */
static struct mh_peer *take_slot(struct mh *mh, struct hm_fx *fx)
{
	struct mh_peer *free_slot = NULL, *oldest = NULL;
	unsigned learnt = 0;

	for (unsigned i = MH_CHS; i < MH_PEERS; i++) {
		struct mh_peer *p = &mh->peers[i];

		if (!p->used)
			free_slot = free_slot ? free_slot : p;
		if (!p->used || p->configured)
			continue;
		learnt++;
		if (!p->bound.valid && !p->ask.active && (!oldest || p->used_ms < oldest->used_ms))
			oldest = p;
	}
	if (learnt < MH_LEARNT && free_slot)
		return free_slot;
	if (!oldest)
		return NULL;
	if (later(oldest->number, mh->ch_floor))
		mh->ch_floor = oldest->number;
	if (fx) {
		hm_mh_path_drop(mh, &oldest->path, fx);
		hm_mh_forget_registration(mh, oldest, fx);
	}
	return oldest;
}

struct mh_peer *hm_mh_ch(struct mh *mh, const struct hm_addr *addr, struct hm_fx *fx)
{
	struct mh_peer *p = find_ch(mh, addr);

	if (p)
		return p;
	p = take_slot(mh, fx);
	return p ? make_ch(mh, p, addr) : NULL;
}

/* At init and reload: who is not in the list any more stays as a learnt one. */
void hm_mh_peers_configure(struct mh *mh)
{
	const struct hm_addr_list *list = &mh->config->correspondents;
	struct mh_peer *ha = &mh->peers[MH_HA];

	for (unsigned i = MH_CHS; i < MH_PEERS; i++)
		mh->peers[i].configured = false;
	for (unsigned i = 0; i < list->n && i < HM_LIST_MAX; i++) {
		struct mh_peer *p = find_ch(mh, &list->a[i]);

		for (unsigned k = MH_CHS; k < MH_PEERS && !p; k++)
			if (!mh->peers[k].used)
				p = make_ch(mh, &mh->peers[k], &list->a[i]);
		if (!p)
			continue;
		p->configured = true;
		p->wanted = true;
	}
	ha->used = true;
	ha->kind = HM_ROLE_HA;
	if (!mh->config->discover_home_agent && !hm_addr_eq(&ha->addr, &mh->config->home_agent)) {
		ha->addr = mh->config->home_agent;
		ha->bound.valid = false;
		ha->ask.active = false;
	}
}

static struct hm_number restored(const struct hm_number was)
{
	struct hm_number n = was;

	for (unsigned i = 0; i < MH_RESTART_GAP; i++)
		n = hm_number_next(n);
	return n;
}

static void restore_seq(struct mh *mh, const struct hm_seq_row *row)
{
	struct hm_number n = restored((struct hm_number){ row->epoch, row->seq });
	struct mh_peer *ch;

	switch (row->use) {
	case HM_USE_MH_MS:
		mh->ever_registered = true;
		if (later(n, mh->ms_number))
			mh->ms_number = n;
		break;
	case HM_USE_MH_HA:
		if (hm_addr_is_any(&mh->peers[MH_HA].addr))
			mh->peers[MH_HA].addr = row->peer;
		if (later(n, mh->peers[MH_HA].number))
			mh->peers[MH_HA].number = n;
		break;
	case HM_USE_MH_CH:
		ch = hm_mh_ch(mh, &row->peer, NULL);
		if (ch && later(n, ch->number))
			ch->number = n;
		else if (later(n, mh->ch_floor))
			mh->ch_floor = n;
		break;
	case HM_USE_NONE:
	case HM_USE_MS_MS:
	case HM_USE_MS_RA:
	case HM_USES:
		break;
	}
}

static void restore_server(struct mh *mh, const struct hm_registration_row *row)
{
	struct mh_peer *p = hm_mh_server(mh, &row->peer);

	p->maybe_bound = true;
	mh->ever_registered = true;
	/* Its level is known only when it is advertised again; in a two-level domain it is 0. */
	if (!mh->last[0].used)
		mh->last[0] = (struct mh_last){ .used = true, .ms = row->peer };
}

static void restore_registration(struct mh *mh, const struct hm_registration_row *row)
{
	struct mh_peer *p;

	switch (row->kind) {
	case HM_ROLE_MS:
		restore_server(mh, row);
		break;
	case HM_ROLE_HA:
		p = &mh->peers[MH_HA];
		if (hm_addr_is_any(&p->addr))
			p->addr = row->peer;
		if (hm_addr_eq(&p->addr, &row->peer))
			p->maybe_bound = true;
		break;
	case HM_ROLE_CH:
		p = hm_mh_ch(mh, &row->peer, NULL);
		if (!p)
			break;
		p->maybe_bound = true;
		p->wanted = p->configured || row->state == HM_REGISTRATION_ACTIVE;
		break;
	case HM_ROLE_MH:
	case HM_ROLE_RA:
	case HM_ROLES:
		break;
	}
}

/* What may be bound elsewhere is remembered, so that coming home takes it back; what is true is
 * registered anew. */
void hm_mh_restore(struct mh *mh, const struct hm_record *record)
{
	switch (record->kind) {
	case HM_RECORD_SEQ:
		if (hm_addr_eq(&record->seq.home, &mh->home))
			restore_seq(mh, &record->seq);
		break;
	case HM_RECORD_REGISTRATION:
		if (hm_addr_eq(&record->registration.home, &mh->home))
			restore_registration(mh, &record->registration);
		break;
	case HM_RECORD_BINDING:
		break;
	}
}

void hm_mh_on_traffic(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	struct mh_peer *p;

	if (ev->traffic.kind != HM_TRAFFIC_TUNNELLED || !ev->traffic.has_key ||
	    !hm_addr_eq(&ev->traffic.home, &mh->home) || mh->attach.home ||
	    hm_addr_eq(&ev->traffic.peer, &mh->peers[MH_HA].addr))
		return;
	p = hm_mh_ch(mh, &ev->traffic.peer, fx);
	if (!p) {
		hm_fx_count(fx, HM_COUNT_TABLE_FULL);
		return;
	}
	p->used_ms = mh->now;
	p->wanted = true;
}
