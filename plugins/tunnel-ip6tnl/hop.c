#include "hop.h"

#include "filters.h"
#include "tunnel-tun/net.h"
#include "wire/ip6.h"

/* Before the kernel's own, which makes way for it then. */
#include <net/if.h>

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/ip6_tunnel.h>
#include <linux/lwtunnel.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>

#define METRIC 512u
#define PRIO 1u
#define PRIO_END 9u

/* No option of ours in front of each packet; the class of traffic and the flow label are those of
 * the packet inside. */
#define FLAGS (IP6_TNL_F_IGN_ENCAP_LIMIT | IP6_TNL_F_USE_ORIG_TCLASS | IP6_TNL_F_USE_ORIG_FLOWLABEL)

struct found {
	int ifindex;
	struct hm_addr local, remote;
	uint32_t mtu;
};

static void name_of(unsigned index, char ret_name[IFNAMSIZ])
{
	(void)snprintf(ret_name, IFNAMSIZ, HM_NET_HOP_DEVICE, index);
}

static int on_link(struct nl_msg *msg, void *arg)
{
	struct found *found = arg;
	struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *data[IFLA_IPTUN_MAX + 1];

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWLINK || head->ifi_index != found->ifindex ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, IFLA_MAX, NULL) < 0)
		return NL_OK;
	if (attr[IFLA_MTU])
		found->mtu = nla_get_u32(attr[IFLA_MTU]);
	if (!attr[IFLA_LINKINFO] ||
	    nla_parse_nested(info, IFLA_INFO_MAX, attr[IFLA_LINKINFO], NULL) < 0 ||
	    !info[IFLA_INFO_DATA] ||
	    nla_parse_nested(data, IFLA_IPTUN_MAX, info[IFLA_INFO_DATA], NULL) < 0)
		return NL_OK;
	hm_rtnl_get_addr(data[IFLA_IPTUN_LOCAL], &found->local);
	hm_rtnl_get_addr(data[IFLA_IPTUN_REMOTE], &found->remote);
	return NL_OK;
}

static int look(struct nl_sock *sock, struct found *found)
{
	struct ifinfomsg head = { .ifi_index = found->ifindex };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_link, found);
	err = nl_send_simple(sock, RTM_GETLINK, 0, &head, sizeof head);
	err = err < 0 ? err : nl_recvmsgs(sock, cb);
	/* The acknowledgement, which a request that is none of libnl's own gets too. */
	err = err < 0 ? err : nl_wait_for_ack(sock);
	nl_cb_put(cb);
	return err < 0 ? -EIO : 0;
}

static int put_kind(struct nl_msg *msg, const struct hm_hop_device *hop)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;
	int err = info ? nla_put_string(msg, IFLA_INFO_KIND, "ip6tnl") : -1;

	data = err < 0 ? NULL : nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data)
		return -1;
	err = nla_put_u32(msg, IFLA_IPTUN_FLAGS, FLAGS);
	err = err < 0 ? err : nla_put_u8(msg, IFLA_IPTUN_PROTO, IPPROTO_IPV6);
	err = err < 0 ? err : nla_put_u8(msg, IFLA_IPTUN_TTL, HM_IP6_HOP_LIMIT);
	err = err < 0 ? err : nla_put(msg, IFLA_IPTUN_LOCAL, 16, hop->local.b);
	err = err < 0 ? err : nla_put(msg, IFLA_IPTUN_REMOTE, 16, hop->remote.b);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return err;
}

/* Makes the device, or changes its ends. */
static int set_kind(struct nl_sock *sock, const struct hm_hop_device *hop, int ifindex)
{
	const struct ifinfomsg head = { .ifi_index = ifindex };
	struct nl_msg *msg = hm_rtnl_new(RTM_NEWLINK, ifindex ? 0 : NLM_F_CREATE | NLM_F_EXCL,
	                                 &head, sizeof head);
	char name[IFNAMSIZ];
	int err = 0;

	if (!msg)
		return -ENOMEM;
	name_of(hop->index, name);
	if (ifindex == 0)
		err = nla_put_string(msg, IFLA_IFNAME, name);
	return hm_rtnl_ask(sock, msg, err < 0 ? err : put_kind(msg, hop));
}

static int guard(struct nl_sock *sock, const struct hm_hop_device *hop, int ifindex)
{
	const struct hm_filters f = { sock, ifindex, "hmipk" };
	int err = hm_filters_begin(&f);

	err = err ? err : hm_filter_put(&f, false, PRIO_END, hop->drop);
	err = err ? err : hm_filter_put(&f, false, PRIO, hop->in);
	if (err || hop->out < 0)
		return err ? err : hm_filter_del(&f, true, PRIO);
	return hm_filter_put(&f, true, PRIO, hop->out);
}

int hm_hop_device_put(struct nl_sock *sock, const struct hm_hop_device *hop, bool anew,
                      int *ret_ifindex)
{
	struct found found = { .ifindex = 0 };
	char name[IFNAMSIZ];
	bool fresh;
	int err;

	name_of(hop->index, name);
	found.ifindex = (int)if_nametoindex(name);
	fresh = found.ifindex == 0;
	err = fresh ? 0 : look(sock, &found);
	if (!err &&
	    (!hm_addr_eq(&found.local, &hop->local) || !hm_addr_eq(&found.remote, &hop->remote)))
		err = set_kind(sock, hop, found.ifindex);
	if (fresh)
		found.ifindex = (int)if_nametoindex(name);
	if (!err && found.ifindex == 0)
		err = -ENODEV;
	/* Guarded before the first packet. */
	if (!err && (fresh || anew))
		err = guard(sock, hop, found.ifindex);
	if (!err && found.mtu != hop->mtu)
		err = hm_rtnl_link_mtu(sock, found.ifindex, hop->mtu);
	if (!err && (fresh || anew))
		err = hm_rtnl_link_up(sock, found.ifindex);
	*ret_ifindex = found.ifindex;
	return err;
}

int hm_hop_device_del(struct nl_sock *sock, unsigned index)
{
	char name[IFNAMSIZ];
	int ifindex;

	name_of(index, name);
	ifindex = (int)if_nametoindex(name);
	return ifindex ? hm_rtnl_link_remove(sock, ifindex) : 0;
}

/* --- routes --------------------------------------------------------------------------------- */

/* Where a route into the device of all bindings leads. */
static int put_encap(struct nl_msg *msg, const struct hm_hop_route *route)
{
	struct nlattr *encap;

	if (nla_put_u16(msg, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_IP6) < 0)
		return -1;
	encap = nla_nest_start(msg, RTA_ENCAP);
	if (!encap || nla_put(msg, LWTUNNEL_IP6_DST, 16, route->remote.b) < 0 ||
	    nla_put(msg, LWTUNNEL_IP6_SRC, 16, route->local.b) < 0 ||
	    nla_put_u8(msg, LWTUNNEL_IP6_HOPLIMIT, HM_IP6_HOP_LIMIT) < 0)
		return -1;
	nla_nest_end(msg, encap);
	return 0;
}

static struct nl_msg *message(int type, int flags, uint32_t table, int ifindex)
{
	const struct rtmsg head = { .rtm_family = AF_INET6,
		                    .rtm_table = RT_TABLE_UNSPEC,
		                    .rtm_protocol = HM_NET_PROTOCOL,
		                    .rtm_scope = RT_SCOPE_UNIVERSE,
		                    .rtm_type = RTN_UNICAST };
	struct nl_msg *msg = hm_rtnl_new(type, flags, &head, sizeof head);

	if (msg && (nla_put_u32(msg, RTA_OIF, (uint32_t)ifindex) < 0 ||
	            nla_put_u32(msg, RTA_TABLE, table) < 0 ||
	            nla_put_u32(msg, RTA_PRIORITY, METRIC) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int hm_hop_route_put(struct nl_sock *sock, const struct hm_hop_route *route)
{
	struct nl_msg *msg =
	        message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route->table, route->ifindex);
	int err;

	if (!msg)
		return -ENOMEM;
	err = hm_rtnl_put_router(msg);
	if (err >= 0 && !hm_addr_is_any(&route->source))
		err = nla_put(msg, RTA_PREFSRC, 16, route->source.b);
	if (err >= 0 && route->encap)
		err = put_encap(msg, route);
	return hm_rtnl_ask(sock, msg, err);
}

int hm_hop_route_del(struct nl_sock *sock, uint32_t table, int ifindex)
{
	struct nl_msg *msg = message(RTM_DELROUTE, 0, table, ifindex);
	int err = msg ? hm_rtnl_ask(sock, msg, 0) : -ENOMEM;

	return err == -ENOENT ? 0 : err;
}
