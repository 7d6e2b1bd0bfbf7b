/* The configuration file (contract: configuration): inih's parse, one table of every key, all
 * errors at once as file:line. What roles need of it is struct hm_config; the rest is the host's.
 */
#ifndef HM_HOST_SETTINGS_H
#define HM_HOST_SETTINGS_H

#include "engine/config.h"
#include "host/log.h"

#include <stdio.h>

#define HM_PATH_MAX 1024
#define HM_SECRET_MAX 64
#define HM_SECRET_MIN 16

struct hm_key_setting {
	char name[64]; /* of the section: [key NAME] */
	enum hm_use use;
	uint32_t spi;
	bool has_home, has_peer;
	struct hm_addr home;
	struct hm_prefix peer;
	int64_t not_before_s, not_after_s; /* seconds since 1970; 0: no limit */
	size_t secret_len;
	uint8_t *secret; /* in `secrets` of the settings */
	unsigned line;
};

struct hm_plugin_setting {
	char section[64]; /* tunnel-tun */
	char key[64];
	char *value;
	unsigned line;
};

struct hm_settings {
	struct hm_config config;
	char file[HM_PATH_MAX];
	char state_dir[HM_PATH_MAX];
	char control_socket[HM_PATH_MAX];
	char plugin_dir[HM_PATH_MAX];
	char tunnel[64]; /* auto or NAME */
	char auth[64];   /* none or NAME */
	enum hm_log_level log_level;
	size_t n_keys, n_plugin_settings;
	struct hm_key_setting *keys;
	size_t n_secrets;
	uint8_t **secrets; /* sodium_malloc memory, read-only after the load */
	struct hm_plugin_setting *plugin_settings;
};

/* What the command line overrides; NULL or empty: not given. */
struct hm_settings_override {
	const char *roles, *state_dir, *control_socket, *plugin_dir, *log_level;
};

/* Whether the overrides alone make sense; errors as `OPTION: REASON`. 0 or HM_ECONFIG. */
int hm_settings_check_override(const struct hm_settings_override *override, FILE *errors);

/* Reads the file, applies the overrides, checks everything. Every error is one line
 * `FILE:LINE: KEY: REASON` on `errors`. 0, or HM_ECONFIG with *ret_settings untouched. */
int hm_settings_load(const char *file, const struct hm_settings_override *override, FILE *errors,
                     struct hm_settings **ret_settings);

/* Wipes the secrets. NULL is fine. */
void hm_settings_destroy(struct hm_settings *settings);

#endif
