#include "bound.h"

#include "bpf.h"
#include "insn.h"
#include "wire/ip6.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* Of the way in KEEP, in its slot: what all processors would have to write for each packet, a sum
 * of all ways, is left to who asks for it. A super-packet counts as what it will be cut into. */
#define COUNT_WAY(b, packets, octets)                                                              \
	LOAD(BPF_W, KEEP2, CTX, FIELD(gso_segs)), IF(BPF_JNE, KEEP2, 0, 1), SET(KEEP2, 1),         \
	        LOAD(BPF_W, SIZE, CTX, FIELD(len)), MAP(R1, (b)->fd[HM_BOUND_COUNTS]),             \
	        MOV(R2, KEEP), ADD(R2, WAY(slot)), CALL(map_lookup_elem), IF(BPF_JEQ, R0, 0, 2),   \
	        COUNT(R0, COUNTED(packets), KEEP2), COUNT(R0, COUNTED(octets), SIZE)

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
		ELEMENT(R0, b->fd[HM_BOUND_REFUSED]),
		SET(R1, 1),
		COUNT(R0, 0, R1),
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

static int open_maps(struct hm_bound *b)
{
	const uint32_t max = b->max, word = sizeof(uint32_t);
	size_t len = max * sizeof *b->counts;
	void *counts;
	int err;

	b->fd[HM_BOUND_WAYS] =
	        hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct hm_addr), sizeof(struct way), max, 0);
	b->fd[HM_BOUND_COUNTS] =
	        hm_bpf_map(BPF_MAP_TYPE_ARRAY, word, sizeof *b->counts, max, BPF_F_MMAPABLE);
	b->fd[HM_BOUND_REFUSED] = hm_bpf_map(BPF_MAP_TYPE_ARRAY, word, sizeof(uint64_t), 1, 0);
	err = hm_bpf_opened(b->fd, HM_BOUND_MAPS);
	if (err)
		return err;
	counts = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd[HM_BOUND_COUNTS], 0);
	if (counts == MAP_FAILED)
		return -errno;
	b->counts = counts;
	return 0;
}

int hm_bound_open(struct hm_bound *b, uint32_t max, int rest)
{
	int err;

	*b = hm_bound_none;
	b->max = max;
	b->free = calloc(max, sizeof *b->free);
	if (!b->free)
		return -ENOMEM;
	err = open_maps(b);
	if (!err) {
		b->fd[HM_BOUND_IN] = load_in(b);
		b->fd[HM_BOUND_DROP] = load_drop(b);
		b->fd[HM_BOUND_OUT] = load_out(b);
		b->fd[HM_BOUND_REST] = load_rest(rest);
		err = hm_bpf_opened(b->fd, HM_BOUND_FDS);
	}
	if (err)
		hm_bound_close(b);
	return err;
}

void hm_bound_close(struct hm_bound *b)
{
	if (b->counts)
		(void)munmap(b->counts, b->max * sizeof *b->counts);
	b->counts = NULL;
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

static void add(struct hm_tunnel_count *sum, const struct hm_tunnel_count *c)
{
	sum->packets_in += c->packets_in;
	sum->octets_in += c->octets_in;
	sum->packets_out += c->packets_out;
	sum->octets_out += c->octets_out;
}

/* What a program adds at this moment is not lost; it may be counted for whom the slot is next. */
static uint64_t take(uint64_t *counter)
{
	return __atomic_exchange_n(counter, 0, __ATOMIC_RELAXED);
}

static void return_slot(struct hm_bound *b, uint32_t slot)
{
	struct hm_tunnel_count *c = &b->counts[slot - 1];
	const struct hm_tunnel_count last = { .packets_in = take(&c->packets_in),
		                              .octets_in = take(&c->octets_in),
		                              .packets_out = take(&c->packets_out),
		                              .octets_out = take(&c->octets_out) };

	add(&b->gone, &last);
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

static uint64_t read_now(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void hm_bound_count(const struct hm_bound *b, uint32_t slot, struct hm_tunnel_count *io)
{
	const struct hm_tunnel_count *c = &b->counts[slot - 1];
	const struct hm_tunnel_count now = { .packets_in = read_now(&c->packets_in),
		                             .octets_in = read_now(&c->octets_in),
		                             .packets_out = read_now(&c->packets_out),
		                             .octets_out = read_now(&c->octets_out) };

	add(io, &now);
}

void hm_bound_total(const struct hm_bound *b, struct hm_tunnel_count *ret_total)
{
	*ret_total = b->gone;
	for (uint32_t slot = 1; slot <= b->used; slot++)
		hm_bound_count(b, slot, ret_total);
}

uint64_t hm_bound_refused(const struct hm_bound *b)
{
	const uint32_t only = 0;
	uint64_t n;

	return hm_bpf_get(b->fd[HM_BOUND_REFUSED], &only, &n) == 0 ? n : 0;
}
