/* What the files of the store share. The loop thread owns struct hm_store; the writer thread owns
 * what is marked so, and the connection while it holds db.lock. */
#ifndef HM_HOST_STORE_INTERNAL_H
#define HM_HOST_STORE_INTERNAL_H

#include "base/err.h"
#include "base/text.h"
#include "host/settings.h"
#include "host/store.h"

#include <sodium.h>
#include <sqlite3.h>

#define HM_STORE_APPLICATION_ID 0x484D4950 /* "HMIP" */
#define HM_STORE_QUEUE_DEFAULT 65536
#define HM_STORE_CACHE "-65536" /* KiB: the pages that updates go to at random */
#define HM_STORE_ORIGIN_MAX 32
/* 9999-12-31T23:59:59.999Z: the last moment that SQLite's functions print. */
#define HM_STORE_DATE_MAX INT64_C(253402300799999)

/* The numbered files of db/, embedded at build time. */
extern const char *const hm_migrations[];
extern const int hm_schema_version;

enum hm_stmt {
	HM_STMT_BEGIN,
	HM_STMT_COMMIT,
	HM_STMT_ROLLBACK,
	HM_STMT_PUT_BINDING,
	HM_STMT_PUT_SEQ,
	HM_STMT_PUT_REGISTRATION,
	HM_STMT_DEL_BINDING,
	HM_STMT_DEL_SEQ,
	HM_STMT_DEL_REGISTRATION,
	HM_STMT_PUT_KEY,
	HM_STMT_DEL_KEY,
	HM_STMT_DEL_CONFIG_KEYS,
	HM_STMTS,
};

/* The one read-write connection (two of them could lose commits before SQLite 3.51.3: the WAL-reset
 * bug). Checkpoints are made on it too, between transactions, so that no answer waits for one. */
struct hm_db {
	uv_mutex_t lock;
	sqlite3 *sql;
	sqlite3_stmt *stmt[HM_STMTS];
	int wal_pages;     /* in the WAL after the last commit */
	int64_t offset_ms; /* wall clock less monotonic clock, when the store was opened */
};

/* A key with storage for what its row points at. */
struct hm_store_key {
	struct hm_key_row row;
	char origin[HM_STORE_ORIGIN_MAX];
	uint8_t secret[HM_SECRET_MAX];
};

enum hm_op_kind {
	HM_OP_PUT,
	HM_OP_DEL,
	HM_OP_KEY_PUT,
	HM_OP_KEY_DEL,
	HM_OP_CONFIG_KEYS,
};

struct hm_op {
	enum hm_op_kind kind;
	bool kept; /* its commit failed and nobody was told: a copy waits for the next one */
	int err;
	uint64_t cookie;
	const struct hm_op *by; /* a later op of the batch on the same row, written in its place */
	union {
		struct hm_record record;
		struct {
			struct hm_store_key *row; /* malloc memory, wiped before it is freed */
			size_t n;
		} keys;
	};
};

/* What one loop turn queued. Turns travel whole: pending -> waiting -> batch -> answered. */
struct hm_turn {
	struct hm_turn *next;
	size_t n, cap;
	struct hm_op op[];
};

struct hm_turns {
	struct hm_turn *first, **last;
};

struct hm_store {
	hm_store_done *done;
	void *arg;
	uv_async_t async;
	uv_thread_t thread;
	int lock_fd;
	size_t queue_max, queued;
	bool closing;
	struct hm_turn *pending;
	struct hm_db db;

	uv_mutex_t lock; /* over the next five */
	uv_cond_t wake;
	struct hm_turns waiting, answered;
	bool stop;
	struct hm_store_stats stats;

	/* the writer's */
	struct hm_turns batch;
	bool last_try;
	const struct hm_op **slots;
	size_t n_slots;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

/* store_file.c: directory, lock and modes; messages for people in ret_why. */
int hm_store_lock(const char *state_dir, int *ret_fd, char *ret_why, size_t why_len);
int hm_store_file(const char *state_dir, char ret_path[HM_PATH_MAX], char *ret_why, size_t why_len);

/* store_db.c: the connection. hm_db_close() accepts a zeroed one. */
int hm_db_open(struct hm_db *db, const char *path, char *ret_why, size_t why_len);
void hm_db_close(struct hm_db *db);
int hm_db_err(int rc);
int hm_db_run(struct hm_db *db, enum hm_stmt stmt); /* an SQLite code */
void hm_db_checkpoint(struct hm_db *db);

/* store_row.c: records to rows. An SQLite code. */
extern const char *const hm_stmt_texts[HM_STMTS];
int hm_db_apply(struct hm_db *db, const struct hm_op *op);
bool hm_record_fits(const struct hm_record *record);
/* NULL (SQL) for HM_NEVER. */
bool hm_db_date(const struct hm_db *db, hm_ms at, int64_t *ret_date);
int64_t hm_db_now(const struct hm_db *db);

/* store_text.c: enum to text and back; -1 for a text that is none. */
const char *hm_binding_state_text(enum hm_binding_state state);
const char *hm_registration_state_text(enum hm_registration_state state);
int hm_role_parse(const char *text);
int hm_use_parse(const char *text);
int hm_binding_state_parse(const char *text);
int hm_registration_state_parse(const char *text);

/* store_queue.c: lists of turns. */
void hm_turns_init(struct hm_turns *turns);
void hm_turns_add(struct hm_turns *turns, struct hm_turn *turn);
struct hm_turn *hm_turns_take(struct hm_turns *turns);
/* Room for one more op; the turn may move. NULL: no memory, the turn stays as it was. */
struct hm_op *hm_turn_add(struct hm_turn **turn);
/* Wipes secrets. NULL is fine. */
void hm_turn_destroy(struct hm_turn *turn);

/* store_write.c: the writer thread; arg is the store. */
void hm_store_writer(void *arg);

#endif
