#include "packet.h"

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
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

bool hm_pkt_push(struct hm_pkt *k, const struct hm_addr *src, const struct hm_addr *dst, int limit)
{
	const uint8_t *inner = k->at;
	size_t head_len = hm_pkt_overhead(limit);

	if (k->room < head_len || k->len + head_len - HM_IP6_LEN > UINT16_MAX)
		return false;
	grow(k, head_len);
	memcpy(k->at, inner, 4);
	hm_pkt_set_len(k);
	k->at[HM_IP6_AT_NEXT] = HM_NH_IPV6;
	k->at[7] = HM_IP6_HOP_LIMIT;
	hm_pkt_set_src(k, src);
	hm_pkt_set_dst(k, dst);
	if (limit != HM_ENCAP_NO_LIMIT) {
		struct hm_wr w = hm_wr(k->at + HM_IP6_LEN, HM_LIMIT_LEN);

		k->at[HM_IP6_AT_NEXT] = HM_NH_DSTOPTS;
		hm_encap_limit_write(&w, (uint8_t)limit);
	}
	return true;
}

bool hm_pkt_pop(struct hm_pkt *k, size_t head_len)
{
	struct hm_pkt inner = *k;
	uint8_t tclass;

	shrink(&inner, head_len);
	if (!hm_pkt_check(&inner))
		return false;
	tclass = (uint8_t)hm_pkt_ecn(&inner);
	if (!hm_ecn_join((uint8_t)hm_pkt_ecn(k), &tclass))
		return false;
	if (tclass != hm_pkt_ecn(&inner))
		hm_pkt_set_ecn(&inner, tclass);
	*k = inner;
	return true;
}

void hm_pkt_unfragment(struct hm_pkt *k, const struct hm_fragment *f)
{
	uint8_t *old = k->at;

	shrink(k, HM_FRAGMENT_LEN);
	memmove(k->at, old, f->at);
	k->at[f->next_at] = f->next;
	hm_pkt_set_len(k);
}

/* Opens a gap of one route optimisation header, `skip` octets into the packet. */
static uint8_t *open_gap(struct hm_pkt *k, size_t skip)
{
	uint8_t *old = k->at;

	if (k->room < HM_RO_LEN || k->len - HM_IP6_LEN > UINT16_MAX - HM_RO_LEN)
		return NULL;
	grow(k, HM_RO_LEN);
	memmove(k->at, old, skip);
	hm_pkt_set_len(k);
	return k->at + skip;
}

bool hm_pkt_route(struct hm_pkt *k, const struct hm_addr *to)
{
	struct hm_addr dst = hm_pkt_dst(k);
	uint8_t *h = open_gap(k, HM_IP6_LEN);

	if (!h)
		return false;
	hm_ro_routing_header(h, hm_pkt_next(k), &dst);
	k->at[HM_IP6_AT_NEXT] = HM_NH_ROUTING;
	hm_pkt_set_dst(k, to);
	return true;
}

bool hm_pkt_home(struct hm_pkt *k, const struct hm_addr *from, bool routed)
{
	struct hm_addr src = hm_pkt_src(k);
	uint8_t *h = open_gap(k, HM_IP6_LEN + (routed ? HM_RO_LEN : 0));
	uint8_t *next;

	if (!h)
		return false;
	next = k->at + (routed ? HM_IP6_LEN : HM_IP6_AT_NEXT);
	hm_ro_home_header(h, *next, &src);
	*next = HM_NH_DSTOPTS;
	hm_pkt_set_src(k, from);
	return true;
}

void hm_pkt_strip(struct hm_pkt *k, const struct hm_ro_front *front)
{
	uint8_t *old = k->at;

	shrink(k, front->len);
	memmove(k->at, old, HM_IP6_LEN);
	k->at[HM_IP6_AT_NEXT] = front->next;
	hm_pkt_set_len(k);
	if (front->ro.has_routing)
		hm_pkt_set_dst(k, &front->ro.routing);
	if (front->ro.has_home)
		hm_pkt_set_src(k, &front->ro.home);
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
