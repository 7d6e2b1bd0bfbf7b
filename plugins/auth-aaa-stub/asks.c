#include "asks.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct question) == 2 * 4 + 3 * 16, "struct question has padding");

struct question question_of(const struct hm_auth_parties *parties, uint32_t spi)
{
	struct question q = { .use = parties->use, .spi = spi };

	memcpy(q.local, parties->local, sizeof q.local);
	memcpy(q.remote, parties->remote, sizeof q.remote);
	memcpy(q.home, parties->home, sizeof q.home);
	return q;
}

struct hm_auth_parties parties_of(const struct question *question)
{
	struct hm_auth_parties parties = { .size = sizeof parties, .use = question->use };

	memcpy(parties.local, question->local, sizeof parties.local);
	memcpy(parties.remote, question->remote, sizeof parties.remote);
	memcpy(parties.home, question->home, sizeof parties.home);
	return parties;
}

struct ask *asks_find(struct asks *asks, const struct question *question)
{
	for (unsigned i = 0; i < asks->n; i++)
		if (memcmp(&asks->ask[i].question, question, sizeof *question) == 0)
			return &asks->ask[i];
	return NULL;
}

static bool is_full(const struct asks *asks, const struct question *question)
{
	unsigned to_sign = 0, from_source = 0;

	for (unsigned i = 0; i < asks->n; i++) {
		const struct question *other = &asks->ask[i].question;

		to_sign += other->spi == 0;
		/* A host may take any address of its /64. */
		from_source += other->spi != 0 && memcmp(other->remote, question->remote, 8) == 0;
	}
	if (question->spi == 0)
		return to_sign >= ASKS_TO_SIGN;
	return asks->n - to_sign >= ASKS_TO_VERIFY || from_source >= ASKS_PER_SOURCE;
}

struct ask *asks_add(struct asks *asks, const struct question *question)
{
	struct ask *ask;

	if (is_full(asks, question))
		return NULL;
	ask = &asks->ask[asks->n++];
	*ask = (struct ask){ .question = *question };
	return ask;
}

int ask_wait(struct ask *ask, uint64_t ticket, const uint8_t *data, size_t len,
             const uint8_t mac[HM_AUTH_MAC_LEN])
{
	struct waiter *w, **end = &ask->waiters;

	if (ask->n_waiters >= WAITERS_MAX || len > MESSAGE_MAX)
		return HM_PLUGIN_EFULL;
	w = malloc(sizeof *w + len);
	if (!w)
		return HM_PLUGIN_ENOMEM;
	w->ticket = ticket;
	w->len = len;
	memcpy(w->mac, mac, sizeof w->mac);
	memcpy(w->data, data, len);
	w->next = NULL;
	while (*end)
		end = &(*end)->next;
	*end = w;
	ask->n_waiters++;
	return HM_PLUGIN_OK;
}

void asks_remove(struct asks *asks, struct ask *ask)
{
	while (ask->waiters) {
		struct waiter *w = ask->waiters;

		ask->waiters = w->next;
		free(w);
	}
	asks->n--;
	memmove(ask, ask + 1, (size_t)(&asks->ask[asks->n] - ask) * sizeof *ask);
}

static const struct ask *first_due(const struct asks *asks)
{
	const struct ask *first = NULL;

	for (unsigned i = 0; i < asks->n; i++)
		if (!first || asks->ask[i].due_ms < first->due_ms)
			first = &asks->ask[i];
	return first;
}

int64_t asks_deadline(const struct asks *asks)
{
	const struct ask *first = first_due(asks);

	return first ? first->due_ms : INT64_MAX;
}

struct ask *asks_due(struct asks *asks, int64_t now_ms)
{
	const struct ask *first = first_due(asks);

	return first && first->due_ms <= now_ms ? &asks->ask[first - asks->ask] : NULL;
}

void asks_refuse(struct asks *asks, const struct question *question, int64_t until_ms)
{
	asks->refusal[asks->next_refusal] = (struct refusal){ *question, until_ms };
	asks->next_refusal = (asks->next_refusal + 1) % REFUSALS_MAX;
	if (asks->n_refusals < REFUSALS_MAX)
		asks->n_refusals++;
}

bool asks_is_refused(const struct asks *asks, const struct question *question, int64_t now_ms)
{
	for (unsigned i = 0; i < asks->n_refusals; i++)
		if (now_ms < asks->refusal[i].until_ms &&
		    memcmp(&asks->refusal[i].question, question, sizeof *question) == 0)
			return true;
	return false;
}

void asks_forget_refusals(struct asks *asks)
{
	asks->n_refusals = asks->next_refusal = 0;
}
