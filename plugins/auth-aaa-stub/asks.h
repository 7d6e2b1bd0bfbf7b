/* Questions under way: who asked what, until when, and which messages wait for the answer. Nothing
 * here does I/O or knows the time; all that strangers can make us keep has its ceiling here.
 *
 * - Equal questions are asked once; later messages wait with the first.
 * - At most ASKS_TO_VERIFY questions about messages received, of them ASKS_PER_SOURCE from one /64;
 *   those about messages to be signed have ASKS_TO_SIGN of their own. Strangers can at most delay
 *   other strangers.
 * - At most WAITERS_MAX messages per question, of MESSAGE_MAX octets each.
 * - A refusal is remembered for a while, the last REFUSALS_MAX of them. */
#ifndef HM_AUTH_AAA_ASKS_H
#define HM_AUTH_AAA_ASKS_H

#include "hmipd-plugin.h"

#define ASKS_TO_VERIFY 192
#define ASKS_TO_SIGN 64
#define ASKS_MAX (ASKS_TO_VERIFY + ASKS_TO_SIGN)
#define ASKS_PER_SOURCE 16
#define WAITERS_MAX 4
#define MESSAGE_MAX 2048
#define REFUSALS_MAX 256

/* Without padding, it compares as memory. */
struct question {
	uint32_t use;
	uint32_t spi; /* 0: any, of a key to sign with */
	uint8_t local[16], remote[16], home[16];
};

struct waiter {
	struct waiter *next;
	uint64_t ticket;
	uint8_t mac[HM_AUTH_MAC_LEN];
	size_t len;
	uint8_t data[];
};

struct ask {
	struct question question;
	int64_t asked_ms, due_ms;
	int64_t now_s; /* the date when it was asked */
	bool lost;     /* no answer comes; at due_ms it is forgotten */
	unsigned n_waiters;
	struct waiter *waiters; /* the oldest first */
};

struct refusal {
	struct question question;
	int64_t until_ms;
};

struct asks {
	unsigned n, n_refusals, next_refusal;
	struct ask ask[ASKS_MAX]; /* the oldest first */
	struct refusal refusal[REFUSALS_MAX];
};

struct question question_of(const struct hm_auth_parties *parties, uint32_t spi);
struct hm_auth_parties parties_of(const struct question *question);

/* NULL: nobody asks that. */
struct ask *asks_find(struct asks *asks, const struct question *question);
/* NULL: a ceiling is reached. The caller fills in what is about time and fate. */
struct ask *asks_add(struct asks *asks, const struct question *question);
/* Copies the message; HM_PLUGIN_EFULL, HM_PLUGIN_ENOMEM. */
int ask_wait(struct ask *ask, uint64_t ticket, const uint8_t *data, size_t len,
             const uint8_t mac[HM_AUTH_MAC_LEN]);
/* Frees what waits. */
void asks_remove(struct asks *asks, struct ask *ask);

/* The moment at which asks_due() has one; INT64_MAX: never. */
int64_t asks_deadline(const struct asks *asks);
/* The one that is due first, or NULL. */
struct ask *asks_due(struct asks *asks, int64_t now_ms);

void asks_refuse(struct asks *asks, const struct question *question, int64_t until_ms);
bool asks_is_refused(const struct asks *asks, const struct question *question, int64_t now_ms);
/* Other keys are to be had from now on. */
void asks_forget_refusals(struct asks *asks);

#endif
