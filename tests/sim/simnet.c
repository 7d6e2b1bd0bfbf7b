#include "sim/simnet.h"

#include "engine/show.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A role that asks for a tick now, again and again, would stop the clock. */
#define TICKS_AT_ONCE_MAX 2000

_Noreturn void sim_fail(const struct sim *sim, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "simulation failed: seed=%llu now=%lld ms: ", (unsigned long long)sim->seed,
	        (long long)sim->now);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* --- the queue ------------------------------------------------------------------------------ */

static bool is_before(const struct sim_item *a, const struct sim_item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap_items(struct sim_item *a, struct sim_item *b)
{
	struct sim_item t = *a;

	*a = *b;
	*b = t;
}

void sim_push(struct sim *sim, const struct sim_item *item)
{
	size_t i = sim->n_items++;

	if (sim->n_items > sim->cap_items) {
		sim->cap_items = sim->cap_items ? 2 * sim->cap_items : 64;
		sim->items = realloc(sim->items, sim->cap_items * sizeof *sim->items);
		if (!sim->items)
			abort();
	}
	sim->items[i] = *item;
	sim->items[i].order = ++sim->order;
	for (; i > 0 && is_before(&sim->items[i], &sim->items[(i - 1) / 2]); i = (i - 1) / 2)
		swap_items(&sim->items[i], &sim->items[(i - 1) / 2]);
}

static struct sim_item pop(struct sim *sim)
{
	struct sim_item top = sim->items[0];
	size_t i = 0;

	sim->items[0] = sim->items[--sim->n_items];
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		if (left < sim->n_items && is_before(&sim->items[left], &sim->items[least]))
			least = left;
		if (left + 1 < sim->n_items && is_before(&sim->items[left + 1], &sim->items[least]))
			least = left + 1;
		if (least == i)
			return top;
		swap_items(&sim->items[i], &sim->items[least]);
		i = least;
	}
}

/* --- hosts ---------------------------------------------------------------------------------- */

void sim_play_seeds(uint64_t part, uint64_t usual, void (*play)(uint64_t seed))
{
	const char *one = getenv("HMIPD_SIM_SEED"), *many = getenv("HMIPD_SIM_SEEDS");
	uint64_t n = many ? strtoull(many, NULL, 10) : usual;

	if (one && part == 0)
		play(strtoull(one, NULL, 10));
	for (uint64_t i = 0; !one && i < n; i++)
		play(1 + part * n + i);
}

void sim_init(struct sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof *sim);
	sim->seed = seed;
	sim->now = 1000; /* a clock at 0 would hide mistakes with "never heard" */
	hm_rand_init(&sim->rand, seed);
	sim->faults = (struct sim_faults){
		.latency_min = 5, .latency_max = 5, .effect_min = 2, .effect_max = 2
	};
	sim->trace = getenv("HMIPD_SIM_TRACE") != NULL;
}

void sim_free(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_items; i++)
		if (sim->items[i].kind == SIM_PACKET)
			free(sim->items[i].packet.octets);
	free(sim->items);
	for (unsigned i = 0; i < sim->n_nodes; i++) {
		free(sim->nodes[i].state);
		free(sim->nodes[i].second_state);
	}
}

int sim_add_link(struct sim *sim, const char *name, const char *prefix, uint8_t plen)
{
	struct sim_link *l = &sim->links[sim->n_links];

	assert(sim->n_links < SIM_LINKS_MAX);
	l->name = name;
	l->prefix.plen = plen;
	if (inet_pton(AF_INET6, prefix, l->prefix.addr.b) != 1)
		abort();
	return (int)sim->n_links++;
}

struct sim_node *sim_add_node(struct sim *sim, const char *name, const struct hm_role *role,
                              const struct hm_config *config)
{
	struct sim_node *n = &sim->nodes[sim->n_nodes++];

	assert(sim->n_nodes <= SIM_NODES_MAX);
	n->name = name;
	n->role = role;
	n->plain = role == NULL;
	if (config)
		n->config = *config;
	n->config.wire = hm_wire_defaults;
	return n;
}

unsigned sim_add_if(struct sim *sim, struct sim_node *n, const char *name, int link)
{
	struct sim_if *i = &n->ifs[n->n_ifs];
	unsigned node = (unsigned)(n - sim->nodes);

	assert(n->n_ifs < SIM_IFS_MAX);
	snprintf(i->name, sizeof i->name, "%s", name);
	i->link = link;
	i->lladdr =
	        (struct hm_lladdr){ true, { 2, 0, 0, 0, (uint8_t)node, (uint8_t)(n->n_ifs + 1) } };
	i->link_local = hm_addr_eui64(&(struct hm_addr){ { 0xfe, 0x80 } }, i->lladdr.b);
	return n->n_ifs++;
}

static struct sim_addr *put_addr(struct sim_node *n, unsigned iface, const struct hm_addr *addr)
{
	struct sim_addr *slot = NULL;

	for (unsigned i = 0; i < SIM_ADDRS_MAX; i++) {
		struct sim_addr *a = &n->addrs[i];

		if (a->used && a->iface == iface && hm_addr_eq(&a->addr, addr))
			return a;
		if (!a->used && !slot)
			slot = a;
	}
	assert(slot);
	*slot = (struct sim_addr){ .used = true, .iface = iface, .addr = *addr };
	return slot;
}

void sim_add_addr(struct sim_node *n, unsigned iface, const char *address)
{
	struct hm_addr a;

	if (inet_pton(AF_INET6, address, a.b) != 1)
		abort();
	put_addr(n, iface, &a)->usable = true;
}

static void tell_link(struct sim *sim, struct sim_node *n, unsigned iface)
{
	const struct sim_if *i = &n->ifs[iface];
	struct hm_event ev = { .kind = HM_EV_LINK };

	ev.link.ifindex = iface + 1;
	snprintf(ev.link.name, sizeof ev.link.name, "%s", i->name);
	ev.link.present = true;
	ev.link.up = i->link != SIM_NOWHERE;
	ev.link.mtu = 1500;
	ev.link.lladdr = i->lladdr;
	ev.link.link_local = i->link_local;
	sim_event(sim, n, &ev);
}

void sim_start(struct sim *sim, struct sim_node *n)
{
	size_t size;

	n->alive = true;
	n->generation++;
	if (!n->role)
		return;
	size = n->role->size(&n->config);
	n->state = calloc(1, size);
	if (!n->state)
		abort();
	n->role->init(n->state, &n->config, hm_rand_next(&sim->rand));
	if (n->second) {
		n->second_state = calloc(1, n->second->size(&n->config));
		if (!n->second_state)
			abort();
		n->second->init(n->second_state, &n->config, hm_rand_next(&sim->rand));
	}
	for (unsigned i = 0; i < SIM_RECORDS_MAX; i++)
		if (n->records[i].used)
			sim_event(sim, n,
			          &(struct hm_event){ .kind = HM_EV_RESTORE,
			                              .restore = n->records[i].record });
	for (unsigned i = 0; i < n->n_ifs; i++)
		tell_link(sim, n, i);
	for (unsigned i = 0; i < SIM_ADDRS_MAX; i++)
		if (n->addrs[i].used && n->addrs[i].usable)
			sim_event(sim, n,
			          &(struct hm_event){ .kind = HM_EV_ADDRESS,
			                              .address = { n->addrs[i].iface + 1,
			                                           n->addrs[i].addr,
			                                           HM_ADDRESS_USABLE } });
	sim_event(sim, n, &(struct hm_event){ .kind = HM_EV_START });
}

void sim_crash(struct sim *sim, struct sim_node *n, bool keep_store)
{
	(void)sim;
	free(n->state);
	n->state = NULL;
	free(n->second_state);
	n->second_state = NULL;
	n->alive = false;
	n->generation++;
	n->n_forwards = 0;
	if (keep_store)
		return;
	memset(n->records, 0, sizeof n->records);
	n->n_acked = 0;
}

void sim_attach(struct sim *sim, struct sim_node *n, unsigned iface, int link)
{
	if (n->ifs[iface].link != SIM_NOWHERE) {
		n->ifs[iface].link = SIM_NOWHERE;
		if (n->alive && n->role)
			tell_link(sim, n, iface);
	}
	n->ifs[iface].link = link;
	if (link != SIM_NOWHERE && n->alive && n->role)
		tell_link(sim, n, iface);
}

/* --- one event ------------------------------------------------------------------------------ */

static void trace_line(const struct sim *sim, const struct sim_node *n, char mark, const char *text)
{
	if (sim->trace)
		fprintf(stderr, "%8lld %-6s %c %s\n", (long long)sim->now, n->name, mark, text);
}

static void trace_step(const struct sim *sim, const struct sim_node *n, const struct hm_event *ev,
                       const struct hm_fx *fx)
{
	char line[1024];
	struct hm_text t = hm_text(line, sizeof line);

	if (!sim->trace)
		return;
	hm_event_show(&t, ev);
	trace_line(sim, n, '>', line);
	for (unsigned i = 0; i < fx->n; i++) {
		t = hm_text(line, sizeof line);
		hm_effect_show(&t, &fx->e[i]);
		trace_line(sim, n, '<', line);
	}
}

void sim_event_of(struct sim *sim, struct sim_node *n, bool second, struct hm_event *ev)
{
	/* Not on the stack: sim_event() may nest through sim_run_effects() never, but frames of
	 * sanitizer builds are large. */
	static struct hm_fx fx;

	ev->now_ms = sim->now;
	ev->wall_ms = 1785542400000 + sim->now;
	fx.n = 0;
	fx.counters = &n->counters;
	if (second)
		n->second->step(n->second_state, ev, &fx);
	else
		n->role->step(n->state, ev, &fx);
	sim->steps++;
	if (n->counters.n[HM_COUNT_EFFECTS_LOST])
		sim_fail(sim, "%s lost an effect", n->name);
	trace_step(sim, n, ev, &fx);
	sim_run_effects(sim, n, second, &fx);
}

void sim_event(struct sim *sim, struct sim_node *n, struct hm_event *ev)
{
	sim_event_of(sim, n, false, ev);
	if (n->second)
		sim_event_of(sim, n, true, ev);
}

static void run_item(struct sim *sim, struct sim_item *item)
{
	struct sim_node *n = &sim->nodes[item->node];
	/* A packet on its way to no node in particular has SIM_NODES_MAX here. */
	bool current = item->node < SIM_NODES_MAX && n->alive && n->generation == item->generation;
	struct hm_event ev = { .kind = HM_EV_TICK };

	switch (item->kind) {
	case SIM_PACKET:
		sim_deliver(sim, item);
		free(item->packet.octets);
		return;
	case SIM_DURABLE:
		if (current)
			sim_remember(n, &item->durable.record, item->durable.deleted);
		return;
	case SIM_BIND_DONE:
		if (!current)
			return;
		if (item->done.has_row && item->done.err == HM_OK)
			sim_remember(n,
			             &(struct hm_record){ .kind = HM_RECORD_BINDING,
			                                  .binding = item->done.row },
			             false);
		if (item->done.ticket == 0)
			return;
		ev.kind = HM_EV_BIND_DONE;
		ev.done.ticket = item->done.ticket;
		ev.done.err = item->done.err;
		break;
	case SIM_SEND_FAILED:
		ev.kind = HM_EV_SEND_FAILED;
		ev.done.ticket = item->done.ticket;
		ev.done.err = HM_EUNREACH;
		break;
	case SIM_ADDRESS:
		if (!current)
			return;
		for (unsigned i = 0; i < SIM_ADDRS_MAX; i++)
			if (n->addrs[i].used && n->addrs[i].iface == item->address.iface &&
			    hm_addr_eq(&n->addrs[i].addr, &item->address.addr)) {
				n->addrs[i].usable = true;
				ev.kind = HM_EV_ADDRESS;
				ev.address.ifindex = item->address.iface + 1;
				ev.address.addr = item->address.addr;
				ev.address.state = HM_ADDRESS_USABLE;
			}
		if (ev.kind != HM_EV_ADDRESS)
			return;
		break;
	}
	if (current && (item->kind == SIM_BIND_DONE || item->kind == SIM_SEND_FAILED))
		sim_event_of(sim, n, item->second, &ev);
	else if (current)
		sim_event(sim, n, &ev);
}

static hm_ms deadline_of(const struct sim_node *n)
{
	hm_ms at = n->alive && n->role ? n->role->deadline(n->state) : HM_NEVER;

	return n->alive && n->second ? hm_sooner(at, n->second->deadline(n->second_state)) : at;
}

static void tick_node(struct sim *sim, struct sim_node *n)
{
	for (unsigned i = 0; deadline_of(n) <= sim->now; i++) {
		if (i == TICKS_AT_ONCE_MAX)
			sim_fail(sim, "%s leaves its deadline in the past", n->name);
		sim_event(sim, n, &(struct hm_event){ .kind = HM_EV_TICK });
	}
}

void sim_stop(struct sim *sim, struct sim_node *n)
{
	if (!n->alive)
		return;
	if (n->role)
		sim_event(sim, n, &(struct hm_event){ .kind = HM_EV_STOP });
	tick_node(sim, n);
	for (unsigned i = 0; i < n->n_forwards; i++)
		if (n->forwards[i].kind == HM_FORWARD_HOME || n->forwards[i].kind == HM_FORWARD_OWN)
			sim_fail(sim, "%s stops and leaves a path", n->name);
	sim_crash(sim, n, true);
}

void sim_run_until(struct sim *sim, hm_ms at)
{
	for (;;) {
		hm_ms next = sim->n_items ? sim->items[0].at : HM_NEVER;
		struct sim_node *due = NULL;

		for (unsigned i = 0; i < sim->n_nodes; i++) {
			hm_ms deadline = deadline_of(&sim->nodes[i]);

			if (deadline < next) {
				next = deadline;
				due = &sim->nodes[i];
			}
		}
		if (next > at)
			break;
		if (next > sim->now)
			sim->now = next;
		if (due) {
			tick_node(sim, due);
		} else {
			struct sim_item item = pop(sim);

			run_item(sim, &item);
		}
	}
	if (at > sim->now)
		sim->now = at;
}

hm_ms sim_effect_delay(struct sim *sim)
{
	return hm_rand_between(&sim->rand, sim->faults.effect_min, sim->faults.effect_max);
}
