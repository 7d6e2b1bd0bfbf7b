#include "bound.h"

#include "bpf.h"
#include "insn.h"
#include "wire/ip6.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS 1000000u

/* The kernel gives the memory of an element that went or changed to another one at once, while a
 * program may still read it: whose it is comes first, and is looked at again when the rest has been
 * read. */
struct way {
	struct hm_addr match, remote, local, former;
	uint64_t former_until; /* nanoseconds of the monotonic clock */
	uint32_t slot;         /* in the map of counters: less 1 */
	uint16_t mtu;
	uint8_t out, in;
};

#define WAY(name) ((int)offsetof(struct way, name))

/* --- the programs --------------------------------------------------------------------------- */

enum { FORMER = 1, BOUND, FITS, SEGMENT };

/* Of the way in KEEP, in its slot and in all. A super-packet counts as what it will be cut into. */
#define COUNT_WAY(b, packets, octets)                                                              \
	LOAD(BPF_W, KEEP2, CTX, FIELD(gso_segs)), IF(BPF_JNE, KEEP2, 0, 1), SET(KEEP2, 1),         \
	        LOAD(BPF_W, SIZE, CTX, FIELD(len)), MAP(R1, (b)->fd[HM_BOUND_COUNTS]),             \
	        MOV(R2, KEEP), ADD(R2, WAY(slot)), CALL(map_lookup_elem), IF(BPF_JEQ, R0, 0, 2),   \
	        COUNT(R0, COUNTED(packets), KEEP2), COUNT(R0, COUNTED(octets), SIZE),              \
	        ELEMENT(R0, (b)->fd[HM_BOUND_TOTALS]), COUNT(R0, COUNTED(packets), KEEP2),         \
	        COUNT(R0, COUNTED(octets), SIZE)

/* Lets pass what is bound and has no opinion of the rest: a filter behind it drops that. So the
 * programs of two runs may stand side by side while one takes over from the other. */
static int load_in(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		TUNNEL_KEY(skb_get_tunnel_key),
		IF(BPF_JNE, R0, 0, TO_END),
		LOAD_INNER(INNER_SRC, AT_INNER_SRC, 16, TO_END),
		LOOK_UP(b->fd[HM_BOUND_WAYS], AT_INNER_SRC, TO_END),
		MOV(KEEP, R0),
		LOAD(BPF_B, R1, KEEP, WAY(in)),
		IF(BPF_JEQ, R1, 0, TO_END),
		SAME_ADDR(WAY(local), AT_LOCAL, TO_END),
		SAME_ADDR(WAY(remote), AT_REMOTE, TO(FORMER)),
		GOTO(TO(BOUND)),
		LABEL(FORMER),
		SAME_ADDR(WAY(former), AT_REMOTE, TO_END),
		CALL(ktime_get_ns),
		LOAD(BPF_DW, R1, KEEP, WAY(former_until)),
		IF_LATER(R0, R1, TO_END),
		LABEL(BOUND),
		SAME_ADDR(WAY(match), AT_INNER_SRC, TO_END),
		COUNT_WAY(b, packets_in, octets_in),
		SET(R0, TC_ACT_OK),
		EXIT,
		END,
		SET(R0, TC_ACT_UNSPEC),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_in");
}

/* Tells the device where the tunnel of a binding leads. The class of traffic is copied out (RFC
 * 2983 4.1), and the flow label (RFC 6438), for which the device would have to take the packet to
 * pieces; the congestion mark it copies by itself. What is too long for a narrow path is
 * left to who answers it. */
static int load_out(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		LOAD_INNER(0, AT_INNER, INNER_LEN, TO_END),
		LOOK_UP(b->fd[HM_BOUND_WAYS], AT_INNER_DST, TO_END),
		MOV(KEEP, R0),
		LOAD(BPF_B, R1, KEEP, WAY(out)),
		IF(BPF_JEQ, R1, 0, TO_END),
		LOAD(BPF_H, KEEP2, KEEP, WAY(mtu)),
		IF(BPF_JEQ, KEEP2, 0, TO(FITS)),
		LOAD(BPF_W, SIZE, CTX, FIELD(len)),
		LOAD(BPF_W, R1, CTX, FIELD(gso_size)),
		IF(BPF_JEQ, R1, 0, TO(SEGMENT)),
		HEADERS(BOUND),
		LOAD(BPF_W, R1, CTX, FIELD(gso_size)),
		PLUS(SIZE, R1),
		LABEL(SEGMENT),
		IF_MORE(SIZE, KEEP2, TO_END),
		LABEL(FITS),
		COPY_ADDR(WAY(remote), AT_REMOTE),
		COPY_ADDR(WAY(local), AT_LOCAL),
		SAME_ADDR(WAY(match), AT_INNER_DST, TO_END),
		STORE_VALUE(BPF_W, AT_KEY, 0),
		STORE_VALUE(BPF_DW, AT_TOS, 0),
		STORE_VALUE(BPF_B, AT_TTL, HM_IP6_HOP_LIMIT),
		LOAD(BPF_H, R1, FP, AT_INNER),
		SWAP16(R1),
		SHIFT(R1, 4),
		AND(R1, 0xfc),
		STORE(BPF_B, FP, AT_TOS, R1),
		LOAD(BPF_W, R1, FP, AT_INNER),
		SWAP32(R1),
		AND(R1, 0xfffff),
		STORE(BPF_W, FP, AT_LABEL, R1),
		TUNNEL_KEY(skb_set_tunnel_key),
		IF(BPF_JNE, R0, 0, TO_END),
		COUNT_WAY(b, packets_out, octets_out),
		SET(R0, TC_ACT_OK),
		EXIT,
		END,
		SET(R0, TC_ACT_UNSPEC),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_out");
}

static int load_drop(const struct hm_bound *b)
{
	struct bpf_insn code[] = {
		ELEMENT(R0, b->fd[HM_BOUND_TOTALS]),
		SET(R1, 1),
		COUNT(R0, (int)offsetof(struct hm_bound_totals, refused), R1),
		SET(R0, TC_ACT_SHOT),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_drop");
}

/* A route may have told the tunnel already (hop.h). */
static int load_rest(int rest)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		TUNNEL_KEY(skb_get_tunnel_key),
		IF(BPF_JEQ, R0, 0, TO_END),
		SET(R1, rest),
		SET(R2, 0),
		CALL(redirect),
		EXIT,
		END,
		SET(R0, TC_ACT_OK),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_rest");
}

const struct hm_bound hm_bound_none = { .fd = { -1, -1, -1, -1, -1, -1, -1 } };

/* --- the maps ------------------------------------------------------------------------------- */

static bool has_maps(const struct hm_bound *b)
{
	return b->fd[HM_BOUND_WAYS] >= 0 && b->fd[HM_BOUND_COUNTS] >= 0 &&
	       b->fd[HM_BOUND_TOTALS] >= 0;
}

int hm_bound_open(struct hm_bound *b, uint32_t max, int rest)
{
	int err;

	*b = hm_bound_none;
	b->max = max;
	b->free = calloc(max, sizeof *b->free);
	if (!b->free)
		return -ENOMEM;
	b->fd[HM_BOUND_WAYS] =
	        hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct hm_addr), sizeof(struct way), max);
	b->fd[HM_BOUND_COUNTS] = hm_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
	                                    sizeof(struct hm_tunnel_count), max);
	b->fd[HM_BOUND_TOTALS] =
	        hm_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hm_bound_totals), 1);
	if (has_maps(b)) {
		b->fd[HM_BOUND_IN] = load_in(b);
		b->fd[HM_BOUND_DROP] = load_drop(b);
		b->fd[HM_BOUND_OUT] = load_out(b);
		b->fd[HM_BOUND_REST] = load_rest(rest);
	}
	err = hm_bpf_opened(b->fd, HM_BOUND_FDS);
	if (err)
		hm_bound_close(b);
	return err;
}

void hm_bound_close(struct hm_bound *b)
{
	hm_bpf_close(b->fd, HM_BOUND_FDS);
	free(b->free);
	b->free = NULL;
}

/* 0: none. */
static uint32_t take_slot(struct hm_bound *b)
{
	if (b->n_free > 0)
		return b->free[--b->n_free];
	return b->used < b->max ? ++b->used : 0;
}

static void return_slot(struct hm_bound *b, uint32_t slot)
{
	static const struct hm_tunnel_count none;
	const uint32_t at = slot - 1;

	(void)hm_bpf_put(b->fd[HM_BOUND_COUNTS], &at, &none, BPF_ANY);
	b->free[b->n_free++] = slot;
}

int hm_bound_put(struct hm_bound *b, struct hm_bound_way *way)
{
	struct way value = { .match = way->match,
		             .remote = way->remote,
		             .local = way->local,
		             .former = way->former,
		             .former_until = (uint64_t)way->former_until_ms * NS_PER_MS,
		             .mtu = way->mtu,
		             .out = way->out,
		             .in = way->in };
	uint32_t slot = way->slot ? way->slot : take_slot(b);
	int err;

	if (slot == 0)
		return -E2BIG;
	value.slot = slot - 1;
	err = hm_bpf_put(b->fd[HM_BOUND_WAYS], &way->match, &value, BPF_ANY);
	if (!err)
		way->slot = slot;
	else if (way->slot == 0)
		return_slot(b, slot);
	return err;
}

void hm_bound_del(struct hm_bound *b, const struct hm_addr *match, uint32_t slot)
{
	(void)hm_bpf_del(b->fd[HM_BOUND_WAYS], match);
	return_slot(b, slot);
}

void hm_bound_count(const struct hm_bound *b, uint32_t slot, struct hm_tunnel_count *io)
{
	const uint32_t at = slot - 1;
	struct hm_tunnel_count c;

	if (hm_bpf_get(b->fd[HM_BOUND_COUNTS], &at, &c) != 0)
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
