/* Requests to the kernel over rtnetlink, one at a time, and what they are made of. 0 or a negative
 * errno. */
#ifndef HM_TUN_RTNL_H
#define HM_TUN_RTNL_H

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;
struct nlattr;

/* Of an error of libnl's. */
int hm_rtnl_errno(int nle);

/* A message that begins with `head`; NULL without memory. */
struct nl_msg *hm_rtnl_new(int type, int flags, const void *head, size_t len);
/* Sends and frees a message whose parts were put without an error (built), waits for the answer. */
int hm_rtnl_ask(struct nl_sock *sock, struct nl_msg *msg, int built);
/* Leaves *ret_addr as it is where there is no address. */
void hm_rtnl_get_addr(struct nlattr *attr, struct hm_addr *ret_addr);
/* Of a route into a tunnel device: a router that there is not, since the device asks for none. The
 * kernel keeps a neighbour for each next hop, in one table of 1024 for all that it does; without a
 * router that would be one for each destination, and whoever sends to as many drives out those
 * that the machine needs. 0, or negative. */
int hm_rtnl_put_router(struct nl_msg *msg);

/* Up, without an address of its own making. */
int hm_rtnl_link_up(struct nl_sock *sock, int ifindex);
int hm_rtnl_link_mtu(struct nl_sock *sock, int ifindex, uint32_t mtu);
/* With all routes into it. */
int hm_rtnl_link_remove(struct nl_sock *sock, int ifindex);

#endif
