#include "bound.h"

#include "bpf.h"
#include "insn.h"
#include "tunnel-tun/path.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000u

struct pair {
	struct hm_addr remote, local;
	/* The remote end before the last change, and until when it may still send: nanoseconds of
	 * the monotonic clock. */
	struct hm_addr former;
	uint64_t former_until;
};

/* --- the programs --------------------------------------------------------------------------- */

enum { FORMER = 1, BOUND };

/* Lets pass what is bound and has no opinion of the rest: a filter behind it drops that. So the
 * programs of two runs may stand side by side while one takes over from the other. */
static int load_in(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		TUNNEL_KEY(skb_get_tunnel_key),
		IF(BPF_JNE, R0, 0, TO_END),
		LOAD_INNER(8, AT_ADDR, 16, TO_END),
		LOOK_UP(b->fd[HM_BOUND_PAIRS], TO_END),
		SAME_ADDR((int)offsetof(struct pair, local), AT_LOCAL, TO_END),
		SAME_ADDR((int)offsetof(struct pair, remote), AT_REMOTE, TO(FORMER)),
		GOTO(TO(BOUND)),
		LABEL(FORMER),
		SAME_ADDR((int)offsetof(struct pair, former), AT_REMOTE, TO_END),
		LOAD(BPF_DW, KEEP, R0, (int)offsetof(struct pair, former_until)),
		CALL(ktime_get_ns),
		IF_LATER(R0, KEEP, TO_END),
		LABEL(BOUND),
		LOOK_UP_TOTALS(b->fd[HM_BOUND_TOTALS], COUNT_PACKET_LEN),
		COUNT_PACKET(packets_in, octets_in),
		LOOK_UP(b->fd[HM_BOUND_COUNTS], COUNT_PACKET_LEN),
		COUNT_PACKET(packets_in, octets_in),
		SET(R0, TC_ACT_OK),
		EXIT,
		END,
		SET(R0, TC_ACT_UNSPEC),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_in");
}

/* Counts, and copies the class of traffic out, which a route cannot tell the tunnel to do (RFC 2983
 * 4.1); the congestion mark the tunnel copies by itself. The key of a packet that is to be sent is
 * read the wrong way round. */
static int load_out(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		LOAD_INNER(24, AT_ADDR, 16, TO_END),
		LOOK_UP(b->fd[HM_BOUND_COUNTS], COUNT_PACKET_LEN),
		COUNT_PACKET(packets_out, octets_out),
		LOOK_UP_TOTALS(b->fd[HM_BOUND_TOTALS], COUNT_PACKET_LEN),
		COUNT_PACKET(packets_out, octets_out),
		LOAD_INNER(0, AT_HEAD, 2, TO_END),
		LOAD(BPF_H, KEEP, FP, AT_HEAD),
		SWAP16(KEEP),
		SHIFT(KEEP, 4),
		AND(KEEP, 0xfc),
		IF(BPF_JEQ, KEEP, 0, TO_END),
		TUNNEL_KEY(skb_get_tunnel_key),
		IF(BPF_JNE, R0, 0, TO_END),
		STORE(BPF_B, FP, AT_TOS, KEEP),
		EXCHANGE(AT_REMOTE, AT_LOCAL),
		EXCHANGE(AT_REMOTE + 4, AT_LOCAL + 4),
		EXCHANGE(AT_REMOTE + 8, AT_LOCAL + 8),
		EXCHANGE(AT_REMOTE + 12, AT_LOCAL + 12),
		TUNNEL_KEY(skb_set_tunnel_key),
		END,
		SET(R0, TC_ACT_UNSPEC), /* other filters may count, too; then it passes */
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_out");
}

static int load_drop(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		LOOK_UP_TOTALS(b->fd[HM_BOUND_TOTALS], TO_END),
		SET(R1, 1),
		COUNT(R0, (int)offsetof(struct hm_bound_totals, refused), R1),
		END,
		SET(R0, TC_ACT_SHOT),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_drop");
}

const struct hm_bound hm_bound_none = { { -1, -1, -1, -1, -1, -1 } };

/* --- the maps ------------------------------------------------------------------------------- */

static bool has_maps(const struct hm_bound *b)
{
	return b->fd[HM_BOUND_PAIRS] >= 0 && b->fd[HM_BOUND_COUNTS] >= 0 &&
	       b->fd[HM_BOUND_TOTALS] >= 0;
}

int hm_bound_open(struct hm_bound *b, uint32_t max)
{
	*b = hm_bound_none;
	b->fd[HM_BOUND_PAIRS] =
	        hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct hm_addr), sizeof(struct pair), max);
	b->fd[HM_BOUND_COUNTS] = hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct hm_addr),
	                                    sizeof(struct hm_tunnel_count), max);
	b->fd[HM_BOUND_TOTALS] =
	        hm_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hm_bound_totals), 1);
	if (has_maps(b)) {
		b->fd[HM_BOUND_IN] = load_in(b);
		b->fd[HM_BOUND_OUT] = load_out(b);
		b->fd[HM_BOUND_DROP] = load_drop(b);
	}
	return hm_bpf_opened(b->fd, HM_BOUND_FDS);
}

void hm_bound_close(struct hm_bound *b)
{
	hm_bpf_close(b->fd, HM_BOUND_FDS);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int hm_bound_put(struct hm_bound *b, const struct hm_addr *match, const struct hm_addr *local,
                 const struct hm_addr *remote)
{
	struct pair pair = { .former_until = 0 }, was;

	if (hm_bpf_get(b->fd[HM_BOUND_PAIRS], match, &was) == 0) {
		pair = was;
		if (!hm_addr_eq(&was.remote, remote)) {
			pair.former = was.remote;
			pair.former_until = now_ns() + HM_FORMER_MS * NS_PER_MS;
		}
	}
	pair.remote = *remote;
	pair.local = *local;

	return hm_bpf_put(b->fd[HM_BOUND_PAIRS], match, &pair, BPF_ANY);
}

void hm_bound_del(struct hm_bound *b, const struct hm_addr *match)
{
	(void)hm_bpf_del(b->fd[HM_BOUND_PAIRS], match);
}

int hm_bound_watch(struct hm_bound *b, const struct hm_addr *match)
{
	static const struct hm_tunnel_count none;
	int err = hm_bpf_put(b->fd[HM_BOUND_COUNTS], match, &none, BPF_NOEXIST);

	return err == -EEXIST ? 0 : err;
}

void hm_bound_forget(struct hm_bound *b, const struct hm_addr *match)
{
	(void)hm_bpf_del(b->fd[HM_BOUND_COUNTS], match);
}

void hm_bound_count(const struct hm_bound *b, const struct hm_addr *match,
                    struct hm_tunnel_count *io)
{
	struct hm_tunnel_count c;

	if (hm_bpf_get(b->fd[HM_BOUND_COUNTS], match, &c) != 0)
		return;
	io->packets_in += c.packets_in;
	io->octets_in += c.octets_in;
	io->packets_out += c.packets_out;
	io->octets_out += c.octets_out;
}

void hm_bound_total(const struct hm_bound *b, struct hm_bound_totals *ret_totals)
{
	const uint32_t first = 0;

	if (hm_bpf_get(b->fd[HM_BOUND_TOTALS], &first, ret_totals) != 0)
		*ret_totals = (struct hm_bound_totals){ .refused = 0 };
}
