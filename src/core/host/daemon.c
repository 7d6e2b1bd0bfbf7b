/* What is opened at the start, in which order, and closed at the end. */
#include "host/daemon.h"

#include "host/guard.h"
#include "host/notify.h"

#include <linux/capability.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>

#define SWEEP_AFTER (10 * HM_SECOND)

bool hm_has_capability(int capability)
{
	char line[128];
	unsigned long long effective = 0;
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	(void)fclose(f);
	return effective >> capability & 1;
}

static int refuse(int err, const char *what, const char *why)
{
	hm_log(HM_LOG_ERROR, "%s failed reason=\"%s\"", what, why[0] ? why : hm_err_text(err));
	return hm_exit_of(err);
}

static int check_privileges(void)
{
	if (!hm_has_capability(CAP_NET_ADMIN))
		return refuse(HM_EPERM, "start", "capability CAP_NET_ADMIN is missing");
	if (!hm_has_capability(CAP_NET_RAW))
		return refuse(HM_EPERM, "start", "capability CAP_NET_RAW is missing");
	return HM_EXIT_OK;
}

static int open_pump(struct hm_daemon *d, const struct hm_role *const *roles, unsigned n_roles)
{
	struct hm_pump_options options = { .roles = roles,
		                           .n_roles = n_roles,
		                           .config = &d->settings->config,
		                           .now = hm_daemon_now,
		                           .effect = hm_daemon_effect,
		                           .trace = hm_daemon_trace,
		                           .arg = d };

	randombytes_buf(&options.seed, sizeof options.seed);
	d->pump = hm_pump_create(&options);
	return d->pump ? HM_EXIT_OK : refuse(HM_ENOMEM, "start", "");
}

static int store_put(void *arg, const struct hm_record *record, uint64_t cookie)
{
	const struct hm_daemon *d = arg;

	return hm_store_put(d->store, record, cookie);
}

static int store_del(void *arg, const struct hm_record *record, uint64_t cookie)
{
	const struct hm_daemon *d = arg;

	return hm_store_del(d->store, record, cookie);
}

static int open_dataplane(struct hm_daemon *d)
{
	const struct hm_dataplane_options options = {
		.tunnel = d->tunnel.plugin ? d->tunnel.plugin->tunnel : NULL,
		.self = d->tunnel.self,
		.store_put = store_put,
		.store_del = store_del,
		.done = hm_daemon_on_bound,
		.arg = d,
	};

	d->dataplane = hm_dataplane_create(&options);
	return d->dataplane ? HM_EXIT_OK : refuse(HM_ENOMEM, "start", "");
}

static void tell_sqlite(void)
{
	if (!hm_store_sqlite_is_safe(sqlite3_libversion_number()))
		hm_log(HM_LOG_INFO,
		       "open store sqlite=%s notice=\"a second program that writes to the database "
		       "could damage it (WAL reset, mended in 3.51.3): read it with sqlite3 "
		       "-readonly\"",
		       sqlite3_libversion());
}

static int open_store(struct hm_daemon *d)
{
	const struct hm_store_options options = { .state_dir = d->settings->state_dir,
		                                  .loop = &d->loop,
		                                  .done = hm_daemon_on_stored,
		                                  .arg = d };
	char why[HM_WHY_MAX] = "";
	int err = hm_store_open(&options, &d->store, why, sizeof why);

	if (!err) {
		tell_sqlite();
		return HM_EXIT_OK;
	}
	(void)refuse(err, "open store", why);
	return err == HM_ECONFIG ? HM_EXIT_CONFIG : HM_EXIT_STORE;
}

static int open_sockets(struct hm_daemon *d)
{
	const struct hm_kernel_options kernel = { .loop = &d->loop,
		                                  .link = hm_daemon_on_link,
		                                  .address = hm_daemon_on_address,
		                                  .addresses = hm_daemon_on_addresses,
		                                  .arg = d };
	const struct hm_rx_options rx = { .loop = &d->loop,
		                          .numbers = &d->numbers,
		                          .counters = hm_pump_counters(d->pump),
		                          .is_local = hm_daemon_is_local,
		                          .packet = hm_daemon_on_packet,
		                          .arg = d };
	char why[HM_WHY_MAX] = "";
	int err = hm_kernel_open(&kernel, &d->kernel, why, sizeof why);

	err = err ? err : hm_tx_open(&d->tx, why, sizeof why);
	err = err ? err : hm_rx_open(&rx, &d->rx, why, sizeof why);
	return err ? refuse(err, "open sockets", why) : HM_EXIT_OK;
}

static int raise_guard(struct hm_daemon *d)
{
	char why[HM_WHY_MAX] = "";
	int err = hm_guard_up(&d->guard, why, sizeof why);

	if (err)
		return refuse(HM_EMISSING, "set packet guard", why);
	hm_log(HM_LOG_INFO, "set packet guard=%s", d->guard->name);
	return HM_EXIT_OK;
}

static int set_globals(struct hm_daemon *d)
{
	int err = hm_sysctls_global(&d->sysctls, &d->settings->config);

	return err ? refuse(err, "set net.ipv6.conf.all.forwarding", "") : HM_EXIT_OK;
}

static int open_control(struct hm_daemon *d)
{
	char why[HM_WHY_MAX] = "";
	int err;

	hm_daemon_source(d, &d->source);
	err = hm_control_open(&d->loop, d->settings->control_socket, &d->source, &d->control, why,
	                      sizeof why);
	return err ? refuse(err, "open control socket", why) : HM_EXIT_OK;
}

void hm_daemon_tell_keys(struct hm_daemon *d)
{
	const struct hm_settings *s = d->settings;
	struct hm_key_row *rows = calloc(s->n_keys + 1, sizeof *rows);
	int err = rows ? HM_OK : HM_ENOMEM;

	for (size_t i = 0; rows && i < s->n_keys; i++) {
		const struct hm_key_setting *k = &s->keys[i];

		rows[i] = (struct hm_key_row){ .spi = k->spi,
			                       .use = k->use,
			                       .has_peer = k->has_peer,
			                       .has_home = k->has_home,
			                       .peer = k->peer,
			                       .home = k->home,
			                       .not_before_s = k->not_before_s,
			                       .not_after_s = k->not_after_s,
			                       .origin = "config" };
	}
	err = err ? err : hm_store_set_config_keys(d->store, rows, s->n_keys);
	if (err)
		hm_log(HM_LOG_WARNING, "store keys failed reason=\"%s\"", hm_err_text(err));
	free(rows);
}

static void restore(void *arg, const struct hm_record *record)
{
	const struct hm_daemon *d = arg;
	const struct hm_event event = { .kind = HM_EV_RESTORE, .restore = *record };

	hm_pump_post(d->pump, HM_PUMP_ALL, &event);
}

/* Links of others may come later; the roles' own are worth a line. */
static void tell_missing(const struct hm_daemon *d, const char *name)
{
	if (name[0] != '\0' && hm_kernel_ifindex(d->kernel, name) == 0)
		hm_log(HM_LOG_WARNING, "wait interface=%s", name);
}

static void tell_missing_links(const struct hm_daemon *d)
{
	const struct hm_config *c = &d->settings->config;

	if (c->common.roles[HM_ROLE_MS])
		tell_missing(d, c->ms.interface);
	if (c->common.roles[HM_ROLE_HA])
		tell_missing(d, c->ha.interface);
	for (unsigned i = 0; c->common.roles[HM_ROLE_MH] && i < c->mh.interfaces.n; i++)
		tell_missing(d, c->mh.interfaces.name[i]);
	for (unsigned i = 0; c->common.roles[HM_ROLE_RA] && i < c->ra.interfaces.n; i++)
		tell_missing(d, c->ra.interfaces.name[i]);
}

/* From here on the roles live: what was, what is there, go. */
static int start_roles(struct hm_daemon *d)
{
	const struct hm_event start = { .kind = HM_EV_START };
	int err = hm_store_load(d->store, restore, d);

	if (err) {
		(void)refuse(err, "load store", "");
		return HM_EXIT_STORE;
	}
	err = hm_kernel_start(d->kernel);
	if (err)
		return refuse(err, "read links and addresses", "");
	hm_daemon_tell_keys(d);
	d->serving = true;
	hm_daemon_prepare_links(d);
	tell_missing_links(d);
	hm_pump_post(d->pump, HM_PUMP_ALL, &start);
	d->sweep_ms = hm_after(hm_services_now_ms(), SWEEP_AFTER);
	return HM_EXIT_OK;
}

static int open_all(struct hm_daemon *d, const struct hm_role *const *roles, unsigned n_roles)
{
	int status = check_privileges();

	status = status ? status : open_pump(d, roles, n_roles);
	status = status ? status : open_store(d);
	status = status ? status : open_sockets(d);
	if (status)
		return status;
	hm_sysctls_init(&d->sysctls, "/proc/sys", d->settings->state_dir);
	status = raise_guard(d);
	status = status ? status : set_globals(d);
	status = status ? status : hm_daemon_open_auth(d);
	status = status ? status : hm_daemon_open_tunnel(d);
	status = status ? status : open_dataplane(d);
	status = status ? status : start_roles(d);
	return status ? status : open_control(d);
}

int hm_daemon_open(struct hm_daemon *d, const struct hm_role *const *roles, unsigned n_roles)
{
	int status;

	d->tx.fd = -1;
	d->started_ms = hm_services_now_ms();
	d->numbers = d->settings->config.wire;
	if (sodium_init() < 0)
		return refuse(HM_EIO, "start", "");
	status = open_all(d, roles, n_roles);
	if (!status) {
		hm_log(HM_LOG_INFO, "serve roles=%u", n_roles);
		(void)hm_notify("READY=1");
	}
	return status;
}

static void close_tunnel(struct hm_daemon *d)
{
	const struct hm_tunnel_ops *ops = d->tunnel.plugin ? d->tunnel.plugin->tunnel : NULL;

	if (ops && HM_PLUGIN_HAS(ops, stop))
		ops->stop(d->tunnel.self, d->keep);
	hm_plugin_unload(&d->tunnel);
	hm_services_destroy(d->tunnel_services);
}

/* A start that failed gives back what it changed, too. */
static void give_back(struct hm_daemon *d)
{
	if (d->keep)
		return;
	if (d->kernel)
		hm_kernel_undo(d->kernel);
	hm_sysctls_restore(&d->sysctls);
	if (d->guard && d->guard->down())
		hm_log(HM_LOG_WARNING, "remove packet guard failed");
}

static void destroy_settings(struct hm_daemon *d)
{
	for (unsigned i = 0; i < d->n_retired; i++)
		hm_settings_destroy(d->retired[i]);
	hm_settings_destroy(d->settings);
}

void hm_daemon_close(struct hm_daemon *d)
{
	hm_control_close(d->control);
	d->control = NULL;
	d->stopping = true;
	/* Its last answers still reach the roles, which may still send. */
	hm_store_close(d->store);
	d->store = NULL;
	hm_authq_destroy(d->authq);
	d->authq = NULL;
	hm_outq_destroy(d->outq);
	d->outq = NULL;
	hm_rx_close(d->rx);
	d->rx = NULL;
	close_tunnel(d);
	hm_plugin_unload(&d->auth);
	hm_services_destroy(d->auth_services);
	give_back(d);
	hm_tx_close(&d->tx);
	hm_kernel_close(d->kernel);
	hm_dataplane_destroy(d->dataplane);
	d->dataplane = NULL;
	/* Runs until every handle is closed. */
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&d->loop);
	hm_pump_destroy(d->pump);
	destroy_settings(d);
}
