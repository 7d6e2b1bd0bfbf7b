#include "programs.h"

#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <limits.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OURS_MAX 8u
#define PIN_ROOT "/sys/fs/bpf/hmipd"

/* The filters on one side of an interface's clsact qdisc. */
struct filters {
	unsigned others, n;
	struct tcmsg ours[OURS_MAX];
};

static bool is_ours(const char *name)
{
	return strncmp(name, "hm_host_", 8) == 0 || strncmp(name, "hm_site_", 8) == 0;
}

static bool names_ours(struct nlattr *options)
{
	struct nlattr *tb[TCA_BPF_MAX + 1];

	return options && nla_parse_nested(tb, TCA_BPF_MAX, options, NULL) == 0 &&
	       tb[TCA_BPF_NAME] && is_ours(nla_get_string(tb[TCA_BPF_NAME]));
}

static int on_filter(struct nl_msg *msg, void *arg)
{
	struct filters *f = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	const struct tcmsg *tcm = nlmsg_data(hdr);
	struct nlattr *tb[TCA_MAX + 1];

	/* One without a handle is the head of those that follow. */
	if (hdr->nlmsg_type != RTM_NEWTFILTER || tcm->tcm_handle == 0 ||
	    nlmsg_parse(hdr, sizeof *tcm, tb, TCA_MAX, NULL) < 0)
		return NL_OK;
	if (names_ours(tb[TCA_OPTIONS]) && f->n < OURS_MAX)
		f->ours[f->n++] = *tcm;
	else
		f->others++;
	return NL_OK;
}

static int send_named(struct nl_sock *sock, int type, const struct tcmsg *tcm, const char *kind)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, (void *)(uintptr_t)tcm, sizeof *tcm, NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, TCA_KIND, kind) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return nl_send_sync(sock, msg) < 0 ? -EIO : 0;
}

static struct filters filters_on(struct nl_sock *sock, unsigned ifindex, uint32_t side)
{
	struct tcmsg head = { .tcm_family = AF_UNSPEC,
		              .tcm_ifindex = (int)ifindex,
		              .tcm_parent = TC_H_MAKE(TC_H_CLSACT, side) };
	struct filters f = { 0 };

	if (nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_filter, &f) < 0 ||
	    nl_send_simple(sock, RTM_GETTFILTER, NLM_F_DUMP, &head, sizeof head) < 0 ||
	    nl_recvmsgs_default(sock) < 0)
		f.others++;
	return f;
}

/* The qdisc goes as well, when nothing else is on it. */
static int clear_tc(struct nl_sock *sock, unsigned ifindex)
{
	const uint32_t sides[2] = { TC_H_MIN_INGRESS, TC_H_MIN_EGRESS };
	const struct tcmsg qdisc = { .tcm_ifindex = (int)ifindex,
		                     .tcm_parent = TC_H_CLSACT,
		                     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	unsigned ours = 0, others = 0;
	int err = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct filters f = filters_on(sock, ifindex, sides[i]);

		ours += f.n;
		others += f.others;
		for (unsigned k = 0; k < f.n; k++) {
			int now = send_named(sock, RTM_DELTFILTER, &f.ours[k], "bpf");

			err = err ? err : now;
		}
	}
	if (ours > 0 && others == 0 && !err)
		err = send_named(sock, RTM_DELQDISC, &qdisc, "clsact");
	return err;
}

/* --- XDP ------------------------------------------------------------------------------------- */

struct xdp {
	uint32_t id, mode;
};

static int on_link(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[IFLA_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct xdp *x = arg;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_XDP] || nla_parse_nested(xdp, IFLA_XDP_MAX, tb[IFLA_XDP], NULL) < 0 ||
	    !xdp[IFLA_XDP_PROG_ID] || !xdp[IFLA_XDP_ATTACHED])
		return NL_OK;
	x->id = nla_get_u32(xdp[IFLA_XDP_PROG_ID]);
	x->mode = nla_get_u8(xdp[IFLA_XDP_ATTACHED]) == XDP_ATTACHED_SKB ? XDP_FLAGS_SKB_MODE
	                                                                 : XDP_FLAGS_DRV_MODE;
	return NL_OK;
}

/* A program's name by its number, which takes CAP_SYS_ADMIN. */
static bool is_our_program(uint32_t id)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr;
	int fd;
	bool yes;

	memset(&attr, 0, sizeof attr);
	attr.prog_id = id;
	fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof attr);
	if (fd < 0)
		return false;
	memset(&attr, 0, sizeof attr);
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof info;
	attr.info.info = (uintptr_t)&info;
	yes = syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr) == 0 &&
	      is_ours(info.name);
	(void)close(fd);
	return yes;
}

static int clear_xdp(struct nl_sock *sock, unsigned ifindex)
{
	struct ifinfomsg head = { .ifi_index = (int)ifindex };
	struct xdp x = { 0 };
	struct nl_msg *msg;
	struct nlattr *nest;

	if (nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_link, &x) < 0 ||
	    nl_send_simple(sock, RTM_GETLINK, 0, &head, sizeof head) < 0 ||
	    nl_recvmsgs_default(sock) < 0 || nl_wait_for_ack(sock) < 0 || x.id == 0 ||
	    !is_our_program(x.id))
		return 0;
	msg = nlmsg_alloc_simple(RTM_SETLINK, 0);
	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) < 0 ||
	    !(nest = nla_nest_start(msg, IFLA_XDP)) ||
	    nla_put_u32(msg, IFLA_XDP_FD, UINT32_MAX) < 0 ||
	    nla_put_u32(msg, IFLA_XDP_FLAGS, x.mode) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, nest);
	return nl_send_sync(sock, msg) < 0 ? -EIO : 0;
}

/* What is pinned for this namespace holds the maps. */
static void clear_pins(void)
{
	char where[64], path[sizeof where + 1 + NAME_MAX];
	struct dirent *entry;
	struct stat ns;
	DIR *dir;

	if (stat("/proc/self/ns/net", &ns) != 0)
		return;
	(void)snprintf(where, sizeof where, PIN_ROOT "/%llu", (unsigned long long)ns.st_ino);
	dir = opendir(where);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (!is_ours(entry->d_name) && strncmp(entry->d_name, "hm_h", 4) != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", where, entry->d_name);
		(void)unlink(path);
	}
	(void)closedir(dir);
	if (rmdir(where) == 0)
		(void)rmdir(PIN_ROOT);
}

int hm_programs_remove(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct if_nameindex *all = if_nameindex();
	int err = sock && all && nl_connect(sock, NETLINK_ROUTE) == 0 ? 0 : -EIO;

	for (struct if_nameindex *i = all; !err && i->if_index != 0; i++) {
		int now = clear_tc(sock, i->if_index), then = clear_xdp(sock, i->if_index);

		err = now ? now : then;
	}
	if (all)
		if_freenameindex(all);
	nl_socket_free(sock);
	if (!err)
		clear_pins();
	return err;
}
