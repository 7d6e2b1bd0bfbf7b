#include "device.h"

#include "path.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (8 << 20)
#define SEND_BUFFER (4 << 20)

static int fail(char *why, size_t why_len, const char *what, const char *fix)
{
	int err = errno;

	snprintf(why, why_len, "cannot %s error=\"%s\" fix=\"%s\"", what, strerror(err), fix);
	if (err == ENOENT || err == ENODEV || err == EPERM || err == EACCES || err == ENXIO)
		return HM_PLUGIN_EMISSING;
	return HM_PLUGIN_EIO;
}

static int open_tun(struct hm_device *d, const char *name, char *why, size_t why_len)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };

	d->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->tun < 0)
		return fail(why, why_len, "open /dev/net/tun", "modprobe tun");
	snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
	if (ioctl(d->tun, TUNSETIFF, &ifr) != 0)
		return fail(why, why_len, "attach to the tun device",
		            errno == EBUSY ? "stop the other hmipd that uses it"
		                           : "run with CAP_NET_ADMIN");
	if (ioctl(d->tun, TUNSETPERSIST, 1ul) != 0)
		return fail(why, why_len, "keep the tun device", "run with CAP_NET_ADMIN");
	return HM_PLUGIN_OK;
}

static int open_capture(struct hm_device *d, char *why, size_t why_len)
{
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	int one = 1, size = RECEIVE_BUFFER;

	d->capture = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->capture < 0)
		return fail(why, why_len, "open a packet socket", "run with CAP_NET_RAW");
	if (hm_device_filter(d, NULL, 0) != 0 ||
	    setsockopt(d->capture, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) != 0 ||
	    setsockopt(d->capture, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) != 0)
		return fail(why, why_len, "set up the packet socket", "use a newer kernel");
	if (setsockopt(d->capture, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		(void)setsockopt(d->capture, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (bind(d->capture, (struct sockaddr *)&any, sizeof any) != 0)
		return fail(why, why_len, "bind the packet socket", "run with CAP_NET_RAW");
	return HM_PLUGIN_OK;
}

static int attach(int fd, struct sock_filter *code, unsigned n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog);
}

static int open_raw(struct hm_device *d, uint32_t mark, char *why, size_t why_len)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	int size = SEND_BUFFER, one = 1;

	d->raw = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	if (d->raw < 0)
		return fail(why, why_len, "open a raw socket", "run with CAP_NET_RAW");
	if (setsockopt(d->raw, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
		return fail(why, why_len, "mark packets", "run with CAP_NET_ADMIN");
	/* Of the source of a packet, which is told with it, the kernel need not be convinced. */
	if (setsockopt(d->raw, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one) != 0)
		return fail(why, why_len, "set up the raw socket", "use a newer kernel");
	if (setsockopt(d->raw, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
		(void)setsockopt(d->raw, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	/* IPv6 answers Parameter Problem for a next header nobody listens to. */
	d->silence = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_IPV6);
	if (d->silence < 0 || attach(d->silence, &none, 1) != 0)
		return fail(why, why_len, "open a socket for next header 41",
		            "run with CAP_NET_RAW");
	return HM_PLUGIN_OK;
}

int hm_device_open(struct hm_device *d, const char *name, uint32_t mark, char *why, size_t why_len)
{
	int err;

	*d = (struct hm_device){ .tun = -1, .capture = -1, .raw = -1, .silence = -1 };
	err = open_tun(d, name, why, why_len);
	if (!err)
		err = open_capture(d, why, why_len);
	if (!err)
		err = open_raw(d, mark, why, why_len);
	if (err)
		hm_device_close(d, false);
	return err;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void hm_device_close(struct hm_device *d, bool keep)
{
	if (d->tun >= 0 && !keep)
		(void)ioctl(d->tun, TUNSETPERSIST, 0ul);
	shut(&d->tun);
	shut(&d->capture);
	shut(&d->raw);
	shut(&d->silence);
}

#define NET(offset) ((uint32_t)SKF_NET_OFF + (offset))
#define PER_POINT 9u

/* Next headers 41, 43 and 60, in front or of a fragment, of packets for this machine, not those it
 * only passes on. The first statement after these compares destinations. */
static const struct sock_filter head[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET(HM_IP6_AT_NEXT)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HM_NH_FRAGMENT, 0, 1),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NET(HM_IP6_LEN)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HM_NH_IPV6, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HM_NH_ROUTING, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HM_NH_DSTOPTS, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
#define HEAD (sizeof head / sizeof head[0])

static unsigned write_point(struct sock_filter *code, const struct hm_addr *a)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct hm_rd r = hm_rd(a->b + 4 * i, 4);
		uint32_t word = hm_rd_u32(&r);

		code[2 * i] =
		        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NET(24 + 4 * i));
		code[2 * i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word, 0,
		                                               (uint8_t)(7 - 2 * i));
	}
	code[8] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	return PER_POINT;
}

int hm_device_filter(struct hm_device *d, const struct hm_addr *points, unsigned n)
{
	struct sock_filter code[HEAD + PER_POINT * HM_POINTS_MAX + 1];
	unsigned len = HEAD;

	memcpy(code, head, sizeof head);
	for (unsigned i = 0; n <= HM_POINTS_MAX && i < n; i++)
		len += write_point(code + len, &points[i]);
	code[len++] =
	        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, n > HM_POINTS_MAX ? UINT32_MAX : 0);
	return attach(d->capture, code, len) == 0 ? HM_PLUGIN_OK : HM_PLUGIN_EIO;
}

uint32_t hm_device_path_mtu(const struct hm_addr *to, uint32_t mark)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 0;
	socklen_t len = sizeof mtu;

	if (fd < 0)
		return 0;
	memcpy(&sin6.sin6_addr, to->b, sizeof to->b);
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0 ||
	    connect(fd, (struct sockaddr *)&sin6, sizeof sin6) != 0 ||
	    getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len) != 0)
		mtu = 0;
	close(fd);
	return mtu > 0 ? (uint32_t)mtu : 0;
}
