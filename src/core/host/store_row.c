#include "host/store_internal.h"

/* The only MAC there is (PROTOCOL 5). */
#define KEY_ALGORITHM "hmac-sha256-128"

const char *const hm_stmt_texts[HM_STMTS] = {
	[HM_STMT_BEGIN] = "BEGIN IMMEDIATE",
	[HM_STMT_COMMIT] = "COMMIT",
	[HM_STMT_ROLLBACK] = "ROLLBACK",
	[HM_STMT_PUT_BINDING] =
	        ("INSERT INTO binding (role, home, gcoa, coa, state, sequence, epoch, spi,"
	         " lifetime_s, flags, registered_ms, expires_ms, home_text, gcoa_text, coa_text)"
	         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	         " ON CONFLICT (role, home) DO UPDATE SET gcoa = excluded.gcoa, coa = excluded.coa,"
	         " state = excluded.state, sequence = excluded.sequence, epoch = excluded.epoch,"
	         " spi = excluded.spi, lifetime_s = excluded.lifetime_s, flags = excluded.flags,"
	         " registered_ms = excluded.registered_ms, expires_ms = excluded.expires_ms,"
	         " gcoa_text = excluded.gcoa_text, coa_text = excluded.coa_text"),
	[HM_STMT_PUT_SEQ] =
	        ("INSERT INTO sequence_number (use, peer, home, sequence, epoch, spi, updated_ms,"
	         " peer_text, home_text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	         " ON CONFLICT (use, peer, home) DO UPDATE SET sequence = excluded.sequence,"
	         " epoch = excluded.epoch, spi = excluded.spi, updated_ms = excluded.updated_ms"),
	[HM_STMT_PUT_REGISTRATION] =
	        ("INSERT INTO registration (kind, peer, home, coa, sequence, epoch, state,"
	         " expires_ms, peer_text, home_text, coa_text)"
	         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	         " ON CONFLICT (kind, peer, home) DO UPDATE SET coa = excluded.coa,"
	         " sequence = excluded.sequence, epoch = excluded.epoch, state = excluded.state,"
	         " expires_ms = excluded.expires_ms, coa_text = excluded.coa_text"),
	[HM_STMT_DEL_BINDING] = "DELETE FROM binding WHERE role = ? AND home = ?",
	[HM_STMT_DEL_SEQ] = "DELETE FROM sequence_number WHERE use = ? AND peer = ? AND home = ?",
	[HM_STMT_DEL_REGISTRATION] =
	        "DELETE FROM registration WHERE kind = ? AND peer = ? AND home = ?",
	[HM_STMT_PUT_KEY] =
	        ("INSERT INTO auth_key (use, spi, peer, peer_length, home, algorithm, not_before_s,"
	         " not_after_s, origin, secret, peer_text, home_text)"
	         " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
	[HM_STMT_DEL_KEY] =
	        ("DELETE FROM auth_key WHERE origin <> 'config' AND ((use = ? AND spi = ?"
	         " AND peer IS ? AND peer_length IS ? AND home IS ?)"
	         " OR not_after_s < ?)"),
	[HM_STMT_DEL_CONFIG_KEYS] = "DELETE FROM auth_key WHERE origin = 'config'",
};

/* Binds parameters from left to right. What is bound stays valid until the step. */
struct args {
	struct hm_db *db;
	sqlite3_stmt *stmt;
	int at;
};

static struct args args(struct hm_db *db, enum hm_stmt stmt)
{
	return (struct args){ .db = db, .stmt = db->stmt[stmt] };
}

static void arg_null(struct args *a)
{
	(void)sqlite3_bind_null(a->stmt, ++a->at);
}

static void arg_int(struct args *a, int64_t v)
{
	(void)sqlite3_bind_int64(a->stmt, ++a->at, v);
}

static void arg_str(struct args *a, const char *text)
{
	(void)sqlite3_bind_text(a->stmt, ++a->at, text, -1, SQLITE_STATIC);
}

static void arg_addr(struct args *a, const struct hm_addr *addr)
{
	(void)sqlite3_bind_blob(a->stmt, ++a->at, addr->b, sizeof addr->b, SQLITE_STATIC);
}

static void arg_addr_or_null(struct args *a, const struct hm_addr *addr)
{
	if (hm_addr_is_any(addr))
		arg_null(a);
	else
		arg_addr(a, addr);
}

static void arg_addr_text(struct args *a, const struct hm_addr *addr)
{
	char text[HM_ADDR_TEXT_MAX];

	hm_addr_text(addr, text);
	(void)sqlite3_bind_text(a->stmt, ++a->at, text, -1, SQLITE_TRANSIENT);
}

static void arg_addr_text_or_null(struct args *a, const struct hm_addr *addr)
{
	if (hm_addr_is_any(addr))
		arg_null(a);
	else
		arg_addr_text(a, addr);
}

static void arg_date(struct args *a, hm_ms at)
{
	int64_t date;

	if (hm_db_date(a->db, at, &date))
		arg_int(a, date);
	else
		arg_null(a);
}

static int put_binding(struct hm_db *db, const struct hm_binding_row *row)
{
	struct args a = args(db, HM_STMT_PUT_BINDING);

	arg_str(&a, hm_role_text(row->role));
	arg_addr(&a, &row->home);
	arg_addr_or_null(&a, &row->gcoa);
	arg_addr(&a, &row->coa);
	arg_str(&a, hm_binding_state_text(row->state));
	arg_int(&a, row->seq);
	arg_int(&a, row->epoch);
	arg_int(&a, row->spi);
	arg_int(&a, row->lifetime_s);
	arg_int(&a, row->flags);
	arg_date(&a, row->registered_ms);
	arg_date(&a, row->expires_ms);
	arg_addr_text(&a, &row->home);
	arg_addr_text_or_null(&a, &row->gcoa);
	arg_addr_text(&a, &row->coa);
	return hm_db_run(db, HM_STMT_PUT_BINDING);
}

static int put_seq(struct hm_db *db, const struct hm_seq_row *row)
{
	struct args a = args(db, HM_STMT_PUT_SEQ);

	arg_str(&a, hm_use_text(row->use));
	arg_addr(&a, &row->peer);
	arg_addr(&a, &row->home);
	arg_int(&a, row->seq);
	arg_int(&a, row->epoch);
	arg_int(&a, row->spi);
	arg_int(&a, hm_db_now(db));
	arg_addr_text_or_null(&a, &row->peer);
	arg_addr_text_or_null(&a, &row->home);
	return hm_db_run(db, HM_STMT_PUT_SEQ);
}

static int put_registration(struct hm_db *db, const struct hm_registration_row *row)
{
	struct args a = args(db, HM_STMT_PUT_REGISTRATION);

	arg_str(&a, hm_role_text(row->kind));
	arg_addr(&a, &row->peer);
	arg_addr(&a, &row->home);
	arg_addr(&a, &row->coa);
	arg_int(&a, row->seq);
	arg_int(&a, row->epoch);
	arg_str(&a, hm_registration_state_text(row->state));
	arg_date(&a, row->expires_ms);
	arg_addr_text(&a, &row->peer);
	arg_addr_text(&a, &row->home);
	arg_addr_text(&a, &row->coa);
	return hm_db_run(db, HM_STMT_PUT_REGISTRATION);
}

static int put(struct hm_db *db, const struct hm_record *record)
{
	switch (record->kind) {
	case HM_RECORD_BINDING:
		return put_binding(db, &record->binding);
	case HM_RECORD_SEQ:
		return put_seq(db, &record->seq);
	case HM_RECORD_REGISTRATION:
		return put_registration(db, &record->registration);
	}
	return SQLITE_MISMATCH;
}

static int del_binding(struct hm_db *db, const struct hm_binding_row *row)
{
	struct args a = args(db, HM_STMT_DEL_BINDING);

	arg_str(&a, hm_role_text(row->role));
	arg_addr(&a, &row->home);
	return hm_db_run(db, HM_STMT_DEL_BINDING);
}

static int del_of_peer(struct hm_db *db, enum hm_stmt stmt, const char *what,
                       const struct hm_addr *peer, const struct hm_addr *home)
{
	struct args a = args(db, stmt);

	arg_str(&a, what);
	arg_addr(&a, peer);
	arg_addr(&a, home);
	return hm_db_run(db, stmt);
}

static int del(struct hm_db *db, const struct hm_record *record)
{
	const struct hm_seq_row *seq = &record->seq;
	const struct hm_registration_row *reg = &record->registration;

	switch (record->kind) {
	case HM_RECORD_BINDING:
		return del_binding(db, &record->binding);
	case HM_RECORD_SEQ:
		return del_of_peer(db, HM_STMT_DEL_SEQ, hm_use_text(seq->use), &seq->peer,
		                   &seq->home);
	case HM_RECORD_REGISTRATION:
		return del_of_peer(db, HM_STMT_DEL_REGISTRATION, hm_role_text(reg->kind),
		                   &reg->peer, &reg->home);
	}
	return SQLITE_MISMATCH;
}

/* What a key is known by. */
static void args_key(struct args *a, const struct hm_key_row *key)
{
	arg_str(a, hm_use_text(key->use));
	arg_int(a, key->spi);
	if (key->has_peer) {
		arg_addr(a, &key->peer.addr);
		arg_int(a, key->peer.plen);
	} else {
		arg_null(a);
		arg_null(a);
	}
	if (key->has_home)
		arg_addr(a, &key->home);
	else
		arg_null(a);
}

static void arg_peer_text(struct args *a, const struct hm_prefix *peer)
{
	char text[HM_ADDR_TEXT_MAX + 4];
	struct hm_text t = hm_text(text, sizeof text);

	hm_text_addr(&t, &peer->addr);
	if (peer->plen < 128) {
		hm_text_str(&t, "/");
		hm_text_u64(&t, peer->plen);
	}
	(void)sqlite3_bind_text(a->stmt, ++a->at, text, -1, SQLITE_TRANSIENT);
}

static void arg_seconds(struct args *a, int64_t seconds)
{
	if (seconds > 0)
		arg_int(a, seconds);
	else
		arg_null(a);
}

static int insert_key(struct hm_db *db, const struct hm_key_row *key)
{
	struct args a = args(db, HM_STMT_PUT_KEY);
	int rc;

	args_key(&a, key);
	arg_str(&a, KEY_ALGORITHM);
	arg_seconds(&a, key->not_before_s);
	arg_seconds(&a, key->not_after_s);
	arg_str(&a, key->origin);
	if (key->secret)
		(void)sqlite3_bind_blob(a.stmt, ++a.at, key->secret, (int)key->secret_len,
		                        SQLITE_STATIC);
	else
		arg_null(&a);
	if (key->has_peer)
		arg_peer_text(&a, &key->peer);
	else
		arg_null(&a);
	if (key->has_home)
		arg_addr_text(&a, &key->home);
	else
		arg_null(&a);
	rc = hm_db_run(db, HM_STMT_PUT_KEY);
	(void)sqlite3_clear_bindings(a.stmt);
	return rc;
}

/* And those that have expired: the table is looked through anyway. */
static int del_key(struct hm_db *db, const struct hm_key_row *key)
{
	struct args a = args(db, HM_STMT_DEL_KEY);

	args_key(&a, key);
	arg_int(&a, hm_db_now(db) / 1000);
	return hm_db_run(db, HM_STMT_DEL_KEY);
}

static int set_config_keys(struct hm_db *db, const struct hm_op *op)
{
	int rc = hm_db_run(db, HM_STMT_DEL_CONFIG_KEYS);

	for (size_t i = 0; rc == SQLITE_OK && i < op->keys.n; i++)
		rc = insert_key(db, &op->keys.row[i].row);
	return rc;
}

int hm_db_apply(struct hm_db *db, const struct hm_op *op)
{
	int rc;

	switch (op->kind) {
	case HM_OP_PUT:
		return put(db, &op->record);
	case HM_OP_DEL:
		return del(db, &op->record);
	case HM_OP_KEY_PUT:
		rc = del_key(db, &op->keys.row->row);
		return rc == SQLITE_OK ? insert_key(db, &op->keys.row->row) : rc;
	case HM_OP_KEY_DEL:
		return del_key(db, &op->keys.row->row);
	case HM_OP_CONFIG_KEYS:
		return set_config_keys(db, op);
	}
	return SQLITE_MISMATCH;
}

static bool keeps_bindings(enum hm_role_id role)
{
	return role == HM_ROLE_MS || role == HM_ROLE_HA || role == HM_ROLE_CH;
}

/* One row that breaks a CHECK would cost its whole batch a second look: it is told at once. */
bool hm_record_fits(const struct hm_record *record)
{
	switch (record->kind) {
	case HM_RECORD_BINDING:
		return keeps_bindings(record->binding.role) &&
		       hm_binding_state_text(record->binding.state) &&
		       record->binding.registered_ms != HM_NEVER;
	case HM_RECORD_SEQ:
		return (unsigned)record->seq.use < HM_USES;
	case HM_RECORD_REGISTRATION:
		return keeps_bindings(record->registration.kind) &&
		       hm_registration_state_text(record->registration.state);
	}
	return false;
}
