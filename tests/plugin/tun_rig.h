/* The packet path of tunnel-tun with one packet at hand. */
#ifndef HM_TEST_TUN_RIG_H
#define HM_TEST_TUN_RIG_H

#include "entry_rig.h"
#include "tunnel-tun/entries.h"

#include <criterion/criterion.h>

struct rig {
	struct hm_path path;
	struct hm_entry_change change;
	struct hm_seen seen;
	struct hm_pkt k;
	uint8_t buffer[HM_PKT_ROOM + 65536];
};

static inline struct rig *rig(void)
{
	static const uint64_t seed[5] = { 11, 12, 13, 14, 15 };
	static struct rig r;

	memset(&r.path, 0, sizeof r.path);
	cr_assert(hm_table_init(&r.path.table, seed));
	r.path.now_ms = 5000;
	return &r;
}

static inline void put(struct rig *r, struct hm_tunnel_entry e)
{
	cr_assert_eq(hm_entries_put(&r->path, &e, &r->change), HM_PLUGIN_OK);
}

static inline void put_home(struct rig *r)
{
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	add_hop(&e, GCOA, HA);
	add_hop(&e, LCOA, MS);
	put(r, e);
}

/* The packet at hand: UDP-like, `len` octets with its header. */
static inline void packet(struct rig *r, const char *src, const char *dst, size_t len,
                          uint8_t tclass)
{
	struct hm_wr w = hm_wr(r->buffer + HM_PKT_ROOM, 65536);
	struct hm_ip6 ip6 = { .tclass = tclass,
		              .payload_len = (uint16_t)(len - HM_IP6_LEN),
		              .next = 17,
		              .hop_limit = 60,
		              .src = addr(src),
		              .dst = addr(dst) };

	hm_ip6_write(&w, &ip6);
	for (size_t i = HM_IP6_LEN; i < len; i++)
		hm_wr_u8(&w, (uint8_t)i);
	r->k = (struct hm_pkt){ .at = r->buffer + HM_PKT_ROOM, .len = w.len, .room = HM_PKT_ROOM };
}

static inline void wrap(struct rig *r, const char *src, const char *dst)
{
	struct hm_addr from = addr(src), to = addr(dst);

	cr_assert(hm_pkt_push(&r->k, &from, &to, HM_ENCAP_NO_LIMIT));
}

static inline enum hm_fate out(struct rig *r)
{
	r->seen.any = false;
	return hm_path_out(&r->path, &r->k, &r->seen);
}

static inline enum hm_fate in(struct rig *r)
{
	r->seen.any = false;
	return hm_path_in(&r->path, &r->k, &r->seen);
}

static inline void expect_ends(const struct rig *r, const char *src, const char *dst)
{
	struct hm_addr want_src = addr(src), want_dst = addr(dst);
	struct hm_addr is_src = hm_pkt_src(&r->k), is_dst = hm_pkt_dst(&r->k);

	cr_assert(hm_addr_eq(&is_src, &want_src), "source is not %s", src);
	cr_assert(hm_addr_eq(&is_dst, &want_dst), "destination is not %s", dst);
}

/* What one packet became, cut as the worker does. */
struct pieces {
	unsigned n;
	struct piece {
		uint8_t b[1500];
		size_t len;
	} of[8];
};

static inline struct pieces cut(const struct rig *r, uint32_t id)
{
	static struct pieces p;
	struct hm_fragments f;

	p.n = 0;
	cr_assert_eq(hm_fragments_begin(hm_pkt_span(&r->k), HM_IP6_MTU_MIN, id, &f), 0);
	while (hm_fragments_left(&f)) {
		struct hm_wr w = hm_wr(p.of[p.n].b, sizeof p.of[p.n].b);

		cr_assert_eq(hm_fragments_write(&f, &w), 0);
		p.of[p.n++].len = w.len;
	}
	return p;
}

static inline enum hm_fate in_piece(struct rig *r, const struct pieces *p, unsigned i)
{
	memcpy(r->buffer + HM_PKT_ROOM, p->of[i].b, p->of[i].len);
	r->k = (struct hm_pkt){ .at = r->buffer + HM_PKT_ROOM,
		                .len = p->of[i].len,
		                .room = HM_PKT_ROOM };
	return in(r);
}

static inline uint64_t count(const struct rig *r, enum hm_stat what)
{
	return r->path.stats[what];
}

static inline struct rig *server(void)
{
	struct rig *r = rig();

	put(r, entry(HM_TUNNEL_ENCAP, GCOA, MS, LCOA));
	return r;
}

static inline void expect_whole(struct rig *r, const char *src, const char *dst, size_t len)
{
	expect_ends(r, src, dst);
	cr_assert_eq(r->k.len, len);
	for (size_t i = HM_IP6_LEN; i < len; i++)
		cr_assert_eq(r->k.at[i], (uint8_t)i, "octet %zu", i);
}

#endif
