#include "host/store_internal.h"

#include <time.h>

#define BUSY_MS 5000
/* Small checkpoints often: rare large ones hold the next commit up for 200 to 500 ms. */
#define CHECKPOINT_PAGES 1000

int hm_db_err(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return HM_OK;
	case SQLITE_NOMEM:
		return HM_ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return HM_EBUSY;
	default:
		return HM_ESTORE;
	}
}

int hm_db_run(struct hm_db *db, enum hm_stmt stmt)
{
	int rc = sqlite3_step(db->stmt[stmt]);

	(void)sqlite3_reset(db->stmt[stmt]);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void hm_db_checkpoint(struct hm_db *db)
{
	if (db->wal_pages < CHECKPOINT_PAGES)
		return;
	/* A failure or a reader in the way leaves the pages in the WAL: the next one takes them. */
	db->wal_pages = 0;
	(void)sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static int on_commit(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct hm_db *db = arg;

	(void)sql;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t hm_db_now(const struct hm_db *db)
{
	return clock_ms(CLOCK_MONOTONIC) + db->offset_ms;
}

static int64_t clamp(int64_t v)
{
	if (v < 0)
		return 0;
	return v > HM_STORE_DATE_MAX ? HM_STORE_DATE_MAX : v;
}

bool hm_db_date(const struct hm_db *db, hm_ms at, int64_t *ret_date)
{
	int64_t date;

	if (at == HM_NEVER)
		return false;
	if (__builtin_add_overflow(at, db->offset_ms, &date))
		date = at < 0 ? 0 : HM_STORE_DATE_MAX;
	*ret_date = clamp(date);
	return true;
}

static int say(struct hm_db *db, const char *path, int rc, char *ret_why, size_t why_len)
{
	bool broken = rc == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT;

	snprintf(ret_why, why_len, "%s: %s%s", path, sqlite3_errmsg(db->sql),
	         broken ? " (nothing was changed: restore a backup, or move the file away)" : "");
	return hm_db_err(rc);
}

/* The first column of the first row of a query, as a number. */
static int ask(struct hm_db *db, const char *query, int *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->sql, query, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_ERROR : rc;
}

/* Looks before anything is written: whose file this is, and of which age. */
static int identify(struct hm_db *db, const char *path, int *ret_version, char *ret_why,
                    size_t why_len)
{
	int id = 0, version = 0, objects = 0;
	int rc = ask(db, "SELECT count(*) FROM sqlite_schema", &objects);

	if (rc == SQLITE_OK)
		rc = ask(db, "PRAGMA application_id", &id);
	if (rc == SQLITE_OK)
		rc = ask(db, "PRAGMA user_version", &version);
	if (rc != SQLITE_OK)
		return say(db, path, rc, ret_why, why_len);
	if (id != HM_STORE_APPLICATION_ID && (id != 0 || version != 0 || objects != 0)) {
		snprintf(ret_why, why_len, "%s: is a database of another program", path);
		return HM_ESTORE;
	}
	if (version > hm_schema_version || version < 0) {
		snprintf(ret_why, why_len,
		         "%s: schema version %d is newer than this hmipd's %d: use the hmipd that "
		         "made it, or restore a backup from before the upgrade",
		         path, version, hm_schema_version);
		return HM_ESTORE;
	}
	*ret_version = version;
	return HM_OK;
}

static int migrate(struct hm_db *db, const char *path, int from, char *ret_why, size_t why_len)
{
	for (int v = from + 1; v <= hm_schema_version; v++) {
		char end[128];
		int rc, err;

		snprintf(end, sizeof end,
		         "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		         HM_STORE_APPLICATION_ID, v);
		rc = sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db->sql, hm_migrations[v - 1], NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db->sql, end, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			continue;
		err = say(db, path, rc, ret_why, why_len);
		if (!sqlite3_get_autocommit(db->sql))
			(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
		return err;
	}
	return HM_OK;
}

static int prepare(struct hm_db *db, const char *path, char *ret_why, size_t why_len)
{
	for (int i = 0; i < HM_STMTS; i++) {
		int rc = sqlite3_prepare_v3(db->sql, hm_stmt_texts[i], -1,
		                            SQLITE_PREPARE_PERSISTENT, &db->stmt[i], NULL);

		if (rc != SQLITE_OK)
			return say(db, path, rc, ret_why, why_len);
	}
	return HM_OK;
}

/* SQLite answers with the mode it kept when it cannot do as asked (no shared memory on that file
 * system, say), and that is no error to it: readers would block us, so it is one to us. */
static int use_wal(struct hm_db *db, const char *path, char *ret_why, size_t why_len)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->sql, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	int err = HM_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		err = say(db, path, rc, ret_why, why_len);
		err = err ? err : HM_ESTORE;
	} else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0) {
		snprintf(ret_why, why_len,
		         "%s: journal mode stays %s, but must be wal: move the state directory to "
		         "a file system that can share memory",
		         path, (const char *)sqlite3_column_text(stmt, 0));
		err = HM_ESTORE;
	}
	sqlite3_finalize(stmt);
	return err;
}

/* https://sqlite.org/wal.html#the_wal_reset_bug: fixed in 3.51.3, 3.50.7 and 3.44.6. */
bool hm_store_sqlite_is_safe(int version)
{
	return version >= 3051003 || (version >= 3050007 && version < 3051000) ||
	       (version >= 3044006 && version < 3045000);
}

static int set_up(struct hm_db *db, const char *path, char *ret_why, size_t why_len)
{
	static const char before[] =
	        "PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;"
	        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = " HM_STORE_CACHE;
	static const char pragmas[] = "PRAGMA synchronous = FULL;"
	                              "PRAGMA journal_size_limit = 67108864;"
	                              "PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON";
	int version = 0, rc, err;

	(void)sqlite3_busy_timeout(db->sql, BUSY_MS);
	(void)sqlite3_extended_result_codes(db->sql, 1);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	rc = sqlite3_exec(db->sql, before, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return say(db, path, rc, ret_why, why_len);
	err = identify(db, path, &version, ret_why, why_len);
	if (err)
		return err;
	if (sqlite3_db_readonly(db->sql, "main")) {
		snprintf(ret_why, why_len, "%s: cannot be written", path);
		return HM_ESTORE;
	}
	err = use_wal(db, path, ret_why, why_len);
	if (err)
		return err;
	rc = sqlite3_exec(db->sql, pragmas, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return say(db, path, rc, ret_why, why_len);
	(void)sqlite3_wal_hook(db->sql, on_commit, db);
	err = migrate(db, path, version, ret_why, why_len);
	return err ? err : prepare(db, path, ret_why, why_len);
}

int hm_db_open(struct hm_db *db, const char *path, char *ret_why, size_t why_len)
{
	int rc, err;

	if (uv_mutex_init(&db->lock) != 0)
		return HM_ENOMEM;
	db->offset_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
	rc = sqlite3_open_v2(path, &db->sql,
	                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
	                     NULL);
	err = rc == SQLITE_OK ? set_up(db, path, ret_why, why_len)
	                      : say(db, path, rc, ret_why, why_len);
	if (err)
		hm_db_close(db);
	return err;
}

/* The last connection to go folds the WAL into the file. */
void hm_db_close(struct hm_db *db)
{
	for (int i = 0; i < HM_STMTS; i++)
		sqlite3_finalize(db->stmt[i]);
	(void)sqlite3_close(db->sql);
	uv_mutex_destroy(&db->lock);
	memset(db, 0, sizeof *db);
}
