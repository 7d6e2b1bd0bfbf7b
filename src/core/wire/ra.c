#include "wire/ra.h"

#include "wire/msinfo.h"
#include "wire/nd.h"

#define RA_MANAGED 0x80
#define RA_OTHER 0x40
#define RA_HOME_AGENT 0x20

#define PREFIX_ON_LINK 0x80
#define PREFIX_AUTONOMOUS 0x40
#define PREFIX_ROUTER_ADDR 0x20
#define PREFIX_BODY 30

static void prefix_read(struct hm_rd body, struct hm_ra *ra)
{
	struct hm_ra_prefix prefix = { .plen = 0 };
	uint8_t flags;

	if (body.left != PREFIX_BODY || ra->n_prefixes == HM_RA_PREFIXES_MAX)
		return;
	prefix.plen = hm_rd_u8(&body);
	flags = hm_rd_u8(&body);
	prefix.on_link = flags & PREFIX_ON_LINK;
	prefix.autonomous = flags & PREFIX_AUTONOMOUS;
	prefix.router_addr = flags & PREFIX_ROUTER_ADDR;
	prefix.valid_s = hm_rd_u32(&body);
	prefix.preferred_s = hm_rd_u32(&body);
	hm_rd_skip(&body, 4);
	prefix.addr = hm_rd_addr(&body);
	if (prefix.plen > 128 || hm_addr_is_link_local(&prefix.addr) ||
	    hm_addr_is_multicast(&prefix.addr))
		return;
	/* RFC 4862 5.5.3 c: no address is formed from it. */
	if (prefix.preferred_s > prefix.valid_s)
		prefix.autonomous = false;
	ra->prefixes[ra->n_prefixes++] = prefix;
}

static void interval_read(struct hm_rd body, struct hm_ra *ra)
{
	if (body.left != 6 || ra->has_interval)
		return;
	hm_rd_skip(&body, 2);
	ra->has_interval = true;
	ra->interval_ms = hm_rd_u32(&body);
}

static void ha_info_read(struct hm_rd body, struct hm_ra *ra)
{
	if (body.left != 6 || ra->has_ha_info)
		return;
	hm_rd_skip(&body, 2);
	ra->has_ha_info = true;
	ra->ha_preference = hm_rd_u16(&body);
	ra->ha_lifetime_s = hm_rd_u16(&body);
}

static void mtu_read(struct hm_rd body, struct hm_ra *ra)
{
	if (body.left != 6)
		return;
	hm_rd_skip(&body, 2);
	ra->mtu = hm_rd_u32(&body);
}

static void server_read(struct hm_rd body, struct hm_ra *ra)
{
	if (ra->n_servers < HM_RA_SERVERS_MAX &&
	    hm_msinfo_nd_read(body, &ra->servers[ra->n_servers]))
		ra->n_servers++;
}

static void option_read(const struct hm_ndopt *opt, const struct hm_wire_numbers *numbers,
                        struct hm_ra *ra)
{
	if (opt->type == numbers->nd_mobility_information) {
		server_read(opt->body, ra);
		return;
	}
	switch (opt->type) {
	case HM_ND_SOURCE_LLADDR:
		hm_lladdr_read(opt->body, &ra->source);
		break;
	case HM_ND_PREFIX:
		prefix_read(opt->body, ra);
		break;
	case HM_ND_MTU:
		mtu_read(opt->body, ra);
		break;
	case HM_ND_INTERVAL:
		interval_read(opt->body, ra);
		break;
	case HM_ND_HOME_AGENT:
		ha_info_read(opt->body, ra);
		break;
	}
}

enum hm_drop hm_ra_read(struct hm_rd body, const struct hm_wire_numbers *numbers,
                        struct hm_packet *packet)
{
	struct hm_ra ra = { .hop_limit = hm_rd_u8(&body) };
	uint8_t flags = hm_rd_u8(&body);
	struct hm_ndopt opt;
	enum hm_drop drop;

	ra.managed = flags & RA_MANAGED;
	ra.other = flags & RA_OTHER;
	ra.home_agent = flags & RA_HOME_AGENT;
	ra.lifetime_s = hm_rd_u16(&body);
	ra.reachable_ms = hm_rd_u32(&body);
	ra.retrans_ms = hm_rd_u32(&body);
	drop = hm_ndopts_check(body);
	if (drop)
		return drop;
	if (!hm_addr_is_link_local(&packet->src))
		return HM_DROP_BAD_SOURCE;
	while (hm_ndopt_next(&body, &opt))
		option_read(&opt, numbers, &ra);
	packet->ra = ra;
	return HM_DROP_NONE;
}

static void prefix_write(struct hm_wr *w, const struct hm_ra_prefix *prefix)
{
	hm_wr_u8(w, HM_ND_PREFIX);
	hm_wr_u8(w, 4);
	hm_wr_u8(w, prefix->plen);
	hm_wr_u8(w, (uint8_t)((prefix->on_link ? PREFIX_ON_LINK : 0) |
	                      (prefix->autonomous ? PREFIX_AUTONOMOUS : 0) |
	                      (prefix->router_addr ? PREFIX_ROUTER_ADDR : 0)));
	hm_wr_u32(w, prefix->valid_s);
	hm_wr_u32(w, prefix->preferred_s);
	hm_wr_u32(w, 0);
	hm_wr_addr(w, &prefix->addr);
}

/* An option of one unit: two octets of zeros and 32 bits. */
static void word_write(struct hm_wr *w, uint8_t type, uint32_t value)
{
	hm_wr_u8(w, type);
	hm_wr_u8(w, 1);
	hm_wr_u16(w, 0);
	hm_wr_u32(w, value);
}

void hm_ra_write(struct hm_wr *w, const struct hm_wire_numbers *numbers, const struct hm_ra *ra)
{
	hm_wr_u8(w, ra->hop_limit);
	hm_wr_u8(w, (uint8_t)((ra->managed ? RA_MANAGED : 0) | (ra->other ? RA_OTHER : 0) |
	                      (ra->home_agent ? RA_HOME_AGENT : 0)));
	hm_wr_u16(w, ra->lifetime_s);
	hm_wr_u32(w, ra->reachable_ms);
	hm_wr_u32(w, ra->retrans_ms);
	hm_lladdr_write(w, HM_ND_SOURCE_LLADDR, &ra->source);
	if (ra->mtu)
		word_write(w, HM_ND_MTU, ra->mtu);
	for (unsigned i = 0; i < ra->n_prefixes; i++)
		prefix_write(w, &ra->prefixes[i]);
	if (ra->has_interval)
		word_write(w, HM_ND_INTERVAL, ra->interval_ms);
	if (ra->has_ha_info)
		word_write(w, HM_ND_HOME_AGENT,
		           (uint32_t)ra->ha_preference << 16 | ra->ha_lifetime_s);
	for (unsigned i = 0; i < ra->n_servers; i++)
		hm_msinfo_nd_write(w, numbers->nd_mobility_information, &ra->servers[i]);
}
