#include "wire/encap.h"

#include "base/err.h"
#include "wire/dstopt.h"
#include "wire/ip6.h"

#define ECN_MASK 0x03

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

/* A header of a tunnel: a limit, and nothing else but padding. */
static bool is_limit(const struct hm_ext *ext)
{
	struct hm_opt_walk walk = hm_opt_walk(ext->body, HM_OPT_HEAD);
	struct hm_opt opt;
	unsigned n = 0;

	while (hm_opt_next(&walk, &opt)) {
		if (opt.type != HM_OPT_ENCAP_LIMIT || opt.body.left != 1)
			return false;
		n++;
	}
	return n == 1 && !walk.rest.bad;
}

struct hm_tunnel_head hm_tunnel_head(struct hm_span packet)
{
	static const struct hm_tunnel_head none;
	struct hm_tunnel_head head = { .fragment = false };
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;

	if (hm_ip6_read(packet, &ip6))
		return none;
	walk = hm_ext_walk(packet, ip6.next);
	if (walk.next == HM_NH_DSTOPTS &&
	    (!hm_ext_next(&walk, &ext) || ext.len != HM_LIMIT_LEN || !is_limit(&ext)))
		return none;
	head.len = walk.at;
	if (walk.next == HM_NH_IPV6)
		return head;
	/* In a fragment the limit may stand among what was cut. */
	head.fragment = walk.next == HM_NH_FRAGMENT;
	walk.next = hm_rd_u8(&walk.rest);
	if (!head.fragment || (walk.next != HM_NH_IPV6 && walk.next != HM_NH_DSTOPTS))
		return none;
	return head;
}

/* A tunnelled packet, or a fragment of one, within one. */
static bool is_nest(struct hm_span packet)
{
	struct hm_tunnel_head head = hm_tunnel_head(packet);

	if (head.len == 0 || head.fragment)
		return false;
	packet = (struct hm_span){ packet.p + head.len, packet.len - head.len };
	return hm_tunnel_head(packet).len > 0;
}

int hm_encap_limit(struct hm_span packet)
{
	uint8_t limit;
	size_t at;

	if (limit_of(packet, &limit, &at))
		return limit > 0 ? limit - 1 : HM_EPERM;
	return is_nest(packet) ? HM_ENCAP_LIMIT : HM_ENCAP_NO_LIMIT;
}

size_t hm_encap_overhead(const uint8_t *packet, size_t len)
{
	int limit = hm_encap_limit((struct hm_span){ packet, len });

	return HM_IP6_LEN + (limit >= 0 && limit < HM_ENCAP_NO_LIMIT ? HM_LIMIT_LEN : 0);
}

void hm_encap_limit_write(struct hm_wr *w, uint8_t limit)
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
	size_t start = w->len;
	int limit;

	if (hm_ip6_read_whole(inner, &ip6, &inner))
		return HM_EMALFORMED;
	limit = hm_encap_limit(inner);
	if (limit < 0)
		return limit;
	/* The traffic class is copied, congestion field included: RFC 6040 4.1, normal mode. So is
	 * the flow label, which tells flows apart for who shares load out (RFC 6438). */
	outer = (struct hm_ip6){ .tclass = ip6.tclass, .flow = ip6.flow };
	outer.next = limit == HM_ENCAP_NO_LIMIT ? HM_NH_IPV6 : HM_NH_DSTOPTS;
	outer.hop_limit = how->hop_limit ? how->hop_limit : HM_IP6_HOP_LIMIT;
	outer.src = how->src;
	outer.dst = how->dst;
	hm_ip6_write(w, &outer);
	if (limit != HM_ENCAP_NO_LIMIT)
		hm_encap_limit_write(w, (uint8_t)limit);
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

bool hm_ecn_join(uint8_t outer_tclass, uint8_t *inner_tclass)
{
	uint8_t out = outer_tclass & ECN_MASK, in = *inner_tclass & ECN_MASK;

	if (in == HM_ECN_NOT_ECT)
		return out != HM_ECN_CE;
	if (out == HM_ECN_CE || (out == HM_ECN_ECT1 && in != HM_ECN_CE))
		*inner_tclass = (uint8_t)((*inner_tclass & ~ECN_MASK) | out);
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
	if (!hm_ecn_join(ip6.tclass, &d.inner_tclass))
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
