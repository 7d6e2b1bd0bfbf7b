#include "filters.h"

#include "tunnel-tun/net.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#define HANDLE 1u

static struct nl_msg *new_tc(int type, int flags, const struct tcmsg *head, const char *kind)
{
	struct nl_msg *msg = hm_rtnl_new(type, flags, head, sizeof *head);

	if (msg && nla_put_string(msg, TCA_KIND, kind) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int hm_filters_begin(const struct hm_filters *f)
{
	const struct tcmsg head = { .tcm_ifindex = f->ifindex,
		                    .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		                    .tcm_parent = TC_H_CLSACT };
	struct nl_msg *msg = new_tc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &head, "clsact");
	int err = msg ? hm_rtnl_ask(f->sock, msg, 0) : -ENOMEM;

	return err == -EEXIST ? 0 : err;
}

static struct tcmsg filter_head(const struct hm_filters *f, bool egress, unsigned prio)
{
	return (struct tcmsg){
		.tcm_ifindex = f->ifindex,
		.tcm_handle = HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE(prio << 16, htons(ETH_P_ALL)),
	};
}

int hm_filter_put(const struct hm_filters *f, bool egress, unsigned prio, int fd)
{
	const struct tcmsg head = filter_head(f, egress, prio);
	struct nl_msg *msg = new_tc(RTM_NEWTFILTER, NLM_F_CREATE, &head, "bpf");
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;
	int err = options ? nla_put_u32(msg, TCA_BPF_FD, (uint32_t)fd) : -1;

	if (!msg)
		return -ENOMEM;
	err = err < 0 ? err : nla_put_string(msg, TCA_BPF_NAME, f->name);
	err = err < 0 ? err : nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	if (options)
		nla_nest_end(msg, options);
	return hm_rtnl_ask(f->sock, msg, err);
}

int hm_filter_del(const struct hm_filters *f, bool egress, unsigned prio)
{
	const struct tcmsg head = filter_head(f, egress, prio);
	struct nl_msg *msg = new_tc(RTM_DELTFILTER, 0, &head, "bpf");
	int err = msg ? hm_rtnl_ask(f->sock, msg, 0) : -ENOMEM;

	return err == -ENOENT ? 0 : err;
}

static int on_filter(struct nl_msg *msg, void *arg)
{
	const struct tcmsg *head = nlmsg_data(nlmsg_hdr(msg));
	unsigned prio = TC_H_MAJ(head->tcm_info) >> 16;
	bool *there = arg;

	if (prio < HM_FILTER_PRIOS)
		there[prio] = true;
	return NL_OK;
}

int hm_filters_find(const struct hm_filters *f, bool there[HM_FILTER_PRIOS])
{
	struct tcmsg head = filter_head(f, false, 0);
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return -ENOMEM;
	head.tcm_info = 0;
	head.tcm_handle = 0;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_filter, there);
	err = nl_send_simple(f->sock, RTM_GETTFILTER, NLM_F_DUMP, &head, sizeof head);
	if (err >= 0)
		err = nl_recvmsgs(f->sock, cb);
	nl_cb_put(cb);
	return err < 0 ? -EIO : 0;
}
