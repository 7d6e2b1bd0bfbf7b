/* The options of [plugin auth-aaa-stub]. */
#ifndef HM_AUTH_AAA_OPTIONS_H
#define HM_AUTH_AAA_OPTIONS_H

#include "hmipd-plugin.h"

struct aaa_options {
	char table[4096];
	int64_t delay_ms, lifetime_s;
	unsigned loss, refuse; /* percent */
	bool has_seed;
	uint64_t seed;
};

extern const struct hm_plugin_option aaa_option_table[];

/* The values in the order of the table. False: one is wrong, ret_why names it. */
bool aaa_options_read(struct aaa_options *ret_options, const char *const *values, size_t n,
                      char *ret_why, size_t why_len);

#endif
