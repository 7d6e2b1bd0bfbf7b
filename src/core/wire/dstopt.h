/* Destination Options headers (RFC 8200 4.2, 4.6): one walker over type-length-value options, which
 * serves sub-options too, and one writer that keeps alignment. */
#ifndef HM_WIRE_DSTOPT_H
#define HM_WIRE_DSTOPT_H

#include "base/addr.h"
#include "base/cursor.h"

#define HM_OPT_PAD1 0x00
#define HM_OPT_PADN 0x01
#define HM_OPT_ENCAP_LIMIT 0x04
#define HM_OPT_BACK 0x07
#define HM_OPT_BREQ 0x08
#define HM_OPT_BU 0xc6
#define HM_OPT_HOME 0xc9

#define HM_OPT_HEAD 2 /* type and length */

/* What a node does that does not know an option: 0 skips it (RFC 8200 4.2). */
#define HM_OPT_ACTION(type) ((type) >> 6)

struct hm_opt {
	uint8_t type;
	size_t at; /* from the start of the Destination Options header */
	struct hm_rd body;
};

struct hm_opt_walk {
	struct hm_rd rest;
	size_t at;
};

/* Over the options in `body`, which starts `at` octets into the header. */
static inline struct hm_opt_walk hm_opt_walk(struct hm_rd body, size_t at)
{
	return (struct hm_opt_walk){ body, at };
}

/* The next option that is no padding. False: none is left, or one overran (walk->rest.bad). */
bool hm_opt_next(struct hm_opt_walk *walk, struct hm_opt *ret_opt);

/* Whether an option at `at` keeps the alignment xn+y. */
static inline bool hm_opt_aligned(size_t at, unsigned x, unsigned y)
{
	return at % x == y;
}

/* n octets of padding. */
void hm_opt_pad(struct hm_wr *w, size_t n);

/* Starts an option at xn+y of the header that starts at `header_at` and returns where it is. */
size_t hm_opt_begin(struct hm_wr *w, size_t header_at, uint8_t type, unsigned x, unsigned y);
/* Writes the length of the option that starts at `at` and ends where w does. */
void hm_opt_end(struct hm_wr *w, size_t at);

/* A Destination Options header around options. */
size_t hm_dstopts_begin(struct hm_wr *w, uint8_t next);
void hm_dstopts_end(struct hm_wr *w, size_t header_at);

/* A Home Address option (PROTOCOL 2.4). */
void hm_home_write(struct hm_wr *w, size_t header_at, const struct hm_addr *home);

#endif
