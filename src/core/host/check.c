/* --check-system: what the configured roles and plugins need of this machine, one line each.
 * Nothing is changed but for what is made to see whether it can be, and removed again: the packet
 * guard's rules, and what plugins try. */
#include "host/daemon.h"
#include "host/guard.h"

#include <linux/capability.h>
#include <net/if.h>
#include <unistd.h>

struct check {
	FILE *out;
	const char *prefix; /* of the plugin that reports, with ": "; "" for ourselves */
	bool choice;        /* one of several: what it lacks may not be needed */
	bool missing;
};

static void report(void *arg, const char *what, const char *fix)
{
	struct check *c = arg;
	bool named = strncmp(what, c->prefix, strlen(c->prefix)) == 0;
	const char *prefix = named ? "" : c->prefix;

	if (!fix) {
		(void)fprintf(c->out, "ok: %s%s\n", prefix, what);
		return;
	}
	(void)fprintf(c->out, "%s: %s%s: %s\n", c->choice ? "ok: not used" : "missing", prefix,
	              what, fix);
	c->missing = true;
}

static void check_capabilities(struct check *c)
{
	static const char fix[] = "run as root, or give it with AmbientCapabilities= or setcap";

	report(c, "capability CAP_NET_ADMIN", hm_has_capability(CAP_NET_ADMIN) ? NULL : fix);
	report(c, "capability CAP_NET_RAW", hm_has_capability(CAP_NET_RAW) ? NULL : fix);
}

static void check_sockets(struct check *c)
{
	struct hm_tx tx = { .fd = -1 };
	char why[HM_WHY_MAX] = "";

	report(c, "raw IPv6 socket", hm_tx_open(&tx, why, sizeof why) ? why : NULL);
	hm_tx_close(&tx);
	report(c, "packet socket", hm_rx_check(why, sizeof why) ? why : NULL);
}

static void check_guard(struct check *c)
{
	const struct hm_guard_backend *used = NULL;
	char why[HM_WHY_MAX] = "", text[64] = "packet guard", fix[HM_WHY_MAX + 192];

	if (hm_guard_check(&used, why, sizeof why)) {
		(void)snprintf(
		        fix, sizeof fix,
		        "needs CAP_NET_ADMIN and CONFIG_NF_TABLES_IPV6 with NFT_FIB_IPV6, or "
		        "ip6tables with its matches addrtype, dst, mark, rt and u32 (%s)",
		        why);
		report(c, text, fix);
		return;
	}
	(void)snprintf(text, sizeof text, "packet guard (%s)", used->name);
	report(c, text, NULL);
}

static void check_sysctl(struct check *c, const char *path)
{
	char full[256];
	const char *fix = NULL;

	(void)snprintf(full, sizeof full, "/proc/sys/%s", path);
	if (access(full, F_OK))
		fix = "this kernel does not have it";
	else if (access(full, W_OK))
		fix = "cannot be written: run as root, without ProtectKernelTunables=";
	(void)snprintf(full, sizeof full, "sysctl %s", path);
	report(c, full, fix);
}

static void check_interface(struct check *c, const char *name, bool mobile)
{
	char text[128];

	if (name[0] == '\0')
		return;
	(void)snprintf(text, sizeof text, "interface %s", name);
	if (if_nametoindex(name) == 0) {
		report(c, text, "not there now; hmipd waits for it");
		return;
	}
	report(c, text, NULL);
	(void)snprintf(text, sizeof text, "net/ipv6/conf/%s/accept_ra", name);
	if (mobile)
		check_sysctl(c, text);
}

static void check_interfaces(struct check *c, const struct hm_config *config)
{
	const bool *on = config->common.roles;

	if (on[HM_ROLE_MS] || on[HM_ROLE_HA] || on[HM_ROLE_RA])
		check_sysctl(c, "net/ipv6/conf/all/forwarding");
	if (on[HM_ROLE_MS])
		check_interface(c, config->ms.interface, false);
	if (on[HM_ROLE_HA])
		check_interface(c, config->ha.interface, false);
	if (on[HM_ROLE_CH])
		check_interface(c, config->ch.interface, false);
	for (unsigned i = 0; on[HM_ROLE_RA] && i < config->ra.interfaces.n; i++)
		check_interface(c, config->ra.interfaces.name[i], false);
	for (unsigned i = 0; on[HM_ROLE_MH] && i < config->mh.interfaces.n; i++)
		check_interface(c, config->mh.interfaces.name[i], true);
}

/* What is missing only matters when the plugin is the one that will be used. */
static bool check_plugin(struct check *c, const struct hm_settings *settings,
                         enum hm_plugin_kind kind, const char *name, bool choice)
{
	struct hm_loaded loaded = { 0 };
	char why[HM_WHY_MAX] = "", prefix[96];
	struct check own = { .out = c->out, .prefix = prefix, .choice = choice };

	(void)snprintf(prefix, sizeof prefix,
	               "%s-%s: ", kind == HM_PLUGIN_TUNNEL ? "tunnel" : "auth", name);
	if (hm_plugin_load(settings->plugin_dir, kind, name, &loaded, why, sizeof why)) {
		report(&own, "plugin", why);
		return false;
	}
	report(&own, "plugin", NULL);
	if (loaded.plugin->check)
		loaded.plugin->check(report, &own);
	hm_plugin_unload(&loaded);
	return !own.missing;
}

static void check_tunnels(struct check *c, const struct hm_settings *settings)
{
	bool any = false;

	if (!hm_needs_tunnel(&settings->config))
		return;
	if (strcmp(settings->tunnel, "auto") != 0) {
		if (!check_plugin(c, settings, HM_PLUGIN_TUNNEL, settings->tunnel, false))
			c->missing = true;
		return;
	}
	for (unsigned i = 0; hm_tunnel_names[i]; i++)
		any |= check_plugin(c, settings, HM_PLUGIN_TUNNEL, hm_tunnel_names[i], true);
	report(c, "a tunnel plugin that works", any ? NULL : "see the lines above");
}

int hm_check_system(const struct hm_settings *settings, FILE *out)
{
	struct check c = { .out = out, .prefix = "" };

	check_capabilities(&c);
	check_sockets(&c);
	check_guard(&c);
	check_interfaces(&c, &settings->config);
	if (!settings->config.common.auth_none &&
	    !check_plugin(&c, settings, HM_PLUGIN_AUTH, settings->auth, false))
		c.missing = true;
	check_tunnels(&c, settings);
	return c.missing ? HM_EXIT_MISSING : HM_EXIT_OK;
}
