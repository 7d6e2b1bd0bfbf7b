#include "maps.h"

#include "attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <site.skel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* NULL: not to be had. */
static void *map_memory(int fd, size_t octets)
{
	void *p = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap(void *p, size_t octets)
{
	if (p)
		(void)munmap(p, octets);
}

static size_t n_of(const struct hm_maps *m)
{
	return bpf_map__max_entries(m->bpf->maps.hm_site_slots);
}

/* Maps the three large maps into memory; the configuration may still be empty. */
static int map_all(struct hm_maps *m)
{
	size_t n = n_of(m);

	m->table.config =
	        map_memory(bpf_map__fd(m->bpf->maps.hm_site_config), sizeof *m->table.config);
	m->table.slots =
	        map_memory(bpf_map__fd(m->bpf->maps.hm_site_slots), n * sizeof *m->table.slots);
	m->table.inbound =
	        map_memory(bpf_map__fd(m->bpf->maps.hm_site_inbound), n * sizeof *m->table.inbound);
	m->table.fresh = calloc(n, 1);
	if (!m->table.config || !m->table.slots || !m->table.inbound || !m->table.fresh)
		return -ENOMEM;
	m->tc_fd = bpf_program__fd(m->bpf->progs.hm_site_tc);
	m->xdp_fd = bpf_program__fd(m->bpf->progs.hm_site_xdp);
	m->used_fd = bpf_map__fd(m->bpf->maps.hm_site_used);
	m->mtus_fd = bpf_map__fd(m->bpf->maps.hm_site_mtus);
	m->stats_fd = bpf_map__fd(m->bpf->maps.hm_site_stats);
	m->devices_fd = bpf_map__fd(m->bpf->maps.hm_site_devices);
	return 0;
}

void hm_maps_drop(struct hm_maps *m)
{
	if (m->bpf) {
		size_t n = n_of(m);

		unmap(m->table.config, sizeof *m->table.config);
		unmap(m->table.slots, n * sizeof *m->table.slots);
		unmap(m->table.inbound, n * sizeof *m->table.inbound);
		free(m->table.fresh);
		hm_site_bpf__destroy(m->bpf);
	}
	memset(m, 0, sizeof *m);
}

static int fail(struct hm_maps *m, int err)
{
	hm_maps_drop(m);
	return err;
}

static int share(struct hm_site_bpf *bpf, const struct hm_maps *like)
{
	int err = bpf_map__reuse_fd(bpf->maps.hm_site_used, like->used_fd);

	err = err ? err : bpf_map__reuse_fd(bpf->maps.hm_site_mtus, like->mtus_fd);
	err = err ? err : bpf_map__reuse_fd(bpf->maps.hm_site_devices, like->devices_fd);
	return err ? err : bpf_map__reuse_fd(bpf->maps.hm_site_stats, like->stats_fd);
}

int hm_maps_make(struct hm_maps *m, __u32 bindings, const struct hm_maps *like, const __u64 seed[4])
{
	__u32 n = hm_slots_for(bindings);
	int err;

	memset(m, 0, sizeof *m);
	m->bpf = hm_site_bpf__open();
	if (!m->bpf)
		return -errno;
	err = bpf_map__set_max_entries(m->bpf->maps.hm_site_slots, n);
	err = err ? err : bpf_map__set_max_entries(m->bpf->maps.hm_site_inbound, n);
	err = err || !like ? err : share(m->bpf, like);
	err = err ? err : hm_site_bpf__load(m->bpf);
	err = err ? err : map_all(m);
	if (err)
		return fail(m, err);
	if (like)
		*m->table.config = *like->table.config;
	else
		memcpy(m->table.config->seed, seed, sizeof m->table.config->seed);
	m->table.config->magic = HM_SITE_MAGIC;
	m->table.config->layout = HM_SITE_LAYOUT;
	m->table.config->n_slots = n - HM_SITE_PROBE;
	return 0;
}

static int reuse(struct bpf_map *map, __u32 prog_id)
{
	int fd = hm_attach_map_of(prog_id, bpf_map__name(map)), err;

	if (fd < 0)
		return fd;
	err = bpf_map__reuse_fd(map, fd);
	(void)close(fd);
	return err;
}

static int reuse_all(struct hm_site_bpf *bpf, __u32 prog_id)
{
	struct bpf_map *const maps[] = { bpf->maps.hm_site_config,  bpf->maps.hm_site_slots,
		                         bpf->maps.hm_site_inbound, bpf->maps.hm_site_used,
		                         bpf->maps.hm_site_mtus,    bpf->maps.hm_site_stats };

	for (unsigned i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		__u32 value = bpf_map__value_size(maps[i]);
		int err = reuse(maps[i], prog_id);

		if (err)
			return err;
		if (bpf_map__value_size(maps[i]) != value)
			return -EPROTO;
	}
	/* The program for tc has none; what is in it is learnt anew. */
	(void)reuse(bpf->maps.hm_site_devices, prog_id);
	return 0;
}

int hm_maps_adopt(struct hm_maps *m, __u32 prog_id)
{
	const struct hm_site_config *c;
	int err;

	memset(m, 0, sizeof *m);
	m->bpf = hm_site_bpf__open();
	if (!m->bpf)
		return -errno;
	err = reuse_all(m->bpf, prog_id);
	err = err ? err : hm_site_bpf__load(m->bpf);
	err = err ? err : map_all(m);
	if (err)
		return fail(m, err);
	c = m->table.config;
	if (c->magic != HM_SITE_MAGIC || c->layout != HM_SITE_LAYOUT ||
	    c->n_slots + HM_SITE_PROBE != n_of(m))
		return fail(m, -EPROTO);
	hm_slots_recount(&m->table);
	return 0;
}

__u32 hm_maps_room(const struct hm_maps *m)
{
	return hm_slots_room(&m->table);
}

static void pin(int fd, const char *name, bool on)
{
	if (on)
		hm_attach_pin(fd, name);
	else
		hm_attach_unpin(name);
}

void hm_maps_pin(const struct hm_maps *m, bool on)
{
	struct bpf_map *map;
	struct bpf_program *prog;

	bpf_object__for_each_map(map, m->bpf->obj) pin(bpf_map__fd(map), bpf_map__name(map), on);
	bpf_object__for_each_program(prog, m->bpf->obj)
	        pin(bpf_program__fd(prog), bpf_program__name(prog), on);
}
