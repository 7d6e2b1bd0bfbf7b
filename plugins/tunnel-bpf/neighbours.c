#include "neighbours.h"

#include <string.h>

static struct hm_neighbour_set *set_of(struct hm_neighbours *t, uint32_t ifindex,
                                       const uint8_t addr[16])
{
	uint32_t h = 2166136261u ^ ifindex;

	for (unsigned i = 0; i < 16; i++)
		h = (h ^ addr[i]) * 16777619u;
	return &t->sets[(h ^ h >> 16) & (HM_NEIGHBOUR_SETS - 1)];
}

/* NULL: not there. An interface of 0 finds room. */
static struct hm_neighbour *find(struct hm_neighbour_set *set, uint32_t ifindex,
                                 const uint8_t addr[16])
{
	for (unsigned i = 0; i < HM_NEIGHBOUR_WAYS; i++) {
		struct hm_neighbour *n = &set->ways[i];

		if (n->ifindex == ifindex && (ifindex == 0 || memcmp(n->addr, addr, 16) == 0))
			return n;
	}
	return NULL;
}

static enum hm_neighbour_news gone(struct hm_neighbour_set *set, struct hm_neighbour *known,
                                   uint8_t ret_lladdr[6])
{
	if (!known)
		return set->crowded ? HM_NEIGHBOUR_UNSURE : HM_NEIGHBOUR_OLD;
	memcpy(ret_lladdr, known->lladdr, sizeof known->lladdr);
	memset(known, 0, sizeof *known);
	return HM_NEIGHBOUR_LEFT;
}

static enum hm_neighbour_news appeared(struct hm_neighbour_set *set, uint32_t ifindex,
                                       const uint8_t addr[16], const uint8_t lladdr[6])
{
	struct hm_neighbour *n = find(set, 0, NULL);
	bool crowded = set->crowded;

	if (!n) {
		n = &set->ways[set->next++ % HM_NEIGHBOUR_WAYS];
		set->crowded = true;
	}
	n->ifindex = ifindex;
	memcpy(n->addr, addr, sizeof n->addr);
	memcpy(n->lladdr, lladdr, sizeof n->lladdr);
	return crowded ? HM_NEIGHBOUR_UNSURE : HM_NEIGHBOUR_OLD;
}

enum hm_neighbour_news hm_neighbours_hear(struct hm_neighbours *t, uint32_t ifindex,
                                          const uint8_t addr[16], const uint8_t *lladdr,
                                          uint8_t ret_lladdr[6])
{
	struct hm_neighbour_set *set = set_of(t, ifindex, addr);
	struct hm_neighbour *known = find(set, ifindex, addr);

	if (!lladdr)
		return gone(set, known, ret_lladdr);
	if (!known)
		return appeared(set, ifindex, addr, lladdr);
	if (memcmp(known->lladdr, lladdr, sizeof known->lladdr) == 0)
		return HM_NEIGHBOUR_OLD;
	memcpy(ret_lladdr, known->lladdr, sizeof known->lladdr);
	memcpy(known->lladdr, lladdr, sizeof known->lladdr);
	return HM_NEIGHBOUR_LEFT;
}
