#include "tun.h"

#include "programs.h"
#include "tun_int.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OWN_MAX 64u

enum { OPT_DEVICE, OPT_MTU, OPT_QUEUE, OPT_BATCH };

__attribute__((format(printf, 3, 4))) static void say(const struct hm_tun *t, int level,
                                                      const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	t->api->log(t->api->host, level, text);
}

int hm_tun_result(int err)
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

static int read_options(struct hm_tun *t, const struct hm_plugin_open *how)
{
	const char *const *o = how->options;
	unsigned long mtu = 0, queue, batch;

	if (how->n_options < HM_TUN_N_OPTIONS)
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
static uint32_t overhead(const struct hm_tun *t)
{
	uint32_t most = HM_IP6_LEN;

	for (uint32_t i = 0; i < t->path->n_home; i++) {
		uint32_t n = HM_IP6_LEN * t->path->homes[i]->entry->n_hops;

		n += t->n_peer > 0 ? HM_RO_LEN : 0;
		most = n > most ? n : most;
	}
	if (t->n_own > 0 && HM_IP6_LEN * t->own_hops + 2 * HM_RO_LEN > most)
		most = HM_IP6_LEN * t->own_hops + 2 * HM_RO_LEN;
	return most;
}

static uint32_t wanted_mtu(struct hm_tun *t)
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
		say(t, HM_PLUGIN_INFO,
		    "found a narrow link, some tunnel packets go in fragments device=%s "
		    "mtu=%" PRIu32 " whole=%" PRIu32,
		    t->name, mtu + around, HM_IP6_MTU_MIN + around);
	t->told_narrow = true;
	return HM_IP6_MTU_MIN;
}

static void adjust_mtu(struct hm_tun *t)
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

static int open_path(struct hm_tun *t)
{
	uint64_t seed[5];

	t->path = calloc(1, sizeof *t->path);
	if (!t->path)
		return HM_PLUGIN_ENOMEM;
	t->api->random(t->api->host, seed, sizeof seed);
	t->path->now_ms = t->api->now_ms(t->api->host);
	return hm_table_init(&t->path->table, seed) ? HM_PLUGIN_OK : HM_PLUGIN_ENOMEM;
}

static int open_device(struct hm_tun *t)
{
	char why[200];
	int err = hm_device_open(&t->device, t->name, t->mark, why, sizeof why);

	if (err) {
		say(t, HM_PLUGIN_ERROR, "%s device=%s", why, t->name);
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
	return hm_tun_result(err);
}

static int start_worker(struct hm_tun *t)
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
	say(t, HM_PLUGIN_ERROR, "failed to start a thread");
	return HM_PLUGIN_ENOMEM;
}

void hm_tun_close(void *self)
{
	struct hm_tun *t = self;

	hm_worker_stop(t->worker);
	hm_net_close(&t->kernel.net);
	hm_device_close(&t->device, t->keep);
	if (t->path)
		hm_table_finish(&t->path->table);
	free(t->path);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static bool accepts_rh0(const struct hm_plugin_open *how)
{
	return how->size >= offsetof(struct hm_plugin_open, flags) + sizeof how->flags &&
	       (how->flags & HM_PLUGIN_ACCEPT_RH0) != 0;
}

int hm_tun_open(const struct hm_plugin_open *how, void **ret_self)
{
	struct hm_tun *t = calloc(1, sizeof *t);
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
		t->path->accept_rh0 = accepts_rh0(how);
	if (!err)
		err = open_device(t);
	if (!err)
		err = start_worker(t);
	if (err) {
		hm_tun_close(t);
		return err;
	}
	say(t, HM_PLUGIN_INFO, "opened device=%s mtu=%" PRIu32 " queue=%" PRIu32 " batch=%u",
	    t->name, t->mtu, t->queue, t->batch);
	*ret_self = t;
	return HM_PLUGIN_OK;
}

/* The addresses at which a correspondent may be reached, when an entry does not say. */
static void learn_own(struct hm_tun *t, struct hm_entry_change *change)
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
static void count_kind(struct hm_tun *t, const struct hm_tunnel_entry *e, int by)
{
	if (e->kind == HM_TUNNEL_PEER)
		t->n_peer += (uint32_t)by;
	if (e->kind == HM_TUNNEL_ENCAP)
		t->n_encap += (uint32_t)by;
	if (e->kind != HM_TUNNEL_OWN)
		return;
	t->n_own += (uint32_t)by;
	if (t->n_own == 0)
		t->own_hops = 0;
}

static int follow(struct hm_tun *t, const struct hm_tunnel_entry *e,
                  const struct hm_entry_change *change)
{
	static const struct hm_addr none;
	const struct hm_addr src = hm_addr_of(e->local);
	int err = 0, now = 0;

	if (change->points || t->path->carried.any)
		err = hm_tun_listen(t);
	err = err ? err : hm_tun_beside(t, e);
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

static void take_out(struct hm_tun *t, const struct hm_tunnel_entry *e)
{
	struct hm_entry_change change;
	bool was;

	pthread_mutex_lock(&t->lock);
	was = hm_entries_del(t->path, e, &change);
	pthread_mutex_unlock(&t->lock);
	if (!was)
		return;
	count_kind(t, e, -1);
	if (follow(t, e, &change) != 0)
		say(t, HM_PLUGIN_WARNING, "left something behind device=%s kind=%" PRIu32, t->name,
		    e->kind);
}

void hm_tun_expect(const void *self, const struct hm_tunnel_entry *e)
{
	const struct hm_tun *t = self;
	const struct hm_addr match = hm_addr_of(e->match);

	if (e->kind == HM_TUNNEL_ENCAP)
		hm_table_expect(&t->path->table, HM_ITEM_ENCAP, &match);
}

int hm_tun_put(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	static const uint8_t none[16];
	struct hm_tun *t = self;
	struct hm_entry_change change = { 0 };
	int err;

	(void)ticket;
	pthread_mutex_lock(&t->lock);
	t->path->now_ms = t->api->now_ms(t->api->host);
	err = hm_entries_put(t->path, e, &change);
	pthread_mutex_unlock(&t->lock);
	if (err)
		return err;
	if (change.is_new)
		count_kind(t, e, 1);
	if (e->kind == HM_TUNNEL_OWN && e->n_hops > t->own_hops)
		t->own_hops = e->n_hops;
	if (e->kind == HM_TUNNEL_PEER && memcmp(e->local, none, 16) == 0)
		learn_own(t, &change);
	err = follow(t, e, &change);
	if (err) {
		say(t, HM_PLUGIN_WARNING, "failed to install kind=%" PRIu32 " error=\"%s\"",
		    e->kind, strerror(-err));
		if (change.is_new)
			take_out(t, e);
	}
	return hm_tun_result(err);
}

int hm_tun_del(void *self, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	(void)ticket;
	take_out(self, e);
	return HM_PLUGIN_OK;
}

int hm_tun_prefix_put(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct hm_tun *t = self;
	int err;

	pthread_mutex_lock(&t->lock);
	err = hm_prefixes_put(t->path, prefix);
	pthread_mutex_unlock(&t->lock);
	if (err)
		return err;
	adjust_mtu(t);
	return hm_tun_result(hm_kernel_prefix(&t->kernel, prefix, true));
}

int hm_tun_prefix_del(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct hm_tun *t = self;
	bool was;

	pthread_mutex_lock(&t->lock);
	was = hm_prefixes_del(t->path, prefix);
	pthread_mutex_unlock(&t->lock);
	return was ? hm_tun_result(hm_kernel_prefix(&t->kernel, prefix, false)) : HM_PLUGIN_OK;
}

void hm_tun_lead(void *self, int ifindex)
{
	struct hm_tun *t = self;

	t->kernel.net.into = ifindex;
}

int hm_tun_ifindex(const void *self)
{
	const struct hm_tun *t = self;

	return t->kernel.net.ifindex;
}

void hm_tun_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct hm_tun *t = self;
	const struct hm_addr to = hm_addr_of(remote);

	pthread_mutex_lock(&t->lock);
	t->path->now_ms = t->api->now_ms(t->api->host);
	hm_path_set_mtu(t->path, &to, mtu);
	pthread_mutex_unlock(&t->lock);
}

int hm_tun_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *ret_count)
{
	struct hm_tun *t = self;
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

void hm_tun_sweep(void *self)
{
	struct hm_tun *t = self;
	int err = hm_kernel_sweep(&t->kernel);

	if (err)
		say(t, HM_PLUGIN_WARNING, "failed to sweep device=%s error=\"%s\"", t->name,
		    strerror(-err));
}

void hm_tun_sweep_others(void *self)
{
	struct hm_tun *t = self;
	char name[IFNAMSIZ];
	int err = hm_net_remove(&t->kernel.net, HM_NET_KERNEL_DEVICE), now;

	for (unsigned i = 1; i < HM_TUNNEL_HOPS; i++) {
		(void)snprintf(name, sizeof name, HM_NET_HOP_DEVICE, i);
		now = hm_net_remove(&t->kernel.net, name);
		err = err ? err : now;
	}
	if (err)
		say(t, HM_PLUGIN_WARNING, "failed to remove device=%s error=\"%s\"",
		    HM_NET_KERNEL_DEVICE, strerror(-err));
}

void hm_tun_sweep_programs(void *self)
{
	int err = hm_programs_remove();

	if (err)
		say(self, HM_PLUGIN_WARNING,
		    "failed to take programs of tunnel-bpf off error=\"%s\"", strerror(-err));
}

void hm_tun_stop(void *self, int keep)
{
	struct hm_tun *t = self;

	t->keep = keep != 0;
	if (!t->keep)
		hm_kernel_flush(&t->kernel);
}

bool hm_tun_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define HM_STAT_NAME(name, text) [name] = (text),
		HM_TUN_STATS(HM_STAT_NAME)
#undef HM_STAT_NAME
	};
	struct hm_tun *t = self;

	if (index >= HM_TUN_STATS_END)
		return false;
	pthread_mutex_lock(&t->lock);
	*ret_value = t->path->stats[index];
	pthread_mutex_unlock(&t->lock);
	*ret_name = names[index];
	return true;
}

bool hm_tun_detail(void *self, unsigned index, const char **ret_name, char *ret_text, size_t len)
{
	const struct hm_tun *t = self;

	if (index > 0)
		return false;
	(void)snprintf(ret_text, len, "user space, mtu %" PRIu32, t->mtu);
	*ret_name = t->name;
	return true;
}
