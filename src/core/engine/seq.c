#include "engine/seq.h"

bool hm_seq_after(uint16_t a, uint16_t b)
{
	/* (int16)(a - b) > 0 without leaning on how a compiler narrows. */
	uint16_t ahead = (uint16_t)(a - b);

	return ahead != 0 && ahead < 0x8000;
}

bool hm_number_after(struct hm_number a, struct hm_number b, bool authenticated)
{
	if (!authenticated)
		return hm_seq_after(a.seq, b.seq);
	return a.epoch != b.epoch ? a.epoch > b.epoch : a.seq > b.seq;
}

struct hm_number hm_number_next(struct hm_number n)
{
	n.seq++;
	if (n.seq == 0)
		n.epoch++;
	return n;
}
