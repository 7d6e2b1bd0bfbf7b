/* The loop: one timer for everything that waits, the signals, and the reload. */
#include "host/daemon.h"

#include "host/notify.h"
#include "roles/role.h"

#include <signal.h>
#include <stdlib.h>

#define TICKS_PER_TURN 64
#define TICKS_TO_STOP 4096 /* a role with much to withdraw does so tick by tick */

static void sweep(struct hm_daemon *d, hm_ms now_ms)
{
	const struct hm_tunnel_ops *ops = d->tunnel.plugin ? d->tunnel.plugin->tunnel : NULL;

	/* Restored bindings come back tick by tick; those are due now or soon. */
	if (now_ms < d->sweep_ms || hm_dataplane_pending(d->dataplane) > 0)
		return;
	d->sweep_ms = HM_NEVER;
	hm_kernel_sweep(d->kernel);
	if (ops && HM_PLUGIN_HAS(ops, sweep))
		ops->sweep(d->tunnel.self);
}

static void on_timer(uv_timer_t *timer)
{
	struct hm_daemon *d = timer->data;
	hm_ms now_ms = hm_services_now_ms();

	hm_authq_expire(d->authq, now_ms);
	hm_outq_retry(d->outq, now_ms);
	hm_dataplane_tick(d->dataplane, now_ms);
	if (!hm_pump_tick(d->pump, TICKS_PER_TURN))
		sweep(d, now_ms);
}

static hm_ms soonest(const struct hm_daemon *d)
{
	hm_ms at = hm_sooner(hm_pump_deadline(d->pump), hm_dataplane_deadline(d->dataplane));

	at = hm_sooner(at, hm_authq_deadline(d->authq));
	at = hm_sooner(at, hm_outq_deadline(d->outq));
	return hm_sooner(at, d->sweep_ms);
}

/* Once per turn, before the loop sleeps: commit what this turn stored, and set the alarm. */
static void on_before_poll(uv_prepare_t *prepare)
{
	struct hm_daemon *d = prepare->data;
	hm_ms at = soonest(d), now_ms = hm_services_now_ms();

	hm_store_flush(d->store);
	if (at == HM_NEVER) {
		(void)uv_timer_stop(&d->timer);
		return;
	}
	uv_update_time(&d->loop);
	(void)uv_timer_start(&d->timer, on_timer, at > now_ms ? (uint64_t)(at - now_ms) : 0, 0);
}

static bool same_text(const char *key, const char *was, const char *is)
{
	if (!strcmp(was, is))
		return true;
	hm_log(HM_LOG_WARNING, "keep %s=%s reason=\"%s needs a restart\"", key, was, is);
	return false;
}

#define KEEP_TEXT(fresh, old, member)                                                              \
	do {                                                                                       \
		if (!same_text(#member, (old)->member, (fresh)->member))                           \
			memcpy((fresh)->member, (old)->member, sizeof(fresh)->member);             \
	} while (0)

#define KEEP_VALUE(fresh, old, member)                                                             \
	do {                                                                                       \
		if (memcmp(&(fresh)->member, &(old)->member, sizeof(fresh)->member)) {             \
			hm_log(HM_LOG_WARNING, "keep %s reason=\"needs a restart\"", #member);     \
			memcpy(&(fresh)->member, &(old)->member, sizeof(fresh)->member);           \
		}                                                                                  \
	} while (0)

/* What was opened with the old value keeps it. */
static void keep_what_is_open(struct hm_settings *fresh, const struct hm_settings *old)
{
	KEEP_TEXT(fresh, old, state_dir);
	KEEP_TEXT(fresh, old, control_socket);
	KEEP_TEXT(fresh, old, plugin_dir);
	KEEP_TEXT(fresh, old, tunnel);
	KEEP_TEXT(fresh, old, auth);
	KEEP_TEXT(fresh, old, config.ms.interface);
	KEEP_TEXT(fresh, old, config.ha.interface);
	KEEP_VALUE(fresh, old, config.common.roles);
	KEEP_VALUE(fresh, old, config.common.auth_none);
	KEEP_VALUE(fresh, old, config.ms.address);
	KEEP_VALUE(fresh, old, config.ms.plen);
	KEEP_VALUE(fresh, old, config.ms.max_bindings);
	KEEP_VALUE(fresh, old, config.ha.address);
	KEEP_VALUE(fresh, old, config.ha.plen);
	KEEP_VALUE(fresh, old, config.ha.max_bindings);
	KEEP_VALUE(fresh, old, config.ch.max_bindings);
	KEEP_VALUE(fresh, old, config.mh.home);
	KEEP_VALUE(fresh, old, config.mh.home_plen);
	KEEP_VALUE(fresh, old, config.wire.accept_rh0);
}

static void reload(struct hm_daemon *d)
{
	struct hm_settings *fresh, *old = d->settings;
	char why[HM_WHY_MAX] = "";

	if (d->n_retired >= HM_RETIRED_MAX) {
		hm_log(HM_LOG_ERROR, "reload refused reason=\"too many: restart\"");
		return;
	}
	fresh = d->reload ? d->reload(d->reload_arg) : NULL;
	if (!fresh) {
		hm_log(HM_LOG_ERROR, "reload refused reason=\"the configuration is invalid\"");
		return;
	}
	keep_what_is_open(fresh, old);
	if (hm_authq_set_keys(d->authq, fresh, why, sizeof why)) {
		hm_log(HM_LOG_ERROR, "reload refused reason=\"%s\"", why);
		hm_settings_destroy(fresh);
		return;
	}
	d->settings = fresh;
	d->numbers = fresh->config.wire;
	if (hm_pump_reload(d->pump, &fresh->config))
		hm_settings_destroy(old);
	else
		d->retired[d->n_retired++] = old;
	hm_daemon_tell_keys(d);
	hm_daemon_prepare_links(d);
	hm_log(HM_LOG_INFO, "reload result=\"ok\"");
}

static void on_signal(uv_signal_t *handle, int number)
{
	const struct hm_event stop = { .kind = HM_EV_STOP };
	struct hm_daemon *d = handle->data;

	if (number == SIGHUP) {
		reload(d);
		return;
	}
	hm_log(HM_LOG_INFO, "stop signal=%d", number);
	(void)hm_notify("STOPPING=1");
	d->keep = number == SIGUSR1;
	if (!d->keep) {
		hm_pump_post(d->pump, HM_PUMP_ALL, &stop);
		(void)hm_pump_tick(d->pump, TICKS_TO_STOP);
	}
	uv_stop(&d->loop);
}

static void open_handles(struct hm_daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

	(void)uv_timer_init(&d->loop, &d->timer);
	(void)uv_prepare_init(&d->loop, &d->before_poll);
	d->timer.data = d->before_poll.data = d;
	(void)uv_prepare_start(&d->before_poll, on_before_poll);
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		(void)uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		(void)uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
}

static void close_handles(struct hm_daemon *d)
{
	uv_close((uv_handle_t *)&d->timer, NULL);
	uv_close((uv_handle_t *)&d->before_poll, NULL);
	for (unsigned i = 0; i < sizeof d->signals / sizeof d->signals[0]; i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
}

int hm_run_roles(struct hm_settings *settings, const struct hm_role *const *roles, unsigned n_roles,
                 struct hm_settings *(*reload_cb)(void *arg), void *arg)
{
	struct hm_daemon *d = calloc(1, sizeof *d);
	int status;

	if (!d || uv_loop_init(&d->loop)) {
		hm_log(HM_LOG_ERROR, "start failed reason=\"out of memory\"");
		hm_settings_destroy(settings);
		free(d);
		return HM_EXIT_OTHER;
	}
	d->settings = settings;
	d->reload = reload_cb;
	d->reload_arg = arg;
	open_handles(d); /* a signal during the start is kept for the loop */
	status = hm_daemon_open(d, roles, n_roles);
	if (!status)
		(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	close_handles(d);
	hm_daemon_close(d);
	free(d);
	return status;
}

int hm_run(struct hm_settings *settings, struct hm_settings *(*reload_cb)(void *arg), void *arg)
{
	const struct hm_role *roles[HM_ROLES];
	unsigned n = 0;

	for (int id = 0; id < HM_ROLES; id++)
		if (settings->config.common.roles[id])
			roles[n++] = hm_role_by_id((enum hm_role_id)id);
	return hm_run_roles(settings, roles, n, reload_cb, arg);
}
