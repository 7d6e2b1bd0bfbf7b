#include "host/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_LEN 2048

static atomic_int threshold = HM_LOG_INFO;

static const struct {
	enum hm_log_level level;
	const char *name;
} levels[] = {
	{ HM_LOG_ERROR, "error" },
	{ HM_LOG_WARNING, "warning" },
	{ HM_LOG_INFO, "info" },
	{ HM_LOG_DEBUG, "debug" },
};

void hm_log_set_level(enum hm_log_level level)
{
	atomic_store(&threshold, (int)level);
}

bool hm_log_wants(enum hm_log_level level)
{
	return (int)level <= atomic_load(&threshold);
}

int hm_log_level_parse(const char *name)
{
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(levels[i].name, name) == 0)
			return (int)levels[i].level;
	return -1;
}

static const char *level_name(enum hm_log_level level)
{
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "info";
}

/* systemd's word on whether stderr is its journal: device and inode of the stream it made. Another
 * service manager's environment may have leaked into a terminal, so that the variable alone says
 * little. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2)
		return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
	return getenv("INVOCATION_ID") && !isatty(STDERR_FILENO);
}

static void blot_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

bool hm_log_allowed(struct hm_log_limit *limit, int64_t now_ms, uint64_t *ret_suppressed)
{
	int64_t fresh = (now_ms - limit->filled_ms) * HM_LOG_PER_SECOND / 1000;

	*ret_suppressed = 0;
	if (limit->filled_ms == 0 || limit->tokens + fresh >= HM_LOG_BURST) {
		limit->tokens = HM_LOG_BURST;
		limit->filled_ms = now_ms;
	} else if (fresh > 0) {
		limit->tokens += fresh;
		limit->filled_ms += fresh * 1000 / HM_LOG_PER_SECOND;
	}
	if (limit->tokens == 0) {
		limit->suppressed++;
		return false;
	}
	limit->tokens--;
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}

/* Whoever asks for debug wants it all, and errors are few. */
static bool passes(enum hm_log_level level, uint64_t *ret_suppressed)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct hm_log_limit limits[2]; /* a flood of one hides nothing of the other */
	struct timespec now;
	bool allowed;

	*ret_suppressed = 0;
	if (level == HM_LOG_ERROR || hm_log_wants(HM_LOG_DEBUG))
		return true;
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	pthread_mutex_lock(&lock);
	allowed =
	        hm_log_allowed(&limits[level == HM_LOG_WARNING],
	                       (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, ret_suppressed);
	pthread_mutex_unlock(&lock);
	return allowed;
}

__attribute__((format(printf, 2, 0))) static void write_line(enum hm_log_level level,
                                                             const char *format, va_list args)
{
	char line[LINE_LEN];
	size_t at, n;

	if (is_journal())
		at = (size_t)snprintf(line, sizeof line, "<%d>", (int)level);
	else
		at = (size_t)snprintf(line, sizeof line, "level=%s ", level_name(level));
	vsnprintf(line + at, sizeof line - at - 1, format, args);
	blot_controls(line + at);
	n = strlen(line);
	line[n++] = '\n';
	/* One write: lines of several threads do not mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* whom could we tell */
}

__attribute__((format(printf, 2, 3))) static void tell_suppressed(enum hm_log_level level,
                                                                  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(level, format, args);
	va_end(args);
}

void hm_log(enum hm_log_level level, const char *format, ...)
{
	uint64_t suppressed;
	va_list args;

	if (!hm_log_wants(level) || !passes(level, &suppressed))
		return;
	if (suppressed > 0)
		tell_suppressed(HM_LOG_WARNING, "suppressed lines=%llu",
		                (unsigned long long)suppressed);
	va_start(args, format);
	write_line(level, format, args);
	va_end(args);
}
