#include "host/dataplane.h"

#include "host/chains.h"
#include "host/log.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define RETRY_FIRST HM_SECOND
#define RETRY_LAST (60 * HM_SECOND)

static_assert((int)HM_FORWARD_ENCAP == (int)HM_TUNNEL_ENCAP &&
                      (int)HM_FORWARD_HOME == (int)HM_TUNNEL_HOME &&
                      (int)HM_FORWARD_OWN == (int)HM_TUNNEL_OWN &&
                      (int)HM_FORWARD_PEER == (int)HM_TUNNEL_PEER &&
                      HM_HOPS_MAX == HM_TUNNEL_HOPS && HM_ACCEPT_MAX == HM_TUNNEL_ACCEPTS,
              "roles and plugins speak of the same paths");

enum stage {
	FREE,
	PUTTING,  /* the plugin installs the path */
	STORING,  /* the store commits the row */
	DELETING, /* the plugin removes the path of an UNBIND */
};

/* A BIND, or a removal the plugin has not answered. Its ticket is made of index and generation, so
 * that a late answer finds nobody. */
struct slot {
	enum stage stage;
	bool superseded; /* a newer BIND or UNBIND has the same key: do not store this one */
	unsigned role, next;
	uint32_t generation;
	hm_ticket ticket;
	bool has_row, has_path;
	struct hm_binding_row row;
	struct hm_forward path;
};

struct retry {
	hm_ms at, wait;
	bool has_row, has_path;
	struct hm_binding_row row;
	struct hm_forward path;
};

struct hm_dataplane {
	struct hm_dataplane_options options;
	unsigned n_slots, free_head, pending; /* n_slots ever used; free ones are chained by next */
	unsigned n_putting;
	struct slot **slots;
	struct hm_chains by_home, by_match; /* slots of BINDs, by row and by path */
	unsigned n_retries;
	struct retry *retries;
};

#define NO_SLOT UINT32_MAX

static void copy_hops(struct hm_tunnel_hop *to, const struct hm_hop *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		memcpy(to[i].local, from[i].local.b, sizeof to[i].local);
		memcpy(to[i].remote, from[i].remote.b, sizeof to[i].remote);
	}
}

void hm_dataplane_entry(const struct hm_forward *path, struct hm_tunnel_entry *ret_entry)
{
	memset(ret_entry, 0, sizeof *ret_entry);
	ret_entry->size = sizeof *ret_entry;
	ret_entry->kind = (uint32_t)path->kind;
	memcpy(ret_entry->match, path->match.b, sizeof ret_entry->match);
	memcpy(ret_entry->home, path->home.b, sizeof ret_entry->home);
	memcpy(ret_entry->local, path->local.b, sizeof ret_entry->local);
	memcpy(ret_entry->remote, path->remote.b, sizeof ret_entry->remote);
	ret_entry->attract = path->attract;
	ret_entry->rewrite = path->rewrite;
	ret_entry->one_way = path->one_way;
	assert(path->n_hops <= HM_HOPS_MAX && path->n_accept <= HM_ACCEPT_MAX);
	ret_entry->n_hops = path->n_hops;
	ret_entry->n_accept = path->n_accept;
	copy_hops(ret_entry->hops, path->hops, path->n_hops);
	copy_hops(ret_entry->accept, path->accept, path->n_accept);
}

static bool same_row(const struct hm_binding_row *a, const struct hm_binding_row *b)
{
	return a->role == b->role && hm_addr_eq(&a->home, &b->home);
}

static bool same_path(const struct hm_forward *a, const struct hm_forward *b)
{
	return a->kind == b->kind && hm_addr_eq(&a->match, &b->match) &&
	       (a->kind != HM_FORWARD_OWN || hm_addr_eq(&a->home, &b->home));
}

struct hm_dataplane *hm_dataplane_create(const struct hm_dataplane_options *options)
{
	struct hm_dataplane *dp = calloc(1, sizeof *dp);

	if (!dp)
		return NULL;
	dp->options = *options;
	if (!dp->options.pending_max)
		dp->options.pending_max = HM_DATAPLANE_PENDING_MAX;
	if (!dp->options.retries_max)
		dp->options.retries_max = HM_DATAPLANE_RETRIES_MAX;
	dp->free_head = NO_SLOT;
	dp->slots = calloc(dp->options.pending_max, sizeof *dp->slots);
	dp->retries = calloc(dp->options.retries_max, sizeof *dp->retries);
	if (!dp->slots || !dp->retries || !hm_chains_init(&dp->by_home, dp->options.pending_max) ||
	    !hm_chains_init(&dp->by_match, dp->options.pending_max)) {
		hm_dataplane_destroy(dp);
		return NULL;
	}
	return dp;
}

void hm_dataplane_destroy(struct hm_dataplane *dp)
{
	if (!dp)
		return;
	for (unsigned i = 0; i < dp->n_slots; i++)
		free(dp->slots[i]);
	free(dp->slots);
	hm_chains_finish(&dp->by_home);
	hm_chains_finish(&dp->by_match);
	free(dp->retries);
	free(dp);
}

/* A slot with its ticket (never 0), or NULL at the ceiling. */
static struct slot *take_slot(struct hm_dataplane *dp, uint64_t *ret_id)
{
	unsigned i = dp->free_head;
	struct slot *s;

	if (i != NO_SLOT) {
		dp->free_head = dp->slots[i]->next;
	} else {
		if (dp->n_slots >= dp->options.pending_max)
			return NULL;
		i = dp->n_slots;
		dp->slots[i] = calloc(1, sizeof *s);
		if (!dp->slots[i])
			return NULL;
		dp->n_slots++;
	}
	s = dp->slots[i];
	dp->pending++;
	s->generation++;
	*ret_id = (uint64_t)s->generation << 32 | (i + 1);
	return s;
}

static unsigned index_of(uint64_t id)
{
	return (unsigned)(id & UINT32_MAX) - 1;
}

static struct slot *find_slot(struct hm_dataplane *dp, uint64_t id, enum stage stage)
{
	unsigned i = index_of(id);
	struct slot *s = i < dp->n_slots ? dp->slots[i] : NULL;

	return s && s->generation == id >> 32 && s->stage == stage ? s : NULL;
}

static void set_stage(struct hm_dataplane *dp, struct slot *s, enum stage stage)
{
	dp->n_putting -= s->stage == PUTTING;
	dp->n_putting += stage == PUTTING;
	s->stage = stage;
}

/* A BIND from here on. */
static void enter(struct hm_dataplane *dp, struct slot *s, uint64_t id)
{
	if (s->has_row)
		hm_chains_add(&dp->by_home, index_of(id), &s->row.home);
	if (s->has_path)
		hm_chains_add(&dp->by_match, index_of(id), &s->path.match);
	set_stage(dp, s, PUTTING);
}

static void drop_slot(struct hm_dataplane *dp, struct slot *s, uint64_t id)
{
	unsigned i = index_of(id);
	bool entered = s->stage == PUTTING || s->stage == STORING;

	if (entered && s->has_row)
		hm_chains_del(&dp->by_home, i, &s->row.home);
	if (entered && s->has_path)
		hm_chains_del(&dp->by_match, i, &s->path.match);
	set_stage(dp, s, FREE);
	s->superseded = false;
	s->next = dp->free_head;
	dp->free_head = i;
	dp->pending--;
}

/* A newer wish for the same key: what the plugin still installs is not stored any more. */
static void supersede(struct hm_dataplane *dp, const struct hm_effect *e)
{
	uint32_t i = HM_CHAIN_END;

	if (dp->n_putting == 0)
		return;
	if (e->bind.has_row)
		i = hm_chains_first(&dp->by_home, &e->bind.row.home);
	for (; i != HM_CHAIN_END; i = hm_chains_next(&dp->by_home, i)) {
		struct slot *s = dp->slots[i];

		if (s->stage == PUTTING && same_row(&s->row, &e->bind.row))
			s->superseded = true;
	}
	if (e->bind.has_path)
		i = hm_chains_first(&dp->by_match, &e->bind.path.match);
	for (; i != HM_CHAIN_END; i = hm_chains_next(&dp->by_match, i)) {
		struct slot *s = dp->slots[i];

		if (s->stage == PUTTING && same_path(&s->path, &e->bind.path))
			s->superseded = true;
	}
}

/* What is bound again must not be removed by an old wish. */
static void cancel_retries(struct hm_dataplane *dp, const struct hm_effect *e)
{
	for (unsigned i = dp->n_retries; i-- > 0;) {
		struct retry *r = &dp->retries[i];

		if (r->has_row && e->bind.has_row && same_row(&r->row, &e->bind.row))
			r->has_row = false;
		if (r->has_path && e->bind.has_path && same_path(&r->path, &e->bind.path))
			r->has_path = false;
		if (!r->has_row && !r->has_path)
			*r = dp->retries[--dp->n_retries];
	}
}

static void add_retry(struct hm_dataplane *dp, const struct retry *what)
{
	if (dp->n_retries >= dp->options.retries_max) {
		hm_log(HM_LOG_ERROR, "remove binding failed reason=\"too many removals fail\"");
		return;
	}
	dp->retries[dp->n_retries++] = *what;
}

static int tunnel_put(struct hm_dataplane *dp, uint64_t id, const struct hm_forward *path)
{
	struct hm_tunnel_entry entry;

	if (!dp->options.tunnel)
		return HM_EMISSING;
	hm_dataplane_entry(path, &entry);
	return dp->options.tunnel->put(dp->options.self, id, &entry);
}

static int tunnel_del(struct hm_dataplane *dp, uint64_t id, const struct hm_forward *path)
{
	struct hm_tunnel_entry entry;
	int err;

	if (!dp->options.tunnel)
		return HM_OK;
	hm_dataplane_entry(path, &entry);
	err = dp->options.tunnel->del(dp->options.self, id, &entry);
	return err == HM_ENOTFOUND ? HM_OK : err;
}

/* Removes a path, now or later; the row of `what` is none of its business. */
static void remove_path(struct hm_dataplane *dp, struct retry *what, hm_ms now_ms)
{
	uint64_t id;
	struct slot *s = take_slot(dp, &id);
	int err = HM_EFULL;

	if (s) {
		s->path = what->path;
		s->has_path = true;
		s->has_row = false;
		set_stage(dp, s, DELETING);
		err = tunnel_del(dp, id, &what->path);
		if (err == HM_PENDING)
			return;
		drop_slot(dp, s, id);
	}
	if (err == HM_OK)
		return;
	hm_log(HM_LOG_WARNING, "remove path failed reason=\"%s\" retry_ms=%lld", hm_err_text(err),
	       (long long)what->wait);
	what->at = hm_after(now_ms, what->wait);
	add_retry(dp, what);
}

static void remove_row(struct hm_dataplane *dp, struct retry *what, hm_ms now_ms)
{
	const struct hm_record record = { .kind = HM_RECORD_BINDING, .binding = what->row };
	int err = dp->options.store_del(dp->options.arg, &record, 0);

	if (err == HM_OK)
		return;
	hm_log(HM_LOG_WARNING, "delete row failed reason=\"%s\" retry_ms=%lld", hm_err_text(err),
	       (long long)what->wait);
	what->at = hm_after(now_ms, what->wait);
	add_retry(dp, what);
}

/* Path and row fail apart, and so are retried apart. */
static void remove_both(struct hm_dataplane *dp, const struct retry *what, hm_ms now_ms)
{
	struct retry path = *what, row = *what;

	path.has_row = row.has_path = false;
	if (what->has_path)
		remove_path(dp, &path, now_ms);
	if (what->has_row)
		remove_row(dp, &row, now_ms);
}

/* Is somebody newer installing or storing the same path? Then it is not ours to remove. */
static bool path_wanted(const struct hm_dataplane *dp, const struct slot *but)
{
	uint32_t i = hm_chains_first(&dp->by_match, &but->path.match);

	for (; i != HM_CHAIN_END; i = hm_chains_next(&dp->by_match, i))
		if (dp->slots[i] != but && same_path(&dp->slots[i]->path, &but->path))
			return true;
	return false;
}

static void complete(struct hm_dataplane *dp, struct slot *s, uint64_t id, int err)
{
	unsigned role = s->role;
	hm_ticket ticket = s->ticket;

	drop_slot(dp, s, id);
	dp->options.done(dp->options.arg, role, ticket, err);
}

/* The path is there: now the row. */
static void path_done(struct hm_dataplane *dp, struct slot *s, uint64_t id)
{
	const struct hm_record record = { .kind = HM_RECORD_BINDING, .binding = s->row };
	int err;

	if (s->superseded) {
		complete(dp, s, id, HM_EBUSY);
		return;
	}
	if (!s->has_row) {
		complete(dp, s, id, HM_OK);
		return;
	}
	set_stage(dp, s, STORING);
	err = dp->options.store_put(dp->options.arg, &record, id);
	if (err)
		hm_dataplane_stored(dp, id, err);
}

void hm_dataplane_bind(struct hm_dataplane *dp, unsigned role, const struct hm_effect *effect)
{
	uint64_t id;
	struct slot *s;
	int err = HM_OK;

	supersede(dp, effect);
	cancel_retries(dp, effect);
	s = take_slot(dp, &id);
	if (!s) {
		dp->options.done(dp->options.arg, role, effect->bind.ticket, HM_EFULL);
		return;
	}
	s->role = role;
	s->ticket = effect->bind.ticket;
	s->has_row = effect->bind.has_row;
	s->has_path = effect->bind.has_path;
	s->row = effect->bind.row;
	s->path = effect->bind.path;
	enter(dp, s, id);
	if (s->has_path)
		err = tunnel_put(dp, id, &s->path);
	if (err == HM_PENDING)
		return;
	if (err)
		complete(dp, s, id, err);
	else
		path_done(dp, s, id);
}

void hm_dataplane_unbind(struct hm_dataplane *dp, const struct hm_effect *effect, hm_ms now_ms)
{
	const struct retry what = { .wait = RETRY_FIRST,
		                    .has_row = effect->bind.has_row,
		                    .has_path = effect->bind.has_path,
		                    .row = effect->bind.row,
		                    .path = effect->bind.path };

	supersede(dp, effect);
	cancel_retries(dp, effect);
	remove_both(dp, &what, now_ms);
}

static void deleted(struct hm_dataplane *dp, struct slot *s, uint64_t id, int err, hm_ms now_ms)
{
	struct retry what = { .at = hm_after(now_ms, RETRY_FIRST),
		              .wait = RETRY_FIRST,
		              .has_path = true,
		              .path = s->path };
	bool wanted = path_wanted(dp, s);

	drop_slot(dp, s, id);
	if (err && err != HM_ENOTFOUND && !wanted)
		add_retry(dp, &what);
}

void hm_dataplane_tunnel_done(struct hm_dataplane *dp, uint64_t ticket, int result, hm_ms now_ms)
{
	struct slot *s = find_slot(dp, ticket, PUTTING);

	if (s) {
		if (result)
			complete(dp, s, ticket, result);
		else
			path_done(dp, s, ticket);
		return;
	}
	s = find_slot(dp, ticket, DELETING);
	if (s)
		deleted(dp, s, ticket, result, now_ms);
}

void hm_dataplane_stored(struct hm_dataplane *dp, uint64_t cookie, int err)
{
	struct slot *s = find_slot(dp, cookie, STORING);

	if (!s)
		return;
	if (err && s->has_path && !path_wanted(dp, s)) {
		struct retry what = { .wait = RETRY_FIRST, .has_path = true, .path = s->path };

		remove_path(dp, &what, 0);
	}
	complete(dp, s, cookie, err);
}

hm_ms hm_dataplane_deadline(const struct hm_dataplane *dp)
{
	hm_ms soonest = HM_NEVER;

	for (unsigned i = 0; i < dp->n_retries; i++)
		soonest = hm_sooner(soonest, dp->retries[i].at);
	return soonest;
}

void hm_dataplane_tick(struct hm_dataplane *dp, hm_ms now_ms)
{
	for (unsigned i = dp->n_retries; i-- > 0;) {
		struct retry what = dp->retries[i];

		if (what.at > now_ms)
			continue;
		dp->retries[i] = dp->retries[--dp->n_retries];
		what.wait = hm_sooner(2 * what.wait, RETRY_LAST);
		remove_both(dp, &what, now_ms);
	}
}

unsigned hm_dataplane_pending(const struct hm_dataplane *dp)
{
	return dp->pending;
}

unsigned hm_dataplane_retries(const struct hm_dataplane *dp)
{
	return dp->n_retries;
}
