/* The data plane: HM_FX_BIND and HM_FX_UNBIND become a tunnel plugin's entry and a stored row, or
 * neither. One completion per BIND, when both are there; a removal is retried until it is done. The
 * only place that takes back what it did.
 *
 * The plugin comes first and the store second: a row that outlives a crash always stands for a path
 * that was there, and a path without a row is swept by the plugin at the next start. */
#ifndef HM_HOST_DATAPLANE_H
#define HM_HOST_DATAPLANE_H

#include "engine/step.h"
#include "hmipd-plugin.h"

#define HM_DATAPLANE_PENDING_MAX 65536
#define HM_DATAPLANE_RETRIES_MAX 1024

struct hm_dataplane;

struct hm_dataplane_options {
	const struct hm_tunnel_ops *tunnel; /* NULL: no role needs one */
	void *self;
	/* As hm_store_put() and hm_store_del(). */
	int (*store_put)(void *arg, const struct hm_record *record, uint64_t cookie);
	int (*store_del)(void *arg, const struct hm_record *record, uint64_t cookie);
	/* HM_EV_BIND_DONE for a role; also from within hm_dataplane_bind(). */
	void (*done)(void *arg, unsigned role, hm_ticket ticket, int err);
	void *arg;
	unsigned pending_max, retries_max; /* 0: as above */
};

/* NULL: out of memory. */
struct hm_dataplane *hm_dataplane_create(const struct hm_dataplane_options *options);
/* Forgets what is pending, without completions. NULL is fine. */
void hm_dataplane_destroy(struct hm_dataplane *dp);

void hm_dataplane_bind(struct hm_dataplane *dp, unsigned role, const struct hm_effect *effect);
void hm_dataplane_unbind(struct hm_dataplane *dp, const struct hm_effect *effect, hm_ms now_ms);

/* Answers of the plugin (api->done) and of the store, by ticket and cookie. */
void hm_dataplane_tunnel_done(struct hm_dataplane *dp, uint64_t ticket, int result, hm_ms now_ms);
void hm_dataplane_stored(struct hm_dataplane *dp, uint64_t cookie, int err);

/* Retries of removals. */
hm_ms hm_dataplane_deadline(const struct hm_dataplane *dp);
void hm_dataplane_tick(struct hm_dataplane *dp, hm_ms now_ms);

unsigned hm_dataplane_pending(const struct hm_dataplane *dp);
unsigned hm_dataplane_retries(const struct hm_dataplane *dp);

/* A path as the plugin sees it. */
void hm_dataplane_entry(const struct hm_forward *path, struct hm_tunnel_entry *ret_entry);

#endif
