/* The home agent of a link that was left (draft-12 10.10). Where there was no mobility server, it
 * is asked to send on what still arrives there: one Binding Update for the former care-of address
 * as if that were a home address, without acknowledgement and without repetition, like the Handoff
 * Request between mobility servers, of which it is the plain Mobile IPv6 counterpart. */
#include "roles/mh_int.h"

/* As long as a handoff's forwarding entry (PROTOCOL 7). */
#define FORMER_S 60

/* The address of a home agent among the link's routers that serves the prefix of `coa`. */
struct hm_addr hm_mh_former_agent(const struct mh_link *link, const struct hm_addr *coa)
{
	for (unsigned i = 0; i < MH_ROUTERS; i++) {
		const struct mh_router *r = &link->routers[i];

		if (r->used && !r->suspect && hm_addr_in(coa, &r->agent, 64))
			return r->agent;
	}
	return hm_addr_any;
}

/* Nobody remembers a number for such an address but its home agent: the clock never stands still
 * (as in Mobility Information, PROTOCOL 5). */
static struct hm_number number_now(const struct mh *mh)
{
	return (struct hm_number){ .epoch = mh->wall_s >> 16, .seq = (uint16_t)mh->wall_s };
}

void hm_mh_former_leave(struct mh *mh, const struct mh_attach *from, const struct mh_attach *to,
                        struct hm_fx *fx)
{
	struct hm_number number = number_now(mh);
	struct hm_effect *e;
	struct hm_packet *p;

	if (hm_addr_is_any(&from->agent) || from->home || to->home || mh->n_chain > 0 ||
	    hm_addr_eq(&from->coa, &to->coa))
		return;
	e = hm_fx_add(fx, HM_FX_SEND);
	e->send.use = HM_USE_MH_HA;
	e->send.ticket = ++mh->ticket;
	p = &e->send.packet;
	p->kind = HM_MSG_BU;
	p->src = to->coa;
	p->dst = from->agent;
	p->ifindex = to->ifindex;
	p->has_home = true;
	p->home = from->coa;
	p->bu = (struct hm_bu){ .home_reg = true, .seq = number.seq, .lifetime_s = FORMER_S };
	p->auth.epoch = number.epoch;
	hm_mh_path_past(mh, &to->coa, &from->agent);
	mh->handed = (struct mh_handed){
		.coa = from->coa,
		.tunnel = { to->coa, from->agent },
		.until_ms = hm_after(mh->now, FORMER_S * HM_SECOND),
		.ticket = mh->ticket,
	};
}

/* There is no key, or no way: nothing comes from there, and nothing is taken. */
void hm_mh_former_failed(struct mh *mh, hm_ticket ticket)
{
	if (mh->handed.until_ms <= mh->now || mh->handed.ticket != ticket)
		return;
	hm_mh_path_past_end(mh, &mh->handed.tunnel);
	mh->handed.until_ms = 0;
}

/* The home agent of that link may defend it: whoever comes back takes another one. */
bool hm_mh_former_has(const struct mh *mh, const struct hm_addr *coa)
{
	return mh->handed.until_ms > mh->now && hm_addr_eq(&mh->handed.coa, coa);
}
