/* Which mobility servers we register with: one per level that the router advertises (PROTOCOL 6; in
 * a two-level domain that is one), the present one for as long as it is advertised. A server that
 * refuses or does not answer is passed over, and probed now and then; when none is left that is
 * plain Mobile IPv6 (draft 4.2.1). */
#include "roles/mh_int.h"

const struct mh_router *hm_mh_router(const struct mh *mh)
{
	const struct mh_link *link = &mh->links[mh->attach.link];

	if (!mh->attach.valid || link->router < 0)
		return NULL;
	return &link->routers[link->router];
}

/* FNV-1a: spreads mobile hosts over servers of equal preference. */
static uint32_t hash(const struct hm_addr *home, const struct hm_addr *ms)
{
	uint32_t h = 2166136261U;

	for (unsigned i = 0; i < sizeof home->b; i++)
		h = (h ^ home->b[i]) * 16777619U;
	for (unsigned i = 0; i < sizeof ms->b; i++)
		h = (h ^ ms->b[i]) * 16777619U;
	return h;
}

static bool in_chain(const struct mh *mh, const struct mh_peer *ms)
{
	for (unsigned i = 0; i < mh->n_chain; i++)
		if (&mh->peers[mh->chain[i]] == ms)
			return true;
	return false;
}

static struct mh_peer *find(struct mh *mh, const struct hm_addr *ms)
{
	for (unsigned i = 0; i < MH_SERVERS; i++)
		if (mh->peers[i].used && hm_addr_eq(&mh->peers[i].addr, ms))
			return &mh->peers[i];
	return NULL;
}

/* The peer of that server, made when there is none; the least recently used one makes room. */
struct mh_peer *hm_mh_server(struct mh *mh, const struct hm_addr *ms)
{
	struct mh_peer *best = find(mh, ms);

	if (best)
		return best;
	for (unsigned i = 0; i < MH_SERVERS; i++) {
		struct mh_peer *p = &mh->peers[i];

		if (!p->used) {
			best = p;
			break;
		}
		if (!in_chain(mh, p) && (!best || p->used_ms < best->used_ms))
			best = p;
	}
	*best = (struct mh_peer){
		.used = true,
		.kind = HM_ROLE_MS,
		.addr = *ms,
		.used_ms = mh->now,
	};
	return best;
}

static const struct mh_server *advertised(const struct mh *mh, const struct mh_peer *ms)
{
	const struct mh_router *r = hm_mh_router(mh);

	for (unsigned i = 0; r && i < r->n_servers; i++)
		if (hm_addr_eq(&r->servers[i].info.ms, &ms->addr))
			return &r->servers[i];
	return NULL;
}

bool hm_mh_advertised(const struct mh *mh, const struct mh_peer *ms)
{
	return ms->used && !mh->attach.home && advertised(mh, ms);
}

static bool is_failed(const struct mh *mh, const struct hm_addr *ms)
{
	for (unsigned i = 0; i < MH_SERVERS; i++)
		if (mh->peers[i].used && hm_addr_eq(&mh->peers[i].addr, ms))
			return mh->peers[i].failed;
	return false;
}

static bool is_current(const struct mh *mh, const struct hm_msinfo *info)
{
	for (unsigned i = 0; i < mh->n_chain; i++) {
		const struct mh_peer *p = &mh->peers[mh->chain[i]];

		if (hm_addr_eq(&p->addr, &info->ms) && p->level == info->level)
			return true;
	}
	return false;
}

static bool is_better(const struct mh *mh, const struct hm_msinfo *a, const struct hm_msinfo *b)
{
	if (is_current(mh, a) != is_current(mh, b))
		return is_current(mh, a);
	if (a->preference != b->preference)
		return a->preference > b->preference;
	return hash(&mh->home, &a->ms) > hash(&mh->home, &b->ms);
}

/* The best server of the highest level number below `under`, which is the lowest of the tiers still
 * to be chosen. */
static const struct hm_msinfo *choose(const struct mh *mh, const struct mh_router *r, int under)
{
	const struct hm_msinfo *best = NULL;

	for (unsigned i = 0; i < r->n_servers; i++) {
		const struct hm_msinfo *info = &r->servers[i].info;

		if (info->level >= under || is_failed(mh, &info->ms))
			continue;
		if (!best || info->level > best->level ||
		    (info->level == best->level && is_better(mh, info, best)))
			best = info;
	}
	return best;
}

/* The peer of an advertised server; one that serves another network now has forgotten us. */
static struct mh_peer *peer_for(struct mh *mh, const struct hm_msinfo *info)
{
	struct mh_peer *p = hm_mh_server(mh, &info->ms);

	if (p->plen != info->plen) {
		p->bound.valid = false;
		p->ask.active = false;
	}
	p->plen = info->plen;
	p->level = info->level;
	p->used_ms = mh->now;
	return p;
}

static void note_fallback(struct mh *mh, const struct mh_router *r, struct hm_fx *fx)
{
	struct hm_effect *e;

	if (mh->n_chain > 0 || r->n_servers == 0) {
		mh->fallen = false;
		return;
	}
	if (mh->fallen)
		return;
	mh->fallen = true;
	hm_fx_count(fx, HM_COUNT_FALLBACK);
	e = hm_fx_add(fx, HM_FX_NOTE);
	e->note.note = HM_NOTE_FALLBACK;
	e->note.home = mh->home;
	e->note.coa = mh->attach.coa;
	e->note.peer = r->servers[0].info.ms;
}

void hm_mh_chain_update(struct mh *mh, struct hm_fx *fx)
{
	const struct mh_router *r = hm_mh_router(mh);
	uint8_t chain[HM_LEVELS_MAX];
	unsigned n = 0;
	int under = 256;

	if (!r)
		return; /* nothing is known better */
	while (!mh->attach.home && n < HM_LEVELS_MAX) {
		const struct hm_msinfo *info = choose(mh, r, under);
		struct mh_peer *p;

		if (!info)
			break;
		p = peer_for(mh, info);
		mh->gcoa[n] = hm_addr_join(&p->addr, p->plen, &mh->home);
		chain[n++] = (uint8_t)(p - mh->peers);
		under = info->level;
	}
	memcpy(mh->chain, chain, n);
	mh->n_chain = n;
	if (!mh->attach.home)
		note_fallback(mh, r, fx);
}

struct hm_addr hm_mh_server_coa(const struct mh *mh, const struct mh_peer *ms)
{
	struct hm_addr coa = mh->attach.coa;

	for (unsigned i = 0; i < mh->n_chain; i++)
		if (mh->peers[mh->chain[i]].level > ms->level)
			coa = mh->gcoa[i];
	return coa;
}

static bool holds(const struct mh *mh, const struct mh_peer *ms)
{
	struct hm_addr coa = hm_mh_server_coa(mh, ms);

	return hm_mh_holds(ms, &coa);
}

bool hm_mh_chain_settled(const struct mh *mh, const struct mh_peer *below)
{
	for (unsigned i = 0; i < mh->n_chain; i++) {
		const struct mh_peer *ms = &mh->peers[mh->chain[i]];

		if (below && ms->level <= below->level)
			continue;
		if (!holds(mh, ms))
			return false;
	}
	return true;
}

struct hm_addr hm_mh_top(const struct mh *mh)
{
	return mh->n_chain > 0 ? mh->gcoa[mh->n_chain - 1] : mh->attach.coa;
}

void hm_mh_server_fail(struct mh *mh, struct mh_peer *ms, hm_ms hold)
{
	ms->failed = true;
	ms->bound.valid = false;
	ms->ask.active = false;
	ms->setbacks++;
	ms->hold_ms = hm_after(mh->now, hold);
	mh->more = true;
}

void hm_mh_server_doubt(struct mh *mh, const struct hm_addr *ms)
{
	struct mh_peer *p = find(mh, ms);

	if (p)
		p->bound.valid = false;
}

struct mh_last *hm_mh_last(struct mh *mh, uint8_t level)
{
	for (unsigned i = 0; i < HM_LEVELS_MAX; i++)
		if (mh->last[i].used && mh->last[i].level == level)
			return &mh->last[i];
	return NULL;
}

static void forget_row(struct mh *mh, const struct mh_last *last, struct hm_fx *fx)
{
	struct mh_peer gone = { .kind = HM_ROLE_MS, .addr = last->ms };

	hm_mh_forget_registration(mh, &gone, fx);
}

/* We are registered with `ms` at that level; the server before it is history. */
void hm_mh_last_set(struct mh *mh, uint8_t level, const struct hm_addr *ms, struct hm_fx *fx)
{
	struct mh_last *last = hm_mh_last(mh, level);

	/* The first registration is over when its last level is. */
	mh->ever_registered |= hm_mh_chain_settled(mh, NULL);
	if (last && hm_addr_eq(&last->ms, ms)) {
		last->asked = hm_addr_any;
		return;
	}
	if (last) {
		struct mh_peer *old = find(mh, &last->ms);

		if (old)
			old->bound.valid = old->maybe_bound = false; /* it only forwards now */
		forget_row(mh, last, fx);
	}
	for (unsigned i = 0; !last && i < HM_LEVELS_MAX; i++)
		if (!mh->last[i].used)
			last = &mh->last[i];
	if (!last)
		last = &mh->last[0];
	*last = (struct mh_last){ .used = true, .level = level, .ms = *ms };
}

/* The present attachment has no mobility server: the next Request says so. */
void hm_mh_last_forget(struct mh *mh, struct hm_fx *fx)
{
	for (unsigned i = 0; i < HM_LEVELS_MAX; i++) {
		struct mh_peer *ms = mh->last[i].used ? find(mh, &mh->last[i].ms) : NULL;

		if (ms)
			ms->bound.valid = false; /* whoever comes back registers anew */
		if (mh->last[i].used)
			forget_row(mh, &mh->last[i], fx);
		mh->last[i].used = false;
	}
}
