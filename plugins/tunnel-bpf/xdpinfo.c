#include "xdpinfo.h"

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* linux/netdev.h, which the headers of older systems lack. */
#define FAMILY "netdev"
#define CMD_DEV_GET 1
#define A_DEV_IFINDEX 1
#define A_DEV_XDP_FEATURES 3
#define XDP_ACT_NDO_XMIT 4u

#define ATTRS_MAX 8

struct answer {
	int attr; /* asked for */
	bool found;
	uint64_t value;
};

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct answer *answer = arg;
	struct nlattr *tb[ATTRS_MAX + 1];

	if (nlmsg_parse(nlmsg_hdr(msg), GENL_HDRLEN, tb, ATTRS_MAX, NULL) < 0 || !tb[answer->attr])
		return NL_SKIP;
	answer->found = true;
	if (nla_len(tb[answer->attr]) >= 8)
		answer->value = nla_get_u64(tb[answer->attr]);
	else if (nla_len(tb[answer->attr]) >= 2)
		answer->value = nla_get_u16(tb[answer->attr]);
	return NL_SKIP;
}

struct question {
	int family;
	uint8_t command;
	int attr; /* the one it goes with */
	const void *data;
	int len;
};

/* False without an answer. */
static bool ask(struct nl_sock *sock, const struct question *q, struct answer *answer)
{
	struct genlmsghdr head = { .cmd = q->command, .version = 1 };
	struct nl_msg *msg = nlmsg_alloc_simple(q->family, 0);

	if (!msg)
		return false;
	if (nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, q->attr, q->len, q->data) < 0) {
		nlmsg_free(msg);
		return false;
	}
	(void)nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_answer, answer);
	/* Without an acknowledgement behind it there is one message to read. */
	nl_socket_disable_auto_ack(sock);
	(void)(nl_send_auto(sock, msg) >= 0 && nl_recvmsgs_default(sock) >= 0);
	nlmsg_free(msg);
	return answer->found;
}

/* The socket, with the family's number; NULL: there is no such family. */
static struct nl_sock *find_family(int *ret_family)
{
	const struct question who = { GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
		                      FAMILY, sizeof FAMILY };
	struct answer family = { .attr = CTRL_ATTR_FAMILY_ID };
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_GENERIC) == 0 && ask(sock, &who, &family)) {
		*ret_family = (int)family.value;
		return sock;
	}
	nl_socket_free(sock);
	return NULL;
}

bool hm_xdp_tells(void)
{
	int family = 0;
	struct nl_sock *sock = find_family(&family);

	nl_socket_free(sock);
	return sock != NULL;
}

bool hm_xdp_may_redirect(uint32_t ifindex)
{
	struct question what = { 0, CMD_DEV_GET, A_DEV_IFINDEX, &ifindex, sizeof ifindex };
	struct answer features = { .attr = A_DEV_XDP_FEATURES };
	struct nl_sock *sock = find_family(&what.family);
	bool may = sock && ask(sock, &what, &features) && (features.value & XDP_ACT_NDO_XMIT);

	nl_socket_free(sock);
	return may;
}
