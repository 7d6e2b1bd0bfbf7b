/* A part of the data plane in the kernel: programs, their maps, and what keeps them true. The
 * site's (site.c) serves mobility servers and home agents, the host's (host.c) mobile hosts and
 * correspondents; a machine that is both runs both. Each takes from the wire what it can handle
 * completely and lets everything else pass on, to the embedded data plane of tunnel-tun in the end.
 *
 * plugin.c holds one lock around every call, on whatever thread it comes. */
#ifndef HM_BPF_PART_H
#define HM_BPF_PART_H

#include "monitor.h"
#include "hmipd-plugin.h"

/* What every part is given at the start; outlives it. */
struct hm_part_how {
	const struct hm_host_api *api;
	const char *const *options; /* of the plugin's table */
	const char *state_dir;
	uint32_t mark;
	uint32_t tun_ifindex; /* the embedded data plane's device */
	char tun_name[IFNAMSIZ];
};

struct hm_part {
	const char *name;
	/* HM_PLUGIN_OK, or an enum hm_plugin_result after a line in the log. Finds and adopts what
	 * a former run left in the kernel. */
	int (*open)(const struct hm_part_how *how, void **ret_self);
	/* keep: programs and maps stay as they are (contract: SIGUSR1). */
	void (*close)(void *self, bool keep);

	/* NULL: none. The entry will be put next: asks for memory that is in no cache, so that it
	 * comes while the embedded data plane is at work. The only call without the lock. */
	void (*expect)(void *self, const struct hm_tunnel_entry *e);
	/* As in struct hm_tunnel_ops, after the embedded data plane has agreed. An entry that a
	 * part cannot hold is not an error: it is served the slower way, and counted. */
	void (*put)(void *self, const struct hm_tunnel_entry *e);
	void (*del)(void *self, const struct hm_tunnel_entry *e);
	void (*prefix_put)(void *self, const struct hm_tunnel_prefix *prefix);
	void (*prefix_del)(void *self, const struct hm_tunnel_prefix *prefix);
	void (*path_mtu)(void *self, const uint8_t remote[16], uint32_t mtu);
	/* Adds to what the embedded data plane has counted. */
	void (*count)(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *io);
	void (*sweep)(void *self);
	/* Part by part, as in struct hm_tunnel_ops. */
	bool (*stat)(void *self, unsigned index, const char **ret_name, uint64_t *ret_value);
	bool (*detail)(void *self, unsigned index, const char **ret_name, char *ret_text,
	               size_t len);

	/* From the monitor. */
	void (*link)(void *self, const struct hm_monitor_link *link);
	void (*gone)(void *self, uint32_t ifindex);
	/* NULL: it keeps nothing that follows from these. */
	void (*changed)(void *self);
	void (*left)(void *self, const uint8_t lladdr[6]);
	void (*tick)(void *self, struct hm_monitor *monitor);
};

extern const struct hm_part hm_part_site;
extern const struct hm_part hm_part_host;

#endif
