/* What is known of the kernel's links and addresses: fed with netlink messages, it says what has
 * changed. No socket here: the tests feed it by hand. */
#ifndef HM_HOST_KERNEL_STATE_H
#define HM_HOST_KERNEL_STATE_H

#include "engine/step.h"

#include <netlink/msg.h>

struct hm_kernel_link {
	struct hm_link link;
	bool seen; /* since the last hm_kernel_state_mark() */
};

struct hm_kernel_addr {
	uint32_t ifindex;
	struct hm_addr addr;
	uint8_t plen, proto;
	uint32_t flags;
	bool reported; /* the last report was not HM_ADDRESS_GONE, and there was one */
	enum hm_address_state state;
	bool seen;
};

struct hm_kernel_state {
	void (*on_link)(void *arg, const struct hm_link *link);
	void (*on_address)(void *arg, uint32_t ifindex, const struct hm_addr *addr,
	                   enum hm_address_state state);
	void *arg;
	size_t n_links, cap_links, n_addrs, cap_addrs;
	unsigned addr_changes; /* counts addresses that came or went, reported or not */
	struct hm_kernel_link *links;
	struct hm_kernel_addr *addrs;
};

void hm_kernel_state_finish(struct hm_kernel_state *state);

/* RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR; others are ignored. HM_ENOMEM when there is
 * no room for something new. */
int hm_kernel_state_message(struct hm_kernel_state *state, struct nlmsghdr *message);

/* Before and after a dump: what the dump did not mention is gone. */
void hm_kernel_state_mark(struct hm_kernel_state *state);
void hm_kernel_state_sweep(struct hm_kernel_state *state);

/* Reports the state of an address again, as when it is adopted; false when it is not there. */
bool hm_kernel_state_report(struct hm_kernel_state *state, uint32_t ifindex,
                            const struct hm_addr *addr);

struct hm_kernel_link *hm_kernel_state_link(const struct hm_kernel_state *state, uint32_t ifindex);
struct hm_kernel_addr *hm_kernel_state_addr(const struct hm_kernel_state *state, uint32_t ifindex,
                                            const struct hm_addr *addr);

#endif
