#include "host/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_end;

/* stderr becomes a pipe; Criterion runs each test in a process of its own. */
static void capture(void)
{
	int fds[2];

	cr_assert(pipe2(fds, O_NONBLOCK) == 0 && dup2(fds[1], STDERR_FILENO) >= 0);
	close(fds[1]);
	pipe_end = fds[0];
	unsetenv("JOURNAL_STREAM");
	unsetenv("INVOCATION_ID");
}

static void expect(const char *text)
{
	char got[4096];
	ssize_t n = read(pipe_end, got, sizeof got - 1);

	got[n < 0 ? 0 : n] = '\0';
	cr_assert_str_eq(got, text);
}

TestSuite(log, .init = capture);

Test(log, a_line_names_its_level)
{
	hm_log(HM_LOG_WARNING, "refuse peer=%s status=%d", "2001:db8::1", 130);
	expect("level=warning refuse peer=2001:db8::1 status=130\n");
}

Test(log, what_is_below_the_level_is_not_written)
{
	hm_log(HM_LOG_DEBUG, "a");
	expect("");
	hm_log_set_level(HM_LOG_DEBUG);
	hm_log(HM_LOG_DEBUG, "b");
	expect("level=debug b\n");
	hm_log_set_level(HM_LOG_ERROR);
	cr_assert(hm_log_wants(HM_LOG_ERROR) && !hm_log_wants(HM_LOG_WARNING));
}

Test(log, control_characters_cannot_forge_a_line)
{
	hm_log(HM_LOG_INFO, "name=%s", "a\nlevel=error x\x1b[2J");
	expect("level=info name=a?level=error x?[2J\n");
}

Test(log, a_long_line_is_cut_and_still_ends)
{
	static char text[5000];
	char got[5000];
	ssize_t n;

	memset(text, 'x', sizeof text - 1);
	hm_log(HM_LOG_INFO, "%s", text);
	n = read(pipe_end, got, sizeof got);
	cr_assert(n > 1000 && n <= 2048, "%zd", n);
	cr_assert_eq(got[n - 1], '\n');
}

Test(log, the_journal_gets_its_priority_prefix)
{
	struct stat st;
	char stream[64];

	cr_assert(fstat(STDERR_FILENO, &st) == 0);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
	         (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	hm_log(HM_LOG_ERROR, "stop");
	expect("<3>stop\n");
	setenv("JOURNAL_STREAM", "1:1", 1);
	hm_log(HM_LOG_ERROR, "stop");
	expect("level=error stop\n");
}

Test(log, levels_have_names)
{
	cr_assert_eq(hm_log_level_parse("warning"), HM_LOG_WARNING);
	cr_assert_eq(hm_log_level_parse("loud"), -1);
}

static unsigned lines_at(struct hm_log_limit *limit, int64_t now_ms, uint64_t *ret_suppressed)
{
	uint64_t suppressed;
	unsigned n = 0;

	*ret_suppressed = 0;
	for (unsigned i = 0; i < 2 * HM_LOG_BURST; i++) {
		n += hm_log_allowed(limit, now_ms, &suppressed);
		*ret_suppressed += suppressed;
	}
	return n;
}

Test(log, a_burst_is_written_and_then_so_many_lines_per_second)
{
	struct hm_log_limit limit = { 0 };
	uint64_t suppressed;

	cr_expect_eq(lines_at(&limit, 5000, &suppressed), HM_LOG_BURST);
	cr_expect_eq(suppressed, 0, "%d", (int)suppressed);
	cr_expect_eq(lines_at(&limit, 6000, &suppressed), HM_LOG_PER_SECOND);
	cr_expect_eq(suppressed, HM_LOG_BURST, "%d", (int)suppressed);
	cr_expect_eq(lines_at(&limit, 6009, &suppressed), 0);
	cr_expect_eq(lines_at(&limit, 6010, &suppressed), 1);
	cr_expect_eq(lines_at(&limit, 100000, &suppressed), HM_LOG_BURST);
}

static unsigned count_lines(void)
{
	char got[65536];
	ssize_t n = read(pipe_end, got, sizeof got);
	unsigned lines = 0;

	for (ssize_t i = 0; i < n; i++)
		lines += got[i] == '\n';
	return lines;
}

Test(log, a_flood_of_information_leaves_warnings_and_debugging_alone)
{
	for (unsigned i = 0; i < 4 * HM_LOG_BURST; i++)
		hm_log(HM_LOG_INFO, "n=%u", i);
	cr_expect_lt(count_lines(), 3 * HM_LOG_BURST);
	hm_log(HM_LOG_WARNING, "refuse");
	expect("level=warning refuse\n");
	hm_log_set_level(HM_LOG_DEBUG);
	for (unsigned i = 0; i < 2 * HM_LOG_BURST; i++)
		hm_log(HM_LOG_INFO, "n=%u", i);
	cr_expect_eq(count_lines(), 2 * HM_LOG_BURST);
}
