/* The pump with two tiny roles. */
#include "host/pump.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Sends one packet per tick until `left` is used up, and counts the failures it hears of. */
struct fake {
	unsigned left, failures, events;
};

static size_t fake_size(const struct hm_config *config)
{
	return sizeof(struct fake) + config->ms.max_bindings;
}

static void fake_init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct fake *f = state;

	(void)config;
	(void)seed;
	f->left = 3;
}

static void fake_step(void *state, const struct hm_event *event, struct hm_fx *fx)
{
	struct fake *f = state;

	f->events++;
	if (event->kind == HM_EV_SEND_FAILED)
		f->failures++;
	if (event->kind != HM_EV_TICK || f->left == 0)
		return;
	f->left--;
	hm_fx_add(fx, HM_FX_SEND)->send.ticket = 1;
	hm_fx_add(fx, HM_FX_SEND)->send.ticket = 2;
}

static hm_ms fake_deadline(const void *state)
{
	const struct fake *f = state;

	return f->left > 0 ? 100 : HM_NEVER;
}

static const struct hm_role fake_role = { .id = HM_ROLE_MS,
	                                  .name = "ms",
	                                  .size = fake_size,
	                                  .init = fake_init,
	                                  .step = fake_step,
	                                  .deadline = fake_deadline };

struct world {
	struct hm_pump *pump;
	struct hm_config config;
	hm_ms now_ms;
	char story[256];
};

static void now(void *arg, hm_ms *ret_now_ms, int64_t *ret_wall_ms)
{
	const struct world *w = arg;

	*ret_now_ms = w->now_ms;
	*ret_wall_ms = 0;
}

static void tell(struct world *w, const char *what, unsigned role, unsigned number)
{
	size_t n = strlen(w->story);

	(void)snprintf(w->story + n, sizeof w->story - n, "%s%u/%u ", what, role, number);
}

/* Every send fails at once, while the step's other effects still wait. */
static void effect(void *arg, unsigned role, const struct hm_effect *e)
{
	struct world *w = arg;
	struct hm_event failed = { .kind = HM_EV_SEND_FAILED };

	tell(w, "send", role, (unsigned)e->send.ticket);
	failed.done.ticket = e->send.ticket;
	hm_pump_post(w->pump, role, &failed);
}

static void trace(void *arg, unsigned role, const struct hm_event *event)
{
	tell(arg, "ev", role, (unsigned)event->kind);
}

static void open_world(struct world *w, unsigned n_roles)
{
	static const struct hm_role *const roles[] = { &fake_role, &fake_role };
	const struct hm_pump_options options = { .roles = roles,
		                                 .n_roles = n_roles,
		                                 .config = &w->config,
		                                 .now = now,
		                                 .effect = effect,
		                                 .trace = trace,
		                                 .arg = w };

	memset(w, 0, sizeof *w);
	w->pump = hm_pump_create(&options);
	cr_assert(w->pump);
}

static const struct fake *fake_of(const struct world *w, unsigned i)
{
	return hm_pump_role(w->pump, i)->state;
}

Test(pump, completions_wait_until_the_effects_of_the_step_are_done)
{
	struct world w;

	open_world(&w, 1);
	w.now_ms = 100;
	(void)hm_pump_tick(w.pump, 1);
	/* ev 8: tick; ev 6: send failed */
	cr_expect_str_eq(w.story, "ev0/8 send0/1 send0/2 ev0/6 ev0/6 ");
	cr_expect_eq(fake_of(&w, 0)->failures, 2);
	hm_pump_destroy(w.pump);
}

Test(pump, an_event_goes_to_every_role_and_a_completion_to_one)
{
	const struct hm_event start = { .kind = HM_EV_START }, tick = { .kind = HM_EV_TICK };
	struct world w;

	open_world(&w, 2);
	hm_pump_post(w.pump, HM_PUMP_ALL, &start);
	hm_pump_post(w.pump, 1, &tick);
	cr_expect_eq(fake_of(&w, 0)->events, 1);
	cr_expect_eq(fake_of(&w, 1)->events, 4);
	hm_pump_destroy(w.pump);
}

Test(pump, ticks_come_no_sooner_than_the_deadline_and_are_bounded)
{
	struct world w;

	open_world(&w, 2);
	w.now_ms = 99;
	cr_expect_not(hm_pump_tick(w.pump, 64));
	cr_expect_eq(fake_of(&w, 0)->left, 3);
	w.now_ms = 100;
	cr_expect(hm_pump_tick(w.pump, 2));
	cr_expect_eq(fake_of(&w, 0)->left, 1);
	cr_expect_not(hm_pump_tick(w.pump, 64));
	cr_expect_eq(fake_of(&w, 1)->left, 0);
	cr_expect_eq(hm_pump_deadline(w.pump), HM_NEVER);
	hm_pump_destroy(w.pump);
}

Test(pump, a_role_that_cannot_reload_keeps_its_configuration)
{
	struct world w;
	struct hm_config other = { .ms = { .max_bindings = 7 } };

	open_world(&w, 1);
	cr_expect_not(hm_pump_reload(w.pump, &other));
	hm_pump_destroy(w.pump);
}
