/* What hmipd has added to the kernel, or found there with its mark: what a clean stop takes away
 * again. */
#ifndef HM_HOST_KERNEL_OURS_H
#define HM_HOST_KERNEL_OURS_H

#include "base/addr.h"

#define HM_OURS_ADDRS_MAX 256
#define HM_OURS_ROUTES_MAX 32

struct hm_our_addr {
	uint32_t ifindex;
	struct hm_addr addr;
	uint8_t plen;
	uint32_t flags; /* those it was added with */
	bool ours;      /* false: somebody else's, which we have deprecated */
	bool deprecated;
	bool claimed; /* asked for since the start */
};

struct hm_our_route {
	uint32_t ifindex;
	struct hm_addr router;
	uint32_t metric;
	bool claimed;
};

struct hm_ours {
	unsigned n_addrs, n_routes;
	struct hm_our_addr addrs[HM_OURS_ADDRS_MAX];
	struct hm_our_route routes[HM_OURS_ROUTES_MAX];
};

static inline struct hm_our_addr *hm_ours_addr(struct hm_ours *ours, uint32_t ifindex,
                                               const struct hm_addr *addr)
{
	for (unsigned i = 0; i < ours->n_addrs; i++)
		if (ours->addrs[i].ifindex == ifindex && hm_addr_eq(&ours->addrs[i].addr, addr))
			return &ours->addrs[i];
	return NULL;
}

/* A zeroed entry, or NULL when there is no room. */
static inline struct hm_our_addr *hm_ours_new_addr(struct hm_ours *ours)
{
	if (ours->n_addrs >= HM_OURS_ADDRS_MAX)
		return NULL;
	memset(&ours->addrs[ours->n_addrs], 0, sizeof ours->addrs[0]);
	return &ours->addrs[ours->n_addrs++];
}

static inline void hm_ours_drop_addr(struct hm_ours *ours, struct hm_our_addr *a)
{
	*a = ours->addrs[--ours->n_addrs];
}

static inline struct hm_our_route *hm_ours_new_route(struct hm_ours *ours)
{
	if (ours->n_routes >= HM_OURS_ROUTES_MAX)
		return NULL;
	memset(&ours->routes[ours->n_routes], 0, sizeof ours->routes[0]);
	return &ours->routes[ours->n_routes++];
}

static inline void hm_ours_drop_route(struct hm_ours *ours, struct hm_our_route *r)
{
	*r = ours->routes[--ours->n_routes];
}

#endif
