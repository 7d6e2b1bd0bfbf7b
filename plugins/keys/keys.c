#include "keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MIN 16
#define SECRET_MAX 64
#define SPI_MIN 256 /* those below are reserved */

#define SLAB_KEYS 1024
#define NONE UINT32_MAX

/* All that decides whether two keys are the same one; without padding, it compares as memory. */
struct identity {
	uint32_t use, spi;
	uint8_t has_home, has_peer, peer_plen, reserved;
	uint8_t home[16], peer[16];
};

struct key {
	struct identity id;
	uint8_t secret_len; /* 0: the record is free */
	uint32_t generation;
	uint32_t next_spi, next_parties; /* chains of the two indexes; a free record's next_spi */
	int64_t not_before_s, not_after_s;
};

/* Heads of chains of records, by a keyed hash. */
struct index {
	uint32_t *heads;
};

struct keys {
	struct key *key;
	uint8_t **slab; /* the secret of key[i] is octets 64 * (i % 1024) of slab[i / 1024] */
	size_t n, cap, n_live;
	uint32_t free, generation;
	size_t n_heads; /* of each index, a power of two */
	struct index by_spi, by_parties;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

static size_t hash(const struct keys *keys, uint32_t a, uint32_t b, const uint8_t *home)
{
	uint8_t in[24] = { 0 }, out[crypto_shorthash_BYTES];
	uint64_t h;

	memcpy(in, &a, sizeof a);
	memcpy(in + 4, &b, sizeof b);
	if (home)
		memcpy(in + 8, home, 16);
	crypto_shorthash(out, in, sizeof in, keys->hash_key);
	memcpy(&h, out, sizeof h);
	return (size_t)h & (keys->n_heads - 1);
}

/* Keys for one home address and keys for any have chains of their own. */
static uint32_t *spi_head(const struct keys *keys, uint32_t use, uint32_t spi, const uint8_t *home)
{
	return &keys->by_spi.heads[hash(keys, use, spi, home)];
}

/* SPI 0 names no key, so that the two indexes' chains differ. */
static uint32_t *parties_head(const struct keys *keys, uint32_t use, const uint8_t *home)
{
	return &keys->by_parties.heads[hash(keys, use, 0, home)];
}

static uint8_t *secret_of(const struct keys *keys, size_t i)
{
	return keys->slab[i / SLAB_KEYS] + SECRET_MAX * (i % SLAB_KEYS);
}

static void link_key(struct keys *keys, uint32_t i)
{
	struct key *k = &keys->key[i];
	const uint8_t *home = k->id.has_home ? k->id.home : NULL;
	uint32_t *head = spi_head(keys, k->id.use, k->id.spi, home);

	k->next_spi = *head;
	*head = i;
	head = parties_head(keys, k->id.use, home);
	k->next_parties = *head;
	*head = i;
}

/* Every chain anew, and the list of free records. */
static void link_all(struct keys *keys)
{
	for (size_t i = 0; i < keys->n_heads; i++)
		keys->by_spi.heads[i] = keys->by_parties.heads[i] = NONE;
	keys->free = NONE;
	for (uint32_t i = 0; i < keys->n; i++) {
		if (keys->key[i].secret_len > 0) {
			link_key(keys, i);
			continue;
		}
		keys->key[i].next_spi = keys->free;
		keys->free = i;
	}
}

static bool size_indexes(struct keys *keys, size_t n_heads)
{
	uint32_t *spi = malloc(n_heads * sizeof *spi);
	uint32_t *parties = malloc(n_heads * sizeof *parties);

	if (!spi || !parties) {
		free(spi);
		free(parties);
		return false;
	}
	free(keys->by_spi.heads);
	free(keys->by_parties.heads);
	keys->by_spi.heads = spi;
	keys->by_parties.heads = parties;
	keys->n_heads = n_heads;
	link_all(keys);
	return true;
}

struct keys *keys_create(void)
{
	struct keys *keys = calloc(1, sizeof *keys);

	if (!keys)
		return NULL;
	keys->free = NONE;
	randombytes_buf(keys->hash_key, sizeof keys->hash_key);
	if (!size_indexes(keys, SLAB_KEYS)) {
		keys_destroy(keys);
		return NULL;
	}
	return keys;
}

void keys_destroy(struct keys *keys)
{
	if (!keys)
		return;
	/* sodium_free() wipes. */
	for (size_t i = 0; i < keys->cap / SLAB_KEYS; i++)
		sodium_free(keys->slab[i]);
	free(keys->slab);
	free(keys->key);
	free(keys->by_spi.heads);
	free(keys->by_parties.heads);
	free(keys);
}

/* Room for one slab more. */
static int grow(struct keys *keys, bool *ret_unlocked)
{
	size_t slabs = keys->cap / SLAB_KEYS;
	uint8_t **slab = realloc(keys->slab, (slabs + 1) * sizeof *slab);
	struct key *key;

	if (!slab)
		return HM_PLUGIN_ENOMEM;
	keys->slab = slab;
	key = realloc(keys->key, (keys->cap + SLAB_KEYS) * sizeof *key);
	if (!key)
		return HM_PLUGIN_ENOMEM;
	keys->key = key;
	slab[slabs] = sodium_malloc(SLAB_KEYS * SECRET_MAX);
	if (!slab[slabs])
		return HM_PLUGIN_ENOMEM;
	/* sodium_malloc() has tried this too, and does not tell how it went. */
	*ret_unlocked = sodium_mlock(slab[slabs], SLAB_KEYS * SECRET_MAX) != 0;
	keys->cap += SLAB_KEYS;
	/* Longer chains would do as well: failing to widen the indexes is no error. */
	if (keys->cap > keys->n_heads)
		(void)size_indexes(keys, 2 * keys->n_heads);
	return HM_PLUGIN_OK;
}

static bool is_valid(const struct key *k, int64_t now_s)
{
	return (k->not_before_s == 0 || k->not_before_s <= now_s) &&
	       (k->not_after_s == 0 || now_s <= k->not_after_s);
}

static bool is_in(const uint8_t addr[16], const uint8_t prefix[16], unsigned plen)
{
	unsigned whole = plen / 8, rest = plen % 8;

	return memcmp(addr, prefix, whole) == 0 &&
	       (rest == 0 || ((addr[whole] ^ prefix[whole]) >> (8 - rest)) == 0);
}

/* One section of a configuration may be shared by both ends: its peer is either. */
static bool fits(const struct identity *id, const struct hm_auth_parties *parties)
{
	if (id->use != parties->use)
		return false;
	if (id->has_home && memcmp(id->home, parties->home, sizeof id->home) != 0)
		return false;
	return !id->has_peer || is_in(parties->remote, id->peer, id->peer_plen) ||
	       is_in(parties->local, id->peer, id->peer_plen);
}

_Static_assert(sizeof(struct identity) == 2 * 4 + 4 + 2 * 16, "struct identity has padding");

static struct identity identity_of(const struct hm_auth_key *key)
{
	struct identity id = { .use = key->use,
		               .spi = key->spi,
		               .has_home = key->has_home != 0,
		               .has_peer = key->has_peer != 0 };

	if (id.has_home)
		memcpy(id.home, key->home, sizeof id.home);
	if (!id.has_peer)
		return id;
	id.peer_plen = key->peer_plen;
	for (unsigned i = 0; i < sizeof id.peer; i++) {
		unsigned bits = id.peer_plen > 8 * i ? id.peer_plen - 8 * i : 0;

		id.peer[i] = (uint8_t)(key->peer[i] & (bits >= 8 ? 0xff : 0xff00 >> bits));
	}
	return id;
}

static uint32_t find(const struct keys *keys, const struct identity *id)
{
	const uint8_t *home = id->has_home ? id->home : NULL;
	uint32_t i = *spi_head(keys, id->use, id->spi, home);

	while (i != NONE && memcmp(&keys->key[i].id, id, sizeof *id) != 0)
		i = keys->key[i].next_spi;
	return i;
}

/* A record that no key uses, linked to nothing. */
static int take_free(struct keys *keys, bool *ret_unlocked, uint32_t *ret_i)
{
	if (keys->free != NONE) {
		*ret_i = keys->free;
		keys->free = keys->key[*ret_i].next_spi;
		return HM_PLUGIN_OK;
	}
	if (keys->n == keys->cap) {
		int err = keys->n >= NONE - SLAB_KEYS ? HM_PLUGIN_EFULL : grow(keys, ret_unlocked);

		if (err)
			return err;
	}
	*ret_i = (uint32_t)keys->n++;
	return HM_PLUGIN_OK;
}

static int add(struct keys *keys, const struct identity *id, bool *ret_unlocked, uint32_t *ret_i)
{
	uint32_t i;
	int err = take_free(keys, ret_unlocked, &i);

	if (err)
		return err;
	memset(&keys->key[i], 0, sizeof keys->key[i]);
	keys->key[i].id = *id;
	link_key(keys, i);
	keys->n_live++;
	*ret_i = i;
	return HM_PLUGIN_OK;
}

static bool is_sound(const struct hm_auth_key *key)
{
	return key->size >= offsetof(struct hm_auth_key, secret_len) + sizeof key->secret_len &&
	       key->use >= HM_KEY_MH_MS && key->use <= HM_KEY_MS_RA && key->spi >= SPI_MIN &&
	       key->peer_plen <= 128 && key->secret && key->secret_len >= SECRET_MIN &&
	       key->secret_len <= SECRET_MAX;
}

int keys_put(struct keys *keys, const struct hm_auth_key *key, bool *ret_unlocked)
{
	struct identity id;
	struct key *k;
	uint32_t i;

	*ret_unlocked = false;
	if (!is_sound(key))
		return HM_PLUGIN_ECONFIG;
	id = identity_of(key);
	i = find(keys, &id);
	if (i == NONE) {
		int err = add(keys, &id, ret_unlocked, &i);

		if (err)
			return err;
	}
	k = &keys->key[i];
	sodium_memzero(secret_of(keys, i), SECRET_MAX);
	memcpy(secret_of(keys, i), key->secret, key->secret_len);
	k->secret_len = (uint8_t)key->secret_len;
	k->not_before_s = key->not_before_s;
	k->not_after_s = key->not_after_s;
	k->generation = keys->generation;
	return HM_PLUGIN_OK;
}

void keys_begin(struct keys *keys)
{
	keys->generation++;
}

/* The chains still hold the record. */
static void wipe(struct keys *keys, size_t i)
{
	sodium_memzero(secret_of(keys, i), SECRET_MAX);
	keys->key[i].secret_len = 0;
	keys->n_live--;
}

void keys_end(struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *k = &keys->key[i];

		if (k->secret_len > 0 && k->generation != keys->generation)
			wipe(keys, i);
	}
	link_all(keys);
}

void keys_drop_expired(struct keys *keys, int64_t now_s)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *k = &keys->key[i];

		if (k->secret_len > 0 && k->not_after_s != 0 && k->not_after_s < now_s)
			wipe(keys, i);
	}
	link_all(keys);
}

size_t keys_count(const struct keys *keys)
{
	return keys->n_live;
}

/* No end is later than every end. */
static bool is_better(const struct key *a, const struct key *b)
{
	int64_t a_end = a->not_after_s ? a->not_after_s : INT64_MAX;
	int64_t b_end = b->not_after_s ? b->not_after_s : INT64_MAX;

	if (a_end != b_end)
		return a_end > b_end;
	if (a->not_before_s != b->not_before_s)
		return a->not_before_s > b->not_before_s;
	return a->id.spi < b->id.spi;
}

static struct key_view view(const struct keys *keys, uint32_t i)
{
	return (struct key_view){ .record = i,
		                  .spi = keys->key[i].id.spi,
		                  .secret = secret_of(keys, i),
		                  .secret_len = keys->key[i].secret_len };
}

/* The best valid key for these parties, or NONE. */
static uint32_t best_for(const struct keys *keys, const struct hm_auth_parties *parties,
                         int64_t now_s)
{
	const uint8_t *const homes[] = { parties->home, NULL };
	uint32_t best = NONE;

	for (unsigned h = 0; h < 2; h++) {
		uint32_t i = *parties_head(keys, parties->use, homes[h]);

		for (; i != NONE; i = keys->key[i].next_parties) {
			const struct key *k = &keys->key[i];

			/* The two chains may be one; to look at a key twice changes nothing. */
			if (fits(&k->id, parties) && is_valid(k, now_s) &&
			    (best == NONE || is_better(k, &keys->key[best])))
				best = i;
		}
	}
	return best;
}

bool keys_pick(const struct keys *keys, const struct hm_auth_parties *parties, int64_t now_s,
               struct key_view *ret_key)
{
	uint32_t best = best_for(keys, parties, now_s);

	if (best == NONE)
		return false;
	*ret_key = view(keys, best);
	return true;
}

bool keys_each(const struct keys *keys, const struct hm_auth_parties *parties, uint32_t spi,
               int64_t now_s, bool (*each)(void *arg, const struct key_view *key), void *arg)
{
	const uint8_t *const homes[] = { parties->home, NULL };

	for (unsigned h = 0; h < 2; h++) {
		uint32_t i = *spi_head(keys, parties->use, spi, homes[h]);

		for (; i != NONE; i = keys->key[i].next_spi) {
			const struct key *k = &keys->key[i];
			struct key_view key = view(keys, i);

			if (k->id.spi != spi || k->id.has_home != (homes[h] != NULL) ||
			    !fits(&k->id, parties) || !is_valid(k, now_s))
				continue;
			if (each(arg, &key))
				return true;
		}
	}
	return false;
}

static bool take_first(void *arg, const struct key_view *key)
{
	*(uint32_t *)arg = key->record;
	return true;
}

bool keys_find(const struct keys *keys, const struct hm_auth_parties *parties, uint32_t spi,
               int64_t now_s, struct hm_auth_key *ret_key)
{
	uint32_t i = NONE;
	const struct key *k;

	if (spi == 0)
		i = best_for(keys, parties, now_s);
	else
		(void)keys_each(keys, parties, spi, now_s, take_first, &i);
	if (i == NONE)
		return false;
	k = &keys->key[i];
	*ret_key = (struct hm_auth_key){ .size = sizeof *ret_key,
		                         .use = k->id.use,
		                         .spi = k->id.spi,
		                         .has_home = k->id.has_home,
		                         .peer_plen = k->id.peer_plen,
		                         .has_peer = k->id.has_peer,
		                         .not_before_s = k->not_before_s,
		                         .not_after_s = k->not_after_s,
		                         .secret = secret_of(keys, i),
		                         .secret_len = k->secret_len };
	memcpy(ret_key->home, k->id.home, sizeof ret_key->home);
	memcpy(ret_key->peer, k->id.peer, sizeof ret_key->peer);
	return true;
}
