/* Bindings, known to the kernel, for the device that is in all of their tunnels: what goes into it
 * is told where its tunnel leads, and what no binding is for is handed to tunnel-tun's device; what
 * comes out is let through when its inner source is bound to its outer source and destination, or
 * was to that source until a moment ago, and is dropped otherwise (PROTOCOL 7). Small eBPF programs
 * over one hash table, so that a binding is made, and moved, by one change in it.
 *
 * One thread at a time. Functions return 0 or a negative errno. */
#ifndef HM_IP6TNL_BOUND_H
#define HM_IP6TNL_BOUND_H

#include "base/addr.h"
#include "hmipd-plugin.h"

enum hm_bound_fd {
	HM_BOUND_WAYS,    /* maps: by inner address; */
	HM_BOUND_COUNTS,  /* by slot; */
	HM_BOUND_REFUSED, /* one element: packets out of the tunnel that no binding names */
	HM_BOUND_MAPS,
	HM_BOUND_IN = HM_BOUND_MAPS, /* programs for the device: of ingress, and the last of it; */
	HM_BOUND_DROP,
	HM_BOUND_OUT, /* of egress, and the last of it */
	HM_BOUND_REST,
	HM_BOUND_FDS,
};

struct hm_bound {
	int fd[HM_BOUND_FDS];
	uint32_t max;
	uint32_t used;  /* slots that were ever used: those before it */
	uint32_t *free; /* those of them that are not now */
	uint32_t n_free;
	struct hm_tunnel_count *counts; /* by slot, less 1: the map of them */
	struct hm_tunnel_count gone;    /* of bindings that are not there any more */
};

/* Nothing open. */
extern const struct hm_bound hm_bound_none;

/* Room for `max` bindings. What is for none of them leaves by the device `rest`. */
int hm_bound_open(struct hm_bound *b, uint32_t max, int rest);
void hm_bound_close(struct hm_bound *b);

struct hm_bound_way {
	struct hm_addr match, local, remote;
	/* The remote end before the last change, and until when it may still send: the monotonic
	 * clock. */
	struct hm_addr former;
	int64_t former_until_ms;
	uint16_t mtu;  /* of an inner packet; 0: as wide as the device */
	bool out, in;  /* which directions the kernel serves */
	uint32_t slot; /* where it is counted; 0: to be given one, and counting begins */
};

/* In one step when it was there with others. -E2BIG: no room. */
int hm_bound_put(struct hm_bound *b, struct hm_bound_way *way);
void hm_bound_del(struct hm_bound *b, const struct hm_addr *match, uint32_t slot);

/* Adds what was counted. */
void hm_bound_count(const struct hm_bound *b, uint32_t slot, struct hm_tunnel_count *io);
/* Of all bindings there ever were; looks at each there is. */
void hm_bound_total(const struct hm_bound *b, struct hm_tunnel_count *ret_total);
/* Packets out of the tunnel that no binding names. */
uint64_t hm_bound_refused(const struct hm_bound *b);

#endif
