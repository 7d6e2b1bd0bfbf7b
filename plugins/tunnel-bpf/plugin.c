/* tunnel-bpf: the data plane in the kernel, by programs on its interfaces (XDP, tc). It puts them
 * in front of the data plane of tunnel-tun, which serves what they let pass: packets without a
 * known next hop, too big, in fragments, with headers they do not know. So a program never needs to
 * be complete, only right about what it takes. README.md says what is installed and how fast it is.
 */
#include "check.h"
#include "options.h"
#include "part.h"
#include "tunnel-tun/check.h"

#include <pthread.h>
#include <stdlib.h>

static const struct hm_part *const parts[] = { &hm_part_host, &hm_part_site };

#define PARTS (sizeof parts / sizeof parts[0])

struct bpf {
	struct hm_part_how how;
	void *tun;
	struct hm_monitor *monitor;
	pthread_mutex_t lock; /* around every call of a part */
	void *selves[PARTS];
	bool keep;
};

static const struct hm_plugin_option options[] = {
	HM_TUN_OPTIONS,
	[HM_BPF_OPT_PATH] = { "path", "auto",
	                      "auto, tc or xdp: which program serves an interface" },
	[HM_BPF_OPT_BINDINGS] = { "bindings", "1000000", "room in the kernel's table" },
	[HM_BPF_OPTS] = { NULL, NULL, NULL },
};

#define EACH_PART(i) for (size_t i = 0; i < PARTS; i++)

static void on_link(void *arg, const struct hm_monitor_link *link)
{
	struct bpf *b = arg;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->link(b->selves[i], link);
	pthread_mutex_unlock(&b->lock);
}

static void on_gone(void *arg, uint32_t ifindex)
{
	struct bpf *b = arg;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->gone(b->selves[i], ifindex);
	pthread_mutex_unlock(&b->lock);
}

static void on_changed(void *arg)
{
	struct bpf *b = arg;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i)
	if (parts[i]->changed)
		parts[i]->changed(b->selves[i]);
	pthread_mutex_unlock(&b->lock);
}

static void on_left(void *arg, const uint8_t lladdr[6])
{
	struct bpf *b = arg;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i)
	if (parts[i]->left)
		parts[i]->left(b->selves[i], lladdr);
	pthread_mutex_unlock(&b->lock);
}

static void on_tick(void *arg)
{
	struct bpf *b = arg;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->tick(b->selves[i], b->monitor);
	pthread_mutex_unlock(&b->lock);
}

static void bpf_close(void *self)
{
	struct bpf *b = self;

	hm_monitor_stop(b->monitor);
	EACH_PART(i)
	if (b->selves[i])
		parts[i]->close(b->selves[i], b->keep);
	if (b->tun)
		hm_tun_close(b->tun);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static int open_parts(struct bpf *b)
{
	EACH_PART(i)
	{
		int err = parts[i]->open(&b->how, &b->selves[i]);

		if (err)
			return err;
	}
	return HM_PLUGIN_OK;
}

static int start_monitor(struct bpf *b)
{
	const struct hm_monitor_calls calls = { .link = on_link,
		                                .gone = on_gone,
		                                .changed = on_changed,
		                                .left = on_left,
		                                .tick = on_tick,
		                                .arg = b };

	b->monitor = hm_monitor_start(&calls);
	if (b->monitor)
		return HM_PLUGIN_OK;
	b->how.api->log(b->how.api->host, HM_PLUGIN_ERROR, "failed to watch interfaces");
	return HM_PLUGIN_EIO;
}

static int bpf_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct bpf *b;
	int err;

	if (how->n_options < HM_BPF_OPTS)
		return HM_PLUGIN_ECONFIG;
	b = calloc(1, sizeof *b);
	if (!b)
		return HM_PLUGIN_ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	b->how = (struct hm_part_how){ .api = how->api,
		                       .options = how->options,
		                       .state_dir = how->state_dir,
		                       .mark = how->mark };
	err = hm_tun_open(how, &b->tun);
	if (!err) {
		b->how.tun_ifindex = (uint32_t)hm_tun_ifindex(b->tun);
		if (!if_indextoname(b->how.tun_ifindex, b->how.tun_name))
			err = HM_PLUGIN_EIO;
	}
	err = err ? err : open_parts(b);
	err = err ? err : start_monitor(b);
	if (err) {
		bpf_close(b);
		return err;
	}
	*ret_self = b;
	return HM_PLUGIN_OK;
}

static int bpf_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct bpf *b = self;
	int err;

	hm_tun_expect(b->tun, e);
	EACH_PART(i)
	if (parts[i]->expect)
		parts[i]->expect(b->selves[i], e);
	err = hm_tun_put(b->tun, ticket, e);
	if (err)
		return err;
	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->put(b->selves[i], e);
	pthread_mutex_unlock(&b->lock);
	return HM_PLUGIN_OK;
}

static int bpf_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct bpf *b = self;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->del(b->selves[i], e);
	pthread_mutex_unlock(&b->lock);
	return hm_tun_del(b->tun, ticket, e);
}

static int bpf_prefix_put(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct bpf *b = self;
	int err = hm_tun_prefix_put(b->tun, prefix);

	if (err)
		return err;
	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->prefix_put(b->selves[i], prefix);
	pthread_mutex_unlock(&b->lock);
	return HM_PLUGIN_OK;
}

static int bpf_prefix_del(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct bpf *b = self;

	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->prefix_del(b->selves[i], prefix);
	pthread_mutex_unlock(&b->lock);
	return hm_tun_prefix_del(b->tun, prefix);
}

static void bpf_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct bpf *b = self;

	hm_tun_path_mtu(b->tun, remote, mtu);
	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->path_mtu(b->selves[i], remote, mtu);
	pthread_mutex_unlock(&b->lock);
}

static int bpf_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *ret_count)
{
	struct bpf *b = self;
	int err = hm_tun_count(b->tun, e, ret_count);

	if (err)
		return err;
	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->count(b->selves[i], e, ret_count);
	pthread_mutex_unlock(&b->lock);
	return HM_PLUGIN_OK;
}

static void bpf_sweep(void *self)
{
	struct bpf *b = self;

	hm_tun_sweep_others(b->tun);
	hm_tun_sweep(b->tun);
	pthread_mutex_lock(&b->lock);
	EACH_PART(i) parts[i]->sweep(b->selves[i]);
	pthread_mutex_unlock(&b->lock);
}

static void bpf_stop(void *self, int keep)
{
	struct bpf *b = self;

	b->keep = keep != 0;
	hm_tun_stop(b->tun, keep);
}

/* What of each part comes after what of the one before. */
static bool bpf_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	struct bpf *b = self;
	unsigned of_tun = 0, at;
	bool found = false;

	while (hm_tun_stat(b->tun, of_tun, ret_name, ret_value)) {
		if (of_tun++ == index)
			return true;
	}
	at = index - of_tun;
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < PARTS && !found; i++) {
		unsigned n = 0;

		while (!found && parts[i]->stat(b->selves[i], n, ret_name, ret_value))
			found = n++ == at;
		at -= n;
	}
	pthread_mutex_unlock(&b->lock);
	return found;
}

static bool bpf_detail(void *self, unsigned index, const char **ret_name, char *ret_text,
                       size_t len)
{
	struct bpf *b = self;
	bool found = false;

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < PARTS && !found; i++) {
		unsigned n = 0;

		while (!found && parts[i]->detail(b->selves[i], n, ret_name, ret_text, len))
			found = n++ == index;
		index -= n;
	}
	pthread_mutex_unlock(&b->lock);
	return found;
}

static void check(hm_plugin_report *report, void *arg)
{
	hm_tun_check("tunnel-bpf", report, arg);
	hm_bpf_check(report, arg);
}

static const struct hm_tunnel_ops ops = {
	.size = sizeof ops,
	.put = bpf_put,
	.del = bpf_del,
	.prefix_put = bpf_prefix_put,
	.prefix_del = bpf_prefix_del,
	.path_mtu = bpf_path_mtu,
	.count = bpf_count,
	.sweep = bpf_sweep,
	.stop = bpf_stop,
	.stat = bpf_stat,
	.detail = bpf_detail,
};

HM_PLUGIN_EXPORT extern const struct hm_plugin hm_plugin;
const struct hm_plugin hm_plugin = {
	.magic = HM_PLUGIN_MAGIC,
	.abi = HM_PLUGIN_ABI,
	.size = sizeof hm_plugin,
	.kind = HM_PLUGIN_TUNNEL,
	.name = "bpf",
	.version = "1",
	.summary = "tunnels in the kernel by programs on its interfaces (XDP, tc)",
	.options = options,
	.open = bpf_open,
	.close = bpf_close,
	.check = check,
	.tunnel = &ops,
};
