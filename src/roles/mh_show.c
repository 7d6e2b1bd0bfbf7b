/* What `show registrations` and `show routers` print of a mobile host. */
#include "roles/mh_int.h"

static const char *peer_state(const struct mh *mh, const struct mh_peer *p)
{
	if (p->ask.active)
		return p->ask.leave ? "leaving" : p->bound.valid ? "renewing" : "pending";
	if (p->bound.valid)
		return "active";
	if (p->failed || p->hold_ms > mh->now)
		return "refused";
	return NULL;
}

static bool registration(const struct mh *mh, uint64_t *cursor, struct hm_show_row *ret_row)
{
	for (; *cursor < MH_PEERS; ++*cursor) {
		const struct mh_peer *p = &mh->peers[*cursor];
		const char *state = p->used ? peer_state(mh, p) : NULL;
		struct hm_number n = p->kind == HM_ROLE_MS ? p->ask.last : p->number;

		if (!state)
			continue;
		*ret_row = (struct hm_show_row){
			.role = HM_ROLE_MH,
			.home = mh->home,
			.peer = p->addr,
			.coa = p->bound.valid ? p->bound.coa : p->ask.coa,
			.kind = hm_role_text(p->kind),
			.state = state,
			.seq = n.seq,
			.epoch = n.epoch,
			.since_ms = p->bound.valid ? p->bound.since_ms : 0,
			.expires_ms = p->bound.valid ? p->bound.expires_ms : 0,
			.level = p->level,
		};
		if (p->bound.valid)
			ret_row->lifetime_s = hm_lifetime_left(mh->now, p->bound.expires_ms);
		++*cursor;
		return true;
	}
	return false;
}

static bool router(const struct mh *mh, uint64_t *cursor, struct hm_show_row *ret_row)
{
	for (; *cursor < (uint64_t)mh->names.n * MH_ROUTERS; ++*cursor) {
		unsigned at = (unsigned)(*cursor / MH_ROUTERS),
		         i = (unsigned)(*cursor % MH_ROUTERS);
		const struct mh_link *link = &mh->links[at];
		const struct mh_router *r = &link->routers[i];

		if (!r->used)
			continue;
		*ret_row = (struct hm_show_row){
			.role = HM_ROLE_MH,
			.router = r->addr,
			.ifindex = link->ifindex,
			.state = r->suspect                                  ? "doubted"
			         : link->router != (int)i                    ? "heard"
			         : mh->attach.link == at && mh->attach.valid ? "in-use"
			                                                     : "ready",
			.since_ms = r->heard_ms,
			.expires_ms = r->expires_ms,
		};
		if (link->router == (int)i)
			ret_row->coa = link->coa.addr;
		if (r->n_prefixes > 0) {
			ret_row->prefix = r->prefixes[0].info.addr;
			ret_row->plen = r->prefixes[0].info.plen;
		}
		if (r->n_servers > 0) {
			ret_row->peer = r->servers[0].info.ms;
			ret_row->level = r->servers[0].info.level;
			ret_row->preference = r->servers[0].info.preference;
		}
		++*cursor;
		return true;
	}
	return false;
}

bool hm_mh_row(const struct mh *mh, enum hm_show what, uint64_t *cursor,
               struct hm_show_row *ret_row)
{
	switch (what) {
	case HM_SHOW_REGISTRATIONS:
		return registration(mh, cursor, ret_row);
	case HM_SHOW_ROUTERS:
		return router(mh, cursor, ret_row);
	case HM_SHOW_BINDINGS:
	case HM_SHOW_PEERS:
		break;
	}
	return false;
}
