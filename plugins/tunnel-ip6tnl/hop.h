/* The kernel's tunnel devices with end points of their own, for the tunnels within a mobile host's
 * outermost one, and the routes that lead from one tunnel to the next. As the device of all
 * bindings (device.h) they outlive the process; the next run finds them by name.
 *
 * 0 or a negative errno. */
#ifndef HM_IP6TNL_HOP_H
#define HM_IP6TNL_HOP_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct nl_sock;

struct hm_hop_device {
	unsigned index; /* hmipk1 on */
	struct hm_addr local, remote;
	uint32_t mtu;
	/* Programs: what lets out of the tunnel, the end of ingress, what lets in; -1: no such. */
	int in, drop, out;
};

/* Makes it so; what is so already is not touched, so that no packet is lost. Programs are put again
 * when `anew`. */
int hm_hop_device_put(struct nl_sock *sock, const struct hm_hop_device *hop, bool anew,
                      int *ret_ifindex);
/* One that is not there is no error. */
int hm_hop_device_del(struct nl_sock *sock, unsigned index);

/* The default of a table. */
struct hm_hop_route {
	uint32_t table;
	int ifindex;
	bool encap; /* by the route, from local to remote */
	struct hm_addr local, remote;
	struct hm_addr source; /* preferred; ::: none */
};

/* In one step when there was another. */
int hm_hop_route_put(struct nl_sock *sock, const struct hm_hop_route *route);
/* The one into that device. One that is not there is no error. */
int hm_hop_route_del(struct nl_sock *sock, uint32_t table, int ifindex);

#endif
