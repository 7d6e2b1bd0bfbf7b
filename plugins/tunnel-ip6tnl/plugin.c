/* tunnel-ip6tnl: the kernel's own tunnels (module ip6_tunnel) carry the bindings of mobility
 * servers and home agents and the tunnels of a mobile host; the data plane of tunnel-tun has the
 * rest. README.md says what it installs. */
#include "tunnel-tun/check.h"
#include "device.h"
#include "fast.h"
#include "home.h"
#include "tick.h"
#include "tunnel-tun/net.h"
#include "tunnel-tun/tun.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define DEVICE HM_NET_KERNEL_DEVICE
#define CHECK_DEVICE "hmipk9"
#define LOOPBACK 1

static const struct hm_plugin_option options[] = {
	HM_TUN_OPTIONS,
	{ "bindings", "131072", "bindings that the kernel carries, at most" },
	{ NULL, NULL, NULL },
};

enum { OPT_MTU = 1, OPT_BINDINGS = HM_TUN_N_OPTIONS, OPTS };

struct ip6tnl {
	const struct hm_host_api *api;
	void *tun;
	unsigned long mtu; /* 0: auto */
	struct hm_net net; /* to look at links */
	struct hm_bound bound;
	struct hm_device6 device;
	struct hm_fast *fast;
	struct hm_home *home;
	struct hm_tick *tick;
	bool keep;
};

static void say(const struct ip6tnl *t, int level, const char *text)
{
	t->api->log(t->api->host, level, text);
}

/* --- what the kernel must have -------------------------------------------------------------- */

static const char *fix_of(int err, bool tunnel)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return "run with CAP_NET_ADMIN, CAP_BPF and the system call bpf";
	case -EBUSY:
		return "remove the other external ip6tnl device: the kernel has room for one";
	default:
		return tunnel ? "run `modprobe ip6_tunnel`, or build the kernel with "
		                "CONFIG_IPV6_TUNNEL, "
		                "CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF"
		              : "use Linux 6.0 or newer with CONFIG_BPF_SYSCALL";
	}
}

/* The key of a tunnel has a place for both addresses since 6.0. */
static bool is_new_enough(void)
{
	struct utsname u;
	unsigned major = 0;

	return uname(&u) == 0 && sscanf(u.release, "%u", &major) == 1 && major >= 6;
}

/* The device and its filters, once: nothing stays. */
static int try_device(const struct hm_bound *bound)
{
	struct hm_device6 device;
	int err = if_nametoindex(DEVICE) ? 0 : hm_device6_open(&device, CHECK_DEVICE, bound);

	if (!err && !if_nametoindex(DEVICE)) {
		err = hm_device6_remove(&device);
		hm_device6_close(&device);
	}
	return err;
}

static void check(hm_plugin_report *report, void *arg)
{
	struct hm_bound bound;
	int err = is_new_enough() ? hm_bound_open(&bound, 1, LOOPBACK) : -EOPNOTSUPP;

	hm_tun_check("tunnel-ip6tnl", report, arg);
	report(arg, "tunnel-ip6tnl: eBPF, to check who sends through the reverse tunnel",
	       err ? fix_of(err, false) : NULL);
	if (err) {
		report(arg, "tunnel-ip6tnl: kernel module ip6_tunnel",
		       if_nametoindex("ip6tnl0") ? NULL : fix_of(-EOPNOTSUPP, true));
		return;
	}
	err = try_device(&bound);
	report(arg, "tunnel-ip6tnl: kernel module ip6_tunnel", err ? fix_of(err, true) : NULL);
	hm_bound_close(&bound);
}

/* --- opening and closing -------------------------------------------------------------------- */

static int missing(const struct ip6tnl *t, const char *what, int err, bool tunnel)
{
	char text[320];

	(void)snprintf(text, sizeof text, "missing %s error=\"%s\" fix=\"%s\"", what,
	               strerror(-err), fix_of(err, tunnel));
	say(t, HM_PLUGIN_ERROR, text);
	return err == -ENOMEM ? HM_PLUGIN_ENOMEM : HM_PLUGIN_EMISSING;
}

static int read_options(struct ip6tnl *t, const struct hm_plugin_open *how, uint32_t *ret_bindings)
{
	unsigned long bindings;
	char *end;

	if (how->n_options < OPTS)
		return HM_PLUGIN_ECONFIG;
	bindings = strtoul(how->options[OPT_BINDINGS], &end, 10);
	if (*end != '\0' || bindings < 1 || bindings > 1u << 22) {
		say(t, HM_PLUGIN_ERROR, "refused option=bindings reason=\"not 1 to 4194304\"");
		return HM_PLUGIN_ECONFIG;
	}
	*ret_bindings = (uint32_t)bindings;
	t->mtu = strtoul(how->options[OPT_MTU], NULL, 10); /* tunnel-tun has checked it */
	return HM_PLUGIN_OK;
}

static void adjust_mtu(struct ip6tnl *t)
{
	if (hm_device6_mtu(&t->device, hm_home_mtu(t->home)) != 0)
		say(t, HM_PLUGIN_WARNING, "failed to set mtu device=" DEVICE);
}

static void on_tick(void *arg)
{
	const struct ip6tnl *t = arg;

	hm_home_tick(t->home);
	hm_fast_tick(t->fast);
}

static int open_kernel(struct ip6tnl *t, uint32_t bindings)
{
	const struct hm_fast_how fast = { .api = t->api, .tun = t->tun, .bound = &t->bound };
	struct hm_home_how home = { .api = t->api,
		                    .tun = t->tun,
		                    .device = &t->device,
		                    .net = &t->net,
		                    .bound = &t->bound,
		                    .mtu = (uint32_t)t->mtu };
	int err = is_new_enough() ? hm_bound_open(&t->bound, bindings, hm_tun_ifindex(t->tun))
	                          : -EOPNOTSUPP;

	if (err)
		return missing(t, "eBPF", err, false);
	err = hm_device6_open(&t->device, DEVICE, &t->bound);
	if (err)
		return missing(t, "kernel module ip6_tunnel", err, true);
	if (hm_net_open(&t->net, DEVICE) != 0)
		return HM_PLUGIN_EIO;
	t->home = hm_home_open(&home);
	if (!t->home)
		return HM_PLUGIN_ENOMEM;
	adjust_mtu(t);
	hm_tun_lead(t->tun, t->device.ifindex);
	t->fast = hm_fast_open(&fast);
	t->tick = t->fast ? hm_tick_start(on_tick, t) : NULL;
	return t->tick ? HM_PLUGIN_OK : HM_PLUGIN_ENOMEM;
}

static void ip6tnl_close(void *self)
{
	struct ip6tnl *t = self;

	hm_tick_stop(t->tick);
	hm_fast_close(t->fast);
	if (t->home && !t->keep)
		hm_home_remove(t->home);
	hm_home_close(t->home);
	if (t->device.sock && !t->keep)
		(void)hm_device6_remove(&t->device);
	if (t->device.sock)
		hm_device6_close(&t->device);
	if (t->net.sock)
		hm_net_close(&t->net);
	hm_bound_close(&t->bound);
	if (t->tun)
		hm_tun_close(t->tun);
	free(t);
}

static int ip6tnl_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct ip6tnl *t = calloc(1, sizeof *t);
	uint32_t bindings = 0;
	int err;

	if (!t)
		return HM_PLUGIN_ENOMEM;
	t->api = how->api;
	t->bound = hm_bound_none;
	err = read_options(t, how, &bindings);
	err = err ? err : hm_tun_open(how, &t->tun);
	err = err ? err : open_kernel(t, bindings);
	if (err) {
		ip6tnl_close(t);
		return err;
	}
	say(t, HM_PLUGIN_INFO, "opened device=" DEVICE);
	*ret_self = t;
	return HM_PLUGIN_OK;
}

/* --- operations ----------------------------------------------------------------------------- */

static int ip6tnl_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct ip6tnl *t = self;

	if (e->kind != HM_TUNNEL_ENCAP)
		return hm_home_put(t->home, ticket, e);
	return hm_fast_put(t->fast, ticket, e);
}

static int ip6tnl_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct ip6tnl *t = self;

	if (e->kind != HM_TUNNEL_ENCAP)
		return hm_home_del(t->home, ticket, e);
	return hm_fast_del(t->fast, ticket, e);
}

static int ip6tnl_prefix_put(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct ip6tnl *t = self;

	adjust_mtu(t);
	hm_fast_prefix(t->fast, prefix, true);
	return hm_tun_prefix_put(t->tun, prefix);
}

static int ip6tnl_prefix_del(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct ip6tnl *t = self;
	int err = hm_tun_prefix_del(t->tun, prefix);

	hm_fast_prefix(t->fast, prefix, false);
	return err;
}

static void ip6tnl_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct ip6tnl *t = self;

	hm_tun_path_mtu(t->tun, remote, mtu);
	hm_fast_path_mtu(t->fast, remote, mtu);
	hm_home_path_mtu(t->home, remote, mtu);
}

static int ip6tnl_count(void *self, const struct hm_tunnel_entry *e,
                        struct hm_tunnel_count *ret_count)
{
	struct ip6tnl *t = self;

	if (e->kind != HM_TUNNEL_ENCAP)
		return hm_home_count(t->home, e, ret_count);
	return hm_fast_count(t->fast, e, ret_count);
}

static void ip6tnl_sweep(void *self)
{
	struct ip6tnl *t = self;

	if (hm_device6_alone(&t->device) != 0)
		say(t, HM_PLUGIN_WARNING, "failed to sweep device=" DEVICE);
	hm_tun_sweep_programs(t->tun);
	hm_tun_sweep(t->tun);
	hm_home_sweep(t->home);
}

static void ip6tnl_stop(void *self, int keep)
{
	struct ip6tnl *t = self;

	t->keep = keep != 0;
	hm_tun_stop(t->tun, keep);
}

static bool ip6tnl_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	struct ip6tnl *t = self;
	unsigned n = 0;

	while (hm_tun_stat(t->tun, n, ret_name, ret_value)) {
		if (n++ != index)
			continue;
		*ret_value += hm_home_more(t->home, *ret_name);
		return true;
	}
	index -= n;
	if (hm_fast_stat(t->fast, index, ret_name, ret_value))
		return true;
	return hm_home_stat(t->home, index - hm_fast_stats(), ret_name, ret_value);
}

static bool ip6tnl_detail(void *self, unsigned index, const char **ret_name, char *ret_text,
                          size_t len)
{
	struct ip6tnl *t = self;

	return hm_tun_detail(t->tun, index, ret_name, ret_text, len);
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops,
	.put = ip6tnl_put,
	.del = ip6tnl_del,
	.prefix_put = ip6tnl_prefix_put,
	.prefix_del = ip6tnl_prefix_del,
	.path_mtu = ip6tnl_path_mtu,
	.count = ip6tnl_count,
	.sweep = ip6tnl_sweep,
	.stop = ip6tnl_stop,
	.stat = ip6tnl_stat,
	.detail = ip6tnl_detail,
};

HM_PLUGIN_EXPORT extern const struct hm_plugin hm_plugin;
const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_TUNNEL,
	.name = "ip6tnl",
	.version = "1",
	.summary = "the kernel's tunnels (module ip6_tunnel), one device for all bindings",
	.options = options,
	.open = ip6tnl_open,
	.close = ip6tnl_close,
	.check = check,
	.tunnel = &ops,
};
