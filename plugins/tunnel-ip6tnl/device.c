#include "device.h"

#include "tunnel-tun/net.h"

/* Before the kernel's own, which makes way for it then. */
#include <net/if.h>

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

/* Filters, in the order they are asked: two places for those of bindings, of this run and of the
 * one before, then others of the plugin's, then the end (device.h). */
#define TURNS 2u

static int put_kind(struct nl_msg *msg)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;
	int err = info ? nla_put_string(msg, IFLA_INFO_KIND, "ip6tnl") : -1;

	data = err < 0 ? NULL : nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data)
		return -1;
	/* No option of ours in front of each packet: it costs 8 octets and routers' fast path. */
	err = nla_put_u32(msg, IFLA_IPTUN_FLAGS, IP6_TNL_F_IGN_ENCAP_LIMIT);
	err = err < 0 ? err : nla_put_u8(msg, IFLA_IPTUN_PROTO, IPPROTO_IPV6);
	err = err < 0 ? err : nla_put_flag(msg, IFLA_IPTUN_COLLECT_METADATA);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return err;
}

static int create(struct hm_device6 *d)
{
	const struct ifinfomsg head = { .ifi_index = 0 };
	struct nl_msg *msg =
	        hm_rtnl_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
	int err = msg ? nla_put_string(msg, IFLA_IFNAME, d->name) : -1;

	if (!msg)
		return -ENOMEM;
	err = hm_rtnl_ask(d->sock, msg, err < 0 ? err : put_kind(msg));
	d->ifindex = (int)if_nametoindex(d->name);
	if (err == -EEXIST)
		return d->ifindex > 0 ? 0 : -EBUSY;
	d->fresh = err == 0;
	return err == 0 && d->ifindex == 0 ? -ENODEV : err;
}

void hm_device6_close(struct hm_device6 *d)
{
	nl_socket_free(d->sock);
	d->sock = NULL;
}

int hm_device6_mtu(struct hm_device6 *d, uint32_t mtu)
{
	int err = mtu == d->mtu ? 0 : hm_rtnl_link_mtu(d->sock, d->ifindex, mtu);

	if (!err)
		d->mtu = mtu;
	return err;
}

int hm_device6_remove(struct hm_device6 *d)
{
	return hm_rtnl_link_remove(d->sock, d->ifindex);
}

struct hm_filters hm_device6_filters(const struct hm_device6 *d)
{
	return (struct hm_filters){ d->sock, d->ifindex, d->name };
}

static int guard(struct hm_device6 *d, const struct hm_bound *bound)
{
	const struct hm_filters f = hm_device6_filters(d);
	bool there[HM_FILTER_PRIOS] = { false };
	int err = hm_filters_begin(&f);

	/* The end first: nothing leaves the tunnel unchecked, not even for a moment. */
	err = err ? err : hm_filter_put(&f, false, HM_DEVICE6_PRIO_END, bound->fd[HM_BOUND_DROP]);
	err = err ? err : hm_filter_put(&f, true, HM_DEVICE6_PRIO_END, bound->fd[HM_BOUND_REST]);
	err = err ? err : hm_filters_find(&f, there);
	if (err)
		return err;
	/* Two: a crash between guard and alone. Which is older nobody knows; both are right. */
	d->turn = there[1] ? 2 : 1;
	if (there[1] && there[TURNS])
		err = hm_filter_del(&f, false, d->turn);
	err = err ? err : hm_filter_put(&f, false, d->turn, bound->fd[HM_BOUND_IN]);
	return err ? err : hm_filter_put(&f, true, d->turn, bound->fd[HM_BOUND_OUT]);
}

int hm_device6_alone(struct hm_device6 *d)
{
	const struct hm_filters f = hm_device6_filters(d);
	unsigned other = d->turn == 1 ? TURNS : 1;
	int err = hm_filter_del(&f, false, other), now = hm_filter_del(&f, true, other);

	return err ? err : now;
}

int hm_device6_open(struct hm_device6 *d, const char *name, const struct hm_bound *bound)
{
	int err = -EIO;

	*d = (struct hm_device6){ .sock = nl_socket_alloc(), .name = name };
	if (!d->sock)
		return -ENOMEM;
	if (nl_connect(d->sock, NETLINK_ROUTE) >= 0)
		err = create(d);
	/* Guarded before the first packet. */
	err = err ? err : guard(d, bound);
	err = err ? err : hm_rtnl_link_up(d->sock, d->ifindex);
	if (err && d->fresh)
		(void)hm_device6_remove(d);
	if (err)
		hm_device6_close(d);
	return err;
}
