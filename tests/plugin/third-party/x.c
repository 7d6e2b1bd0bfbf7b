/* What someone else writes with nothing but the installed header: an auth plugin that knows every
 * key and accepts nothing. */
#include <hmipd-plugin.h>

#include <string.h>

static int x_open(const struct hm_plugin_open *how, void **ret_self)
{
	how->api->log(how->api->host, HM_PLUGIN_INFO, "opened plugin=auth-x");
	*ret_self = (void *)how->api;
	return HM_PLUGIN_OK;
}

static void x_close(void *self)
{
	(void)self;
}

static int x_key_put(void *self, const struct hm_auth_key *key)
{
	(void)self;
	(void)key;
	return HM_PLUGIN_OK;
}

static int x_pick(void *self, const struct hm_auth_parties *parties, int64_t now_s,
                  uint32_t *ret_spi)
{
	(void)self;
	(void)parties;
	(void)now_s;
	*ret_spi = 256;
	return HM_PLUGIN_OK;
}

static int x_sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
                  const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	(void)self;
	(void)parties;
	(void)spi;
	(void)now_s;
	(void)data;
	(void)len;
	memset(ret_mac, 0, HM_AUTH_MAC_LEN);
	return HM_PLUGIN_OK;
}

static int x_verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
                    uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
                    const uint8_t mac[HM_AUTH_MAC_LEN])
{
	(void)self;
	(void)ticket;
	(void)parties;
	(void)spi;
	(void)now_s;
	(void)data;
	(void)len;
	(void)mac;
	return HM_PLUGIN_EAUTH;
}

static const struct hm_auth_ops ops = {
	.size = sizeof ops,
	.key_put = x_key_put,
	.pick = x_pick,
	.sign = x_sign,
	.verify = x_verify,
};

HM_PLUGIN_EXPORT const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_AUTH,
	.name = "x",
	.version = "0.1",
	.summary = "refuses everyone",
	.open = x_open,
	.close = x_close,
	.auth = &ops,
};
