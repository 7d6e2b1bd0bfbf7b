#include "host/rx_filter.h"

#include "base/cursor.h"
#include "base/err.h"
#include "host/tx.h"
#include "wire/ip6.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#define LOAD_BYTE(at) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (at))
#define LOAD_WORD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define WHEN(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no))
#define TAKE BPF_STMT(BPF_RET | BPF_K, HM_RX_ROOM)
#define LEAVE BPF_STMT(BPF_RET | BPF_K, 0)

/* Headers of options, and the ICMPv6 types that roles read: errors 1-4 and, whoever they are for,
 * Neighbour Discovery 133-136 (it is about other targets than its destination) and home agent
 * discovery 144 and 145 (which has an anycast one). Fragments carry no message (PROTOCOL 2). What
 * goes on behind the end must be for us. */
static const struct sock_filter kinds[] = {
	LOAD_WORD((uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
	WHEN(BPF_JEQ, PACKET_OTHERHOST, 12, 0),
	LOAD_BYTE(HM_IP6_AT_NEXT),
	WHEN(BPF_JEQ, HM_NH_DSTOPTS, 12, 0),
	WHEN(BPF_JEQ, HM_NH_ROUTING, 11, 0),
	WHEN(BPF_JEQ, HM_NH_HOP_BY_HOP, 10, 0),
	WHEN(BPF_JEQ, HM_NH_ICMPV6, 0, 7),
	LOAD_BYTE(HM_IP6_LEN),
	WHEN(BPF_JGT, 145, 5, 0),
	WHEN(BPF_JGE, 144, 5, 0),
	WHEN(BPF_JGT, 136, 3, 0),
	WHEN(BPF_JGE, 133, 3, 0),
	WHEN(BPF_JGT, 4, 1, 0),
	WHEN(BPF_JGE, 1, 2, 0),
	LEAVE,
	TAKE,
};
#define KINDS (sizeof kinds / sizeof kinds[0])
#define LAST_WORD_AT (HM_IP6_AT_DST + 12)
#define PER_ADDRESS 9

/* The last word, in which addresses differ most, is loaded already, and is again behind this. */
static void write_address(struct sock_filter code[PER_ADDRESS], const struct hm_addr *a)
{
	struct hm_rd r = hm_rd(a->b, sizeof a->b);
	uint32_t w0 = hm_rd_u32(&r), w1 = hm_rd_u32(&r), w2 = hm_rd_u32(&r), w3 = hm_rd_u32(&r);
	const struct sock_filter compare[PER_ADDRESS] = {
		WHEN(BPF_JEQ, w3, 0, 8), LOAD_WORD(HM_IP6_AT_DST + 8),
		WHEN(BPF_JEQ, w2, 0, 5), LOAD_WORD(HM_IP6_AT_DST + 4),
		WHEN(BPF_JEQ, w1, 0, 3), LOAD_WORD(HM_IP6_AT_DST),
		WHEN(BPF_JEQ, w0, 0, 1), TAKE,
		LOAD_WORD(LAST_WORD_AT),
	};

	memcpy(code, compare, sizeof compare);
}

static void add(struct hm_rx_filter *f, struct sock_filter statement)
{
	f->code[f->n++] = statement;
}

static void add_address(struct hm_rx_filter *f, const struct hm_addr *a)
{
	write_address(f->code + f->n, a);
	f->n += PER_ADDRESS;
}

void hm_rx_filter_any(struct hm_rx_filter *filter)
{
	memcpy(filter->code, kinds, sizeof kinds);
	filter->n = KINDS;
	add(filter, (struct sock_filter)TAKE);
}

/* A link-local address may be there once for every interface. */
static bool is_new(const struct hm_addr *own, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (hm_addr_eq(&own[k], &own[i]))
			return false;
	return true;
}

bool hm_rx_filter_own(struct hm_rx_filter *filter, const struct hm_addr *own, size_t n)
{
	memcpy(filter->code, kinds, sizeof kinds);
	filter->n = KINDS;
	add(filter, (struct sock_filter)LOAD_WORD(LAST_WORD_AT));
	add_address(filter, &hm_addr_all_nodes);
	add_address(filter, &hm_addr_all_routers);
	for (size_t i = 0; i < n; i++) {
		if (!is_new(own, i))
			continue;
		if (filter->n + PER_ADDRESS + 1 > BPF_MAXINSNS) {
			hm_rx_filter_any(filter);
			return false;
		}
		add_address(filter, &own[i]);
	}
	add(filter, (struct sock_filter)LEAVE);
	return true;
}

int hm_rx_filter_attach(int fd, struct hm_rx_filter *filter)
{
	const struct sock_fprog program = { (unsigned short)filter->n, filter->code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
		return hm_err_from_errno(errno);
	return HM_OK;
}
