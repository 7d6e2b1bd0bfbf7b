#include "rtnl.h"

/* Before the kernel's own, which makes way for it then. */
#include <net/if.h>

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define ADDR_GEN_NONE 1

int hm_rtnl_errno(int nle)
{
	switch (nle < 0 ? -nle : 0) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
	case NLE_NODEV:
	case NLE_NOADDR:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

struct nl_msg *hm_rtnl_new(int type, int flags, const void *head, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)(uintptr_t)head, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int hm_rtnl_ask(struct nl_sock *sock, struct nl_msg *msg, int built)
{
	if (built < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	/* Sends with NLM_F_ACK and frees. */
	return hm_rtnl_errno(nl_send_sync(sock, msg));
}

void hm_rtnl_get_addr(struct nlattr *attr, struct hm_addr *ret_addr)
{
	if (attr && nla_len(attr) == sizeof ret_addr->b)
		memcpy(ret_addr->b, nla_data(attr), sizeof ret_addr->b);
}

int hm_rtnl_put_router(struct nl_msg *msg)
{
	/* Link-local, so of no other link's concern; no host has it by itself. */
	static const struct hm_addr router = { { 0xfe, 0x80, [12] = 'h', 'm', 'i', 'p' } };

	return nla_put(msg, RTA_GATEWAY, sizeof router.b, router.b);
}

static int put_no_own_address(struct nl_msg *msg)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = spec ? nla_nest_start(msg, AF_INET6) : NULL;
	int err = inet6 ? nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, ADDR_GEN_NONE) : -1;

	if (err < 0)
		return err;
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return 0;
}

/* In two steps: the address mode has to be set before the device comes up. */
int hm_rtnl_link_up(struct nl_sock *sock, int ifindex)
{
	struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = hm_rtnl_new(RTM_NEWLINK, 0, &head, sizeof head);
	int err = msg ? hm_rtnl_ask(sock, msg, put_no_own_address(msg)) : -ENOMEM;

	if (err)
		return err;
	head.ifi_flags = IFF_UP;
	head.ifi_change = IFF_UP;
	msg = hm_rtnl_new(RTM_NEWLINK, 0, &head, sizeof head);
	return msg ? hm_rtnl_ask(sock, msg, 0) : -ENOMEM;
}

int hm_rtnl_link_mtu(struct nl_sock *sock, int ifindex, uint32_t mtu)
{
	const struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = hm_rtnl_new(RTM_NEWLINK, 0, &head, sizeof head);

	return msg ? hm_rtnl_ask(sock, msg, nla_put_u32(msg, IFLA_MTU, mtu)) : -ENOMEM;
}

int hm_rtnl_link_remove(struct nl_sock *sock, int ifindex)
{
	const struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = hm_rtnl_new(RTM_DELLINK, 0, &head, sizeof head);

	return msg ? hm_rtnl_ask(sock, msg, 0) : -ENOMEM;
}
