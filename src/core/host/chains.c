#include "host/chains.h"

#include <stdlib.h>

static uint32_t *head_of(const struct hm_chains *c, const struct hm_addr *addr)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, addr->b, sizeof addr->b, c->key);
	return &c->heads[h & c->mask];
}

bool hm_chains_init(struct hm_chains *chains, uint32_t n)
{
	uint32_t heads = 16;

	while (heads < n && heads < 1U << 31)
		heads <<= 1;
	memset(chains, 0, sizeof *chains);
	chains->mask = heads - 1;
	chains->heads = malloc(heads * sizeof *chains->heads);
	chains->links = calloc(n ? n : 1, sizeof *chains->links);
	if (!chains->heads || !chains->links)
		return false;
	for (uint32_t i = 0; i < heads; i++)
		chains->heads[i] = HM_CHAIN_END;
	randombytes_buf(chains->key, sizeof chains->key);
	return true;
}

void hm_chains_finish(struct hm_chains *chains)
{
	free(chains->heads);
	free(chains->links);
	memset(chains, 0, sizeof *chains);
}

void hm_chains_add(struct hm_chains *chains, uint32_t item, const struct hm_addr *addr)
{
	uint32_t *head = head_of(chains, addr);

	chains->links[item] = (struct hm_chain_link){ .before = HM_CHAIN_END, .after = *head };
	if (*head != HM_CHAIN_END)
		chains->links[*head].before = item;
	*head = item;
}

void hm_chains_del(struct hm_chains *chains, uint32_t item, const struct hm_addr *addr)
{
	const struct hm_chain_link *link = &chains->links[item];

	if (link->before == HM_CHAIN_END)
		*head_of(chains, addr) = link->after;
	else
		chains->links[link->before].after = link->after;
	if (link->after != HM_CHAIN_END)
		chains->links[link->after].before = link->before;
}

uint32_t hm_chains_first(const struct hm_chains *chains, const struct hm_addr *addr)
{
	return *head_of(chains, addr);
}

uint32_t hm_chains_next(const struct hm_chains *chains, uint32_t item)
{
	return chains->links[item].after;
}
