/* A control packet as one line of text, as events and effects show it. */
#ifndef HM_ENGINE_SHOW_PACKET_H
#define HM_ENGINE_SHOW_PACKET_H

#include "base/text.h"
#include "wire/packet.h"

void hm_show_packet(struct hm_text *t, const struct hm_packet *packet);

#endif
