/* The kernel's links, IPv6 addresses and routes, over netlink: what is there, what changes, and
 * what hmipd adds. Everything added is marked (addresses and routes carry protocol
 * HM_KERNEL_PROTO), so that a stop removes it and the next start knows what a crash left; what an
 * administrator set up is used as it is and never removed. */
#ifndef HM_HOST_KERNEL_H
#define HM_HOST_KERNEL_H

#include "engine/step.h"

#include <uv.h>

#define HM_KERNEL_PROTO 72
#define HM_KERNEL_METRIC 100

struct hm_kernel;

struct hm_kernel_options {
	uv_loop_t *loop;
	/* On the loop thread, and from within hm_kernel_start() and hm_kernel_address(). */
	void (*link)(void *arg, const struct hm_link *link);
	void (*address)(void *arg, uint32_t ifindex, const struct hm_addr *addr,
	                enum hm_address_state state);
	/* Addresses came or went; before any of them is reported. NULL: nobody asks. */
	void (*addresses)(void *arg);
	void *arg;
};

int hm_kernel_open(const struct hm_kernel_options *options, struct hm_kernel **ret_kernel,
                   char *ret_why, size_t why_len);
/* Frees it and leaves the kernel as it is. The loop must run once more. NULL is fine. */
void hm_kernel_close(struct hm_kernel *kernel);

/* Reports everything that is there, and from then on what changes. */
int hm_kernel_start(struct hm_kernel *kernel);

/* Removes the addresses and routes the kernel made from Router Advertisements on an interface. */
void hm_kernel_forget_autoconf(struct hm_kernel *kernel, uint32_t ifindex);

/* HM_FX_ADDRESS and HM_FX_GATEWAY. What is there already is adopted. An address with its prefix
 * route: HM_ADDRESS_ADD_NODAD; every other stands alone. */
int hm_kernel_address(struct hm_kernel *kernel, enum hm_address_op op, uint32_t ifindex,
                      const struct hm_addr *addr, uint8_t plen);
int hm_kernel_gateway(struct hm_kernel *kernel, uint32_t ifindex, const struct hm_addr *router);

/* A configured address that the interface lacks, as an administrator would add it. */
int hm_kernel_assign(struct hm_kernel *kernel, uint32_t ifindex, const struct hm_addr *addr,
                     uint8_t plen);

/* Removes what a former run left and nobody has asked for since. */
void hm_kernel_sweep(struct hm_kernel *kernel);
/* Removes everything hmipd has added. */
void hm_kernel_undo(struct hm_kernel *kernel);

/* "" and 0 when there is none. */
const char *hm_kernel_ifname(const struct hm_kernel *kernel, uint32_t ifindex);
uint32_t hm_kernel_ifindex(const struct hm_kernel *kernel, const char *name);
/* A unicast address of this machine, on any interface, usable or not yet. */
bool hm_kernel_is_local(const struct hm_kernel *kernel, const struct hm_addr *addr);
/* All of them, as far as there is room; returns how many there are. */
size_t hm_kernel_addresses(const struct hm_kernel *kernel, struct hm_addr *ret_addrs, size_t room);

#endif
