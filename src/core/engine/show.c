#include "engine/show.h"

#include "base/field.h"
#include "wire/show.h"

/* Roles join a slot and a serial number in a ticket: t7 is the seventh of slot 0, t2.7 that of
 * slot 2. */
static void ticket_word(struct hm_text *t, hm_ticket ticket)
{
	if (ticket == 0)
		return;
	hm_text_str(t, " t");
	if (ticket >> 32) {
		hm_text_u64(t, ticket >> 32);
		hm_text_str(t, ".");
	}
	hm_text_u64(t, ticket & UINT32_MAX);
}

static void show_binding_row(struct hm_text *t, const struct hm_binding_row *row)
{
	hm_text_str(t, " ");
	hm_text_str(t, hm_role_text(row->role));
	hm_field_flag(t, "forwarding", row->state == HM_BINDING_FORWARDING);
	hm_field_opt_addr(t, "home", &row->home);
	hm_field_opt_addr(t, "gcoa", &row->gcoa);
	hm_field_opt_addr(t, "coa", &row->coa);
	hm_field_num(t, "seq", row->seq);
	hm_field_opt_num(t, "epoch", row->epoch);
	hm_field_life(t, row->lifetime_s);
}

static void show_seq_row(struct hm_text *t, const struct hm_seq_row *row)
{
	hm_text_str(t, " seq ");
	hm_text_str(t, hm_use_text(row->use));
	hm_field_opt_addr(t, "peer", &row->peer);
	hm_field_opt_addr(t, "home", &row->home);
	hm_field_num(t, "seq", row->seq);
	hm_field_opt_num(t, "epoch", row->epoch);
}

static const char *registration_text(enum hm_registration_state state)
{
	switch (state) {
	case HM_REGISTRATION_PENDING:
		return "pending";
	case HM_REGISTRATION_ACTIVE:
		return "active";
	case HM_REGISTRATION_REFUSED:
		return "refused";
	}
	return "?";
}

static void show_registration_row(struct hm_text *t, const struct hm_registration_row *row)
{
	hm_text_str(t, " registration ");
	hm_text_str(t, hm_role_text(row->kind));
	hm_field_str(t, "state", registration_text(row->state));
	hm_field_opt_addr(t, "peer", &row->peer);
	hm_field_opt_addr(t, "home", &row->home);
	hm_field_opt_addr(t, "coa", &row->coa);
	hm_field_num(t, "seq", row->seq);
	hm_field_opt_num(t, "epoch", row->epoch);
}

static void show_record(struct hm_text *t, const struct hm_record *record)
{
	switch (record->kind) {
	case HM_RECORD_BINDING:
		hm_text_str(t, " binding");
		show_binding_row(t, &record->binding);
		break;
	case HM_RECORD_SEQ:
		show_seq_row(t, &record->seq);
		break;
	case HM_RECORD_REGISTRATION:
		show_registration_row(t, &record->registration);
		break;
	}
}

static const char *verdict_text(enum hm_verdict verdict)
{
	switch (verdict) {
	case HM_VERDICT_OK:
		return "ok";
	case HM_VERDICT_MISSING:
		return "missing";
	case HM_VERDICT_NO_KEY:
		return "no-key";
	case HM_VERDICT_BAD:
		return "bad";
	}
	return "?";
}

static void show_link(struct hm_text *t, const struct hm_link *link)
{
	hm_text_str(t, "link ");
	hm_text_str(t, link->name);
	hm_text_str(t, !link->present ? " gone" : link->up ? " up" : " down");
	hm_field_num(t, "if", link->ifindex);
	hm_field_opt_addr(t, "ll", &link->link_local);
}

static const char *address_state_text(enum hm_address_state state)
{
	switch (state) {
	case HM_ADDRESS_USABLE:
		return " usable";
	case HM_ADDRESS_DUPLICATE:
		return " duplicate";
	case HM_ADDRESS_GONE:
		return " gone";
	}
	return "?";
}

static void show_done(struct hm_text *t, const char *what, const struct hm_event *ev)
{
	hm_text_str(t, what);
	ticket_word(t, ev->done.ticket);
	if (ev->done.err == HM_OK) {
		hm_text_str(t, " ok");
		return;
	}
	hm_field_str(t, "err", "\"");
	hm_text_str(t, hm_err_text(ev->done.err));
	hm_text_str(t, "\"");
}

static void show_traffic(struct hm_text *t, const struct hm_event *ev)
{
	hm_text_str(t, ev->traffic.kind == HM_TRAFFIC_TUNNELLED ? "traffic tunnelled"
	                                                        : "traffic bound");
	hm_field_opt_addr(t, "home", &ev->traffic.home);
	hm_field_opt_addr(t, "peer", &ev->traffic.peer);
	hm_field_flag(t, "key", ev->traffic.has_key);
}

void hm_event_show(struct hm_text *t, const struct hm_event *ev)
{
	switch (ev->kind) {
	case HM_EV_RESTORE:
		hm_text_str(t, "restore");
		show_record(t, &ev->restore);
		break;
	case HM_EV_START:
		hm_text_str(t, "start");
		break;
	case HM_EV_PACKET:
		hm_packet_show(t, &ev->rx.packet);
		hm_field_str(t, "auth", verdict_text(ev->rx.verdict));
		break;
	case HM_EV_LINK:
		show_link(t, &ev->link);
		break;
	case HM_EV_ADDRESS:
		hm_text_str(t, "address ");
		hm_text_addr(t, &ev->address.addr);
		hm_field_num(t, "if", ev->address.ifindex);
		hm_text_str(t, address_state_text(ev->address.state));
		break;
	case HM_EV_BIND_DONE:
		show_done(t, "bind-done", ev);
		break;
	case HM_EV_SEND_FAILED:
		show_done(t, "send-failed", ev);
		break;
	case HM_EV_TRAFFIC:
		show_traffic(t, ev);
		break;
	case HM_EV_TICK:
		hm_text_str(t, "tick");
		break;
	case HM_EV_STOP:
		hm_text_str(t, "stop");
		break;
	}
}

static const char *forward_text(enum hm_forward_kind kind)
{
	switch (kind) {
	case HM_FORWARD_ENCAP:
		return "encap";
	case HM_FORWARD_HOME:
		return "home";
	case HM_FORWARD_OWN:
		return "own";
	case HM_FORWARD_PEER:
		return "peer";
	}
	return "?";
}

static void show_hops(struct hm_text *t, const char *key, const struct hm_hop *hops, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		hm_field_str(t, key, "");
		hm_text_addr(t, &hops[i].local);
		hm_text_str(t, ">");
		hm_text_addr(t, &hops[i].remote);
	}
}

static void show_path(struct hm_text *t, const struct hm_forward *path)
{
	hm_text_str(t, " | ");
	hm_text_str(t, forward_text(path->kind));
	hm_field_opt_addr(t, "match", &path->match);
	hm_field_opt_addr(t, "home", &path->home);
	hm_field_opt_addr(t, "local", &path->local);
	hm_field_opt_addr(t, "remote", &path->remote);
	hm_field_flag(t, "attract", path->attract);
	hm_field_flag(t, "rewrite", path->rewrite);
	hm_field_flag(t, "one-way", path->one_way);
	show_hops(t, "hop", path->hops, path->n_hops);
	show_hops(t, "accept", path->accept, path->n_accept);
}

static void show_bind(struct hm_text *t, const char *what, const struct hm_effect *e)
{
	hm_text_str(t, what);
	ticket_word(t, e->bind.ticket);
	if (e->bind.has_row)
		show_binding_row(t, &e->bind.row);
	if (e->bind.has_path)
		show_path(t, &e->bind.path);
}

static const char *address_op_text(enum hm_address_op op)
{
	switch (op) {
	case HM_ADDRESS_ADD:
		return "add";
	case HM_ADDRESS_ADD_NODAD:
		return "add-nodad";
	case HM_ADDRESS_DEPRECATE:
		return "deprecate";
	case HM_ADDRESS_DEL:
		return "del";
	}
	return "?";
}

static void show_address(struct hm_text *t, const struct hm_effect *e)
{
	hm_text_str(t, "address ");
	hm_text_str(t, address_op_text(e->address.op));
	hm_text_str(t, " ");
	hm_text_addr(t, &e->address.addr);
	hm_text_str(t, "/");
	hm_text_u64(t, e->address.plen);
	hm_field_num(t, "if", e->address.ifindex);
}

static void show_relay(struct hm_text *t, const struct hm_effect *e)
{
	hm_text_str(t, "relay");
	hm_field_opt_addr(t, "from", &e->relay.from);
	hm_field_num(t, "type", e->relay.error.type);
	hm_field_num(t, "code", e->relay.error.code);
	hm_field_opt_num(t, "mtu", e->relay.mtu);
	hm_field_opt_addr(t, "inner_src", &e->relay.error.inner_src);
	hm_field_opt_addr(t, "inner_dst", &e->relay.error.inner_dst);
}

static void show_note(struct hm_text *t, const struct hm_effect *e)
{
	hm_text_str(t, "note ");
	hm_text_str(t, hm_note_text(e->note.note));
	hm_field_opt_addr(t, "home", &e->note.home);
	hm_field_opt_addr(t, "gcoa", &e->note.gcoa);
	hm_field_opt_addr(t, "coa", &e->note.coa);
	hm_field_opt_addr(t, "peer", &e->note.peer);
	hm_field_opt_num(t, "if", e->note.ifindex);
	hm_field_opt_num(t, "status", e->note.status);
	if (e->note.elapsed_ms != 0) {
		hm_field_str(t, "elapsed_ms", "");
		hm_text_i64(t, e->note.elapsed_ms);
	}
}

static void show_send(struct hm_text *t, const struct hm_effect *e)
{
	hm_text_str(t, "send");
	ticket_word(t, e->send.ticket);
	hm_text_str(t, " ");
	hm_packet_show(t, &e->send.packet);
	if (e->send.use != HM_USE_NONE)
		hm_field_str(t, "use", hm_use_text(e->send.use));
}

void hm_effect_show(struct hm_text *t, const struct hm_effect *e)
{
	switch (e->kind) {
	case HM_FX_SEND:
		show_send(t, e);
		break;
	case HM_FX_BIND:
		show_bind(t, "bind", e);
		break;
	case HM_FX_UNBIND:
		show_bind(t, "unbind", e);
		break;
	case HM_FX_STORE:
		hm_text_str(t, "store");
		show_record(t, &e->record);
		break;
	case HM_FX_FORGET:
		hm_text_str(t, "forget");
		show_record(t, &e->record);
		break;
	case HM_FX_ADDRESS:
		show_address(t, e);
		break;
	case HM_FX_GATEWAY:
		hm_text_str(t, "gateway");
		hm_field_num(t, "if", e->gateway.ifindex);
		hm_field_opt_addr(t, "router", &e->gateway.router);
		break;
	case HM_FX_RELAY:
		show_relay(t, e);
		break;
	case HM_FX_NOTE:
		show_note(t, e);
		break;
	}
}
