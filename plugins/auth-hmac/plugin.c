/* auth-hmac: HMAC-SHA-256 truncated to 128 bits with keys that both ends were given (PROTOCOL 5).
 * It answers at once, always. */
#include "../keys/mac.h"

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

static int hmac_sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
                     const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	const struct hmac *h = self;
	const struct mac_input in = { parties, spi, now_s, data, len };

	return mac_sign(h->keys, &in, ret_mac);
}

static int hmac_verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
                       uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
                       const uint8_t mac[HM_AUTH_MAC_LEN])
{
	const struct hmac *h = self;
	const struct mac_input in = { parties, spi, now_s, data, len };

	(void)ticket;
	return mac_verify(h->keys, &in, mac);
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
