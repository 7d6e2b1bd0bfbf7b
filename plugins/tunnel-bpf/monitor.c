#include "monitor.h"

#include "neighbours.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000
#define RECEIVE_BUFFER (4 * 1024 * 1024)

struct hm_monitor {
	struct hm_monitor_calls calls;
	struct nl_sock *events; /* multicast */
	struct nl_sock *asks;   /* dumps and requests */
	int stop;               /* eventfd */
	bool changed;
	pthread_t thread;
	struct hm_neighbours neighbours;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void copy_text(char *ret, size_t room, const struct nlattr *a)
{
	if (a)
		(void)nla_strlcpy(ret, a, room);
}

static void read_link(struct nlmsghdr *hdr, struct hm_monitor_link *ret_link)
{
	const struct ifinfomsg *info = nlmsg_data(hdr);
	struct nlattr *tb[IFLA_MAX + 1], *nested[IFLA_INFO_MAX + 1];

	memset(ret_link, 0, sizeof *ret_link);
	ret_link->ifindex = (uint32_t)info->ifi_index;
	ret_link->up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
	ret_link->ethernet = info->ifi_type == ARPHRD_ETHER;
	ret_link->loopback = info->ifi_flags & IFF_LOOPBACK;
	if (nlmsg_parse(hdr, sizeof *info, tb, IFLA_MAX, NULL) < 0)
		return;
	copy_text(ret_link->name, sizeof ret_link->name, tb[IFLA_IFNAME]);
	if (tb[IFLA_MTU])
		ret_link->mtu = nla_get_u32(tb[IFLA_MTU]);
	/* With a number of a namespace, IFLA_LINK is a number of an interface over there. */
	if (tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID])
		ret_link->under = nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_MASTER])
		ret_link->master = nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof ret_link->lladdr)
		memcpy(ret_link->lladdr, nla_data(tb[IFLA_ADDRESS]), sizeof ret_link->lladdr);
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(nested, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0)
		copy_text(ret_link->kind, sizeof ret_link->kind, nested[IFLA_INFO_KIND]);
}

/* A neighbour that only ages, or is probed and found, is where it was: that is no change, or every
 * neighbour's ageing would cost all bindings their next hops. */
static void read_neighbour(struct hm_monitor *m, struct nlmsghdr *hdr)
{
	const struct ndmsg *nd = nlmsg_data(hdr);
	const uint8_t *lladdr = NULL;
	struct nlattr *tb[NDA_MAX + 1];
	uint8_t left[ETH_ALEN];

	if (nd->ndm_family != AF_INET6 || nlmsg_parse(hdr, sizeof *nd, tb, NDA_MAX, NULL) < 0 ||
	    !tb[NDA_DST] || nla_len(tb[NDA_DST]) != 16)
		return;
	if (hdr->nlmsg_type == RTM_NEWNEIGH && !(nd->ndm_state & (NUD_FAILED | NUD_INCOMPLETE)) &&
	    tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof left)
		lladdr = nla_data(tb[NDA_LLADDR]);
	switch (hm_neighbours_hear(&m->neighbours, (uint32_t)nd->ndm_ifindex, nla_data(tb[NDA_DST]),
	                           lladdr, left)) {
	case HM_NEIGHBOUR_OLD:
		return;
	case HM_NEIGHBOUR_LEFT:
		m->calls.left(m->calls.arg, left);
		return;
	case HM_NEIGHBOUR_UNSURE:
		m->changed = true;
	}
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct hm_monitor *m = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct hm_monitor_link link;

	switch (hdr->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		/* Of a bridge's ports (AF_BRIDGE) the family says so, and it is no interface. */
		if (((const struct ifinfomsg *)nlmsg_data(hdr))->ifi_family != AF_UNSPEC)
			return NL_OK;
		read_link(hdr, &link);
		if (hdr->nlmsg_type == RTM_NEWLINK)
			m->calls.link(m->calls.arg, &link);
		else
			m->calls.gone(m->calls.arg, link.ifindex);
		m->changed = true;
		return NL_OK;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		read_neighbour(m, hdr);
		return NL_OK;
	default:
		m->changed = true;
		return NL_OK;
	}
}

static int dump(struct hm_monitor *m, int type, void *head, size_t len)
{
	int err = nl_send_simple(m->asks, type, NLM_F_DUMP, head, len);

	return err < 0 ? err : nl_recvmsgs_default(m->asks);
}

static int dump_all(struct hm_monitor *m)
{
	struct ifinfomsg links = { .ifi_family = AF_UNSPEC };
	struct ndmsg neighbours = { .ndm_family = AF_INET6 };
	int err = dump(m, RTM_GETLINK, &links, sizeof links);

	return err < 0 ? err : dump(m, RTM_GETNEIGH, &neighbours, sizeof neighbours);
}

static void read_events(struct hm_monitor *m)
{
	int err;

	do
		err = nl_recvmsgs_default(m->events);
	while (err >= 0);
	/* Notices were lost: look at what there is. */
	if (err == -NLE_NOMEM) {
		m->changed = true;
		(void)dump_all(m);
	}
}

static void *run(void *arg)
{
	struct hm_monitor *m = arg;
	struct pollfd fds[2] = { { .fd = nl_socket_get_fd(m->events), .events = POLLIN },
		                 { .fd = m->stop, .events = POLLIN } };
	int64_t next = now_ms() + TICK_MS;

	for (;;) {
		int64_t left = next - now_ms();
		int n;

		if (m->changed)
			m->calls.changed(m->calls.arg);
		m->changed = false;
		n = poll(fds, 2, left > 0 ? (int)left : 0);
		if (n > 0 && fds[1].revents)
			return NULL;
		if (n > 0 && fds[0].revents)
			read_events(m);
		if (now_ms() >= next) {
			m->calls.tick(m->calls.arg);
			next = now_ms() + TICK_MS;
		}
	}
}

static struct nl_sock *open_socket(struct hm_monitor *m)
{
	struct nl_sock *s = nl_socket_alloc();

	if (!s || nl_connect(s, NETLINK_ROUTE) < 0 ||
	    nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, on_message, m) < 0) {
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

static bool subscribe(struct hm_monitor *m)
{
	int size = RECEIVE_BUFFER;

	nl_socket_disable_seq_check(m->events);
	(void)setsockopt(nl_socket_get_fd(m->events), SOL_SOCKET, SO_RCVBUFFORCE, &size,
	                 sizeof size);
	return nl_socket_set_nonblocking(m->events) == 0 &&
	       nl_socket_add_memberships(m->events, RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV6_ROUTE,
	                                 RTNLGRP_IPV6_RULE, RTNLGRP_IPV6_IFADDR, 0) == 0;
}

static void free_monitor(struct hm_monitor *m)
{
	nl_socket_free(m->events);
	nl_socket_free(m->asks);
	if (m->stop >= 0)
		(void)close(m->stop);
	free(m);
}

struct hm_monitor *hm_monitor_start(const struct hm_monitor_calls *calls)
{
	struct hm_monitor *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->calls = *calls;
	m->stop = eventfd(0, EFD_CLOEXEC);
	m->events = open_socket(m);
	m->asks = open_socket(m);
	if (m->stop < 0 || !m->events || !m->asks || !subscribe(m) || dump_all(m) < 0 ||
	    pthread_create(&m->thread, NULL, run, m) != 0) {
		free_monitor(m);
		return NULL;
	}
	return m;
}

void hm_monitor_stop(struct hm_monitor *m)
{
	uint64_t one = 1;

	if (!m)
		return;
	(void)!write(m->stop, &one, sizeof one);
	(void)pthread_join(m->thread, NULL);
	free_monitor(m);
}

int hm_monitor_use(struct hm_monitor *m, uint32_t ifindex, const uint8_t neighbour[16])
{
	struct ndmsg head = { .ndm_family = AF_INET6,
		              .ndm_ifindex = (int)ifindex,
		              .ndm_flags = NTF_USE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWNEIGH, NLM_F_CREATE);
	int err;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, NDA_DST, 16, neighbour) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = nl_send_sync(m->asks, msg);
	return err < 0 ? -EIO : 0;
}
