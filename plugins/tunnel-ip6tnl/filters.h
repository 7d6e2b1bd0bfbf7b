/* eBPF programs as filters of a device (clsact, direct action), each at a place of its own: the
 * lower the earlier it is asked. 0 or a negative errno. */
#ifndef HM_IP6TNL_FILTERS_H
#define HM_IP6TNL_FILTERS_H

#include <stdbool.h>

/* Places are 1 to 9. */
#define HM_FILTER_PRIOS 10u

struct nl_sock;

struct hm_filters {
	struct nl_sock *sock; /* borrowed, like the name */
	int ifindex;
	const char *name; /* of the programs, for who lists them */
};

/* Where there is none, the qdisc. */
int hm_filters_begin(const struct hm_filters *f);
/* In one step when there is another at that place. The kernel keeps the program. */
int hm_filter_put(const struct hm_filters *f, bool egress, unsigned prio, int fd);
/* One that is not there is no error. */
int hm_filter_del(const struct hm_filters *f, bool egress, unsigned prio);
/* Sets what is taken of the places of ingress. */
int hm_filters_find(const struct hm_filters *f, bool there[HM_FILTER_PRIOS]);

#endif
