/* What survives a restart, in SQLite (contract: store). All SQL lives here and in db/.
 *
 * One thread of its own holds the only read-write connection: the loop thread hands over batches
 * and never waits. Everything queued while a commit runs forms the next transaction (group commit),
 * with synchronous=FULL: when `done` says HM_OK the record survives kill -9 and power loss. */
#ifndef HM_HOST_STORE_H
#define HM_HOST_STORE_H

#include "engine/record.h"

#include <stdbool.h>
#include <uv.h>

struct hm_store;

/* A key learnt from elsewhere (origin "aaa") or known from the configuration (origin "config"). The
 * secret of a configured key is not stored. */
struct hm_key_row {
	uint32_t spi;
	enum hm_use use;
	bool has_peer, has_home;
	struct hm_prefix peer;
	struct hm_addr home;
	int64_t not_before_s, not_after_s; /* 0: none */
	const char *origin;
	const uint8_t *secret; /* NULL: none to keep */
	size_t secret_len;
};

/* Runs on the loop thread, once per put with a cookie, in the order of the puts. */
typedef void hm_store_done(void *arg, uint64_t cookie, int err);

struct hm_store_options {
	const char *state_dir; /* made with mode 0700 when it is missing */
	uv_loop_t *loop;
	hm_store_done *done;
	void *arg;
	size_t queue_max; /* records waiting for a commit; 0: the default */
};

/* Does this SQLite (sqlite3_libversion_number()) lack the fault that can lose commits when two
 * connections write or checkpoint at one moment? hmipd has one that does; others must only read. */
bool hm_store_sqlite_is_safe(int version);

/* Opens or creates STATE_DIR/hmipd.db, migrates it, refuses one that others can read or a newer
 * schema. On failure a message for people is in ret_why (no newline, always terminated).
 * HM_ECONFIG: others may read a file that holds secrets; HM_EBUSY: another daemon has this state
 * directory; HM_ESTORE: the rest. */
int hm_store_open(const struct hm_store_options *options, struct hm_store **ret_store,
                  char *ret_why, size_t why_len);

/* Commits what is queued, answers it, folds the WAL and closes. NULL is fine. Before it returns
 * `done` has run for every cookie; not to be called from `done`. The loop must run once more. */
void hm_store_close(struct hm_store *store);

/* Calls cb for every live record, sequence numbers first, on the calling thread; call it once,
 * between open and the first put. Expired bindings and registrations are deleted, not reported. */
int hm_store_load(struct hm_store *store, void (*cb)(void *arg, const struct hm_record *record),
                  void *arg);

/* Queues a record to be written; cookie 0 wants no answer. HM_EFULL: the queue is at its ceiling,
 * HM_EMALFORMED: no such row can exist; nothing was queued then. The queue goes to the writer at
 * hm_store_flush().
 *
 * When a commit fails, each cookie of it is answered with the error and its record is dropped: the
 * caller has told nobody yet. A record without a cookie stays in the queue and is tried again, with
 * the next batch or after a second, until it is written or the store is closed. */
int hm_store_put(struct hm_store *store, const struct hm_record *record, uint64_t cookie);
int hm_store_del(struct hm_store *store, const struct hm_record *record, uint64_t cookie);

/* Hands what was queued since the last flush to the writer: once per loop turn. */
void hm_store_flush(struct hm_store *store);

/* Replaces the rows with origin "config" by these (v_keys); secrets are never among them. */
int hm_store_set_config_keys(struct hm_store *store, const struct hm_key_row *keys, size_t n);
/* Keeps a learnt key, secret included, in place of one with the same use, SPI, peer and home; del
 * forgets it. The origin "config" is HM_EUNSUPPORTED. Those that have expired are deleted by the
 * way, and by hm_store_load(). Loading them: as hm_store_load(), which it may precede or follow; a
 * row and its secret are the callback's for its duration only. */
int hm_store_key_put(struct hm_store *store, const struct hm_key_row *key, uint64_t cookie);
int hm_store_key_del(struct hm_store *store, const struct hm_key_row *key);
int hm_store_load_keys(struct hm_store *store, void (*cb)(void *arg, const struct hm_key_row *key),
                       void *arg);

/* Figures for `show status`. */
struct hm_store_stats {
	uint64_t records_written, commits, failures;
	size_t queued;
	int last_error; /* HM_OK when the last commit, or the load, went well */
	char why[96];   /* "" or what SQLite said about last_error */
};
void hm_store_stats(const struct hm_store *store, struct hm_store_stats *ret_stats);

#endif
