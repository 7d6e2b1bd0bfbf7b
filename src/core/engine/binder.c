#include "engine/binder.h"

/* What the stored flags of a binding say. */
#define FLAG_ROUTER 1U
#define FLAG_ALTERNATE 2U
#define FLAG_WHOLE 4U

void hm_binder_init(struct hm_binder *bd, void *memory, uint32_t max, uint64_t seed)
{
	bd->seed = seed;
	hm_bindings_init(&bd->table, memory, max, seed);
}

void hm_binder_rearm(struct hm_binder *bd, const struct hm_binding *b)
{
	bool runs_out = b->state == HM_SLOT_ACTIVE || b->state == HM_SLOT_FORWARDING;

	/* While store and data plane are at work their answer is what is waited for. */
	hm_bindings_wake(&bd->table, b,
	                 runs_out ? hm_sooner(b->timer_ms, b->expires_ms) : b->timer_ms);
}

static void note(enum hm_note what, const struct hm_binder *bd, const struct hm_binding *b,
                 unsigned reason, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = what;
	e->note.home = b->home;
	if (bd->role == HM_ROLE_MS)
		e->note.gcoa = b->claimed;
	e->note.coa = b->coa;
	e->note.status = reason;
}

static struct hm_binding_row row_of(const struct hm_binder *bd, const struct hm_binding *b)
{
	struct hm_binding_row row = {
		.role = bd->role,
		.state = b->elsewhere ? HM_BINDING_FORWARDING : HM_BINDING_ACTIVE,
		.home = b->home,
		.coa = b->coa,
		.seq = b->seq,
		.epoch = b->epoch,
		.spi = b->spi,
		.lifetime_s = b->lifetime_s,
		.registered_ms = b->asked_ms,
		.expires_ms = hm_lifetime_end(b->asked_ms, b->lifetime_s),
		.flags = (b->router ? FLAG_ROUTER : 0) | (b->alternate ? FLAG_ALTERNATE : 0) |
		         (b->whole ? FLAG_WHOLE : 0),
	};

	if (bd->role == HM_ROLE_MS)
		row.gcoa = b->claimed;
	return row;
}

static struct hm_forward path_of(const struct hm_binder *bd, const struct hm_binding *b)
{
	bool encap = bd->forward == HM_FORWARD_ENCAP;

	return (struct hm_forward){
		.kind = bd->forward,
		.match = encap ? b->claimed : b->home,
		.home = b->home,
		.local = encap ? bd->local : b->peer,
		.remote = b->coa,
		.attract = bd->attract,
		.rewrite = bd->rewrite && !b->elsewhere,
		.one_way = b->elsewhere,
	};
}

/* A binding whose path stands is only stored anew: nothing changed for the data plane. */
static void ask_bind(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_BIND);

	b->state = HM_SLOT_INSTALLING;
	b->asked_ms = now;
	e->bind.ticket = hm_bindings_ticket(&bd->table, b);
	e->bind.has_row = true;
	e->bind.row = row_of(bd, b);
	e->bind.has_path = !b->path_stands;
	if (e->bind.has_path)
		e->bind.path = path_of(bd, b);
	hm_binder_rearm(bd, b);
}

static void ask_unbind(const struct hm_binder *bd, const struct hm_binding *b, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_UNBIND);

	e->bind.has_row = true;
	e->bind.row = row_of(bd, b);
	e->bind.has_path = true;
	e->bind.path = path_of(bd, b);
}

void hm_binder_end(struct hm_binder *bd, struct hm_binding *b, enum hm_ended why, struct hm_fx *fx)
{
	/* What is still PROBING was never installed. */
	if (b->state != HM_SLOT_PROBING)
		ask_unbind(bd, b, fx);
	if (b->served)
		note(HM_NOTE_BINDING_REMOVED, bd, b, why, fx);
	hm_bindings_idle(&bd->table, b);
}

void hm_binder_conflict(struct hm_binder *bd, struct hm_binding *b, struct hm_fx *fx)
{
	bool pending =
	        b->state == HM_SLOT_PROBING || (b->state == HM_SLOT_INSTALLING && !b->elsewhere);

	hm_fx_count(fx, HM_COUNT_DAD_FAILED);
	if (pending)
		hm_binder_refuse_pending(bd, b, HM_ST_DAD_FAILED, fx);
	hm_binder_end(bd, b, HM_ENDED_CONFLICT, fx);
}

static void take(const struct hm_binder *bd, struct hm_binding *b, const struct hm_bind_ask *ask)
{
	bool same_path = hm_addr_eq(&b->coa, &ask->coa) && !b->elsewhere;

	if (!same_path)
		b->path_stands = false;
	b->moved = b->served && (b->moved || !same_path);
	b->elsewhere = false;
	b->coa = ask->coa;
	b->reply_to = ask->packet->src;
	b->ack_seq = ask->seq;
	if (!hm_addr_is_any(&ask->peer)) {
		b->peer = ask->peer;
		b->handed = false;
	}
	if (!b->served)
		b->contests = bd->shared ? HM_BINDER_CONTESTS : 0;
	b->lifetime_s = ask->lifetime_s < bd->lifetime_max_s ? ask->lifetime_s : bd->lifetime_max_s;
	b->ack = ask->ack;
	b->router = ask->router;
	b->whole = ask->whole;
	b->alternate = ask->alternate;
}

/* The lowest address of a prefix is its routers' (RFC 4291 2.6.1), and our own is taken too. */
static bool is_claimable(const struct hm_binder *bd, const struct hm_addr *claim)
{
	static const uint8_t zeros[8];

	return !hm_addr_eq(claim, &bd->local) && memcmp(claim->b + 8, zeros, sizeof zeros) != 0;
}

/* False: refused. */
static bool enliven(struct hm_binder *bd, struct hm_binding *b, const struct hm_bind_ask *ask,
                    struct hm_fx *fx)
{
	int err = HM_EEXIST;

	if (bd->forward == HM_FORWARD_PEER || is_claimable(bd, &ask->claim))
		err = hm_bindings_enliven(
		        &bd->table, b, bd->forward == HM_FORWARD_PEER ? &hm_addr_any : &ask->claim);
	if (err == HM_OK) {
		b->timer_ms = HM_NEVER;
		return true;
	}
	hm_fx_count(fx, err == HM_EFULL ? HM_COUNT_TABLE_FULL : HM_COUNT_DAD_FAILED);
	hm_binder_refuse(bd, ask->packet, ask->seq,
	                 err == HM_EFULL ? HM_ST_RESOURCES : HM_ST_DAD_FAILED, fx);
	return false;
}

void hm_binder_register(struct hm_binder *bd, struct hm_binding *b, const struct hm_bind_ask *ask,
                        hm_ms now, struct hm_fx *fx)
{
	bool fresh = b->state == HM_SLOT_IDLE;

	if (fresh && !enliven(bd, b, ask, fx))
		return;
	take(bd, b, ask);
	if (bd->forward == HM_FORWARD_PEER)
		hm_bindings_reclaim(&bd->table, b, &ask->claim);
	if (b->state == HM_SLOT_PROBING && !fresh)
		return; /* the newest wins, and the probe under way serves it */
	if (!fresh || bd->dad != HM_DAD_YES || !hm_proxy_wanted(&bd->proxy))
		ask_bind(bd, b, now, fx);
	else if (ask->takes_over)
		hm_binder_probe_later(bd, b, now);
	else
		hm_binder_probe(bd, b, now, fx);
}

void hm_binder_delete(struct hm_binder *bd, struct hm_binding *b, const struct hm_packet *packet,
                      uint16_t seq, bool ack, struct hm_fx *fx)
{
	if (!hm_binding_is_live(b)) {
		hm_binder_refuse(bd, packet, seq, HM_ST_NOT_REGISTERED, fx);
		return;
	}
	b->reply_to = packet->src;
	b->ack = ack;
	b->ack_seq = seq;
	if (bd->forward == HM_FORWARD_PEER)
		b->peer = packet->dst;
	if (b->state != HM_SLOT_PROBING)
		ask_unbind(bd, b, fx);
	/* Behind the removal, so that it goes to a host that came home by the plain path. Nothing
	 * is promised by it: it need not wait for the store. */
	b->lifetime_s = 0;
	hm_binder_ack(bd, b, fx);
	if (b->served)
		note(HM_NOTE_BINDING_REMOVED, bd, b, HM_ENDED_DELETED, fx);
	hm_bindings_idle(&bd->table, b);
}

void hm_binder_send_on(struct hm_binder *bd, struct hm_binding *b, const struct hm_addr *new_gcoa,
                       uint32_t lifetime_s, hm_ms now, struct hm_fx *fx)
{
	b->coa = *new_gcoa;
	b->elsewhere = true;
	b->alternate = false;
	b->path_stands = false;
	b->peer = hm_addr_any;
	b->lifetime_s = lifetime_s;
	ask_bind(bd, b, now, fx);
}

static void bind_failed(struct hm_binder *bd, struct hm_binding *b, int err, struct hm_fx *fx)
{
	bool no_room = err == HM_EFULL || err == HM_ENOMEM || err == HM_ESTORE;

	if (!b->elsewhere)
		hm_binder_refuse_pending(bd, b, no_room ? HM_ST_RESOURCES : HM_ST_UNSPECIFIED, fx);
	if (b->path_stands) {
		/* A renewal that could not be stored: what was promised before still holds. */
		b->state = HM_SLOT_ACTIVE;
		hm_binder_rearm(bd, b);
		return;
	}
	hm_binder_end(bd, b, HM_ENDED_NOT_INSTALLED, fx);
}

static void after_done(struct hm_binder *bd, struct hm_binding *b, bool first, hm_ms now,
                       struct hm_fx *fx)
{
	bool probe = bd->dad == HM_DAD_OPTIMISTIC && hm_proxy_wanted(&bd->proxy);

	if (b->elsewhere)
		note(HM_NOTE_FORWARDING, bd, b, 0, fx);
	else if (first || b->moved)
		note(first ? HM_NOTE_BINDING_ADDED : HM_NOTE_BINDING_MOVED, bd, b, 0, fx);
	b->moved = false;
	/* Where servers may be behind, each renewal is told. */
	if (bd->forward == HM_FORWARD_PEER || (!first && !bd->shared)) {
		hm_binder_rearm(bd, b);
		return;
	}
	b->contests = bd->shared ? HM_BINDER_CONTESTS : 0;
	if (b->probe != HM_PROBE_NONE) {
		/* One is under way or waits its turn: it is followed by what is left to say. */
		hm_binder_rearm(bd, b);
		return;
	}
	b->repeats = first ? HM_PROXY_ANNOUNCEMENTS : 1;
	if (first && probe)
		hm_binder_probe(bd, b, now, fx);
	else
		hm_binder_announce(bd, b, now, fx);
}

/* ch: when to ask a host for renewal: with a fifth of the lifetime left, and again half-way from
 * there, if traffic went by the binding (PROTOCOL 2.4; RFC 6275 9.5.5). */
static void plan_renewal(struct hm_binding *b)
{
	b->repeats = 2;
	b->used = false;
	b->timer_ms = b->expires_ms == HM_NEVER ? HM_NEVER
	                                        : b->expires_ms - b->lifetime_s * HM_SECOND / 5;
}

struct hm_binding *hm_binder_bind_done(struct hm_binder *bd, hm_ticket ticket, int err, hm_ms now,
                                       struct hm_fx *fx)
{
	struct hm_binding *b = hm_bindings_find_ticket(&bd->table, ticket);
	bool first;

	if (err != HM_OK && b)
		hm_fx_count(fx, HM_COUNT_BIND_FAILED);
	if (!b)
		return NULL;
	if (b->state != HM_SLOT_INSTALLING) {
		/* Restored: its next message installs it anew. */
		b->path_stands = b->path_stands && err == HM_OK;
		return NULL;
	}
	if (err != HM_OK) {
		bind_failed(bd, b, err, fx);
		return NULL;
	}
	first = !b->served;
	b->served = true;
	b->path_stands = true;
	b->state = b->elsewhere ? HM_SLOT_FORWARDING : HM_SLOT_ACTIVE;
	b->registered_ms = b->asked_ms;
	b->expires_ms = hm_lifetime_end(b->asked_ms, b->lifetime_s);
	if (bd->forward == HM_FORWARD_PEER)
		plan_renewal(b);
	if (!b->elsewhere)
		hm_binder_ack(bd, b, fx);
	after_done(bd, b, first, now, fx);
	return b->elsewhere ? NULL : b;
}

void hm_binder_restore_seq(struct hm_binder *bd, const struct hm_seq_row *row)
{
	struct hm_binding *b = hm_bindings_find(&bd->table, &row->home);

	if (!b)
		b = hm_bindings_add(&bd->table, &row->home);
	if (!b)
		return;
	b->seq = row->seq;
	b->epoch = row->epoch;
	b->spi = row->spi;
}

static void adopt(struct hm_binding *b, const struct hm_binding_row *row)
{
	b->elsewhere = row->state == HM_BINDING_FORWARDING;
	b->state = b->elsewhere ? HM_SLOT_FORWARDING : HM_SLOT_ACTIVE;
	b->coa = row->coa;
	b->asked_ms = b->registered_ms = row->registered_ms;
	b->expires_ms = row->expires_ms;
	b->timer_ms = HM_NEVER;
	b->lifetime_s = row->lifetime_s;
	b->router = row->flags & FLAG_ROUTER;
	b->whole = row->flags & FLAG_WHOLE;
	b->alternate = row->flags & FLAG_ALTERNATE;
	b->served = true;
	b->path_stands = true;
}

void hm_binder_drop_row(const struct hm_binding_row *row, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_UNBIND);

	e->bind.has_row = true;
	e->bind.row = *row;
}

/* The slot of a stored binding; its row may hold a later number than the numbers' own record. */
static struct hm_binding *restore_number(struct hm_binder *bd, const struct hm_binding_row *row)
{
	struct hm_number number = { .epoch = row->epoch, .seq = row->seq };
	struct hm_binding *b = hm_bindings_find(&bd->table, &row->home);
	bool known = b != NULL;

	if (!b)
		b = hm_bindings_add(&bd->table, &row->home);
	if (!b)
		return NULL;
	if (!known ||
	    hm_number_after(number, (struct hm_number){ b->epoch, b->seq }, !bd->auth_none)) {
		b->seq = number.seq;
		b->epoch = number.epoch;
		b->spi = row->spi;
	}
	return b;
}

void hm_binder_restore(struct hm_binder *bd, const struct hm_binding_row *row,
                       const struct hm_addr *claim, struct hm_fx *fx)
{
	bool peer = bd->forward == HM_FORWARD_PEER;
	struct hm_binding *b = restore_number(bd, row);
	struct hm_effect *e;

	if (!b || hm_binding_is_live(b) ||
	    hm_bindings_enliven(&bd->table, b, peer ? &hm_addr_any : claim) != HM_OK) {
		hm_binder_drop_row(row, fx); /* the configuration leaves no place for it */
		return;
	}
	if (peer)
		hm_bindings_reclaim(&bd->table, b, claim);
	adopt(b, row);
	b->contests = bd->shared ? HM_BINDER_CONTESTS : 0;
	if (bd->forward == HM_FORWARD_PEER)
		plan_renewal(b);
	e = hm_fx_add(fx, HM_FX_BIND);
	e->bind.ticket = hm_bindings_ticket(&bd->table, b);
	e->bind.has_path = true;
	e->bind.path = path_of(bd, b);
	hm_binder_rearm(bd, b);
}

/* ch: one Binding Request, if the binding is in use. */
static void ask_renewal(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	b->timer_ms = HM_NEVER;
	if (--b->repeats > 0)
		b->timer_ms = hm_after(now, (b->expires_ms - now) / 2);
	if (b->used && !hm_addr_is_any(&b->peer)) {
		struct hm_effect *e = hm_fx_add(fx, HM_FX_SEND);

		/* Nothing is changed by it: it carries no authentication. */
		e->send.packet.kind = HM_MSG_BREQ;
		e->send.packet.src = b->peer;
		e->send.packet.dst = b->coa;
		e->send.packet.home = b->home;
		e->send.packet.has_routing = true;
		e->send.packet.routing_type = 2;
		e->send.packet.routing_addr = b->home;
	}
	b->used = false;
	hm_binder_rearm(bd, b);
}

/* What the binding waited for has come; each branch moves its moment on. */
static void on_due(struct hm_binder *bd, struct hm_binding *b, hm_ms now, struct hm_fx *fx)
{
	if (b->state == HM_SLOT_PROBING && b->probe == HM_PROBE_WAITING) {
		hm_binder_refuse_pending(bd, b, HM_ST_UNSPECIFIED, fx);
		hm_binder_end(bd, b, HM_ENDED_NOT_INSTALLED, fx);
		return;
	}
	if (b->probe == HM_PROBE_DELAYED) {
		hm_binder_probe(bd, b, now, fx);
		return;
	}
	if (b->state == HM_SLOT_PROBING) {
		b->probe = HM_PROBE_NONE;
		b->timer_ms = HM_NEVER;
		ask_bind(bd, b, now, fx);
		return;
	}
	if (b->timer_ms > now) {
		hm_fx_count(fx, HM_COUNT_EXPIRED);
		hm_binder_end(bd, b, HM_ENDED_EXPIRED, fx);
		return;
	}
	b->probe = HM_PROBE_NONE;
	if (bd->forward == HM_FORWARD_PEER)
		ask_renewal(bd, b, now, fx);
	else
		hm_binder_announce(bd, b, now, fx);
}

void hm_binder_tick(struct hm_binder *bd, hm_ms now, struct hm_fx *fx)
{
	while (hm_fx_has_room(fx)) {
		struct hm_binding *b = hm_bindings_due(&bd->table, now);

		if (!b)
			break;
		on_due(bd, b, now, fx);
	}
	hm_binder_sweep(bd, now, fx);
}

hm_ms hm_binder_deadline(const struct hm_binder *bd)
{
	hm_ms soonest = hm_bindings_soonest(&bd->table);

	return bd->sweeping ? hm_sooner(soonest, bd->sweep_at) : soonest;
}
