/* The interfaces of the site's programs: which program serves each, and the ports table that
 * programs send by. */
#ifndef HM_BPF_PORTS_H
#define HM_BPF_PORTS_H

#include "maps.h"
#include "monitor.h"
#include "hmipd-plugin.h"

#include <stddef.h>

#define HM_LINKS_MAX HM_SITE_PORTS

enum hm_path_mode {
	HM_PATH_NONE,
	HM_PATH_TC,
	HM_PATH_XDP,         /* in the driver */
	HM_PATH_XDP_GENERIC, /* behind it */
};

enum hm_path_option {
	HM_PATH_OPT_AUTO, /* XDP for devices with a driver of their own, tc for virtual ones */
	HM_PATH_OPT_TC,
	HM_PATH_OPT_XDP,
};

/* Why it is tc whatever was asked for. The driver below a VLAN may take the tag off before XDP sees
 * the frame, which then looks like one of the interface itself; tc is told of the tag. */
enum hm_path_reason {
	HM_TC_NO_REASON,
	HM_TC_VLAN,         /* it is one */
	HM_TC_CARRIES_VLAN, /* itself, or what it is a port of */
	/* Only when nothing was asked for. XDP would leave every packet to the stack, a copy of
	 * it made first. */
	HM_TC_UNTOLD,
};

struct hm_ports {
	const struct hm_host_api *api;
	enum hm_path_option option;
	uint32_t never; /* the daemon's own device */
	bool untold;    /* the kernel does not tell where XDP may redirect to */
	int tc_fd, xdp_fd, devices_fd;
	bool serving; /* programs are to be on the interfaces */
	struct hm_port {
		struct hm_monitor_link link; /* ifindex 0: none */
		enum hm_path_mode mode;
		enum hm_path_reason reason; /* as it was when the program was attached */
		bool refused;               /* nothing could be attached: said once */
	} ports[HM_LINKS_MAX];
	/* Every VLAN of this namespace. When there is no room for more of them, any interface may
	 * carry one. */
	unsigned n_vlans;
	struct hm_port_vlan {
		uint32_t ifindex, under;
	} vlans[HM_LINKS_MAX];
};

/* False: none of the three. */
bool hm_path_option_of(const char *text, enum hm_path_option *ret_option);

/* The programs, and the map XDP redirects by, from now on. */
void hm_ports_use(struct hm_ports *p, const struct hm_maps *maps);

/* An interface is there or changed; true: what programs know of it changed too. */
bool hm_ports_link(struct hm_ports *p, struct hm_site_config *c,
                   const struct hm_monitor_link *link);
void hm_ports_gone(struct hm_ports *p, struct hm_site_config *c, uint32_t ifindex);

/* Forgets what a former run knew of interfaces that are no longer there. */
void hm_ports_sweep(const struct hm_ports *p, struct hm_site_config *c);

/* Puts the programs of tc_fd and xdp_fd on every interface, in the place of those there are. */
void hm_ports_serve(struct hm_ports *p);
void hm_ports_leave(struct hm_ports *p);

/* Whether XDP may redirect to an interface can change without notice. */
void hm_ports_refresh(const struct hm_ports *p, struct hm_site_config *c);

bool hm_ports_detail(const struct hm_ports *p, unsigned index, const char **ret_name,
                     char *ret_text, size_t len);

/* The id of a program that a former run left on some interface; 0: none. */
uint32_t hm_ports_former(void);

#endif
