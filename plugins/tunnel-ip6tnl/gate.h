/* What may come out of a mobile host's tunnels, and go into them, known to the kernel: eBPF
 * programs for the tunnel devices, as for bindings (bound.h). Out of a tunnel comes what one of its
 * pairs of ends sent, for the home address or the end of a tunnel within; the rest another filter
 * behind drops. They count, and note who reached the home address through its first tunnel.
 *
 * One thread for all but hm_gate_seen(). Functions return 0 or a negative errno. */
#ifndef HM_IP6TNL_GATE_H
#define HM_IP6TNL_GATE_H

#include "base/addr.h"
#include "hmipd-plugin.h"

enum hm_gate_fd {
	HM_GATE_PAIRS, /* maps: by both ends; by inner destination; of peers; one element */
	HM_GATE_INNER,
	HM_GATE_PEERS,
	HM_GATE_TOTALS,
	HM_GATE_MAPS,
	HM_GATE_IN = HM_GATE_MAPS, /* programs of ingress: of the device with all ends, */
	HM_GATE_IN_FIRST,          /* of the one with those of the home address's tunnel, */
	HM_GATE_IN_HOP,            /* of others */
	HM_GATE_COUNT,             /* of egress: counts; lets pass the home address alone */
	HM_GATE_OUT,
	HM_GATE_FDS,
};

struct hm_gate_totals {
	struct hm_tunnel_count count;                   /* of home addresses */
	uint64_t foreign_source, foreign_tunnel, inner; /* packets refused, as tunnel-tun has it */
};

struct hm_gate {
	int fd[HM_GATE_FDS];
};

int hm_gate_open(struct hm_gate *g);
void hm_gate_close(struct hm_gate *g);

enum {
	HM_GATE_HOME = 1,   /* the home address */
	HM_GATE_WITHIN = 2, /* the end of a tunnel within another */
	/* Packets to it with a routing header or destination options are left to others. */
	HM_GATE_PLAIN = 4,
};

/* One of the addresses that packets may be for; changes its flags when it is there. */
int hm_gate_inner_put(struct hm_gate *g, const struct hm_addr *inner, uint32_t flags);
void hm_gate_inner_del(struct hm_gate *g, const struct hm_addr *inner);
/* One pair of ends; `first`: of the home address's own tunnel. */
int hm_gate_pair_put(struct hm_gate *g, const struct hm_addr *local, const struct hm_addr *remote,
                     bool first);
void hm_gate_pair_del(struct hm_gate *g, const struct hm_addr *local, const struct hm_addr *remote);

void hm_gate_total(const struct hm_gate *g, struct hm_gate_totals *ret_totals);
/* Hands over everyone who reached a home address since the last time, 1024 at most. */
void hm_gate_seen(const struct hm_gate *g, const struct hm_host_api *api);

#endif
