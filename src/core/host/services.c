#include "host/services.h"

#include "base/err.h"
#include "host/log.h"
#include "host/settings.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct answer {
	uint64_t ticket;
	int result;
};

struct sighting {
	int what;
	struct hm_addr home, peer;
};

/* A key on its way to the loop thread. */
struct learnt {
	struct learnt *next;
	struct hm_auth_key key; /* its secret is the one below */
	uint8_t secret[HM_SECRET_MAX];
};

struct watch {
	uv_poll_t poll;
	int fd;
	void (*cb)(void *arg);
	void *arg;
	struct watch *next;
};

struct hm_services {
	struct hm_services_options options;
	struct hm_host_api api;
	uv_async_t async;
	uv_mutex_t mutex; /* of everything below */
	unsigned n_answers, cap_answers, n_seen;
	struct answer *answers;
	struct sighting seen[HM_SERVICES_SEEN_MAX];
	unsigned n_learnt;
	struct learnt *learnt, **learnt_end; /* in the order of the calls */
	/* The loop thread's alone. */
	unsigned n_watches;
	struct watch *watches;
};

int64_t hm_services_now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

static void api_log(void *host, int level, const char *text)
{
	const struct hm_services *s = host;
	enum hm_log_level l = level <= HM_PLUGIN_ERROR     ? HM_LOG_ERROR
	                      : level == HM_PLUGIN_WARNING ? HM_LOG_WARNING
	                      : level <= HM_PLUGIN_INFO    ? HM_LOG_INFO
	                                                   : HM_LOG_DEBUG;

	hm_log(l, "%s plugin=%s", text, s->options.name);
}

static int64_t api_now_ms(void *host)
{
	(void)host;
	return hm_services_now_ms();
}

static void api_random(void *host, void *buf, size_t len)
{
	(void)host;
	randombytes_buf(buf, len);
}

static bool room_for_answer(struct hm_services *s)
{
	unsigned cap = s->cap_answers ? 2 * s->cap_answers : 64;
	struct answer *more;

	if (s->n_answers < s->cap_answers)
		return true;
	if (cap > HM_SERVICES_ANSWERS_MAX)
		return false;
	more = realloc(s->answers, cap * sizeof *more);
	if (!more)
		return false;
	s->answers = more;
	s->cap_answers = cap;
	return true;
}

static void api_done(void *host, uint64_t ticket, int result)
{
	struct hm_services *s = host;
	bool kept;

	uv_mutex_lock(&s->mutex);
	kept = room_for_answer(s);
	if (kept)
		s->answers[s->n_answers++] = (struct answer){ ticket, result };
	uv_mutex_unlock(&s->mutex);
	if (!kept)
		hm_log(HM_LOG_ERROR, "lost answer plugin=%s reason=\"queue full\"",
		       s->options.name);
	(void)uv_async_send(&s->async);
}

static bool already_seen(const struct hm_services *s, const struct sighting *what)
{
	for (unsigned i = 0; i < s->n_seen; i++)
		if (!memcmp(&s->seen[i], what, sizeof *what))
			return true;
	return false;
}

static void api_seen(void *host, int what, const uint8_t home[16], const uint8_t peer[16])
{
	struct hm_services *s = host;
	struct sighting sighting;

	memset(&sighting, 0, sizeof sighting); /* padding is compared too */
	sighting.what = what;
	memcpy(sighting.home.b, home, sizeof sighting.home.b);
	memcpy(sighting.peer.b, peer, sizeof sighting.peer.b);
	uv_mutex_lock(&s->mutex);
	/* One that does not fit is reported again within a second. */
	if (s->n_seen < HM_SERVICES_SEEN_MAX && !already_seen(s, &sighting))
		s->seen[s->n_seen++] = sighting;
	uv_mutex_unlock(&s->mutex);
	(void)uv_async_send(&s->async);
}

/* What a key of another size has in common with ours; NULL: it is unusable, or no memory. */
static struct learnt *copy_key(const struct hm_auth_key *key)
{
	const size_t needed = offsetof(struct hm_auth_key, secret_len) + sizeof key->secret_len;
	struct learnt *copy;

	if (key->size < needed || !key->secret || key->secret_len < HM_SECRET_MIN ||
	    key->secret_len > HM_SECRET_MAX || key->use < HM_KEY_MH_MS || key->use > HM_KEY_MS_RA ||
	    key->peer_plen > 128)
		return NULL;
	copy = calloc(1, sizeof *copy);
	if (!copy)
		return NULL;
	memcpy(&copy->key, key, needed);
	copy->key.size = sizeof copy->key;
	copy->key.name = NULL;
	memcpy(copy->secret, key->secret, key->secret_len);
	copy->key.secret = copy->secret;
	return copy;
}

static void free_learnt(struct learnt *learnt)
{
	sodium_memzero(learnt, sizeof *learnt);
	free(learnt);
}

static int api_learnt(void *host, const struct hm_auth_key *key)
{
	struct hm_services *s = host;
	struct learnt *copy = copy_key(key);
	bool kept;

	if (!copy)
		return HM_PLUGIN_ECONFIG;
	uv_mutex_lock(&s->mutex);
	kept = s->n_learnt < HM_SERVICES_LEARNT_MAX;
	if (kept) {
		*s->learnt_end = copy;
		s->learnt_end = &copy->next;
		s->n_learnt++;
	}
	uv_mutex_unlock(&s->mutex);
	if (!kept) {
		free_learnt(copy);
		return HM_PLUGIN_EFULL;
	}
	(void)uv_async_send(&s->async);
	return HM_PLUGIN_OK;
}

/* Hands every learnt key on, unless `drop`. */
static void take_learnt(struct hm_services *s, bool drop)
{
	struct learnt *at, *next;

	uv_mutex_lock(&s->mutex);
	at = s->learnt;
	s->learnt = NULL;
	s->learnt_end = &s->learnt;
	s->n_learnt = 0;
	uv_mutex_unlock(&s->mutex);
	for (; at; at = next) {
		next = at->next;
		if (!drop && s->options.learnt)
			s->options.learnt(s->options.arg, &at->key);
		free_learnt(at);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	const struct watch *w = poll->data;

	(void)status; /* an error too is read from the descriptor */
	(void)events;
	w->cb(w->arg);
}

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void stop_watch(struct hm_services *s, int fd)
{
	for (struct watch **at = &s->watches; *at; at = &(*at)->next) {
		struct watch *w = *at;

		if (w->fd != fd)
			continue;
		*at = w->next;
		s->n_watches--;
		uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		return;
	}
}

static int api_watch_fd(void *host, int fd, void (*cb)(void *arg), void *arg)
{
	struct hm_services *s = host;
	struct watch *w;

	stop_watch(s, fd);
	if (!cb)
		return HM_OK;
	if (s->n_watches >= HM_SERVICES_WATCHES_MAX)
		return HM_EFULL;
	w = calloc(1, sizeof *w);
	if (!w)
		return HM_ENOMEM;
	if (uv_poll_init(s->options.loop, &w->poll, fd)) {
		free(w);
		return HM_EIO;
	}
	w->poll.data = w;
	w->fd = fd;
	w->cb = cb;
	w->arg = arg;
	w->next = s->watches;
	s->watches = w;
	s->n_watches++;
	(void)uv_poll_start(&w->poll, UV_READABLE, on_readable);
	return HM_OK;
}

/* Takes everything that waits at once: the callbacks may lead to more. */
static void on_async(uv_async_t *async)
{
	struct hm_services *s = async->data;
	struct sighting seen[HM_SERVICES_SEEN_MAX];
	struct answer *answers;
	unsigned n_answers, n_seen;

	uv_mutex_lock(&s->mutex);
	answers = s->answers;
	n_answers = s->n_answers;
	n_seen = s->n_seen;
	memcpy(seen, s->seen, n_seen * sizeof seen[0]);
	s->answers = NULL;
	s->n_answers = s->cap_answers = s->n_seen = 0;
	uv_mutex_unlock(&s->mutex);
	/* Taken after the answers and handed on before them: the key of an answer is among these.
	 */
	take_learnt(s, false);
	for (unsigned i = 0; i < n_answers; i++)
		s->options.done(s->options.arg, answers[i].ticket, answers[i].result);
	free(answers);
	for (unsigned i = 0; i < n_seen; i++)
		s->options.seen(s->options.arg, seen[i].what, &seen[i].home, &seen[i].peer);
}

struct hm_services *hm_services_create(const struct hm_services_options *options)
{
	struct hm_services *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->options = *options;
	s->api = (struct hm_host_api){ .size = sizeof s->api,
		                       .host = s,
		                       .log = api_log,
		                       .now_ms = api_now_ms,
		                       .random = api_random,
		                       .done = api_done,
		                       .watch_fd = api_watch_fd,
		                       .seen = api_seen,
		                       .learnt = api_learnt };
	s->learnt_end = &s->learnt;
	if (uv_mutex_init(&s->mutex)) {
		free(s);
		return NULL;
	}
	if (uv_async_init(options->loop, &s->async, on_async)) {
		uv_mutex_destroy(&s->mutex);
		free(s);
		return NULL;
	}
	s->async.data = s;
	return s;
}

static void on_closed(uv_handle_t *handle)
{
	struct hm_services *s = handle->data;

	take_learnt(s, true);
	uv_mutex_destroy(&s->mutex);
	free(s->answers);
	free(s);
}

void hm_services_destroy(struct hm_services *services)
{
	if (!services)
		return;
	while (services->watches)
		stop_watch(services, services->watches->fd);
	uv_close((uv_handle_t *)&services->async, on_closed);
}

const struct hm_host_api *hm_services_api(const struct hm_services *services)
{
	return &services->api;
}
