/* Who may use the reverse tunnel, known to the kernel: what comes out of the tunnel device is let
 * through when its inner source is bound to its outer source and destination, or was to that source
 * until a moment ago, and is dropped otherwise (PROTOCOL 7). Two small eBPF programs over two hash
 * tables, one to check and count what comes in, one to count what goes out. flower could compare
 * the same addresses, but took 9 kB and 90 us for each binding where a table takes 0.3 kB and 2 us.
 *
 * Functions return 0 or a negative errno. */
#ifndef HM_IP6TNL_BOUND_H
#define HM_IP6TNL_BOUND_H

#include "base/addr.h"
#include "hmipd-plugin.h"

enum hm_bound_fd {
	HM_BOUND_PAIRS, /* maps, by inner address */
	HM_BOUND_COUNTS,
	HM_BOUND_TOTALS, /* one element */
	HM_BOUND_IN,     /* programs for the device: ingress, egress, last of ingress */
	HM_BOUND_OUT,
	HM_BOUND_DROP,
	HM_BOUND_FDS,
};

struct hm_bound_totals {
	struct hm_tunnel_count count;
	uint64_t refused; /* packets out of the tunnel that no binding names */
};

struct hm_bound {
	int fd[HM_BOUND_FDS];
};

/* Nothing open. */
extern const struct hm_bound hm_bound_none;

/* Room for `max` bindings. */
int hm_bound_open(struct hm_bound *b, uint32_t max);
void hm_bound_close(struct hm_bound *b);

/* What is let through; in one step when it was there with others. -E2BIG: no room. */
int hm_bound_put(struct hm_bound *b, const struct hm_addr *match, const struct hm_addr *local,
                 const struct hm_addr *remote);
void hm_bound_del(struct hm_bound *b, const struct hm_addr *match);

/* Counting begins, ends; adds what was counted. */
int hm_bound_watch(struct hm_bound *b, const struct hm_addr *match);
void hm_bound_forget(struct hm_bound *b, const struct hm_addr *match);
void hm_bound_count(const struct hm_bound *b, const struct hm_addr *match,
                    struct hm_tunnel_count *io);

void hm_bound_total(const struct hm_bound *b, struct hm_bound_totals *ret_totals);

#endif
