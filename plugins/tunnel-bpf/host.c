/* The host's part: tunnels and route optimisation of mobile hosts and correspondents (host.bpf.c).
 * The programs are loaded at the start and attached while there is an entry for them. */
#include "attach.h"
#include "host_links.h"
#include "host_state.h"
#include "offload.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <host.skel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct host {
	const struct hm_host_api *api;
	struct hm_host_bpf *skel;
	struct hm_host_state state;
	struct hm_host_links links;
};

static int fail(const struct hm_part_how *how, const char *what, int err)
{
	char text[160];

	(void)snprintf(text, sizeof text, "failed to %s part=host error=\"%s\"", what,
	               strerror(err < 0 ? -err : err));
	how->api->log(how->api->host, HM_PLUGIN_ERROR, text);
	return err == -EPERM || err == -EACCES ? HM_PLUGIN_EMISSING : HM_PLUGIN_EIO;
}

/* The device counts as a router's towards the lookups of the programs, though nothing is forwarded
 * for it; and without a process that reads from it, it has no carrier, which routes over it shall
 * not mind. */
static void set_up_device(const struct hm_part_how *how)
{
	static const char *const settings[][2] = { { "forwarding", "1" },
		                                   { "ignore_routes_with_linkdown", "0" } };

	for (size_t i = 0; i < 2; i++) {
		char path[96];
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", how->tun_name,
		               settings[i][0]);
		f = fopen(path, "we");
		if (!f || fputs(settings[i][1], f) < 0)
			how->api->log(how->api->host, HM_PLUGIN_WARNING,
			              "failed to set up the device for programs part=host "
			              "fix=\"let hmipd write /proc/sys\"");
		if (f)
			(void)fclose(f);
	}
}

/* Takes over the maps of a former run's programs, all or none. */
static bool adopt(struct hm_host_bpf *skel, uint32_t prog_id)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		int fd;

		if (bpf_map__is_internal(map))
			continue;
		fd = hm_attach_map_of(prog_id, bpf_map__name(map));
		if (fd < 0 || bpf_map__reuse_fd(map, fd) != 0) {
			if (fd >= 0)
				(void)close(fd);
			return false;
		}
		(void)close(fd);
	}
	return true;
}

/* Through one program the next run finds all maps. */
static int bind_maps(struct hm_host_bpf *skel)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		int err = bpf_prog_bind_map(bpf_program__fd(skel->progs.hm_host_out),
		                            bpf_map__fd(map), NULL);

		if (err)
			return err;
	}
	return 0;
}

static struct hm_host_bpf *open_skel(const struct hm_part_how *how)
{
	struct hm_host_bpf *skel = hm_host_bpf__open();

	if (!skel)
		return NULL;
	skel->rodata->hm_mark = how->mark;
	skel->rodata->hm_tunnels = how->tun_ifindex;
	return skel;
}

static int load(struct host *h, const struct hm_part_how *how, bool *ret_adopted)
{
	uint32_t id;
	bool former;
	int err;

	former = hm_attached_tc(how->tun_ifindex, true, HM_ATTACH_HOST, &id) == 0;
	h->skel = open_skel(how);
	h->links.waiting = h->skel && former && !adopt(h->skel, id);
	if (h->links.waiting) {
		/* Some may have been taken over. */
		hm_host_bpf__destroy(h->skel);
		h->skel = open_skel(how);
	}
	if (!h->skel)
		return -errno;
	*ret_adopted = former && !h->links.waiting;
	err = hm_host_bpf__load(h->skel);
	return err ? err : bind_maps(h->skel);
}

/* For people, and for a next run without the right to ask by number. */
static void pin(const struct host *h, bool on)
{
	const struct bpf_program *programs[] = { h->skel->progs.hm_host_in,
		                                 h->skel->progs.hm_host_out };
	struct bpf_map *map;

	for (size_t i = 0; i < 2; i++) {
		if (on)
			hm_attach_pin(bpf_program__fd(programs[i]), bpf_program__name(programs[i]));
		else
			hm_attach_unpin(bpf_program__name(programs[i]));
	}
	bpf_object__for_each_map(map, h->skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		if (on)
			hm_attach_pin(bpf_map__fd(map), bpf_map__name(map));
		else
			hm_attach_unpin(bpf_map__name(map));
	}
}

static void set(struct host *h, bool on)
{
	pin(h, on);
	hm_host_links_set(&h->links, on);
}

static void host_close(void *self, bool keep)
{
	struct host *h = self;

	if (!keep && h->links.api)
		set(h, false);
	hm_host_links_finish(&h->links);
	hm_host_state_finish(&h->state);
	hm_host_bpf__destroy(h->skel);
	free(h);
}

static int host_open(const struct hm_part_how *how, void **ret_self)
{
	struct host *h = calloc(1, sizeof *h);
	bool adopted = false;
	int err;

	if (!h)
		return HM_PLUGIN_ENOMEM;
	h->api = how->api;
	(void)libbpf_set_print(NULL);
	set_up_device(how);
	err = load(h, how, &adopted);
	if (err) {
		host_close(h, true);
		return fail(how, "load programs", err);
	}
	if (!hm_host_state_init(&h->state, h->skel, adopted, how->api)) {
		host_close(h, true);
		return HM_PLUGIN_ENOMEM;
	}
	h->links = (struct hm_host_links){ .api = how->api,
		                           .waiting = h->links.waiting,
		                           .tun_ifindex = how->tun_ifindex,
		                           .out_fd = bpf_program__fd(h->skel->progs.hm_host_out),
		                           .in_fd = bpf_program__fd(h->skel->progs.hm_host_in) };
	memcpy(h->links.tun_name, how->tun_name, sizeof h->links.tun_name);
	if (adopted)
		set(h, true);
	*ret_self = h;
	return HM_PLUGIN_OK;
}

/* On while there is work for the programs, and off when there is none: then they cost nothing. */
static void follow(struct host *h)
{
	bool used = hm_host_state_is_used(&h->state);

	if (used != h->links.on && !h->links.waiting)
		set(h, used);
}

static bool is_ours(const struct hm_tunnel_entry *e)
{
	return e->kind == HM_TUNNEL_HOME || e->kind == HM_TUNNEL_OWN || e->kind == HM_TUNNEL_PEER;
}

static void host_put(void *self, const struct hm_tunnel_entry *e)
{
	struct host *h = self;

	if (!is_ours(e))
		return;
	hm_host_state_put(&h->state, e);
	follow(h);
}

static void host_del(void *self, const struct hm_tunnel_entry *e)
{
	struct host *h = self;

	if (!is_ours(e))
		return;
	hm_host_state_del(&h->state, e);
	follow(h);
}

static void host_prefix(void *self, const struct hm_tunnel_prefix *prefix)
{
	(void)self;
	(void)prefix;
}

static void host_path_mtu(void *self, const uint8_t remote[16], uint32_t mtu)
{
	struct host *h = self;

	hm_host_state_path_mtu(&h->state, remote, mtu);
}

static void host_count(void *self, const struct hm_tunnel_entry *e, struct hm_tunnel_count *io)
{
	struct host *h = self;

	if (is_ours(e))
		hm_host_state_count(&h->state, e, io);
}

static void host_sweep(void *self)
{
	struct host *h = self;

	hm_host_state_sweep(&h->state);
	if (h->links.waiting)
		set(h, hm_host_state_is_used(&h->state));
	follow(h);
}

static bool host_stat(void *self, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define HM_HOST_STAT_NAME(name, text) [name] = (text),
		HM_HOST_STATS(HM_HOST_STAT_NAME)
#undef HM_HOST_STAT_NAME
		        [HM_HOST_STATS_END] = "host_refused_entries",
	};
	struct host *h = self;

	if (index > HM_HOST_STATS_END)
		return false;
	*ret_name = names[index];
	*ret_value = index == HM_HOST_STATS_END
	                     ? h->state.refused
	                     : hm_host_state_stat(&h->state, (enum hm_host_stat)index);
	return true;
}

static bool host_detail(void *self, unsigned index, const char **ret_name, char *ret_text,
                        size_t len)
{
	struct host *h = self;

	return hm_host_links_detail(&h->links, index, ret_name, ret_text, len);
}

static void host_link(void *self, const struct hm_monitor_link *link)
{
	struct host *h = self;

	/* Of a veth the other end gets what there is, whole. */
	hm_host_state_plain(&h->state, link->ifindex,
	                    strcmp(link->kind, "veth") != 0 && hm_offload_cuts_tunnels(link->name));
	hm_host_links_link(&h->links, link);
}

static void host_gone(void *self, uint32_t ifindex)
{
	struct host *h = self;

	hm_host_state_plain(&h->state, ifindex, false);
	hm_host_links_gone(&h->links, ifindex);
}

static void host_tick(void *self, struct hm_monitor *monitor)
{
	struct host *h = self;

	(void)monitor;
	hm_host_state_tick(&h->state, h->api);
}

const struct hm_part hm_part_host = {
	.name = "host",
	.open = host_open,
	.close = host_close,
	.put = host_put,
	.del = host_del,
	.prefix_put = host_prefix,
	.prefix_del = host_prefix,
	.path_mtu = host_path_mtu,
	.count = host_count,
	.sweep = host_sweep,
	.stat = host_stat,
	.detail = host_detail,
	.link = host_link,
	.gone = host_gone,
	.tick = host_tick,
};
