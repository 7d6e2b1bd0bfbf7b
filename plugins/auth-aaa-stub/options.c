#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option { TABLE, DELAY, LOSS, REFUSE, LIFETIME, SEED, OPTIONS };

const struct hm_plugin_option aaa_option_table[] = {
	[TABLE] = { "table", NULL,
	            "file with the keys there are to obtain (needed, absolute path)" },
	[DELAY] = { "delay", "100ms", "how long an answer takes, at most 1min" },
	[LOSS] = { "loss", "0", "percent of the questions that are never answered" },
	[REFUSE] = { "refuse", "0",
	             "percent of the questions that are refused whatever the table says" },
	[LIFETIME] = { "lifetime", "1h", "how long a key obtained is valid" },
	[SEED] = { "seed", NULL,
	           "number; with the same one the same questions are lost and refused" },
	[OPTIONS] = { NULL, NULL, NULL },
};

static bool read_number(const char *text, uint64_t *ret_number, const char **ret_rest)
{
	char *end;
	unsigned long long n;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno)
		return false;
	*ret_number = n;
	*ret_rest = end;
	return true;
}

/* As the daemon's own: a bare number is seconds. */
static bool read_duration(const char *text, int64_t max_ms, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }
	};
	uint64_t n;
	const char *rest;

	if (!read_number(text, &n, &rest))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(rest, units[i].unit) != 0 || n > (uint64_t)max_ms / units[i].ms)
			continue;
		*ret_ms = (int64_t)(n * units[i].ms);
		return true;
	}
	return false;
}

static bool read_percent(const char *text, unsigned *ret_percent)
{
	uint64_t n;
	const char *rest;

	if (!read_number(text, &n, &rest) || *rest || n > 100)
		return false;
	*ret_percent = (unsigned)n;
	return true;
}

/* A daemon has no directory of its own: the path is absolute. */
static bool read_path(const char *text, char *ret_path, size_t len)
{
	return text && text[0] == '/' && (size_t)snprintf(ret_path, len, "%s", text) < len;
}

static bool read_seed(const char *text, struct aaa_options *o)
{
	const char *rest;

	o->has_seed = text != NULL;
	return !text || (read_number(text, &o->seed, &rest) && *rest == '\0');
}

bool aaa_options_read(struct aaa_options *ret_options, const char *const *values, size_t n,
                      char *ret_why, size_t why_len)
{
	struct aaa_options o = { .seed = 0 };
	int64_t lifetime_ms = 0;
	bool good[OPTIONS];

	if (n < OPTIONS) {
		snprintf(ret_why, why_len, "read options failed");
		return false;
	}
	good[TABLE] = read_path(values[TABLE], o.table, sizeof o.table);
	good[DELAY] = read_duration(values[DELAY], 60000, &o.delay_ms);
	good[LOSS] = read_percent(values[LOSS], &o.loss);
	good[REFUSE] = read_percent(values[REFUSE], &o.refuse);
	good[LIFETIME] = read_duration(values[LIFETIME], INT64_C(31622400000), &lifetime_ms) &&
	                 lifetime_ms >= 1000;
	good[SEED] = read_seed(values[SEED], &o);
	for (unsigned i = 0; i < OPTIONS; i++) {
		if (good[i])
			continue;
		snprintf(ret_why, why_len, "read option failed key=%s expected=\"%s\"",
		         aaa_option_table[i].key, aaa_option_table[i].help);
		return false;
	}
	o.lifetime_s = lifetime_ms / 1000;
	*ret_options = o;
	return true;
}
