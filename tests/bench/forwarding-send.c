/* Sends UDP datagrams in IPv6 as frames on one interface, at a steady rate:
 *
 *     forwarding-send INTERFACE DST-MAC SRC DST N PAYLOAD RATE SECONDS
 *
 * N destinations in random order, their last 32 bits counting up from DST's. Prints how many
 * frames were offered. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 32
#define HEADERS (14 + 40 + 8)
#define FRAME_MAX 1514

struct sender {
	int fd;
	uint32_t first, n;
	uint64_t random;
	size_t len;
	uint8_t frames[BURST][FRAME_MAX];
	struct iovec iov[BURST];
	struct mmsghdr msgs[BURST];
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void open_link(struct sender *s, const char *interface)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		                  .sll_ifindex = (int)if_nametoindex(interface) };
	int one = 1;

	s->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&to, sizeof to) != 0) {
		perror(interface);
		exit(69);
	}
	setsockopt(s->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
}

/* The UDP checksum is left zero: nothing on the way looks at it. */
static void write_frame(uint8_t *f, char **argv, size_t payload)
{
	unsigned mac[6];

	memset(f, 0, FRAME_MAX);
	if (sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
	           &mac[5]) != 6 ||
	    inet_pton(AF_INET6, argv[3], f + 22) != 1 || inet_pton(AF_INET6, argv[4], f + 38) != 1)
		exit(64);
	for (unsigned i = 0; i < 6; i++)
		f[i] = (uint8_t)mac[i];
	f[6] = 2;
	f[12] = 0x86;
	f[13] = 0xdd;
	f[14] = 0x60;
	f[18] = (uint8_t)((payload + 8) >> 8);
	f[19] = (uint8_t)(payload + 8);
	f[20] = 17;
	f[21] = 64;
	f[54] = 0x10;
	f[56] = 0x10;
	f[58] = f[18];
	f[59] = f[19];
}

static void aim(struct sender *s, unsigned i)
{
	uint32_t low;

	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	low = htonl(s->first + (uint32_t)((s->random >> 33) % s->n));
	memcpy(s->frames[i] + 50, &low, sizeof low);
}

/* A frame the link has no room for is lost, as on any link. */
static void burst(struct sender *s, unsigned n)
{
	unsigned done = 0;

	if (s->n > 1)
		for (unsigned i = 0; i < n; i++)
			aim(s, i);
	while (done < n) {
		int sent = sendmmsg(s->fd, s->msgs + done, n - done, MSG_DONTWAIT);

		done += sent > 0 ? (unsigned)sent : 1;
	}
}

static int64_t run(struct sender *s, double rate, double seconds)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9), now;
	int64_t tried = 0;

	while ((now = now_ns()) < end) {
		int64_t due = (int64_t)((double)(now - start) * rate / 1e9) - tried;

		if (due < BURST / 4) {
			nanosleep(&nap, NULL);
			continue;
		}
		if (due > BURST)
			due = BURST;
		tried += due;
		burst(s, (unsigned)due);
	}
	return tried;
}

int main(int argc, char **argv)
{
	static struct sender s = { .random = 1 };
	size_t payload;
	uint32_t first;

	if (argc != 9)
		return 64;
	payload = (size_t)atoi(argv[6]);
	if (payload > FRAME_MAX - HEADERS)
		return 64;
	open_link(&s, argv[1]);
	s.n = (uint32_t)atoi(argv[5]);
	for (unsigned i = 0; i < BURST; i++) {
		write_frame(s.frames[i], argv, payload);
		s.iov[i] = (struct iovec){ s.frames[i], HEADERS + payload };
		s.msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &s.iov[i], .msg_iovlen = 1 };
	}
	memcpy(&first, s.frames[0] + 50, sizeof first);
	s.first = ntohl(first);
	printf("%lld\n", (long long)run(&s, atof(argv[7]), atof(argv[8])));
	return 0;
}
