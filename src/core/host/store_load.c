#include "host/store_internal.h"

/* Reads columns from left to right; the first that cannot be right makes the row bad. */
struct row {
	struct hm_db *db;
	sqlite3_stmt *stmt;
	int at;
	int64_t now; /* since 1970 */
	bool bad;
};

static int64_t row_int(struct row *r, int64_t max)
{
	int64_t v = sqlite3_column_int64(r->stmt, r->at++);

	if (v < 0 || v > max) {
		r->bad = true;
		return 0;
	}
	return v;
}

static uint32_t row_u32(struct row *r)
{
	return (uint32_t)row_int(r, UINT32_MAX);
}

static bool row_is_null(struct row *r)
{
	return sqlite3_column_type(r->stmt, r->at) == SQLITE_NULL;
}

/* :: for NULL. */
static struct hm_addr row_addr(struct row *r)
{
	struct hm_addr a = hm_addr_any;
	const void *p = sqlite3_column_blob(r->stmt, r->at);

	if (p && sqlite3_column_bytes(r->stmt, r->at) == (int)sizeof a.b)
		memcpy(a.b, p, sizeof a.b);
	else if (!row_is_null(r))
		r->bad = true;
	r->at++;
	return a;
}

static unsigned row_enum(struct row *r, int (*parse)(const char *text))
{
	int v = parse((const char *)sqlite3_column_text(r->stmt, r->at++));

	if (v >= 0)
		return (unsigned)v;
	r->bad = true;
	return 0;
}

/* Time that passed while the daemon was down has passed. */
static hm_ms row_date(struct row *r)
{
	if (row_is_null(r)) {
		r->at++;
		return HM_NEVER;
	}
	return row_int(r, HM_STORE_DATE_MAX) - r->db->offset_ms;
}

static void read_seq(struct row *r, struct hm_record *record)
{
	struct hm_seq_row *seq = &record->seq;

	record->kind = HM_RECORD_SEQ;
	seq->use = (enum hm_use)row_enum(r, hm_use_parse);
	seq->peer = row_addr(r);
	seq->home = row_addr(r);
	seq->seq = (uint16_t)row_int(r, UINT16_MAX);
	seq->epoch = row_u32(r);
	seq->spi = row_u32(r);
}

static void read_binding(struct row *r, struct hm_record *record)
{
	struct hm_binding_row *b = &record->binding;

	record->kind = HM_RECORD_BINDING;
	b->role = (enum hm_role_id)row_enum(r, hm_role_parse);
	b->home = row_addr(r);
	b->gcoa = row_addr(r);
	b->coa = row_addr(r);
	b->state = (enum hm_binding_state)row_enum(r, hm_binding_state_parse);
	b->seq = (uint16_t)row_int(r, UINT16_MAX);
	b->epoch = row_u32(r);
	b->spi = row_u32(r);
	b->lifetime_s = row_u32(r);
	b->flags = row_u32(r);
	b->registered_ms = row_date(r);
	/* A clock set back must not make a binding last longer than was ever granted. */
	b->expires_ms =
	        hm_sooner(row_date(r), hm_lifetime_end(r->now - r->db->offset_ms, b->lifetime_s));
}

static void read_registration(struct row *r, struct hm_record *record)
{
	struct hm_registration_row *reg = &record->registration;

	record->kind = HM_RECORD_REGISTRATION;
	reg->kind = (enum hm_role_id)row_enum(r, hm_role_parse);
	reg->peer = row_addr(r);
	reg->home = row_addr(r);
	reg->coa = row_addr(r);
	reg->seq = (uint16_t)row_int(r, UINT16_MAX);
	reg->epoch = row_u32(r);
	reg->state = (enum hm_registration_state)row_enum(r, hm_registration_state_parse);
	reg->expires_ms = row_date(r);
}

static void read_key(struct row *r, struct hm_store_key *key)
{
	const void *secret;
	const unsigned char *origin;
	int n;

	key->row.use = (enum hm_use)row_enum(r, hm_use_parse);
	key->row.spi = row_u32(r);
	key->row.has_peer = !row_is_null(r);
	key->row.peer.addr = row_addr(r);
	key->row.peer.plen = (uint8_t)row_int(r, 128);
	key->row.has_home = !row_is_null(r);
	key->row.home = row_addr(r);
	key->row.not_before_s = row_int(r, INT64_MAX);
	key->row.not_after_s = row_int(r, INT64_MAX);
	origin = sqlite3_column_text(r->stmt, r->at++);
	snprintf(key->origin, sizeof key->origin, "%s", origin ? (const char *)origin : "");
	key->row.origin = key->origin;
	secret = sqlite3_column_blob(r->stmt, r->at);
	n = sqlite3_column_bytes(r->stmt, r->at);
	if (!secret)
		return;
	if (n > (int)sizeof key->secret) {
		r->bad = true;
		return;
	}
	memcpy(key->secret, secret, (size_t)n);
	key->row.secret = key->secret;
	key->row.secret_len = (size_t)n;
}

/* Prepares a query and binds ?1, where it has one, to now. */
static int query(struct row *r, const char *text)
{
	int rc = sqlite3_prepare_v2(r->db->sql, text, -1, &r->stmt, NULL);

	if (rc == SQLITE_OK && sqlite3_bind_parameter_count(r->stmt) > 0)
		rc = sqlite3_bind_int64(r->stmt, 1, r->now);
	return rc;
}

struct source {
	const char *text;
	void (*read)(struct row *r, struct hm_record *record);
};

static int each_record(struct hm_db *db, const struct source *source, int64_t now,
                       void (*cb)(void *arg, const struct hm_record *record), void *arg)
{
	struct row r = { .db = db, .now = now };
	int rc = query(&r, source->text);

	while (rc == SQLITE_OK && (rc = sqlite3_step(r.stmt)) == SQLITE_ROW) {
		struct hm_record record;

		memset(&record, 0, sizeof record);
		r.at = 0;
		source->read(&r, &record);
		rc = r.bad ? SQLITE_CORRUPT : SQLITE_OK;
		if (rc == SQLITE_OK)
			cb(arg, &record);
	}
	sqlite3_finalize(r.stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Failing is no reason not to start: what has expired is not reported in any case. */
static void purge(struct hm_db *db, int64_t now)
{
	static const char *const texts[] = {
		"DELETE FROM binding WHERE expires_ms <= ?1",
		"DELETE FROM registration WHERE expires_ms <= ?1",
		"DELETE FROM auth_key WHERE origin <> 'config' AND not_after_s < ?1 / 1000",
	};

	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct row r = { .db = db, .now = now };

		if (query(&r, texts[i]) == SQLITE_OK)
			(void)sqlite3_step(r.stmt);
		sqlite3_finalize(r.stmt);
	}
	hm_db_checkpoint(db);
}

static int finish(struct hm_store *store, int rc)
{
	if (rc == SQLITE_OK)
		return HM_OK;
	uv_mutex_lock(&store->lock);
	snprintf(store->stats.why, sizeof store->stats.why, "%s", sqlite3_errstr(rc));
	store->stats.last_error = hm_db_err(rc);
	uv_mutex_unlock(&store->lock);
	return hm_db_err(rc);
}

int hm_store_load(struct hm_store *store, void (*cb)(void *arg, const struct hm_record *record),
                  void *arg)
{
	static const struct source sources[] = {
		{ "SELECT use, peer, home, sequence, epoch, spi FROM sequence_number", read_seq },
		{ "SELECT role, home, gcoa, coa, state, sequence, epoch, spi, lifetime_s, flags,"
		  " registered_ms, expires_ms FROM binding"
		  " WHERE expires_ms IS NULL OR expires_ms > ?1",
		  read_binding },
		{ "SELECT kind, peer, home, coa, sequence, epoch, state, expires_ms"
		  " FROM registration WHERE expires_ms IS NULL OR expires_ms > ?1",
		  read_registration },
	};
	struct hm_db *db = &store->db;
	int64_t now = hm_db_now(db);
	int rc = SQLITE_OK;

	uv_mutex_lock(&db->lock);
	/* Every page is read once: there is nothing to gain from keeping them. */
	(void)sqlite3_exec(db->sql, "PRAGMA cache_size = -2048", NULL, NULL, NULL);
	purge(db, now);
	for (unsigned i = 0; rc == SQLITE_OK && i < sizeof sources / sizeof sources[0]; i++)
		rc = each_record(db, &sources[i], now, cb, arg);
	(void)sqlite3_exec(db->sql, "PRAGMA cache_size = " HM_STORE_CACHE, NULL, NULL, NULL);
	uv_mutex_unlock(&db->lock);
	return finish(store, rc);
}

int hm_store_load_keys(struct hm_store *store, void (*cb)(void *arg, const struct hm_key_row *key),
                       void *arg)
{
	static const char text[] =
	        "SELECT use, spi, peer, peer_length, home, not_before_s, not_after_s, origin,"
	        " secret FROM auth_key WHERE origin <> 'config' ORDER BY id";
	struct row r = { .db = &store->db };
	int rc;

	uv_mutex_lock(&store->db.lock);
	rc = query(&r, text);
	while (rc == SQLITE_OK && (rc = sqlite3_step(r.stmt)) == SQLITE_ROW) {
		struct hm_store_key key;

		memset(&key, 0, sizeof key);
		r.at = 0;
		read_key(&r, &key);
		rc = r.bad ? SQLITE_CORRUPT : SQLITE_OK;
		if (rc == SQLITE_OK)
			cb(arg, &key.row);
		sodium_memzero(&key, sizeof key);
	}
	sqlite3_finalize(r.stmt);
	uv_mutex_unlock(&store->db.lock);
	return finish(store, rc == SQLITE_DONE ? SQLITE_OK : rc);
}
