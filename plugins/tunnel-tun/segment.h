/* Cuts a super-packet (of a sender on this machine, or merged on receipt) into the packets it
 * stands for. The kernel takes super-packets back when they are TCP or UDP, and has no words for
 * one that is still in a tunnel. Pure. */
#ifndef HM_TUN_SEGMENT_H
#define HM_TUN_SEGMENT_H

#include "packet.h"

struct hm_segments {
	const struct hm_pkt *whole;
	size_t header; /* octets up to the data, repeated in each */
	size_t at;     /* of the data, what comes next */
};

/* Longest header that is repeated. */
#define HM_SEGMENT_HEADER_MAX 512u

/* False: none that can be cut here. */
bool hm_segments_begin(const struct hm_pkt *whole, struct hm_segments *ret_segments);
/* Writes the next one to `room`, which holds HM_SEGMENT_HEADER_MAX + gso_size octets; false: that
 * was the last. */
bool hm_segments_next(struct hm_segments *s, uint8_t *room, struct hm_pkt *ret_pkt);

#endif
