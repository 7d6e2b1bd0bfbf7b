/* Bindings carried by the kernel (bound.h), in front of the data plane of tunnel-tun, which knows
 * every binding as well. What the kernel cannot do for a binding, or has no room for, is done
 * there: never wrong, only slower. */
#ifndef HM_IP6TNL_FAST_H
#define HM_IP6TNL_FAST_H

#include "bound.h"
#include "hmipd-plugin.h"

struct hm_fast_how {
	const struct hm_host_api *api;
	void *tun; /* of hm_tun_open() */
	struct hm_bound *bound;
};

struct hm_fast;

/* NULL: no memory. Borrows what it is told. */
struct hm_fast *hm_fast_open(const struct hm_fast_how *how);
/* NULL is fine. */
void hm_fast_close(struct hm_fast *f);

/* As in struct hm_tunnel_ops, for entries of HM_TUNNEL_ENCAP. The host's thread. */
int hm_fast_put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_fast_del(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_fast_count(struct hm_fast *f, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count);
/* What leads into the tunnel's device: before it does, and after. */
void hm_fast_prefix(struct hm_fast *f, const struct hm_tunnel_prefix *prefix, bool add);
void hm_fast_path_mtu(struct hm_fast *f, const uint8_t remote[16], uint32_t mtu);
/* The number of hm_fast_stat()'s. */
unsigned hm_fast_stats(void);
bool hm_fast_stat(struct hm_fast *f, unsigned index, const char **ret_name, uint64_t *ret_value);

/* Once a second, any thread: forgets how narrow paths were. */
void hm_fast_tick(struct hm_fast *f);

#endif
