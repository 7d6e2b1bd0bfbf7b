/* ICMPv6 errors about tunnelled packets come back to the tunnel's entry; its sender is told too
 * (RFC 2473 8, PROTOCOL 7), but no faster than a bucket of tokens allows (RFC 4443 2.4 f). */
#ifndef HM_HOST_RELAY_H
#define HM_HOST_RELAY_H

#include "host/tx.h"
#include "engine/step.h"
#include "hmipd-plugin.h"

#define HM_RELAY_BURST 100
#define HM_RELAY_PER_SECOND 100

struct hm_relay {
	unsigned tokens;
	hm_ms filled_ms;
};

/* True when one more may be sent now. */
bool hm_relay_allowed(struct hm_relay *relay, hm_ms now_ms);

/* Sends what HM_FX_RELAY asks for. HM_EFULL: too many. */
int hm_relay_send(struct hm_relay *relay, const struct hm_tx *tx, const struct hm_effect *effect,
                  hm_ms now_ms);

#endif
