/* Router advertiser (RFC 4861 6.2, RFC 6275 7; draft 4.1).
 *
 * Each interface has one moment at which its next multicast advertisement is due, and a few hosts
 * waiting for a unicast answer. Mobility servers come from the configuration, or are learnt from
 * their Mobility Information and forgotten on withdrawal or silence; whatever changes that list is
 * advertised at once, because a mobile host cannot know it sooner. */
#include "roles/ra_int.h"
#include "roles/role.h"

#define INITIAL_ADVERTISEMENTS 3
#define INITIAL_INTERVAL_MAX (16 * HM_SECOND)
#define ANSWER_DELAY_MAX ((hm_ms)500)
#define VALID_LIFETIME_S (30u * 24 * 3600)
#define PREFERRED_LIFETIME_S (7u * 24 * 3600)

static bool is_ready(const struct hm_ra_state *ra, const struct hm_ra_iface *i)
{
	return ra->started && !ra->stopped && i->link.present && i->link.up &&
	       !hm_addr_is_any(&i->link.link_local);
}

/* --- advertisements ------------------------------------------------------------------------- */

/* True when prefix p of the configuration belongs to interface i of it. */
static bool prefix_is_on(const struct hm_ra_config *config, unsigned p, unsigned i)
{
	return config->interfaces.n <= 1 || p == i;
}

static void add_prefixes(const struct hm_ra_state *ra, unsigned i, struct hm_ra *msg)
{
	const struct hm_prefix_list *list = &ra->config->prefixes;

	for (unsigned p = 0; p < list->n && msg->n_prefixes < HM_RA_PREFIXES_MAX; p++) {
		struct hm_ra_prefix *out = &msg->prefixes[msg->n_prefixes];
		const struct hm_addr *own = &ra->ifaces[i].own[p];

		if (!prefix_is_on(ra->config, p, i))
			continue;
		*out = (struct hm_ra_prefix){
			.addr = hm_addr_join(&list->p[p].addr, list->p[p].plen, &hm_addr_any),
			.plen = list->p[p].plen,
			.on_link = true,
			.autonomous = true,
			.valid_s = VALID_LIFETIME_S,
			.preferred_s = PREFERRED_LIFETIME_S,
		};
		if (!hm_addr_is_any(own)) {
			out->router_addr = true;
			out->addr = *own;
		}
		msg->n_prefixes++;
	}
}

static void add_servers(const struct hm_ra_state *ra, struct hm_ra *msg)
{
	const struct hm_ra_config *config = ra->config;

	if (config->mobility == HM_RA_STATIC) {
		for (unsigned s = 0; s < config->n_servers; s++)
			msg->servers[msg->n_servers++] = config->servers[s];
		return;
	}
	for (unsigned s = 0; s < HM_RA_SENDERS_MAX && msg->n_servers < HM_RA_SERVERS_MAX; s++)
		if (ra->senders[s].advertised)
			msg->servers[msg->n_servers++] = ra->senders[s].info;
}

static void advertise(const struct hm_ra_state *ra, unsigned i, const struct hm_addr *to,
                      struct hm_fx *fx)
{
	const struct hm_ra_iface *iface = &ra->ifaces[i];
	struct hm_packet *p = &hm_fx_add(fx, HM_FX_SEND)->send.packet;
	struct hm_ra *msg = &p->ra;

	p->kind = HM_MSG_RA;
	p->src = iface->link.link_local;
	p->dst = *to;
	p->ifindex = iface->link.ifindex;
	p->hop_limit = 255;
	msg->hop_limit = 64;
	msg->home_agent = ra->config->home_agent;
	msg->lifetime_s = ra->stopped ? 0 : (uint16_t)ra->config->router_lifetime_s;
	msg->source = iface->link.lladdr;
	msg->mtu = iface->link.mtu;
	msg->has_interval = true;
	msg->interval_ms = (uint32_t)ra->config->max_interval_ms;
	msg->has_ha_info = ra->config->home_agent;
	msg->ha_lifetime_s = msg->lifetime_s;
	add_prefixes(ra, i, msg);
	if (!ra->stopped)
		add_servers(ra, msg);
	hm_fx_count(fx, HM_COUNT_RA_SENT);
}

static hm_ms next_interval(struct hm_ra_state *ra, struct hm_ra_iface *iface)
{
	hm_ms span = hm_rand_between(&ra->rand, ra->config->min_interval_ms,
	                             ra->config->max_interval_ms);

	if (iface->initial_left == 0)
		return span;
	iface->initial_left--;
	return hm_sooner(span, INITIAL_INTERVAL_MAX);
}

static void advertise_to_all(struct hm_ra_state *ra, unsigned i, hm_ms now, struct hm_fx *fx)
{
	struct hm_ra_iface *iface = &ra->ifaces[i];

	advertise(ra, i, &hm_addr_all_nodes, fx);
	iface->n_askers = iface->answered = 0; /* they have just been told */
	iface->last_ms = now;
	iface->next_ms = hm_after(now, next_interval(ra, iface));
}

/* Brings the next multicast advertisement forward, never closer to the last than min_interval
 * (MIN_DELAY_BETWEEN_RAS as RFC 6275 7.5 relaxes it). */
static void advertise_soon(const struct hm_ra_state *ra, struct hm_ra_iface *iface, hm_ms at)
{
	hm_ms earliest = iface->last_ms + ra->config->min_interval_ms;

	if (at < earliest)
		at = earliest;
	iface->next_ms = hm_sooner(iface->next_ms, at);
}

static void servers_changed(struct hm_ra_state *ra, hm_ms now)
{
	for (unsigned i = 0; i < ra->config->interfaces.n; i++)
		if (is_ready(ra, &ra->ifaces[i]))
			advertise_soon(ra, &ra->ifaces[i], now);
}

/* RFC 4861 6.2.6: after a random delay of up to half a second. A router that advertises every few
 * milliseconds for mobile hosts need not spread its answers further than its advertisements; and a
 * host that asks alone is in the middle of a handoff, each millisecond of which costs packets. */
static void on_solicitation(struct hm_ra_state *ra, const struct hm_packet *p, hm_ms now)
{
	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		struct hm_ra_iface *iface = &ra->ifaces[i];
		hm_ms longest = hm_sooner(ANSWER_DELAY_MAX, ra->config->min_interval_ms);
		hm_ms at = hm_after(now, hm_rand_between(&ra->rand, 0, longest));
		hm_ms alone = hm_after(now, hm_rand_between(&ra->rand, 0, longest / 10));

		if (!is_ready(ra, iface) || iface->link.ifindex != p->ifindex)
			continue;
		for (unsigned a = 0; a < iface->n_askers; a++)
			if (hm_addr_eq(&iface->askers[a].host, &p->src))
				return;
		if (hm_addr_is_any(&p->src) ||
		    iface->n_askers + iface->answered >= HM_RA_ASKERS_MAX)
			advertise_soon(ra, iface, at);
		else
			iface->askers[iface->n_askers++] = (struct hm_ra_asker){ p->src, alone };
	}
}

static void answer_askers(struct hm_ra_state *ra, unsigned i, hm_ms now, struct hm_fx *fx)
{
	struct hm_ra_iface *iface = &ra->ifaces[i];

	for (unsigned a = 0; a < iface->n_askers;) {
		if (iface->askers[a].at > now || !hm_fx_has_room(fx)) {
			a++;
			continue;
		}
		advertise(ra, i, &iface->askers[a].host, fx);
		iface->askers[a] = iface->askers[--iface->n_askers];
		iface->answered++;
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void come_up(struct hm_ra_state *ra, struct hm_ra_iface *iface, hm_ms now)
{
	iface->initial_left = INITIAL_ADVERTISEMENTS;
	iface->n_askers = 0;
	iface->last_ms = now - ra->config->min_interval_ms;
	iface->next_ms = now;
}

static void on_link(struct hm_ra_state *ra, const struct hm_event *ev)
{
	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		struct hm_ra_iface *iface = &ra->ifaces[i];
		bool was_ready = is_ready(ra, iface);

		if (strncmp(ra->config->interfaces.name[i], ev->link.name, HM_IFNAME_MAX) != 0) {
			/* Renamed away from a name of ours. */
			if (iface->link.present && iface->link.ifindex == ev->link.ifindex)
				iface->link.present = false;
			continue;
		}
		/* An old device's farewell may come after its successor of the same name. */
		if (!ev->link.present && iface->link.ifindex != ev->link.ifindex)
			continue;
		if (iface->link.ifindex != ev->link.ifindex)
			memset(iface->own, 0, sizeof iface->own);
		iface->link = ev->link;
		if (is_ready(ra, iface) && !was_ready)
			come_up(ra, iface, ev->now_ms);
	}
}

static void on_address(struct hm_ra_state *ra, const struct hm_event *ev)
{
	const struct hm_prefix_list *list = &ra->config->prefixes;

	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		struct hm_ra_iface *iface = &ra->ifaces[i];

		if (iface->link.ifindex != ev->address.ifindex)
			continue;
		for (unsigned p = 0; p < list->n && p < HM_RA_PREFIXES_MAX; p++) {
			if (!hm_prefix_has(&list->p[p], &ev->address.addr))
				continue;
			if (ev->address.state == HM_ADDRESS_USABLE)
				iface->own[p] = ev->address.addr;
			else if (hm_addr_eq(&iface->own[p], &ev->address.addr))
				iface->own[p] = hm_addr_any;
		}
	}
}

static void on_start(struct hm_ra_state *ra, hm_ms now)
{
	ra->started = true;
	for (unsigned i = 0; i < ra->config->interfaces.n; i++)
		come_up(ra, &ra->ifaces[i], now);
}

static void on_packet(struct hm_ra_state *ra, const struct hm_event *ev, struct hm_fx *fx)
{
	switch (ev->rx.packet.kind) {
	case HM_MSG_RS:
		on_solicitation(ra, &ev->rx.packet, ev->now_ms);
		return;
	case HM_MSG_MSINFO:
		if (hm_ra_on_msinfo(ra, ev, fx))
			servers_changed(ra, ev->now_ms);
		return;
	case HM_MSG_NONE:
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
	case HM_MSG_HANDOFF:
	case HM_MSG_BU:
	case HM_MSG_BACK:
	case HM_MSG_BREQ:
	case HM_MSG_RA:
	case HM_MSG_NS:
	case HM_MSG_NA:
	case HM_MSG_ICMP_ERROR:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_KINDS:
		return;
	}
}

/* A last word with router lifetime 0, so that nobody waits for our silence (RFC 4861 6.2.5). */
static void on_stop(struct hm_ra_state *ra, struct hm_fx *fx)
{
	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		if (!is_ready(ra, &ra->ifaces[i]))
			continue;
		ra->stopped = true;
		advertise(ra, i, &hm_addr_all_nodes, fx);
		ra->stopped = false;
	}
	ra->stopped = true;
}

static void do_due(struct hm_ra_state *ra, hm_ms now, struct hm_fx *fx)
{
	if (hm_ra_drop_silent(ra, now, fx))
		servers_changed(ra, now);
	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		struct hm_ra_iface *iface = &ra->ifaces[i];

		if (!is_ready(ra, iface))
			continue;
		if (iface->next_ms <= now && hm_fx_has_room(fx))
			advertise_to_all(ra, i, now, fx);
		answer_askers(ra, i, now, fx);
	}
}

static void ra_step(void *state, const struct hm_event *ev, struct hm_fx *fx)
{
	struct hm_ra_state *ra = state;

	switch (ev->kind) {
	case HM_EV_RESTORE:
		hm_ra_restore(ra, &ev->restore);
		return;
	case HM_EV_START:
		on_start(ra, ev->now_ms);
		break;
	case HM_EV_PACKET:
		on_packet(ra, ev, fx);
		break;
	case HM_EV_LINK:
		on_link(ra, ev);
		break;
	case HM_EV_ADDRESS:
		on_address(ra, ev);
		break;
	case HM_EV_STOP:
		on_stop(ra, fx);
		return;
	case HM_EV_TICK:
		break;
	case HM_EV_BIND_DONE:
	case HM_EV_SEND_FAILED:
	case HM_EV_TRAFFIC:
		return;
	}
	do_due(ra, ev->now_ms, fx);
}

static hm_ms ra_deadline(const void *state)
{
	const struct hm_ra_state *ra = state;
	hm_ms soonest = HM_NEVER;

	if (!ra->started || ra->stopped)
		return HM_NEVER;
	for (unsigned s = 0; s < HM_RA_SENDERS_MAX; s++)
		if (ra->senders[s].advertised)
			soonest = hm_sooner(soonest, ra->senders[s].expires_ms);
	for (unsigned i = 0; i < ra->config->interfaces.n; i++) {
		const struct hm_ra_iface *iface = &ra->ifaces[i];

		if (!is_ready(ra, iface))
			continue;
		soonest = hm_sooner(soonest, iface->next_ms);
		for (unsigned a = 0; a < iface->n_askers; a++)
			soonest = hm_sooner(soonest, iface->askers[a].at);
	}
	return soonest;
}

static bool ra_row(const void *state, enum hm_show what, uint64_t *cursor,
                   struct hm_show_row *ret_row)
{
	const struct hm_ra_state *ra = state;

	if (what != HM_SHOW_PEERS)
		return false;
	for (; *cursor < HM_RA_SENDERS_MAX; (*cursor)++) {
		const struct hm_ra_sender *s = &ra->senders[*cursor];

		if (!s->used || s->heard_ms == 0)
			continue;
		*ret_row = (struct hm_show_row){
			.role = HM_ROLE_RA,
			.kind = "ms",
			.peer = s->addr,
			.state = s->advertised ? "advertised" : "withdrawn",
			.prefix = hm_addr_join(&s->info.ms, s->info.plen, &hm_addr_any),
			.plen = s->info.plen,
			.level = s->info.level,
			.preference = s->info.preference,
			.epoch = s->epoch,
			.since_ms = s->heard_ms,
			.expires_ms = s->expires_ms,
		};
		(*cursor)++;
		return true;
	}
	return false;
}

static size_t ra_size(const struct hm_config *config)
{
	(void)config;
	return sizeof(struct hm_ra_state);
}

static void ra_init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct hm_ra_state *ra = state;

	ra->config = &config->ra;
	ra->auth_none = config->common.auth_none;
	hm_rand_init(&ra->rand, seed);
	for (unsigned i = 0; i < HM_INTERFACES_MAX; i++)
		ra->ifaces[i].next_ms = HM_NEVER;
}

/* Interfaces keep their place in the list; what the links are is learnt anew by name. */
static void ra_reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	struct hm_ra_state *ra = state;

	ra->config = &config->ra;
	ra->auth_none = config->common.auth_none;
	servers_changed(ra, now_ms);
}

const struct hm_role hm_role_ra = {
	.id = HM_ROLE_RA,
	.name = "ra",
	.size = ra_size,
	.init = ra_init,
	.step = ra_step,
	.deadline = ra_deadline,
	.row = ra_row,
	.reload = ra_reload,
};
