/* Tunnel plugins that carry nothing, in the place of real ones: one that works, one that lacks
 * something and must not even be opened, one that finds out when it is opened, one that refuses
 * whatever it is told. */
#include "hmipd-plugin.h"

#include <stdio.h>
#include <string.h>

#define WORKS 0
#define LACKS 1
#define FAILS 2
#define REFUSES 3

static int plugin_open(const struct hm_plugin_open *how, void **ret_self)
{
	how->api->log(how->api->host, HM_PLUGIN_INFO, "opened the plugin of the tests");
	*ret_self = (void *)(uintptr_t)how->api;
	return VARIANT == FAILS ? HM_PLUGIN_EPERM : HM_PLUGIN_OK;
}

static void plugin_close(void *self)
{
	(void)self;
}

static void plugin_check(hm_plugin_report *report, void *arg)
{
	report(arg, "a thing that is there", NULL);
	if (VARIANT != LACKS)
		return;
	report(arg, "moon rock", "fetch some");
	report(arg, "moon dust", "fetch some too");
}

static int ignore(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	(void)self;
	(void)ticket;
	(void)entry;
	return VARIANT == REFUSES ? HM_PLUGIN_EUNSUPPORTED : HM_PLUGIN_OK;
}

static int ignore_prefix(void *self, const struct hm_tunnel_prefix *prefix)
{
	(void)self;
	(void)prefix;
	return HM_PLUGIN_OK;
}

static bool plugin_detail(void *self, unsigned index, const char **ret_name, char *ret_text,
                          size_t len)
{
	static const char *const names[] = { "wan0", "lan0" };

	(void)self;
	if (index >= sizeof names / sizeof names[0])
		return false;
	*ret_name = names[index];
	(void)snprintf(ret_text, len, "nothing, %u", index);
	return true;
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops,
	.put = ignore,
	.del = ignore,
	.prefix_put = ignore_prefix,
	.prefix_del = ignore_prefix,
	.detail = plugin_detail,
};

HM_PLUGIN_EXPORT extern const struct hm_plugin hm_plugin;
const struct hm_plugin hm_plugin = { .magic = HM_PLUGIN_MAGIC,
	                             .abi = HM_PLUGIN_ABI,
	                             .size = sizeof hm_plugin,
	                             .kind = HM_PLUGIN_TUNNEL,
	                             .name = VARIANT_NAME,
	                             .version = "1",
	                             .summary = "carries nothing",
	                             .open = plugin_open,
	                             .close = plugin_close,
	                             .check = plugin_check,
	                             .tunnel = &ops };
