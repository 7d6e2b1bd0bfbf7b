/* Which plugins are loaded, and why not another. */
#include "host/daemon.h"

const char *const hm_tunnel_names[] = { "bpf", "ip6tnl", "tun", NULL };

int hm_exit_of(int err)
{
	switch (err) {
	case HM_OK:
		return HM_EXIT_OK;
	case HM_ECONFIG:
		return HM_EXIT_CONFIG;
	case HM_ESTORE:
		return HM_EXIT_STORE;
	case HM_EMISSING:
	case HM_EPERM:
	case HM_EUNSUPPORTED:
	case HM_ENODEV:
	case HM_ENOTFOUND:
		return HM_EXIT_MISSING;
	default:
		return HM_EXIT_OTHER;
	}
}

bool hm_needs_tunnel(const struct hm_config *config)
{
	const bool *on = config->common.roles;

	return on[HM_ROLE_MS] || on[HM_ROLE_MH] || on[HM_ROLE_HA] || on[HM_ROLE_CH];
}

/* Opens what is loaded, or unloads it; on failure nothing is left, and `why` says why. */
static int open_loaded(struct hm_daemon *d, enum hm_plugin_kind kind, struct hm_loaded *loaded,
                       char why[HM_WHY_MAX])
{
	struct hm_services_options options = { .loop = &d->loop,
		                               .done = kind == HM_PLUGIN_TUNNEL
		                                               ? hm_daemon_on_tunnel_done
		                                               : hm_daemon_on_auth_done,
		                               .seen = hm_daemon_on_seen,
		                               .learnt = hm_daemon_on_learnt,
		                               .arg = d };
	struct hm_services *services;
	int err;

	options.name = loaded->plugin->name;
	services = hm_services_create(&options);
	if (!services) {
		hm_plugin_unload(loaded);
		return HM_ENOMEM;
	}
	err = hm_plugin_open(loaded, d->settings, hm_services_api(services), HM_TX_MARK, why,
	                     HM_WHY_MAX);
	if (err) {
		hm_plugin_unload(loaded);
		hm_services_destroy(services);
		return err;
	}
	*(kind == HM_PLUGIN_TUNNEL ? &d->tunnel_services : &d->auth_services) = services;
	hm_log(HM_LOG_INFO, "open plugin=%s version=\"%s\"", loaded->path, loaded->plugin->version);
	return HM_OK;
}

static int open_plugin(struct hm_daemon *d, enum hm_plugin_kind kind, const char *name,
                       struct hm_loaded *ret_loaded, char why[HM_WHY_MAX])
{
	int err = hm_plugin_load(d->settings->plugin_dir, kind, name, ret_loaded, why, HM_WHY_MAX);

	return err ? err : open_loaded(d, kind, ret_loaded, why);
}

/* One of several: what it lacks here is asked first, so that it does not fail half-way and log an
 * error where there is none. */
static int open_choice(struct hm_daemon *d, const char *name, char why[HM_WHY_MAX])
{
	int err = hm_plugin_load(d->settings->plugin_dir, HM_PLUGIN_TUNNEL, name, &d->tunnel, why,
	                         HM_WHY_MAX);

	if (err)
		return err;
	if (!hm_plugin_lacks(&d->tunnel, why, HM_WHY_MAX))
		return open_loaded(d, HM_PLUGIN_TUNNEL, &d->tunnel, why);
	hm_plugin_unload(&d->tunnel);
	return HM_EMISSING;
}

static int open_auto(struct hm_daemon *d)
{
	char why[HM_WHY_MAX] = "";
	int err = HM_EMISSING;

	for (unsigned i = 0; hm_tunnel_names[i]; i++) {
		err = open_choice(d, hm_tunnel_names[i], why);
		if (!err)
			return HM_EXIT_OK;
		if (err == HM_ECONFIG)
			break;
		hm_log(HM_LOG_INFO, "skip plugin=tunnel-%s reason=\"%s\"", hm_tunnel_names[i], why);
	}
	hm_log(HM_LOG_ERROR, "open tunnel failed reason=\"%s\"%s",
	       err == HM_ECONFIG ? why : "no tunnel plugin works here",
	       err == HM_ECONFIG ? "" : " fix=\"hmipd --check-system says what each lacks\"");
	return hm_exit_of(err == HM_ECONFIG ? err : HM_EMISSING);
}

int hm_daemon_open_tunnel(struct hm_daemon *d)
{
	char why[HM_WHY_MAX] = "";
	int err;

	if (!hm_needs_tunnel(&d->settings->config))
		return HM_EXIT_OK;
	if (!strcmp(d->settings->tunnel, "auto"))
		return open_auto(d);
	err = open_plugin(d, HM_PLUGIN_TUNNEL, d->settings->tunnel, &d->tunnel, why);
	if (err)
		hm_log(HM_LOG_ERROR, "open tunnel failed reason=\"%s\"", why);
	return hm_exit_of(err);
}

int hm_daemon_open_auth(struct hm_daemon *d)
{
	struct hm_authq_options options = { .verdict = hm_daemon_on_verdict,
		                            .arg = d,
		                            .counters = hm_pump_counters(d->pump) };
	const struct hm_outq_options outq = { .send = hm_daemon_send,
		                              .gone = hm_daemon_sent,
		                              .arg = d };
	char why[HM_WHY_MAX] = "";
	int err = HM_OK;

	if (d->settings->config.common.auth_none)
		hm_log(HM_LOG_WARNING, "accept everything reason=\"auth = none: anybody may move "
		                       "anybody's traffic\"");
	else
		err = open_plugin(d, HM_PLUGIN_AUTH, d->settings->auth, &d->auth, why);
	if (!err) {
		options.plugin = d->auth.plugin ? &d->auth : NULL;
		d->authq = hm_authq_create(&options);
		d->outq = hm_outq_create(&outq);
		err = d->authq && d->outq
		              ? hm_authq_set_keys(d->authq, d->settings, why, sizeof why)
		              : HM_ENOMEM;
	}
	err = err ? err : hm_daemon_restore_keys(d);
	if (err)
		hm_log(HM_LOG_ERROR, "open authentication failed reason=\"%s\"",
		       why[0] ? why : hm_err_text(err));
	return hm_exit_of(err);
}
