/* The inside of host/kernel.h: kernel.c follows links and addresses, kernel_route.c does the
 * routes. */
#ifndef HM_HOST_KERNEL_INT_H
#define HM_HOST_KERNEL_INT_H

#include "host/kernel.h"
#include "host/kernel_ours.h"
#include "host/kernel_state.h"

#include <netlink/netlink.h>

struct hm_kernel {
	struct hm_kernel_options options;
	struct nl_sock *watch;   /* notifications, never blocks */
	struct nl_sock *request; /* requests and dumps, answered at once */
	uv_poll_t poll;
	bool lost; /* notifications: everything is to be read anew */
	bool polling;
	bool muted; /* the first look around: reported when it is complete */
	struct hm_kernel_state state;
	unsigned told_changes; /* of addresses */
	struct hm_ours ours;
};

/* Default routes with our mark, left by a former run. */
int hm_kernel_adopt_routes(struct hm_kernel *kernel);
void hm_kernel_remove_routes(struct hm_kernel *kernel, bool only_unclaimed);

#endif
