/* auth-aaa-stub: keys that are obtained when they are needed (draft 5.2). The MAC is that of
 * auth-hmac, and so are keys of the configuration; a key that is not there is asked for. The server
 * that would be asked is a table (table.h), whose answers come after a while, get lost, or are
 * refusals, as one likes: what a real back end replaces is start_ask() and on_timer(). */
#include "asks.h"
#include "options.h"
#include "table.h"

#include "../keys/mac.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOST_AFTER_MS 5000 /* an answer that has not come by then never will */
#define REFUSED_FOR_MS 10000
#define LEARNT_MAX 16384
#define SWEEP_EVERY_S 60

enum count { ASKED, LEARNT, REFUSED, LOST, DROPPED, COUNTS };

static const char *const count_names[COUNTS] = {
	"aaa_asked", "aaa_learnt", "aaa_refused", "aaa_lost", "aaa_dropped",
};

struct aaa {
	const struct hm_host_api *api;
	struct aaa_options options;
	struct keys *own;    /* of the configuration */
	struct keys *learnt; /* from the server, now or in a former run */
	struct keys *table;  /* the server */
	struct asks asks;
	uint64_t count[COUNTS];
	uint64_t random;
	int64_t next_sweep_s;
	int timer;
};

static void log_line(const struct aaa *a, enum hm_plugin_level level, const char *text)
{
	a->api->log(a->api->host, (int)level, text);
}

static int64_t now_ms(const struct aaa *a)
{
	return a->api->now_ms(a->api->host);
}

/* --- chance ---------------------------------------------------------------------------------- */

/* splitmix64: the same seed, the same fates. */
static bool happens(struct aaa *a, unsigned percent)
{
	uint64_t z = a->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % 100 < percent;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* The descriptor becomes readable when the next question is due. */
static void arm(const struct aaa *a)
{
	int64_t at = asks_deadline(&a->asks), wait = at == INT64_MAX ? 0 : at - now_ms(a);
	struct itimerspec when = { .it_value.tv_sec = 0 };

	if (at != INT64_MAX && wait <= 0)
		when.it_value.tv_nsec = 1; /* 0 would switch it off */
	if (wait > 0) {
		when.it_value.tv_sec = wait / 1000;
		when.it_value.tv_nsec = wait % 1000 * 1000000;
	}
	(void)timerfd_settime(a->timer, 0, &when, NULL);
}

/* NULL: a ceiling is reached. */
static struct ask *start_ask(struct aaa *a, const struct question *question, int64_t now_s)
{
	struct ask *ask = asks_add(&a->asks, question);
	char text[80];

	if (!ask)
		return NULL;
	ask->asked_ms = now_ms(a);
	ask->now_s = now_s;
	ask->lost = happens(a, a->options.loss);
	ask->due_ms = ask->asked_ms + (ask->lost ? LOST_AFTER_MS : a->options.delay_ms);
	a->count[ASKED]++;
	snprintf(text, sizeof text, "ask server use=%u spi=0x%x", question->use, question->spi);
	log_line(a, HM_PLUGIN_DEBUG, text);
	arm(a);
	return ask;
}

/* --- answers --------------------------------------------------------------------------------- */

/* False: LEARNT_MAX valid keys are there already. */
static bool make_room(struct aaa *a, int64_t now_s)
{
	bool full = keys_count(a->learnt) >= LEARNT_MAX;

	if (full || now_s >= a->next_sweep_s) {
		keys_drop_expired(a->learnt, now_s);
		a->next_sweep_s = now_s + SWEEP_EVERY_S;
	}
	return keys_count(a->learnt) < LEARNT_MAX;
}

static int learn(struct aaa *a, struct hm_auth_key *key, int64_t now_s)
{
	const struct hm_host_api *api = a->api;
	bool unlocked;
	int err;

	if (!make_room(a, now_s))
		return HM_PLUGIN_EFULL;
	key->not_before_s = 0;
	key->not_after_s = now_s + a->options.lifetime_s;
	err = keys_put(a->learnt, key, &unlocked);
	if (err)
		return err;
	a->count[LEARNT]++;
	/* A host older than this service keeps nothing: after a restart we ask again. */
	if (api->size >= offsetof(struct hm_host_api, learnt) + sizeof api->learnt &&
	    api->learnt(api->host, key))
		log_line(a, HM_PLUGIN_WARNING, "lose key at restart reason=\"not stored\"");
	return HM_PLUGIN_OK;
}

/* What the server says: HM_PLUGIN_OK when the key is among those learnt now. */
static int consult(struct aaa *a, const struct ask *ask, int64_t now_s)
{
	const struct hm_auth_parties parties = parties_of(&ask->question);
	struct hm_auth_key key;

	if (!happens(a, a->options.refuse) &&
	    keys_find(a->table, &parties, ask->question.spi, now_s, &key))
		return learn(a, &key, now_s);
	a->count[REFUSED]++;
	asks_refuse(&a->asks, &ask->question, ask->due_ms + REFUSED_FOR_MS);
	return HM_PLUGIN_ENOKEY;
}

static void answer(struct aaa *a, const struct ask *ask, int64_t now)
{
	const struct hm_auth_parties parties = parties_of(&ask->question);
	struct mac_input in = { .parties = &parties,
		                .spi = ask->question.spi,
		                .now_s = ask->now_s + (now - ask->asked_ms) / 1000 };
	int result;

	if (ask->lost) {
		a->count[LOST]++;
		return; /* the host has given up waiting */
	}
	result = consult(a, ask, in.now_s);
	for (const struct waiter *w = ask->waiters; w; w = w->next) {
		in.data = w->data;
		in.len = w->len;
		a->api->done(a->api->host, w->ticket,
		             result ? result : mac_verify(a->learnt, &in, w->mac));
	}
}

static void on_timer(void *arg)
{
	struct aaa *a = arg;
	int64_t now = now_ms(a);
	uint64_t expirations;
	struct ask *ask;

	while (read(a->timer, &expirations, sizeof expirations) > 0)
		;
	while ((ask = asks_due(&a->asks, now))) {
		answer(a, ask, now);
		asks_remove(&a->asks, ask);
	}
	arm(a);
}

/* --- operations ------------------------------------------------------------------------------ */

static int aaa_pick(void *self, const struct hm_auth_parties *parties, int64_t now_s,
                    uint32_t *ret_spi)
{
	struct aaa *a = self;
	const struct question question = question_of(parties, 0);
	struct key_view key;

	if (keys_pick(a->own, parties, now_s, &key) || keys_pick(a->learnt, parties, now_s, &key)) {
		*ret_spi = key.spi;
		return HM_PLUGIN_OK;
	}
	if (asks_is_refused(&a->asks, &question, now_ms(a)))
		return HM_PLUGIN_ENOKEY;
	if (asks_find(&a->asks, &question) || start_ask(a, &question, now_s))
		return HM_PLUGIN_PENDING;
	a->count[DROPPED]++;
	return HM_PLUGIN_EFULL;
}

static int aaa_sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
                    const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	const struct aaa *a = self;
	const struct mac_input in = { parties, spi, now_s, data, len };
	int err = mac_sign(a->own, &in, ret_mac);

	return err == HM_PLUGIN_ENOKEY ? mac_sign(a->learnt, &in, ret_mac) : err;
}

/* With the keys at hand. */
static int verify_now(const struct aaa *a, const struct mac_input *in,
                      const uint8_t mac[HM_AUTH_MAC_LEN])
{
	int own = mac_verify(a->own, in, mac), learnt;

	if (own == HM_PLUGIN_OK)
		return own;
	learnt = mac_verify(a->learnt, in, mac);
	return learnt == HM_PLUGIN_ENOKEY ? own : learnt;
}

static int aaa_verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
                      uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
                      const uint8_t mac[HM_AUTH_MAC_LEN])
{
	struct aaa *a = self;
	const struct mac_input in = { parties, spi, now_s, data, len };
	const struct question question = question_of(parties, spi);
	int result = verify_now(a, &in, mac);
	struct ask *ask;

	if (result != HM_PLUGIN_ENOKEY || asks_is_refused(&a->asks, &question, now_ms(a)))
		return result;
	/* SPIs below 256 are reserved: no key has one. */
	if (spi < 256)
		return HM_PLUGIN_ENOKEY;
	ask = asks_find(&a->asks, &question);
	if (!ask)
		ask = start_ask(a, &question, now_s);
	result = ask ? ask_wait(ask, ticket, data, len, mac) : HM_PLUGIN_EFULL;
	if (result)
		a->count[DROPPED]++;
	return result ? result : HM_PLUGIN_PENDING;
}

static int aaa_key_put(void *self, const struct hm_auth_key *key)
{
	const struct aaa *a = self;
	bool unlocked;

	return keys_put(a->own, key, &unlocked);
}

static int aaa_key_restore(void *self, const struct hm_auth_key *key)
{
	const struct aaa *a = self;
	bool unlocked;

	return keys_count(a->learnt) >= LEARNT_MAX ? HM_PLUGIN_EFULL
	                                           : keys_put(a->learnt, key, &unlocked);
}

static void aaa_key_begin(void *self)
{
	keys_begin(((struct aaa *)self)->own);
}

static bool load_table(struct aaa *a)
{
	char why[512];
	struct keys *table = table_read(a->options.table, why, sizeof why);

	if (!table) {
		log_line(a, HM_PLUGIN_ERROR, why);
		return false;
	}
	keys_destroy(a->table);
	a->table = table;
	asks_forget_refusals(&a->asks);
	return true;
}

/* A reload; with a table that cannot be used the former one stays. */
static void aaa_key_end(void *self)
{
	struct aaa *a = self;
	char text[100];

	keys_end(a->own);
	if (!load_table(a))
		return;
	snprintf(text, sizeof text, "loaded keys n=%zu learnt=%zu table=%zu", keys_count(a->own),
	         keys_count(a->learnt), keys_count(a->table));
	log_line(a, HM_PLUGIN_INFO, text);
}

static bool aaa_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	const struct aaa *a = self;

	if (index >= COUNTS)
		return false;
	*ret_name = count_names[index];
	*ret_value = a->count[index];
	return true;
}

/* --- life ------------------------------------------------------------------------------------ */

/* Also of one that is half open. */
static void aaa_close(void *self)
{
	struct aaa *a = self;

	if (a->timer >= 0) {
		(void)a->api->watch_fd(a->api->host, a->timer, NULL, NULL);
		(void)close(a->timer);
	}
	while (a->asks.n > 0)
		asks_remove(&a->asks, &a->asks.ask[0]);
	keys_destroy(a->own);
	keys_destroy(a->learnt);
	keys_destroy(a->table);
	free(a);
}

static int open_parts(struct aaa *a, const struct hm_plugin_open *how)
{
	char why[200];

	if (!aaa_options_read(&a->options, how->options, how->n_options, why, sizeof why)) {
		log_line(a, HM_PLUGIN_ERROR, why);
		return HM_PLUGIN_ECONFIG;
	}
	a->random = a->options.seed;
	if (!a->options.has_seed)
		a->api->random(a->api->host, &a->random, sizeof a->random);
	a->own = keys_create();
	a->learnt = keys_create();
	if (!a->own || !a->learnt)
		return HM_PLUGIN_ENOMEM;
	if (!load_table(a))
		return HM_PLUGIN_ECONFIG;
	a->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (a->timer < 0)
		return HM_PLUGIN_EMISSING;
	return a->api->watch_fd(a->api->host, a->timer, on_timer, a);
}

static int aaa_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct aaa *a;
	int err;

	if (sodium_init() < 0)
		return HM_PLUGIN_EMISSING;
	a = calloc(1, sizeof *a);
	if (!a)
		return HM_PLUGIN_ENOMEM;
	a->api = how->api;
	a->timer = -1;
	err = open_parts(a, how);
	if (err) {
		aaa_close(a);
		return err;
	}
	*ret_self = a;
	return HM_PLUGIN_OK;
}

static const struct hm_auth_ops ops = {
	.size = sizeof ops,
	.key_put = aaa_key_put,
	.key_begin = aaa_key_begin,
	.key_end = aaa_key_end,
	.pick = aaa_pick,
	.sign = aaa_sign,
	.verify = aaa_verify,
	.key_restore = aaa_key_restore,
	.stat = aaa_stat,
};

HM_PLUGIN_EXPORT const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_AUTH,
	.name = "aaa-stub",
	.version = "1",
	.summary = "HMAC-SHA-256 truncated to 128 bits, with keys obtained when they are needed, "
	           "from a table",
	.options = aaa_option_table,
	.open = aaa_open,
	.close = aaa_close,
	.auth = &ops,
};
