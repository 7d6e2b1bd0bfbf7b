/* Any message as one line of text, for the debug log and for transcripts. What is zero is left
 * out. */
#ifndef HM_WIRE_SHOW_H
#define HM_WIRE_SHOW_H

#include "base/text.h"
#include "wire/packet.h"

/* Enough for any line. */
#define HM_SHOW_MAX 2560

void hm_packet_show(const struct hm_packet *packet, struct hm_text *t);

#endif
