#include "host/tx.h"

#include "base/err.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_LEN 40
#define SRC_AT 8
#define DST_AT 24

int hm_err_from_errno(int number)
{
	switch (number) {
	case 0:
		return HM_OK;
	case EPERM:
	case EACCES:
		return HM_EPERM;
	case ENOMEM:
	case ENOBUFS:
	case EAGAIN:
		return HM_ENOMEM;
	case EMSGSIZE:
		return HM_ETOOBIG;
	case ENODEV:
	case ENXIO:
	case ENETDOWN:
		return HM_ENODEV;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
		return HM_EUNREACH;
	case ENOENT:
		return HM_ENOTFOUND;
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return HM_EUNSUPPORTED;
	default:
		return HM_EIO;
	}
}

int hm_tx_open(struct hm_tx *tx, char *ret_why, size_t why_len)
{
	int mark = HM_TX_MARK, on = 1, err;

	tx->fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (tx->fd >= 0 && !setsockopt(tx->fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) &&
	    !setsockopt(tx->fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on))
		return HM_OK;
	err = hm_err_from_errno(errno);
	(void)snprintf(ret_why, why_len, "raw IPv6 socket: %s", strerror(errno));
	hm_tx_close(tx);
	return err;
}

void hm_tx_close(struct hm_tx *tx)
{
	if (tx->fd >= 0)
		(void)close(tx->fd);
	tx->fd = -1;
}

/* Where it leaves, and the source that routing rules are to see: that of the packet, which need not
 * be ours (a mobility server answers for its GCoAs). With none the kernel would look for one on an
 * interface that may have no address yet: it is given one that goes nowhere but into the lookup. */
static void put_pktinfo(struct msghdr *msg, const struct hm_addr *src, uint32_t ifindex)
{
	static const struct hm_addr nobody = { { 0xfe, 0x80, [15] = 1 } };
	struct in6_pktinfo info = { .ipi6_ifindex = ifindex };
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (hm_addr_is_any(src) && ifindex != 0)
		memcpy(&info.ipi6_addr, nobody.b, sizeof nobody.b);
	else if (!hm_addr_is_multicast(src) && (ifindex != 0 || !hm_addr_is_link_local(src)))
		memcpy(&info.ipi6_addr, src->b, sizeof src->b);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
}

int hm_tx_send(const struct hm_tx *tx, struct hm_span packet, uint32_t ifindex)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = ifindex };
	/* sendmsg() only reads, but iov_base is not const. */
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet.p, .iov_len = packet.len };
	struct msghdr msg = { .msg_name = &to,
		              .msg_namelen = sizeof to,
		              .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = control.room,
		              .msg_controllen = sizeof control.room };
	struct hm_addr src, dst;

	if (packet.len < HEADER_LEN)
		return HM_EMALFORMED;
	memcpy(&src, packet.p + SRC_AT, sizeof src);
	memcpy(&dst, packet.p + DST_AT, sizeof dst);
	memcpy(&to.sin6_addr, &dst, sizeof dst);
	if (!hm_addr_is_link_local(&dst) && !hm_addr_is_multicast(&dst))
		to.sin6_scope_id = 0;
	put_pktinfo(&msg, &src, ifindex);
	if (sendmsg(tx->fd, &msg, 0) < 0)
		return hm_err_from_errno(errno);
	return HM_OK;
}
