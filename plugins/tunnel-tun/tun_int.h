/* The state of the data plane, for the files that are tun.h. */
#ifndef HM_TUN_TUN_INT_H
#define HM_TUN_TUN_INT_H

#include "kernel.h"
#include "tun.h"
#include "worker.h"

#include <net/if.h>

struct hm_tun {
	const struct hm_host_api *api;
	char name[IFNAMSIZ];
	uint32_t mark;
	uint32_t mtu_wanted; /* 0: auto */
	uint32_t mtu, queue;
	bool told_narrow;
	unsigned batch;
	uint32_t n_own, own_hops, n_peer; /* for the MTU */
	uint32_t n_encap;
	bool keep;
	pthread_mutex_t lock; /* around path; this thread reads it without */
	struct hm_path *path;
	struct hm_kernel kernel;
	struct hm_device device;
	struct hm_worker *worker;
};

/* What is captured is what is to be taken off here. 0 or -EIO. */
int hm_tun_listen(struct hm_tun *t);
/* Follows a change of an entry of route optimisation where the kernel carries the home address. */
int hm_tun_beside(struct hm_tun *t, const struct hm_tunnel_entry *e);
/* enum hm_plugin_result from 0 or a negative errno. */
int hm_tun_result(int err);

#endif
