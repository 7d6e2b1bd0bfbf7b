/* Watches what the programs depend on: interfaces, and everything a next hop follows from. A thread
 * of its own, so that neither the daemon nor a burst of its work delays it. The callbacks run on
 * it. */
#ifndef HM_BPF_MONITOR_H
#define HM_BPF_MONITOR_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct hm_monitor;

struct hm_monitor_link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "bridge", …; empty: a device with a driver of its own */
	uint32_t mtu;
	bool up;       /* administratively up and running */
	bool ethernet; /* frames begin with a struct ethhdr */
	bool loopback;
	uint8_t lladdr[6]; /* with ethernet */
	uint32_t under;    /* the interface of this namespace it lies on (IFLA_LINK); 0: none */
	uint32_t master;   /* the bridge or bond it is a port of; 0: none */
};

struct hm_monitor_calls {
	/* It is there, or it changed; every interface once at the start. */
	void (*link)(void *arg, const struct hm_monitor_link *link);
	void (*gone)(void *arg, uint32_t ifindex);
	/* Routes, rules, addresses: what was looked up may be wrong now. */
	void (*changed)(void *arg);
	/* A neighbour is no longer at this link-layer address: what leads there may be wrong. */
	void (*left)(void *arg, const uint8_t lladdr[6]);
	/* Once a second. */
	void (*tick)(void *arg);
	void *arg;
};

/* NULL: no memory, no netlink, no thread. All interfaces there are have been reported before it
 * returns. */
struct hm_monitor *hm_monitor_start(const struct hm_monitor_calls *calls);
/* Stops and waits: no callback comes after. NULL is fine. */
void hm_monitor_stop(struct hm_monitor *m);

/* Tells the kernel that a neighbour is in use though no packet of its own says so (NTF_USE): it is
 * then probed as RFC 4861 7.3 has it. For the callbacks only. */
int hm_monitor_use(struct hm_monitor *m, uint32_t ifindex, const uint8_t neighbour[16]);

#endif
