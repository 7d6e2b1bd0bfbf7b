#include "wire/encap.h"

#include "base/err.h"
#include "wire/dstopt.h"
#include "wire/ip6.h"

#define ECN_MASK 0x03
#define ECN_NOT_ECT 0
#define ECN_ECT1 1
#define ECN_CE 3

#define LIMIT_HEADER_LEN 8
#define FRAGMENT_HEADER_LEN 8

/* RFC 2473 4.1.2: the limit stands in a Destination Options header that directly follows. */
static bool limit_of(struct hm_span packet, uint8_t *ret_limit, size_t *ret_at)
{
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;
	struct hm_opt opt;

	if (hm_ip6_read_whole(packet, &ip6, &packet) || ip6.next != HM_NH_DSTOPTS)
		return false;
	walk = hm_ext_walk(packet, ip6.next);
	if (!hm_ext_next(&walk, &ext))
		return false;
	for (struct hm_opt_walk o = hm_opt_walk(ext.body, HM_OPT_HEAD); hm_opt_next(&o, &opt);) {
		if (opt.type != HM_OPT_ENCAP_LIMIT || opt.body.left != 1)
			continue;
		*ret_limit = hm_rd_u8(&opt.body);
		*ret_at = ext.at + opt.at + HM_OPT_HEAD;
		return true;
	}
	return false;
}

size_t hm_encap_limit_at(const uint8_t *packet, size_t len)
{
	uint8_t limit;
	size_t at;

	return limit_of((struct hm_span){ packet, len }, &limit, &at) ? at : 0;
}

size_t hm_encap_overhead(const uint8_t *packet, size_t len, const struct hm_encap *how)
{
	bool limited = how->limit_nesting || hm_encap_limit_at(packet, len) > 0;

	return HM_IP6_LEN + (limited ? LIMIT_HEADER_LEN : 0);
}

/* RFC 6438: one flow within keeps one label without. FNV-1a over what names the flow. */
static uint32_t flow_of(const struct hm_ip6 *inner)
{
	uint8_t name[3 + 2 * sizeof inner->src.b];
	struct hm_wr w = hm_wr(name, sizeof name);
	uint32_t hash = 2166136261U;

	hm_wr_u8(&w, (uint8_t)(inner->flow >> 16));
	hm_wr_u16(&w, (uint16_t)inner->flow);
	hm_wr_addr(&w, &inner->src);
	hm_wr_addr(&w, &inner->dst);
	for (size_t i = 0; i < w.len; i++)
		hash = (hash ^ name[i]) * 16777619U;
	hash = (hash >> 20 ^ hash) & 0xfffff;
	return hash ? hash : 1;
}

static void limit_write(struct hm_wr *w, uint8_t limit)
{
	size_t header_at = hm_dstopts_begin(w, HM_NH_IPV6);
	size_t at = hm_opt_begin(w, header_at, HM_OPT_ENCAP_LIMIT, 1, 0);

	hm_wr_u8(w, limit);
	hm_opt_end(w, at);
	hm_dstopts_end(w, header_at);
}

int hm_encap_write(const uint8_t *packet, size_t len, const struct hm_encap *how, struct hm_wr *w)
{
	struct hm_span inner = { packet, len };
	struct hm_ip6 outer, ip6;
	size_t start = w->len, at;
	uint8_t limit = HM_ENCAP_LIMIT + 1;
	bool limited;

	if (hm_ip6_read_whole(inner, &ip6, &inner))
		return HM_EMALFORMED;
	limited = limit_of(inner, &limit, &at) || how->limit_nesting;
	if (limit == 0)
		return HM_EPERM;
	/* The traffic class is copied, congestion field included: RFC 6040 4.1, normal mode. */
	outer = (struct hm_ip6){ .tclass = ip6.tclass, .flow = flow_of(&ip6) };
	outer.next = limited ? HM_NH_DSTOPTS : HM_NH_IPV6;
	outer.hop_limit = how->hop_limit ? how->hop_limit : HM_IP6_HOP_LIMIT;
	outer.src = how->src;
	outer.dst = how->dst;
	hm_ip6_write(w, &outer);
	if (limited)
		limit_write(w, (uint8_t)(limit - 1));
	hm_wr_bytes(w, inner.p, inner.len);
	return hm_ip6_end(w, start);
}

int hm_encap_rewrite(const uint8_t *packet, size_t len, const struct hm_addr *src,
                     const struct hm_addr *dst, struct hm_wr *w)
{
	struct hm_span whole = { packet, len };
	struct hm_decap decap;
	struct hm_ip6 ip6;
	size_t start = w->len;
	int err = hm_decap_read(packet, len, &decap);

	if (err)
		return err;
	if (hm_ip6_read_whole(whole, &ip6, &whole))
		return HM_EMALFORMED;
	hm_wr_bytes(w, whole.p, whole.len);
	hm_wr_patch(w, start + HM_IP6_AT_SRC, src->b, sizeof src->b);
	hm_wr_patch(w, start + HM_IP6_AT_DST, dst->b, sizeof dst->b);
	return w->bad ? HM_ETOOBIG : HM_OK;
}

/* RFC 6040 figure 4. False: the packet must be dropped. */
static bool ecn_join(uint8_t outer, uint8_t *inner)
{
	uint8_t out = outer & ECN_MASK, in = *inner & ECN_MASK;

	if (in == ECN_NOT_ECT)
		return out != ECN_CE;
	if (out == ECN_CE || (out == ECN_ECT1 && in != ECN_CE))
		*inner = (uint8_t)((*inner & ~ECN_MASK) | out);
	return true;
}

static bool impossible_source(const struct hm_addr *a)
{
	return hm_addr_is_any(a) || hm_addr_is_multicast(a) || hm_addr_is_loopback(a);
}

int hm_decap_read(const uint8_t *packet, size_t len, struct hm_decap *ret_decap)
{
	struct hm_span whole = { packet, len };
	struct hm_ip6 ip6, inner;
	struct hm_ext_walk walk;
	struct hm_ext ext;
	struct hm_decap d;

	if (hm_ip6_read_whole(whole, &ip6, &whole))
		return HM_EMALFORMED;
	walk = hm_ext_walk(whole, ip6.next);
	while (hm_ext_next(&walk, &ext))
		if (ext.type == HM_NH_ROUTING)
			return HM_EUNSUPPORTED;
	if (walk.rest.bad)
		return HM_EMALFORMED;
	if (walk.next != HM_NH_IPV6)
		return HM_EUNSUPPORTED;
	d = (struct hm_decap){ .src = ip6.src, .dst = ip6.dst };
	if (hm_ip6_read_whole((struct hm_span){ walk.rest.p, walk.rest.left }, &inner, &d.inner) ||
	    impossible_source(&inner.src))
		return HM_EMALFORMED;
	d.inner_src = inner.src;
	d.inner_dst = inner.dst;
	d.inner_tclass = inner.tclass;
	if (!ecn_join(ip6.tclass, &d.inner_tclass))
		return HM_EMALFORMED;
	*ret_decap = d;
	return HM_OK;
}

int hm_decap_write(const struct hm_decap *decap, struct hm_wr *w)
{
	size_t start = w->len;
	uint8_t first[2];

	hm_wr_bytes(w, decap->inner.p, decap->inner.len);
	if (w->bad)
		return HM_ETOOBIG;
	first[0] = (uint8_t)((w->p[start] & 0xf0) | decap->inner_tclass >> 4);
	first[1] = (uint8_t)((w->p[start + 1] & 0x0f) | decap->inner_tclass << 4);
	hm_wr_patch(w, start, first, sizeof first);
	return HM_OK;
}

uint32_t hm_encap_mtu(uint32_t path_mtu, size_t overhead)
{
	if (path_mtu < HM_IP6_MTU_MIN + overhead)
		return HM_IP6_MTU_MIN;
	return path_mtu - (uint32_t)overhead;
}

enum hm_encap_fit hm_encap_fit(size_t len, size_t overhead, uint32_t path_mtu)
{
	if (len + overhead <= path_mtu)
		return HM_ENCAP_FITS;
	return len > HM_IP6_MTU_MIN ? HM_ENCAP_TOO_BIG : HM_ENCAP_FRAGMENT;
}

int hm_fragment_write(struct hm_span packet, uint32_t mtu, uint32_t id, size_t *offset,
                      struct hm_wr *w)
{
	struct hm_ip6 ip6;
	size_t start = w->len, left, n;
	uint8_t next;
	int err;

	if (hm_ip6_read_whole(packet, &ip6, &packet) || mtu < HM_IP6_MTU_MIN ||
	    *offset >= ip6.payload_len || *offset % 8)
		return HM_EMALFORMED;
	left = ip6.payload_len - *offset;
	n = (mtu - HM_IP6_LEN - FRAGMENT_HEADER_LEN) & ~(size_t)7;
	n = left < n ? left : n;
	next = ip6.next;
	ip6.next = HM_NH_FRAGMENT;
	hm_ip6_write(w, &ip6);
	hm_wr_u8(w, next);
	hm_wr_u8(w, 0);
	hm_wr_u16(w, (uint16_t)(*offset | (n < left)));
	hm_wr_u32(w, id);
	hm_wr_bytes(w, packet.p + HM_IP6_LEN + *offset, n);
	err = hm_ip6_end(w, start);
	if (err)
		return err;
	*offset += n;
	return HM_OK;
}
