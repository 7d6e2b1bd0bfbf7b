#include "host/pump.h"

#include "host/log.h"

#include <assert.h>
#include <stdlib.h>

struct queued {
	unsigned role;
	struct hm_event event;
};

struct hm_pump {
	struct hm_pump_options options;
	unsigned n;
	struct hm_pump_role roles[HM_ROLES];
	struct hm_counters counters;
	bool stepping;
	struct hm_event at_hand; /* a stable copy: `post` may be called with a queued one */
	struct hm_fx fx;
	struct queued *queue; /* a ring */
	unsigned first, waiting, cap;
};

static bool init_role(struct hm_pump *p, unsigned i)
{
	const struct hm_role *role = p->options.roles[i];
	size_t size = role->size(p->options.config);
	void *state = calloc(1, size > 0 ? size : 1);

	if (!state)
		return false;
	p->roles[i] = (struct hm_pump_role){ .role = role, .state = state, .size = size };
	role->init(state, p->options.config, p->options.seed + i);
	p->n++;
	return true;
}

struct hm_pump *hm_pump_create(const struct hm_pump_options *options)
{
	struct hm_pump *p = calloc(1, sizeof *p);

	assert(options->n_roles <= HM_ROLES);
	if (!p)
		return NULL;
	p->options = *options;
	for (unsigned i = 0; i < options->n_roles; i++) {
		if (!init_role(p, i)) {
			hm_pump_destroy(p);
			return NULL;
		}
	}
	return p;
}

void hm_pump_destroy(struct hm_pump *pump)
{
	if (!pump)
		return;
	for (unsigned i = 0; i < pump->n; i++)
		free(pump->roles[i].state);
	free(pump->queue);
	free(pump);
}

unsigned hm_pump_n_roles(const struct hm_pump *pump)
{
	return pump->n;
}

const struct hm_pump_role *hm_pump_role(const struct hm_pump *pump, unsigned i)
{
	return &pump->roles[i];
}

struct hm_counters *hm_pump_counters(struct hm_pump *pump)
{
	return &pump->counters;
}

/* Doubles the ring and lays what waits out from its start. */
static bool grow(struct hm_pump *p)
{
	unsigned cap = p->cap ? 2 * p->cap : 16;
	struct queued *queue;

	if (cap > HM_PUMP_QUEUE_MAX)
		return false;
	queue = calloc(cap, sizeof *queue);
	if (!queue)
		return false;
	for (unsigned i = 0; i < p->waiting; i++)
		queue[i] = p->queue[(p->first + i) % p->cap];
	free(p->queue);
	p->queue = queue;
	p->cap = cap;
	p->first = 0;
	return true;
}

static void enqueue(struct hm_pump *p, unsigned role, const struct hm_event *event)
{
	if (p->waiting == p->cap && !grow(p)) {
		hm_log(HM_LOG_ERROR, "lost event kind=%d reason=\"queue full\"", (int)event->kind);
		p->counters.n[HM_COUNT_EFFECTS_LOST]++;
		return;
	}
	p->queue[(p->first + p->waiting++) % p->cap] =
	        (struct queued){ .role = role, .event = *event };
}

static void step(struct hm_pump *p, unsigned i, struct hm_event *event)
{
	const struct hm_pump_role *r = &p->roles[i];

	p->options.now(p->options.arg, &event->now_ms, &event->wall_ms);
	if (p->options.trace)
		p->options.trace(p->options.arg, i, event);
	p->fx.n = 0;
	p->fx.counters = &p->counters;
	r->role->step(r->state, event, &p->fx);
	for (unsigned k = 0; k < p->fx.n; k++)
		p->options.effect(p->options.arg, i, &p->fx.e[k]);
}

static void deliver(struct hm_pump *p, unsigned role, struct hm_event *event)
{
	for (unsigned i = 0; i < p->n; i++)
		if (role == HM_PUMP_ALL || role == i)
			step(p, i, event);
}

static void drain(struct hm_pump *p)
{
	while (p->waiting > 0) {
		struct queued *q = &p->queue[p->first];
		unsigned role = q->role;

		p->at_hand = q->event;
		p->first = (p->first + 1) % p->cap;
		p->waiting--;
		deliver(p, role, &p->at_hand);
	}
}

void hm_pump_post(struct hm_pump *pump, unsigned role, const struct hm_event *event)
{
	if (pump->stepping) {
		enqueue(pump, role, event);
		return;
	}
	pump->stepping = true;
	pump->at_hand = *event;
	deliver(pump, role, &pump->at_hand);
	drain(pump);
	pump->stepping = false;
}

bool hm_pump_tick(struct hm_pump *pump, unsigned max)
{
	bool due = true;

	for (unsigned done = 0; due && done < max; done++) {
		hm_ms now_ms;
		int64_t wall_ms;

		due = false;
		pump->options.now(pump->options.arg, &now_ms, &wall_ms);
		for (unsigned i = 0; i < pump->n; i++) {
			const struct hm_event tick = { .kind = HM_EV_TICK };

			if (pump->roles[i].role->deadline(pump->roles[i].state) > now_ms)
				continue;
			due = true;
			hm_pump_post(pump, i, &tick);
		}
	}
	return due;
}

hm_ms hm_pump_deadline(const struct hm_pump *pump)
{
	hm_ms soonest = HM_NEVER;

	for (unsigned i = 0; i < pump->n; i++)
		soonest = hm_sooner(soonest, pump->roles[i].role->deadline(pump->roles[i].state));
	return soonest;
}

bool hm_pump_reload(struct hm_pump *pump, const struct hm_config *config)
{
	hm_ms now_ms;
	int64_t wall_ms;
	bool all = true;

	pump->options.config = config;
	pump->options.now(pump->options.arg, &now_ms, &wall_ms);
	for (unsigned i = 0; i < pump->n; i++) {
		const struct hm_pump_role *r = &pump->roles[i];

		if (r->role->reload && r->role->size(config) == r->size) {
			r->role->reload(r->state, config, now_ms);
			continue;
		}
		hm_log(HM_LOG_WARNING, "reload role=%s refused reason=\"needs a restart\"",
		       r->role->name);
		all = false;
	}
	return all;
}
