/* auth-hmac: HMAC-SHA-256 truncated to 128 bits with keys that both ends were given (PROTOCOL 5).
 * It answers at once, always. */
#include "keys.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hmac {
	const struct hm_host_api *api;
	struct keys *keys;
	bool warned;
};

static void log_line(const struct hmac *h, enum hm_plugin_level level, const char *text)
{
	h->api->log(h->api->host, (int)level, text);
}

static int hmac_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct hmac *h;

	if (sodium_init() < 0)
		return HM_PLUGIN_EMISSING;
	h = calloc(1, sizeof *h);
	if (!h)
		return HM_PLUGIN_ENOMEM;
	h->api = how->api;
	h->keys = keys_create();
	if (!h->keys) {
		free(h);
		return HM_PLUGIN_ENOMEM;
	}
	*ret_self = h;
	return HM_PLUGIN_OK;
}

static void hmac_close(void *self)
{
	struct hmac *h = self;

	keys_destroy(h->keys);
	free(h);
}

static int hmac_key_put(void *self, const struct hm_auth_key *key)
{
	struct hmac *h = self;
	bool unlocked;
	int err = keys_put(h->keys, key, &unlocked);

	if (unlocked && !h->warned) {
		log_line(h, HM_PLUGIN_WARNING,
		         "cannot lock all keys in memory, they may be swapped out (LimitMEMLOCK) "
		         "plugin=auth-hmac");
		h->warned = true;
	}
	return err;
}

static void hmac_key_begin(void *self)
{
	keys_begin(((struct hmac *)self)->keys);
}

static void hmac_key_end(void *self)
{
	struct hmac *h = self;
	char text[64];

	keys_end(h->keys);
	snprintf(text, sizeof text, "loaded keys n=%zu plugin=auth-hmac", keys_count(h->keys));
	log_line(h, HM_PLUGIN_INFO, text);
}

static int hmac_pick(void *self, const struct hm_auth_parties *parties, int64_t now_s,
                     uint32_t *ret_spi)
{
	struct hmac *h = self;
	struct key_view key;

	if (!keys_pick(h->keys, parties, now_s, &key))
		return HM_PLUGIN_ENOKEY;
	*ret_spi = key.spi;
	return HM_PLUGIN_OK;
}

static void compute(const struct key_view *key, const uint8_t *data, size_t len,
                    uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	crypto_auth_hmacsha256_state state;
	uint8_t whole[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&state, key->secret, key->secret_len);
	crypto_auth_hmacsha256_update(&state, data, len);
	crypto_auth_hmacsha256_final(&state, whole);
	memcpy(ret_mac, whole, HM_AUTH_MAC_LEN);
	sodium_memzero(whole, sizeof whole);
	sodium_memzero(&state, sizeof state);
}

/* The octets at hand, and what trying keys on them has shown. */
struct attempt {
	const uint8_t *data, *mac;
	size_t len;
	uint8_t *ret_mac;
	bool tried;
};

static bool sign_with(void *arg, const struct key_view *key)
{
	struct attempt *a = arg;

	compute(key, a->data, a->len, a->ret_mac);
	return true;
}

static int hmac_sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
                     const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	struct hmac *h = self;
	struct attempt a = { .data = data, .len = len, .ret_mac = ret_mac };

	return keys_each(h->keys, parties, spi, now_s, sign_with, &a) ? HM_PLUGIN_OK
	                                                              : HM_PLUGIN_ENOKEY;
}

static bool verify_with(void *arg, const struct key_view *key)
{
	struct attempt *a = arg;
	uint8_t mac[HM_AUTH_MAC_LEN];

	a->tried = true;
	compute(key, a->data, a->len, mac);
	return sodium_memcmp(mac, a->mac, sizeof mac) == 0;
}

static int hmac_verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
                       uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
                       const uint8_t mac[HM_AUTH_MAC_LEN])
{
	struct hmac *h = self;
	struct attempt a = { .data = data, .len = len, .mac = mac };

	(void)ticket;
	if (keys_each(h->keys, parties, spi, now_s, verify_with, &a))
		return HM_PLUGIN_OK;
	return a.tried ? HM_PLUGIN_EAUTH : HM_PLUGIN_ENOKEY;
}

static const struct hm_auth_ops ops = {
	.size = sizeof ops,
	.key_put = hmac_key_put,
	.key_begin = hmac_key_begin,
	.key_end = hmac_key_end,
	.pick = hmac_pick,
	.sign = hmac_sign,
	.verify = hmac_verify,
};

HM_PLUGIN_EXPORT const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_AUTH,
	.name = "hmac",
	.version = "1",
	.summary = "HMAC-SHA-256 truncated to 128 bits, with shared keys from the configuration",
	.open = hmac_open,
	.close = hmac_close,
	.auth = &ops,
};
