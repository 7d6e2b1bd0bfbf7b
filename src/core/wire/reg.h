/* Registration Request, Update and Refresh: one body, three option types (PROTOCOL 2.1;
 * draft 4.2.1, 4.2.2). `packet->kind` is known to the reader. */
#ifndef HM_WIRE_REG_H
#define HM_WIRE_REG_H

#include "wire/subopt.h"

enum hm_drop hm_reg_read(struct hm_rd fixed, const struct hm_subopts *subs,
                         struct hm_packet *packet);
/* Writes the fixed part and names the sub-options to follow. */
void hm_reg_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

#endif
