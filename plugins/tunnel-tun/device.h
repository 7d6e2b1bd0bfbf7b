/* The file descriptors packets come and go through: the TUN device, the capture of what arrives for
 * us, the socket that sends past the tunnels' rules. */
#ifndef HM_TUN_DEVICE_H
#define HM_TUN_DEVICE_H

#include "base/addr.h"

#include <stddef.h>

struct hm_device {
	int tun;     /* reads and writes begin with a struct virtio_net_hdr */
	int capture; /* AF_PACKET, frames with a struct virtio_net_hdr in front */
	int raw;     /* sends whole IPv6 packets, marked */
	int silence; /* its existence keeps the kernel from answering next header 41 */
};

/* HM_PLUGIN_OK, or an error with one line for the log in `why`. Attaches to a device that a former
 * run left. */
int hm_device_open(struct hm_device *d, const char *name, uint32_t mark, char *why, size_t why_len);
/* keep: the device stays, and with it its addresses and routes. */
void hm_device_close(struct hm_device *d, bool keep);

/* Captures tunnelled and route-optimised packets to these destinations; n above the array's
 * room (HM_POINTS_MAX): to any. */
int hm_device_filter(struct hm_device *d, const struct hm_addr *points, unsigned n);

/* What the path to an address carries as this kernel knows it; 0: unknown. */
uint32_t hm_device_path_mtu(const struct hm_addr *to, uint32_t mark);

#endif
