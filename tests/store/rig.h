/* A store in a directory of its own, a loop to drive it, and the answers it gave. The directory
 * goes with the test. */
#ifndef HM_TESTS_STORE_RIG_H
#define HM_TESTS_STORE_RIG_H

#include "base/err.h"
#include "host/store.h"
#include "lib/addr.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RIG_MAX 8192

struct rig {
	char dir[64];
	uv_loop_t loop;
	struct hm_store *store;
	size_t queue_max;
	char why[512];
	size_t n_answers;
	uint64_t cookie[RIG_MAX];
	int err[RIG_MAX];
	size_t n_loaded;
	struct hm_record loaded[RIG_MAX];
	char text[65536];
};

static struct rig rig;

static inline void rig_on_done(void *arg, uint64_t cookie, int err)
{
	struct rig *r = arg;

	cr_assert_lt(r->n_answers, RIG_MAX);
	r->cookie[r->n_answers] = cookie;
	r->err[r->n_answers++] = err;
}

static inline int rig_try_open(void)
{
	struct hm_store_options options = {
		.state_dir = rig.dir,
		.loop = &rig.loop,
		.done = rig_on_done,
		.arg = &rig,
		.queue_max = rig.queue_max,
	};

	return hm_store_open(&options, &rig.store, rig.why, sizeof rig.why);
}

static inline void rig_open(void)
{
	int err = rig_try_open();

	cr_assert_eq(err, HM_OK, "open: %s: %s", hm_err_text(err), rig.why);
	cr_assert_str_empty(rig.why);
}

static inline void rig_on_record(void *arg, const struct hm_record *record)
{
	struct rig *r = arg;

	cr_assert_lt(r->n_loaded, RIG_MAX);
	r->loaded[r->n_loaded++] = *record;
}

static inline void rig_load(void)
{
	int err;

	rig.n_loaded = 0;
	err = hm_store_load(rig.store, rig_on_record, &rig);
	cr_assert_eq(err, HM_OK, "load: %s", hm_err_text(err));
}

static inline void rig_close(void)
{
	hm_store_close(rig.store);
	rig.store = NULL;
	uv_run(&rig.loop, UV_RUN_NOWAIT);
}

static inline void rig_reopen(void)
{
	rig_close();
	rig_open();
	rig_load();
}

/* Runs the loop until so many answers have come since the start. */
static inline void rig_wait(size_t n)
{
	hm_store_flush(rig.store);
	while (rig.n_answers < n)
		uv_run(&rig.loop, UV_RUN_ONCE);
	cr_assert_eq(rig.n_answers, n);
}

static inline void rig_put(const struct hm_record *record, uint64_t cookie)
{
	int err = hm_store_put(rig.store, record, cookie);

	cr_assert_eq(err, HM_OK, "put: %s", hm_err_text(err));
}

static inline void rig_del(const struct hm_record *record, uint64_t cookie)
{
	int err = hm_store_del(rig.store, record, cookie);

	cr_assert_eq(err, HM_OK, "del: %s", hm_err_text(err));
}

/* Puts one record, waits, and expects it to be durable. */
static inline void rig_keep(const struct hm_record *record)
{
	rig_put(record, 1);
	rig_wait(rig.n_answers + 1);
	cr_assert_eq(rig.err[rig.n_answers - 1], HM_OK, "put: %s",
	             hm_err_text(rig.err[rig.n_answers - 1]));
}

static inline const char *rig_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", rig.dir, name);
	return path;
}

/* A connection as another program would make it. */
static inline sqlite3 *rig_other(int flags)
{
	sqlite3 *sql;

	cr_assert_eq(sqlite3_open_v2(rig_path("hmipd.db"), &sql, flags, NULL), SQLITE_OK);
	return sql;
}

static inline int rig_on_row(void *arg, int n, char **value, char **name)
{
	struct rig *r = arg;
	size_t len = strlen(r->text);

	(void)name;
	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(r->text + len, sizeof r->text - len, "%s%s",
		                        i > 0 ? "|" : "", value[i] ? value[i] : "NULL");
	snprintf(r->text + len, sizeof r->text - len, "\n");
	return 0;
}

static inline const char *rig_ask(sqlite3 *sql, const char *query)
{
	char *why = NULL;

	rig.text[0] = '\0';
	cr_assert_eq(sqlite3_exec(sql, query, rig_on_row, &rig, &why), SQLITE_OK, "%s: %s", query,
	             why);
	return rig.text;
}

/* What a reader sees now: rows of columns with | between them. */
static inline const char *rig_read(const char *query)
{
	sqlite3 *sql = rig_other(SQLITE_OPEN_READONLY);

	rig_ask(sql, query);
	sqlite3_close(sql);
	return rig.text;
}

/* Changes the file behind the store's back; the store must be closed. */
static inline void rig_change(const char *statement)
{
	sqlite3 *sql = rig_other(SQLITE_OPEN_READWRITE);

	rig_ask(sql, statement);
	cr_assert_eq(sqlite3_close(sql), SQLITE_OK);
}

static inline hm_ms rig_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (hm_ms)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void rig_start(void)
{
	memset(&rig, 0, sizeof rig);
	snprintf(rig.dir, sizeof rig.dir, "/tmp/hmipd-store-XXXXXX");
	cr_assert_not_null(mkdtemp(rig.dir));
	cr_assert_eq(uv_loop_init(&rig.loop), 0);
}

static inline int rig_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void rig_end(void)
{
	rig_close();
	cr_assert_eq(uv_loop_close(&rig.loop), 0, "a handle of the store is still open");
	nftw(rig.dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct hm_record a_binding(const char *home, uint16_t seq)
{
	hm_ms now = rig_now();

	return (struct hm_record){
		.kind = HM_RECORD_BINDING,
		.binding = { .role = HM_ROLE_MS,
		             .home = addr(home),
		             .gcoa = addr("2001:db8:f1::aa"),
		             .coa = addr("2001:db8:f1:1::aa"),
		             .seq = seq,
		             .lifetime_s = 600,
		             .registered_ms = now,
		             .expires_ms = now + 600000 },
	};
}

/* The n-th of many. */
static inline struct hm_record binding_of(uint32_t n)
{
	struct hm_record record = a_binding("2001:db8:1::", 1);

	for (unsigned i = 0; i < 4; i++)
		record.binding.home.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	record.binding.epoch = n;
	return record;
}

static inline struct hm_record a_seq(enum hm_use use, const char *peer, const char *home,
                                     uint16_t seq)
{
	return (struct hm_record){
		.kind = HM_RECORD_SEQ,
		.seq = { .use = use, .peer = addr(peer), .home = addr(home), .seq = seq },
	};
}

static inline struct hm_record a_registration(enum hm_role_id kind, const char *peer, uint16_t seq)
{
	return (struct hm_record){
		.kind = HM_RECORD_REGISTRATION,
		.registration = { .kind = kind,
		                  .peer = addr(peer),
		                  .home = addr("2001:db8:1::aa"),
		                  .coa = addr("2001:db8:f1:1::aa"),
		                  .seq = seq,
		                  .state = HM_REGISTRATION_ACTIVE,
		                  .expires_ms = rig_now() + 600000 },
	};
}

#endif
