/* A UDP datagram in IPv6 in an Ethernet frame, for the benchmarks' senders. */
#ifndef FRAME_H
#define FRAME_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_HEADERS (14 + 40 + 8)
#define FRAME_MAX 1514
#define FRAME_LOW 50 /* where the last 32 bits of the destination are */

/* DST-MAC SRC DST N PAYLOAD: as both senders have them on their command line */
enum { FRAME_MAC, FRAME_SRC, FRAME_DST, FRAME_N, FRAME_PAYLOAD };

/* Returns the length. The UDP checksum is left zero: nothing on the way looks at it. */
static inline size_t frame_write(uint8_t f[FRAME_MAX], char **argv)
{
	unsigned mac[6];
	size_t payload = strtoul(argv[FRAME_PAYLOAD], NULL, 10);

	memset(f, 0, FRAME_MAX);
	if (sscanf(argv[FRAME_MAC], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3],
	           &mac[4], &mac[5]) != 6 ||
	    inet_pton(AF_INET6, argv[FRAME_SRC], f + 22) != 1 ||
	    inet_pton(AF_INET6, argv[FRAME_DST], f + 38) != 1 ||
	    payload > FRAME_MAX - FRAME_HEADERS)
		exit(64);
	for (unsigned i = 0; i < 6; i++)
		f[i] = (uint8_t)mac[i];
	f[6] = 2;
	f[12] = 0x86;
	f[13] = 0xdd;
	f[14] = 0x60;
	f[17] = 1; /* a flow label, as hosts give to every flow */
	f[18] = (uint8_t)((payload + 8) >> 8);
	f[19] = (uint8_t)(payload + 8);
	f[20] = 17;
	f[21] = 64;
	f[54] = 0x10;
	f[56] = 0x10;
	f[58] = f[18];
	f[59] = f[19];
	return FRAME_HEADERS + payload;
}

/* The last 32 bits of the first destination. */
static inline uint32_t frame_first(const uint8_t *f)
{
	uint32_t low;

	memcpy(&low, f + FRAME_LOW, sizeof low);
	return ntohl(low);
}

static inline int64_t frame_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Both senders' last word. */
static inline void frame_show(uint64_t offered, int64_t start_ns)
{
	printf("%llu %.6f\n", (unsigned long long)offered,
	       (double)(frame_now_ns() - start_ns) / 1e9);
}

#endif
