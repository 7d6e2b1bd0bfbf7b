/* Items of a fixed array found by an address, several under one: chains by a keyed hash, since
 * hosts choose the addresses. Adding and removing take the same time however many there are. */
#ifndef HM_HOST_CHAINS_H
#define HM_HOST_CHAINS_H

#include "base/addr.h"

#include <sodium.h>
#include <stdbool.h>

#define HM_CHAIN_END UINT32_MAX

struct hm_chains {
	uint32_t *heads;
	struct hm_chain_link {
		uint32_t before, after;
	} * links;
	uint32_t mask;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

/* For items 0 to n - 1. False: out of memory; finish is fine then, as it is with zeros. */
bool hm_chains_init(struct hm_chains *chains, uint32_t n);
void hm_chains_finish(struct hm_chains *chains);

/* An item may be added once, and is removed by the address it was added under. */
void hm_chains_add(struct hm_chains *chains, uint32_t item, const struct hm_addr *addr);
void hm_chains_del(struct hm_chains *chains, uint32_t item, const struct hm_addr *addr);

/* The newest item first, HM_CHAIN_END at the end; items of other addresses may be among them. */
uint32_t hm_chains_first(const struct hm_chains *chains, const struct hm_addr *addr);
uint32_t hm_chains_next(const struct hm_chains *chains, uint32_t item);

#endif
