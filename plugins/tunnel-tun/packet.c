#include "packet.h"

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_HOME 0xc9
#define ECN_CE 3u

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned ecn_of(const uint8_t *ip6)
{
	return (unsigned)ip6[1] >> 4 & 3;
}

static void set_ecn(uint8_t *ip6, unsigned ecn)
{
	ip6[1] = (uint8_t)((ip6[1] & 0xcf) | ecn << 4);
}

/* Moves the start of the packet; the kernel's offsets follow. */
static void grow(struct hm_pkt *k, size_t n)
{
	k->at -= n;
	k->len += n;
	k->room -= n;
	k->hdr_len = (uint16_t)(k->hdr_len + n);
	k->csum_start = (uint16_t)(k->csum_start + n);
}

static void shrink(struct hm_pkt *k, size_t n)
{
	k->at += n;
	k->len -= n;
	k->room += n;
	k->hdr_len = (uint16_t)(k->hdr_len > n ? k->hdr_len - n : 0);
	k->csum_start = (uint16_t)(k->csum_start > n ? k->csum_start - n : 0);
}

bool hm_pkt_check(struct hm_pkt *k)
{
	size_t whole;

	if (k->len < HM_IP6_LEN || k->at[0] >> 4 != 6)
		return false;
	whole = HM_IP6_LEN + get16(k->at + 4);
	if (whole > k->len)
		return false;
	k->len = whole;
	return true;
}

void hm_pkt_set_src(struct hm_pkt *k, const struct hm_addr *a)
{
	memcpy(k->at + 8, a->b, sizeof a->b);
}

void hm_pkt_set_dst(struct hm_pkt *k, const struct hm_addr *a)
{
	memcpy(k->at + 24, a->b, sizeof a->b);
}

bool hm_pkt_push(struct hm_pkt *k, const struct hm_addr *src, const struct hm_addr *dst)
{
	const uint8_t *inner = k->at;

	if (k->room < HM_IP6_LEN || k->len > UINT16_MAX)
		return false;
	grow(k, HM_IP6_LEN);
	memcpy(k->at, inner, 4);
	put16(k->at + 4, k->len - HM_IP6_LEN);
	k->at[6] = HM_NH_IPV6;
	k->at[7] = 64;
	hm_pkt_set_src(k, src);
	hm_pkt_set_dst(k, dst);
	return true;
}

bool hm_pkt_pop(struct hm_pkt *k)
{
	struct hm_pkt inner = *k;
	unsigned outer_ecn = ecn_of(k->at), inner_ecn;

	shrink(&inner, HM_IP6_LEN);
	if (!hm_pkt_check(&inner))
		return false;
	inner_ecn = ecn_of(inner.at);
	if (outer_ecn == ECN_CE && inner_ecn == 0)
		return false;
	if (inner_ecn != 0 && (outer_ecn == ECN_CE || (outer_ecn == 1 && inner_ecn == 2)))
		set_ecn(inner.at, outer_ecn);
	*k = inner;
	return true;
}

/* Opens a gap of one route optimisation header, `skip` octets into the packet. */
static uint8_t *open_gap(struct hm_pkt *k, size_t skip)
{
	uint8_t *old = k->at;

	if (k->room < HM_ROUTE_OPT_LEN || k->len - HM_IP6_LEN > UINT16_MAX - HM_ROUTE_OPT_LEN)
		return NULL;
	grow(k, HM_ROUTE_OPT_LEN);
	memmove(k->at, old, skip);
	put16(k->at + 4, k->len - HM_IP6_LEN);
	return k->at + skip;
}

bool hm_pkt_route(struct hm_pkt *k, const struct hm_addr *to)
{
	uint8_t *h = open_gap(k, HM_IP6_LEN);

	if (!h)
		return false;
	memset(h, 0, 8);
	h[0] = k->at[6];
	h[1] = 2;
	h[2] = 2;
	h[3] = 1;
	memcpy(h + 8, k->at + 24, 16);
	k->at[6] = HM_NH_ROUTING;
	hm_pkt_set_dst(k, to);
	return true;
}

bool hm_pkt_home(struct hm_pkt *k, const struct hm_addr *from, bool routed)
{
	static const uint8_t head[7] = { 2, OPT_PADN, 2, 0, 0, OPT_HOME, 16 };
	uint8_t *h = open_gap(k, HM_IP6_LEN + (routed ? HM_ROUTE_OPT_LEN : 0));
	uint8_t *next;

	if (!h)
		return false;
	next = routed ? k->at + HM_IP6_LEN : k->at + 6;
	h[0] = *next;
	memcpy(h + 1, head, sizeof head);
	memcpy(h + 8, k->at + 8, 16);
	*next = HM_NH_DSTOPTS;
	hm_pkt_set_src(k, from);
	return true;
}

/* A Destination Options header of a data packet: one Home Address option and padding. */
static bool read_home(const uint8_t *h, size_t len, struct hm_addr *ret_home)
{
	bool found = false;
	size_t i = 2;

	while (i < len) {
		if (h[i] == OPT_PAD1) {
			i++;
			continue;
		}
		if (len - i < 2 || len - i - 2 < h[i + 1])
			return false;
		if (h[i] == OPT_HOME) {
			if (found || h[i + 1] != 16)
				return false;
			memcpy(ret_home->b, h + i + 2, 16);
			found = true;
		} else if (h[i] != OPT_PADN) {
			return false;
		}
		i += 2u + h[i + 1];
	}
	return found;
}

bool hm_pkt_route_opt(const struct hm_pkt *k, struct hm_route_opt *ret_opt)
{
	struct hm_route_opt opt = { .next = hm_pkt_next(k) };
	const uint8_t *h = k->at + HM_IP6_LEN;
	size_t left = k->len - HM_IP6_LEN;

	for (unsigned i = 0; i < 2; i++) {
		size_t len;

		if (opt.next != HM_NH_ROUTING && opt.next != HM_NH_DSTOPTS)
			break;
		if (left < 8 || left < (len = 8u + 8u * h[1]))
			return false;
		if (opt.next == HM_NH_ROUTING) {
			if (opt.has_route || len != HM_ROUTE_OPT_LEN || h[2] != 2 || h[3] != 1)
				return false;
			memcpy(opt.route.b, h + 8, 16);
			opt.has_route = true;
		} else {
			if (opt.has_home || !read_home(h, len, &opt.home))
				return false;
			opt.has_home = true;
		}
		opt.next = h[0];
		opt.len += len;
		h += len;
		left -= len;
	}
	if (opt.len == 0)
		return false;
	*ret_opt = opt;
	return true;
}

void hm_pkt_strip(struct hm_pkt *k, const struct hm_route_opt *opt)
{
	uint8_t *old = k->at;

	shrink(k, opt->len);
	memmove(k->at, old, HM_IP6_LEN);
	k->at[6] = opt->next;
	put16(k->at + 4, k->len - HM_IP6_LEN);
	if (opt->has_route)
		hm_pkt_set_dst(k, &opt->route);
	if (opt->has_home)
		hm_pkt_set_src(k, &opt->home);
}

bool hm_pkt_error(struct hm_pkt *k, const struct hm_addr *from, uint8_t type, uint8_t code,
                  uint32_t value)
{
	const struct hm_icmp_new error = {
		.type = type, .code = code, .param = value, .src = *from, .dst = hm_pkt_src(k)
	};
	uint8_t room[HM_IP6_MTU_MIN];
	struct hm_wr w = hm_wr(room, sizeof room);

	if (hm_icmp_error_write(&error, k->at, k->len, &w) != 0 || w.bad)
		return false;
	memcpy(k->at, room, w.len);
	*k = (struct hm_pkt){ .at = k->at, .len = w.len, .room = k->room };
	return true;
}
