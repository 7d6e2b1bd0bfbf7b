#include "mac.h"

#include <sodium.h>
#include <string.h>

static void compute(const struct key_view *key, const struct mac_input *in,
                    uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	crypto_auth_hmacsha256_state state;
	uint8_t whole[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&state, key->secret, key->secret_len);
	crypto_auth_hmacsha256_update(&state, in->data, in->len);
	crypto_auth_hmacsha256_final(&state, whole);
	memcpy(ret_mac, whole, HM_AUTH_MAC_LEN);
	sodium_memzero(whole, sizeof whole);
	sodium_memzero(&state, sizeof state);
}

/* What trying keys on the octets has shown. */
struct attempt {
	const struct mac_input *in;
	const uint8_t *mac;
	uint8_t *ret_mac;
	bool tried;
};

static bool sign_with(void *arg, const struct key_view *key)
{
	struct attempt *a = arg;

	compute(key, a->in, a->ret_mac);
	return true;
}

int mac_sign(const struct keys *keys, const struct mac_input *in, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	struct attempt a = { .in = in, .ret_mac = ret_mac };

	return keys_each(keys, in->parties, in->spi, in->now_s, sign_with, &a) ? HM_PLUGIN_OK
	                                                                       : HM_PLUGIN_ENOKEY;
}

static bool verify_with(void *arg, const struct key_view *key)
{
	struct attempt *a = arg;
	uint8_t mac[HM_AUTH_MAC_LEN];

	a->tried = true;
	compute(key, a->in, mac);
	return sodium_memcmp(mac, a->mac, sizeof mac) == 0;
}

int mac_verify(const struct keys *keys, const struct mac_input *in,
               const uint8_t mac[HM_AUTH_MAC_LEN])
{
	struct attempt a = { .in = in, .mac = mac };

	if (keys_each(keys, in->parties, in->spi, in->now_s, verify_with, &a))
		return HM_PLUGIN_OK;
	return a.tried ? HM_PLUGIN_EAUTH : HM_PLUGIN_ENOKEY;
}
