#include "base/rand.h"

void hm_rand_init(struct hm_rand *r, uint64_t seed)
{
	r->state = seed;
}

/* SplitMix64 (Steele, Lea, Flood 2014): one add and a finalizer, good in every seed. */
uint64_t hm_rand_next(struct hm_rand *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

uint32_t hm_rand_below(struct hm_rand *r, uint32_t bound)
{
	/* Multiply-shift: the bias is below 2^-32, nothing that jitter could show. */
	return (uint32_t)((hm_rand_next(r) >> 32) * bound >> 32);
}

int64_t hm_rand_between(struct hm_rand *r, int64_t low, int64_t high)
{
	if (high <= low)
		return low;
	return low + (int64_t)(hm_rand_next(r) % ((uint64_t)(high - low) + 1));
}
