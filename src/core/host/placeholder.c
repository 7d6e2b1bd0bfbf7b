/* Stands in for the pump and the control socket until they are linked. */
#include "host/control.h"
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

WEAK int hm_control_show(const char *path, const char *what, bool json, FILE *out)
{
	(void)path, (void)what, (void)json, (void)out;
	return HM_EXIT_MISSING;
}

WEAK int hm_control_watch(const char *path, bool json, FILE *out)
{
	(void)path, (void)json, (void)out;
	return HM_EXIT_MISSING;
}
