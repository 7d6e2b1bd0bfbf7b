/* hmipd: argv -> settings -> the pump. Nothing is decided here. */
#include "host/control.h"
#include "host/plugin.h"
#include "host/run.h"

#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>

struct args {
	const char *config, *help_plugin;
	struct hm_settings_override override;
	bool check_config, check_system, help, version, json;
	unsigned n_words;
	char *const *words;
};

static const char usage_text[] =
        "usage: hmipd --role=ROLE[,ROLE...] [OPTION...]    run the daemon\n"
        "       hmipd show WHAT [--json] [--control-socket=PATH]\n"
        "       hmipd watch [--json] [--control-socket=PATH]\n"
        "\n"
        "ROLE is ms (mobility server), mh (mobile host), ra (router advertiser), ha (home\n"
        "agent) or ch (correspondent). WHAT is bindings, registrations, routers, peers,\n"
        "counters or status.\n"
        "\n"
        "  --role=ROLE[,ROLE...]   what to be; default: `role` of the configuration\n"
        "  --config=FILE           default " HM_CONFIG_FILE "\n"
        "  --state-dir=DIR         where the database is\n"
        "  --control-socket=PATH   where `show` and `watch` reach the daemon\n"
        "  --plugin-dir=DIR        where plugins are\n"
        "  --log-level=LEVEL       error, warning, info or debug\n"
        "  --check-config          report every error of the configuration, and exit\n"
        "  --check-system          report what this machine lacks, and exit\n"
        "  --json                  with show and watch\n"
        "  --help                  this text\n"
        "  --version               versions of hmipd and what it is built on\n"
        "  --help-plugin=NAME      the options of a plugin, as tunnel-tun\n"
        "\n"
        "Exit status: 0 ok, 64 usage, 69 something needed is missing, 74 store,\n"
        "78 configuration, 70 anything else. See hmipd(8) and hmipd.conf(5).\n";

enum option_id {
	OPT_ROLE = 256,
	OPT_CONFIG,
	OPT_STATE_DIR,
	OPT_SOCKET,
	OPT_PLUGIN_DIR,
	OPT_LOG_LEVEL,
	OPT_CHECK_CONFIG,
	OPT_CHECK_SYSTEM,
	OPT_HELP,
	OPT_VERSION,
	OPT_HELP_PLUGIN,
	OPT_JSON,
};

static const struct option options[] = {
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "control-socket", required_argument, NULL, OPT_SOCKET },
	{ "plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
	{ "check-system", no_argument, NULL, OPT_CHECK_SYSTEM },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help-plugin", required_argument, NULL, OPT_HELP_PLUGIN },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 },
};

static bool take_option(struct args *a, int id)
{
	const char **text = id == OPT_ROLE          ? &a->override.roles
	                    : id == OPT_CONFIG      ? &a->config
	                    : id == OPT_STATE_DIR   ? &a->override.state_dir
	                    : id == OPT_SOCKET      ? &a->override.control_socket
	                    : id == OPT_PLUGIN_DIR  ? &a->override.plugin_dir
	                    : id == OPT_LOG_LEVEL   ? &a->override.log_level
	                    : id == OPT_HELP_PLUGIN ? &a->help_plugin
	                                            : NULL;
	bool *flag = id == OPT_CHECK_CONFIG   ? &a->check_config
	             : id == OPT_CHECK_SYSTEM ? &a->check_system
	             : id == OPT_HELP         ? &a->help
	             : id == OPT_VERSION      ? &a->version
	             : id == OPT_JSON         ? &a->json
	                                      : NULL;

	if (text && !*optarg)
		fprintf(stderr, "hmipd: an option has an empty value\n");
	if (text && *optarg)
		*text = optarg;
	if (flag)
		*flag = true;
	return flag || (text && *optarg);
}

static bool parse(int argc, char **argv, struct args *a)
{
	int id;

	a->config = HM_CONFIG_FILE;
	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(a, id))
			return false;
	a->words = argv + optind;
	a->n_words = (unsigned)(argc - optind);
	return hm_settings_check_override(&a->override, stderr) == HM_OK;
}

static int usage(const char *why)
{
	fprintf(stderr, "hmipd: %s; hmipd --help says more\n", why);
	return HM_EXIT_USAGE;
}

static int print_version(void)
{
	printf("hmipd %s\nSQLite %s %s\nlibuv %s\nlibsodium %s\n", HM_VERSION, sqlite3_libversion(),
	       sqlite3_sourceid(), uv_version_string(), sodium_version_string());
	return HM_EXIT_OK;
}

static int help_plugin(const struct args *a)
{
	const char *dir = a->override.plugin_dir ? a->override.plugin_dir : HM_PLUGIN_DIR;
	bool tunnel = strncmp(a->help_plugin, "tunnel-", 7) == 0;
	bool auth = strncmp(a->help_plugin, "auth-", 5) == 0;
	struct hm_loaded loaded = { 0 };
	char why[512];

	if ((!tunnel && !auth) || strchr(a->help_plugin, '/'))
		return usage("--help-plugin wants tunnel-NAME or auth-NAME");
	if (hm_plugin_load(dir, tunnel ? HM_PLUGIN_TUNNEL : HM_PLUGIN_AUTH,
	                   a->help_plugin + (tunnel ? 7 : 5), &loaded, why, sizeof why) != HM_OK) {
		fprintf(stderr, "hmipd: %s\n", why);
		return HM_EXIT_MISSING;
	}
	hm_plugin_help(&loaded, stdout);
	hm_plugin_unload(&loaded);
	return HM_EXIT_OK;
}

static int ask_daemon(const struct args *a)
{
	const char *path =
	        a->override.control_socket ? a->override.control_socket : HM_CONTROL_SOCKET;

	if (strcmp(a->words[0], "show") == 0) {
		if (a->n_words != 2)
			return usage("show wants one of bindings, registrations, routers, peers, "
			             "counters, status");
		return hm_control_show(path, a->words[1], a->json, stdout);
	}
	if (strcmp(a->words[0], "watch") != 0)
		return usage("the commands are show and watch");
	if (a->n_words != 1)
		return usage("watch takes no argument");
	return hm_control_watch(path, a->json, stdout);
}

static int load(const struct args *a, FILE *errors, struct hm_settings **ret_settings)
{
	return hm_settings_load(a->config, &a->override, errors, ret_settings);
}

/* SIGHUP: the errors go where everything goes while the daemon runs. */
static struct hm_settings *reload(void *arg)
{
	struct hm_settings *settings = NULL;
	char *text = NULL, *line, *rest;
	size_t len;
	FILE *errors = open_memstream(&text, &len);

	if (!errors)
		return NULL;
	load(arg, errors, &settings);
	fclose(errors);
	rest = text;
	while ((line = strtok_r(rest, "\n", &rest)))
		hm_log(HM_LOG_ERROR, "refuse configuration: %s", line);
	free(text);
	if (settings)
		hm_log_set_level(settings->log_level);
	return settings;
}

static int run_daemon(struct args *a)
{
	struct hm_settings *settings = NULL;
	int status;

	if (load(a, stderr, &settings) != HM_OK)
		return HM_EXIT_CONFIG;
	if (a->check_config)
		printf("%s: ok\n", a->config);
	if (a->check_config || a->check_system) {
		status = a->check_system ? hm_check_system(settings, stdout) : HM_EXIT_OK;
		hm_settings_destroy(settings);
		return status;
	}
	hm_log_set_level(settings->log_level);
	/* libuv writes to sockets whose readers may be gone. */
	signal(SIGPIPE, SIG_IGN);
	return hm_run(settings, reload, a);
}

int main(int argc, char **argv)
{
	struct args a = { 0 };

	if (!parse(argc, argv, &a))
		return usage("the command line was not understood");
	if (a.help) {
		fputs(usage_text, stdout);
		return HM_EXIT_OK;
	}
	if (a.version)
		return print_version();
	if (a.help_plugin)
		return help_plugin(&a);
	if (a.n_words > 0)
		return ask_daemon(&a);
	if (a.json)
		return usage("--json goes with show and watch");
	return run_daemon(&a);
}
