#include "net.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int tolerate(int err, bool add)
{
	if (add)
		return err == -EEXIST ? 0 : err;
	return err == -ENOENT ? 0 : err;
}

int hm_net_open(struct hm_net *net, const char *device)
{
	*net = (struct hm_net){ .ifindex = (int)if_nametoindex(device) };
	if (net->ifindex == 0)
		return -ENODEV;
	net->into = net->ifindex;
	net->sock = nl_socket_alloc();
	if (!net->sock)
		return -ENOMEM;
	if (nl_connect(net->sock, NETLINK_ROUTE) < 0) {
		hm_net_close(net);
		return -EIO;
	}
	return 0;
}

void hm_net_close(struct hm_net *net)
{
	nl_socket_free(net->sock);
	net->sock = NULL;
}

int hm_net_link(struct hm_net *net, uint32_t mtu, uint32_t queue)
{
	const struct ifinfomsg head = { .ifi_index = net->ifindex };
	struct nl_msg *msg = hm_rtnl_new(RTM_NEWLINK, 0, &head, sizeof head);
	int built, err;

	if (!msg)
		return -ENOMEM;
	built = nla_put_u32(msg, IFLA_MTU, mtu);
	built = built < 0 ? built : nla_put_u32(msg, IFLA_TXQLEN, queue);
	err = hm_rtnl_ask(net->sock, msg, built);
	return err ? err : hm_rtnl_link_up(net->sock, net->ifindex);
}

int hm_net_mtu(struct hm_net *net, uint32_t mtu)
{
	return hm_rtnl_link_mtu(net->sock, net->ifindex, mtu);
}

int hm_net_remove(struct hm_net *net, const char *device)
{
	int ifindex = (int)if_nametoindex(device);

	return ifindex ? tolerate(hm_rtnl_link_remove(net->sock, ifindex), false) : 0;
}

int hm_net_addr(struct hm_net *net, const struct hm_net_addr *addr, bool add)
{
	struct ifaddrmsg head = { .ifa_family = AF_INET6,
		                  .ifa_prefixlen = 128,
		                  .ifa_flags = IFA_F_NODAD,
		                  .ifa_index = (unsigned)net->ifindex };
	struct ifa_cacheinfo life = { .ifa_prefered = addr->deprecated ? 0 : UINT32_MAX,
		                      .ifa_valid = UINT32_MAX };
	struct nl_msg *msg =
	        hm_rtnl_new(add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_REPLACE : 0,
	                    &head, sizeof head);

	if (!msg)
		return -ENOMEM;
	if (nla_put(msg, IFA_LOCAL, 16, addr->addr.b) < 0 ||
	    nla_put(msg, IFA_ADDRESS, 16, addr->addr.b) < 0 ||
	    nla_put(msg, IFA_CACHEINFO, sizeof life, &life) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return tolerate(hm_rtnl_ask(net->sock, msg, 0), add);
}

static int leads_to(const struct hm_net *net, uint32_t table)
{
	return table == HM_NET_TABLE_ATTRACT || table == HM_NET_TABLE_MAIN ? net->into
	                                                                   : net->ifindex;
}

static int route(struct hm_net *net, const struct hm_net_route *r, bool add, bool with_src)
{
	struct rtmsg head = { .rtm_family = AF_INET6,
		              .rtm_dst_len = r->plen,
		              .rtm_table = RT_TABLE_UNSPEC,
		              .rtm_protocol = HM_NET_PROTOCOL,
		              .rtm_scope = RT_SCOPE_UNIVERSE,
		              .rtm_type = RTN_UNICAST };
	int oif = r->ifindex ? r->ifindex : leads_to(net, r->table);
	struct nl_msg *msg =
	        hm_rtnl_new(add ? RTM_NEWROUTE : RTM_DELROUTE,
	                    add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &head, sizeof head);

	if (!msg)
		return -ENOMEM;
	if ((r->plen > 0 && nla_put(msg, RTA_DST, 16, r->dst.b) < 0) ||
	    nla_put_u32(msg, RTA_OIF, (uint32_t)oif) < 0 ||
	    nla_put_u32(msg, RTA_TABLE, r->table) < 0 || (add && hm_rtnl_put_router(msg) < 0) ||
	    (r->metric && nla_put_u32(msg, RTA_PRIORITY, r->metric) < 0) ||
	    (with_src && nla_put(msg, RTA_PREFSRC, 16, r->src.b) < 0)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return tolerate(hm_rtnl_ask(net->sock, msg, 0), add);
}

int hm_net_route(struct hm_net *net, const struct hm_net_route *r, bool add)
{
	bool with_src = add && !hm_addr_is_any(&r->src);
	int err = route(net, r, add, with_src);

	return err == -EINVAL && with_src ? route(net, r, add, false) : err;
}

int hm_net_rule(struct hm_net *net, const struct hm_net_rule *rule, bool add)
{
	bool has_from = !hm_addr_is_any(&rule->from);
	struct fib_rule_hdr head = { .family = AF_INET6,
		                     .src_len = has_from ? 128 : 0,
		                     .action = FR_ACT_TO_TBL,
		                     .flags = rule->not_mark ? FIB_RULE_INVERT : 0 };
	struct nl_msg *msg = hm_rtnl_new(add ? RTM_NEWRULE : RTM_DELRULE,
	                                 add ? NLM_F_CREATE | NLM_F_EXCL : 0, &head, sizeof head);

	if (!msg)
		return -ENOMEM;
	if (nla_put_u32(msg, FRA_PRIORITY, rule->pref) < 0 ||
	    nla_put_u32(msg, FRA_TABLE, rule->table) < 0 ||
	    nla_put_u8(msg, FRA_PROTOCOL, HM_NET_PROTOCOL) < 0 ||
	    (has_from && nla_put(msg, FRA_SRC, 16, rule->from.b) < 0) ||
	    (rule->use_mark && (nla_put_u32(msg, FRA_FWMARK, rule->mark) < 0 ||
	                        nla_put_u32(msg, FRA_FWMASK, UINT32_MAX) < 0)) ||
	    (rule->no_default && nla_put_u32(msg, FRA_SUPPRESS_PREFIXLEN, 0) < 0)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return tolerate(hm_rtnl_ask(net->sock, msg, 0), add);
}

/* --- reading what is there ------------------------------------------------------------------ */

/* What a dump found, to be removed after it: no request may go out while one is being read. */
struct found {
	struct hm_net *net;
	const struct hm_net_wanted *wanted;
	struct unwanted {
		struct unwanted *next;
		enum { IS_ADDR, IS_ROUTE, IS_RULE } kind;
		union {
			struct hm_net_addr addr;
			struct hm_net_route route;
			struct hm_net_rule rule;
		} is;
	} * list;
	uint32_t least_mtu;
};

static int dump(struct hm_net *net, int type, int family, nl_recvmsg_msg_cb_t each,
                struct found *found)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, each, found);
	err = nl_rtgen_request(net->sock, type, family, NLM_F_DUMP);
	if (err >= 0)
		err = nl_recvmsgs(net->sock, cb);
	nl_cb_put(cb);
	return hm_rtnl_errno(err);
}

static void note(struct found *found, const struct unwanted *what)
{
	struct unwanted *u = malloc(sizeof *u);

	if (!u)
		return;
	*u = *what;
	u->next = found->list;
	found->list = u;
}

static int on_addr(struct nl_msg *msg, void *arg)
{
	struct found *found = arg;
	struct ifaddrmsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[IFA_MAX + 1];
	struct unwanted u = { .kind = IS_ADDR };

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, IFA_MAX, NULL) < 0 ||
	    (int)head->ifa_index != found->net->ifindex)
		return NL_OK;
	hm_rtnl_get_addr(attr[IFA_ADDRESS], &u.is.addr.addr);
	u.is.addr.deprecated = head->ifa_flags & IFA_F_DEPRECATED;
	if (!found->wanted->addr(found->wanted->arg, &u.is.addr))
		note(found, &u);
	return NL_OK;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct found *found = arg;
	const struct hm_net *net = found->net;
	struct rtmsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[RTA_MAX + 1];
	struct unwanted u = { .kind = IS_ROUTE };

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, RTA_MAX, NULL) < 0 ||
	    head->rtm_protocol != HM_NET_PROTOCOL || !attr[RTA_OIF] || !attr[RTA_TABLE])
		return NL_OK;
	u.is.route.ifindex = (int)nla_get_u32(attr[RTA_OIF]);
	u.is.route.table = nla_get_u32(attr[RTA_TABLE]);
	if (u.is.route.ifindex != net->ifindex &&
	    (u.is.route.ifindex != net->into || leads_to(net, u.is.route.table) != net->into))
		return NL_OK;
	u.is.route.plen = head->rtm_dst_len;
	hm_rtnl_get_addr(attr[RTA_DST], &u.is.route.dst);
	/* With another plugin they led elsewhere. */
	if (u.is.route.ifindex != leads_to(net, u.is.route.table) ||
	    !found->wanted->route(found->wanted->arg, &u.is.route))
		note(found, &u);
	return NL_OK;
}

static int on_rule(struct nl_msg *msg, void *arg)
{
	struct found *found = arg;
	struct fib_rule_hdr *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[FRA_MAX + 1];
	struct unwanted u = { .kind = IS_RULE };
	struct hm_net_rule *rule = &u.is.rule;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, FRA_MAX, NULL) < 0 ||
	    !attr[FRA_PROTOCOL] || nla_get_u8(attr[FRA_PROTOCOL]) != HM_NET_PROTOCOL ||
	    !attr[FRA_PRIORITY] || !attr[FRA_TABLE])
		return NL_OK;
	rule->pref = nla_get_u32(attr[FRA_PRIORITY]);
	rule->table = nla_get_u32(attr[FRA_TABLE]);
	hm_rtnl_get_addr(attr[FRA_SRC], &rule->from);
	rule->use_mark = attr[FRA_FWMARK] != NULL;
	rule->mark = attr[FRA_FWMARK] ? nla_get_u32(attr[FRA_FWMARK]) : 0;
	rule->not_mark = head->flags & FIB_RULE_INVERT;
	rule->no_default =
	        attr[FRA_SUPPRESS_PREFIXLEN] && nla_get_u32(attr[FRA_SUPPRESS_PREFIXLEN]) == 0;
	if (!found->wanted->rule(found->wanted->arg, rule))
		note(found, &u);
	return NL_OK;
}

static int remove_one(struct hm_net *net, const struct unwanted *u)
{
	switch (u->kind) {
	case IS_ADDR:
		return hm_net_addr(net, &u->is.addr, false);
	case IS_ROUTE:
		return hm_net_route(net, &u->is.route, false);
	case IS_RULE:
		return hm_net_rule(net, &u->is.rule, false);
	}
	return 0;
}

int hm_net_sweep(struct hm_net *net, const struct hm_net_wanted *wanted)
{
	struct found found = { .net = net, .wanted = wanted };
	int err = dump(net, RTM_GETRULE, AF_INET6, on_rule, &found);

	if (!err)
		err = dump(net, RTM_GETROUTE, AF_INET6, on_route, &found);
	if (!err)
		err = dump(net, RTM_GETADDR, AF_INET6, on_addr, &found);
	while (found.list) {
		struct unwanted *u = found.list;
		int removed = remove_one(net, u);

		found.list = u->next;
		free(u);
		if (!err)
			err = removed;
	}
	return err;
}

static int on_link(struct nl_msg *msg, void *arg)
{
	struct found *found = arg;
	struct ifinfomsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[IFLA_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, IFLA_MAX, NULL) < 0 ||
	    (head->ifi_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP || !attr[IFLA_MTU] ||
	    !attr[IFLA_IFNAME] || head->ifi_index == found->net->ifindex ||
	    strncmp(nla_get_string(attr[IFLA_IFNAME]), "hmip", 4) == 0)
		return NL_OK;
	if (found->least_mtu == 0 || nla_get_u32(attr[IFLA_MTU]) < found->least_mtu)
		found->least_mtu = nla_get_u32(attr[IFLA_MTU]);
	return NL_OK;
}

uint32_t hm_net_least_mtu(struct hm_net *net)
{
	struct found found = { .net = net };

	if (dump(net, RTM_GETLINK, AF_UNSPEC, on_link, &found) != 0 || found.least_mtu == 0)
		return 1500;
	return found.least_mtu;
}
