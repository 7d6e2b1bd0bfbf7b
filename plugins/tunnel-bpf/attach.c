#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HANDLE 1u
#define MAPS_MAX 32u
#define BPF_ROOT "/sys/fs/bpf"
#define PIN_ROOT BPF_ROOT "/hmipd"
#define PATH_ROOM 128

static struct bpf_tc_hook hook_of(uint32_t ifindex, bool egress)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
		                     .ifindex = (int)ifindex,
		                     .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS };
}

static struct bpf_tc_opts opts_of(enum hm_attach_prio prio)
{
	return (struct bpf_tc_opts){ .sz = sizeof(struct bpf_tc_opts),
		                     .handle = HANDLE,
		                     .priority = (uint32_t)prio };
}

static bool is_gone(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -EINVAL;
}

int hm_attach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, int prog_fd)
{
	struct bpf_tc_hook hook = hook_of(ifindex, egress);
	struct bpf_tc_opts opts = opts_of(prio);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	opts.prog_fd = prog_fd;
	opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

int hm_attached_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, uint32_t *ret_id)
{
	struct bpf_tc_hook hook = hook_of(ifindex, egress);
	struct bpf_tc_opts opts = opts_of(prio);
	int err = bpf_tc_query(&hook, &opts);

	if (is_gone(err))
		return -ENOENT;
	if (!err)
		*ret_id = opts.prog_id;
	return err;
}

static int count_filter(struct nl_msg *msg, void *arg)
{
	unsigned *n = arg;

	if (nlmsg_hdr(msg)->nlmsg_type == RTM_NEWTFILTER)
		++*n;
	return NL_OK;
}

/* Filters on one side of the clsact qdisc; without an answer: one, for safety. */
static unsigned filters_on(struct nl_sock *sock, uint32_t ifindex, bool egress)
{
	struct tcmsg head = { .tcm_family = AF_UNSPEC,
		              .tcm_ifindex = (int)ifindex,
		              .tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS
		                                                          : TC_H_MIN_INGRESS) };
	unsigned n = 0;

	if (nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, count_filter, &n) < 0 ||
	    nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &head, sizeof head) < 0 ||
	    nl_recvmsgs_default(sock) < 0)
		return 1;
	return n;
}

static bool is_bare(uint32_t ifindex)
{
	struct nl_sock *sock = nl_socket_alloc();
	bool bare = sock && nl_connect(sock, NETLINK_ROUTE) == 0 &&
	            filters_on(sock, ifindex, false) == 0 && filters_on(sock, ifindex, true) == 0;

	nl_socket_free(sock);
	return bare;
}

int hm_detach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio)
{
	struct bpf_tc_hook hook = hook_of(ifindex, egress);
	struct bpf_tc_opts opts = opts_of(prio);
	int err = bpf_tc_detach(&hook, &opts);

	if (err && !is_gone(err))
		return err;
	if (!is_bare(ifindex))
		return 0;
	/* Both sides at once: the qdisc itself. */
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	err = bpf_tc_hook_destroy(&hook);
	return is_gone(err) ? 0 : err;
}

/* `leaf` in this namespace's directory; "": the directory. False: there can be none. */
static bool pin_path(const char *leaf, char *ret_path, size_t len)
{
	struct stat ns;
	struct statfs fs;

	if (statfs(BPF_ROOT, &fs) != 0 || fs.f_type != BPF_FS_MAGIC ||
	    stat("/proc/self/ns/net", &ns) != 0)
		return false;
	(void)snprintf(ret_path, len, PIN_ROOT "/%llu/%s", (unsigned long long)ns.st_ino, leaf);
	return true;
}

void hm_attach_pin(int fd, const char *name)
{
	char path[PATH_ROOM];

	if (!pin_path("", path, sizeof path))
		return;
	(void)mkdir(PIN_ROOT, 0700);
	(void)mkdir(path, 0700);
	(void)pin_path(name, path, sizeof path);
	(void)unlink(path);
	(void)bpf_obj_pin(fd, path);
}

void hm_attach_unpin(const char *name)
{
	char path[PATH_ROOM];

	if (!pin_path(name, path, sizeof path))
		return;
	(void)unlink(path);
	/* The last one takes the directories with it. */
	if (pin_path("", path, sizeof path) && rmdir(path) == 0)
		(void)rmdir(PIN_ROOT);
}

static int open_pin(const char *name)
{
	char path[PATH_ROOM];

	return pin_path(name, path, sizeof path) ? bpf_obj_get(path) : -ENOENT;
}

static uint32_t id_of(int prog_fd, char ret_name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof info;

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) != 0)
		return 0;
	memcpy(ret_name, info.name, BPF_OBJ_NAME_LEN);
	return info.id;
}

/* A program by its number, where that is allowed, or else among the pinned ones. */
static int open_prog(uint32_t id)
{
	static const char *const pinned[] = { "hm_site_xdp", "hm_site_tc", "hm_host_in",
		                              "hm_host_out" };
	char name[BPF_OBJ_NAME_LEN];
	int fd = bpf_prog_get_fd_by_id(id);

	for (unsigned i = 0; fd == -EPERM && i < sizeof pinned / sizeof pinned[0]; i++) {
		int other = open_pin(pinned[i]);

		if (other < 0)
			continue;
		if (id_of(other, name) == id)
			return other;
		(void)close(other);
	}
	return fd;
}

static bool is_ours(uint32_t prog_id, const char *ours)
{
	char name[BPF_OBJ_NAME_LEN] = "";
	int fd = open_prog(prog_id);

	if (fd < 0)
		return false;
	(void)id_of(fd, name);
	(void)close(fd);
	return strncmp(name, ours, strlen(ours)) == 0;
}

int hm_attached_xdp(uint32_t ifindex, const char *ours, uint32_t *ret_id, bool *ret_generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int err = bpf_xdp_query((int)ifindex, 0, &query);
	uint32_t id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;

	if (is_gone(err))
		return -ENOENT;
	if (err)
		return err;
	if (id == 0)
		return query.hw_prog_id ? -EBUSY : -ENOENT;
	if (!is_ours(id, ours))
		return -EBUSY;
	*ret_id = id;
	*ret_generic = query.drv_prog_id == 0;
	return 0;
}

int hm_attach_xdp(uint32_t ifindex, bool generic, int prog_fd, const char *ours)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	bool was_generic = generic;
	uint32_t id = 0, flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	int err = hm_attached_xdp(ifindex, ours, &id, &was_generic);

	if (err && err != -ENOENT)
		return err;
	if (!err && was_generic != generic) {
		err = hm_detach_xdp(ifindex, ours);
		if (err)
			return err;
		id = 0;
	}
	if (id == 0)
		return bpf_xdp_attach((int)ifindex, prog_fd, flags | XDP_FLAGS_UPDATE_IF_NOEXIST,
		                      NULL);
	opts.old_prog_fd = open_prog(id);
	if (opts.old_prog_fd < 0)
		return opts.old_prog_fd;
	err = bpf_xdp_attach((int)ifindex, prog_fd, flags | XDP_FLAGS_REPLACE, &opts);
	(void)close(opts.old_prog_fd);
	return err;
}

int hm_detach_xdp(uint32_t ifindex, const char *ours)
{
	bool generic = false;
	uint32_t id;
	int err = hm_attached_xdp(ifindex, ours, &id, &generic);

	if (err)
		return err == -ENOENT || err == -EBUSY ? 0 : err;
	err = bpf_xdp_detach((int)ifindex, generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE, NULL);
	return is_gone(err) ? 0 : err;
}

/* The map with that number, when it has that name. */
static int open_map(uint32_t id, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof info;
	int fd = bpf_map_get_fd_by_id(id);

	if (fd == -EPERM)
		fd = open_pin(name);
	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.id == id &&
	    strcmp(info.name, name) == 0)
		return fd;
	(void)close(fd);
	return -ENOENT;
}

int hm_attach_map_of(uint32_t prog_id, const char *name)
{
	uint32_t ids[MAPS_MAX], len;
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };
	int fd = open_prog(prog_id), err;

	if (fd < 0)
		return fd;
	len = sizeof info;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	(void)close(fd);
	if (err)
		return err;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		fd = open_map(ids[i], name);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}
