/* tunnel-tun: the data plane in user space, behind a TUN device. It needs nothing of the kernel but
 * TUN, packet sockets and policy routing, and works where tunnels, eBPF and Mobile IPv6 do not
 * exist. README.md says what it installs and how fast it is. */
#include "hmipd-plugin.h"

#include "check.h"
#include "kernel.h"
#include "worker.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OWN_MAX 64u

struct tun {
	const struct hm_host_api *api;
	char name[IFNAMSIZ];
	uint32_t mark;
	uint32_t mtu_wanted; /* 0: auto */
	uint32_t mtu, queue;
	bool told_narrow;
	unsigned batch;
	uint32_t n_own, own_hops, n_peer; /* for the MTU */
	bool keep;
	pthread_mutex_t lock; /* around path; this thread reads it without */
	struct hm_path *path;
	struct hm_kernel kernel;
	struct hm_device device;
	struct hm_worker *worker;
};

enum { OPT_DEVICE, OPT_MTU, OPT_QUEUE, OPT_BATCH, OPTIONS };

static const struct hm_plugin_option options[] = {
	[OPT_DEVICE] = { "device", "hmip0", "name of the TUN device, hmip*" },
	[OPT_MTU] = { "mtu", "auto",
	              "its MTU; auto: that of the narrowest link, less the tunnels" },
	[OPT_QUEUE] = { "queue", "500", "packets that may wait for the plugin (txqueuelen)" },
	[OPT_BATCH] = { "batch", "64", "packets handled at a time, 1 to 256" },
	{ NULL, NULL, NULL },
};

__attribute__((format(printf, 3, 4))) static void say(const struct tun *t, int level,
                                                      const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	t->api->log(t->api->host, level, text);
}

static int result_of(int err)
{
	switch (err) {
	case 0:
		return HM_PLUGIN_OK;
	case -ENOMEM:
		return HM_PLUGIN_ENOMEM;
	case -EPERM:
		return HM_PLUGIN_EPERM;
	default:
		return HM_PLUGIN_EIO;
	}
}

static bool parse_number(const char *text, unsigned long low, unsigned long high,
                         unsigned long *ret_value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || v < low || v > high)
		return false;
	*ret_value = v;
	return true;
}

static int read_options(struct tun *t, const struct hm_plugin_open *how)
{
	const char *const *o = how->options;
	unsigned long mtu = 0, queue, batch;

	if (how->n_options < OPTIONS)
		return HM_PLUGIN_ECONFIG;
	if (strlen(o[OPT_DEVICE]) >= IFNAMSIZ || strncmp(o[OPT_DEVICE], "hmip", 4) != 0) {
		say(t, HM_PLUGIN_ERROR, "refused option=device value=%.40s reason=\"not hmip*\"",
		    o[OPT_DEVICE]);
		return HM_PLUGIN_ECONFIG;
	}
	snprintf(t->name, sizeof t->name, "%s", o[OPT_DEVICE]);
	if ((strcmp(o[OPT_MTU], "auto") != 0 &&
	     !parse_number(o[OPT_MTU], HM_IP6_MTU_MIN, 65535, &mtu)) ||
	    !parse_number(o[OPT_QUEUE], 16, 65536, &queue) ||
	    !parse_number(o[OPT_BATCH], 1, HM_BATCH_MAX, &batch)) {
		say(t, HM_PLUGIN_ERROR,
		    "refused options mtu=%.20s queue=%.20s batch=%.20s reason=\"out of range\"",
		    o[OPT_MTU], o[OPT_QUEUE], o[OPT_BATCH]);
		return HM_PLUGIN_ECONFIG;
	}
	t->mtu_wanted = (uint32_t)mtu;
	t->queue = (uint32_t)queue;
	t->batch = (unsigned)batch;
	return HM_PLUGIN_OK;
}

/* What the deepest tunnel in use puts around a packet. */
static uint32_t overhead(const struct tun *t)
{
	uint32_t most = HM_IP6_LEN;

	for (uint32_t i = 0; i < t->path->n_home; i++) {
		uint32_t n = HM_IP6_LEN * t->path->homes[i]->entry->n_hops;

		n += t->n_peer > 0 ? HM_ROUTE_OPT_LEN : 0;
		most = n > most ? n : most;
	}
	if (t->n_own > 0 && HM_IP6_LEN * t->own_hops + 2 * HM_ROUTE_OPT_LEN > most)
		most = HM_IP6_LEN * t->own_hops + 2 * HM_ROUTE_OPT_LEN;
	return most;
}

static uint32_t wanted_mtu(struct tun *t)
{
	uint32_t mtu = t->mtu_wanted, around = overhead(t);

	if (mtu == 0) {
		mtu = hm_net_least_mtu(&t->kernel.net);
		mtu = mtu > around ? mtu - around : 0;
	}
	if (mtu > 65535)
		mtu = 65535;
	if (mtu >= HM_IP6_MTU_MIN)
		return mtu;
	if (!t->told_narrow)
		say(t, HM_PLUGIN_WARNING,
		    "found a link too narrow for tunnels device=%s room=%" PRIu32
		    " least=%d fix=\"use "
		    "links of mtu %" PRIu32 "\"",
		    t->name, mtu, HM_IP6_MTU_MIN, HM_IP6_MTU_MIN + around);
	t->told_narrow = true;
	return HM_IP6_MTU_MIN;
}

static void adjust_mtu(struct tun *t)
{
	uint32_t mtu = wanted_mtu(t);
	int err = mtu == t->mtu ? 0 : hm_net_mtu(&t->kernel.net, mtu);

	if (err)
		say(t, HM_PLUGIN_WARNING,
		    "failed to set mtu device=%s mtu=%" PRIu32 " error=\"%s\"", t->name, mtu,
		    strerror(-err));
	else
		t->mtu = mtu;
}

static int open_path(struct tun *t)
{
	uint64_t seed[5];

	t->path = calloc(1, sizeof *t->path);
	if (!t->path)
		return HM_PLUGIN_ENOMEM;
	t->api->random(t->api->host, seed, sizeof seed);
	t->path->now_ms = t->api->now_ms(t->api->host);
	return hm_table_init(&t->path->table, seed) ? HM_PLUGIN_OK : HM_PLUGIN_ENOMEM;
}

static int open_device(struct tun *t)
{
	char why[200];
	int err = hm_device_open(&t->device, t->name, t->mark, why, sizeof why);

	if (err) {
		say(t, HM_PLUGIN_ERROR, "%s device=%s plugin=tunnel-tun", why, t->name);
		return err;
	}
	err = hm_net_open(&t->kernel.net, t->name);
	if (!err) {
		t->mtu = wanted_mtu(t);
		err = hm_net_link(&t->kernel.net, t->mtu, t->queue);
	}
	if (err)
		say(t, HM_PLUGIN_ERROR, "failed to set up device=%s error=\"%s\"", t->name,
		    strerror(-err));
	return result_of(err);
}

static int start_worker(struct tun *t)
{
	const struct hm_worker_how how = { .path = t->path,
		                           .lock = &t->lock,
		                           .device = &t->device,
		                           .api = t->api,
		                           .mark = t->mark,
		                           .batch = t->batch };

	t->worker = hm_worker_start(&how);
	if (t->worker)
		return HM_PLUGIN_OK;
	say(t, HM_PLUGIN_ERROR, "failed to start a thread plugin=tunnel-tun");
	return HM_PLUGIN_ENOMEM;
}

static void tun_close(void *self)
{
	struct tun *t = self;

	hm_worker_stop(t->worker);
	hm_net_close(&t->kernel.net);
	hm_device_close(&t->device, t->keep);
	if (t->path)
		hm_table_finish(&t->path->table);
	free(t->path);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static int tun_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct tun *t = calloc(1, sizeof *t);
	int err;

	if (!t)
		return HM_PLUGIN_ENOMEM;
	t->api = how->api;
	t->mark = how->mark;
	t->device = (struct hm_device){ .tun = -1, .capture = -1, .raw = -1, .silence = -1 };
	pthread_mutex_init(&t->lock, NULL);
	err = read_options(t, how);
	if (!err)
		err = open_path(t);
	t->kernel.path = t->path;
	t->kernel.mark = t->mark;
	if (!err)
		err = open_device(t);
	if (!err)
		err = start_worker(t);
	if (err) {
		tun_close(t);
		return err;
	}
	say(t, HM_PLUGIN_INFO, "opened device=%s mtu=%" PRIu32 " queue=%" PRIu32 " batch=%u",
	    t->name, t->mtu, t->queue, t->batch);
	*ret_self = t;
	return HM_PLUGIN_OK;
}

/* The addresses at which a correspondent may be reached, when an entry does not say. */
static void learn_own(struct tun *t, struct hm_entry_change *change)
{
	struct hm_addr own[OWN_MAX];
	struct ifaddrs *list, *i;
	unsigned n = 0;

	if (getifaddrs(&list) != 0)
		return;
	for (i = list; i && n < OWN_MAX; i = i->ifa_next) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(void *)i->ifa_addr;

		if (!sin6 || sin6->sin6_family != AF_INET6)
			continue;
		memcpy(own[n].b, &sin6->sin6_addr, sizeof own[n].b);
		if (hm_addr_is_global(&own[n]))
			n++;
	}
	freeifaddrs(list);
	pthread_mutex_lock(&t->lock);
	hm_entries_own(t->path, own, n, change);
	pthread_mutex_unlock(&t->lock);
}

/* What the MTU depends on besides the home addresses. */
static void count_kind(struct tun *t, const struct hm_tunnel_entry *e, int by)
{
	if (e->kind == HM_TUNNEL_PEER)
		t->n_peer += (uint32_t)by;
	if (e->kind != HM_TUNNEL_OWN)
		return;
	t->n_own += (uint32_t)by;
	if (t->n_own == 0)
		t->own_hops = 0;
}

static int follow(struct tun *t, const struct hm_tunnel_entry *e,
                  const struct hm_entry_change *change)
{
	static const struct hm_addr none;
	struct hm_addr src;
	int err = 0, now = 0;

	memcpy(src.b, e->local, sizeof src.b);
	if (change->points)
		err = hm_device_filter(&t->device, t->path->points, t->path->n_points) ? -EIO : 0;
	if (change->attract)
		now = hm_kernel_attract(&t->kernel, &change->match,
		                        e->kind == HM_TUNNEL_PEER ? &src : &none, true);
	else if (change->detract)
		now = hm_kernel_attract(&t->kernel, &change->match, &none, false);
	err = err ? err : now;
	now = change->home ? hm_kernel_sync(&t->kernel) : 0;
	if (change->home || e->kind == HM_TUNNEL_OWN)
		adjust_mtu(t);
	return err ? err : now;
}

static void take_out(struct tun *t, const struct hm_tunnel_entry *e)
{
	struct hm_entry_change change;
	bool was;

	pthread_mutex_lock(&t->lock);
	was = hm_entries_find(t->path, e) != NULL;
	hm_entries_del(t->path, e, &change);
	pthread_mutex_unlock(&t->lock);
	if (!was)
		return;
	count_kind(t, e, -1);
	if (follow(t, e, &change) != 0)
		say(t, HM_PLUGIN_WARNING, "left something behind device=%s kind=%" PRIu32, t->name,
		    e->kind);
}

static int tun_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	static const uint8_t none[16];
	struct tun *t = self;
	struct hm_entry_change change = { 0 };
	bool was;
	int err;

	(void)ticket;
	pthread_mutex_lock(&t->lock);
	was = hm_entries_find(t->path, e) != NULL;
	err = hm_entries_put(t->path, e, &change);
	pthread_mutex_unlock(&t->lock);
	if (err)
		return err;
	if (!was)
		count_kind(t, e, 1);
	if (e->kind == HM_TUNNEL_OWN && e->n_hops > t->own_hops)
		t->own_hops = e->n_hops;
	if (e->kind == HM_TUNNEL_PEER && memcmp(e->local, none, 16) == 0)
		learn_own(t, &change);
	err = follow(t, e, &change);
	if (err) {
		say(t, HM_PLUGIN_WARNING, "failed to install kind=%" PRIu32 " error=\"%s\"",
		    e->kind, strerror(-err));
		if (!was)
			take_out(t, e);
	}
	return result_of(err);
}

static int tun_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	(void)ticket;
	take_out(self, e);
	return HM_PLUGIN_OK;
}

static int tun_prefix_put(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct tun *t = self;
	int err;

	pthread_mutex_lock(&t->lock);
	err = hm_prefixes_put(t->path, prefix);
	pthread_mutex_unlock(&t->lock);
	if (err)
		return err;
	adjust_mtu(t);
	return result_of(hm_kernel_prefix(&t->kernel, prefix, true));
}

static int tun_prefix_del(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct tun *t = self;
	bool was;

	pthread_mutex_lock(&t->lock);
	was = hm_prefixes_del(t->path, prefix);
	pthread_mutex_unlock(&t->lock);
	return was ? result_of(hm_kernel_prefix(&t->kernel, prefix, false)) : HM_PLUGIN_OK;
}

static void tun_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct tun *t = self;
	struct hm_addr to;

	memcpy(to.b, remote, sizeof to.b);
	pthread_mutex_lock(&t->lock);
	t->path->now_ms = t->api->now_ms(t->api->host);
	hm_path_set_mtu(t->path, &to, mtu);
	pthread_mutex_unlock(&t->lock);
}

static int tun_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *ret_count)
{
	struct tun *t = self;
	const struct hm_item *item;
	int err = HM_PLUGIN_ENOTFOUND;

	pthread_mutex_lock(&t->lock);
	item = hm_entries_find(t->path, e);
	if (item) {
		*ret_count = item->count;
		err = HM_PLUGIN_OK;
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

static void tun_sweep(void *self)
{
	struct tun *t = self;
	int err = hm_kernel_sweep(&t->kernel);

	if (err)
		say(t, HM_PLUGIN_WARNING, "failed to sweep device=%s error=\"%s\"", t->name,
		    strerror(-err));
}

static void tun_stop(void *self, int keep)
{
	struct tun *t = self;

	t->keep = keep != 0;
	if (!t->keep)
		hm_kernel_flush(&t->kernel);
}

static bool tun_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define HM_STAT_NAME(name, text) [name] = (text),
		HM_TUN_STATS(HM_STAT_NAME)
#undef HM_STAT_NAME
	};
	struct tun *t = self;

	if (index >= HM_TUN_STATS_END)
		return false;
	pthread_mutex_lock(&t->lock);
	*ret_value = t->path->stats[index];
	pthread_mutex_unlock(&t->lock);
	*ret_name = names[index];
	return true;
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops,
	.put = tun_put,
	.del = tun_del,
	.prefix_put = tun_prefix_put,
	.prefix_del = tun_prefix_del,
	.path_mtu = tun_path_mtu,
	.count = tun_count,
	.sweep = tun_sweep,
	.stop = tun_stop,
	.stat = tun_stat,
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
	.open = tun_open,
	.close = tun_close,
	.check = hm_tun_check,
	.tunnel = &ops,
};
