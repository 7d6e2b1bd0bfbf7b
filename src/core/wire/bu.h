/* Binding Update and Binding Request (PROTOCOL 2.1, 2.4; draft-12 5.1, 5.3). */
#ifndef HM_WIRE_BU_H
#define HM_WIRE_BU_H

#include "wire/subopt.h"

enum hm_drop hm_bu_read(struct hm_rd fixed, const struct hm_subopts *subs,
                        struct hm_packet *packet);
void hm_bu_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

enum hm_drop hm_breq_read(struct hm_rd fixed, const struct hm_subopts *subs,
                          struct hm_packet *packet);
void hm_breq_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

#endif
