/* A small seeded generator for jitter and for simulations: the same seed gives the same numbers.
 * Nothing secret may come from here; that is libsodium's work in host/. */
#ifndef HM_BASE_RAND_H
#define HM_BASE_RAND_H

#include <stdint.h>

struct hm_rand {
	uint64_t state;
};

void hm_rand_init(struct hm_rand *r, uint64_t seed);
uint64_t hm_rand_next(struct hm_rand *r);

/* Uniform in [0, bound); 0 when bound is 0. */
uint32_t hm_rand_below(struct hm_rand *r, uint32_t bound);

/* Uniform in [low, high]. */
int64_t hm_rand_between(struct hm_rand *r, int64_t low, int64_t high);

#endif
