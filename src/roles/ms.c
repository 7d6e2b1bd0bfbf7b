/* The mobility server: binds GCoAs to LCoAs for the mobile hosts in its domain (draft 4.3), answers
 * for the GCoAs on the Mobility Network, hands hosts that leave over to the next server, and tells
 * the routers of its area that it is there. The life of a binding is drawn in engine/binder.h; here
 * is who may have one, and what is said to routers and other servers. */
#include "roles/role.h"

#include "engine/binder.h"
#include "roles/ms_info.h"

/* How long packets are sent after a host that left, at most (PROTOCOL 7). */
#define FORWARDING_MAX_S 60

struct ms_state {
	const struct hm_config *config;
	struct hm_binder binder;
	struct hm_ms_info info;
	_Alignas(16) uint8_t memory[];
};

static size_t ms_size(const struct hm_config *config)
{
	return sizeof(struct ms_state) + hm_bindings_size(config->ms.max_bindings);
}

/* Another server of our own Mobility Network (draft 1, 3). */
static bool is_sibling(const struct hm_config *config, const struct hm_addr *ms)
{
	return hm_addr_in(ms, &config->ms.address, config->ms.plen) &&
	       !hm_addr_eq(ms, &config->ms.address);
}

static void configure(struct ms_state *ms, const struct hm_config *config)
{
	struct hm_binder *bd = &ms->binder;

	ms->config = config;
	bd->auth_none = config->common.auth_none;
	bd->auth_failure_reply = config->common.auth_failure_reply;
	bd->rewrite = config->ms.rewrite;
	bd->dad = config->ms.dad;
	bd->lifetime_max_s = config->ms.lifetime_max_s;
	bd->shared = false;
	for (unsigned i = 0; i < config->ms.peers.n; i++)
		bd->shared |= is_sibling(config, &config->ms.peers.a[i]);
}

static void ms_init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct ms_state *ms = state;
	struct hm_binder *bd = &ms->binder;

	bd->role = HM_ROLE_MS;
	bd->use = HM_USE_MH_MS;
	bd->forward = HM_FORWARD_ENCAP;
	bd->local = config->ms.address;
	memcpy(bd->proxy.name, config->ms.interface, sizeof bd->proxy.name);
	configure(ms, config);
	hm_binder_init(bd, ms->memory, config->ms.max_bindings, seed);
	hm_ms_info_init(&ms->info, config, ~seed);
}

static struct hm_addr gcoa_of(const struct ms_state *ms, const struct hm_addr *home)
{
	return hm_addr_join(&ms->config->ms.address, ms->config->ms.plen, home);
}

static bool is_peer(const struct ms_state *ms, const struct hm_addr *a)
{
	const struct hm_addr_list *peers = &ms->config->ms.peers;

	for (unsigned i = 0; i < peers->n; i++)
		if (hm_addr_eq(&peers->a[i], a))
			return true;
	return false;
}

static const struct hm_addr *coa_of(const struct hm_packet *packet)
{
	return packet->reg.has_alt_coa ? &packet->reg.alt_coa : &packet->src;
}

/* A care-of address that is our own, or a GCoA we serve, would make packets go round. */
static bool may_be_coa(const struct ms_state *ms, const struct hm_addr *home,
                       const struct hm_addr *coa)
{
	struct hm_addr gcoa = gcoa_of(ms, home);

	return hm_addr_is_global(coa) && !hm_addr_eq(coa, &gcoa) &&
	       !hm_addr_eq(coa, &ms->config->ms.address) &&
	       !hm_bindings_find_claim(&ms->binder.table, coa);
}

/* What stands against a request to bind; HM_ST_ACCEPTED: nothing. */
static enum hm_status objection(const struct ms_state *ms, const struct hm_packet *packet,
                                const struct hm_binding *b)
{
	bool known = hm_binding_is_live(b);

	if (packet->reg.malen != ms->config->ms.plen)
		return HM_ST_PREFIX_LENGTH;
	if (packet->reg.lifetime_s == 0)
		return HM_ST_ACCEPTED;
	if (!known && packet->kind != HM_MSG_REG_REQUEST)
		return HM_ST_NOT_REGISTERED;
	/* Above the lowest level the host's LCoA is not what is registered (PROTOCOL 6). */
	if (packet->kind == HM_MSG_REG_REFRESH && !b->alternate &&
	    !hm_addr_eq(&packet->src, &b->coa))
		return HM_ST_UNSPECIFIED;
	if (packet->kind != HM_MSG_REG_REFRESH && !may_be_coa(ms, &packet->home, coa_of(packet)))
		return HM_ST_PROHIBITED;
	return HM_ST_ACCEPTED;
}

/* Asks another server to send on what still arrives there (draft 4.3.6), or, when it is of our own
 * network, to let go of the GCoA (PROTOCOL 4). The number is the host's own, epoch and all. */
static void send_handoff(const struct ms_state *ms, const struct hm_binding *b,
                         const struct hm_addr *to, struct hm_number number, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_SEND);
	struct hm_packet *packet = &e->send.packet;
	bool sign = !ms->config->common.auth_none;

	e->send.use = sign ? HM_USE_MS_MS : HM_USE_NONE;
	packet->kind = HM_MSG_HANDOFF;
	packet->src = ms->config->ms.address;
	packet->dst = *to;
	packet->has_home = true;
	packet->home = b->home;
	packet->handoff = (struct hm_handoff){ .malen = ms->config->ms.plen,
		                               .seq = number.seq,
		                               .lifetime_s = FORWARDING_MAX_S,
		                               .new_gcoa = b->claimed };
	packet->auth = (struct hm_auth_data){ .present = sign, .epoch = number.epoch };
	hm_fx_count(fx, HM_COUNT_HANDOFF);
}

/* For the request under way or just accepted; a number accepted since is at most one wrap ahead. */
static void ask_handoff(const struct ms_state *ms, struct hm_binding *b, struct hm_fx *fx)
{
	struct hm_number number = { .epoch = b->epoch - (b->ack_seq > b->seq), .seq = b->ack_seq };

	b->handed = true;
	send_handoff(ms, b, &b->peer, number, fx);
}

static void bind_as_asked(struct ms_state *ms, struct hm_binding *b, const struct hm_event *ev,
                          struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	const struct hm_reg *reg = &packet->reg;
	bool refresh = packet->kind == HM_MSG_REG_REFRESH;
	struct hm_bind_ask ask = {
		.packet = packet,
		.seq = reg->seq,
		.lifetime_s = reg->lifetime_s,
		.coa = refresh ? b->coa : *coa_of(packet),
		.claim = gcoa_of(ms, &packet->home),
		.ack = true,
		.alternate = refresh ? b->alternate : reg->has_alt_coa,
	};

	if (packet->kind == HM_MSG_REG_REQUEST && reg->has_prev_ms && is_peer(ms, &reg->prev_ms) &&
	    !hm_addr_eq(&reg->prev_ms, &ms->config->ms.address))
		ask.peer = reg->prev_ms;
	ask.takes_over = is_sibling(ms->config, &ask.peer);
	hm_binder_register(&ms->binder, b, &ask, ev->now_ms, fx);
	/* It would defend the GCoA against our probe: it is asked first. */
	if (ask.takes_over && b->state == HM_SLOT_PROBING)
		ask_handoff(ms, b, fx);
}

/* Registration Request, Update and Refresh (draft 4.3.2 - 4.3.4). */
static void on_registration(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	const struct hm_reg *reg = &packet->reg;
	struct hm_binder *bd = &ms->binder;
	struct hm_binding *b;
	enum hm_status status;

	if (!hm_addr_eq(&packet->dst, &bd->local) || !hm_addr_is_global(&packet->src)) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return;
	}
	if (!hm_binder_is_authentic(bd, ev, reg->seq, fx))
		return;
	b = hm_binder_number(bd, packet, reg->seq, fx);
	if (!b)
		return;
	status = objection(ms, packet, b);
	if (status != HM_ST_ACCEPTED)
		hm_binder_refuse(bd, packet, reg->seq, status, fx);
	else if (reg->lifetime_s == 0)
		hm_binder_delete(bd, b, packet, reg->seq, true, fx);
	else
		bind_as_asked(ms, b, ev, fx);
}

static void on_bind_done(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	struct hm_binding *b =
	        hm_binder_bind_done(&ms->binder, ev->done.ticket, ev->done.err, ev->now_ms, fx);

	if (b && !hm_addr_is_any(&b->peer) && !b->handed)
		ask_handoff(ms, b, fx);
}

/* Another node lays claim to an address that we serve. If it is a server of our network, whoever
 * has the host's older number lets go: we say ours, and it says its own when that is newer. */
static void on_rival(struct ms_state *ms, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	const struct hm_addr_list *peers = &ms->config->ms.peers;
	struct hm_number number = { .epoch = b->epoch, .seq = b->seq };

	for (unsigned i = 0; i < peers->n && hm_fx_has_room(fx); i++)
		if (is_sibling(ms->config, &peers->a[i]))
			send_handoff(ms, b, &peers->a[i], number, fx);
	if (b->probe == HM_PROBE_NONE)
		hm_binder_announce_anew(&ms->binder, b, now, fx);
}

static void on_neighbour(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	struct hm_binding *b = hm_binder_neighbour(&ms->binder, &ev->rx.packet, ev->now_ms, fx);

	if (b)
		on_rival(ms, b, ev->now_ms, fx);
}

/* A server of our own network asks for a GCoA: it serves the host from now on, and sending on to
 * ourselves makes no sense. What it asks with an old number is ours, and it is told so. */
static void let_go(struct ms_state *ms, const struct hm_event *ev, struct hm_number number,
                   struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	struct hm_binding *b = hm_bindings_find(&ms->binder.table, &packet->home);

	if (b && !hm_binder_number_from_peer(&ms->binder, b, number, fx)) {
		if (b->served && hm_binder_may_contest(b))
			on_rival(ms, b, ev->now_ms, fx);
		return;
	}
	if (b && hm_binding_is_live(b) && hm_addr_eq(&b->claimed, &packet->handoff.new_gcoa))
		hm_binder_end(&ms->binder, b, HM_ENDED_TAKEN_OVER, fx);
	else
		hm_fx_count(fx, HM_COUNT_REFUSED);
}

/* A host of ours registered with another server (draft 4.3.6). Not answered, whatever it is. */
static void on_handoff(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;
	const struct hm_handoff *handoff = &packet->handoff;
	struct hm_number number = { .epoch = packet->auth.epoch, .seq = handoff->seq };
	struct hm_binding *b;
	uint32_t lifetime_s;

	if (!hm_addr_eq(&packet->dst, &ms->config->ms.address)) {
		hm_fx_count(fx, HM_COUNT_NOT_FOR_US);
		return;
	}
	if (!is_peer(ms, &packet->src)) {
		hm_fx_count(fx, HM_COUNT_UNKNOWN_PEER);
		return;
	}
	if (!hm_event_is_authentic_for(ev, HM_USE_MS_MS, fx))
		return;
	if (is_sibling(ms->config, &packet->src)) {
		let_go(ms, ev, number, fx);
		return;
	}
	b = hm_bindings_find(&ms->binder.table, &packet->home);
	if (b && !hm_binder_number_from_peer(&ms->binder, b, number, fx))
		return;
	if (!b || !b->served || !may_be_coa(ms, &packet->home, &handoff->new_gcoa)) {
		hm_fx_count(fx, HM_COUNT_REFUSED);
		return;
	}
	lifetime_s = hm_lifetime_left(ev->now_ms, b->expires_ms);
	if (lifetime_s > handoff->lifetime_s)
		lifetime_s = handoff->lifetime_s;
	if (lifetime_s > FORWARDING_MAX_S)
		lifetime_s = FORWARDING_MAX_S;
	if (lifetime_s == 0)
		hm_binder_end(&ms->binder, b, HM_ENDED_EXPIRED, fx);
	else
		hm_binder_send_on(&ms->binder, b, &handoff->new_gcoa, lifetime_s, ev->now_ms, fx);
}

static void on_packet(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_packet *packet = &ev->rx.packet;

	switch (packet->kind) {
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
		on_registration(ms, ev, fx);
		break;
	case HM_MSG_HANDOFF:
		on_handoff(ms, ev, fx);
		break;
	case HM_MSG_NS:
	case HM_MSG_NA:
		on_neighbour(ms, ev, fx);
		break;
	case HM_MSG_ICMP_ERROR:
		hm_binder_icmp(&ms->binder, packet, fx);
		break;
	case HM_MSG_BU:
	case HM_MSG_BACK:
	case HM_MSG_BREQ:
	case HM_MSG_MSINFO:
	case HM_MSG_RA:
	case HM_MSG_RS:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}

static void on_restore(struct ms_state *ms, const struct hm_record *record, struct hm_fx *fx)
{
	const struct hm_binding_row *row = &record->binding;
	struct hm_addr gcoa;

	if (record->kind == HM_RECORD_SEQ && record->seq.use == HM_USE_MH_MS)
		hm_binder_restore_seq(&ms->binder, &record->seq);
	if (record->kind != HM_RECORD_BINDING || row->role != HM_ROLE_MS)
		return;
	/* The Mobility Network may have been given another prefix since. */
	gcoa = gcoa_of(ms, &row->home);
	if (hm_addr_eq(&gcoa, &row->gcoa))
		hm_binder_restore(&ms->binder, row, &gcoa, fx);
	else
		hm_binder_drop_row(row, fx);
}

static void on_tick(struct ms_state *ms, const struct hm_event *ev, struct hm_fx *fx)
{
	hm_ms_info_tick(&ms->info, ev, fx);
	if (!ms->info.stopping)
		hm_binder_tick(&ms->binder, ev->now_ms, fx);
}

static void ms_step(void *state, const struct hm_event *ev, struct hm_fx *fx)
{
	struct ms_state *ms = state;

	switch (ev->kind) {
	case HM_EV_RESTORE:
		on_restore(ms, &ev->restore, fx);
		break;
	case HM_EV_START:
		hm_ms_info_start(&ms->info, ev->now_ms);
		break;
	case HM_EV_PACKET:
		on_packet(ms, ev, fx);
		break;
	case HM_EV_LINK:
		hm_binder_link(&ms->binder, &ev->link, ev->now_ms);
		hm_ms_info_link(&ms->info, &ev->link, ev->now_ms);
		break;
	case HM_EV_BIND_DONE:
		on_bind_done(ms, ev, fx);
		break;
	case HM_EV_TICK:
		on_tick(ms, ev, fx);
		break;
	case HM_EV_STOP:
		hm_ms_info_stop(&ms->info, ev, fx);
		break;
	case HM_EV_ADDRESS:
	case HM_EV_SEND_FAILED:
	case HM_EV_TRAFFIC:
		break;
	}
}

static hm_ms ms_deadline(const void *state)
{
	const struct ms_state *ms = state;

	/* On the way out bindings are left as they are: store and kernel keep them. */
	return ms->info.stopping ? ms->info.at
	                         : hm_sooner(ms->info.at, hm_binder_deadline(&ms->binder));
}

static bool peer_row(const struct ms_state *ms, uint64_t *cursor, struct hm_show_row *ret_row)
{
	const struct hm_addr_list *peers = &ms->config->ms.peers;

	if (*cursor >= peers->n)
		return false;
	*ret_row = (struct hm_show_row){ .role = HM_ROLE_MS,
		                         .peer = peers->a[*cursor],
		                         .kind = "mobility-server" };
	(*cursor)++;
	return true;
}

static bool router_row(const struct ms_state *ms, uint64_t *cursor, struct hm_show_row *ret_row)
{
	const struct hm_addr_list *routers = &ms->config->ms.routers;

	if (*cursor >= routers->n)
		return false;
	*ret_row = (struct hm_show_row){ .role = HM_ROLE_MS,
		                         .router = routers->a[*cursor],
		                         .kind = "informed" };
	(*cursor)++;
	return true;
}

static bool ms_row(const void *state, enum hm_show what, uint64_t *cursor,
                   struct hm_show_row *ret_row)
{
	const struct ms_state *ms = state;

	switch (what) {
	case HM_SHOW_BINDINGS:
		return hm_binder_row(&ms->binder, cursor, ret_row);
	case HM_SHOW_PEERS:
		return peer_row(ms, cursor, ret_row);
	case HM_SHOW_ROUTERS:
		return router_row(ms, cursor, ret_row);
	case HM_SHOW_REGISTRATIONS:
		return false;
	}
	return false;
}

/* Address, interface and sizes stay what they were at the start. */
static void ms_reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	struct ms_state *ms = state;

	configure(ms, config);
	hm_ms_info_reload(&ms->info, config, now_ms);
}

const struct hm_role hm_role_ms = {
	.id = HM_ROLE_MS,
	.name = "ms",
	.size = ms_size,
	.init = ms_init,
	.step = ms_step,
	.deadline = ms_deadline,
	.row = ms_row,
	.reload = ms_reload,
};
