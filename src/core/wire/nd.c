#include "wire/nd.h"

#define ND_OPT_HEAD 2
#define ND_UNIT 8

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

enum hm_drop hm_ndopts_check(struct hm_rd rest)
{
	while (rest.left > 0) {
		size_t units;

		hm_rd_skip(&rest, 1);
		units = hm_rd_u8(&rest);
		if (!rest.bad && units == 0)
			return HM_DROP_BAD_LENGTH;
		hm_rd_skip(&rest, units * ND_UNIT - ND_OPT_HEAD);
		if (rest.bad)
			return HM_DROP_TRUNCATED;
	}
	return rest.bad ? HM_DROP_TRUNCATED : HM_DROP_NONE;
}

bool hm_ndopt_next(struct hm_rd *rest, struct hm_ndopt *ret_opt)
{
	struct hm_ndopt opt = { .type = hm_rd_u8(rest) };
	size_t units = hm_rd_u8(rest);

	if (rest->bad || units == 0)
		return false;
	opt.body = hm_rd_sub(rest, units * ND_UNIT - ND_OPT_HEAD);
	if (opt.body.bad)
		return false;
	*ret_opt = opt;
	return true;
}

void hm_lladdr_read(struct hm_rd body, struct hm_lladdr *lladdr)
{
	const uint8_t *p;

	if (lladdr->present || body.left != HM_LLADDR_LEN)
		return;
	p = hm_rd_bytes(&body, HM_LLADDR_LEN);
	lladdr->present = true;
	memcpy(lladdr->b, p, HM_LLADDR_LEN);
}

void hm_lladdr_write(struct hm_wr *w, uint8_t type, const struct hm_lladdr *lladdr)
{
	if (!lladdr->present)
		return;
	hm_wr_u8(w, type);
	hm_wr_u8(w, 1);
	hm_wr_bytes(w, lladdr->b, HM_LLADDR_LEN);
}

enum hm_drop hm_rs_read(struct hm_rd body, struct hm_packet *packet)
{
	struct hm_rs rs = { .source = { .present = false } };
	struct hm_ndopt opt;
	enum hm_drop drop;

	hm_rd_skip(&body, 4);
	drop = hm_ndopts_check(body);
	if (drop)
		return drop;
	while (hm_ndopt_next(&body, &opt))
		if (opt.type == HM_ND_SOURCE_LLADDR)
			hm_lladdr_read(opt.body, &rs.source);
	if (rs.source.present && hm_addr_is_any(&packet->src))
		return HM_DROP_MALFORMED;
	packet->rs = rs;
	return HM_DROP_NONE;
}

void hm_rs_write(struct hm_wr *w, const struct hm_rs *rs)
{
	hm_wr_u32(w, 0);
	hm_lladdr_write(w, HM_ND_SOURCE_LLADDR, &rs->source);
}

/* RFC 7527 4.1: six octets are the least, and all that we send. */
static void nonce_read(struct hm_rd body, struct hm_ns *ns)
{
	const uint8_t *p;

	if (ns->has_nonce || body.left != sizeof ns->nonce)
		return;
	p = hm_rd_bytes(&body, sizeof ns->nonce);
	ns->has_nonce = true;
	memcpy(ns->nonce, p, sizeof ns->nonce);
}

/* RFC 4861 7.1.1: what a probe for duplicates must look like. */
static bool probe_is_valid(const struct hm_packet *packet, const struct hm_ns *ns)
{
	struct hm_addr group = hm_addr_solicited_node(&packet->dst);

	return hm_addr_eq(&group, &packet->dst) && !ns->source.present;
}

enum hm_drop hm_ns_read(struct hm_rd body, struct hm_packet *packet)
{
	struct hm_ns ns = { .has_nonce = false };
	struct hm_ndopt opt;
	enum hm_drop drop;

	hm_rd_skip(&body, 4);
	ns.target = hm_rd_addr(&body);
	drop = hm_ndopts_check(body);
	if (drop)
		return drop;
	if (hm_addr_is_multicast(&ns.target))
		return HM_DROP_BAD_ADDRESS;
	while (hm_ndopt_next(&body, &opt)) {
		if (opt.type == HM_ND_SOURCE_LLADDR)
			hm_lladdr_read(opt.body, &ns.source);
		else if (opt.type == HM_ND_NONCE)
			nonce_read(opt.body, &ns);
	}
	if (hm_addr_is_any(&packet->src) && !probe_is_valid(packet, &ns))
		return HM_DROP_MALFORMED;
	packet->ns = ns;
	return HM_DROP_NONE;
}

void hm_ns_write(struct hm_wr *w, const struct hm_ns *ns)
{
	hm_wr_u32(w, 0);
	hm_wr_addr(w, &ns->target);
	hm_lladdr_write(w, HM_ND_SOURCE_LLADDR, &ns->source);
	if (!ns->has_nonce)
		return;
	hm_wr_u8(w, HM_ND_NONCE);
	hm_wr_u8(w, 1);
	hm_wr_bytes(w, ns->nonce, sizeof ns->nonce);
}

enum hm_drop hm_na_read(struct hm_rd body, struct hm_packet *packet)
{
	uint8_t flags = hm_rd_u8(&body);
	struct hm_na na = { .router = flags & NA_ROUTER };
	struct hm_ndopt opt;
	enum hm_drop drop;

	na.solicited = flags & NA_SOLICITED;
	na.override = flags & NA_OVERRIDE;
	hm_rd_skip(&body, 3);
	na.target = hm_rd_addr(&body);
	drop = hm_ndopts_check(body);
	if (drop)
		return drop;
	if (hm_addr_is_multicast(&na.target))
		return HM_DROP_BAD_ADDRESS;
	if (na.solicited && hm_addr_is_multicast(&packet->dst))
		return HM_DROP_MALFORMED;
	while (hm_ndopt_next(&body, &opt))
		if (opt.type == HM_ND_TARGET_LLADDR)
			hm_lladdr_read(opt.body, &na.link);
	packet->na = na;
	return HM_DROP_NONE;
}

void hm_na_write(struct hm_wr *w, const struct hm_na *na)
{
	hm_wr_u8(w, (uint8_t)((na->router ? NA_ROUTER : 0) | (na->solicited ? NA_SOLICITED : 0) |
	                      (na->override ? NA_OVERRIDE : 0)));
	hm_wr_zero(w, 3);
	hm_wr_addr(w, &na->target);
	hm_lladdr_write(w, HM_ND_TARGET_LLADDR, &na->link);
}
