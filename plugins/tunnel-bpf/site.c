/* The part for mobility servers and home agents: HM_TUNNEL_ENCAP entries and prefixes. What the
 * programs do is told in site.bpf.c, how their table is laid out in shared.h. */
#include "site.h"

#include "options.h"
#include "xdpinfo.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long next hops are believed without a reason to doubt them. */
#define GENERATION_S 300
/* Programs tell of a neighbour once in so many packets to a binding (SAMPLE in site_common.h). */
#define USE_S 5
#define USED_FOR_NS 150000000000ull
/* Reasons to doubt all of them at once, at most: a burst, then so many a second. */
#define CHANGES_BURST 20
#define CHANGES_PER_S 5
/* And the next hops at one address. */
#define DEPARTURES_BURST 400
#define DEPARTURES_PER_S 100
/* Next hops older than this many generations are forgotten before the octet comes round. */
#define FORGET_EVERY 64u
#define MTU_FOR_NS 600000000000ull
#define MTU_LEAST 1280u

void hm_site_say(const struct hm_site *s, int level, const char *what, int err)
{
	char text[160];

	(void)snprintf(text, sizeof text, "%s error=\"%s\"", what, strerror(-err));
	s->how->api->log(s->how->api->host, level, text);
}

/* --- opening and closing --- */

static int read_options(struct hm_site *s)
{
	const char *const *o = s->how->options;
	char *end, text[160];
	unsigned long room;

	errno = 0;
	room = strtoul(o[HM_BPF_OPT_BINDINGS], &end, 10);
	if (hm_path_option_of(o[HM_BPF_OPT_PATH], &s->ports.option) && errno == 0 && *end == '\0' &&
	    end != o[HM_BPF_OPT_BINDINGS] && room >= HM_SITE_ROOM_LEAST &&
	    room <= HM_SITE_ROOM_MOST) {
		s->room_most = (__u32)room;
		return HM_PLUGIN_OK;
	}
	(void)snprintf(text, sizeof text,
	               "refused options path=%.20s bindings=%.20s reason=\"path: auto, tc, xdp; "
	               "bindings: %u to %u\"",
	               o[HM_BPF_OPT_PATH], o[HM_BPF_OPT_BINDINGS], HM_SITE_ROOM_LEAST,
	               HM_SITE_ROOM_MOST);
	s->how->api->log(s->how->api->host, HM_PLUGIN_ERROR, text);
	return HM_PLUGIN_ECONFIG;
}

/* What the maps of a former run say; all of it waits for a put or the sweep. */
static void take_stock(struct hm_site *s)
{
	s->n_prefixes = hm_site_config(s)->n_prefixes;
	for (unsigned i = 0; i < s->n_prefixes; i++)
		s->prefixes[i].key = hm_site_config(s)->prefixes[i];
	hm_site_recount(s);
}

static int open_maps(struct hm_site *s)
{
	uint32_t former = hm_ports_former();
	__u64 seed[4];
	int err = -ENOENT;

	if (former)
		err = hm_maps_adopt(&s->maps, former);
	if (!err) {
		take_stock(s);
		return 0;
	}
	if (former)
		hm_site_say(s, HM_PLUGIN_INFO, "replace programs of another layout", err);
	s->hold = former != 0;
	s->how->api->random(s->how->api->host, seed, sizeof seed);
	return hm_maps_make(&s->maps,
	                    s->room_most < HM_SITE_ROOM_FIRST ? s->room_most : HM_SITE_ROOM_FIRST,
	                    NULL, seed);
}

static int quiet_print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static bool serves_anything(const struct hm_site *s)
{
	return s->maps.table.n > 0 || s->n_prefixes > 0 || s->n_beyond > 0;
}

/* Programs on the interfaces as soon as there is something for them to do. */
static void serve(struct hm_site *s)
{
	if (s->hold || s->ports.serving || !serves_anything(s))
		return;
	hm_maps_pin(&s->maps, true);
	hm_ports_serve(&s->ports);
}

static int site_open(const struct hm_part_how *how, void **ret_self)
{
	struct hm_site *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return HM_PLUGIN_ENOMEM;
	s->how = how;
	s->ports.api = how->api;
	s->ports.never = how->tun_ifindex;
	s->ports.untold = !hm_xdp_tells();
	s->changes_left = CHANGES_BURST;
	s->departures_left = DEPARTURES_BURST;
	(void)libbpf_set_print(quiet_print);
	err = read_options(s);
	if (err) {
		free(s);
		return err;
	}
	err = open_maps(s);
	if (err) {
		hm_site_say(s, HM_PLUGIN_ERROR, "failed to load programs", err);
		free(s);
		return err == -EPERM ? HM_PLUGIN_EPERM : HM_PLUGIN_EMISSING;
	}
	hm_ports_use(&s->ports, &s->maps);
	serve(s);
	*ret_self = s;
	return HM_PLUGIN_OK;
}

static void site_close(void *self, bool keep)
{
	struct hm_site *s = self;

	if (!keep) {
		hm_ports_leave(&s->ports);
		hm_maps_pin(&s->maps, false);
	}
	hm_maps_drop(&s->maps);
	free(s);
}

/* --- entries, prefixes, paths --- */

static void site_expect(void *self, const struct hm_tunnel_entry *e)
{
	if (e->kind == HM_TUNNEL_ENCAP)
		hm_site_expect(self, e);
}

static void site_put(void *self, const struct hm_tunnel_entry *e)
{
	if (e->kind != HM_TUNNEL_ENCAP)
		return;
	hm_site_put(self, e);
	serve(self);
}

static void site_del(void *self, const struct hm_tunnel_entry *e)
{
	if (e->kind == HM_TUNNEL_ENCAP)
		hm_site_del(self, e);
}

static void site_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *io)
{
	if (e->kind == HM_TUNNEL_ENCAP)
		hm_site_count(self, e, io);
}

static struct hm_site_prefix prefix_key(const struct hm_tunnel_prefix *prefix)
{
	struct hm_site_prefix key;
	uint8_t mask[16] = { 0 };

	for (unsigned i = 0; i < prefix->plen && i < 128; i++)
		mask[i / 8] |= (uint8_t)(0x80u >> i % 8);
	key.mask = hm_site_addr(mask);
	key.net = hm_site_addr(prefix->prefix);
	key.net.w[0] &= key.mask.w[0];
	key.net.w[1] &= key.mask.w[1];
	return key;
}

static struct hm_site_known *find_prefix(struct hm_site *s, const struct hm_site_prefix *key)
{
	for (unsigned i = 0; i < s->n_prefixes; i++)
		if (memcmp(&s->prefixes[i].key, key, sizeof *key) == 0)
			return &s->prefixes[i];
	return NULL;
}

static void write_prefixes(struct hm_site *s)
{
	struct hm_site_config *c = hm_site_config(s);

	for (unsigned i = 0; i < s->n_prefixes; i++)
		c->prefixes[i] = s->prefixes[i].key;
	__atomic_store_n(&c->n_prefixes, s->n_prefixes, __ATOMIC_RELEASE);
	hm_site_set_any(s);
}

static void site_prefix_put(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct hm_site *s = self;
	const struct hm_site_prefix key = prefix_key(prefix);
	struct hm_site_known *p = find_prefix(s, &key);

	if (p)
		p->fresh = true;
	else if (s->n_prefixes < HM_SITE_PREFIXES)
		s->prefixes[s->n_prefixes++] = (struct hm_site_known){ key, true };
	else
		s->n_beyond++;
	write_prefixes(s);
	serve(s);
}

static void site_prefix_del(void *self, const struct hm_tunnel_prefix *prefix)
{
	struct hm_site *s = self;
	const struct hm_site_prefix key = prefix_key(prefix);
	struct hm_site_known *p = find_prefix(s, &key);

	if (p)
		*p = s->prefixes[--s->n_prefixes];
	else if (s->n_beyond > 0)
		s->n_beyond--;
	write_prefixes(s);
}

/* Programs believe no next hop from before. */
static void doubt_next_hops(struct hm_site *s)
{
	struct hm_site_config *c = hm_site_config(s);

	s->doubt = false;
	__atomic_store_n(&c->generation, c->generation + 1, __ATOMIC_RELEASE);
	if (c->generation % FORGET_EVERY == 0)
		hm_slots_forget(&s->maps.table, FORGET_EVERY);
}

static void site_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct hm_site *s = self;
	struct hm_site_addr key = hm_site_addr(remote);
	struct timespec now;
	struct hm_site_mtu value = { .mtu = mtu < MTU_LEAST ? MTU_LEAST : mtu };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	value.until_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + MTU_FOR_NS;
	(void)bpf_map_update_elem(s->maps.mtus_fd, &key, &value, BPF_ANY);
	/* A next hop that is remembered would be used without a look at the path. */
	doubt_next_hops(s);
}

static void site_sweep(void *self)
{
	struct hm_site *s = self;

	for (unsigned i = 0; i < s->n_prefixes;) {
		if (s->prefixes[i].fresh)
			i++;
		else
			s->prefixes[i] = s->prefixes[--s->n_prefixes];
	}
	(void)hm_slots_sweep(&s->maps.table);
	hm_ports_sweep(&s->ports, hm_site_config(s));
	hm_site_recount(s);
	write_prefixes(s);
	s->hold = false;
	if (serves_anything(s))
		serve(s);
	else
		hm_ports_leave(&s->ports);
}

/* --- what it shows --- */

static uint64_t stat_sum(const struct hm_site *s, uint32_t index)
{
	int n = libbpf_num_possible_cpus();
	uint64_t *each = n > 0 ? calloc((size_t)n, sizeof *each) : NULL, sum = 0;

	if (each && bpf_map_lookup_elem(s->maps.stats_fd, &index, each) == 0)
		for (int i = 0; i < n; i++)
			sum += each[i];
	free(each);
	return sum;
}

static bool site_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define HM_SITE_STAT_NAME(name, text) [name] = (text),
		HM_SITE_STATS(HM_SITE_STAT_NAME)
#undef HM_SITE_STAT_NAME
	};
	struct hm_site *s = self;

	if (index < HM_SITE_STATS_END) {
		*ret_name = names[index];
		*ret_value = stat_sum(s, index);
		return true;
	}
	if (index > HM_SITE_STATS_END)
		return false;
	*ret_name = "bpf_no_room";
	*ret_value = s->no_room;
	return true;
}

static bool site_detail(void *self, unsigned index, const char **ret_name, char *ret_text,
                        size_t len)
{
	struct hm_site *s = self;

	return hm_ports_detail(&s->ports, index, ret_name, ret_text, len);
}

/* --- the monitor's
 * --------------------------------------------------------------------------------*/

static void site_link(void *self, const struct hm_monitor_link *link)
{
	struct hm_site *s = self;

	if (hm_ports_link(&s->ports, hm_site_config(s), link))
		doubt_next_hops(s);
}

static void site_gone(void *self, uint32_t ifindex)
{
	struct hm_site *s = self;

	hm_ports_gone(&s->ports, hm_site_config(s), ifindex);
	doubt_next_hops(s);
}

static void site_changed(void *self)
{
	struct hm_site *s = self;

	s->doubt = true;
	if (s->changes_left == 0)
		return;
	s->changes_left--;
	doubt_next_hops(s);
}

/* Neighbours come and go all the time where many hosts are: of the bindings, those that lead to
 * others keep their next hops, but for one in 256. */
static void site_left(void *self, const uint8_t lladdr[6])
{
	struct hm_site *s = self;
	__u8 *generation = &hm_site_config(s)->mac_generations[lladdr[5]];

	if (s->departures_left == 0) {
		s->doubt = true;
		return;
	}
	s->departures_left--;
	__atomic_store_n(generation, (__u8)(*generation + 1), __ATOMIC_RELEASE);
	if (*generation % FORGET_EVERY == 0)
		hm_slots_forget(&s->maps.table, FORGET_EVERY);
}

/* The kernel does not see who the programs send to, and would let a neighbour in use grow stale. */
static void tell_use(const struct hm_site *s, struct hm_monitor *monitor)
{
	struct hm_site_neighbour key, next;
	struct timespec now;
	uint64_t now_ns, at;
	int err;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	err = bpf_map_get_next_key(s->maps.used_fd, NULL, &next);
	while (!err) {
		key = next;
		err = bpf_map_get_next_key(s->maps.used_fd, &key, &next);
		if (bpf_map_lookup_elem(s->maps.used_fd, &key, &at) != 0)
			continue;
		if (now_ns > at + USED_FOR_NS)
			(void)bpf_map_delete_elem(s->maps.used_fd, &key);
		else
			(void)hm_monitor_use(monitor, key.ifindex, (const uint8_t *)key.addr.w);
	}
}

static unsigned refilled(unsigned left, unsigned by, unsigned most)
{
	return left + by > most ? most : left + by;
}

static void site_tick(void *self, struct hm_monitor *monitor)
{
	struct hm_site *s = self;

	s->seconds++;
	s->changes_left = refilled(s->changes_left, CHANGES_PER_S, CHANGES_BURST);
	s->departures_left = refilled(s->departures_left, DEPARTURES_PER_S, DEPARTURES_BURST);
	if (s->doubt || s->seconds % GENERATION_S == 0)
		doubt_next_hops(s);
	if (s->seconds % USE_S == 0)
		tell_use(s, monitor);
	hm_ports_refresh(&s->ports, hm_site_config(s));
}

const struct hm_part hm_part_site = {
	.name = "site",
	.open = site_open,
	.close = site_close,
	.expect = site_expect,
	.put = site_put,
	.del = site_del,
	.prefix_put = site_prefix_put,
	.prefix_del = site_prefix_del,
	.path_mtu = site_path_mtu,
	.count = site_count,
	.sweep = site_sweep,
	.stat = site_stat,
	.detail = site_detail,
	.link = site_link,
	.gone = site_gone,
	.changed = site_changed,
	.left = site_left,
	.tick = site_tick,
};
