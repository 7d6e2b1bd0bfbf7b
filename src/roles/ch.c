/* The correspondent: keeps a binding cache, so that packets to a mobile host take the short way to
 * its care-of address (draft 4.5; draft-12; RFC 6275 9). The life of a binding is drawn in
 * engine/binder.h; nothing is probed or announced here. */
#include "roles/role.h"

#include "engine/binder.h"
#include "wire/icmp.h"

/* A binding here is a shortcut: without renewal it is not believed for longer. */
#define CH_LIFETIME_MAX_S 3600

struct ch_state {
	const struct hm_config *config;
	struct hm_binder binder;
	bool stopping;
	_Alignas(16) uint8_t memory[];
};

static size_t ch_size(const struct hm_config *config)
{
	return sizeof(struct ch_state) + hm_bindings_size(config->ch.max_bindings);
}

static void configure(struct ch_state *ch, const struct hm_config *config)
{
	ch->config = config;
	ch->binder.auth_none = config->common.auth_none;
	ch->binder.auth_failure_reply = config->common.auth_failure_reply;
}

static void ch_init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct ch_state *ch = state;
	struct hm_binder *bd = &ch->binder;

	bd->role = HM_ROLE_CH;
	bd->use = HM_USE_MH_CH;
	bd->forward = HM_FORWARD_PEER;
	bd->attract = true;
	bd->dad = HM_DAD_NO;
	bd->lifetime_max_s = CH_LIFETIME_MAX_S;
	configure(ch, config);
	hm_binder_init(bd, ch->memory, config->ch.max_bindings, seed);
}

static void bind_as_asked(struct ch_state *ch, struct hm_binding *b, const struct hm_event *ev,
                          struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_bind_ask ask = {
		.packet = packet,
		.seq = packet->bu.seq,
		.lifetime_s = packet->bu.lifetime_s,
		.coa = *hm_binder_update_coa(packet),
		.claim = *hm_binder_update_coa(packet),
		.peer = packet->dst,
		.ack = packet->bu.ack,
		.alternate = packet->bu.has_alt_coa,
	};

	hm_binder_register(&ch->binder, b, &ask, ev->now_ms, fx);
}

/* A mobile host is a correspondent under its home address: the binding would outlive any other, and
 * so would packets that leave from there. */
static bool is_lasting(const struct hm_config *config, const struct hm_addr *own)
{
	return !config->common.roles[HM_ROLE_MH] || hm_addr_eq(own, &config->mh.home);
}

static bool may_be_bound(const struct ch_state *ch, const struct hm_packet *packet)
{
	const struct hm_addr *coa = hm_binder_update_coa(packet);

	return is_lasting(ch->config, &packet->dst) && hm_addr_is_global(&packet->home) &&
	       hm_addr_is_global(coa) && !hm_addr_eq(coa, &packet->dst) &&
	       !hm_addr_eq(&packet->home, &packet->dst);
}

/* It was signed as for a home agent, and so is the answer. Its number is one of the home agent's
 * sequence: nothing of ours to store. */
static void refuse_home_registration(const struct ch_state *ch, const struct hm_event *ev,
                                     struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_binder as_home_agent = ch->binder;

	as_home_agent.use = HM_USE_MH_HA;
	if (hm_binder_is_authentic(&as_home_agent, ev, packet->bu.seq, fx))
		hm_binder_refuse(&as_home_agent, packet, packet->bu.seq, HM_ST_NO_HOME_REG, fx);
}

static void on_update(struct ch_state *ch, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_binder *bd = &ch->binder;
	uint16_t seq = packet->bu.seq;
	struct hm_binding *b;

	if (packet->bu.home_reg && ch->config->ch.home_agent_here)
		return;
	if (!hm_addr_is_global(&packet->src)) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return;
	}
	if (packet->bu.home_reg) {
		refuse_home_registration(ch, ev, fx);
		return;
	}
	if (!hm_binder_is_authentic(bd, ev, seq, fx))
		return;
	b = hm_binder_number(bd, packet, seq, fx);
	if (!b)
		return;
	if (hm_binder_update_deletes(packet))
		hm_binder_delete(bd, b, packet, seq, packet->bu.ack, fx);
	else if (!may_be_bound(ch, packet))
		hm_binder_refuse(bd, packet, seq, HM_ST_PROHIBITED, fx);
	else
		bind_as_asked(ch, b, ev, fx);
}

/* The care-of address is gone: packets go by the home agent again (RFC 6275 9.3.4). Only an error
 * about a packet that left from where the mobile host knows us is believed. */
static void on_icmp(struct ch_state *ch, const struct hm_packet *packet, struct hm_fx *fx)
{
	const struct hm_icmp_error *icmp = &packet->icmp;
	struct hm_binding *b = NULL;

	if (icmp->type == HM_ICMP_UNREACHABLE && !icmp->has_tunnelled)
		b = hm_bindings_find_claim(&ch->binder.table, &icmp->about_dst);
	if (!b || !b->served || b->state != HM_SLOT_ACTIVE ||
	    (!hm_addr_is_any(&b->peer) && !hm_addr_eq(&b->peer, &icmp->about_src))) {
		hm_fx_count(fx, HM_COUNT_UNMATCHED_ERROR);
		return;
	}
	hm_binder_end(&ch->binder, b, HM_ENDED_UNREACHABLE, fx);
}

static void on_packet(struct ch_state *ch, const struct hm_event *ev, struct hm_fx *fx)
{
	switch (ev->rx.packet.kind) {
	case HM_MSG_BU:
		on_update(ch, ev, fx);
		break;
	case HM_MSG_ICMP_ERROR:
		on_icmp(ch, &ev->rx.packet, fx);
		break;
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
	case HM_MSG_HANDOFF:
	case HM_MSG_BACK:
	case HM_MSG_BREQ:
	case HM_MSG_MSINFO:
	case HM_MSG_RA:
	case HM_MSG_RS:
	case HM_MSG_NS:
	case HM_MSG_NA:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}

static void on_traffic(struct ch_state *ch, const struct hm_event *ev)
{
	struct hm_binding *b = NULL;

	if (ev->traffic.kind == HM_TRAFFIC_BOUND)
		b = hm_bindings_find(&ch->binder.table, &ev->traffic.home);
	if (!b || !hm_binding_is_live(b))
		return;
	b->used = true;
	if (hm_addr_is_any(&b->peer) && hm_addr_is_global(&ev->traffic.peer) &&
	    is_lasting(ch->config, &ev->traffic.peer)) {
		/* A restored binding learns at which of our addresses its host knows us; the next
		 * registration gives the data plane its path with it. */
		b->peer = ev->traffic.peer;
		b->path_stands = false;
	}
}

static void on_restore(struct ch_state *ch, const struct hm_record *record, struct hm_fx *fx)
{
	if (record->kind == HM_RECORD_SEQ && record->seq.use == HM_USE_MH_CH)
		hm_binder_restore_seq(&ch->binder, &record->seq);
	if (record->kind == HM_RECORD_BINDING && record->binding.role == HM_ROLE_CH)
		hm_binder_restore(&ch->binder, &record->binding, &record->binding.coa, fx);
}

static void ch_step(void *state, const struct hm_event *ev, struct hm_fx *fx)
{
	struct ch_state *ch = state;

	switch (ev->kind) {
	case HM_EV_RESTORE:
		on_restore(ch, &ev->restore, fx);
		break;
	case HM_EV_PACKET:
		on_packet(ch, ev, fx);
		break;
	case HM_EV_BIND_DONE:
		(void)hm_binder_bind_done(&ch->binder, ev->done.ticket, ev->done.err, ev->now_ms,
		                          fx);
		break;
	case HM_EV_TRAFFIC:
		on_traffic(ch, ev);
		break;
	case HM_EV_TICK:
		if (!ch->stopping)
			hm_binder_tick(&ch->binder, ev->now_ms, fx);
		break;
	case HM_EV_STOP:
		ch->stopping = true;
		break;
	case HM_EV_START:
	case HM_EV_LINK:
	case HM_EV_ADDRESS:
	case HM_EV_SEND_FAILED:
		break;
	}
}

static hm_ms ch_deadline(const void *state)
{
	const struct ch_state *ch = state;

	return ch->stopping ? HM_NEVER : hm_binder_deadline(&ch->binder);
}

static bool ch_row(const void *state, enum hm_show what, uint64_t *cursor,
                   struct hm_show_row *ret_row)
{
	const struct ch_state *ch = state;

	return what == HM_SHOW_BINDINGS && hm_binder_row(&ch->binder, cursor, ret_row);
}

static void ch_reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	(void)now_ms;
	configure(state, config);
}

const struct hm_role hm_role_ch = {
	.id = HM_ROLE_CH,
	.name = "ch",
	.size = ch_size,
	.init = ch_init,
	.step = ch_step,
	.deadline = ch_deadline,
	.row = ch_row,
	.reload = ch_reload,
};
