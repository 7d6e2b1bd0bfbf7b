/* The binder's neighbourhood: probing, announcing and defending the addresses it serves, and the
 * errors that come back about tunnelled packets. */
#include "engine/binder.h"

#include "base/rand.h"

#define SWEEP_SLOTS 256

/* The same for as long as a probe runs, different for each: nothing to store. */
static void nonce_of(const struct hm_binder *bd, const struct hm_binding *b,
                     uint8_t ret_nonce[HM_NONCE_LEN])
{
	struct hm_rand rand;
	uint64_t v;

	hm_rand_init(&rand, bd->seed ^ (uint64_t)(b - bd->table.slot) << 32 ^ b->serial);
	v = hm_rand_next(&rand);
	for (unsigned i = 0; i < HM_NONCE_LEN; i++)
		ret_nonce[i] = (uint8_t)(v >> 8 * i);
}

void hm_binder_probe(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	uint8_t nonce[HM_NONCE_LEN];

	if (!bd->proxy.ready) {
		b->probe = HM_PROBE_WAITING;
		b->timer_ms = b->state == HM_SLOT_PROBING ? hm_after(now, HM_BINDER_LINK_WAIT_MS)
		                                          : HM_NEVER;
		hm_binder_rearm(bd, b);
		return;
	}
	nonce_of(bd, b, nonce);
	hm_proxy_probe(&bd->proxy, &b->claimed, nonce, fx);
	b->probe = HM_PROBE_SENT;
	b->timer_ms = hm_after(now, HM_PROXY_RETRANS_MS);
	hm_binder_rearm(bd, b);
}

static void probe_after(struct hm_binder *bd, struct hm_binding *b, hm_ms at)
{
	b->probe = HM_PROBE_DELAYED;
	b->timer_ms = at;
	hm_binder_rearm(bd, b);
}

void hm_binder_probe_later(struct hm_binder *bd, struct hm_binding *b, hm_ms now)
{
	probe_after(bd, b, hm_after(now, HM_BINDER_CONTEST_MS / 4));
}

void hm_binder_announce(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	b->timer_ms = HM_NEVER;
	if (hm_proxy_wanted(&bd->proxy) && b->repeats > 0) {
		hm_proxy_announce(&bd->proxy, &b->claimed, b->router, fx);
		if (--b->repeats > 0)
			b->timer_ms = hm_after(now, HM_PROXY_RETRANS_MS);
	}
	hm_binder_rearm(bd, b);
}

void hm_binder_link(struct hm_binder *bd, const struct hm_link *link, hm_ms now)
{
	if (!hm_proxy_link(&bd->proxy, link))
		return;
	bd->sweeping = true;
	bd->sweep = 0;
	bd->sweep_at = now;
}

/* It may have been taken over meanwhile; told anew when nobody objects. */
static void look_again(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	b->repeats = HM_PROXY_ANNOUNCEMENTS;
	hm_binder_probe(bd, b, now, fx);
}

void hm_binder_announce_anew(struct hm_binder *bd, struct hm_binding *b, hm_ms now,
                             struct hm_fx *fx)
{
	b->repeats = HM_PROXY_ANNOUNCEMENTS;
	hm_binder_announce(bd, b, now, fx);
}

static void sweep_one(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	bool settled = b->state == HM_SLOT_ACTIVE || b->state == HM_SLOT_FORWARDING;

	if (b->probe == HM_PROBE_WAITING)
		hm_binder_probe(bd, b, now, fx);
	else if (bd->shared && settled && b->probe == HM_PROBE_NONE)
		look_again(bd, b, now, fx);
	else if (b->served && b->probe == HM_PROBE_NONE)
		hm_binder_announce_anew(bd, b, now, fx);
}

void hm_binder_sweep(struct hm_binder *bd, hm_ms now, struct hm_fx *fx)
{
	for (unsigned i = 0; bd->sweeping && i < SWEEP_SLOTS && hm_fx_has_room(fx); i++) {
		struct hm_binding *b = hm_bindings_next(&bd->table, &bd->sweep);

		if (b)
			sweep_one(bd, b, now, fx);
		else
			bd->sweeping = false;
	}
	bd->sweep_at = now;
}

static bool conflicts(const struct hm_binder *bd, const struct hm_binding *b,
                      const struct hm_packet *packet)
{
	uint8_t nonce[HM_NONCE_LEN];

	if (b->probe != HM_PROBE_SENT)
		return false;
	nonce_of(bd, b, nonce);
	return hm_proxy_is_conflict(&bd->proxy, packet, nonce);
}

bool hm_binder_may_contest(struct hm_binding *b)
{
	if (b->contests == 0)
		return false;
	b->contests--;
	return true;
}

static bool is_rival(const struct hm_binder *bd, const struct hm_binding *b,
                     const struct hm_packet *packet)
{
	static const uint8_t none[HM_NONCE_LEN];

	return bd->shared && b->served && b->probe == HM_PROBE_NONE && packet->kind == HM_MSG_NA &&
	       packet->na.override && hm_proxy_is_conflict(&bd->proxy, packet, none);
}

struct hm_binding *hm_binder_neighbour(struct hm_binder *bd, const struct hm_packet *packet,
                                       hm_ms now, struct hm_fx *fx)
{
	bool solicit = packet->kind == HM_MSG_NS;
	struct hm_binding *b = NULL;

	if (bd->proxy.ready && packet->ifindex == bd->proxy.link.ifindex)
		b = hm_bindings_find_claim(&bd->table,
		                           solicit ? &packet->ns.target : &packet->na.target);
	if (!b)
		return NULL;
	if (is_rival(bd, b, packet))
		return hm_binder_may_contest(b) ? b : NULL;
	if (conflicts(bd, b, packet)) {
		if (!hm_binder_may_contest(b)) {
			hm_binder_conflict(bd, b, fx);
			return NULL;
		}
		/* It may be a server of our network that has not heard yet. */
		probe_after(bd, b, hm_after(now, HM_BINDER_CONTEST_MS));
		return b;
	}
	if (solicit && b->served && !(b->probe == HM_PROBE_SENT && hm_addr_is_any(&packet->src)))
		hm_proxy_answer(&bd->proxy, packet, b->router, fx);
	return NULL;
}

/* Which binding's packet an error tells of; with `forwarding = rewrite` the header under ours is
 * the home agent's packet to the home address. */
static const struct hm_binding *tunnelled_to(const struct hm_binder *bd,
                                             const struct hm_icmp_error *icmp)
{
	const struct hm_binding *b = hm_bindings_find_claim(&bd->table, &icmp->inner_dst);

	if (!b && bd->rewrite)
		b = hm_bindings_find(&bd->table, &icmp->inner_dst);
	return b;
}

void hm_binder_icmp(const struct hm_binder *bd, const struct hm_packet *packet, struct hm_fx *fx)
{
	const struct hm_icmp_error *icmp = &packet->icmp;
	const struct hm_binding *b = NULL;
	struct hm_effect *e;

	if (icmp->has_tunnelled && hm_addr_eq(&icmp->about_src, &bd->local))
		b = tunnelled_to(bd, icmp);
	if (!b || !b->served || !hm_addr_eq(&b->coa, &icmp->about_dst)) {
		hm_fx_count(fx, HM_COUNT_UNMATCHED_ERROR);
		return;
	}
	/* A packet too big is reported with what is left inside our one outer header: mtu 0. */
	e = hm_fx_add(fx, HM_FX_RELAY);
	e->relay.error = *icmp;
	e->relay.from = bd->local;
}
