/* tunnel-tun: the data plane in user space, behind a TUN device. It needs nothing of the kernel but
 * TUN, packet sockets and policy routing, and works where tunnels, eBPF and Mobile IPv6 do not
 * exist. README.md says what it installs and how fast it is. */
#include "check.h"
#include "tun.h"

static const struct hm_plugin_option options[] = { HM_TUN_OPTIONS, { NULL, NULL, NULL } };

static void check(hm_plugin_report *report, void *arg)
{
	hm_tun_check("tunnel-tun", report, arg);
}

static void sweep(void *self)
{
	hm_tun_sweep_others(self);
	hm_tun_sweep_programs(self);
	hm_tun_sweep(self);
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops,
	.put = hm_tun_put,
	.del = hm_tun_del,
	.prefix_put = hm_tun_prefix_put,
	.prefix_del = hm_tun_prefix_del,
	.path_mtu = hm_tun_path_mtu,
	.count = hm_tun_count,
	.sweep = sweep,
	.stop = hm_tun_stop,
	.stat = hm_tun_stat,
	.detail = hm_tun_detail,
};

HM_PLUGIN_EXPORT extern const struct hm_plugin hm_plugin;
const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_TUNNEL,
	.name = "tun",
	.version = "1",
	.summary = "tunnels in user space through a TUN device; works on every kernel",
	.options = options,
	.open = hm_tun_open,
	.close = hm_tun_close,
	.check = check,
	.tunnel = &ops,
};
