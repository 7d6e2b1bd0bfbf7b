/* The kernel's tunnel device, one for all bindings: where a packet goes from it is told packet by
 * packet (`external`). With it its filters, that tell it and let out of it what is bound (bound.h).
 * It outlives the process, so that neither a crash nor an upgrade stops a packet; the next run
 * finds it by name. */
#ifndef HM_IP6TNL_DEVICE_H
#define HM_IP6TNL_DEVICE_H

#include "bound.h"
#include "filters.h"

#include <stdbool.h>

/* Places of filters: for others than bindings' (1 and 2), and the end, that drops what comes in and
 * hands on what goes out. */
#define HM_DEVICE6_PRIO 3u
#define HM_DEVICE6_PRIO_END 9u

struct nl_sock;

struct hm_device6 {
	struct nl_sock *sock;
	const char *name; /* borrowed */
	int ifindex;
	bool fresh; /* it was not there before */
	uint32_t mtu;
	unsigned turn; /* which of the two places for bindings' filters is ours */
};

/* 0 or a negative errno here and below. A device that was not there before goes again when it
 * cannot be set up. -EBUSY: the network namespace has another external
 * device, and the kernel does not take two. */
int hm_device6_open(struct hm_device6 *d, const char *name, const struct hm_bound *bound);
void hm_device6_close(struct hm_device6 *d);
/* What a former run let pass and led does no longer. */
int hm_device6_alone(struct hm_device6 *d);
int hm_device6_mtu(struct hm_device6 *d, uint32_t mtu);
struct hm_filters hm_device6_filters(const struct hm_device6 *d);
/* With all routes into it. */
int hm_device6_remove(struct hm_device6 *d);

#endif
