#include "host/kernel_request.h"

#include "base/err.h"
#include "host/kernel.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#define DUMP_TRIES 4

int hm_err_from_nl(int nl_err)
{
	switch (nl_err < 0 ? -nl_err : nl_err) {
	case 0:
		return HM_OK;
	case NLE_EXIST:
		return HM_EEXIST;
	case NLE_PERM:
	case NLE_NOACCESS:
		return HM_EPERM;
	case NLE_NODEV:
		return HM_ENODEV;
	case NLE_NOADDR:
	case NLE_OBJ_NOTFOUND:
		return HM_ENOTFOUND;
	case NLE_NOMEM:
		return HM_ENOMEM;
	case NLE_OPNOTSUPP:
		return HM_EUNSUPPORTED;
	default:
		return HM_EIO;
	}
}

/* Sends and frees the message, waits for the acknowledgement. */
static int send_take(struct nl_sock *sock, struct nl_msg *msg, int build_err)
{
	if (build_err < 0) {
		nlmsg_free(msg);
		return HM_ENOMEM;
	}
	return hm_err_from_nl(nl_send_sync(sock, msg));
}

static int put_addr(struct nl_msg *msg, int type, const struct hm_addr *addr)
{
	return nla_put(msg, type, sizeof addr->b, addr->b);
}

static int request_addr(struct nl_sock *sock, int type, int flags,
                        const struct hm_addr_request *request)
{
	struct ifaddrmsg info = { .ifa_family = AF_INET6,
		                  .ifa_prefixlen = request->plen,
		                  .ifa_index = request->ifindex };
	struct ifa_cacheinfo life = { .ifa_prefered = request->deprecated ? 0 : UINT32_MAX,
		                      .ifa_valid = UINT32_MAX };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	int err;

	if (!msg)
		return HM_ENOMEM;
	err = nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO);
	err = err ? err : put_addr(msg, IFA_LOCAL, &request->addr);
	if (type == RTM_NEWADDR) {
		err = err ? err : nla_put_u32(msg, IFA_FLAGS, request->flags);
		err = err ? err : nla_put_u8(msg, IFA_PROTO, HM_KERNEL_PROTO);
		err = err ? err : nla_put(msg, IFA_CACHEINFO, sizeof life, &life);
	}
	return send_take(sock, msg, err);
}

int hm_request_addr_add(struct nl_sock *sock, const struct hm_addr_request *request)
{
	int how = request->replace ? NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL;

	return request_addr(sock, RTM_NEWADDR, how, request);
}

int hm_request_addr_del(struct nl_sock *sock, const struct hm_addr_request *request)
{
	int err = request_addr(sock, RTM_DELADDR, 0, request);

	return err == HM_ENOTFOUND || err == HM_ENODEV ? HM_OK : err;
}

int hm_request_route(struct nl_sock *sock, bool add, uint32_t ifindex, const struct hm_addr *router,
                     uint32_t metric)
{
	struct rtmsg info = { .rtm_family = AF_INET6,
		              .rtm_table = RT_TABLE_MAIN,
		              .rtm_protocol = HM_KERNEL_PROTO,
		              .rtm_scope = RT_SCOPE_UNIVERSE,
		              .rtm_type = RTN_UNICAST };
	struct nl_msg *msg =
	        nlmsg_alloc_simple(add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE : 0);
	int err;

	if (!msg)
		return HM_ENOMEM;
	err = nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO);
	err = err ? err : put_addr(msg, RTA_GATEWAY, router);
	err = err ? err : nla_put_u32(msg, RTA_OIF, ifindex);
	err = err ? err : nla_put_u32(msg, RTA_PRIORITY, metric);
	err = send_take(sock, msg, err);
	if (add)
		return err == HM_EEXIST ? HM_OK : err;
	return err == HM_ENOTFOUND || err == HM_ENODEV ? HM_OK : err;
}

static int dump_once(struct nl_sock *sock, int type)
{
	struct rtgenmsg all = { .rtgen_family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET6 };
	int err = nl_send_simple(sock, type, NLM_F_DUMP, &all, sizeof all);

	return err < 0 ? err : nl_recvmsgs_default(sock);
}

int hm_request_dump(int type, nl_recvmsg_msg_cb_t cb, void *arg)
{
	struct nl_sock *sock = nl_socket_alloc();
	int err;

	if (!sock)
		return HM_ENOMEM;
	(void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, cb, arg);
	err = nl_connect(sock, NETLINK_ROUTE);
	for (unsigned i = 0; !err && i < DUMP_TRIES; i++) {
		err = dump_once(sock, type);
		if (err != -NLE_DUMP_INTR || i + 1 == DUMP_TRIES)
			break;
		err = 0; /* it changed meanwhile: once more */
	}
	nl_socket_free(sock);
	return hm_err_from_nl(err);
}
