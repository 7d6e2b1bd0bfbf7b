/* The data plane in user space as a whole: what the plugin interface asks for, with a TUN device, a
 * packet socket and a thread. tunnel-tun is this and a descriptor; a plugin that forwards faster
 * embeds it for whatever the faster way does not handle, and so is never wrong, only slow.
 *
 * The functions are those of struct hm_tunnel_ops and take what hm_tun_open() made as `self`. */
#ifndef HM_TUN_TUN_H
#define HM_TUN_TUN_H

#include "hmipd-plugin.h"

/* The first entries of the option table of every plugin that calls hm_tun_open(). */
#define HM_TUN_OPTIONS                                                                             \
	{ "device", "hmip0", "name of the TUN device, hmip*" },                                    \
	        { "mtu", "auto", "its MTU; auto: that of the narrowest link, less the tunnels" },  \
	        { "queue", "500", "packets that may wait for the plugin (txqueuelen)" },           \
	{                                                                                          \
		"batch", "64", "packets handled at a time, 1 to 256"                               \
	}
#define HM_TUN_N_OPTIONS 4u

int hm_tun_open(const struct hm_plugin_open *how, void **ret_self);
void hm_tun_close(void *self);

/* The entry will be put next: asks for memory that is in no cache, and returns at once. The thread
 * that puts. */
void hm_tun_expect(const void *self, const struct hm_tunnel_entry *e);
int hm_tun_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_tun_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *e);
int hm_tun_prefix_put(void *self, const struct hm_tunnel_prefix *prefix);
int hm_tun_prefix_del(void *self, const struct hm_tunnel_prefix *prefix);
void hm_tun_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu);
int hm_tun_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *ret_count);
void hm_tun_sweep(void *self);
/* What a former run with tunnel-ip6tnl left goes, too: for plugins that do not carry it on. */
void hm_tun_sweep_others(void *self);
/* The same for what tunnel-bpf left. */
void hm_tun_sweep_programs(void *self);
void hm_tun_stop(void *self, int keep);
bool hm_tun_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value);
bool hm_tun_detail(void *self, unsigned index, const char **ret_name, char *ret_text, size_t len);

/* The kernel carries the tunnels of one home address, whose entry is put before or after this and
 * goes on being known: its addresses and rules are seen to here, and with `routed` these lead to
 * the routes that the caller has put into the tables HM_NET_TABLE_CARRIED (net.h). What the kernel
 * delivers is not delivered again. NULL: it carries none; so do what has to go before. Copied. */
struct hm_carried;
int hm_tun_carry(void *self, const struct hm_carried *carried);
/* Whether tunnels are taken off here as well, for a carried home address: what route optimisation
 * may be in then has to be left to us. */
bool hm_tun_listens(const void *self);

/* What is attracted goes into that device from now on, which hands to ours what it has no tunnel
 * for. Before the first entry. */
void hm_tun_lead(void *self, int ifindex);

/* Index of the device, for who attaches something to it. */
int hm_tun_ifindex(const void *self);

#endif
