/* The home agent: binds home addresses to the care-of addresses of mobile hosts that are away,
 * answers for them on the home link and tunnels what arrives there (draft-12; RFC 6275 10). A
 * mobile host in a domain registers its GCoA here. The life of a binding is drawn in
 * engine/binder.h. */
#include "roles/role.h"

#include "engine/binder.h"
#include "roles/ha_agents.h"

struct ha_state {
	const struct hm_config *config;
	struct hm_binder binder;
	struct hm_ha_agents agents;
	struct hm_addr anycast;
	bool stopping;
	_Alignas(16) uint8_t memory[];
};

static size_t ha_size(const struct hm_config *config)
{
	return sizeof(struct ha_state) + hm_bindings_size(config->ha.max_bindings);
}

static void configure(struct ha_state *ha, const struct hm_config *config)
{
	ha->config = config;
	ha->binder.auth_none = config->common.auth_none;
	ha->binder.auth_failure_reply = config->common.auth_failure_reply;
	ha->binder.dad = config->ha.dad;
	ha->binder.lifetime_max_s = config->ha.lifetime_max_s;
}

static void ha_init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct ha_state *ha = state;
	struct hm_binder *bd = &ha->binder;

	bd->role = HM_ROLE_HA;
	bd->use = HM_USE_MH_HA;
	bd->forward = HM_FORWARD_ENCAP;
	/* The home link's prefix is routed to it: each address is drawn to us on its own. */
	bd->attract = true;
	bd->local = config->ha.address;
	memcpy(bd->proxy.name, config->ha.interface, sizeof bd->proxy.name);
	ha->anycast = hm_addr_home_agents(&config->ha.address, config->ha.plen);
	hm_rand_init(&ha->agents.rand, seed);
	configure(ha, config);
	hm_binder_init(bd, ha->memory, config->ha.max_bindings, seed);
}

static bool is_home_address(const struct ha_state *ha, const struct hm_addr *home)
{
	return hm_addr_is_global(home) && !hm_addr_eq(home, &ha->anycast) &&
	       hm_addr_in(home, &ha->config->ha.address, ha->config->ha.plen) &&
	       !hm_addr_eq(home, &ha->config->ha.address);
}

/* A care-of address that is our own, or a home address we serve, would make packets go round. */
static bool may_be_coa(const struct ha_state *ha, const struct hm_addr *coa)
{
	return hm_addr_is_global(coa) && !hm_addr_eq(coa, &ha->config->ha.address) &&
	       !hm_addr_eq(coa, &ha->anycast) && !hm_bindings_find_claim(&ha->binder.table, coa);
}

/* Whether an address is probed is the configuration's decision alone: RFC 6275 10.3.1 probes for
 * every new binding, and the D bit of draft-12 would let a hurried host skip it. */
static void bind_as_asked(struct ha_state *ha, struct hm_binding *b, const struct hm_event *ev,
                          struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_bind_ask ask = {
		.packet = packet,
		.seq = packet->bu.seq,
		.lifetime_s = packet->bu.lifetime_s,
		.coa = *hm_binder_update_coa(packet),
		.claim = packet->home,
		.ack = packet->bu.ack,
		.router = packet->bu.router,
		.whole = packet->bu.plen != 0,
		.alternate = packet->bu.has_alt_coa,
	};

	hm_binder_register(&ha->binder, b, &ask, ev->now_ms, fx);
}

/* Binding Update with the H bit; one without is the correspondent's. */
static void on_update(struct ha_state *ha, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_binder *bd = &ha->binder;
	uint16_t seq = packet->bu.seq;
	struct hm_binding *b;

	if (!packet->bu.home_reg)
		return;
	if (!hm_addr_eq(&packet->dst, &bd->local) || !hm_addr_is_global(&packet->src)) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return;
	}
	if (!hm_binder_is_authentic(bd, ev, seq, fx))
		return;
	b = hm_binder_number(bd, packet, seq, fx);
	if (!b)
		return;
	if (hm_binder_update_deletes(packet))
		hm_binder_delete(bd, b, packet, seq, packet->bu.ack, fx);
	else if (!is_home_address(ha, &packet->home))
		hm_binder_refuse(bd, packet, seq, HM_ST_NOT_HOME_SUBNET, fx);
	else if (!may_be_coa(ha, hm_binder_update_coa(packet)))
		hm_binder_refuse(bd, packet, seq, HM_ST_PROHIBITED, fx);
	else
		bind_as_asked(ha, b, ev, fx);
}

/* Dynamic home agent address discovery (RFC 6275 10.5): ourselves and those heard on the link. */
static void on_discovery(struct ha_state *ha, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *request = &ev->rx.packet;
	struct hm_packet *reply;

	if (!hm_addr_is_global(&request->src) ||
	    (!hm_addr_eq(&request->dst, &ha->anycast) &&
	     !hm_addr_eq(&request->dst, &ha->config->ha.address))) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return;
	}
	reply = &hm_fx_add(fx, HM_FX_SEND)->send.packet;
	reply->kind = HM_MSG_HAAD_REPLY;
	reply->src = ha->config->ha.address;
	reply->dst = request->src;
	reply->haad.id = request->haad.id;
	hm_ha_agents_list(&ha->agents, &ha->config->ha.address, ev->now_ms, &reply->haad);
}

/* Whoever probes the link-local address of a mobile host that is away finds it taken, where the
 * host's home address ends like it (draft-12 9.3). It is defended and no more: what is sent to it
 * stays on the link. */
static bool defends_link_local(const struct ha_state *ha, const struct hm_addr *target)
{
	const struct hm_ha_config *config = &ha->config->ha;
	struct hm_addr home = hm_addr_join(&config->address, config->plen, target);
	const struct hm_binding *b = hm_bindings_find_claim(&ha->binder.table, &home);

	return hm_addr_is_link_local(target) && b && b->served && b->whole;
}

/* The anycast address is nobody's on the link: a router that looks for it gets our answer, without
 * the override flag, so that any home agent will do (RFC 4861 7.2.7). */
static bool stands_for(const struct ha_state *ha, const struct hm_packet *packet)
{
	const struct hm_proxy *p = &ha->binder.proxy;

	if (packet->kind != HM_MSG_NS || !p->ready || packet->ifindex != p->link.ifindex)
		return false;
	if (hm_addr_is_any(&packet->src))
		return defends_link_local(ha, &packet->ns.target);
	return hm_addr_eq(&packet->ns.target, &ha->anycast);
}

static void on_neighbour(struct ha_state *ha, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;

	if (stands_for(ha, packet))
		hm_proxy_answer(&ha->binder.proxy, packet, false, fx);
	else
		(void)hm_binder_neighbour(&ha->binder, packet, ev->now_ms, fx);
}

static void on_advertisement(struct ha_state *ha, const struct hm_event *ev)
{
	const struct hm_proxy *p = &ha->binder.proxy;

	if (p->ready && ev->rx.packet.ifindex == p->link.ifindex)
		hm_ha_agents_heard(&ha->agents, &ha->config->ha, &ev->rx.packet, ev->now_ms);
}

static void on_packet(struct ha_state *ha, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;

	switch (packet->kind) {
	case HM_MSG_BU:
		on_update(ha, ev, fx);
		break;
	case HM_MSG_NS:
	case HM_MSG_NA:
		on_neighbour(ha, ev, fx);
		break;
	case HM_MSG_RA:
		on_advertisement(ha, ev);
		break;
	case HM_MSG_ICMP_ERROR:
		hm_binder_icmp(&ha->binder, packet, fx);
		break;
	case HM_MSG_HAAD_REQUEST:
		on_discovery(ha, ev, fx);
		break;
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
	case HM_MSG_HANDOFF:
	case HM_MSG_BACK:
	case HM_MSG_BREQ:
	case HM_MSG_MSINFO:
	case HM_MSG_RS:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}

static void on_restore(struct ha_state *ha, const struct hm_record *record, struct hm_fx *fx)
{
	const struct hm_binding_row *row = &record->binding;

	if (record->kind == HM_RECORD_SEQ && record->seq.use == HM_USE_MH_HA)
		hm_binder_restore_seq(&ha->binder, &record->seq);
	if (record->kind != HM_RECORD_BINDING || row->role != HM_ROLE_HA)
		return;
	if (is_home_address(ha, &row->home))
		hm_binder_restore(&ha->binder, row, &row->home, fx);
	else
		hm_binder_drop_row(row, fx);
}

static void ha_step(void *state, const struct hm_event *ev, struct hm_fx *fx)
{
	struct ha_state *ha = state;

	switch (ev->kind) {
	case HM_EV_RESTORE:
		on_restore(ha, &ev->restore, fx);
		break;
	case HM_EV_PACKET:
		on_packet(ha, ev, fx);
		break;
	case HM_EV_LINK:
		hm_binder_link(&ha->binder, &ev->link, ev->now_ms);
		break;
	case HM_EV_BIND_DONE:
		(void)hm_binder_bind_done(&ha->binder, ev->done.ticket, ev->done.err, ev->now_ms,
		                          fx);
		break;
	case HM_EV_TICK:
		if (!ha->stopping)
			hm_binder_tick(&ha->binder, ev->now_ms, fx);
		break;
	case HM_EV_STOP:
		ha->stopping = true;
		break;
	case HM_EV_START:
	case HM_EV_ADDRESS:
	case HM_EV_SEND_FAILED:
	case HM_EV_TRAFFIC:
		break;
	}
}

static hm_ms ha_deadline(const void *state)
{
	const struct ha_state *ha = state;

	return ha->stopping ? HM_NEVER : hm_binder_deadline(&ha->binder);
}

static bool ha_row(const void *state, enum hm_show what, uint64_t *cursor,
                   struct hm_show_row *ret_row)
{
	const struct ha_state *ha = state;

	return what == HM_SHOW_BINDINGS && hm_binder_row(&ha->binder, cursor, ret_row);
}

/* Address, interface and sizes stay what they were at the start. */
static void ha_reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	(void)now_ms;
	configure(state, config);
}

const struct hm_role hm_role_ha = {
	.id = HM_ROLE_HA,
	.name = "ha",
	.size = ha_size,
	.init = ha_init,
	.step = ha_step,
	.deadline = ha_deadline,
	.row = ha_row,
	.reload = ha_reload,
};
