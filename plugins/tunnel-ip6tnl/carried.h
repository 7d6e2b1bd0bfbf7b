/* What of a mobile host's tunnels the kernel is to carry, out of its entry, and which routing table
 * leads where: pure, but for a look at the machine's addresses. */
#ifndef HM_IP6TNL_CARRIED_H
#define HM_IP6TNL_CARRIED_H

#include "hmipd-plugin.h"
#include "tunnel-tun/path.h"

/* After what is carried `now`. An address of that interface is not counted as the machine's own: it
 * was made for the tunnels. */
struct hm_carried hm_carried_of(const struct hm_carried *now, const struct hm_tunnel_entry *e,
                                int made_on);

/* The table with the way into the i-th tunnel, from 0 on. */
uint32_t hm_carried_table(const struct hm_carried *c, unsigned i);
/* Whether that table is for the way into the outermost tunnel, or for a former one still used. */
bool hm_carried_leads_out(const struct hm_carried *c, uint32_t table);

#endif
