/* Router Advertisements (RFC 4861 4.2) with the options of Mobile IPv6 and the list of mobility
 * servers (PROTOCOL 2.3, 2.5). */
#ifndef HM_WIRE_RA_H
#define HM_WIRE_RA_H

#include "wire/packet.h"

/* `body` is what follows type, code and checksum. Options to be ignored leave no trace; an option
 * of ours that another program uses the number for is one of them. */
enum hm_drop hm_ra_read(struct hm_rd body, const struct hm_wire_numbers *numbers,
                        struct hm_packet *packet);
void hm_ra_write(struct hm_wr *w, const struct hm_wire_numbers *numbers, const struct hm_ra *ra);

#endif
