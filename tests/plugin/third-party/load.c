/* load DIR KIND NAME: loads and opens a plugin as the daemon does, prints its help, closes it. */
#include "host/plugin.h"

#include <string.h>

static void on_log(void *host, int level, const char *text)
{
	(void)host;
	printf("%d %s\n", level, text);
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
	hm_plugin_help(&loaded, stdout);
	hm_plugin_unload(&loaded);
	return 0;
}
