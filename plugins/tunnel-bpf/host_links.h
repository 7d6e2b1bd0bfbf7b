/* Where the host's programs are attached: the egress of the tunnels' device, the ingress of every
 * real interface, while there is an entry for them. */
#ifndef HM_BPF_HOST_LINKS_H
#define HM_BPF_HOST_LINKS_H

#include "part.h"

#include <stddef.h>

struct hm_host_links {
	const struct hm_host_api *api;
	uint32_t tun_ifindex;
	char tun_name[IFNAMSIZ];
	int out_fd, in_fd; /* programs */
	bool on;
	/* A former run's programs work on, with maps that are not to be had: of another layout, or
	 * for want of a privilege (CAP_SYS_ADMIN). Ours take their place with the first set(). */
	bool waiting;
	size_t n, room;
	struct hm_host_link {
		uint32_t ifindex;
		char name[IFNAMSIZ];
		bool attached;
	} * all; /* owned */
};

void hm_host_links_finish(struct hm_host_links *links);

/* From the monitor. */
void hm_host_links_link(struct hm_host_links *links, const struct hm_monitor_link *link);
void hm_host_links_gone(struct hm_host_links *links, uint32_t ifindex);

/* Puts the programs on, or takes them off, everywhere. On, again: in place of those that are there,
 * without a gap. */
void hm_host_links_set(struct hm_host_links *links, bool on);

/* As `detail` of struct hm_part. */
bool hm_host_links_detail(const struct hm_host_links *links, unsigned index, const char **ret_name,
                          char *ret_text, size_t len);

#endif
