/* Small eBPF programs written by hand, for the classifiers of the tunnel devices: instructions, and
 * the few sequences that they share. A program has its context in CTX and its labels as LABEL(n),
 * which jumps name as TO(n). */
#ifndef HM_IP6TNL_INSN_H
#define HM_IP6TNL_INSN_H

#include "hmipd-plugin.h"

#include <linux/bpf.h>
#include <stddef.h>

/* Stands for the offset of a jump to a label, until that is known (hm_bpf_load). */
#define TO(n) (0x7000 + (n))
#define TO_END TO(0) /* the program's last verdict */
#define LABEL_CODE 0xff
#define LABEL(n) INSN(LABEL_CODE, 0, 0, 0, n)
#define END LABEL(0)

#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (int16_t)(o), .imm = (i)       \
	}
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define PLUS(d, s) INSN(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0)
#define TIMES(d, s) INSN(BPF_ALU64 | BPF_MUL | BPF_X, d, s, 0, 0)
#define AND(d, i) INSN(BPF_ALU64 | BPF_AND | BPF_K, d, 0, 0, i)
#define SHIFT(d, i) INSN(BPF_ALU64 | BPF_RSH | BPF_K, d, 0, 0, i)
#define SWAP16(d) INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, 16)
#define SWAP32(d) INSN(BPF_ALU | BPF_END | BPF_TO_BE, d, 0, 0, 32)
#define LOAD(size, d, s, o) INSN(BPF_LDX | (size) | BPF_MEM, d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | (size) | BPF_MEM, d, s, o, 0)
#define STORE_VALUE(size, o, i) INSN(BPF_ST | (size) | BPF_MEM, FP, 0, o, i)
#define COUNT(d, o, s) INSN(BPF_STX | BPF_DW | BPF_ATOMIC, d, s, o, BPF_ADD)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##f)
#define IF(op, d, i, to) INSN(BPF_JMP | (op) | BPF_K, d, 0, to, i)
#define IF_DIFFER(d, s, to) INSN(BPF_JMP | BPF_JNE | BPF_X, d, s, to, 0)
#define MAP(d, fd) INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)
/* The place of the first element of an array. */
#define ELEMENT(d, fd)                                                                             \
	INSN(BPF_LD | BPF_DW | BPF_IMM, d, BPF_PSEUDO_MAP_VALUE, 0, fd), INSN(0, 0, 0, 0, 0)
#define IF_LATER(d, s, to) INSN(BPF_JMP | BPF_JGE | BPF_X, d, s, to, 0)
#define IF_MORE(d, s, to) INSN(BPF_JMP | BPF_JGT | BPF_X, d, s, to, 0)
#define GOTO(to) INSN(BPF_JMP | BPF_JA, 0, 0, to, 0)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

enum { R0, R1, R2, R3, R4, R5, CTX, SIZE, KEEP, KEEP2, FP };

/* On the stack: the tunnel key, with its addresses aligned; a word for this and that; the inner
 * header. */
#define KEY_LEN ((int)sizeof(struct bpf_tunnel_key))
#define AT_KEY (-52)
#define AT_REMOTE (AT_KEY + (int)offsetof(struct bpf_tunnel_key, remote_ipv6))
#define AT_LOCAL (AT_KEY + (int)offsetof(struct bpf_tunnel_key, local_ipv6))
#define AT_TOS (AT_KEY + (int)offsetof(struct bpf_tunnel_key, tunnel_tos))
#define AT_TTL (AT_KEY + (int)offsetof(struct bpf_tunnel_key, tunnel_ttl))
#define AT_LABEL (AT_KEY + (int)offsetof(struct bpf_tunnel_key, tunnel_label))
#define AT_HEAD (-56)
#define AT_INNER (-96)
#define AT_INNER_SRC (AT_INNER + INNER_SRC)
#define AT_INNER_DST (AT_INNER + INNER_DST)
/* Places in that header. */
#define INNER_NEXT 6
#define INNER_SRC 8
#define INNER_DST 24
#define INNER_LEN 40
#define UDP_LEN 8
#define TCP_AT_LEN 12 /* the header's length, in a TCP header */
#define FIELD(name) ((int)offsetof(struct __sk_buff, name))
#define COUNTED(name) ((int)offsetof(struct hm_tunnel_count, name))

/* Octets of the inner header onto the stack, or off to `to`. */
#define LOAD_INNER(from, at, len, to)                                                              \
	MOV(R1, CTX), SET(R2, from), MOV(R3, FP), ADD(R3, at), SET(R4, len),                       \
	        SET(R5, BPF_HDR_START_NET), CALL(skb_load_bytes_relative), IF(BPF_JNE, R0, 0, to)
#define LOOK_UP(fd, at, to)                                                                        \
	MAP(R1, fd), MOV(R2, FP), ADD(R2, at), CALL(map_lookup_elem), IF(BPF_JEQ, R0, 0, to)
/* Half of the address in the map's value, which KEEP points at, and on the stack. */
#define SAME(value, at, to)                                                                        \
	LOAD(BPF_DW, R1, KEEP, value), LOAD(BPF_DW, R2, FP, at), IF_DIFFER(R1, R2, to)
#define SAME_ADDR(value, at, to) SAME(value, at, to), SAME((value) + 8, (at) + 8, to)
#define COPY(value, at) LOAD(BPF_DW, R1, KEEP, value), STORE(BPF_DW, FP, at, R1)
#define COPY_ADDR(value, at) COPY(value, at), COPY((value) + 8, (at) + 8)
/* The length of the headers of a packet, as far as they are alike in all of its segments, in SIZE.
 * Labels have numbers of the caller's. */
#define HEADERS(done)                                                                              \
	SET(SIZE, INNER_LEN + UDP_LEN), LOAD_INNER(INNER_NEXT, AT_HEAD, 1, TO(done)),              \
	        LOAD(BPF_B, R1, FP, AT_HEAD), IF(BPF_JNE, R1, IPPROTO_TCP, TO(done)),              \
	        LOAD_INNER(INNER_LEN + TCP_AT_LEN, AT_HEAD, 1, TO(done)),                          \
	        LOAD(BPF_B, SIZE, FP, AT_HEAD), SHIFT(SIZE, 2), AND(SIZE, 0x3c),                   \
	        ADD(SIZE, INNER_LEN), LABEL(done)
#define TUNNEL_KEY(function)                                                                       \
	MOV(R1, CTX), MOV(R2, FP), ADD(R2, AT_KEY), SET(R3, KEY_LEN), SET(R4, BPF_F_TUNINFO_IPV6), \
	        CALL(function)

#define LENGTH(code) ((unsigned)(sizeof(code) / sizeof(code)[0]))

#endif
