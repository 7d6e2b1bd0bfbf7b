/* Dynamic home agent address discovery (RFC 6275 6.5, 6.6; PROTOCOL 2.5). */
#ifndef HM_WIRE_HAAD_H
#define HM_WIRE_HAAD_H

#include "wire/packet.h"

#define HM_ICMP_HAAD_REQUEST 144
#define HM_ICMP_HAAD_REPLY 145

/* `body` is what follows type, code and checksum; packet->kind is known. Agents past the ceiling,
 * and those with an address nobody can have, are left out. */
enum hm_drop hm_haad_read(struct hm_rd body, struct hm_packet *packet);
void hm_haad_write(struct hm_wr *w, const struct hm_packet *packet);

#endif
