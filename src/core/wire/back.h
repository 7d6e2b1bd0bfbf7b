/* Binding Acknowledgement, which answers registrations too (PROTOCOL 2.2). */
#ifndef HM_WIRE_BACK_H
#define HM_WIRE_BACK_H

#include "wire/subopt.h"

#define HM_BACK_LEN 11 /* without type, length and sub-options */

enum hm_drop hm_back_read(struct hm_rd fixed, const struct hm_subopts *subs,
                          struct hm_packet *packet);
void hm_back_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

#endif
