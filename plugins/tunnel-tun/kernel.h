/* Keeps the kernel's addresses, routes and rules in step with the entries: what is to be there is
 * worked out anew and compared with what is known to be there, so that every change, and the first
 * one after a crash, takes the same way. */
#ifndef HM_TUN_KERNEL_H
#define HM_TUN_KERNEL_H

#include "entries.h"
#include "net.h"

/* Rules, in the order they are asked. Below main (32766), above what administrators choose. */
enum {
	HM_PREF_ATTRACT = 32759,   /* not marked: attracted prefixes and hosts */
	HM_PREF_MARKED = 32760,    /* marked: past all tunnels */
	HM_PREF_CARE_OF = 32761,   /* from the care-of address on the link: past the tunnel */
	HM_PREF_FROM_HOME = 32762, /* from the home address: into the tunnel */
	HM_PREF_ON_LINK = 32764,   /* to what is nearer than a default route */
	HM_PREF_DEFAULT = 32765,   /* everything else, and so the choice of the home address */
};

#define HM_KERNEL_RULES (3u + 3u * HM_HOMES_MAX + 1u + 2u * HM_TUNNEL_HOPS + HM_TUNNEL_ACCEPTS)
#define HM_KERNEL_ADDRS ((HM_HOMES_MAX + 1u) * HM_TUNNEL_HOPS + HM_TUNNEL_ACCEPTS)

struct hm_kernel {
	struct hm_net net;
	const struct hm_path *path; /* read by the one thread that also changes entries */
	uint32_t mark;
	uint32_t n_attract; /* host routes */
	unsigned n_rules, n_addrs;
	struct hm_net_rule rules[HM_KERNEL_RULES];
	struct hm_net_addr addrs[HM_KERNEL_ADDRS];
};

/* 0, or the first negative errno; the rest is still done. */
int hm_kernel_sync(struct hm_kernel *k);
int hm_kernel_attract(struct hm_kernel *k, const struct hm_addr *host, const struct hm_addr *src,
                      bool add);
int hm_kernel_prefix(struct hm_kernel *k, const struct hm_tunnel_prefix *prefix, bool add);
/* Whether route optimisation with the address comes to us, though the kernel carries the rest. */
int hm_kernel_optimised(struct hm_kernel *k, const struct hm_addr *peer, bool add);
/* Removes what a former run left and nothing wants now. */
int hm_kernel_sweep(struct hm_kernel *k);
/* Removes every rule; the rest goes with the device. */
void hm_kernel_flush(struct hm_kernel *k);

#endif
