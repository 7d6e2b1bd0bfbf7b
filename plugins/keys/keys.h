/* Keys at hand, for any auth plugin that makes MACs: secrets in guarded memory, found by SPI for a
 * message received and by parties for one to be sent. A look-up costs the same with ten keys and
 * with a million.
 *
 * A key is one of (use, SPI, home address or none, peer or none); a mobility server may hold the
 * same SPI for many mobile hosts. Secrets live in slabs of sodium_malloc(): one guarded allocation
 * per key would cost three pages each. */
#ifndef HM_PLUGIN_KEYS_H
#define HM_PLUGIN_KEYS_H

#include "hmipd-plugin.h"

struct keys;

/* One key at hand; both pointers hold until the next change of the keys. */
struct key_view {
	uint32_t record; /* for keys.c */
	uint32_t spi;
	const uint8_t *secret;
	size_t secret_len;
};

/* NULL: out of memory. sodium_init() must have been called. */
struct keys *keys_create(void);
/* Wipes every secret. NULL is fine. */
void keys_destroy(struct keys *keys);

/* Copies the key, or replaces the secret and validity of the same one. HM_PLUGIN_ECONFIG for one
 * that breaks a rule of PROTOCOL 5, HM_PLUGIN_ENOMEM. *ret_unlocked is set when the secret may be
 * swapped out, since the machine's limit of locked memory is reached. */
int keys_put(struct keys *keys, const struct hm_auth_key *key, bool *ret_unlocked);

/* Between these two every key that shall stay is put again; the others are wiped. */
void keys_begin(struct keys *keys);
void keys_end(struct keys *keys);

/* Wipes the keys whose validity is over. */
void keys_drop_expired(struct keys *keys, int64_t now_s);

size_t keys_count(const struct keys *keys);

/* The valid key for these parties that ends last; of equals the one that begins last, then the one
 * with the lowest SPI. False: there is none. */
bool keys_pick(const struct keys *keys, const struct hm_auth_parties *parties, int64_t now_s,
               struct key_view *ret_key);

/* The whole key for these parties, with that SPI unless it is 0: as keys_pick() chooses, but only
 * the first of an SPI. Its name is NULL, its secret is borrowed until the next change of the keys.
 * False: there is none. */
bool keys_find(const struct keys *keys, const struct hm_auth_parties *parties, uint32_t spi,
               int64_t now_s, struct hm_auth_key *ret_key);

/* Calls `each` for every valid key of that SPI which fits the parties, until it returns true; false
 * when none did. */
bool keys_each(const struct keys *keys, const struct hm_auth_parties *parties, uint32_t spi,
               int64_t now_s, bool (*each)(void *arg, const struct key_view *key), void *arg);

#endif
