/* One line per fact, key=value, to stderr; with journald's <N> prefixes when systemd runs us. */
#ifndef HM_HOST_LOG_H
#define HM_HOST_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum hm_log_level {
	HM_LOG_ERROR = 3, /* syslog's numbers */
	HM_LOG_WARNING = 4,
	HM_LOG_INFO = 6,
	HM_LOG_DEBUG = 7,
};

void hm_log_set_level(enum hm_log_level level);
bool hm_log_wants(enum hm_log_level level);

/* Never NULL on success; -1 for a name that is none of error, warning, info, debug. */
int hm_log_level_parse(const char *name);

/* Any thread. A newline or control character in the text is printed as '?'.
 *
 * Hosts decide how much happens: of warnings, and of what is information, so many lines are written
 * per second, and before the next one stands how many were left out. At level debug every
 * line is written. This bounds the log as a whole, also what threads, plugins and honest moves by
 * the thousand cause; which peer's refusals are among the lines is decided before (quiet.h). */
void hm_log(enum hm_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define HM_LOG_BURST 500
#define HM_LOG_PER_SECOND 100

/* A bucket of tokens, one per line. */
struct hm_log_limit {
	int64_t tokens, filled_ms;
	uint64_t suppressed;
};

/* True when one more line may be written now; *ret_suppressed are those left out before it. */
bool hm_log_allowed(struct hm_log_limit *limit, int64_t now_ms, uint64_t *ret_suppressed);

#endif
