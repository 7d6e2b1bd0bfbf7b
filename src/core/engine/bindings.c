#include "engine/bindings.h"

#include "base/rand.h"

#include <assert.h>

#define ALIGN 16

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static uint32_t capacity_of(uint32_t max)
{
	return max > UINT32_MAX / 4 ? UINT32_MAX / 2 : 2 * max;
}

static uint32_t buckets_of(uint32_t capacity)
{
	uint32_t n = 16;

	while (n < capacity && n < 1U << 31)
		n <<= 1;
	return n;
}

size_t hm_bindings_size(uint32_t max)
{
	size_t capacity = capacity_of(max);
	size_t buckets = buckets_of((uint32_t)capacity);

	return aligned(capacity * sizeof(struct hm_binding)) +
	       aligned(max * sizeof(struct hm_heap_node)) + aligned(capacity * sizeof(uint32_t)) +
	       2 * aligned(buckets * sizeof(uint32_t));
}

void hm_bindings_init(struct hm_bindings *t, void *memory, uint32_t max, uint64_t seed)
{
	struct hm_rand rand;
	uint32_t capacity = capacity_of(max);
	uint32_t buckets = buckets_of(capacity);
	uint8_t *at = memory;

	hm_rand_init(&rand, seed);
	*t = (struct hm_bindings){ .max = max, .capacity = capacity, .mask = buckets - 1 };
	t->seed[0] = hm_rand_next(&rand);
	t->seed[1] = hm_rand_next(&rand);
	t->slot = (void *)at;
	at += aligned(capacity * sizeof(struct hm_binding));
	t->due.node = (void *)at;
	at += aligned(max * sizeof(struct hm_heap_node));
	t->due.pos = (void *)at;
	at += aligned(capacity * sizeof(uint32_t));
	t->by_home = (void *)at;
	at += aligned(buckets * sizeof(uint32_t));
	t->by_claim = (void *)at;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

/* Seeded, so that nobody outside can choose home addresses that share a chain. */
static uint32_t *bucket(const struct hm_bindings *t, uint32_t *heads, const struct hm_addr *a)
{
	uint64_t half[2];

	memcpy(half, a->b, sizeof half);
	return &heads[mix(mix(half[0] ^ t->seed[0]) + half[1] + t->seed[1]) & t->mask];
}

static uint32_t number_of(const struct hm_bindings *t, const struct hm_binding *b)
{
	return (uint32_t)(b - t->slot);
}

static struct hm_binding *slot_at(const struct hm_bindings *t, uint32_t number_plus_1)
{
	return number_plus_1 ? &t->slot[number_plus_1 - 1] : NULL;
}

struct hm_binding *hm_bindings_find(const struct hm_bindings *t, const struct hm_addr *home)
{
	struct hm_binding *b = slot_at(t, *bucket(t, t->by_home, home));

	while (b && !hm_addr_eq(&b->home, home))
		b = slot_at(t, b->next_home);
	return b;
}

struct hm_binding *hm_bindings_find_claim(const struct hm_bindings *t,
                                          const struct hm_addr *claimed)
{
	struct hm_binding *b = slot_at(t, *bucket(t, t->by_claim, claimed));

	while (b && !hm_addr_eq(&b->claimed, claimed))
		b = slot_at(t, b->next_claim);
	return b;
}

/* The slot's number stands above its serial: tickets of different slots never meet. */
hm_ticket hm_bindings_ticket(struct hm_bindings *t, struct hm_binding *b)
{
	if (++b->serial == 0)
		b->serial = 1;
	return (hm_ticket)number_of(t, b) << 32 | b->serial;
}

struct hm_binding *hm_bindings_find_ticket(const struct hm_bindings *t, hm_ticket ticket)
{
	uint32_t number = (uint32_t)(ticket >> 32);
	struct hm_binding *b;

	if (number >= t->high)
		return NULL;
	b = &t->slot[number];
	return hm_binding_is_live(b) && b->serial == (uint32_t)ticket ? b : NULL;
}

static void append_idle(struct hm_bindings *t, struct hm_binding *b)
{
	uint32_t me = number_of(t, b) + 1;

	b->older = t->newest;
	b->newer = 0;
	if (t->newest)
		t->slot[t->newest - 1].newer = me;
	else
		t->oldest = me;
	t->newest = me;
	t->n_idle++;
}

static void unlink_idle(struct hm_bindings *t, struct hm_binding *b)
{
	if (b->older)
		t->slot[b->older - 1].newer = b->newer;
	else
		t->oldest = b->newer;
	if (b->newer)
		t->slot[b->newer - 1].older = b->older;
	else
		t->newest = b->older;
	t->n_idle--;
}

struct hm_binding *hm_bindings_add(struct hm_bindings *t, const struct hm_addr *home)
{
	struct hm_binding *b = slot_at(t, t->free);
	uint32_t *head = bucket(t, t->by_home, home);
	uint32_t serial;

	if (b)
		t->free = b->next_home;
	else if (t->high < t->capacity)
		b = &t->slot[t->high++];
	else
		return NULL;
	/* The serial lives on: a ticket of the slot's former tenant stays void. */
	serial = b->serial;
	*b = (struct hm_binding){ .home = *home, .serial = serial, .state = HM_SLOT_IDLE };
	b->next_home = *head;
	*head = number_of(t, b) + 1;
	append_idle(t, b);
	return b;
}

static void claim(struct hm_bindings *t, struct hm_binding *b, const struct hm_addr *claimed)
{
	uint32_t *head = bucket(t, t->by_claim, claimed);

	b->claimed = *claimed;
	if (hm_addr_is_any(claimed))
		return;
	b->next_claim = *head;
	*head = number_of(t, b) + 1;
}

static void unclaim(struct hm_bindings *t, struct hm_binding *b)
{
	uint32_t me = number_of(t, b) + 1;
	uint32_t *at = bucket(t, t->by_claim, &b->claimed);

	if (hm_addr_is_any(&b->claimed))
		return;
	while (*at != me)
		at = &t->slot[*at - 1].next_claim;
	*at = b->next_claim;
}

int hm_bindings_enliven(struct hm_bindings *t, struct hm_binding *b, const struct hm_addr *claimed)
{
	assert(b->state == HM_SLOT_IDLE);
	if (t->n_live >= t->max)
		return HM_EFULL;
	if (!hm_addr_is_any(claimed) && hm_bindings_find_claim(t, claimed))
		return HM_EEXIST;
	unlink_idle(t, b);
	claim(t, b, claimed);
	b->state = HM_SLOT_PROBING;
	t->n_live++;
	return HM_OK;
}

void hm_bindings_reclaim(struct hm_bindings *t, struct hm_binding *b, const struct hm_addr *claimed)
{
	unclaim(t, b);
	claim(t, b, claimed);
}

/* Everything but what outlives a binding; its tickets do not. */
static void clear(struct hm_binding *b)
{
	*b = (struct hm_binding){
		.home = b->home,
		.epoch = b->epoch,
		.spi = b->spi,
		.seq = b->seq,
		.serial = b->serial + 1,
		.next_home = b->next_home,
		.state = HM_SLOT_IDLE,
	};
}

void hm_bindings_idle(struct hm_bindings *t, struct hm_binding *b)
{
	assert(hm_binding_is_live(b));
	unclaim(t, b);
	hm_heap_set(&t->due, number_of(t, b), HM_NEVER);
	clear(b);
	append_idle(t, b);
	t->n_live--;
}

void hm_bindings_forget(struct hm_bindings *t, struct hm_binding *b)
{
	uint32_t me = number_of(t, b) + 1;
	uint32_t *at = bucket(t, t->by_home, &b->home);

	assert(b->state == HM_SLOT_IDLE);
	unlink_idle(t, b);
	while (*at != me)
		at = &t->slot[*at - 1].next_home;
	*at = b->next_home;
	b->state = HM_SLOT_FREE;
	b->next_home = t->free;
	t->free = me;
}

struct hm_binding *hm_bindings_oldest_idle(const struct hm_bindings *t)
{
	return slot_at(t, t->oldest);
}

void hm_bindings_wake(struct hm_bindings *t, const struct hm_binding *b, hm_ms at)
{
	assert(hm_binding_is_live(b));
	hm_heap_set(&t->due, number_of(t, b), at);
}

struct hm_binding *hm_bindings_due(const struct hm_bindings *t, hm_ms now)
{
	return hm_bindings_soonest(t) <= now && t->due.n > 0 ? &t->slot[hm_heap_first(&t->due)]
	                                                     : NULL;
}

struct hm_binding *hm_bindings_next(const struct hm_bindings *t, uint64_t *cursor)
{
	while (*cursor < t->high) {
		struct hm_binding *b = &t->slot[(*cursor)++];

		if (b->state != HM_SLOT_FREE)
			return b;
	}
	return NULL;
}
