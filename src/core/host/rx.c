#include "host/rx.h"

#include "host/rx_filter.h"
#include "host/tx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BUFFER (8 * 1024 * 1024)
#define BATCH 16
#define BATCHES_PER_TURN 8

#define NEXT_AT 6
#define DST_AT 24
#define HEADER_LEN 40

struct hm_rx {
	struct hm_rx_options options;
	int fd;
	uv_poll_t poll;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_ll from[BATCH];
	uint8_t room[BATCH][HM_RX_ROOM];
};

/* Neighbour Discovery is about other targets than its destination, and home agent discovery has an
 * anycast one: the roles choose. Everything else must be sent to this machine. */
static bool for_us(const struct hm_rx_options *options, const uint8_t *packet)
{
	struct hm_addr dst;

	memcpy(&dst, packet + DST_AT, sizeof dst);
	if (packet[NEXT_AT] == IPPROTO_ICMPV6 && packet[HEADER_LEN] > 4)
		return true;
	return hm_addr_eq(&dst, &hm_addr_all_routers) || hm_addr_eq(&dst, &hm_addr_all_nodes) ||
	       options->is_local(options->arg, &dst);
}

void hm_rx_take(const struct hm_rx_options *options, struct hm_span bytes, uint32_t ifindex)
{
	struct hm_packet packet;
	struct hm_signed_part part;
	enum hm_drop drop;

	if (bytes.len <= HEADER_LEN || !for_us(options, bytes.p))
		return;
	drop = hm_packet_read(bytes, options->numbers, &packet, &part);
	if (drop != HM_DROP_NONE) {
		if ((unsigned)drop < HM_DROPS_END)
			options->counters->dropped[drop]++;
		return;
	}
	options->counters->n[HM_COUNT_RX]++;
	packet.ifindex = ifindex;
	options->packet(options->arg, &packet, bytes, &part);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct hm_rx *rx = poll->data;

	(void)events;
	/* Of a socket with an error libuv lets go; reading takes the error off. */
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_readable);
	for (unsigned turn = 0; turn < BATCHES_PER_TURN; turn++) {
		int n;

		for (unsigned i = 0; i < BATCH; i++)
			rx->msgs[i].msg_hdr.msg_namelen = sizeof rx->from[i];
		n = recvmmsg(rx->fd, rx->msgs, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			struct hm_span bytes = { rx->room[i], rx->msgs[i].msg_len };

			if (rx->msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
				rx->options.counters->dropped[HM_DROP_OVERSIZED]++;
			else if (rx->from[i].sll_pkttype != PACKET_OTHERHOST)
				hm_rx_take(&rx->options, bytes, (uint32_t)rx->from[i].sll_ifindex);
		}
		if (n < BATCH)
			return;
	}
}

static int open_socket(void)
{
	struct hm_rx_filter filter;
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	int size = RECEIVE_BUFFER;
	/* Protocol 0: nothing arrives before the filter is there. */
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	hm_rx_filter_any(&filter);
	if (hm_rx_filter_attach(fd, &filter) || bind(fd, (struct sockaddr *)&any, sizeof any)) {
		int number = errno;

		(void)close(fd);
		errno = number;
		return -1;
	}
	return fd;
}

static void lay_out_messages(struct hm_rx *rx)
{
	for (unsigned i = 0; i < BATCH; i++) {
		rx->iov[i] = (struct iovec){ rx->room[i], HM_RX_ROOM };
		rx->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &rx->from[i],
			                               .msg_iov = &rx->iov[i],
			                               .msg_iovlen = 1 };
	}
}

int hm_rx_open(const struct hm_rx_options *options, struct hm_rx **ret_rx, char *ret_why,
               size_t why_len)
{
	struct hm_rx *rx = calloc(1, sizeof *rx);
	int err;

	if (!rx)
		return HM_ENOMEM;
	rx->options = *options;
	lay_out_messages(rx);
	rx->fd = open_socket();
	if (rx->fd < 0) {
		err = hm_err_from_errno(errno);
		(void)snprintf(ret_why, why_len, "packet socket: %s", strerror(errno));
		free(rx);
		return err;
	}
	if (uv_poll_init(options->loop, &rx->poll, rx->fd)) {
		(void)close(rx->fd);
		free(rx);
		return HM_EIO;
	}
	rx->poll.data = rx;
	(void)uv_poll_start(&rx->poll, UV_READABLE, on_readable);
	*ret_rx = rx;
	return HM_OK;
}

int hm_rx_check(char *ret_why, size_t why_len)
{
	int fd = open_socket();

	if (fd < 0) {
		int number = errno;

		(void)snprintf(ret_why, why_len, "packet socket: %s", strerror(number));
		return hm_err_from_errno(number);
	}
	(void)close(fd);
	return HM_OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct hm_rx *rx = handle->data;

	(void)close(rx->fd);
	free(rx);
}

void hm_rx_close(struct hm_rx *rx)
{
	if (rx)
		uv_close((uv_handle_t *)&rx->poll, on_closed);
}

int hm_rx_own(struct hm_rx *rx, const struct hm_addr *own, size_t n)
{
	struct hm_rx_filter filter;
	int err = hm_rx_filter_own(&filter, own, n) ? HM_OK : HM_EFULL;

	/* The kernel replaces one filter by the other in one step. It may not have the memory for a
	 * long one (net.core.optmem_max). */
	if (!err && hm_rx_filter_attach(rx->fd, &filter)) {
		hm_rx_filter_any(&filter);
		err = HM_EFULL;
	}
	if (err && hm_rx_filter_attach(rx->fd, &filter))
		return HM_EIO;
	return err;
}

int hm_rx_all_multicast(struct hm_rx *rx, uint32_t ifindex)
{
	struct packet_mreq m = { .mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_ALLMULTI };

	if (setsockopt(rx->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof m))
		return hm_err_from_errno(errno);
	return HM_OK;
}
