/* Which packets the kernel copies to the receiver: a program of classic BPF for its packet socket.
 * Made of this machine's addresses it leaves alone what the machine only passes on, so that transit
 * traffic costs a comparison and no copy. */
#ifndef HM_HOST_RX_FILTER_H
#define HM_HOST_RX_FILTER_H

#include "base/addr.h"

#include <linux/filter.h>
#include <stddef.h>

/* What is copied of a packet, at most. */
#define HM_RX_ROOM 2048

struct hm_rx_filter {
	unsigned n;
	struct sock_filter code[BPF_MAXINSNS];
};

/* For packets to one of these addresses, to all nodes and to all routers; Neighbour Discovery and
 * home agent discovery to anyone. False: that many addresses make too long a program; what the
 * filter is then lets through more. */
bool hm_rx_filter_own(struct hm_rx_filter *filter, const struct hm_addr *own, size_t n);

/* For packets of the same kinds to anyone. */
void hm_rx_filter_any(struct hm_rx_filter *filter);

/* HM_OK or what the kernel says; the socket has the filter it had, then. */
int hm_rx_filter_attach(int fd, struct hm_rx_filter *filter);

#endif
