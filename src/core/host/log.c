#include "host/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

void hm_log(enum hm_log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	size_t at, n;
	va_list args;

	if (!hm_log_wants(level))
		return;
	if (is_journal())
		at = (size_t)snprintf(line, sizeof line, "<%d>", (int)level);
	else
		at = (size_t)snprintf(line, sizeof line, "level=%s ", level_name(level));
	va_start(args, format);
	vsnprintf(line + at, sizeof line - at - 1, format, args);
	va_end(args);
	blot_controls(line + at);
	n = strlen(line);
	line[n++] = '\n';
	/* One write: lines of several threads do not mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* whom could we tell */
}
