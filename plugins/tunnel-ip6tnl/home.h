/* The tunnels of a mobile host, carried by the kernel: the outermost by a route into the device of
 * all bindings, which a move replaces in one step, each one within by a device of its own (hop.h),
 * what comes back let through by gate.h. One home address at a time, where the links are wide
 * enough for all its tunnels; the rest, and route optimisation, is tunnel-tun's. It knows every
 * entry, and sees to addresses and rules in either case.
 *
 * The functions take enum hm_plugin_result from tunnel-tun's. The host's thread, but for
 * hm_home_tick(). */
#ifndef HM_IP6TNL_HOME_H
#define HM_IP6TNL_HOME_H

#include "device.h"
#include "hmipd-plugin.h"
#include "tunnel-tun/net.h"

struct hm_home_how {
	const struct hm_host_api *api;
	void *tun; /* of hm_tun_open() */
	struct hm_device6 *device;
	struct hm_net *net; /* to look at links */
	const struct hm_bound *bound;
	uint32_t mtu; /* as configured, of the innermost; 0: auto */
};

struct hm_home;

/* NULL: no memory, or no programs, which the caller has loaded others of. Borrows what it is told.
 */
struct hm_home *hm_home_open(const struct hm_home_how *how);
/* NULL is fine. What is in the kernel stays. */
void hm_home_close(struct hm_home *h);
/* Removes the devices from the kernel, those that a former run left as well. */
void hm_home_remove(struct hm_home *h);

/* As in struct hm_tunnel_ops, for entries of all kinds but HM_TUNNEL_ENCAP. */
int hm_home_put(struct hm_home *h, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_home_del(struct hm_home *h, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_home_count(struct hm_home *h, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count);
void hm_home_path_mtu(struct hm_home *h, const uint8_t remote[16], uint32_t mtu);
/* After tunnel-tun's, whose rules lead to what this removes. */
void hm_home_sweep(struct hm_home *h);
bool hm_home_stat(struct hm_home *h, unsigned index, const char **ret_name, uint64_t *ret_value);
/* What the kernel's part adds to a counter of tunnel-tun's. */
uint64_t hm_home_more(struct hm_home *h, const char *name);

/* The MTU that the device of all bindings is to have. */
uint32_t hm_home_mtu(const struct hm_home *h);
/* Once a second, any thread: reports who was seen. */
void hm_home_tick(struct hm_home *h);

#endif
