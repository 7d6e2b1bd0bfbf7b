/* What the host's programs look up, kept in their maps. The maps outlive the process, so a run that
 * adopts them leaves entries as they are until they are put again or hm_host_state_sweep() says
 * that no more will come. */
#ifndef HM_BPF_HOST_STATE_H
#define HM_BPF_HOST_STATE_H

#include "host_maps.h"
#include "tunnel-tun/path.h"

#include "hmipd-plugin.h"

struct hm_host_bpf;

struct hm_host_state {
	const struct hm_host_bpf *skel; /* loaded */
	/* The entries of mobile hosts, and what follows from them: the model that the embedded data
	 * plane has, too. Path MTUs as well, which age in it. */
	struct hm_path *model;    /* owned */
	struct hm_host_conf conf; /* as in the map */
	uint32_t n_owns, n_peers;
	bool adopting;
	uint64_t refused; /* entries without room */
};

/* adopting: the maps are those of a former run. False: no memory. */
bool hm_host_state_init(struct hm_host_state *s, const struct hm_host_bpf *skel, bool adopting,
                        const struct hm_host_api *api);
void hm_host_state_finish(struct hm_host_state *s);

void hm_host_state_put(struct hm_host_state *s, const struct hm_tunnel_entry *e);
void hm_host_state_del(struct hm_host_state *s, const struct hm_tunnel_entry *e);
void hm_host_state_sweep(struct hm_host_state *s);
/* Whether there is anything for the programs to do. */
bool hm_host_state_is_used(const struct hm_host_state *s);

/* An interface that is to get no super-packets in more than one tunnel, or is no more. */
void hm_host_state_plain(struct hm_host_state *s, uint32_t ifindex, bool plain);

void hm_host_state_path_mtu(struct hm_host_state *s, const uint8_t remote[16], uint32_t mtu);
/* Forgets path MTUs that are too old, reports what was seen. Once a second. */
void hm_host_state_tick(struct hm_host_state *s, const struct hm_host_api *api);

void hm_host_state_count(const struct hm_host_state *s, const struct hm_tunnel_entry *e,
                         struct hm_tunnel_count *io);
uint64_t hm_host_state_stat(const struct hm_host_state *s, enum hm_host_stat which);

#endif
