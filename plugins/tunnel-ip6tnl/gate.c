#include "gate.h"

#include "bpf.h"
#include "insn.h"

#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

#define PEERS 1024u
#define INNERS 32u /* two entries' while one becomes the other */

/* A key as the tunnel's key has it, of which what lies between is zeroed. */
struct pair {
	struct hm_addr remote;
	uint64_t zero;
	struct hm_addr local;
};

struct peer {
	struct hm_addr peer, home;
};

#define AT_GAP AT_TOS
_Static_assert(AT_TOS == AT_REMOTE + 16 && AT_LOCAL == AT_REMOTE + 24 && AT_TOS % 8 == 0,
               "the key of a pair is a part of the tunnel's key");

enum { UNKNOWN_PAIR = 1, REFUSED_INNER, NOT_HOME, FOREIGN_SOURCE, TAKE, SEGMENTS };

#define TOTAL(name) ((int)offsetof(struct hm_gate_totals, name))
/* Needs the element of the totals in R0. */
#define COUNT_ONE(name) SET(R1, 1), COUNT(R0, TOTAL(name), R1)

/* Octets in SIZE: of a super-packet with the headers that its segments will have of their own. */
#define MEASURE                                                                                    \
	HEADERS(SEGMENTS), LOAD(BPF_W, R1, CTX, FIELD(gso_segs)), IF(BPF_JNE, R1, 0, 1),           \
	        SET(R1, 1), ADD(R1, -1), TIMES(SIZE, R1), LOAD(BPF_W, R1, CTX, FIELD(len)),        \
	        PLUS(SIZE, R1)
#define COUNT_SEGMENTS(g, packets, octets)                                                         \
	MEASURE, ELEMENT(R0, (g)->fd[HM_GATE_TOTALS]), LOAD(BPF_W, R1, CTX, FIELD(gso_segs)),      \
	        IF(BPF_JNE, R1, 0, 1), SET(R1, 1), COUNT(R0, COUNTED(packets), R1),                \
	        COUNT(R0, COUNTED(octets), SIZE)

/* What follows where the ends of the tunnel are known to be right; KEEP2: whether it is the first.
 * A packet that route optimisation may be in is left to who asked for it (HM_GATE_PLAIN). */
#define CHECK_INNER(g)                                                                             \
	LOAD_INNER(INNER_SRC, AT_INNER_SRC, 32, TO_END),                                           \
	        LOOK_UP((g)->fd[HM_GATE_INNER], AT_INNER_DST, TO(REFUSED_INNER)),                  \
	        LOAD(BPF_W, KEEP, R0, 0), LOAD_INNER(INNER_NEXT, AT_HEAD, 1, TO_END),              \
	        LOAD(BPF_B, R1, FP, AT_HEAD), MOV(R2, KEEP), AND(R2, HM_GATE_PLAIN),               \
	        IF(BPF_JEQ, R2, 0, 2), IF(BPF_JEQ, R1, IPPROTO_ROUTING, TO_END),                   \
	        IF(BPF_JEQ, R1, IPPROTO_DSTOPTS, TO_END), AND(KEEP, HM_GATE_HOME),                 \
	        IF(BPF_JEQ, KEEP, 0, TO(TAKE)), COUNT_SEGMENTS(g, packets_in, octets_in),          \
	        IF(BPF_JEQ, KEEP2, 0, TO(TAKE)), LOOK_UP((g)->fd[HM_GATE_PEERS], AT_INNER_SRC, 1), \
	        GOTO(TO(TAKE)), MAP(R1, (g)->fd[HM_GATE_PEERS]), MOV(R2, FP),                      \
	        ADD(R2, AT_INNER_SRC), MOV(R3, FP), ADD(R3, AT_INNER_SRC), SET(R4, BPF_ANY),       \
	        CALL(map_update_elem), LABEL(TAKE), SET(R0, TC_ACT_OK), EXIT,                      \
	        LABEL(REFUSED_INNER), ELEMENT(R0, (g)->fd[HM_GATE_TOTALS]), COUNT_ONE(inner), END, \
	        SET(R0, TC_ACT_UNSPEC), EXIT

/* For the device that takes everything: which tunnel a packet came out of is looked up. A tunnel
 * that is none to one of our ends is counted as tunnel-tun does, and left to the filter behind. */
static int load_in(const struct hm_gate *g)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		TUNNEL_KEY(skb_get_tunnel_key),
		IF(BPF_JNE, R0, 0, TO_END),
		STORE_VALUE(BPF_DW, AT_GAP, 0),
		LOOK_UP(g->fd[HM_GATE_PAIRS], AT_REMOTE, TO(UNKNOWN_PAIR)),
		LOAD(BPF_W, KEEP2, R0, 0),
		GOTO(TO(NOT_HOME)),
		LABEL(UNKNOWN_PAIR),
		LOOK_UP(g->fd[HM_GATE_INNER], AT_LOCAL, TO_END),
		LOAD(BPF_W, KEEP, R0, 0),
		ELEMENT(R0, g->fd[HM_GATE_TOTALS]),
		AND(KEEP, HM_GATE_WITHIN),
		IF(BPF_JEQ, KEEP, 0, TO(FOREIGN_SOURCE)),
		COUNT_ONE(foreign_tunnel),
		GOTO(TO_END),
		LABEL(FOREIGN_SOURCE),
		COUNT_ONE(foreign_source),
		GOTO(TO_END),
		LABEL(NOT_HOME),
		CHECK_INNER(g),
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_home_in");
}

/* For devices that have their ends from the kernel. */
static int load_in_hop(const struct hm_gate *g, bool first)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		SET(KEEP2, first),
		CHECK_INNER(g),
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_hop_in");
}

static int load_out(const struct hm_gate *g, int other)
{
	struct bpf_insn code[] = {
		MOV(CTX, R1),
		LOAD_INNER(INNER_SRC, AT_INNER_SRC, 16, TO_END),
		LOOK_UP(g->fd[HM_GATE_INNER], AT_INNER_SRC, TO_END),
		LOAD(BPF_W, KEEP, R0, 0),
		AND(KEEP, HM_GATE_HOME),
		IF(BPF_JEQ, KEEP, 0, TO_END),
		COUNT_SEGMENTS(g, packets_out, octets_out),
		LABEL(TAKE),
		SET(R0, TC_ACT_UNSPEC),
		EXIT,
		END,
		SET(R0, other),
		EXIT,
	};

	return hm_bpf_load(code, LENGTH(code), "hmip_home_out");
}

int hm_gate_open(struct hm_gate *g)
{
	int err;

	*g = (struct hm_gate){ { -1, -1, -1, -1, -1, -1, -1, -1, -1 } };
	g->fd[HM_GATE_PAIRS] =
	        hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct pair), sizeof(uint32_t), INNERS, 0);
	g->fd[HM_GATE_INNER] =
	        hm_bpf_map(BPF_MAP_TYPE_HASH, sizeof(struct hm_addr), sizeof(uint32_t), INNERS, 0);
	g->fd[HM_GATE_PEERS] =
	        hm_bpf_map(BPF_MAP_TYPE_LRU_HASH, sizeof(struct peer), sizeof(uint32_t), PEERS, 0);
	g->fd[HM_GATE_TOTALS] = hm_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
	                                   sizeof(struct hm_gate_totals), 1, 0);
	err = hm_bpf_opened(g->fd, HM_GATE_MAPS);
	if (err)
		return err;
	g->fd[HM_GATE_IN] = load_in(g);
	g->fd[HM_GATE_IN_FIRST] = load_in_hop(g, true);
	g->fd[HM_GATE_IN_HOP] = load_in_hop(g, false);
	g->fd[HM_GATE_COUNT] = load_out(g, TC_ACT_UNSPEC);
	g->fd[HM_GATE_OUT] = load_out(g, TC_ACT_SHOT);
	return hm_bpf_opened(g->fd, HM_GATE_FDS);
}

void hm_gate_close(struct hm_gate *g)
{
	hm_bpf_close(g->fd, HM_GATE_FDS);
}

int hm_gate_inner_put(struct hm_gate *g, const struct hm_addr *inner, uint32_t flags)
{
	return hm_bpf_put(g->fd[HM_GATE_INNER], inner, &flags, BPF_ANY);
}

void hm_gate_inner_del(struct hm_gate *g, const struct hm_addr *inner)
{
	(void)hm_bpf_del(g->fd[HM_GATE_INNER], inner);
}

int hm_gate_pair_put(struct hm_gate *g, const struct hm_addr *local, const struct hm_addr *remote,
                     bool first)
{
	const struct pair pair = { .remote = *remote, .local = *local };
	const uint32_t value = first;

	return hm_bpf_put(g->fd[HM_GATE_PAIRS], &pair, &value, BPF_ANY);
}

void hm_gate_pair_del(struct hm_gate *g, const struct hm_addr *local, const struct hm_addr *remote)
{
	const struct pair pair = { .remote = *remote, .local = *local };

	(void)hm_bpf_del(g->fd[HM_GATE_PAIRS], &pair);
}

void hm_gate_total(const struct hm_gate *g, struct hm_gate_totals *ret_totals)
{
	const uint32_t only = 0;

	if (hm_bpf_get(g->fd[HM_GATE_TOTALS], &only, ret_totals) != 0)
		*ret_totals = (struct hm_gate_totals){ .inner = 0 };
}

void hm_gate_seen(const struct hm_gate *g, const struct hm_host_api *api)
{
	int map = g->fd[HM_GATE_PEERS];
	struct peer p;

	for (unsigned i = 0; i < PEERS; i++) {
		if (hm_bpf_first(map, &p) != 0)
			return;
		(void)hm_bpf_del(map, &p);
		api->seen(api->host, HM_TUNNEL_SEEN_TUNNELLED, p.home.b, p.peer.b);
	}
}
