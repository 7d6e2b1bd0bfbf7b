/* Handoff Request: a new mobility server tells the previous one where the mobile host went
 * (PROTOCOL 2.1; draft 4.3.6). */
#ifndef HM_WIRE_HANDOFF_H
#define HM_WIRE_HANDOFF_H

#include "wire/subopt.h"

enum hm_drop hm_handoff_read(struct hm_rd fixed, const struct hm_subopts *subs,
                             struct hm_packet *packet);
void hm_handoff_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

#endif
