/* Bindings carried by the kernel: of each one a host route into its tunnels, in front of the data
 * plane of tunnel-tun, which knows every binding as well. What the kernel cannot do for a binding,
 * or has no memory for, is done there: never wrong, only slower. What comes back through the tunnel
 * the kernel takes where it can tell who may send it (bound.h). */
#ifndef HM_IP6TNL_FAST_H
#define HM_IP6TNL_FAST_H

#include "bound.h"
#include "hmipd-plugin.h"
#include "routes.h"

struct hm_fast_how {
	const struct hm_host_api *api;
	void *tun; /* of hm_tun_open() */
	int ifindex;
	struct hm_bound *bound; /* NULL: tunnel-tun takes what comes back */
	/* The encapsulation of a route as attributes. */
	int (*encap)(struct nl_msg *msg, const struct hm_route *route);
	/* Whether the kernel can do it for this entry; NULL: for all. */
	bool (*able)(void *arg, const struct hm_tunnel_entry *e);
	/* On a thread, every second; NULL: nothing. */
	void (*tick)(void *arg);
	void *arg;
};

struct hm_fast;

/* NULL: no memory, no netlink or no thread. */
struct hm_fast *hm_fast_open(const struct hm_fast_how *how);
/* NULL is fine. */
void hm_fast_close(struct hm_fast *f);

/* As in struct hm_tunnel_ops, for entries of HM_TUNNEL_ENCAP. */
int hm_fast_put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_fast_del(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_fast_count(struct hm_fast *f, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count);
void hm_fast_path_mtu(struct hm_fast *f, const uint8_t remote[16], uint32_t mtu);
int hm_fast_sweep(struct hm_fast *f);
bool hm_fast_stat(struct hm_fast *f, unsigned index, const char **ret_name, uint64_t *ret_value);

#endif
