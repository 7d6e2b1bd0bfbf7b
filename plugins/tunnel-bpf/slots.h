/* The daemon's side of the shared table: open addressing with linear probing, kept in the order of
 * the slots that hashes name (Robin Hood), so that the longest search stays short at a load of
 * two in three. Entries move to make and fill gaps: a program may meet one twice or, for the
 * time of one store, not at all, and then lets the packet pass on. */
#ifndef HM_BPF_SLOTS_H
#define HM_BPF_SLOTS_H

#include "shared.h"

#include <stdbool.h>
#include <stddef.h>

struct hm_slots {
	struct hm_site_config *config;
	struct hm_site_slot *slots;
	struct hm_site_inbound *inbound;
	__u8 *fresh; /* put since the table was adopted, one octet a slot */
	__u32 n;
};

/* Slots for so many bindings, those behind the last included. */
__u32 hm_slots_for(__u32 bindings);

/* The bindings that a table was made for. */
__u32 hm_slots_room(const struct hm_slots *t);

/* The binding will be looked for soon: asks for its memory, without waiting for it. */
void hm_slots_expect(const struct hm_slots *t, const struct hm_site_addr *match);
/* NULL: not there. */
struct hm_site_slot *hm_slots_find(const struct hm_slots *t, const struct hm_site_addr *match);
/* Adds or changes; false: no room near where it belongs. Counters of an entry that was there stay.
 */
bool hm_slots_put(struct hm_slots *t, const struct hm_site_addr *match,
                  const struct hm_site_addr *remote, __u8 local, __u8 flags);
/* False: it was not there. */
bool hm_slots_del(struct hm_slots *t, const struct hm_site_addr *match);
/* Removes what is not fresh; how many. */
__u32 hm_slots_sweep(struct hm_slots *t);
/* Forgets next hops that are `age` generations old or more, before their generation comes again. */
void hm_slots_forget(struct hm_slots *t, __u32 age);
/* After adoption: counts what is there. */
void hm_slots_recount(struct hm_slots *t);

/* Number of a slot, for the inbound counters. */
size_t hm_slots_index(const struct hm_slots *t, const struct hm_site_slot *s);

#endif
