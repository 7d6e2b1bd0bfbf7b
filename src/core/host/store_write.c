#include "host/store_internal.h"

#include <stdlib.h>

/* Operations in one transaction, about; a loop turn is never split. Larger ones write no faster. */
#define BATCH_OPS 2048
/* Another program may hold the write lock: so many times SQLite's own wait (5 s). */
#define BUSY_TRIES 6
/* How long after a failure what nobody waits for is tried again. */
#define RETRY_NS UINT64_C(1000000000)

/* The identity of a record: kind, then what its table is keyed by. */
struct key {
	uint8_t b[2 + 2 * sizeof(struct hm_addr)];
};

static struct key key_of(const struct hm_record *record)
{
	const struct hm_addr *first = &hm_addr_any, *second = &hm_addr_any;
	struct key key;
	unsigned part = 0;

	switch (record->kind) {
	case HM_RECORD_BINDING:
		part = record->binding.role;
		first = &record->binding.home;
		break;
	case HM_RECORD_SEQ:
		part = record->seq.use;
		first = &record->seq.peer;
		second = &record->seq.home;
		break;
	case HM_RECORD_REGISTRATION:
		part = record->registration.kind;
		first = &record->registration.peer;
		second = &record->registration.home;
		break;
	}
	key.b[0] = (uint8_t)record->kind;
	key.b[1] = (uint8_t)part;
	memcpy(&key.b[2], first->b, sizeof first->b);
	memcpy(&key.b[2 + sizeof first->b], second->b, sizeof second->b);
	return key;
}

static bool is_record(const struct hm_op *op)
{
	return op->kind == HM_OP_PUT || op->kind == HM_OP_DEL;
}

static size_t count(const struct hm_turns *turns)
{
	size_t n = 0;

	for (const struct hm_turn *turn = turns->first; turn; turn = turn->next)
		n += turn->n;
	return n;
}

/* Empty slots for n keys, at most half of which get filled. */
static bool clear_slots(struct hm_store *store, size_t n)
{
	size_t want = 1024;

	while (want < 2 * n)
		want *= 2;
	if (want > store->n_slots) {
		const struct hm_op **slots = realloc(store->slots, want * sizeof *slots);

		if (!slots)
			return false;
		store->slots = slots;
		store->n_slots = want;
	}
	memset(store->slots, 0, store->n_slots * sizeof *store->slots);
	return true;
}

/* Where the op on this record is, or where it goes. Hosts choose their addresses: the hash is
 * keyed. */
static const struct hm_op **slot_of(struct hm_store *store, const struct hm_record *record)
{
	struct key key = key_of(record);
	uint64_t h;

	_Static_assert(sizeof h == crypto_shorthash_BYTES, "the hash fills the integer");
	crypto_shorthash((uint8_t *)&h, key.b, sizeof key.b, store->hash_key);
	for (size_t i = (size_t)h;; i++) {
		const struct hm_op **slot = &store->slots[i & (store->n_slots - 1)];
		struct key other;

		if (!*slot)
			return slot;
		other = key_of(&(*slot)->record);
		if (memcmp(&other, &key, sizeof key) == 0)
			return slot;
	}
}

/* Names for each op the last one on the same row, which alone is written. `only_silent` leaves out
 * what somebody waits for. Without memory nothing is coalesced, which is right as well. */
static void coalesce(struct hm_store *store, bool only_silent)
{
	bool use_slots = clear_slots(store, count(&store->batch));

	for (struct hm_turn *turn = store->batch.first; turn; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++)
			turn->op[i].by = NULL;
	for (struct hm_turn *turn = store->batch.first; turn && use_slots; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++) {
			struct hm_op *op = &turn->op[i];

			if (is_record(op) && !(only_silent && op->cookie))
				*slot_of(store, &op->record) = op;
		}
	for (struct hm_turn *turn = store->batch.first; turn && use_slots; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++) {
			struct hm_op *op = &turn->op[i];

			if (!is_record(op) || (only_silent && op->cookie))
				continue;
			op->by = *slot_of(store, &op->record);
			if (op->by == op)
				op->by = NULL;
		}
}

/* What is wrong with the row rather than with the file or the disk. */
static bool is_of_the_row(int rc)
{
	rc &= 0xff;
	return rc == SQLITE_CONSTRAINT || rc == SQLITE_MISMATCH || rc == SQLITE_TOOBIG;
}

static int apply_turn(struct hm_store *store, struct hm_turn *turn)
{
	for (size_t i = 0; i < turn->n; i++) {
		struct hm_op *op = &turn->op[i];
		int rc;

		op->err = HM_OK;
		if (op->by)
			continue;
		rc = hm_db_apply(&store->db, op);
		if (is_of_the_row(rc))
			op->err = HM_ESTORE;
		else if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

static bool stopping(struct hm_store *store)
{
	bool stop;

	uv_mutex_lock(&store->lock);
	stop = store->stop;
	uv_mutex_unlock(&store->lock);
	return stop;
}

static int begin(struct hm_store *store)
{
	int rc = SQLITE_BUSY;

	for (unsigned tries = 0; (rc & 0xff) == SQLITE_BUSY && tries < BUSY_TRIES; tries++) {
		rc = hm_db_run(&store->db, HM_STMT_BEGIN);
		if (stopping(store))
			break;
	}
	return rc;
}

static int write_batch(struct hm_store *store)
{
	struct hm_db *db = &store->db;
	int rc = begin(store);

	for (struct hm_turn *turn = store->batch.first; turn && rc == SQLITE_OK; turn = turn->next)
		rc = apply_turn(store, turn);
	if (rc == SQLITE_OK)
		rc = hm_db_run(db, HM_STMT_COMMIT);
	/* Some errors end the transaction by themselves. */
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(db->sql))
		(void)hm_db_run(db, HM_STMT_ROLLBACK);
	return rc;
}

/* After a failed commit: who waits is told, and what nobody waits for is kept for the next one. */
static struct hm_turn *keep_silent(struct hm_store *store, int err)
{
	struct hm_turn *kept = NULL;

	coalesce(store, true);
	for (struct hm_turn *turn = store->batch.first; turn; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++) {
			struct hm_op *op = &turn->op[i], *copy;

			op->err = err;
			if (op->cookie || op->by)
				continue;
			copy = hm_turn_add(&kept);
			if (!copy)
				continue;
			*copy = *op;
			op->kept = true;
		}
	return kept;
}

static void settle(struct hm_store *store)
{
	for (struct hm_turn *turn = store->batch.first; turn; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++)
			if (turn->op[i].by)
				turn->op[i].err = turn->op[i].by->err;
}

static void note(struct hm_store *store, int err, int rc)
{
	struct hm_store_stats *stats = &store->stats;

	stats->last_error = err;
	if (err) {
		stats->failures++;
		snprintf(stats->why, sizeof stats->why, "%s", sqlite3_errstr(rc));
		return;
	}
	stats->commits++;
	stats->why[0] = '\0';
	for (struct hm_turn *turn = store->batch.first; turn; turn = turn->next)
		for (size_t i = 0; i < turn->n; i++)
			stats->records_written += !turn->op[i].by && !turn->op[i].err;
}

static void commit(struct hm_store *store)
{
	struct hm_turn *kept = NULL, *turn;
	int rc, err;

	uv_mutex_lock(&store->db.lock);
	coalesce(store, false);
	rc = write_batch(store);
	uv_mutex_unlock(&store->db.lock);
	err = hm_db_err(rc);
	if (err)
		kept = keep_silent(store, err);
	else
		settle(store);
	uv_mutex_lock(&store->lock);
	note(store, err, rc);
	while ((turn = hm_turns_take(&store->batch)))
		hm_turns_add(&store->answered, turn);
	uv_mutex_unlock(&store->lock);
	uv_async_send(&store->async);
	if (kept)
		hm_turns_add(&store->batch, kept);
	uv_mutex_lock(&store->db.lock);
	hm_db_checkpoint(&store->db);
	uv_mutex_unlock(&store->db.lock);
}

/* Waits for work and moves it to the batch, behind what a failure left there. False: the end. */
static bool take(struct hm_store *store)
{
	size_t n = 0;
	bool more;

	uv_mutex_lock(&store->lock);
	while (!store->waiting.first && !store->stop) {
		if (!store->batch.first)
			uv_cond_wait(&store->wake, &store->lock);
		else if (uv_cond_timedwait(&store->wake, &store->lock, RETRY_NS) == UV_ETIMEDOUT)
			break;
	}
	more = store->waiting.first || !store->stop;
	if (!more && store->batch.first && !store->last_try)
		more = store->last_try = true;
	while (store->waiting.first && n < BATCH_OPS) {
		struct hm_turn *turn = hm_turns_take(&store->waiting);

		n += turn->n;
		hm_turns_add(&store->batch, turn);
	}
	uv_mutex_unlock(&store->lock);
	return more;
}

void hm_store_writer(void *arg)
{
	struct hm_store *store = arg;

	while (take(store))
		commit(store);
}
