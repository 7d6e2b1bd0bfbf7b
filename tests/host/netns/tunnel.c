/* A tunnel plugin that carries nothing and says what it is told. */
#include "hmipd-plugin.h"

#include <stdio.h>

static const struct hm_host_api *api;

static int null_open(const struct hm_plugin_open *how, void **ret_self)
{
	api = how->api;
	*ret_self = &api;
	return HM_PLUGIN_OK;
}

static void null_close(void *self)
{
	(void)self;
}

static void say(const char *what, const uint8_t match[16])
{
	char text[64];

	(void)snprintf(text, sizeof text, "%s match=..%02x%02x", what, match[14], match[15]);
	api->log(api->host, HM_PLUGIN_INFO, text);
}

static int null_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	(void)self;
	say("put", entry->match);
	api->done(api->host, ticket, HM_PLUGIN_OK);
	return HM_PLUGIN_PENDING;
}

static int null_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	(void)self;
	(void)ticket;
	say("del", entry->match);
	return HM_PLUGIN_OK;
}

static void null_stop(void *self, int keep)
{
	(void)self;
	api->log(api->host, HM_PLUGIN_INFO, keep ? "stop keep" : "stop undo");
}

static void null_check(hm_plugin_report *report, void *arg)
{
	report(arg, "nothing at all", NULL);
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops, .put = null_put, .del = null_del, .stop = null_stop
};

HM_PLUGIN_EXPORT extern const struct hm_plugin hm_plugin;
const struct hm_plugin hm_plugin = { .magic = HM_PLUGIN_MAGIC,
	                             .abi = HM_PLUGIN_ABI,
	                             .size = sizeof hm_plugin,
	                             .kind = HM_PLUGIN_TUNNEL,
	                             .name = "null",
	                             .version = "1",
	                             .summary = "carries nothing",
	                             .open = null_open,
	                             .close = null_close,
	                             .check = null_check,
	                             .tunnel = &ops };
