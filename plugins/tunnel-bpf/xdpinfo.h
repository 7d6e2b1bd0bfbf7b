/* What a driver can do for XDP, as the kernel tells since 6.3 (generic netlink family netdev). */
#ifndef HM_BPF_XDPINFO_H
#define HM_BPF_XDPINFO_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this kernel tells at all. */
bool hm_xdp_tells(void);

/* Frames that XDP redirects to the interface arrive; where the kernel does not say, they are not
 * trusted to: a frame redirected to a driver that cannot send it is lost without a word. */
bool hm_xdp_may_redirect(uint32_t ifindex);

#endif
