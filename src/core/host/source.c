/* What `show` asks of the running daemon. */
#include "host/daemon.h"

#include "base/text.h"

#include <sqlite3.h>
#include <stdio.h>

#define ROLE_SHIFT 56

/* The cursor holds the role in its upper octet and the role's own cursor below. */
static bool row(void *arg, enum hm_show what, uint64_t *cursor, struct hm_show_row *ret_row)
{
	const struct hm_daemon *d = arg;
	unsigned i = (unsigned)(*cursor >> ROLE_SHIFT);
	uint64_t own = *cursor & (((uint64_t)1 << ROLE_SHIFT) - 1);

	for (; i < hm_pump_n_roles(d->pump); i++, own = 0) {
		const struct hm_pump_role *r = hm_pump_role(d->pump, i);

		if (!r->role->row || !r->role->row(r->state, what, &own, ret_row))
			continue;
		ret_row->role = r->role->id;
		*cursor = (uint64_t)i << ROLE_SHIFT | own;
		return true;
	}
	*cursor = (uint64_t)i << ROLE_SHIFT;
	return false;
}

/* The data plane's key of a row. */
static bool entry_of(const struct hm_show_row *r, struct hm_tunnel_entry *ret_entry)
{
	const struct hm_addr *match = r->role == HM_ROLE_MS ? &r->gcoa : &r->home;
	struct hm_forward path = { .match = *match, .home = r->home };

	if (r->role == HM_ROLE_RA || hm_addr_is_any(match))
		return false;
	path.kind = r->role == HM_ROLE_CH   ? HM_FORWARD_PEER
	            : r->role == HM_ROLE_MH ? HM_FORWARD_HOME
	                                    : HM_FORWARD_ENCAP;
	hm_dataplane_entry(&path, ret_entry);
	return true;
}

static bool count(void *arg, const struct hm_show_row *r, struct hm_tunnel_count *ret_count)
{
	const struct hm_daemon *d = arg;
	struct hm_tunnel_entry entry;

	return d->tunnel.plugin && HM_PLUGIN_HAS(d->tunnel.plugin->tunnel, count) &&
	       entry_of(r, &entry) &&
	       d->tunnel.plugin->tunnel->count(d->tunnel.self, &entry, ret_count) == HM_PLUGIN_OK;
}

/* Those of the tunnel plugin, then those of the auth plugin. */
static bool plugin_counter(const struct hm_daemon *d, unsigned index, const char **ret_group,
                           const char **ret_name, uint64_t *ret_value)
{
	const struct hm_plugin *tunnel = d->tunnel.plugin, *auth = d->auth.plugin;
	unsigned n = 0;

	if (tunnel && HM_PLUGIN_HAS(tunnel->tunnel, stat)) {
		*ret_group = "tunnel";
		if (tunnel->tunnel->stat(d->tunnel.self, index, ret_name, ret_value))
			return true;
		while (tunnel->tunnel->stat(d->tunnel.self, n, ret_name, ret_value))
			n++;
	}
	*ret_group = "auth";
	return auth && HM_PLUGIN_HAS(auth->auth, stat) &&
	       auth->auth->stat(d->auth.self, index - n, ret_name, ret_value);
}

static bool counter(void *arg, unsigned index, const char **ret_group, const char **ret_name,
                    uint64_t *ret_value)
{
	const struct hm_daemon *d = arg;
	const struct hm_counters *c = hm_pump_counters(d->pump);

	if (index < HM_COUNTERS_END) {
		*ret_group = "daemon";
		*ret_name = hm_counter_text((enum hm_counter)index);
		*ret_value = c->n[index];
		return true;
	}
	index -= HM_COUNTERS_END;
	if (index < HM_DROPS_END - 1) {
		*ret_group = "dropped";
		*ret_name = hm_drop_text((enum hm_drop)(index + 1));
		*ret_value = c->dropped[index + 1];
		return true;
	}
	index -= HM_DROPS_END - 1;
	return plugin_counter(d, index, ret_group, ret_name, ret_value);
}

static void role_names(const struct hm_daemon *d, char *ret_text, size_t len)
{
	struct hm_text t = hm_text(ret_text, len);

	for (unsigned i = 0; i < hm_pump_n_roles(d->pump); i++) {
		hm_text_str(&t, i > 0 ? "," : "");
		hm_text_str(&t, hm_pump_role(d->pump, i)->role->name);
	}
}

static const char *plugin_name(const struct hm_loaded *loaded)
{
	return loaded->plugin ? loaded->plugin->name : "none";
}

enum line {
	LINE_VERSION,
	LINE_ROLES,
	LINE_UPTIME,
	LINE_CONFIG,
	LINE_TUNNEL,
	LINE_AUTH,
	LINE_STORE,
	LINE_SQLITE,
	LINE_STORE_RECORDS,
	LINE_STORE_COMMITS,
	LINE_STORE_QUEUED,
	LINE_STORE_STATE,
	LINE_BINDS_PENDING,
	LINE_REMOVALS_RETRIED,
	LINE_AUTH_WAITING,
	LINES
};

static const char *const line_keys[LINES] = {
	"version",      "roles",       "uptime_s",      "config",           "tunnel",
	"auth",         "state_dir",   "sqlite",        "store_records",    "store_commits",
	"store_queued", "store_state", "binds_pending", "removals_retried", "auth_waiting",
};

static uint64_t line_number(const struct hm_daemon *d, enum line line,
                            const struct hm_store_stats *stats)
{
	switch ((int)line) {
	case LINE_UPTIME:
		return (uint64_t)((hm_services_now_ms() - d->started_ms) / 1000);
	case LINE_STORE_RECORDS:
		return stats->records_written;
	case LINE_STORE_COMMITS:
		return stats->commits;
	case LINE_STORE_QUEUED:
		return stats->queued;
	case LINE_BINDS_PENDING:
		return hm_dataplane_pending(d->dataplane);
	case LINE_REMOVALS_RETRIED:
		return hm_dataplane_retries(d->dataplane);
	case LINE_AUTH_WAITING:
		return hm_authq_waiting(d->authq);
	default:
		return 0;
	}
}

/* What the tunnel plugin does where: lines of its own, behind ours. */
static bool tunnel_detail(const struct hm_daemon *d, unsigned index,
                          struct hm_status_line *ret_line)
{
	const struct hm_plugin *tunnel = d->tunnel.plugin;
	struct hm_status_line line = { .key = "" };
	const char *name = "";

	if (!tunnel || !HM_PLUGIN_HAS(tunnel->tunnel, detail) ||
	    !tunnel->tunnel->detail(d->tunnel.self, index, &name, line.text, sizeof line.text))
		return false;
	(void)snprintf(line.key, sizeof line.key, "tunnel.%s", name);
	*ret_line = line;
	return true;
}

static bool status(void *arg, unsigned index, struct hm_status_line *ret_line)
{
	const struct hm_daemon *d = arg;
	struct hm_store_stats stats;
	const char *text = NULL;

	if (index >= LINES)
		return tunnel_detail(d, index - LINES, ret_line);
	(void)snprintf(ret_line->key, sizeof ret_line->key, "%s", line_keys[index]);
	hm_store_stats(d->store, &stats);
	if (index == LINE_ROLES) {
		role_names(d, ret_line->text, sizeof ret_line->text);
		return true;
	}
	if (index == LINE_VERSION)
		text = HM_VERSION;
	if (index == LINE_STORE)
		text = d->settings->state_dir;
	if (index == LINE_SQLITE)
		text = sqlite3_libversion();
	if (index == LINE_CONFIG)
		text = d->settings->file;
	if (index == LINE_TUNNEL)
		text = plugin_name(&d->tunnel);
	if (index == LINE_AUTH)
		text = plugin_name(&d->auth);
	if (index == LINE_STORE_STATE)
		text = hm_err_text(stats.last_error);
	if (text)
		(void)snprintf(ret_line->text, sizeof ret_line->text, "%s", text);
	else
		(void)snprintf(ret_line->text, sizeof ret_line->text, "%llu",
		               (unsigned long long)line_number(d, (enum line)index, &stats));
	return true;
}

static const char *ifname(void *arg, uint32_t ifindex)
{
	const struct hm_daemon *d = arg;

	return hm_kernel_ifname(d->kernel, ifindex);
}

static hm_ms now_ms(void *arg)
{
	(void)arg;
	return hm_services_now_ms();
}

static int64_t wall_ms(void *arg)
{
	hm_ms now;
	int64_t wall;

	hm_daemon_now(arg, &now, &wall);
	return wall;
}

void hm_daemon_source(struct hm_daemon *d, struct hm_control_source *ret_source)
{
	*ret_source = (struct hm_control_source){ .arg = d,
		                                  .row = row,
		                                  .count = count,
		                                  .counter = counter,
		                                  .status = status,
		                                  .ifname = ifname,
		                                  .now_ms = now_ms,
		                                  .wall_ms = wall_ms };
}
