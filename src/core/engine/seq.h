/* Sequence numbers: compared modulo 2^16 as the draft has it, or together with the epoch of the
 * Authentication Data, which makes them one number that never wraps (PROTOCOL 4, 5). */
#ifndef HM_ENGINE_SEQ_H
#define HM_ENGINE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

struct hm_number {
	uint32_t epoch;
	uint16_t seq;
};

/* True when a is later than b modulo 2^16. */
bool hm_seq_after(uint16_t a, uint16_t b);

/* True when a is later than b. Without authentication nothing vouches for the epoch: the sequence
 * numbers alone decide. */
bool hm_number_after(struct hm_number a, struct hm_number b, bool authenticated);

/* What a sender uses after n: the epoch counts the wraps of seq. */
struct hm_number hm_number_next(struct hm_number n);

#endif
