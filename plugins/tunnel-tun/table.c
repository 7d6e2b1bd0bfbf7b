#include "table.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SLOTS_FIRST 16u
#define CACHE_LINE 64

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9fb21c651e98df25u;
	return h ^ h >> 32;
}

static uint64_t hash_of(const struct hm_table *t, unsigned kind, const struct hm_addr *a,
                        const struct hm_addr *b)
{
	uint64_t w[4], h = t->seed[4] ^ kind;

	memcpy(w, a->b, 16);
	memcpy(w + 2, b->b, 16);
	for (unsigned i = 0; i < 4; i++)
		h = mix(h, w[i] ^ t->seed[i]);
	return mix(h, h >> 29);
}

static struct hm_item *item_at(const struct hm_table *t, uint32_t index)
{
	return &t->chunks[index / HM_TABLE_CHUNK][index % HM_TABLE_CHUNK];
}

static bool is_item(const struct hm_item *item, unsigned kind, const struct hm_addr *a,
                    const struct hm_addr *b)
{
	return item->kind == kind && hm_addr_eq(&item->a, a) && hm_addr_eq(&item->b, b);
}

/* Large arrays on large pages: a cold 4 KiB page costs more than the packet's whole lookup. */
static void *big_alloc(size_t size)
{
	void *p = NULL;

	if (size < 65536)
		return calloc(1, size);
	if (posix_memalign(&p, 4096, size) != 0)
		return NULL;
	(void)madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

bool hm_table_init(struct hm_table *t, const uint64_t seed[5])
{
	memcpy(t->seed, seed, sizeof t->seed);
	t->chunks = calloc(HM_TABLE_MAX / HM_TABLE_CHUNK, sizeof(struct hm_item *));
	return t->chunks != NULL;
}

void hm_table_finish(struct hm_table *t)
{
	struct hm_item *item;
	uint32_t pos = 0;

	while ((item = hm_table_next(t, &pos)))
		free(item->entry);
	for (unsigned i = 0; i < HM_TABLE_SHARDS; i++)
		free(t->shards[i].slots);
	for (uint32_t i = 0; i < t->n_chunks; i++)
		free(t->chunks[i]);
	free(t->chunks);
	memset(t, 0, sizeof *t);
}

void hm_table_expect(const struct hm_table *t, enum hm_item_kind kind, const struct hm_addr *a)
{
	uint64_t h = hash_of(t, kind, a, &hm_addr_any);
	const struct hm_shard *s = &t->shards[h >> 56];

	if (s->slots)
		__builtin_prefetch(&s->slots[(uint32_t)h & s->mask]);
}

void hm_table_expect_item(const struct hm_table *t, enum hm_item_kind kind, const struct hm_addr *a)
{
	uint64_t h = hash_of(t, kind, a, &hm_addr_any);
	const struct hm_shard *s = &t->shards[h >> 56];
	const struct hm_slot *slot = s->slots ? &s->slots[(uint32_t)h & s->mask] : NULL;

	if (!slot || slot->item == 0 || slot->hash != (uint32_t)h)
		return;
	for (const char *at = (const char *)item_at(t, slot->item - 1),
	                *end = at + sizeof(struct hm_item);
	     at < end; at += CACHE_LINE)
		__builtin_prefetch(at);
}

struct hm_item *hm_table_find(const struct hm_table *t, enum hm_item_kind kind,
                              const struct hm_addr *a, const struct hm_addr *b)
{
	const struct hm_addr *second = b ? b : &hm_addr_any;
	const struct hm_shard *s;
	uint64_t h;

	/* Roles have entries of some kinds only: what is not there costs no access to memory. */
	if (t->n_of[kind] == 0)
		return NULL;
	h = hash_of(t, kind, a, second);
	s = &t->shards[h >> 56];
	if (s->n == 0)
		return NULL;
	for (uint32_t i = (uint32_t)h & s->mask; s->slots[i].item != 0; i = (i + 1) & s->mask) {
		struct hm_item *item;

		if (s->slots[i].hash != (uint32_t)h)
			continue;
		item = item_at(t, s->slots[i].item - 1);
		if (is_item(item, kind, a, second))
			return item;
	}
	return NULL;
}

static void place(struct hm_shard *s, struct hm_slot slot)
{
	uint32_t i = slot.hash & s->mask;

	while (s->slots[i].item != 0)
		i = (i + 1) & s->mask;
	s->slots[i] = slot;
}

/* Keeps a shard at most three quarters full. */
static bool make_room(struct hm_shard *s)
{
	uint32_t size = s->slots ? s->mask + 1 : 0;
	struct hm_shard wide = { .n = s->n };

	if (s->slots && (s->n + 1) * 4 <= size * 3)
		return true;
	size = size ? size * 2 : SLOTS_FIRST;
	wide.mask = size - 1;
	wide.slots = big_alloc(size * sizeof *wide.slots);
	if (!wide.slots)
		return false;
	for (uint32_t i = 0; s->slots && i <= s->mask; i++)
		if (s->slots[i].item != 0)
			place(&wide, s->slots[i]);
	free(s->slots);
	*s = wide;
	return true;
}

/* Index + 1 of an unused item; 0 when there is none to be had. */
static uint32_t take_unused(struct hm_table *t)
{
	uint32_t index = t->unused;
	struct hm_item *chunk;

	if (index != 0) {
		t->unused = item_at(t, index - 1)->uses;
		return index;
	}
	if (t->n_chunks == HM_TABLE_MAX / HM_TABLE_CHUNK)
		return 0;
	chunk = big_alloc(HM_TABLE_CHUNK * sizeof *chunk);
	if (!chunk)
		return 0;
	for (uint32_t i = 0; i < HM_TABLE_CHUNK; i++) {
		chunk[i].kind = UINT8_MAX;
		chunk[i].uses = t->unused;
		t->unused = t->n_chunks * HM_TABLE_CHUNK + i + 1;
	}
	t->chunks[t->n_chunks++] = chunk;
	return take_unused(t);
}

struct hm_item *hm_table_put(struct hm_table *t, enum hm_item_kind kind, const struct hm_addr *a,
                             const struct hm_addr *b)
{
	const struct hm_addr *second = b ? b : &hm_addr_any;
	struct hm_item *item = hm_table_find(t, kind, a, second);
	uint64_t h = hash_of(t, kind, a, second);
	struct hm_shard *s = &t->shards[h >> 56];
	uint32_t index;

	if (item)
		return item;
	if (!make_room(s))
		return NULL;
	index = take_unused(t);
	if (index == 0)
		return NULL;
	item = item_at(t, index - 1);
	*item = (struct hm_item){ .kind = (uint8_t)kind, .a = *a, .b = *second };
	place(s, (struct hm_slot){ .hash = (uint32_t)h, .item = index });
	s->n++;
	t->n++;
	t->n_of[kind]++;
	return item;
}

/* Empties slot i and moves up what hashed before the hole, so that no search ends early. */
static void close_hole(struct hm_shard *s, uint32_t i)
{
	for (uint32_t j = (i + 1) & s->mask; s->slots[j].item != 0; j = (j + 1) & s->mask) {
		uint32_t home = s->slots[j].hash & s->mask;

		if (((j - home) & s->mask) < ((j - i) & s->mask))
			continue;
		s->slots[i] = s->slots[j];
		i = j;
	}
	s->slots[i].item = 0;
}

void hm_table_del(struct hm_table *t, struct hm_item *item)
{
	uint64_t h = hash_of(t, item->kind, &item->a, &item->b);
	struct hm_shard *s = &t->shards[h >> 56];
	uint32_t i = (uint32_t)h & s->mask, index;

	while (item_at(t, s->slots[i].item - 1) != item)
		i = (i + 1) & s->mask;
	index = s->slots[i].item;
	close_hole(s, i);
	free(item->entry);
	t->n_of[item->kind]--;
	*item = (struct hm_item){ .kind = UINT8_MAX, .uses = t->unused };
	t->unused = index;
	s->n--;
	t->n--;
}

struct hm_item *hm_table_next(const struct hm_table *t, uint32_t *pos)
{
	while (*pos < t->n_chunks * HM_TABLE_CHUNK) {
		struct hm_item *item = item_at(t, (*pos)++);

		if (item->kind != UINT8_MAX)
			return item;
	}
	return NULL;
}
