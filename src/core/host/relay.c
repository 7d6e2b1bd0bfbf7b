#include "host/relay.h"

#include "wire/icmp.h"

bool hm_relay_allowed(struct hm_relay *relay, hm_ms now_ms)
{
	hm_ms fresh = (now_ms - relay->filled_ms) * HM_RELAY_PER_SECOND / HM_SECOND;

	if (relay->filled_ms == 0 || relay->tokens + fresh >= HM_RELAY_BURST) {
		relay->tokens = HM_RELAY_BURST;
		relay->filled_ms = now_ms;
	} else if (fresh > 0) {
		relay->tokens += (unsigned)fresh;
		relay->filled_ms += fresh * HM_SECOND / HM_RELAY_PER_SECOND;
	}
	if (relay->tokens == 0)
		return false;
	relay->tokens--;
	return true;
}

int hm_relay_send(struct hm_relay *relay, const struct hm_tx *tx, const struct hm_effect *effect,
                  hm_ms now_ms)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	int err;

	if (!hm_relay_allowed(relay, now_ms))
		return HM_EFULL;
	err = hm_icmp_relay_write(&effect->relay.error, &effect->relay.from, effect->relay.mtu, &w);
	if (err)
		return err;
	return hm_tx_send(tx, (struct hm_span){ room, w.len }, 0);
}
