/* One auth plugin in many variants, each wrong in one way that VARIANT names. The descriptors with
 * a wrong head end right behind the wrong member: who reads on reads what is not theirs. */
#include "hmipd-plugin.h"

#include <stdio.h>
#include <string.h>

#define GOOD 0
#define MAGIC 1
#define ABI 2
#define SIZE 3
#define KIND 4
#define SYMBOL 5
#define NAME 6
#define NAMELESS 7
#define VERIFY 8
#define OPS 9
#define SHORT_OPS 10
#define OPEN 11
#define NO_SELF 12
#define FAILING 13

#if VARIANT == MAGIC
HM_PLUGIN_EXPORT const uint32_t hm_plugin[1] = { HM_PLUGIN_MAGIC + 1 };
#elif VARIANT == ABI
HM_PLUGIN_EXPORT const uint32_t hm_plugin[2] = { HM_PLUGIN_MAGIC, HM_PLUGIN_ABI + 1 };
#elif VARIANT == SIZE
HM_PLUGIN_EXPORT const uint32_t hm_plugin[3] = { HM_PLUGIN_MAGIC, HM_PLUGIN_ABI,
	                                         sizeof(struct hm_plugin) - 1 };
#elif VARIANT == KIND
HM_PLUGIN_EXPORT const uint32_t hm_plugin[4] = { HM_PLUGIN_MAGIC, HM_PLUGIN_ABI,
	                                         sizeof(struct hm_plugin), HM_PLUGIN_TUNNEL };
#elif VARIANT == SYMBOL
HM_PLUGIN_EXPORT const uint32_t hm_plugin_of_another_name = HM_PLUGIN_MAGIC;
#else

static int key_put(void *self, const struct hm_auth_key *key)
{
	(void)self;
	(void)key;
	return HM_PLUGIN_OK;
}

static int pick(void *self, const struct hm_auth_parties *parties, int64_t now_s, uint32_t *ret_spi)
{
	(void)self;
	(void)parties;
	(void)now_s;
	*ret_spi = 256;
	return HM_PLUGIN_OK;
}

static int sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
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

static int verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties, uint32_t spi,
                  int64_t now_s, const uint8_t *data, size_t len,
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
	return HM_PLUGIN_OK;
}

static const struct hm_plugin_option options[] = {
	{ "colour", "red", "what it looks like" },
	{ "shape", NULL, "how it feels" },
	{ "weight", "7", "how heavy it is" },
	{ NULL, NULL, NULL },
};

/* The whole state is where to say what. */
static int plugin_open(const struct hm_plugin_open *how, void **ret_self)
{
	char text[200];
	size_t len = (size_t)snprintf(text, sizeof text, "mark=%x flags=%x state=%s", how->mark,
	                              (unsigned)how->flags, how->state_dir);

	for (size_t i = 0; i < how->n_options; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, " %s=%s", options[i].key,
		                        how->options[i] ? how->options[i] : "(null)");
	how->api->log(how->api->host, HM_PLUGIN_INFO, text);
	if (VARIANT == FAILING)
		return HM_PLUGIN_EPERM;
	if (VARIANT != NO_SELF)
		*ret_self = (void *)(uintptr_t)how->api;
	return HM_PLUGIN_OK;
}

static void plugin_close(void *self)
{
	const struct hm_host_api *api = self;

	api->log(api->host, HM_PLUGIN_INFO, "closed");
}

static const struct hm_auth_ops ops = {
	.size = VARIANT == SHORT_OPS ? offsetof(struct hm_auth_ops, verify) : sizeof ops,
	.key_put = key_put,
	.pick = pick,
	.sign = sign,
	.verify = VARIANT == VERIFY ? NULL : verify,
};

HM_PLUGIN_EXPORT const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	/* Made for a later host: longer than what is known today. */
	.size = sizeof hm_plugin + 64,
	.kind = HM_PLUGIN_AUTH,
	.name = VARIANT == NAMELESS ? NULL
	        : VARIANT == NAME   ? "other"
	                            : VARIANT_NAME,
	.version = "1.0",
	.summary = "a plugin for tests",
	.options = options,
	.open = VARIANT == OPEN ? NULL : plugin_open,
	.close = plugin_close,
	.auth = VARIANT == OPS ? NULL : &ops,
};
#endif
