/* The pump: event -> step -> effects -> re-arm the one timer, for every configured role. */
#ifndef HM_HOST_RUN_H
#define HM_HOST_RUN_H

#include "host/settings.h"

/* Exit statuses (contract: commands). */
enum hm_exit {
	HM_EXIT_OK = 0,
	HM_EXIT_USAGE = 64,
	HM_EXIT_MISSING = 69,
	HM_EXIT_OTHER = 70,
	HM_EXIT_STORE = 74,
	HM_EXIT_CONFIG = 78,
};

/* Runs the daemon until a signal ends it; an exit status. On SIGHUP `reload` is called for fresh
 * settings (NULL: they were invalid and have been reported); the pump takes ownership of them. */
int hm_run(struct hm_settings *settings, struct hm_settings *(*reload)(void *arg), void *arg);

/* --check-system: one line per thing the configured roles and plugins need, `ok: …` or
 * `missing: …: how to fix it`. HM_EXIT_OK or HM_EXIT_MISSING. */
int hm_check_system(const struct hm_settings *settings, FILE *out);

#endif
