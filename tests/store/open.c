#include "store/rig.h"

#include <fcntl.h>

TestSuite(open, .init = rig_start, .fini = rig_end);

static mode_t mode_of(const char *name)
{
	struct stat st;

	cr_assert_eq(stat(rig_path(name), &st), 0, "%s is missing", name);
	return st.st_mode & 07777;
}

static void refuse(int want, const char *text)
{
	int err = rig_try_open();

	cr_assert_eq(err, want, "%s: %s", hm_err_text(err), rig.why);
	cr_assert_not_null(strstr(rig.why, text), "%s", rig.why);
	cr_assert_not_null(strstr(rig.why, rig.dir), "%s", rig.why);
	cr_assert_null(strchr(rig.why, '\n'), "%s", rig.why);
}

static size_t read_file(const char *path, char *ret_text, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	cr_assert_not_null(f, "%s", path);
	n = fread(ret_text, 1, max - 1, f);
	fclose(f);
	ret_text[n] = '\0';
	return n;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
	cr_assert_eq(chmod(path, 0600), 0);
}

Test(open, makes_a_directory_and_files_that_others_cannot_read)
{
	struct hm_record binding = a_binding("2001:db8:1::aa", 1);

	umask(0);
	cr_assert_eq(rmdir(rig.dir), 0);
	rig_open();
	rig_keep(&binding);
	cr_assert_eq(mode_of("."), 0700);
	cr_assert_eq(mode_of("hmipd.db"), 0600);
	cr_assert_eq(mode_of("hmipd.db-wal"), 0600);
	cr_assert_eq(mode_of("hmipd.db-shm"), 0600);
	cr_assert_eq(mode_of("hmipd.lock"), 0600);
	cr_assert_eq(umask(0), 0, "the mask of the process is not the store's to change");
	rig_close();
	cr_assert_neq(access(rig_path("hmipd.db-wal"), F_OK), 0, "the WAL was not folded");
}

Test(open, marks_the_file_as_its_own_and_with_its_version)
{
	rig_open();
	cr_assert_str_eq(rig_read("PRAGMA application_id"), "1213024592\n"); /* HMIP */
	cr_assert_str_eq(rig_read("PRAGMA user_version"), "1\n");
	cr_assert_str_eq(rig_read("PRAGMA journal_mode"), "wal\n");
	cr_assert_str_eq(rig_read("PRAGMA integrity_check"), "ok\n");
	cr_assert_str_eq(rig_read("SELECT name FROM pragma_table_list WHERE schema = 'main'"
	                          " AND type = 'table' AND name NOT LIKE 'sqlite%' AND NOT strict"),
	                 "");
}

Test(open, refuses_a_file_that_others_can_read)
{
	const mode_t modes[] = { 0640, 0604, 0620, 0602, 0644 };

	rig_open();
	rig_close();
	for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		cr_assert_eq(chmod(rig_path("hmipd.db"), modes[i]), 0);
		refuse(HM_ECONFIG, "hmipd.db: mode 06");
	}
	cr_assert_eq(chmod(rig_path("hmipd.db"), 0600), 0);
	write_file(rig_path("hmipd.db-wal"), "", 0);
	cr_assert_eq(chmod(rig_path("hmipd.db-wal"), 0644), 0);
	refuse(HM_ECONFIG, "hmipd.db-wal: mode 0644");
	cr_assert_eq(chmod(rig_path("hmipd.db-wal"), 0600), 0);
	rig_open();
}

Test(open, refuses_what_is_no_regular_file)
{
	cr_assert_eq(mkdir(rig_path("hmipd.db"), 0700), 0);
	refuse(HM_ESTORE, "hmipd.db: ");
	cr_assert_eq(rmdir(rig_path("hmipd.db")), 0);
	cr_assert_eq(mkfifo(rig_path("hmipd.db"), 0600), 0);
	refuse(HM_ESTORE, "hmipd.db: is not a regular file");
	cr_assert_eq(unlink(rig_path("hmipd.db")), 0);
	cr_assert_eq(symlink("/dev/null", rig_path("hmipd.db")), 0);
	refuse(HM_ESTORE, "hmipd.db: ");
}

Test(open, refuses_a_second_daemon_and_names_the_first)
{
	struct hm_store *first;
	char pid[32];

	rig_open();
	first = rig.store;
	rig.store = NULL;
	snprintf(pid, sizeof pid, "(process %ld)", (long)getpid());
	refuse(HM_EBUSY, pid);
	rig.store = first;
	rig_close();
	rig_open();
}

Test(open, refuses_a_newer_schema_and_leaves_it_alone)
{
	rig_open();
	rig_close();
	rig_change("PRAGMA user_version = 1000");
	refuse(HM_ESTORE, "schema version 1000 is newer");
	cr_assert_str_eq(rig_read("PRAGMA user_version"), "1000\n");
	rig_change("PRAGMA user_version = 1");
	rig_open();
}

Test(open, refuses_the_database_of_another_program)
{
	sqlite3 *sql = rig_other(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);

	rig_ask(sql, "CREATE TABLE binding (precious)");
	sqlite3_close(sql);
	cr_assert_eq(chmod(rig_path("hmipd.db"), 0600), 0);
	refuse(HM_ESTORE, "another program");
	cr_assert_str_eq(rig_read("SELECT group_concat(name) FROM sqlite_schema"), "binding\n");
}

Test(open, refuses_a_file_that_is_no_database_and_leaves_it_alone)
{
	static const char text[] = "These are not the octets that SQLite is looking for.\n";
	char got[128];
	char larger[8192] = "SQLite format 3";

	write_file(rig_path("hmipd.db"), text, sizeof text - 1);
	refuse(HM_ESTORE, "file is not a database (nothing was changed");
	read_file(rig_path("hmipd.db"), got, sizeof got);
	cr_assert_str_eq(got, text);
	memset(larger + 16, 0xa5, sizeof larger - 16);
	write_file(rig_path("hmipd.db"), larger, sizeof larger);
	refuse(HM_ESTORE, "nothing was changed");
}

Test(open, reports_damage_that_shows_only_when_rows_are_read)
{
	struct hm_store_stats stats;
	static char noise[1 << 20];
	struct stat st;
	int fd, err;

	rig_open();
	for (uint32_t i = 0; i < 5000; i++) {
		struct hm_record record = binding_of(i);

		rig_put(&record, 0);
	}
	rig_close();
	/* The first pages hold the schema: they stay. */
	cr_assert_eq(stat(rig_path("hmipd.db"), &st), 0);
	cr_assert_gt(st.st_size, 500000);
	memset(noise, 0xa5, sizeof noise);
	fd = open(rig_path("hmipd.db"), O_WRONLY);
	cr_assert_eq(pwrite(fd, noise, (size_t)st.st_size - 200000, 200000), st.st_size - 200000);
	close(fd);
	rig_open();
	err = hm_store_load(rig.store, rig_on_record, &rig);
	cr_assert_eq(err, HM_ESTORE, "%s", hm_err_text(err));
	hm_store_stats(rig.store, &stats);
	cr_assert_eq(stats.last_error, HM_ESTORE);
	cr_assert_str_eq(stats.why, "database disk image is malformed");
}

Test(open, names_a_directory_it_cannot_make_or_use)
{
	char *end = rig.dir + strlen(rig.dir);

	snprintf(end, sizeof rig.dir - strlen(rig.dir), "/missing/dir");
	refuse(HM_ESTORE, "No such file or directory");
	*end = '\0';
	write_file(rig_path("file"), "", 0);
	snprintf(end, sizeof rig.dir - strlen(rig.dir), "/file");
	refuse(HM_ESTORE, "Not a directory");
	*end = '\0';
}

Test(open, refuses_a_file_that_cannot_be_written)
{
	rig_open();
	rig_close();
	cr_assert_eq(chmod(rig_path("hmipd.db"), 0400), 0);
	if (geteuid() == 0) {
		cr_assert_eq(chown(rig.dir, 65534, 65534), 0);
		cr_assert_eq(chown(rig_path("hmipd.db"), 65534, 65534), 0);
		cr_assert_eq(chown(rig_path("hmipd.lock"), 65534, 65534), 0);
		cr_assert_eq(setgid(65534) | setuid(65534), 0);
	}
	refuse(HM_ESTORE, "hmipd.db: cannot open for reading and writing: Permission denied");
}

/* Makes the database of an older version from its dump. */
static void restore(int version)
{
	static char dump[1 << 18];
	char path[512];
	sqlite3 *sql;

	snprintf(path, sizeof path, FIXTURES "/v%d.sql", version);
	read_file(path, dump, sizeof dump);
	unlink(rig_path("hmipd.db"));
	sql = rig_other(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	rig_ask(sql, dump);
	sqlite3_close(sql);
	cr_assert_eq(chmod(rig_path("hmipd.db"), 0600), 0);
}

static void expect_fixture_rows(int version)
{
	cr_assert_str_eq(rig_read("SELECT role, home_address, gcoa, lcoa, state, sequence, epoch,"
	                          " lifetime_s, registered_at, expires_at FROM v_bindings"
	                          " ORDER BY role"),
	                 "ha|2001:db8:1::aa|NULL|2001:db8:f1::aa|active|8|0|4294967295|"
	                 "2026-01-01T00:00:00Z|NULL\n"
	                 "ms|2001:db8:1::aa|2001:db8:f1::aa|2001:db8:f1:1::aa|forwarding|65535|3|"
	                 "600|2026-01-01T00:00:00Z|2100-01-01T00:00:00Z\n",
	                 "from version %d", version);
	cr_assert_str_eq(rig_read("SELECT * FROM v_sequences"),
	                 "mh-ms|NULL|2001:db8:1::aa|4097|65535|3|2026-01-01T00:00:00Z\n",
	                 "from version %d", version);
	cr_assert_str_eq(rig_read("SELECT * FROM v_registrations"),
	                 "2001:db8:1::1|ha|2001:db8:1::aa|2001:db8:f1::aa|8|active|"
	                 "2100-01-01T00:00:00Z\n",
	                 "from version %d", version);
	cr_assert_str_eq(rig_read("SELECT * FROM v_keys ORDER BY spi"),
	                 "4097|mh-ms|NULL|2001:db8:1::aa|hmac-sha256-128|NULL|NULL|config\n"
	                 "4098|ms-ms|2001:db8:f2::/48|NULL|hmac-sha256-128|2026-01-01T00:00:00Z|"
	                 "2100-01-01T00:00:00Z|aaa\n",
	                 "from version %d", version);
}

static void count_key(void *arg, const struct hm_key_row *key)
{
	size_t *n = arg;

	cr_assert_eq(key->secret_len, 16);
	cr_assert_arr_eq(key->secret, "0123456789abcdef", 16);
	++*n;
}

Test(open, brings_every_older_version_up_to_date)
{
	static char want[65536];
	const char schema[] = "SELECT type, name, sql FROM sqlite_schema ORDER BY name";
	int newest;

	rig_open();
	newest = atoi(rig_read("PRAGMA user_version"));
	snprintf(want, sizeof want, "%s", rig_read(schema));
	rig_close();
	for (int version = 1; version <= newest; version++) {
		size_t keys = 0;

		restore(version);
		rig_open();
		rig_load();
		cr_assert_eq(rig.n_loaded, 4, "from version %d", version);
		cr_assert_eq(hm_store_load_keys(rig.store, count_key, &keys), HM_OK);
		cr_assert_eq(keys, 1);
		cr_assert_eq(atoi(rig_read("PRAGMA user_version")), newest);
		cr_assert_str_eq(rig_read(schema), want, "from version %d", version);
		expect_fixture_rows(version);
		rig_close();
	}
}

Test(open, a_file_system_that_cannot_do_wal_is_refused)
{
	cr_assert_eq(sqlite3_vfs_register(sqlite3_vfs_find("unix-none"), 1), SQLITE_OK);
	refuse(HM_ESTORE, "must be wal");
}

Test(open, versions_that_can_lose_commits_are_known)
{
	static const int unsafe[] = { 3040001, 3044005, 3045000, 3050006, 3051000, 3051002 };
	static const int safe[] = { 3044006, 3044999, 3050007, 3051003, 3052000 };

	for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++)
		cr_assert(!hm_store_sqlite_is_safe(unsafe[i]), "%d", unsafe[i]);
	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
		cr_assert(hm_store_sqlite_is_safe(safe[i]), "%d", safe[i]);
}
