/* The site's programs and maps, loaded together: made anew, adopted from those a former run left on
 * the interfaces, or made larger in the place of smaller ones. */
#ifndef HM_BPF_MAPS_H
#define HM_BPF_MAPS_H

#include "slots.h"

struct hm_site_bpf; /* the skeleton */

struct hm_maps {
	struct hm_site_bpf *bpf;
	struct hm_slots table; /* its memory is that of the maps */
	int tc_fd, xdp_fd;
	int used_fd, mtus_fd, stats_fd, devices_fd;
};

/* Fresh maps with room for so many bindings. `like`: its configuration is copied and its small maps
 * are shared; NULL: seed the hash with `seed`. 0, or a negative errno and the storage zeroed. */
int hm_maps_make(struct hm_maps *m, __u32 bindings, const struct hm_maps *like,
                 const __u64 seed[4]);
/* Maps of the program with this id, behind programs of this run. -EPROTO: of another layout. */
int hm_maps_adopt(struct hm_maps *m, __u32 prog_id);
/* Lets go; what is attached goes on. */
void hm_maps_drop(struct hm_maps *m);

/* The bindings that fit at the load the table is made for. */
__u32 hm_maps_room(const struct hm_maps *m);

/* Pins maps and programs under their names (hm_attach_pin()), or takes them off. */
void hm_maps_pin(const struct hm_maps *m, bool on);

#endif
