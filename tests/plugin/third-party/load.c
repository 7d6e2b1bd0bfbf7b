/* load DIR KIND NAME: loads and opens a plugin as the daemon does, prints its help, closes it. Of a
 * tunnel plugin it tells which of the later members its table has. */
#include "host/plugin.h"

#include <string.h>

static void on_log(void *host, int level, const char *text)
{
	(void)host;
	printf("%d %s\n", level, text);
}

static void list_members(const struct hm_tunnel_ops *ops)
{
	printf("6 beyond its table:%s%s%s%s\n", HM_PLUGIN_HAS(ops, count) ? " count" : "",
	       HM_PLUGIN_HAS(ops, stat) ? " stat" : "", HM_PLUGIN_HAS(ops, detail) ? " detail" : "",
	       HM_PLUGIN_HAS(ops, count) || HM_PLUGIN_HAS(ops, stat) || HM_PLUGIN_HAS(ops, detail)
	               ? ""
	               : " nothing");
}

int main(int argc, char **argv)
{
	static const struct hm_settings settings = { .state_dir = "/nowhere" };
	static const struct hm_host_api api = { .size = sizeof api, .log = on_log };
	enum hm_plugin_kind kind;
	struct hm_loaded loaded;
	char why[1200];

	if (argc != 4)
		return 64;
	kind = strcmp(argv[2], "tunnel") == 0 ? HM_PLUGIN_TUNNEL : HM_PLUGIN_AUTH;
	if (hm_plugin_load(argv[1], kind, argv[3], &loaded, why, sizeof why) != 0 ||
	    hm_plugin_open(&loaded, &settings, &api, 0, why, sizeof why) != 0) {
		fprintf(stderr, "%s\n", why);
		return 69;
	}
	if (kind == HM_PLUGIN_TUNNEL)
		list_members(loaded.plugin->tunnel);
	hm_plugin_help(&loaded, stdout);
	hm_plugin_unload(&loaded);
	return 0;
}
