/* The MAC of PROTOCOL 5 over octets at hand: HMAC-SHA-256 truncated to 128 bits. */
#ifndef HM_PLUGIN_MAC_H
#define HM_PLUGIN_MAC_H

#include "keys.h"

struct mac_input {
	const struct hm_auth_parties *parties;
	uint32_t spi;
	int64_t now_s;
	const uint8_t *data;
	size_t len;
};

/* With the first key of that SPI which fits; HM_PLUGIN_ENOKEY. */
int mac_sign(const struct keys *keys, const struct mac_input *in, uint8_t ret_mac[HM_AUTH_MAC_LEN]);
/* Against every key of that SPI which fits, in constant time: HM_PLUGIN_OK, HM_PLUGIN_EAUTH when
 * none vouches, HM_PLUGIN_ENOKEY when there was none. */
int mac_verify(const struct keys *keys, const struct mac_input *in,
               const uint8_t mac[HM_AUTH_MAC_LEN]);

#endif
