#include "store/rig.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

TestSuite(trouble, .init = rig_start, .fini = rig_end);

static void limit_file_size(rlim_t size)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Puts bindings [from, from + n) in batches of 50; their cookies are their numbers plus one. */
static void put_many(uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct hm_record record = binding_of(from + i);

		rig_put(&record, from + i + 1);
		if (i % 50 == 49)
			rig_wait(from + i + 1);
	}
}

/* Answers come in order; returns how many were good, which are those before the first bad one. */
static size_t good_ones(void)
{
	size_t good = 0;

	while (good < rig.n_answers && rig.err[good] == HM_OK)
		good++;
	for (size_t i = 0; i < rig.n_answers; i++) {
		cr_assert_eq(rig.cookie[i], i + 1);
		cr_assert_eq(rig.err[i], i < good ? HM_OK : HM_ESTORE, "answer %zu is %s", i,
		             hm_err_text(rig.err[i]));
	}
	return good;
}

#define QUIET 1000

/* Two writes each of so many numbers that nobody waits for. */
static void put_quiet(void)
{
	for (uint32_t i = 0; i < 2 * QUIET; i++) {
		struct hm_record record = a_seq(HM_USE_MH_MS, "::", "2001:db8:1::", 77);

		record.seq.home.b[14] = (uint8_t)(i % QUIET >> 8);
		record.seq.home.b[15] = (uint8_t)(i % QUIET);
		record.seq.seq = (uint16_t)(i / QUIET);
		rig_put(&record, 0);
	}
}

static struct hm_store_stats stats_now(void)
{
	struct hm_store_stats stats;

	hm_store_stats(rig.store, &stats);
	return stats;
}

static void expect_failed(void)
{
	struct hm_store_stats stats = stats_now();

	cr_assert_eq(rig.err[5000], HM_ESTORE);
	cr_assert_eq(stats.last_error, HM_ESTORE);
	cr_assert_gt(stats.failures, 0);
	cr_assert_neq(stats.why[0], '\0');
	cr_assert_eq(stats.queued, QUIET, "%zu: the numbers are still to be written", stats.queued);
}

/* The disk takes no more; later it does again: what was answered well is there, what was refused is
 * not, what nobody waited for is written in the end. */
static void run_out(void (*take_room)(void), void (*give_room)(void))
{
	struct hm_record after = binding_of(7000);
	size_t good;

	put_many(0, 5000);
	good = good_ones();
	cr_assert(good > 0 && good < 5000, "%zu", good);
	take_room();
	put_quiet();
	rig_put(&after, 9999);
	rig_wait(5001);
	expect_failed();
	give_room();
	rig_put(&after, 9999);
	rig_wait(5002);
	cr_assert_eq(rig.err[5001], HM_OK);
	cr_assert_eq(stats_now().last_error, HM_OK);
	cr_assert_eq(stats_now().queued, 0);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, QUIET + good + 1);
	for (uint32_t i = 0; i < QUIET; i++)
		cr_assert_eq(rig.loaded[i].seq.seq, 1);
	for (uint32_t i = 0; i < good; i++)
		cr_assert_eq(rig.loaded[QUIET + i].binding.epoch, i);
	cr_assert_eq(rig.loaded[QUIET + good].binding.epoch, 7000);
	cr_assert_str_eq(rig_read("PRAGMA integrity_check"), "ok\n");
}

static void tighten_limit(void)
{
	limit_file_size(4096);
}

static void lift_limit(void)
{
	limit_file_size(RLIM_INFINITY);
}

Test(trouble, a_file_that_cannot_grow_refuses_and_recovers)
{
	rig_open();
	limit_file_size(512 * 1024);
	run_out(tighten_limit, lift_limit);
}

/* To the last octet. */
static void take_on_ballast(void)
{
	static const char page[4096];
	int fd = open(rig_path("ballast"), O_WRONLY | O_APPEND);

	while (write(fd, page, sizeof page) > 0)
		;
	close(fd);
}

static void drop_ballast(void)
{
	cr_assert_eq(unlink(rig_path("ballast")), 0);
}

Test(trouble, a_full_disk_refuses_and_recovers)
{
	int fd;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", rig.dir, "tmpfs", 0, "size=8m,mode=0700") != 0)
		cr_skip_test("no mounts without privileges");
	fd = open(rig_path("ballast"), O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(posix_fallocate(fd, 0, 7 << 20), 0);
	close(fd);
	rig_open();
	run_out(take_on_ballast, drop_ballast);
	rig_close();
	cr_assert_eq(umount(rig.dir), 0);
}

Test(trouble, what_nobody_waits_for_is_tried_again_without_being_asked)
{
	struct hm_record quiet = binding_of(1);
	struct hm_store_stats stats;
	unsigned turns = 0;

	rig_open();
	put_many(0, 50);
	limit_file_size(4096);
	rig_put(&quiet, 0);
	hm_store_flush(rig.store);
	do {
		uv_run(&rig.loop, UV_RUN_ONCE);
		hm_store_stats(rig.store, &stats);
	} while (stats.failures == 0);
	cr_assert_eq(stats.queued, 1);
	lift_limit();
	/* Each turn of the loop is an attempt of the writer's. */
	do {
		uv_run(&rig.loop, UV_RUN_ONCE);
		hm_store_stats(rig.store, &stats);
	} while (stats.queued > 0 && ++turns < 5);
	cr_assert_eq(stats.queued, 0);
	cr_assert_eq(stats.last_error, HM_OK);
}

Test(trouble, a_reader_in_a_transaction_holds_up_nobody_and_sees_its_snapshot)
{
	sqlite3 *reader;

	rig_open();
	put_many(0, 100);
	reader = rig_other(SQLITE_OPEN_READONLY);
	cr_assert_str_eq(rig_ask(reader, "BEGIN; SELECT count(*) FROM v_bindings"), "100\n");
	put_many(100, 4000);
	cr_assert_eq(good_ones(), 4100);
	cr_assert_str_eq(rig_ask(reader, "SELECT count(*) FROM v_bindings"), "100\n");
	cr_assert_str_eq(rig_ask(reader, "COMMIT; SELECT count(*) FROM v_bindings"), "4100\n");
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
}

Test(trouble, closing_with_a_reader_about_loses_nothing)
{
	sqlite3 *reader;

	rig_open();
	put_many(0, 100);
	reader = rig_other(SQLITE_OPEN_READONLY);
	rig_ask(reader, "BEGIN; SELECT count(*) FROM v_bindings");
	put_many(100, 100);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, 200);
	cr_assert_eq(sqlite3_close(reader), SQLITE_OK);
}

Test(trouble, a_write_lock_of_another_program_is_waited_out)
{
	struct hm_record binding = binding_of(1);
	sqlite3 *other;

	rig_open();
	other = rig_other(SQLITE_OPEN_READWRITE);
	rig_ask(other, "BEGIN IMMEDIATE");
	rig_put(&binding, 1);
	hm_store_flush(rig.store);
	for (unsigned i = 0; i < 1000; i++)
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	cr_assert_eq(rig.n_answers, 0);
	rig_ask(other, "ROLLBACK");
	cr_assert_eq(sqlite3_close(other), SQLITE_OK);
	rig_wait(1);
	cr_assert_eq(rig.err[0], HM_OK);
}

/* The child tells through a pipe what has been reported durable to it. */
static int report_fd;

static void report(void *arg, uint64_t cookie, int err)
{
	(void)arg;
	if (err || write(report_fd, &cookie, sizeof cookie) != (ssize_t)sizeof cookie)
		_exit(2);
}

static void write_until_killed(void)
{
	uv_loop_t *loop = uv_default_loop();
	struct hm_store_options options = { .state_dir = rig.dir, .loop = loop, .done = report };
	char why[256];

	if (hm_store_open(&options, &rig.store, why, sizeof why))
		_exit(1);
	for (uint32_t n = 0;; n++) {
		struct hm_record record = binding_of(n);

		if (hm_store_put(rig.store, &record, n + 1) == HM_OK) {
			if (n % 64 != 63)
				continue;
		} else {
			n--;
		}
		hm_store_flush(rig.store);
		uv_run(loop, UV_RUN_NOWAIT);
	}
}

static uint64_t reported(int fd, uint64_t enough)
{
	uint64_t last = 0, cookie;

	while (last < enough && read(fd, &cookie, sizeof cookie) == (ssize_t)sizeof cookie) {
		cr_assert_eq(cookie, last + 1);
		last = cookie;
	}
	return last;
}

Test(trouble, what_was_reported_durable_survives_kill_9)
{
	for (uint64_t enough = 300; enough <= 6000; enough += 1900) {
		int fds[2], status;
		uint64_t last = enough;
		pid_t child;

		cr_assert_eq(pipe(fds), 0);
		child = fork();
		if (child == 0) {
			report_fd = fds[1];
			write_until_killed();
		}
		close(fds[1]);
		cr_assert_geq(reported(fds[0], enough), enough);
		cr_assert_eq(kill(child, SIGKILL), 0);
		/* What it still told before it died. */
		for (uint64_t n = enough; read(fds[0], &last, sizeof last) > 0; n++)
			cr_assert_eq(last, n + 1);
		close(fds[0]);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%d", status);
		rig_open();
		cr_assert_str_eq(rig_read("PRAGMA integrity_check"), "ok\n");
		snprintf(rig.why, sizeof rig.why, "SELECT count(*) FROM binding WHERE epoch < %llu",
		         (unsigned long long)last);
		cr_assert_geq((uint64_t)atoll(rig_read(rig.why)), last);
		rig_close();
		unlink(rig_path("hmipd.db"));
	}
}
