/* Mobile hosts by the thousand, as a mobility server hears them:
 *
 *     registrations-send keys N
 *     registrations-send run INTERFACE DST-MAC HOSTS N SEQ AUTH closed|open VALUE
 *
 * `keys` prints the [key] sections of N hosts. `run` sends one registration of each of N of the
 * hosts, in random order, with the number SEQ, as frames, and hears the answers on the same
 * interface: closed keeps VALUE of them outstanding, open sends VALUE a second whatever comes back.
 * SEQ 1 is a Registration Request, any other an Update from an access link of its own. AUTH is hmac
 * or none. Prints one JSON object; latency is from the frame's sending to the acknowledgement's
 * arrival. */
#include "base/rand.h"
#include "wire/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX (ETH_HLEN + HM_PACKET_MAX)
#define BURST 32
#define SPI_FIRST 0x10000u
#define SECRET_LEN 32
#define SILENCE_NS 3000000000 /* so long without an answer: what is outstanding is lost */
#define RECEIVE_BUFFER (64 * 1024 * 1024)

struct bench {
	int fd;
	uint8_t mac[6];
	uint32_t hosts, n, window;
	uint32_t *order; /* of the hosts */
	uint16_t seq;
	bool sign;
	double rate; /* 0: closed loop */
	uint32_t sent, accepted, refused, lost;
	int64_t start, last_heard;
	int64_t *sent_at; /* by host; 0: nothing outstanding */
	double *latency_ms;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Interface identifiers are as good as random; the n-th host's is always the same. */
static struct hm_addr home_of(uint32_t host)
{
	struct hm_addr a = { { 0x20, 0x01, 0x0d, 0xb8, [5] = 1 } };
	struct hm_rand rand;
	uint64_t iid;

	hm_rand_init(&rand, host);
	iid = hm_rand_next(&rand);
	memcpy(&a.b[8], &iid, sizeof iid);
	return a;
}

static void secret_of(uint32_t host, uint8_t ret_secret[SECRET_LEN])
{
	memset(ret_secret, 0x5a, SECRET_LEN);
	memcpy(ret_secret, &host, sizeof host);
}

static void print_keys(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct hm_addr home = home_of(i);
		char text[INET6_ADDRSTRLEN], hex[2 * SECRET_LEN + 1];
		uint8_t secret[SECRET_LEN];

		secret_of(i, secret);
		inet_ntop(AF_INET6, home.b, text, sizeof text);
		printf("[key host-%u]\nspi = %u\nuse = mh-ms\nhome-address = %s\nsecret = %s\n", i,
		       SPI_FIRST + i, text, sodium_bin2hex(hex, sizeof hex, secret, SECRET_LEN));
	}
}

static struct hm_packet request_of(const struct bench *b, uint32_t host)
{
	struct hm_packet p = {
		.kind = b->seq == 1 ? HM_MSG_REG_REQUEST : HM_MSG_REG_UPDATE,
		.src = { { 0x20, 0x01, 0x0d, 0xb8, [5] = 0xa } },
		.dst = { { 0x20, 0x01, 0x0d, 0xb8, [5] = 0xf1, [15] = 1 } },
		.hop_limit = 64,
		.has_home = true,
		.home = home_of(host),
		.reg = { .ack = true, .malen = 64, .seq = b->seq, .lifetime_s = 600 },
		.auth = { .present = b->sign, .spi = SPI_FIRST + host }
	};

	p.src.b[6] = (uint8_t)(b->seq >> 8);
	p.src.b[7] = (uint8_t)b->seq;
	host = htonl(host);
	memcpy(&p.src.b[12], &host, sizeof host);
	return p;
}

static void sign(struct hm_wr *w, const struct hm_packet *p, const struct hm_signed_part *part,
                 uint32_t host)
{
	crypto_auth_hmacsha256_state state;
	uint8_t room[HM_MAC_INPUT_MAX], secret[SECRET_LEN], mac[crypto_auth_hmacsha256_BYTES];
	struct hm_wr input = hm_wr(room, sizeof room);

	if (hm_packet_mac_input((struct hm_span){ w->p, w->len }, &p->home, part, &input))
		abort();
	secret_of(host, secret);
	crypto_auth_hmacsha256_init(&state, secret, sizeof secret);
	crypto_auth_hmacsha256_update(&state, input.p, input.len);
	crypto_auth_hmacsha256_final(&state, mac);
	hm_wr_patch(w, part->mac_at, mac, HM_MAC_LEN);
}

static size_t write_frame(const struct bench *b, uint32_t host, uint8_t frame[FRAME_MAX])
{
	struct hm_packet p = request_of(b, host);
	struct hm_wr w = hm_wr(frame + ETH_HLEN, HM_PACKET_MAX);
	struct hm_signed_part part;

	if (hm_packet_write(&p, &hm_wire_defaults, &w, &part))
		abort();
	if (b->sign)
		sign(&w, &p, &part, host);
	memcpy(frame, b->mac, sizeof b->mac);
	memset(frame + 6, 2, 6);
	frame[12] = ETH_P_IPV6 >> 8;
	frame[13] = ETH_P_IPV6 & 0xff;
	return ETH_HLEN + w.len;
}

static void send_some(struct bench *b, uint32_t count)
{
	static uint8_t frames[BURST][FRAME_MAX];
	struct iovec iov[BURST];
	struct mmsghdr msgs[BURST] = { { { 0 }, 0 } };
	uint32_t n = 0, done = 0;

	for (; n < count && n < BURST; n++) {
		uint32_t host = b->order[b->sent + n];

		iov[n] = (struct iovec){ frames[n], write_frame(b, host, frames[n]) };
		msgs[n].msg_hdr.msg_iov = &iov[n];
		msgs[n].msg_hdr.msg_iovlen = 1;
		b->sent_at[host] = now_ns();
	}
	b->sent += n;
	while (done < n) {
		int sent = sendmmsg(b->fd, msgs + done, n - done, 0);

		/* What the link has no room for is lost, as on any link. */
		done += sent > 0 ? (uint32_t)sent : 1;
	}
}

/* An acknowledgement, sorted by the care-of address it goes to. */
static void take(struct bench *b, struct hm_span bytes)
{
	struct hm_packet p;
	struct hm_signed_part part;
	uint32_t host;

	if (hm_packet_read(bytes, &hm_wire_defaults, &p, &part) != HM_DROP_NONE ||
	    p.kind != HM_MSG_BACK)
		return;
	memcpy(&host, &p.dst.b[12], sizeof host);
	host = ntohl(host);
	if (host >= b->hosts || p.back.seq != b->seq || b->sent_at[host] == 0)
		return;
	b->last_heard = now_ns();
	b->latency_ms[b->accepted] = (double)(b->last_heard - b->sent_at[host]) / 1e6;
	b->sent_at[host] = 0;
	if (p.back.status < 128)
		b->accepted++;
	else
		b->refused++;
}

static void hear(struct bench *b)
{
	static uint8_t room[BURST][2048];
	struct iovec iov[BURST];
	struct sockaddr_ll from[BURST];
	struct mmsghdr msgs[BURST] = { { { 0 }, 0 } };
	int n;

	for (unsigned i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){ room[i], sizeof room[i] };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i],
			                           .msg_iovlen = 1,
			                           .msg_name = &from[i],
			                           .msg_namelen = sizeof from[i] };
	}
	n = recvmmsg(b->fd, msgs, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		if (from[i].sll_pkttype != PACKET_OUTGOING && msgs[i].msg_len > ETH_HLEN)
			take(b, (struct hm_span){ room[i] + ETH_HLEN, msgs[i].msg_len - ETH_HLEN });
}

static uint32_t outstanding(const struct bench *b)
{
	return b->sent - b->accepted - b->refused - b->lost;
}

/* How many may leave now. */
static uint32_t due(const struct bench *b)
{
	uint32_t left = b->n - b->sent, may;

	if (b->rate > 0)
		may = (uint32_t)((double)(now_ns() - b->start) * b->rate / 1e9) - b->sent;
	else
		may = b->window > outstanding(b) ? b->window - outstanding(b) : 0;
	return may < left ? may : left;
}

static void run(struct bench *b)
{
	struct pollfd readable = { .fd = b->fd, .events = POLLIN };

	b->start = b->last_heard = now_ns();
	while (b->sent < b->n || outstanding(b) > 0) {
		uint32_t more = due(b);

		if (more > 0)
			send_some(b, more);
		hear(b);
		if (due(b) == 0)
			(void)poll(&readable, 1, 1);
		if (outstanding(b) == 0 && b->sent < b->n)
			b->last_heard = now_ns();
		if (now_ns() - b->last_heard < SILENCE_NS)
			continue;
		b->lost += outstanding(b);
		memset(b->sent_at, 0, b->hosts * sizeof *b->sent_at);
		b->last_heard = now_ns();
	}
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report(struct bench *b, int64_t end)
{
	uint32_t n = b->accepted;
	double seconds = (double)(end - b->start) / 1e9, *ms = b->latency_ms;

	qsort(ms, n, sizeof *ms, ascending);
	printf("{\"sent\": %u, \"accepted\": %u, \"refused\": %u, \"lost\": %u, \"seconds\": %.3f, "
	       "\"per_s\": %.0f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f}\n",
	       b->sent, n, b->refused, b->lost, seconds, n / seconds, n ? ms[n / 2] : 0,
	       n ? ms[(uint64_t)n * 99 / 100] : 0, n ? ms[n - 1] : 0);
}

static void open_link(struct bench *b, const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		                  .sll_protocol = htons(ETH_P_IPV6),
		                  .sll_ifindex = (int)if_nametoindex(interface) };
	int size = RECEIVE_BUFFER, one = 1;

	b->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || setsockopt(b->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) ||
	    bind(b->fd, (struct sockaddr *)&at, sizeof at)) {
		perror(interface);
		exit(69);
	}
	(void)setsockopt(b->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
}

static uint32_t *shuffle(uint32_t n, uint64_t seed)
{
	uint32_t *order = calloc(n, sizeof *order);
	struct hm_rand rand;

	hm_rand_init(&rand, seed);
	for (uint32_t i = 0; order && i < n; i++) {
		uint32_t j = hm_rand_below(&rand, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	return order;
}

static int run_with(char **arg)
{
	struct bench b = { .hosts = (uint32_t)atoi(arg[2]),
		           .n = (uint32_t)atoi(arg[3]),
		           .seq = (uint16_t)atoi(arg[4]),
		           .sign = strcmp(arg[5], "hmac") == 0 };
	size_t len;

	if (sodium_hex2bin(b.mac, sizeof b.mac, arg[1], strlen(arg[1]), ":", &len, NULL) ||
	    len != sizeof b.mac || b.n == 0 || b.n > b.hosts)
		return 64;
	if (strcmp(arg[6], "open") == 0)
		b.rate = atof(arg[7]);
	else
		b.window = (uint32_t)atoi(arg[7]);
	b.sent_at = calloc(b.hosts, sizeof *b.sent_at);
	b.latency_ms = calloc(b.n, sizeof *b.latency_ms);
	b.order = shuffle(b.hosts, b.seq);
	if ((b.rate <= 0 && b.window == 0) || !b.sent_at || !b.latency_ms || !b.order)
		return 64;
	open_link(&b, arg[0]);
	run(&b);
	report(&b, b.last_heard);
	free(b.sent_at);
	free(b.latency_ms);
	free(b.order);
	return 0;
}

int main(int argc, char **argv)
{
	if (sodium_init() < 0)
		return 70;
	if (argc == 3 && strcmp(argv[1], "keys") == 0) {
		print_keys((uint32_t)atoi(argv[2]));
		return 0;
	}
	return argc == 10 && strcmp(argv[1], "run") == 0 ? run_with(argv + 2) : 64;
}
