/* The routers heard on a link (RFC 4861 6.3.4, RFC 6275 11.5.1). A router is doubted after a link
 * event, when its advertisements stop, or when another one appears; it is given up only when it
 * does not answer a solicitation either, so that a late advertisement moves nobody. */
#include "roles/mh_int.h"

/* How long a doubted router has for an answer: it may delay one by half a second, and by three
 * more where it does not advertise for mobile hosts (RFC 4861 6.2.6, RFC 6275 7.5). */
#define ANSWER_MS (1 * HM_SECOND)
#define ANSWER_SLOW_MS (4 * HM_SECOND)
#define MISSED_MIN_MS (1 * HM_SECOND)

bool hm_mh_router_is_home(const struct mh *mh, const struct mh_router *router)
{
	for (unsigned i = 0; i < router->n_prefixes; i++) {
		const struct mh_prefix *p = &router->prefixes[i];

		if (p->info.plen == mh->config->home_plen && p->valid_ms > mh->now &&
		    hm_addr_in(&mh->home, &p->info.addr, p->info.plen))
			return true;
	}
	return false;
}

const struct mh_prefix *hm_mh_router_prefix(const struct mh_router *router, hm_ms now)
{
	for (unsigned i = 0; i < router->n_prefixes; i++) {
		const struct mh_prefix *p = &router->prefixes[i];

		if (p->info.autonomous && p->info.plen == 64 && p->info.preferred_s > 0 &&
		    p->valid_ms > now && hm_addr_is_global(&p->info.addr))
			return p;
	}
	return NULL;
}

/* Nothing new is begun with a deprecated prefix, but what is there goes on (RFC 4862 5.5.4). */
static bool still_works(const struct mh_router *router, hm_ms now)
{
	for (unsigned i = 0; i < router->n_prefixes; i++) {
		const struct mh_prefix *p = &router->prefixes[i];

		if (p->info.autonomous && p->info.plen == 64 && p->valid_ms > now &&
		    hm_addr_is_global(&p->info.addr))
			return true;
	}
	return false;
}

static struct mh_router *find_router(struct mh_link *link, const struct hm_addr *addr)
{
	for (unsigned i = 0; i < MH_ROUTERS; i++)
		if (link->routers[i].used && hm_addr_eq(&link->routers[i].addr, addr))
			return &link->routers[i];
	return NULL;
}

/* A free slot, or that of the router not heard for the longest time; never the one in use. */
static struct mh_router *take_slot(struct mh_link *link)
{
	struct mh_router *best = NULL;

	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		struct mh_router *r = &link->routers[i];

		if (!r->used)
			return r;
		if ((int)i != link->router && (!best || r->heard_ms < best->heard_ms))
			best = r;
	}
	return best;
}

static void drop(struct mh_link *link, unsigned i)
{
	link->routers[i].used = false;
	if (link->router == (int)i)
		link->router = -1;
}

static bool share_prefix(const struct mh_router *a, const struct mh_router *b)
{
	for (unsigned i = 0; i < a->n_prefixes; i++)
		for (unsigned k = 0; k < b->n_prefixes; k++)
			if (a->prefixes[i].info.plen == b->prefixes[k].info.plen &&
			    hm_addr_in(&a->prefixes[i].info.addr, &b->prefixes[k].info.addr,
			               a->prefixes[i].info.plen))
				return true;
	return false;
}

static void doubt(struct mh *mh, struct mh_link *link, struct mh_router *r)
{
	r->suspect = true;
	r->lost_ms = hm_after(mh->now, r->interval_ms ? ANSWER_MS : ANSWER_SLOW_MS);
	hm_mh_solicit(mh, link);
}

/* A router never heard before: either we are on another link (those already doubted are gone), or
 * it is a second one here, and then the one in use soon says so. */
static void on_new_router(struct mh *mh, struct mh_link *link, const struct mh_router *fresh)
{
	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		struct mh_router *r = &link->routers[i];

		if (!r->used || r == fresh || share_prefix(r, fresh))
			continue;
		if (r->suspect)
			drop(link, i);
		else if (link->router == (int)i &&
		         mh->now - r->heard_ms > (r->interval_ms ? r->interval_ms : HM_SECOND))
			doubt(mh, link, r);
	}
}

/* A router speaks on, and the one in use has been silent since this one appeared: its last word may
 * have been on its way when the link changed, or this one stands in for it. Two on one link are
 * asked about once. */
static void on_other_router(struct mh *mh, struct mh_link *link, const struct mh_router *other)
{
	struct mh_router *r = link->router >= 0 ? &link->routers[link->router] : NULL;

	if (r && r != other && !r->suspect && r->heard_ms <= other->first_ms &&
	    mh->now - r->heard_ms > (r->interval_ms ? r->interval_ms : HM_SECOND))
		doubt(mh, link, r);
}

static void take_prefixes(struct mh *mh, struct mh_router *r, const struct hm_ra *ra)
{
	r->n_prefixes = 0;
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++)
		if (ra->prefixes[i].plen <= 128 && ra->prefixes[i].valid_s > 0)
			r->prefixes[r->n_prefixes++] = (struct mh_prefix){
				ra->prefixes[i],
				hm_lifetime_end(mh->now, ra->prefixes[i].valid_s),
			};
}

/* The router's own address, where it is a home agent (RFC 6275 7.1, 7.2). */
static struct hm_addr agent_in(const struct hm_ra *ra)
{
	for (unsigned i = 0; ra->home_agent && i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++)
		if (ra->prefixes[i].router_addr && hm_addr_is_global(&ra->prefixes[i].addr))
			return ra->prefixes[i].addr;
	return hm_addr_any;
}

static bool usable_server(const struct hm_msinfo *info)
{
	return info->plen > 0 && info->plen <= 126 && hm_addr_is_global(&info->ms);
}

static bool in_ra(const struct hm_ra *ra, const struct hm_msinfo *info)
{
	for (unsigned i = 0; i < ra->n_servers && i < HM_RA_SERVERS_MAX; i++)
		if (hm_addr_eq(&ra->servers[i].ms, &info->ms) &&
		    ra->servers[i].level == info->level)
			return usable_server(&ra->servers[i]);
	return false;
}

/* Those in the advertisement, and those that may be in the next: a server with a lifetime until
 * that ends, others for one advertisement more. */
static void take_servers(struct mh *mh, struct mh_router *r, const struct hm_ra *ra)
{
	struct mh_server kept[HM_RA_SERVERS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < ra->n_servers && i < HM_RA_SERVERS_MAX; i++)
		if (usable_server(&ra->servers[i]))
			kept[n++] = (struct mh_server){
				ra->servers[i],
				ra->servers[i].lifetime_s
				        ? hm_lifetime_end(mh->now, ra->servers[i].lifetime_s)
				        : HM_NEVER,
				0,
			};
	for (unsigned i = 0; i < r->n_servers && n < HM_RA_SERVERS_MAX; i++) {
		struct mh_server *s = &r->servers[i];

		if (in_ra(ra, &s->info) || s->expires_ms <= mh->now)
			continue;
		if (s->expires_ms == HM_NEVER && s->missed >= 1)
			continue;
		kept[n] = *s;
		kept[n++].missed++;
	}
	memcpy(r->servers, kept, n * sizeof kept[0]);
	r->n_servers = n;
}

static struct mh_link *find_link(struct mh *mh, uint32_t ifindex)
{
	for (unsigned i = 0; i < mh->names.n; i++)
		if (mh->links[i].present && mh->links[i].ifindex == ifindex)
			return &mh->links[i];
	return NULL;
}

/* One that is doubted is asked until it answers or is lost. */
static void stop_asking(struct mh_link *link)
{
	if (link->router >= 0 && !link->routers[link->router].suspect)
		link->soliciting = false;
}

void hm_mh_on_ra(struct mh *mh, const struct hm_packet *packet)
{
	struct mh_link *link = find_link(mh, packet->ifindex);
	struct mh_router *r;
	bool fresh;

	if (!link || !link->up || !hm_addr_is_link_local(&packet->src))
		return;
	r = find_router(link, &packet->src);
	if (packet->ra.lifetime_s == 0) {
		if (r)
			drop(link, (unsigned)(r - link->routers));
		return;
	}
	fresh = !r;
	if (fresh) {
		r = take_slot(link);
		*r = (struct mh_router){ .used = true, .addr = packet->src };
	}
	if (fresh || r->suspect)
		r->first_ms = mh->now;
	r->heard_ms = mh->now;
	r->expires_ms = hm_lifetime_end(mh->now, packet->ra.lifetime_s);
	r->interval_ms = packet->ra.has_interval ? packet->ra.interval_ms : 0;
	r->suspect = false;
	r->agent = agent_in(&packet->ra);
	take_prefixes(mh, r, &packet->ra);
	take_servers(mh, r, &packet->ra);
	if (fresh)
		on_new_router(mh, link, r);
	else
		on_other_router(mh, link, r);
	hm_mh_router_choose(mh, link);
	stop_asking(link);
}

/* The home link's router before others; else the one in use as long as it is good; else the one
 * heard last. */
void hm_mh_router_choose(struct mh *mh, struct mh_link *link)
{
	int best = -1;
	unsigned best_rank = 0;

	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		const struct mh_router *r = &link->routers[i];
		unsigned rank;

		if (!r->used)
			continue;
		if (hm_mh_router_is_home(mh, r))
			rank = link->router == (int)i ? 5 : 4;
		else if (hm_mh_router_prefix(r, mh->now))
			rank = link->router == (int)i ? 3 : 2;
		else if (link->router == (int)i && still_works(r, mh->now))
			rank = 1;
		else
			continue;
		if (rank > best_rank ||
		    (rank == best_rank && r->heard_ms > link->routers[best].heard_ms)) {
			best = (int)i;
			best_rank = rank;
		}
	}
	if (best != link->router && best >= 0)
		hm_mh_cause(mh, mh->now);
	link->router = best;
}

/* Three advertisements are missing; who does not say how often they come sends three in its
 * lifetime (RFC 4861 6.2.1), and one is missing. */
static hm_ms silent_from(const struct mh_router *r)
{
	hm_ms span = 3 * r->interval_ms;

	if (r->interval_ms == 0)
		span = (r->expires_ms - r->heard_ms) / 3;
	return hm_after(r->heard_ms, span < MISSED_MIN_MS ? MISSED_MIN_MS : span);
}

static void expire_prefixes(struct mh *mh, struct mh_router *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_prefixes; i++)
		if (r->prefixes[i].valid_ms > mh->now)
			r->prefixes[n++] = r->prefixes[i];
	r->n_prefixes = n;
}

static void expire_servers(struct mh *mh, struct mh_router *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_servers; i++)
		if (r->servers[i].expires_ms > mh->now)
			r->servers[n++] = r->servers[i];
	r->n_servers = n;
}

void hm_mh_router_expire(struct mh *mh, struct mh_link *link)
{
	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		struct mh_router *r = &link->routers[i];

		if (!r->used)
			continue;
		expire_prefixes(mh, r);
		expire_servers(mh, r);
		if (r->expires_ms <= mh->now || (r->suspect && r->lost_ms <= mh->now))
			drop(link, i);
		else if (!r->suspect && silent_from(r) <= mh->now)
			doubt(mh, link, r);
	}
	hm_mh_router_choose(mh, link);
	stop_asking(link);
	if (link->router < 0)
		hm_mh_solicit(mh, link);
}

static hm_ms router_deadline(const struct mh_router *r)
{
	hm_ms at = hm_sooner(r->expires_ms, r->suspect ? r->lost_ms : silent_from(r));

	for (unsigned i = 0; i < r->n_prefixes; i++)
		at = hm_sooner(at, r->prefixes[i].valid_ms);
	for (unsigned i = 0; i < r->n_servers; i++)
		at = hm_sooner(at, r->servers[i].expires_ms);
	return at;
}

hm_ms hm_mh_router_deadline(const struct mh_link *link)
{
	hm_ms at = HM_NEVER;

	for (unsigned i = 0; i < MH_ROUTERS; i++)
		if (link->routers[i].used)
			at = hm_sooner(at, router_deadline(&link->routers[i]));
	return at;
}
