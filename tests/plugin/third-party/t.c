/* A tunnel plugin as it was written when the interface was smaller: its table ends behind del(),
 * and what lies behind it in memory is no function of its. */
#include <hmipd-plugin.h>

#include <string.h>

static int t_open(const struct hm_plugin_open *how, void **ret_self)
{
	how->api->log(how->api->host, HM_PLUGIN_INFO, "opened plugin=tunnel-t");
	*ret_self = (void *)how->api;
	return HM_PLUGIN_OK;
}

static void t_close(void *self)
{
	(void)self;
}

static int t_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	(void)self;
	(void)ticket;
	return entry->rewrite ? HM_PLUGIN_EUNSUPPORTED : HM_PLUGIN_OK;
}

static int t_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	(void)self;
	(void)ticket;
	(void)entry;
	return HM_PLUGIN_OK;
}

static int t_count(void *self, const struct hm_tunnel_entry *entry,
                   struct hm_tunnel_count *ret_count)
{
	(void)self;
	(void)entry;
	memset(ret_count, 0xa5, sizeof *ret_count);
	return HM_PLUGIN_OK;
}

static const struct hm_tunnel_ops ops = {
	.size = offsetof(struct hm_tunnel_ops, prefix_put),
	.put = t_put,
	.del = t_del,
	.count = t_count, /* beyond the size: not there */
};

HM_PLUGIN_EXPORT const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_TUNNEL,
	.name = "t",
	.version = "0.1",
	.summary = "carries nothing, and is old",
	.open = t_open,
	.close = t_close,
	.tunnel = &ops,
};
