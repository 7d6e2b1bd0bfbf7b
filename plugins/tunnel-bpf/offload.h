/* What a device segments by itself, as ethtool tells. */
#ifndef HM_BPF_OFFLOAD_H
#define HM_BPF_OFFLOAD_H

#include <stdbool.h>

/* Super-packets of IPv6 in IPv6 (tx-ipxip6-segmentation). Such a device writes the outermost and
 * the innermost header of each piece, and not what may stand between them. False as well when it
 * does not tell. */
bool hm_offload_cuts_tunnels(const char *device);

#endif
