/* Receive: control packets, below the stack. One packet socket sees IPv6 on every interface; a
 * filter in the kernel lets through only what could be a message for this machine
 * (host/rx_filter.h), and what the kernel itself would make of such a packet is the guard's
 * business (host/guard.h). */
#ifndef HM_HOST_RX_H
#define HM_HOST_RX_H

#include "engine/step.h"

#include <uv.h>

struct hm_rx;

struct hm_rx_options {
	uv_loop_t *loop;
	const struct hm_wire_numbers *numbers; /* outlives the receiver */
	struct hm_counters *counters;
	/* Is it an address of this machine? */
	bool (*is_local)(void *arg, const struct hm_addr *addr);
	/* A packet for this machine; all is borrowed for the call. */
	void (*packet)(void *arg, const struct hm_packet *packet, struct hm_span bytes,
	               const struct hm_signed_part *part);
	void *arg;
};

int hm_rx_open(const struct hm_rx_options *options, struct hm_rx **ret_rx, char *ret_why,
               size_t why_len);
/* Can such a socket be opened here? */
int hm_rx_check(char *ret_why, size_t why_len);
/* The loop must run once more. NULL is fine. */
void hm_rx_close(struct hm_rx *rx);

/* This machine's addresses: what is for others is not copied from now on. HM_EFULL: there are too
 * many of them, and everything is, as before the first call. HM_EIO: it is as it was. */
int hm_rx_own(struct hm_rx *rx, const struct hm_addr *own, size_t n);

/* Hear Neighbour Solicitations for addresses that are not the kernel's (mobility server, home
 * agent) on this interface, until it vanishes. */
int hm_rx_all_multicast(struct hm_rx *rx, uint32_t ifindex);

/* One packet as it came from the socket; the tests' way in. */
void hm_rx_take(const struct hm_rx_options *options, struct hm_span bytes, uint32_t ifindex);

#endif
