/* Tunnelled packets that arrive in fragments, put together again (RFC 8200 4.5, RFC 5722). All room
 * there is is below: a fixed number of packets of a fixed length, of which one source gets a part.
 * When that is used up the oldest packet makes room, because fragments of one packet follow each
 * other closely: what is old has lost a part. Only fragments of tunnels in use may be kept; that is
 * the caller's to know. */
#ifndef HM_TUN_REASM_H
#define HM_TUN_REASM_H

#include "packet.h"
#include "wire/fragment.h"

#define HM_REASM_PACKETS 256u
#define HM_REASM_PER_SOURCE 32u
/* Fragments of one packet. Two are what an inner packet of 1280 octets makes. */
#define HM_REASM_PARTS 8u
/* Payload: more than 1500 octets, which every node takes (RFC 8200 5), and than an inner packet of
 * 1280 in as many tunnels as there are. */
#define HM_REASM_LEN 2048u
/* Far less than the 60 s of RFC 8200 4.5, which are for transports that wait for a packet that
 * long: a lost part is sent again with all others, in a packet of its own. */
#define HM_REASM_MS 5000

enum hm_reasm_verdict {
	HM_REASM_KEPT,     /* waits for others, or was there already */
	HM_REASM_WHOLE,    /* the packet at hand is the whole one now */
	HM_REASM_OVERLAP,  /* this and all else of the packet is discarded */
	HM_REASM_TOO_LONG, /* the same; or in too many parts */
	HM_REASM_MARKED,   /* whole, but some parts could not carry the congestion mark of others */
};

enum hm_reasm_state {
	HM_REASM_FREE,
	HM_REASM_DONE, /* free, but remembers between whom */
	HM_REASM_OPEN,
	HM_REASM_SPOILT, /* what comes yet is discarded */
};

struct hm_reasm_slot {
	enum hm_reasm_state state;
	struct hm_addr src, dst;
	uint32_t id;
	int64_t since_ms;
	uint8_t marks; /* bit n: a fragment bore congestion mark n */
	uint8_t next;
	uint8_t n;
	uint16_t have, total; /* octets; total 0: the last one is not here yet */
	struct {
		uint16_t at, len;
	} parts[HM_REASM_PARTS];
	size_t head_len, next_at; /* of the first one; 0: not here yet */
	uint8_t head[HM_ENCAP_OVERHEAD_MAX];
	uint8_t data[HM_REASM_LEN];
};

struct hm_reasm {
	uint64_t timed_out, pushed_out; /* packets given up; the caller's to take */
	struct hm_reasm_slot slots[HM_REASM_PACKETS];
};

/* Whether fragments between the two were kept lately. */
bool hm_reasm_knows(const struct hm_reasm *r, const struct hm_pkt *k, int64_t now_ms);

/* Takes a fragment that is not the only one of its packet, at most HM_ENCAP_OVERHEAD_MAX octets
 * into it. The buffer of k must hold HM_REASM_LEN octets more than that. */
enum hm_reasm_verdict hm_reasm_add(struct hm_reasm *r, struct hm_pkt *k,
                                   const struct hm_fragment *f, int64_t now_ms);

#endif
