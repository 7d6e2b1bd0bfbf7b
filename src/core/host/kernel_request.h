/* Requests to the kernel, one message each, answered at once. */
#ifndef HM_HOST_KERNEL_REQUEST_H
#define HM_HOST_KERNEL_REQUEST_H

#include "base/addr.h"

#include <netlink/netlink.h>

struct hm_addr_request {
	uint32_t ifindex;
	struct hm_addr addr;
	uint8_t plen;
	uint32_t flags; /* IFA_F_* */
	bool deprecated;
	bool replace; /* change the one that is there */
};

/* HM_EEXIST where it is there already. */
int hm_request_addr_add(struct nl_sock *sock, const struct hm_addr_request *request);
/* An address that is not there is no error. */
int hm_request_addr_del(struct nl_sock *sock, const struct hm_addr_request *request);

/* The default route through a router; adding what is there and deleting what is not are no errors.
 */
int hm_request_route(struct nl_sock *sock, bool add, uint32_t ifindex, const struct hm_addr *router,
                     uint32_t metric);

/* Calls cb for every message of the kernel's answer to a dump request (RTM_GETLINK, ...), through a
 * socket of its own: the callback may make requests. */
int hm_request_dump(int type, nl_recvmsg_msg_cb_t cb, void *arg);

/* A netlink error as one of ours. */
int hm_err_from_nl(int nl_err);

#endif
