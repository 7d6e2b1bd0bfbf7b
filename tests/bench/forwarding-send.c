/* Sends UDP datagrams in IPv6 as frames on one interface, at a steady rate:
 *
 *     forwarding-send INTERFACE DST-MAC SRC DST N PAYLOAD RATE SECONDS
 *
 * N destinations in random order, their last 32 bits counting up from DST's. Prints how many
 * frames were offered, and the seconds that took. */
#include "frame.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 32

struct sender {
	int fd;
	uint32_t first, n;
	uint64_t random;
	uint8_t frames[BURST][FRAME_MAX];
	struct iovec iov[BURST];
	struct mmsghdr msgs[BURST];
};

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

static void aim(struct sender *s, unsigned i)
{
	uint32_t low;

	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	low = htonl(s->first + (uint32_t)((s->random >> 33) % s->n));
	memcpy(s->frames[i] + FRAME_LOW, &low, sizeof low);
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

static uint64_t run(struct sender *s, double rate, double seconds)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	int64_t start = frame_now_ns(), end = start + (int64_t)(seconds * 1e9), now;
	int64_t tried = 0;

	while ((now = frame_now_ns()) < end) {
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
	return (uint64_t)tried;
}

int main(int argc, char **argv)
{
	static struct sender s = { .random = 1 };
	int64_t start;

	if (argc != 9)
		return 64;
	open_link(&s, argv[1]);
	s.n = (uint32_t)atoi(argv[2 + FRAME_N]);
	for (unsigned i = 0; i < BURST; i++) {
		s.iov[i] = (struct iovec){ s.frames[i], frame_write(s.frames[i], argv + 2) };
		s.msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &s.iov[i], .msg_iovlen = 1 };
	}
	s.first = frame_first(s.frames[0]);
	start = frame_now_ns();
	frame_show(run(&s, atof(argv[7]), atof(argv[8])), start);
	return 0;
}
