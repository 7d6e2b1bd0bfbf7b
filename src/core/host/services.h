/* The services a plugin gets from the host (struct hm_host_api), one set per plugin: answers and
 * sightings may come from any thread and are handed to the loop thread here. */
#ifndef HM_HOST_SERVICES_H
#define HM_HOST_SERVICES_H

#include "base/addr.h"
#include "hmipd-plugin.h"

#include <uv.h>

#define HM_SERVICES_ANSWERS_MAX 65536
#define HM_SERVICES_SEEN_MAX 256
#define HM_SERVICES_WATCHES_MAX 256
#define HM_SERVICES_LEARNT_MAX 4096

struct hm_services;

struct hm_services_options {
	uv_loop_t *loop;
	const char *name; /* of the plugin, for its log lines; outlives the services */
	/* All on the loop thread; of what waits, learnt keys come first. */
	void (*done)(void *arg, uint64_t ticket, int result);
	void (*seen)(void *arg, int what, const struct hm_addr *home, const struct hm_addr *peer);
	/* The key and its secret are the callee's for the call; NULL: learnt keys are dropped. */
	void (*learnt)(void *arg, const struct hm_auth_key *key);
	void *arg;
};

/* NULL: out of memory. */
struct hm_services *hm_services_create(const struct hm_services_options *options);
/* After the plugin's close(); the loop must run once more. NULL is fine. */
void hm_services_destroy(struct hm_services *services);

const struct hm_host_api *hm_services_api(const struct hm_services *services);

/* The monotonic clock in milliseconds; any thread. */
int64_t hm_services_now_ms(void);

#endif
