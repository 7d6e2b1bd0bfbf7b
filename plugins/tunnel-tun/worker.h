/* The thread that moves packets: reads a batch, decides under the lock, sends. */
#ifndef HM_TUN_WORKER_H
#define HM_TUN_WORKER_H

#include "device.h"
#include "path.h"

#include <pthread.h>

#define HM_BATCH_MAX 256u

struct hm_worker;

struct hm_worker_how {
	struct hm_path *path;
	pthread_mutex_t *lock; /* around path; no I/O happens under it */
	const struct hm_device *device;
	const struct hm_host_api *api;
	uint32_t mark;
	unsigned batch; /* 1 to HM_BATCH_MAX packets at a time */
};

/* NULL: no memory or no thread. What `how` points to outlives the worker. */
struct hm_worker *hm_worker_start(const struct hm_worker_how *how);
/* Stops and waits; NULL is fine. */
void hm_worker_stop(struct hm_worker *w);

#endif
