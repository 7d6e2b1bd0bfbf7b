/* Our addresses on links: one LCoA per link that has a router, made before it is needed (draft
 * 4.2.1), the home address on the home link, and those of prefixes left behind until the move is
 * complete. The kernel does duplicate address detection; nothing is sent from an address before it
 * says that the address is usable. */
#include "roles/mh_int.h"

#define TRIES_MAX 3
#define RETRY_MS (60 * HM_SECOND)
#define AGAIN_MS (1 * HM_SECOND)

static void ask_address(enum hm_address_op op, uint32_t ifindex, const struct hm_addr *addr,
                        uint8_t plen, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_ADDRESS);

	e->address.op = op;
	e->address.ifindex = ifindex;
	e->address.addr = *addr;
	e->address.plen = plen;
}

static uint8_t plen_of(const struct mh *mh, const struct hm_addr *addr)
{
	return hm_addr_eq(addr, &mh->home) ? mh->config->home_plen : 64;
}

static bool is_home(const struct mh *mh, const struct mh_link *link)
{
	return hm_addr_eq(&link->coa.addr, &mh->home);
}

static void random_iid(struct mh *mh, struct hm_addr *addr)
{
	uint64_t v = hm_rand_next(&mh->rand);

	for (unsigned i = 0; i < 8; i++)
		addr->b[8 + i] = (uint8_t)(v >> (8 * i));
	addr->b[8] &= (uint8_t)~0x02; /* not from a link-layer address (RFC 4291 2.5.1) */
}

static struct hm_addr make_lcoa(struct mh *mh, const struct mh_link *link,
                                const struct hm_addr *prefix)
{
	struct hm_addr addr = hm_addr_join(prefix, 64, &hm_addr_any);

	if (link->lladdr.present)
		addr = hm_addr_eui64(&addr, link->lladdr.b);
	if (!link->lladdr.present || hm_mh_former_has(mh, &addr))
		random_iid(mh, &addr);
	return addr;
}

/* Adds the address of the link, or adds it again: the host answers with HM_EV_ADDRESS. */
static void add(struct mh *mh, struct mh_link *link, bool nodad, struct hm_fx *fx)
{
	ask_address(nodad ? HM_ADDRESS_ADD_NODAD : HM_ADDRESS_ADD, link->ifindex, &link->coa.addr,
	            plen_of(mh, &link->coa.addr), fx);
	link->coa.state = MH_COA_ADDING;
	link->coa.added = true;
	link->coa.deprecated = false;
	link->coa.asked_ms = mh->now;
}

static void keep_old(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	struct mh_old *slot = &mh->old[0];

	for (unsigned i = 0; i < MH_OLD; i++)
		if (!mh->old[i].used)
			slot = &mh->old[i];
	if (slot->used)
		ask_address(HM_ADDRESS_DEL, slot->ifindex, &slot->addr, 64, fx);
	*slot = (struct mh_old){ true, link->ifindex, link->coa.addr };
}

/* The link's address is of a prefix we have left. */
void hm_mh_coa_retire(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	struct mh_coa *c = &link->coa;

	if (c->state == MH_COA_USABLE && link->up && !is_home(mh, link)) {
		if (!c->deprecated)
			ask_address(HM_ADDRESS_DEPRECATE, link->ifindex, &c->addr, 64, fx);
		keep_old(mh, link, fx);
	} else if (c->added && c->state != MH_COA_FAILED) {
		ask_address(HM_ADDRESS_DEL, link->ifindex, &c->addr, plen_of(mh, &c->addr), fx);
	}
	*c = (struct mh_coa){ .state = MH_COA_NONE };
}

/* The host is attached to another link: an address that may serve again stays, deprecated. */
void hm_mh_coa_leave(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	if (!link->up || is_home(mh, link)) {
		hm_mh_coa_retire(mh, link, fx);
		return;
	}
	if (link->coa.state != MH_COA_USABLE || link->coa.deprecated)
		return;
	ask_address(HM_ADDRESS_DEPRECATE, link->ifindex, &link->coa.addr, 64, fx);
	link->coa.deprecated = true;
}

void hm_mh_coa_prefer(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	if (!link->coa.deprecated)
		return;
	add(mh, link, false, fx);
	link->coa.state = MH_COA_USABLE; /* it was, and still is */
}

static void forget_old(struct mh *mh, const struct mh_link *link)
{
	for (unsigned i = 0; i < MH_OLD; i++)
		if (mh->old[i].used && mh->old[i].ifindex == link->ifindex &&
		    hm_addr_eq(&mh->old[i].addr, &link->coa.addr))
			mh->old[i].used = false;
}

static bool fits_router(const struct mh *mh, const struct mh_link *link)
{
	const struct mh_router *r = &link->routers[link->router];

	if (link->coa.state == MH_COA_NONE || is_home(mh, link))
		return false;
	for (unsigned i = 0; i < r->n_prefixes; i++) {
		const struct mh_prefix *p = &r->prefixes[i];

		if (p->info.autonomous && p->info.plen == 64 && p->valid_ms > mh->now &&
		    hm_addr_in(&link->coa.addr, &p->info.addr, 64))
			/* A deprecated prefix is left when there is another (RFC 4862 5.5.4). */
			return p->info.preferred_s > 0 || !hm_mh_router_prefix(r, mh->now);
	}
	return false;
}

static void add_when_due(struct mh *mh, struct mh_link *link, bool nodad, struct hm_fx *fx)
{
	struct mh_coa *c = &link->coa;

	if (link->routers[link->router].suspect)
		return; /* we may be on another link */
	if (c->state == MH_COA_FAILED && c->retry_ms <= mh->now) {
		c->tries = 0;
		c->state = MH_COA_LOST;
	}
	if (c->state == MH_COA_LOST && c->retry_ms <= mh->now)
		add(mh, link, nodad, fx);
}

/* An LCoA in the prefix of the link's router. */
void hm_mh_coa_ensure(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	const struct mh_router *r = &link->routers[link->router];
	const struct mh_prefix *p = hm_mh_router_prefix(r, mh->now);

	if (!fits_router(mh, link)) {
		hm_mh_coa_retire(mh, link, fx);
		if (!p)
			return;
		link->coa.addr = make_lcoa(mh, link, &p->info.addr);
		link->coa.state = MH_COA_LOST;
		forget_old(mh, link);
	}
	add_when_due(mh, link, false, fx);
}

/* On the home link there is no care-of address, whether or not it is the link in use. */
void hm_mh_coa_drop(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	if (link->coa.state != MH_COA_NONE && !is_home(mh, link) &&
	    !link->routers[link->router].suspect)
		hm_mh_coa_retire(mh, link, fx);
}

/* The home address, which the home agent may still be defending (RFC 6275 11.5.5). */
void hm_mh_coa_home(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	if (link->coa.state == MH_COA_NONE || !is_home(mh, link)) {
		hm_mh_coa_retire(mh, link, fx);
		link->coa.addr = mh->home;
		link->coa.state = MH_COA_LOST;
	}
	add_when_due(mh, link, mh->peers[MH_HA].maybe_bound, fx);
}

/* Deletes what a completed move leaves behind; all false: only what cannot be reached anyway. */
void hm_mh_coa_clean(struct mh *mh, bool all, struct hm_fx *fx)
{
	for (unsigned i = 0; i < MH_OLD; i++) {
		struct mh_old *o = &mh->old[i];

		if (!o->used || (!all && hm_mh_coa_alive(mh, &o->addr)))
			continue;
		ask_address(HM_ADDRESS_DEL, o->ifindex, &o->addr, 64, fx);
		o->used = false;
	}
}

static bool link_is_up(const struct mh *mh, uint32_t ifindex)
{
	for (unsigned i = 0; i < mh->names.n; i++)
		if (mh->links[i].up && mh->links[i].ifindex == ifindex)
			return true;
	return false;
}

bool hm_mh_coa_alive(const struct mh *mh, const struct hm_addr *addr)
{
	for (unsigned i = 0; i < mh->names.n; i++)
		if (mh->links[i].up && mh->links[i].coa.state == MH_COA_USABLE &&
		    hm_addr_eq(&mh->links[i].coa.addr, addr))
			return true;
	for (unsigned i = 0; i < MH_OLD; i++)
		if (mh->old[i].used && hm_addr_eq(&mh->old[i].addr, addr) &&
		    link_is_up(mh, mh->old[i].ifindex))
			return true;
	return false;
}

uint32_t hm_mh_coa_left_s(const struct mh *mh)
{
	const struct mh_router *r = hm_mh_router(mh);
	uint32_t left;
	hm_ms end = 0;

	for (unsigned i = 0; r && i < r->n_prefixes; i++) {
		const struct mh_prefix *p = &r->prefixes[i];

		if (hm_addr_in(&mh->attach.coa, &p->info.addr, p->info.plen) && p->valid_ms > end)
			end = p->valid_ms;
	}
	if (end <= mh->now)
		return HM_LIFETIME_INFINITE; /* its router is gone and says nothing */
	left = hm_lifetime_left(mh->now, end);
	return left > 0 ? left : 1; /* 0 would mean to let go */
}

static void on_duplicate(struct mh *mh, struct mh_link *link, struct hm_fx *fx)
{
	struct mh_coa *c = &link->coa;

	hm_fx_count(fx, HM_COUNT_DAD_FAILED);
	c->tries++;
	c->state = c->tries < TRIES_MAX ? MH_COA_LOST : MH_COA_FAILED;
	c->retry_ms = c->tries < TRIES_MAX ? mh->now : hm_after(mh->now, RETRY_MS);
	if (is_home(mh, link))
		mh->peers[MH_HA].maybe_bound = true; /* who else would defend it? */
	else
		random_iid(mh, &c->addr);
	c->added = false; /* the kernel has dropped it */
}

static void on_gone(struct mh *mh, struct mh_coa *c)
{
	if (c->state != MH_COA_USABLE && c->state != MH_COA_ADDING)
		return;
	c->state = MH_COA_LOST;
	c->retry_ms = hm_after(c->asked_ms, AGAIN_MS);
	if (c->retry_ms < mh->now)
		c->retry_ms = mh->now;
}

void hm_mh_on_address(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx)
{
	for (unsigned i = 0; i < mh->names.n; i++) {
		struct mh_link *link = &mh->links[i];

		if (!link->present || link->ifindex != ev->address.ifindex ||
		    link->coa.state == MH_COA_NONE ||
		    !hm_addr_eq(&link->coa.addr, &ev->address.addr))
			continue;
		switch (ev->address.state) {
		case HM_ADDRESS_USABLE:
			if (link->up && link->coa.state == MH_COA_ADDING)
				link->coa.state = MH_COA_USABLE;
			return;
		case HM_ADDRESS_DUPLICATE:
			on_duplicate(mh, link, fx);
			return;
		case HM_ADDRESS_GONE:
			on_gone(mh, &link->coa);
			return;
		}
	}
}

hm_ms hm_mh_coa_deadline(const struct mh_link *link)
{
	if (link->router < 0 || link->routers[link->router].suspect)
		return HM_NEVER;
	if (link->coa.state == MH_COA_LOST || link->coa.state == MH_COA_FAILED)
		return link->coa.retry_ms;
	return HM_NEVER;
}
