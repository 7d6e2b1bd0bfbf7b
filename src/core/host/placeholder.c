/* Stands in for the pump until it is linked. */
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
