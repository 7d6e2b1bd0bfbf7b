/* Routes by the hundred thousand on the real kernel, in a network namespace of its own: all of them
 * arrive though the kernel refuses some for want of memory, and a sweep leaves what is wanted. SRv6
 * routes stand for the tunnels': they cost the kernel the same kind of memory, and every kernel of
 * the last years has them. Speaks TAP; needs root. */
#include "routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <linux/seg6_iptunnel.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MANY 100000u
#define PATIENCE_S 60

static atomic_uint answered, failed, retried;
static atomic_int last_error;

static int encap(struct nl_msg *msg, const struct hm_route *route)
{
	/* The mode, in host order, and a routing header with one segment. */
	const int mode = SEG6_IPTUN_MODE_ENCAP;
	uint8_t seg6[sizeof mode + 8 + 16] = { [sizeof mode + 1] = 2, [sizeof mode + 2] = 4 };
	struct nlattr *nest;

	memcpy(seg6, &mode, sizeof mode);
	memcpy(seg6 + sizeof mode + 8, route->remote.b, 16);
	if (nla_put_u16(msg, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_SEG6) < 0)
		return -1;
	nest = nla_nest_start(msg, RTA_ENCAP);
	if (!nest || nla_put(msg, SEG6_IPTUNNEL_SRH, sizeof seg6, seg6) < 0)
		return -1;
	nla_nest_end(msg, nest);
	return 0;
}

static void done(void *arg, const struct hm_route *route, int err, unsigned again)
{
	(void)arg;
	(void)route;
	retried += again;
	if (err) {
		failed++;
		last_error = err;
	}
	answered++;
}

static void tick(void *arg)
{
	(void)arg;
}

static struct hm_route route_of(uint32_t i, bool add)
{
	struct hm_route r = { .add = add };

	(void)inet_pton(AF_INET6, "2001:db8:f::", r.dst.b);
	(void)inet_pton(AF_INET6, "2001:db8:a::99", r.remote.b);
	for (unsigned k = 0; k < 4; k++)
		r.dst.b[12 + k] = (uint8_t)(i >> (24 - 8 * k));
	return r;
}

static bool ask_all(struct hm_routes *r, bool add)
{
	time_t end = time(NULL) + PATIENCE_S;

	answered = failed = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		struct hm_route route = route_of(i, add);

		if (hm_routes_ask(r, &route) != 0)
			return false;
	}
	while (answered < MANY && time(NULL) < end)
		usleep(1000);
	return answered == MANY;
}

static bool wants_even(void *arg, const struct hm_addr *dst)
{
	(void)arg;
	return dst->b[15] % 2 == 0;
}

static int count_one(struct nl_msg *msg, void *arg)
{
	const struct rtmsg *head = nlmsg_data(nlmsg_hdr(msg));
	unsigned *n = arg;

	*n += head->rtm_protocol == HM_ROUTE_PROTOCOL;
	return NL_OK;
}

static unsigned count(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	unsigned n = 0;

	if (sock && nl_connect(sock, NETLINK_ROUTE) == 0 &&
	    nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, count_one, &n) == 0 &&
	    nl_rtgen_request(sock, RTM_GETROUTE, AF_INET6, NLM_F_DUMP) >= 0)
		(void)nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	return n;
}

static void result(unsigned number, bool good, const char *what)
{
	printf("%sok %u - %s\n", good ? "" : "not ", number, what);
}

static bool set_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;

	close(fd);
	return up;
}

/* One route, to see whether the kernel has such. */
static bool try_one(struct hm_routes *r)
{
	struct hm_route route = route_of(MANY, true);

	answered = failed = 0;
	if (hm_routes_ask(r, &route) != 0)
		return false;
	while (answered == 0)
		usleep(1000);
	route.add = false;
	return failed == 0 && hm_routes_ask(r, &route) == 0;
}

int main(void)
{
	const struct hm_routes_how how = {
		.ifindex = 1, .encap = encap, .done = done, .tick = tick
	};
	struct hm_routes *r;
	bool good;

	if (unshare(CLONE_NEWNET) != 0 || !set_up()) {
		printf("1..0 # SKIP network namespaces need root\n");
		return 0;
	}
	r = hm_routes_start(&how);
	if (!r || !try_one(r)) {
		printf("1..0 # SKIP no SRv6 routes here: %s\n", strerror(-last_error));
		return r ? 0 : 1;
	}
	while (answered < 2)
		usleep(1000);
	printf("1..4\n");
	good = ask_all(r, true) && failed == 0;
	printf("# %u asked again for want of memory, %u failed\n", retried, failed);
	result(1, good && count() == MANY, "every route arrives");
	good = hm_routes_sweep(r, wants_even, NULL) == 0;
	for (unsigned i = 0; i < PATIENCE_S * 100 && count() > MANY / 2; i++)
		usleep(10000);
	result(2, good && count() == MANY / 2, "a sweep leaves what is wanted");
	good = ask_all(r, true) && failed == 0;
	result(3, good && count() == MANY, "what is there is replaced, what is not is added");
	good = ask_all(r, false) && failed == 0;
	result(4, good && count() == 0, "removal of all, and of what is gone already");
	hm_routes_stop(r);
	return 0;
}
