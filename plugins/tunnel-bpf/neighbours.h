/* Where neighbours were last said to be, so that news of one can be told from what is known: most
 * is ageing, of which nothing follows. A fixed table; what it had no room for it is not sure of. */
#ifndef HM_BPF_NEIGHBOURS_H
#define HM_BPF_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

#define HM_NEIGHBOUR_SETS 2048u /* a power of two */
#define HM_NEIGHBOUR_WAYS 4u

struct hm_neighbour {
	uint32_t ifindex; /* 0: none */
	uint8_t addr[16], lladdr[6];
};

/* Zeroed: knows nobody. */
struct hm_neighbours {
	struct hm_neighbour_set {
		struct hm_neighbour ways[HM_NEIGHBOUR_WAYS];
		uint8_t next; /* to be pushed out */
		bool crowded; /* one has been */
	} sets[HM_NEIGHBOUR_SETS];
};

enum hm_neighbour_news {
	HM_NEIGHBOUR_OLD,    /* nothing that was known is wrong now */
	HM_NEIGHBOUR_LEFT,   /* it is no longer where it was */
	HM_NEIGHBOUR_UNSURE, /* it may have been anywhere */
};

/* lladdr: where it is, 6 octets; NULL: nowhere. ret_lladdr: where it was, for LEFT. */
enum hm_neighbour_news hm_neighbours_hear(struct hm_neighbours *t, uint32_t ifindex,
                                          const uint8_t addr[16], const uint8_t *lladdr,
                                          uint8_t ret_lladdr[6]);

#endif
