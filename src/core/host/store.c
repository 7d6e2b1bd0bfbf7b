#include "host/store_internal.h"

#include <stdlib.h>
#include <unistd.h>

static void answer(struct hm_store *store, struct hm_turn *turn)
{
	for (size_t i = 0; i < turn->n; i++) {
		const struct hm_op *op = &turn->op[i];

		if (!op->kept)
			store->queued--;
		if (op->cookie && store->done)
			store->done(store->arg, op->cookie, op->err);
	}
	hm_turn_destroy(turn);
}

static void on_answers(uv_async_t *async)
{
	struct hm_store *store = async->data;
	struct hm_turns turns;
	struct hm_turn *turn;

	hm_turns_init(&turns);
	uv_mutex_lock(&store->lock);
	while ((turn = hm_turns_take(&store->answered)))
		hm_turns_add(&turns, turn);
	uv_mutex_unlock(&store->lock);
	while ((turn = hm_turns_take(&turns)))
		answer(store, turn);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void init(struct hm_store *store, const struct hm_store_options *options)
{
	store->done = options->done;
	store->arg = options->arg;
	store->queue_max = options->queue_max ? options->queue_max : HM_STORE_QUEUE_DEFAULT;
	store->lock_fd = -1;
	hm_turns_init(&store->waiting);
	hm_turns_init(&store->answered);
	hm_turns_init(&store->batch);
	randombytes_buf(store->hash_key, sizeof store->hash_key);
}

/* The thread comes last: before it runs, the connection is the caller's. */
static int start(struct hm_store *store, uv_loop_t *loop)
{
	if (uv_mutex_init(&store->lock) != 0)
		return HM_ENOMEM;
	if (uv_cond_init(&store->wake) != 0)
		goto no_cond;
	if (uv_async_init(loop, &store->async, on_answers) != 0)
		goto no_async;
	store->async.data = store;
	if (uv_thread_create(&store->thread, hm_store_writer, store) == 0)
		return HM_OK;
	/* The loop still knows the handle, whose close callback frees the store. */
	store->closing = true;
	uv_close((uv_handle_t *)&store->async, on_closed);
no_async:
	uv_cond_destroy(&store->wake);
no_cond:
	uv_mutex_destroy(&store->lock);
	return HM_ENOMEM;
}

int hm_store_open(const struct hm_store_options *options, struct hm_store **ret_store,
                  char *ret_why, size_t why_len)
{
	char path[HM_PATH_MAX];
	struct hm_store *store = calloc(1, sizeof *store);
	int err = HM_ENOMEM;

	snprintf(ret_why, why_len, "%s", hm_err_text(HM_ENOMEM));
	if (!store || sodium_init() < 0)
		goto fail;
	init(store, options);
	err = hm_store_lock(options->state_dir, &store->lock_fd, ret_why, why_len);
	if (err)
		goto fail;
	err = hm_store_file(options->state_dir, path, ret_why, why_len);
	if (err)
		goto unlock;
	err = hm_db_open(&store->db, path, ret_why, why_len);
	if (err)
		goto unlock;
	err = start(store, options->loop);
	if (!err) {
		snprintf(ret_why, why_len, "%s", "");
		*ret_store = store;
		return HM_OK;
	}
	snprintf(ret_why, why_len, "%s: cannot start the writer", path);
	hm_db_close(&store->db);
unlock:
	close(store->lock_fd);
fail:
	if (store && !store->closing)
		free(store);
	return err;
}

void hm_store_close(struct hm_store *store)
{
	struct hm_turn *turn;

	if (!store)
		return;
	hm_store_flush(store);
	store->closing = true;
	uv_mutex_lock(&store->lock);
	store->stop = true;
	uv_cond_signal(&store->wake);
	uv_mutex_unlock(&store->lock);
	uv_thread_join(&store->thread);
	on_answers(&store->async);
	while ((turn = hm_turns_take(&store->batch)))
		hm_turn_destroy(turn);
	hm_db_close(&store->db);
	close(store->lock_fd);
	free(store->slots);
	uv_cond_destroy(&store->wake);
	uv_mutex_destroy(&store->lock);
	uv_close((uv_handle_t *)&store->async, on_closed);
}

static int queue(struct hm_store *store, const struct hm_op *op)
{
	struct hm_op *room;

	if (store->closing)
		return HM_ESTORE;
	if (store->queued >= store->queue_max)
		return HM_EFULL;
	room = hm_turn_add(&store->pending);
	if (!room)
		return HM_ENOMEM;
	*room = *op;
	store->queued++;
	return HM_OK;
}

static int queue_record(struct hm_store *store, enum hm_op_kind kind,
                        const struct hm_record *record, uint64_t cookie)
{
	struct hm_op op = { .kind = kind, .cookie = cookie, .record = *record };

	return hm_record_fits(record) ? queue(store, &op) : HM_EMALFORMED;
}

int hm_store_put(struct hm_store *store, const struct hm_record *record, uint64_t cookie)
{
	return queue_record(store, HM_OP_PUT, record, cookie);
}

int hm_store_del(struct hm_store *store, const struct hm_record *record, uint64_t cookie)
{
	return queue_record(store, HM_OP_DEL, record, cookie);
}

void hm_store_flush(struct hm_store *store)
{
	if (!store->pending || store->closing)
		return;
	uv_mutex_lock(&store->lock);
	hm_turns_add(&store->waiting, store->pending);
	uv_cond_signal(&store->wake);
	uv_mutex_unlock(&store->lock);
	store->pending = NULL;
}

/* The copy knows its prefix only by the bits that count. */
static int copy_key(const struct hm_key_row *from, const char *origin, struct hm_store_key *to)
{
	if ((unsigned)from->use >= HM_USES || (from->has_peer && from->peer.plen > 128))
		return HM_EMALFORMED;
	if (!origin || strlen(origin) >= sizeof to->origin)
		return HM_ETOOBIG;
	if (from->secret && from->secret_len > sizeof to->secret)
		return HM_ETOOBIG;
	to->row = *from;
	to->row.peer.addr = hm_addr_join(&from->peer.addr, from->peer.plen, &hm_addr_any);
	snprintf(to->origin, sizeof to->origin, "%s", origin);
	to->row.origin = to->origin;
	to->row.secret = NULL;
	if (from->secret) {
		memcpy(to->secret, from->secret, from->secret_len);
		to->row.secret = to->secret;
	}
	return HM_OK;
}

static int queue_keys(struct hm_store *store, struct hm_op *op)
{
	int err = queue(store, op);

	if (err) {
		sodium_memzero(op->keys.row, op->keys.n * sizeof *op->keys.row);
		free(op->keys.row);
	}
	return err;
}

int hm_store_set_config_keys(struct hm_store *store, const struct hm_key_row *keys, size_t n)
{
	struct hm_op op = { .kind = HM_OP_CONFIG_KEYS };

	op.keys.n = n;
	op.keys.row = calloc(n ? n : 1, sizeof *op.keys.row);
	if (!op.keys.row)
		return HM_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct hm_key_row key = keys[i];
		int err;

		key.secret = NULL;
		key.secret_len = 0;
		err = copy_key(&key, "config", &op.keys.row[i]);
		if (err) {
			free(op.keys.row);
			return err;
		}
	}
	return queue_keys(store, &op);
}

static int queue_key(struct hm_store *store, enum hm_op_kind kind, const struct hm_key_row *key,
                     uint64_t cookie)
{
	struct hm_op op = { .kind = kind, .cookie = cookie };
	int err;

	if (!key->origin || strcmp(key->origin, "config") == 0)
		return HM_EUNSUPPORTED;
	op.keys.n = 1;
	op.keys.row = calloc(1, sizeof *op.keys.row);
	if (!op.keys.row)
		return HM_ENOMEM;
	err = copy_key(key, key->origin, op.keys.row);
	if (err) {
		free(op.keys.row);
		return err;
	}
	return queue_keys(store, &op);
}

int hm_store_key_put(struct hm_store *store, const struct hm_key_row *key, uint64_t cookie)
{
	return queue_key(store, HM_OP_KEY_PUT, key, cookie);
}

int hm_store_key_del(struct hm_store *store, const struct hm_key_row *key)
{
	return queue_key(store, HM_OP_KEY_DEL, key, 0);
}

void hm_store_stats(const struct hm_store *store, struct hm_store_stats *ret_stats)
{
	/* The mutex is not part of what the caller may not change. */
	struct hm_store *own = (struct hm_store *)(uintptr_t)store;

	uv_mutex_lock(&own->lock);
	*ret_stats = store->stats;
	uv_mutex_unlock(&own->lock);
	ret_stats->queued = store->queued;
}
