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

/* Opens or creates STATE_DIR/hmipd.db, migrates it, refuses one that others can read or a newer
 * schema. On failure a message for people is in ret_why (no newline, always terminated). */
int hm_store_open(const struct hm_store_options *options, struct hm_store **ret_store,
                  char *ret_why, size_t why_len);

/* Commits what is queued, answers it, folds the WAL and closes. NULL is fine. Before it returns
 * `done` has run for every cookie. */
void hm_store_close(struct hm_store *store);

/* Calls cb for every live record, sequence numbers first, on the calling thread; call it once,
 * between open and the first put. Expired bindings and registrations are deleted, not reported. */
int hm_store_load(struct hm_store *store, void (*cb)(void *arg, const struct hm_record *record),
                  void *arg);

/* Queues a record to be written; cookie 0 wants no answer. HM_EFULL: the queue is at its ceiling,
 * nothing was queued. The queue goes to the writer at hm_store_flush(). */
int hm_store_put(struct hm_store *store, const struct hm_record *record, uint64_t cookie);
int hm_store_del(struct hm_store *store, const struct hm_record *record, uint64_t cookie);

/* Hands what was queued since the last flush to the writer: once per loop turn. */
void hm_store_flush(struct hm_store *store);

/* Replaces the rows with origin "config" by these (v_keys); secrets are never among them. */
int hm_store_set_config_keys(struct hm_store *store, const struct hm_key_row *keys, size_t n);
/* Keeps a learnt key, secret included; del forgets it. Loaded by cb at start. */
int hm_store_key_put(struct hm_store *store, const struct hm_key_row *key, uint64_t cookie);
int hm_store_key_del(struct hm_store *store, const struct hm_key_row *key);
int hm_store_load_keys(struct hm_store *store, void (*cb)(void *arg, const struct hm_key_row *key),
                       void *arg);

/* Figures for `show status`. */
struct hm_store_stats {
	uint64_t records_written, commits, failures;
	size_t queued;
	int last_error; /* HM_OK when the last commit went well */
};
void hm_store_stats(const struct hm_store *store, struct hm_store_stats *ret_stats);

#endif
