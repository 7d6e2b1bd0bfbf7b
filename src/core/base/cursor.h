/* Bounds-checked cursors over octets: the only place that knows byte order. The first overrun makes
 * a cursor bad and keeps it so; reads then yield zero and writes do nothing, so that a codec is a
 * straight line with one check at its end. */
#ifndef HM_BASE_CURSOR_H
#define HM_BASE_CURSOR_H

#include "base/addr.h"

#include <stddef.h>

/* Borrowed octets. */
struct hm_span {
	const uint8_t *p;
	size_t len;
};

struct hm_rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

static inline struct hm_rd hm_rd(const void *p, size_t len)
{
	return (struct hm_rd){ .p = p, .left = len };
}

/* The next n octets, or NULL (and a bad cursor) when fewer are left. */
static inline const uint8_t *hm_rd_bytes(struct hm_rd *r, size_t n)
{
	const uint8_t *at = r->p;

	if (r->bad || r->left < n) {
		r->bad = true;
		r->left = 0;
		return NULL;
	}
	if (n > 0)
		r->p += n;
	r->left -= n;
	return at;
}

static inline void hm_rd_skip(struct hm_rd *r, size_t n)
{
	(void)hm_rd_bytes(r, n);
}

static inline uint8_t hm_rd_u8(struct hm_rd *r)
{
	const uint8_t *p = hm_rd_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t hm_rd_u16(struct hm_rd *r)
{
	const uint8_t *p = hm_rd_bytes(r, 2);

	if (!p)
		return 0;
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t hm_rd_u32(struct hm_rd *r)
{
	uint32_t high = hm_rd_u16(r);

	return high << 16 | hm_rd_u16(r);
}

static inline struct hm_addr hm_rd_addr(struct hm_rd *r)
{
	struct hm_addr a = { { 0 } };
	const uint8_t *p = hm_rd_bytes(r, sizeof a.b);

	if (p)
		memcpy(a.b, p, sizeof a.b);
	return a;
}

/* A reader over exactly the next n octets, which this one steps over. */
static inline struct hm_rd hm_rd_sub(struct hm_rd *r, size_t n)
{
	const uint8_t *p = hm_rd_bytes(r, n);

	return (struct hm_rd){ .p = p, .left = p ? n : 0, .bad = r->bad };
}

struct hm_wr {
	uint8_t *p;
	size_t cap;
	size_t len;
	bool bad;
};

static inline struct hm_wr hm_wr(void *p, size_t cap)
{
	return (struct hm_wr){ .p = p, .cap = cap };
}

/* Room for n octets, zeroed, or NULL (and a bad cursor) when they do not fit. */
static inline uint8_t *hm_wr_room(struct hm_wr *w, size_t n)
{
	uint8_t *at = w->p + w->len;

	if (w->bad || w->cap - w->len < n) {
		w->bad = true;
		return NULL;
	}
	memset(at, 0, n);
	w->len += n;
	return at;
}

static inline void hm_wr_zero(struct hm_wr *w, size_t n)
{
	(void)hm_wr_room(w, n);
}

static inline void hm_wr_bytes(struct hm_wr *w, const void *from, size_t n)
{
	uint8_t *p = hm_wr_room(w, n);

	if (p && n > 0)
		memcpy(p, from, n);
}

static inline void hm_wr_u8(struct hm_wr *w, uint8_t v)
{
	hm_wr_bytes(w, &v, 1);
}

static inline void hm_wr_u16(struct hm_wr *w, uint16_t v)
{
	uint8_t *p = hm_wr_room(w, 2);

	if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void hm_wr_u32(struct hm_wr *w, uint32_t v)
{
	hm_wr_u16(w, (uint16_t)(v >> 16));
	hm_wr_u16(w, (uint16_t)v);
}

static inline void hm_wr_addr(struct hm_wr *w, const struct hm_addr *a)
{
	hm_wr_bytes(w, a->b, sizeof a->b);
}

/* Overwrites octets already written, as for a length or checksum known only at the end. */
static inline void hm_wr_patch(struct hm_wr *w, size_t at, const void *from, size_t n)
{
	if (w->bad || at > w->len || w->len - at < n) {
		w->bad = true;
		return;
	}
	memcpy(w->p + at, from, n);
}

#endif
