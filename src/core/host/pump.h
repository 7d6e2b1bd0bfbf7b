/* The pump without a loop: it steps the roles with events and hands their effects on, one event at
 * a time. What happens while effects run is queued, so that events never nest. Time is an argument.
 */
#ifndef HM_HOST_PUMP_H
#define HM_HOST_PUMP_H

#include "engine/config.h"
#include "engine/step.h"

#define HM_PUMP_ALL UINT32_MAX
#define HM_PUMP_QUEUE_MAX 4096

struct hm_pump_role {
	const struct hm_role *role;
	void *state;
	size_t size;
};

struct hm_pump_options {
	const struct hm_role *const *roles;
	unsigned n_roles;
	const struct hm_config *config; /* outlives the pump, or is replaced by a reload */
	uint64_t seed;
	void (*now)(void *arg, hm_ms *ret_now_ms, int64_t *ret_wall_ms);
	void (*effect)(void *arg, unsigned role, const struct hm_effect *effect);
	/* What the debug log shows; may be NULL. */
	void (*trace)(void *arg, unsigned role, const struct hm_event *event);
	void *arg;
};

struct hm_pump;

/* NULL: out of memory. */
struct hm_pump *hm_pump_create(const struct hm_pump_options *options);
void hm_pump_destroy(struct hm_pump *pump);

unsigned hm_pump_n_roles(const struct hm_pump *pump);
const struct hm_pump_role *hm_pump_role(const struct hm_pump *pump, unsigned i);
struct hm_counters *hm_pump_counters(struct hm_pump *pump);

/* Delivers an event to one role or to all, now or when the step under way is done; now_ms and
 * wall_ms are filled in. Spans in it are borrowed: post such an event only from outside a step. */
void hm_pump_post(struct hm_pump *pump, unsigned role, const struct hm_event *event);

/* Ticks the roles whose deadline has come, at most `max` times in all; false: nothing is due. */
bool hm_pump_tick(struct hm_pump *pump, unsigned max);
hm_ms hm_pump_deadline(const struct hm_pump *pump);

/* Gives every role a new configuration. False: a role cannot take it without a restart (logged) and
 * still reads the old one, which must stay. */
bool hm_pump_reload(struct hm_pump *pump, const struct hm_config *config);

#endif
