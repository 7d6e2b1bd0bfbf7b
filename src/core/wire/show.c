#include "wire/show.h"

#include "base/clock.h"

static void show_num(struct hm_text *t, const char *key, uint64_t v)
{
	if (v == 0)
		return;
	hm_text_str(t, key);
	hm_text_u64(t, v);
}

static void show_flag(struct hm_text *t, const char *text, bool set)
{
	if (set)
		hm_text_str(t, text);
}

static void show_addr(struct hm_text *t, const char *key, const struct hm_addr *a)
{
	hm_text_str(t, key);
	hm_text_addr(t, a);
}

static void show_octets(struct hm_text *t, const char *key, const uint8_t *p, size_t len)
{
	hm_text_str(t, key);
	for (size_t i = 0; i < len; i++)
		hm_text_hex(t, p[i], 2);
}

static void show_lladdr(struct hm_text *t, const struct hm_lladdr *lladdr)
{
	if (lladdr->present)
		show_octets(t, " lladdr=", lladdr->b, sizeof lladdr->b);
}

/* Deletion is a lifetime too. */
static void show_life(struct hm_text *t, uint32_t lifetime_s)
{
	hm_text_str(t, " life=");
	if (lifetime_s == HM_LIFETIME_INFINITE)
		hm_text_str(t, "infinite");
	else
		hm_text_u64(t, lifetime_s);
}

static void show_reg(struct hm_text *t, const struct hm_reg *reg)
{
	show_num(t, " seq=", reg->seq);
	show_life(t, reg->lifetime_s);
	show_num(t, " malen=", reg->malen);
	show_flag(t, " ack", reg->ack);
	if (reg->has_prev_ms)
		show_addr(t, " prev=", &reg->prev_ms);
	if (reg->has_alt_coa)
		show_addr(t, " coa=", &reg->alt_coa);
}

static void show_handoff(struct hm_text *t, const struct hm_handoff *handoff)
{
	show_num(t, " seq=", handoff->seq);
	show_life(t, handoff->lifetime_s);
	show_num(t, " malen=", handoff->malen);
	show_addr(t, " gcoa=", &handoff->new_gcoa);
}

static void show_bu(struct hm_text *t, const struct hm_bu *bu)
{
	show_num(t, " seq=", bu->seq);
	show_life(t, bu->lifetime_s);
	show_num(t, " plen=", bu->plen);
	show_flag(t, " ack", bu->ack);
	show_flag(t, " home-reg", bu->home_reg);
	show_flag(t, " router", bu->router);
	show_flag(t, " dad", bu->dad);
	if (bu->has_alt_coa)
		show_addr(t, " coa=", &bu->alt_coa);
	if (bu->has_unique_id) {
		hm_text_str(t, " id=");
		hm_text_u64(t, bu->unique_id);
	}
}

static void show_back(struct hm_text *t, const struct hm_back *back)
{
	hm_text_str(t, " status=");
	hm_text_u64(t, back->status);
	if (back->status != HM_ST_ACCEPTED) {
		hm_text_str(t, "/");
		hm_text_str(t, hm_status_text(back->status));
	}
	show_num(t, " seq=", back->seq);
	show_life(t, back->lifetime_s);
	show_num(t, " refresh=", back->refresh_s);
}

static void show_server(struct hm_text *t, const struct hm_msinfo *info)
{
	show_addr(t, " ms=", &info->ms);
	hm_text_str(t, "/");
	hm_text_u64(t, info->plen);
	show_num(t, " level=", info->level);
	show_num(t, " preference=", info->preference);
	show_num(t, " ms-life=", info->lifetime_s);
}

static void show_prefix(struct hm_text *t, const struct hm_ra_prefix *prefix)
{
	show_addr(t, " prefix=", &prefix->addr);
	hm_text_str(t, "/");
	hm_text_u64(t, prefix->plen);
	show_flag(t, " on-link", prefix->on_link);
	show_flag(t, " autonomous", prefix->autonomous);
	show_flag(t, " router-addr", prefix->router_addr);
	show_num(t, " valid=", prefix->valid_s);
	show_num(t, " preferred=", prefix->preferred_s);
}

static void show_ra(struct hm_text *t, const struct hm_ra *ra)
{
	show_life(t, ra->lifetime_s);
	show_num(t, " cur-hop-limit=", ra->hop_limit);
	show_flag(t, " managed", ra->managed);
	show_flag(t, " other", ra->other);
	show_flag(t, " home-agent", ra->home_agent);
	show_num(t, " reachable=", ra->reachable_ms);
	show_num(t, " retrans=", ra->retrans_ms);
	show_lladdr(t, &ra->source);
	show_num(t, " mtu=", ra->mtu);
	if (ra->has_interval) {
		hm_text_str(t, " interval=");
		hm_text_u64(t, ra->interval_ms);
	}
	if (ra->has_ha_info) {
		hm_text_str(t, " ha-preference=");
		hm_text_u64(t, ra->ha_preference);
		show_num(t, " ha-life=", ra->ha_lifetime_s);
	}
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++)
		show_prefix(t, &ra->prefixes[i]);
	for (unsigned i = 0; i < ra->n_servers && i < HM_RA_SERVERS_MAX; i++)
		show_server(t, &ra->servers[i]);
}

static void show_ns(struct hm_text *t, const struct hm_ns *ns)
{
	show_addr(t, " target=", &ns->target);
	show_lladdr(t, &ns->source);
	if (ns->has_nonce)
		show_octets(t, " nonce=", ns->nonce, sizeof ns->nonce);
}

static void show_na(struct hm_text *t, const struct hm_na *na)
{
	show_addr(t, " target=", &na->target);
	show_flag(t, " router", na->router);
	show_flag(t, " solicited", na->solicited);
	show_flag(t, " override", na->override);
	show_lladdr(t, &na->link);
}

static void show_icmp(struct hm_text *t, const struct hm_icmp_error *e)
{
	hm_text_str(t, " type=");
	hm_text_u64(t, e->type);
	hm_text_str(t, "/");
	hm_text_u64(t, e->code);
	show_num(t, " param=", e->param);
	show_addr(t, " about=", &e->about_src);
	show_addr(t, ">", &e->about_dst);
	show_num(t, " next=", e->about_next);
	if (e->bad_option)
		show_octets(t, " option=0x", &e->bad_option, 1);
	if (e->has_tunnelled) {
		show_addr(t, " inner=", &e->inner_src);
		show_addr(t, ">", &e->inner_dst);
	}
}

static void show_haad(struct hm_text *t, const struct hm_haad *haad)
{
	hm_text_str(t, " id=");
	hm_text_u64(t, haad->id);
	for (unsigned i = 0; i < haad->n_agents && i < HM_HAAD_AGENTS_MAX; i++)
		show_addr(t, " agent=", &haad->agents[i]);
}

static void show_body(struct hm_text *t, const struct hm_packet *packet)
{
	switch (packet->kind) {
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
		show_reg(t, &packet->reg);
		break;
	case HM_MSG_HANDOFF:
		show_handoff(t, &packet->handoff);
		break;
	case HM_MSG_BU:
		show_bu(t, &packet->bu);
		break;
	case HM_MSG_BACK:
		show_back(t, &packet->back);
		break;
	case HM_MSG_BREQ:
		if (packet->breq.has_unique_id) {
			hm_text_str(t, " id=");
			hm_text_u64(t, packet->breq.unique_id);
		}
		break;
	case HM_MSG_MSINFO:
		show_server(t, &packet->msinfo);
		break;
	case HM_MSG_RA:
		show_ra(t, &packet->ra);
		break;
	case HM_MSG_RS:
		show_lladdr(t, &packet->rs.source);
		break;
	case HM_MSG_NS:
		show_ns(t, &packet->ns);
		break;
	case HM_MSG_NA:
		show_na(t, &packet->na);
		break;
	case HM_MSG_ICMP_ERROR:
		show_icmp(t, &packet->icmp);
		break;
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
		show_haad(t, &packet->haad);
		break;
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}

void hm_packet_show(const struct hm_packet *packet, struct hm_text *t)
{
	hm_text_str(t, hm_msg_text(packet->kind));
	show_addr(t, " src=", &packet->src);
	show_addr(t, " dst=", &packet->dst);
	show_num(t, " if=", packet->ifindex);
	if (packet->has_home)
		show_addr(t, " home=", &packet->home);
	if (packet->has_routing) {
		show_num(t, " routing-type=", packet->routing_type);
		show_addr(t, " via=", &packet->routing_addr);
	}
	show_body(t, packet);
	if (packet->auth.present) {
		hm_text_str(t, " auth=0x");
		hm_text_hex(t, packet->auth.spi, 1);
		hm_text_str(t, "/");
		hm_text_u64(t, packet->auth.epoch);
	}
}
