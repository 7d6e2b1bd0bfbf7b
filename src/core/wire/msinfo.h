/* Mobility Information in its two carriers: a destination option from a mobility server to routers,
 * a Neighbour Discovery option from routers to mobile hosts (PROTOCOL 2.3; draft 4.1). */
#ifndef HM_WIRE_MSINFO_H
#define HM_WIRE_MSINFO_H

#include "wire/subopt.h"

#define HM_MSINFO_LEN 20     /* destination option, without type, length and sub-options */
#define HM_MSINFO_ND_UNITS 3 /* Neighbour Discovery option, in units of 8 octets */
#define HM_MSINFO_PLEN_MAX 126

/* The destination option. A withdrawal (MS address :: or plen 0) is delivered like any other. */
enum hm_drop hm_msinfo_read(struct hm_rd fixed, const struct hm_subopts *subs,
                            struct hm_packet *packet);
void hm_msinfo_write(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);

/* The Neighbour Discovery option behind its type and length. False: it is to be ignored. */
bool hm_msinfo_nd_read(struct hm_rd body, struct hm_msinfo *ret_info);
void hm_msinfo_nd_write(struct hm_wr *w, uint8_t type, const struct hm_msinfo *info);

#endif
