/* Stands in for the pump and the plugin loader until they are linked. */
#include "host/plugin.h"
#include "host/run.h"

#include <stdio.h>

#define WEAK __attribute__((weak))

WEAK int hm_run(struct hm_settings *settings, struct hm_settings *(*reload)(void *arg), void *arg)
{
	(void)reload;
	(void)arg;
	hm_settings_destroy(settings);
	return HM_EXIT_MISSING;
}

WEAK int hm_check_system(const struct hm_settings *settings, FILE *out)
{
	(void)settings;
	(void)out;
	return HM_EXIT_MISSING;
}

WEAK int hm_plugin_load(const char *dir, enum hm_plugin_kind kind, const char *name,
                        struct hm_loaded *ret_loaded, char *ret_why, size_t why_len)
{
	(void)kind;
	(void)ret_loaded;
	snprintf(ret_why, why_len, "%s: no plugin %s", dir, name);
	return HM_EMISSING;
}

WEAK void hm_plugin_help(const struct hm_loaded *loaded, FILE *f)
{
	(void)loaded;
	(void)f;
}

WEAK void hm_plugin_unload(struct hm_loaded *loaded)
{
	(void)loaded;
}
