#include "wire/packet.h"

#include "base/err.h"
#include "wire/dstopt.h"
#include "wire/haad.h"
#include "wire/icmp.h"
#include "wire/ip6.h"
#include "wire/msgopt.h"
#include "wire/nd.h"
#include "wire/ra.h"

#define ICMP_HEAD 4 /* type, code, checksum */
#define ICMP_AT_CHECKSUM 2
#define ND_HOP_LIMIT 255

#define ROUTING_LEN 24 /* with one address */

/* What is known of a packet so far. */
struct reading {
	const struct hm_wire_numbers *numbers;
	struct hm_packet packet;
	struct hm_signed_part part;
};

static enum hm_drop read_home(struct hm_opt *opt, struct hm_packet *packet)
{
	if (opt->body.left != sizeof packet->home.b)
		return HM_DROP_BAD_LENGTH;
	if (!hm_opt_aligned(opt->at, 8, 6))
		return HM_DROP_MISALIGNED;
	if (packet->has_home)
		return HM_DROP_DUPLICATE_OPTION;
	packet->has_home = true;
	packet->home = hm_rd_addr(&opt->body);
	return hm_addr_is_global(&packet->home) ? HM_DROP_NONE : HM_DROP_BAD_ADDRESS;
}

static enum hm_drop read_message(const struct hm_msgopt *msgopt, const struct hm_ext *ext,
                                 const struct hm_opt *opt, struct reading *r)
{
	struct hm_rd body = opt->body, fixed = hm_rd_sub(&body, msgopt->fixed_len);
	struct hm_subopts subs;
	enum hm_drop drop;

	if (r->packet.kind != HM_MSG_NONE)
		return HM_DROP_TWO_MESSAGES;
	if (body.bad)
		return HM_DROP_BAD_LENGTH;
	if (!hm_opt_aligned(opt->at, msgopt->x, msgopt->y))
		return HM_DROP_MISALIGNED;
	drop = hm_subopts_read(body, opt->at + HM_OPT_HEAD + msgopt->fixed_len, &subs);
	if (drop)
		return drop;
	r->packet.kind = msgopt->kind;
	r->packet.auth = subs.auth;
	if (subs.auth.present)
		r->part = (struct hm_signed_part){ ext->at, ext->len, ext->at + subs.mac_at };
	if (r->part.header_len > HM_PACKET_MAX)
		return HM_DROP_OVERSIZED;
	return msgopt->read(fixed, &subs, &r->packet);
}

static enum hm_drop read_dstopts(const struct hm_ext *ext, struct reading *r)
{
	struct hm_opt_walk walk = hm_opt_walk(ext->body, HM_OPT_HEAD);
	struct hm_opt opt;
	enum hm_drop drop = HM_DROP_NONE;

	while (!drop && hm_opt_next(&walk, &opt)) {
		const struct hm_msgopt *msgopt = hm_msgopt_of_type(opt.type, r->numbers);

		if (opt.type == HM_OPT_HOME)
			drop = read_home(&opt, &r->packet);
		else if (msgopt)
			drop = read_message(msgopt, ext, &opt, r);
		else if (HM_OPT_ACTION(opt.type) != 0)
			drop = HM_DROP_MALFORMED;
	}
	if (drop)
		return drop;
	return walk.rest.bad ? HM_DROP_TRUNCATED : HM_DROP_NONE;
}

/* RFC 6275 6.4, RFC 5095: one address, one segment left, and type 0 only where it was allowed. */
static enum hm_drop read_routing(const struct hm_ext *ext, struct reading *r)
{
	struct hm_rd body = ext->body;
	uint8_t type = hm_rd_u8(&body), left = hm_rd_u8(&body);
	bool known = type == 2 || (type == 0 && r->numbers->accept_rh0);

	if (!known || ext->len != ROUTING_LEN || left != 1 || r->packet.has_routing)
		return HM_DROP_ROUTING;
	hm_rd_skip(&body, 4);
	r->packet.has_routing = true;
	r->packet.routing_type = type;
	r->packet.routing_addr = hm_rd_addr(&body);
	return hm_addr_is_global(&r->packet.routing_addr) ? HM_DROP_NONE : HM_DROP_BAD_ADDRESS;
}

static enum hm_drop read_ext(const struct hm_ext *ext, struct reading *r)
{
	if (ext->type == HM_NH_DSTOPTS)
		return read_dstopts(ext, r);
	if (ext->type == HM_NH_ROUTING)
		return read_routing(ext, r);
	/* Hop-by-hop options are the kernel's, but stand first or nowhere (RFC 8200 4.1). */
	return ext->at == HM_IP6_LEN ? HM_DROP_NONE : HM_DROP_MALFORMED;
}

static enum hm_msg_kind icmp_kind(uint8_t type)
{
	switch (type) {
	case HM_ICMP_UNREACHABLE:
	case HM_ICMP_TOO_BIG:
	case HM_ICMP_TIME_EXCEEDED:
	case HM_ICMP_PARAMETER:
		return HM_MSG_ICMP_ERROR;
	case HM_ICMP_RS:
		return HM_MSG_RS;
	case HM_ICMP_RA:
		return HM_MSG_RA;
	case HM_ICMP_NS:
		return HM_MSG_NS;
	case HM_ICMP_NA:
		return HM_MSG_NA;
	case HM_ICMP_HAAD_REQUEST:
		return HM_MSG_HAAD_REQUEST;
	case HM_ICMP_HAAD_REPLY:
		return HM_MSG_HAAD_REPLY;
	default:
		return HM_MSG_NONE;
	}
}

static bool is_nd(enum hm_msg_kind kind)
{
	return kind == HM_MSG_RS || kind == HM_MSG_RA || kind == HM_MSG_NS || kind == HM_MSG_NA;
}

/* The addresses ICMPv6 is checked under: those the packet has when its headers have been acted
 * on (RFC 8200 8.1, RFC 6275 11.3.1). */
static struct hm_ip6 pseudo_of(const struct hm_packet *packet)
{
	struct hm_ip6 pseudo = { .next = HM_NH_ICMPV6 };

	pseudo.src = packet->has_home ? packet->home : packet->src;
	pseudo.dst = packet->has_routing ? packet->routing_addr : packet->dst;
	return pseudo;
}

static enum hm_drop read_icmp_body(struct hm_span message, struct reading *r)
{
	struct hm_rd body = hm_rd(message.p, message.len);
	struct hm_packet *packet = &r->packet;

	hm_rd_skip(&body, ICMP_HEAD);
	if (packet->kind == HM_MSG_ICMP_ERROR)
		return hm_icmp_error_read(message, &packet->icmp);
	if (packet->kind == HM_MSG_RA)
		return hm_ra_read(body, r->numbers, packet);
	if (packet->kind == HM_MSG_RS)
		return hm_rs_read(body, packet);
	if (packet->kind == HM_MSG_NS)
		return hm_ns_read(body, packet);
	if (packet->kind == HM_MSG_NA)
		return hm_na_read(body, packet);
	return hm_haad_read(body, packet);
}

static enum hm_drop read_icmp(struct hm_span message, struct reading *r)
{
	struct hm_rd head = hm_rd(message.p, message.len);
	uint8_t type = hm_rd_u8(&head), code = hm_rd_u8(&head);
	enum hm_msg_kind kind = icmp_kind(type);
	struct hm_ip6 pseudo = pseudo_of(&r->packet);

	hm_rd_skip(&head, 2);
	if (head.bad)
		return HM_DROP_TRUNCATED;
	if (kind == HM_MSG_NONE)
		return HM_DROP_NOT_OURS;
	if (hm_ip6_checksum(&pseudo, message) != 0)
		return HM_DROP_CHECKSUM;
	if (is_nd(kind) && r->packet.hop_limit != ND_HOP_LIMIT)
		return HM_DROP_HOP_LIMIT;
	if (kind != HM_MSG_ICMP_ERROR && code != 0)
		return HM_DROP_MALFORMED;
	r->packet.kind = kind;
	return read_icmp_body(message, r);
}

static bool may_be_unspecified(enum hm_msg_kind kind)
{
	return kind == HM_MSG_RS || kind == HM_MSG_NS;
}

/* What the addresses of a message must be, whoever it is for. */
static enum hm_drop check_addresses(const struct hm_packet *packet)
{
	const struct hm_msgopt *msgopt = hm_msgopt_of_kind(packet->kind);

	if (hm_addr_is_multicast(&packet->src) || hm_addr_is_loopback(&packet->src) ||
	    (hm_addr_is_any(&packet->src) && !may_be_unspecified(packet->kind)))
		return HM_DROP_BAD_SOURCE;
	if (!msgopt || !msgopt->about_home)
		return HM_DROP_NONE;
	if (!packet->has_home)
		return HM_DROP_NO_HOME_ADDRESS;
	/* The source is the care-of address of a binding, or a server's. */
	if (!hm_addr_is_global(&packet->src))
		return HM_DROP_BAD_SOURCE;
	return hm_addr_is_multicast(&packet->dst) ? HM_DROP_BAD_ADDRESS : HM_DROP_NONE;
}

static enum hm_drop read_headers(struct hm_span whole, uint8_t next, struct reading *r)
{
	struct hm_ext_walk walk = hm_ext_walk(whole, next);
	struct hm_ext ext;
	enum hm_drop drop = HM_DROP_NONE;

	while (!drop && hm_ext_next(&walk, &ext))
		drop = read_ext(&ext, r);
	if (drop)
		return drop;
	if (walk.rest.bad)
		return HM_DROP_TRUNCATED;
	if (walk.next == HM_NH_FRAGMENT)
		return HM_DROP_FRAGMENT;
	/* A payload may follow the message of draft-12 that travels with it. */
	if (r->packet.kind != HM_MSG_NONE)
		return HM_DROP_NONE;
	if (walk.next != HM_NH_ICMPV6)
		return HM_DROP_NOT_OURS;
	return read_icmp((struct hm_span){ walk.rest.p, walk.rest.left }, r);
}

enum hm_drop hm_packet_read(struct hm_span bytes, const struct hm_wire_numbers *numbers,
                            struct hm_packet *ret_packet, struct hm_signed_part *ret_signed)
{
	struct reading r = { .numbers = numbers };
	struct hm_ip6 ip6;
	enum hm_drop drop;

	if (bytes.len < HM_IP6_LEN)
		return HM_DROP_TRUNCATED;
	if (hm_ip6_read(bytes, &ip6))
		return HM_DROP_MALFORMED;
	if (hm_ip6_read_whole(bytes, &ip6, &bytes))
		return HM_DROP_TRUNCATED;
	r.packet.src = ip6.src;
	r.packet.dst = ip6.dst;
	r.packet.hop_limit = ip6.hop_limit;
	drop = read_headers(bytes, ip6.next, &r);
	if (!drop)
		drop = check_addresses(&r.packet);
	if (drop)
		return drop;
	*ret_packet = r.packet;
	*ret_signed = r.part;
	return HM_DROP_NONE;
}

static uint8_t icmp_type(enum hm_msg_kind kind)
{
	static const uint8_t types[HM_MSG_KINDS] = {
		[HM_MSG_RS] = HM_ICMP_RS,
		[HM_MSG_RA] = HM_ICMP_RA,
		[HM_MSG_NS] = HM_ICMP_NS,
		[HM_MSG_NA] = HM_ICMP_NA,
		[HM_MSG_HAAD_REQUEST] = HM_ICMP_HAAD_REQUEST,
		[HM_MSG_HAAD_REPLY] = HM_ICMP_HAAD_REPLY,
	};

	return (unsigned)kind < HM_MSG_KINDS ? types[kind] : 0;
}

static void write_icmp_body(struct hm_wr *w, const struct hm_packet *packet,
                            const struct hm_wire_numbers *numbers)
{
	if (packet->kind == HM_MSG_RA)
		hm_ra_write(w, numbers, &packet->ra);
	else if (packet->kind == HM_MSG_RS)
		hm_rs_write(w, &packet->rs);
	else if (packet->kind == HM_MSG_NS)
		hm_ns_write(w, &packet->ns);
	else if (packet->kind == HM_MSG_NA)
		hm_na_write(w, &packet->na);
	else
		hm_haad_write(w, packet);
}

static void write_icmp(struct hm_wr *w, const struct hm_packet *packet,
                       const struct hm_wire_numbers *numbers)
{
	struct hm_ip6 pseudo = pseudo_of(packet);
	struct hm_wr sum = hm_wr((uint8_t[2]){ 0 }, 2);
	size_t start = w->len;

	hm_wr_u8(w, icmp_type(packet->kind));
	hm_wr_u8(w, 0);
	hm_wr_u16(w, 0);
	write_icmp_body(w, packet, numbers);
	if (w->bad)
		return;
	hm_wr_u16(&sum, hm_ip6_checksum(&pseudo, (struct hm_span){ w->p + start, w->len - start }));
	hm_wr_patch(w, start + ICMP_AT_CHECKSUM, sum.p, sum.len);
}

/* The header with the message, and a Home Address option behind it where that is its place. */
static struct hm_signed_part write_message(struct hm_wr *w, const struct hm_packet *packet,
                                           const struct hm_msgopt *msgopt,
                                           const struct hm_wire_numbers *numbers)
{
	size_t header_at = hm_dstopts_begin(w, HM_NH_NONE);
	size_t at =
	        hm_opt_begin(w, header_at, hm_msgopt_type(msgopt, numbers), msgopt->x, msgopt->y);
	struct hm_subopts subs = { .auth = packet->auth };

	msgopt->write(w, packet, &subs);
	hm_subopts_write(w, header_at, &subs);
	hm_opt_end(w, at);
	if (msgopt->home_beside)
		hm_home_write(w, header_at, &packet->home);
	hm_dstopts_end(w, header_at);
	if (!subs.auth.present)
		return (struct hm_signed_part){ 0 };
	return (struct hm_signed_part){ header_at, w->len - header_at, header_at + subs.mac_at };
}

static void write_routing(struct hm_wr *w, const struct hm_packet *packet, uint8_t next)
{
	hm_wr_u8(w, next);
	hm_wr_u8(w, ROUTING_LEN / 8 - 1);
	hm_wr_u8(w, packet->routing_type);
	hm_wr_u8(w, 1);
	hm_wr_u32(w, 0);
	hm_wr_addr(w, &packet->routing_addr);
}

static void write_home_header(struct hm_wr *w, const struct hm_packet *packet, uint8_t next)
{
	size_t header_at = hm_dstopts_begin(w, next);

	hm_home_write(w, header_at, &packet->home);
	hm_dstopts_end(w, header_at);
}

static bool can_be_sent(const struct hm_packet *packet, const struct hm_msgopt *msgopt)
{
	if (packet->has_routing && packet->routing_type != 0 && packet->routing_type != 2)
		return false;
	if (msgopt)
		return packet->has_home || !msgopt->about_home;
	if (packet->kind == HM_MSG_RA)
		return packet->ra.n_prefixes <= HM_RA_PREFIXES_MAX &&
		       packet->ra.n_servers <= HM_RA_SERVERS_MAX;
	if (packet->kind == HM_MSG_HAAD_REPLY)
		return packet->haad.n_agents <= HM_HAAD_AGENTS_MAX;
	return icmp_type(packet->kind) != 0;
}

int hm_packet_write(const struct hm_packet *packet, const struct hm_wire_numbers *numbers,
                    struct hm_wr *w, struct hm_signed_part *ret_signed)
{
	const struct hm_msgopt *msgopt = hm_msgopt_of_kind(packet->kind);
	bool home_before = packet->has_home && !(msgopt && msgopt->home_beside);
	uint8_t last = msgopt ? HM_NH_DSTOPTS : HM_NH_ICMPV6;
	uint8_t second = home_before ? HM_NH_DSTOPTS : last;
	struct hm_ip6 ip6 = { .src = packet->src, .dst = packet->dst };
	struct hm_signed_part part = { 0 };
	size_t start = w->len;
	int err;

	if (!can_be_sent(packet, msgopt))
		return HM_EMALFORMED;
	ip6.next = packet->has_routing ? HM_NH_ROUTING : second;
	ip6.hop_limit = packet->hop_limit     ? packet->hop_limit
	                : is_nd(packet->kind) ? ND_HOP_LIMIT
	                                      : HM_IP6_HOP_LIMIT;
	hm_ip6_write(w, &ip6);
	if (packet->has_routing)
		write_routing(w, packet, second);
	if (home_before)
		write_home_header(w, packet, last);
	if (msgopt)
		part = write_message(w, packet, msgopt, numbers);
	else
		write_icmp(w, packet, numbers);
	err = hm_ip6_end(w, start);
	if (err)
		return err;
	part.header_at -= part.header_len ? start : 0;
	part.mac_at -= part.header_len ? start : 0;
	*ret_signed = part;
	return HM_OK;
}

bool hm_packet_ends_here(const struct hm_packet *packet, const struct hm_addr *own_home)
{
	return !packet->has_routing || (own_home && hm_addr_eq(&packet->routing_addr, own_home));
}

int hm_packet_mac_input(struct hm_span packet, const struct hm_addr *home,
                        const struct hm_signed_part *part, struct hm_wr *w)
{
	static const uint8_t zeros[HM_MAC_LEN] = { 0 };
	size_t header_at;

	if (packet.len < HM_IP6_LEN || part->header_at > packet.len ||
	    part->header_len > packet.len - part->header_at || part->mac_at < part->header_at ||
	    part->mac_at - part->header_at + HM_MAC_LEN > part->header_len)
		return HM_EMALFORMED;
	hm_wr_bytes(w, packet.p + HM_IP6_AT_SRC, 2 * sizeof home->b);
	hm_wr_addr(w, home);
	header_at = w->len;
	hm_wr_bytes(w, packet.p + part->header_at, part->header_len);
	hm_wr_patch(w, header_at + part->mac_at - part->header_at, zeros, sizeof zeros);
	return w->bad ? HM_ETOOBIG : HM_OK;
}
