/* A control packet as one line of text: in the debug log, as part of events and effects, and in
 * transcripts. What is zero is left out, and so is what hm_packet_show_rest() adds. */
#ifndef HM_WIRE_SHOW_H
#define HM_WIRE_SHOW_H

#include "base/text.h"
#include "wire/packet.h"

/* Enough for any line and its rest. */
#define HM_SHOW_MAX 2560

void hm_packet_show(struct hm_text *t, const struct hm_packet *packet);

/* What no role decides by, or hardly ever differs. */
void hm_packet_show_rest(struct hm_text *t, const struct hm_packet *packet);

#endif
