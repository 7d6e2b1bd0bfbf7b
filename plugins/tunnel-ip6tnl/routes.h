/* Host routes into the kernel's tunnels, many at a time: a thread of its own sends what has been
 * asked for, 64 messages a packet, and reads every answer. The kernel takes memory for a route from
 * pools that a burst empties for a moment (10 of 100 additions in a hundred thousand): what it
 * refuses for want of memory is asked again before anything else is. */
#ifndef HM_IP6TNL_ROUTES_H
#define HM_IP6TNL_ROUTES_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define HM_ROUTE_PROTOCOL 72u
/* The table of what is attracted, which tunnel-tun's rules ask (kernel.h). Its routes lie behind
 * ours, of a greater metric. */
#define HM_ROUTE_TABLE 18508u
#define HM_ROUTE_METRIC 512u

struct nl_msg;

struct hm_route {
	struct hm_addr dst, local, remote;
	uint32_t mtu; /* of the inner packet, 0: the device's */
	bool add;     /* or take away */
	bool answer;  /* done() is to be called */
	uint64_t ticket;
};

struct hm_routes_how {
	int ifindex;
	/* The encapsulation as attributes of the message; negative: no room. */
	int (*encap)(struct nl_msg *msg, const struct hm_route *route);
	/* On the thread: 0 or a negative errno, and how often it had to be asked again. */
	void (*done)(void *arg, const struct hm_route *route, int err, unsigned again);
	/* On the thread, every second. */
	void (*tick)(void *arg);
	void *arg;
};

struct hm_routes;

/* NULL: no memory, no netlink or no thread. */
struct hm_routes *hm_routes_start(const struct hm_routes_how *how);
/* What has not been sent yet never will be. NULL is fine. */
void hm_routes_stop(struct hm_routes *r);
/* Copies. 0 or -ENOMEM. */
int hm_routes_ask(struct hm_routes *r, const struct hm_route *route);
/* Asks for the removal of every route of ours into the device that is not wanted; the caller's
 * thread. 0 or a negative errno. */
int hm_routes_sweep(struct hm_routes *r, bool (*wanted)(void *arg, const struct hm_addr *dst),
                    void *arg);

#endif
