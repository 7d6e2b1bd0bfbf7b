#include "wire/icmp.h"

#include "base/err.h"
#include "wire/dstopt.h"
#include "wire/encap.h"
#include "wire/ip6.h"

#define ICMP_HEADER_LEN 8
#define ICMP_AT_CHECKSUM 2
#define ICMP_INFORMATIONAL 0x80
#define ICMP_REDIRECT 137
#define FRAGMENT_OFFSET 0xfff8

/* Nobody answers for this address alone, or it cannot be a source. */
static bool no_single_node(const struct hm_addr *a)
{
	return hm_addr_is_any(a) || hm_addr_is_multicast(a) || hm_addr_is_loopback(a);
}

/* Steps into a first fragment, which begins as its packet does. False: this is a later one. */
static bool enter_fragment(struct hm_ext_walk *walk)
{
	if (walk->next != HM_NH_FRAGMENT)
		return true;
	walk->next = hm_rd_u8(&walk->rest);
	hm_rd_skip(&walk->rest, 1);
	if (hm_rd_u16(&walk->rest) & FRAGMENT_OFFSET)
		return false;
	hm_rd_skip(&walk->rest, 4);
	return true;
}

/* An ICMPv6 error or redirect, or a part of a packet that may be one. */
static bool silent_upper(struct hm_ext_walk *walk)
{
	uint8_t type;

	if (walk->rest.bad || !enter_fragment(walk))
		return true;
	if (walk->next != HM_NH_ICMPV6)
		return walk->rest.bad;
	type = hm_rd_u8(&walk->rest);
	return walk->rest.bad || type == ICMP_REDIRECT || !(type & ICMP_INFORMATIONAL);
}

bool hm_icmp_error_allowed(const uint8_t *packet, size_t len, uint8_t type, uint8_t code)
{
	bool about_multicast = type == HM_ICMP_TOO_BIG ||
	                       (type == HM_ICMP_PARAMETER && code == HM_ICMP_PARAMETER_OPTION);
	struct hm_span span = { packet, len };
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;

	if (hm_ip6_read(span, &ip6) || no_single_node(&ip6.src))
		return false;
	if (hm_addr_is_multicast(&ip6.dst) && !about_multicast)
		return false;
	walk = hm_ext_walk(span, ip6.next);
	while (hm_ext_next(&walk, &ext))
		;
	return !silent_upper(&walk);
}

int hm_icmp_error_write(const struct hm_icmp_new *error, const uint8_t *packet, size_t len,
                        struct hm_wr *w)
{
	const size_t room = HM_IP6_MTU_MIN - HM_IP6_LEN - ICMP_HEADER_LEN;
	struct hm_ip6 ip6 = { .next = HM_NH_ICMPV6, .hop_limit = HM_IP6_HOP_LIMIT };
	size_t start = w->len;
	uint16_t sum;
	int err;

	if (!hm_icmp_error_allowed(packet, len, error->type, error->code))
		return HM_EUNSUPPORTED;
	ip6.src = error->src;
	ip6.dst = error->dst;
	hm_ip6_write(w, &ip6);
	hm_wr_u8(w, error->type);
	hm_wr_u8(w, error->code);
	hm_wr_u16(w, 0);
	hm_wr_u32(w, error->param);
	hm_wr_bytes(w, packet, len < room ? len : room);
	err = hm_ip6_end(w, start);
	if (err)
		return err;
	start += HM_IP6_LEN;
	sum = hm_ip6_checksum(&ip6, (struct hm_span){ w->p + start, w->len - start });
	hm_wr_patch(w, start + ICMP_AT_CHECKSUM, (uint8_t[]){ (uint8_t)(sum >> 8), (uint8_t)sum },
	            2);
	return HM_OK;
}

int hm_icmp_relay_write(const struct hm_icmp_error *error, const struct hm_addr *from, uint32_t mtu,
                        struct hm_wr *w)
{
	/* Whatever else went wrong in the tunnel is, to those outside it, a destination that cannot
	 * be reached (RFC 2473 8.1, 8.2). */
	struct hm_icmp_new out = { HM_ICMP_UNREACHABLE, HM_ICMP_UNREACHABLE_ADDRESS, 0, *from,
		                   error->inner_src };
	struct hm_ip6 inner;

	if (!error->has_tunnelled || hm_ip6_read(error->inner, &inner))
		return HM_EUNSUPPORTED;
	if (error->type == HM_ICMP_TOO_BIG) {
		/* A packet this small is fragmented in the tunnel, not refused (RFC 2473 7.1). */
		if (HM_IP6_LEN + (size_t)inner.payload_len <= HM_IP6_MTU_MIN)
			return HM_EUNSUPPORTED;
		out.type = HM_ICMP_TOO_BIG;
		out.code = 0;
		out.param = hm_encap_mtu(mtu ? mtu : error->param, mtu ? 0 : error->overhead);
	}
	return hm_icmp_error_write(&out, error->inner.p, error->inner.len, w);
}

/* The option of `ext` whose type octet is at `pointer`; 0: none is. */
static uint8_t option_at(const struct hm_ext *ext, size_t pointer)
{
	struct hm_opt_walk walk = hm_opt_walk(ext->body, HM_OPT_HEAD);
	struct hm_opt opt;

	while (hm_opt_next(&walk, &opt))
		if (ext->at + opt.at == pointer)
			return opt.type;
	return 0;
}

/* IPv6 in IPv6: the inner packet, as far as it was returned. */
static void read_tunnelled(struct hm_ext_walk walk, struct hm_icmp_error *e)
{
	struct hm_ext ext;
	struct hm_span inner;
	struct hm_ip6 ip6;

	if (walk.rest.bad || !enter_fragment(&walk))
		return;
	while (hm_ext_next(&walk, &ext))
		;
	inner = (struct hm_span){ walk.rest.p, walk.rest.left };
	if (walk.rest.bad || walk.next != HM_NH_IPV6 || hm_ip6_read(inner, &ip6))
		return;
	e->has_tunnelled = true;
	e->overhead = walk.at;
	e->inner = inner;
	e->inner_src = ip6.src;
	e->inner_dst = ip6.dst;
}

enum hm_drop hm_icmp_error_read(struct hm_span message, struct hm_icmp_error *ret_error)
{
	struct hm_rd r = hm_rd(message.p, message.len);
	struct hm_icmp_error e = { .type = hm_rd_u8(&r) };
	struct hm_span about;
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;

	e.code = hm_rd_u8(&r);
	hm_rd_skip(&r, 2);
	e.param = hm_rd_u32(&r);
	if (r.bad || r.left < HM_IP6_LEN)
		return HM_DROP_TRUNCATED;
	about = (struct hm_span){ r.p, r.left };
	if (hm_ip6_read(about, &ip6))
		return HM_DROP_MALFORMED;
	if (about.len > HM_IP6_LEN + (size_t)ip6.payload_len)
		about.len = HM_IP6_LEN + (size_t)ip6.payload_len;
	e.about_src = ip6.src;
	e.about_dst = ip6.dst;
	e.about_next = ip6.next;
	walk = hm_ext_walk(about, ip6.next);
	while (hm_ext_next(&walk, &ext))
		if (e.type == HM_ICMP_PARAMETER && e.code == HM_ICMP_PARAMETER_OPTION &&
		    ext.type == HM_NH_DSTOPTS)
			e.bad_option = option_at(&ext, e.param);
	read_tunnelled(walk, &e);
	*ret_error = e;
	return HM_DROP_NONE;
}
