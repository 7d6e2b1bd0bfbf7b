/* What a simulated host does with a role's effects, and the promises checked while it does. */
#include "sim/simnet.h"

#include <assert.h>

/* --- the store ------------------------------------------------------------------------------ */

static bool is_same_key(const struct hm_record *a, const struct hm_record *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case HM_RECORD_BINDING:
		return a->binding.role == b->binding.role &&
		       hm_addr_eq(&a->binding.home, &b->binding.home);
	case HM_RECORD_SEQ:
		return a->seq.use == b->seq.use && hm_addr_eq(&a->seq.peer, &b->seq.peer) &&
		       hm_addr_eq(&a->seq.home, &b->seq.home);
	case HM_RECORD_REGISTRATION:
		return a->registration.kind == b->registration.kind &&
		       hm_addr_eq(&a->registration.peer, &b->registration.peer) &&
		       hm_addr_eq(&a->registration.home, &b->registration.home);
	}
	return false;
}

void sim_remember(struct sim_node *n, const struct hm_record *record, bool deleted)
{
	struct sim_record *slot = NULL;

	for (unsigned i = 0; i < SIM_RECORDS_MAX; i++) {
		struct sim_record *r = &n->records[i];

		if (r->used && is_same_key(&r->record, record)) {
			slot = r;
			break;
		}
		if (!r->used && !slot)
			slot = r;
	}
	assert(slot);
	slot->used = !deleted;
	slot->record = *record;
}

bool sim_remembers(const struct sim_node *n, const struct hm_record *record)
{
	for (unsigned i = 0; i < SIM_RECORDS_MAX; i++)
		if (n->records[i].used && is_same_key(&n->records[i].record, record))
			return true;
	return false;
}

/* --- the data plane ------------------------------------------------------------------------- */

static struct hm_forward *find_forward(struct sim_node *n, enum hm_forward_kind kind,
                                       const struct hm_addr *match)
{
	for (unsigned i = 0; i < n->n_forwards; i++)
		if (n->forwards[i].kind == kind && hm_addr_eq(&n->forwards[i].match, match))
			return &n->forwards[i];
	return NULL;
}

const struct hm_forward *sim_forward(const struct sim_node *n, enum hm_forward_kind kind,
                                     const struct hm_addr *match)
{
	for (unsigned i = 0; i < n->n_forwards; i++)
		if (n->forwards[i].kind == kind && hm_addr_eq(&n->forwards[i].match, match))
			return &n->forwards[i];
	return NULL;
}

static void put_forward(const struct sim *sim, struct sim_node *n, const struct hm_forward *path)
{
	struct hm_forward *f = find_forward(n, path->kind, &path->match);

	if (!f) {
		assert(n->n_forwards < SIM_FORWARDS_MAX);
		f = &n->forwards[n->n_forwards++];
		n->former[f - n->forwards].until = 0;
	} else if (!f->one_way && !hm_addr_eq(&f->remote, &path->remote)) {
		/* As the plugin interface asks for. */
		n->former[f - n->forwards] = (struct sim_former){ f->remote, sim->now + 5000 };
	}
	*f = *path;
}

static void del_forward(struct sim_node *n, const struct hm_forward *path)
{
	struct hm_forward *f = find_forward(n, path->kind, &path->match);

	if (!f)
		return;
	n->n_forwards--;
	n->former[f - n->forwards] = n->former[n->n_forwards];
	*f = n->forwards[n->n_forwards];
}

/* --- effects -------------------------------------------------------------------------------- */

static struct sim_item item_for(struct sim *sim, const struct sim_node *n, enum sim_item_kind kind)
{
	return (struct sim_item){ .at = sim->now + sim_effect_delay(sim),
		                  .kind = kind,
		                  .node = (unsigned)(n - sim->nodes),
		                  .generation = n->generation };
}

/* A store answers in the order it was asked. */
static struct sim_item store_item(struct sim *sim, struct sim_node *n, enum sim_item_kind kind)
{
	struct sim_item item = item_for(sim, n, kind);

	if (item.at < n->store_busy_until)
		item.at = n->store_busy_until;
	n->store_busy_until = item.at;
	return item;
}

static bool fails_now(struct sim *sim)
{
	return ++sim->effects == sim->faults.fail_effect;
}

static void do_bind(struct sim *sim, struct sim_node *n, bool second, const struct hm_effect *e)
{
	struct sim_item item = store_item(sim, n, SIM_BIND_DONE);

	item.second = second;
	item.done.ticket = e->bind.ticket;
	item.done.err = fails_now(sim) ? HM_EIO : HM_OK;
	item.done.has_row = e->bind.has_row;
	item.done.row = e->bind.row;
	/* The data plane follows at once, the store a while later; a failure leaves neither. */
	if (item.done.err == HM_OK && e->bind.has_path)
		put_forward(sim, n, &e->bind.path);
	if (item.done.err != HM_OK && e->bind.has_path)
		del_forward(n, &e->bind.path);
	sim_push(sim, &item);
}

static void do_store(struct sim *sim, struct sim_node *n, const struct hm_record *record,
                     bool deleted)
{
	struct sim_item item = store_item(sim, n, SIM_DURABLE);

	/* The host retries a failed removal until it succeeds. */
	if (fails_now(sim) && !deleted)
		return;
	item.durable.record = *record;
	item.durable.deleted = deleted;
	sim_push(sim, &item);
}

static void do_unbind(struct sim *sim, struct sim_node *n, const struct hm_effect *e)
{
	struct hm_record r = { .kind = HM_RECORD_BINDING, .binding = e->bind.row };

	if (e->bind.has_path)
		del_forward(n, &e->bind.path);
	if (e->bind.has_row)
		do_store(sim, n, &r, true);
}

static void do_address(struct sim *sim, struct sim_node *n, const struct hm_effect *e)
{
	struct sim_item item = item_for(sim, n, SIM_ADDRESS);
	unsigned iface = e->address.ifindex - 1;
	struct sim_addr *slot = NULL;

	if (iface >= n->n_ifs)
		sim_fail(sim, "%s sets an address on interface %u", n->name, e->address.ifindex);
	for (unsigned i = 0; i < SIM_ADDRS_MAX; i++) {
		struct sim_addr *a = &n->addrs[i];

		if (a->used && a->iface == iface && hm_addr_eq(&a->addr, &e->address.addr)) {
			slot = a;
			break;
		}
		if (!a->used && !slot)
			slot = a;
	}
	assert(slot);
	switch (e->address.op) {
	case HM_ADDRESS_DEPRECATE:
		return;
	case HM_ADDRESS_DEL:
		slot->used = false;
		return;
	case HM_ADDRESS_ADD:
	case HM_ADDRESS_ADD_NODAD:
		break;
	}
	if (!slot->used)
		*slot = (struct sim_addr){ .used = true, .iface = iface, .addr = e->address.addr };
	item.address.iface = iface;
	item.address.addr = e->address.addr;
	sim_push(sim, &item);
}

static void check_number(struct sim *sim, struct sim_node *n, const struct hm_role *role,
                         const struct hm_packet *p)
{
	struct sim_acked *a = n->acked;

	while (a < n->acked + n->n_acked &&
	       !(a->role == role->id && hm_addr_eq(&a->home, &p->home)))
		a++;
	if (a == n->acked + n->n_acked) {
		assert(n->n_acked < SIM_ACKED_MAX);
		n->n_acked++;
	} else if (p->auth.epoch < a->epoch ||
	           (p->auth.epoch == a->epoch && (int16_t)(p->back.seq - a->seq) < 0)) {
		sim_fail(sim, "%s acknowledges %u after %u", n->name, p->back.seq, a->seq);
	}
	*a = (struct sim_acked){ role->id, p->home, p->auth.epoch, p->back.seq };
}

/* Nobody is acknowledged before the data plane and the store hold the binding. */
static void check_ack(struct sim *sim, struct sim_node *n, const struct hm_role *role,
                      const struct hm_packet *p)
{
	struct hm_record r = { .kind = HM_RECORD_BINDING };
	enum hm_forward_kind kind = role->id == HM_ROLE_CH ? HM_FORWARD_PEER : HM_FORWARD_ENCAP;
	struct hm_addr match = p->home;

	if (p->kind != HM_MSG_BACK || p->back.status != HM_ST_ACCEPTED || p->back.lifetime_s == 0)
		return;
	r.binding.role = role->id;
	r.binding.home = p->home;
	if (role->id == HM_ROLE_MS)
		match = hm_addr_join(&n->config.ms.address, n->config.ms.plen, &p->home);
	if (!sim_remembers(n, &r))
		sim_fail(sim, "%s acknowledges what its store does not hold", n->name);
	if (!sim_forward(n, kind, &match))
		sim_fail(sim, "%s acknowledges what its data plane does not hold", n->name);
	check_number(sim, n, role, p);
}

static void do_send(struct sim *sim, struct sim_node *n, bool second, const struct hm_effect *e)
{
	check_ack(sim, n, second ? n->second : n->role, &e->send.packet);
	n->sent++;
	n->sent_kind[e->send.packet.kind]++;
	if (!fails_now(sim)) {
		sim_send(sim, n, e);
	} else if (e->send.ticket) {
		struct sim_item item = item_for(sim, n, SIM_SEND_FAILED);

		item.second = second;
		item.done.ticket = e->send.ticket;
		sim_push(sim, &item);
	}
}

void sim_run_effects(struct sim *sim, struct sim_node *n, bool second, const struct hm_fx *fx)
{
	for (unsigned i = 0; i < fx->n; i++) {
		const struct hm_effect *e = &fx->e[i];

		switch (e->kind) {
		case HM_FX_SEND:
			do_send(sim, n, second, e);
			break;
		case HM_FX_BIND:
			do_bind(sim, n, second, e);
			break;
		case HM_FX_UNBIND:
			do_unbind(sim, n, e);
			break;
		case HM_FX_STORE:
			do_store(sim, n, &e->record, false);
			break;
		case HM_FX_FORGET:
			do_store(sim, n, &e->record, true);
			break;
		case HM_FX_ADDRESS:
			do_address(sim, n, e);
			break;
		case HM_FX_NOTE:
			n->notes[e->note.note]++;
			break;
		case HM_FX_GATEWAY:
			if (e->gateway.ifindex - 1 < n->n_ifs)
				n->ifs[e->gateway.ifindex - 1].gateway = e->gateway.router;
			break;
		case HM_FX_RELAY:
			break;
		}
	}
}
