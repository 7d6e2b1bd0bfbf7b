/* Events and effects as one line of text each, without a newline: the debug log and the transcripts
 * of tests read alike. Addresses and numbers that are zero are left out; secrets never appear. */
#ifndef HM_ENGINE_SHOW_H
#define HM_ENGINE_SHOW_H

#include "base/text.h"
#include "engine/step.h"

void hm_event_show(struct hm_text *t, const struct hm_event *event);
void hm_effect_show(struct hm_text *t, const struct hm_effect *effect);

#endif
