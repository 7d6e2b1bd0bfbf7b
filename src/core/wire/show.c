#include "wire/show.h"

#include "base/field.h"

static void show_reg(struct hm_text *t, const struct hm_reg *reg)
{
	hm_field_num(t, "seq", reg->seq);
	hm_field_life(t, reg->lifetime_s);
	hm_field_num(t, "malen", reg->malen);
	if (reg->has_prev_ms)
		hm_field_addr(t, "prev", &reg->prev_ms);
	if (reg->has_alt_coa)
		hm_field_addr(t, "alt", &reg->alt_coa);
}

static void show_handoff(struct hm_text *t, const struct hm_handoff *handoff)
{
	hm_field_num(t, "seq", handoff->seq);
	hm_field_life(t, handoff->lifetime_s);
	hm_field_num(t, "malen", handoff->malen);
	hm_field_addr(t, "gcoa", &handoff->new_gcoa);
}

static void show_bu(struct hm_text *t, const struct hm_bu *bu)
{
	hm_field_num(t, "seq", bu->seq);
	hm_field_life(t, bu->lifetime_s);
	hm_field_flag(t, "A", bu->ack);
	hm_field_flag(t, "H", bu->home_reg);
	hm_field_flag(t, "R", bu->router);
	hm_field_flag(t, "D", bu->dad);
	if (bu->has_alt_coa)
		hm_field_addr(t, "alt", &bu->alt_coa);
}

static void show_back(struct hm_text *t, const struct hm_back *back)
{
	hm_field_num(t, "seq", back->seq);
	hm_field_str(t, "status", hm_status_text(back->status));
	hm_field_life(t, back->lifetime_s);
	hm_field_num(t, "refresh", back->refresh_s);
}

static void show_msinfo(struct hm_text *t, const struct hm_msinfo *info)
{
	hm_field_addr(t, "ms", &info->ms);
	hm_field_num(t, "plen", info->plen);
	hm_field_opt_num(t, "level", info->level);
	hm_field_opt_num(t, "preference", info->preference);
	hm_field_opt_num(t, "info-life", info->lifetime_s);
}

static void show_ra(struct hm_text *t, const struct hm_ra *ra)
{
	hm_field_num(t, "life", ra->lifetime_s);
	hm_field_flag(t, "H", ra->home_agent);
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++) {
		hm_field_addr(t, "prefix", &ra->prefixes[i].addr);
		hm_text_str(t, "/");
		hm_text_u64(t, ra->prefixes[i].plen);
	}
	for (unsigned i = 0; i < ra->n_servers && i < HM_RA_SERVERS_MAX; i++)
		show_msinfo(t, &ra->servers[i]);
}

static void show_na(struct hm_text *t, const struct hm_na *na)
{
	hm_field_addr(t, "target", &na->target);
	hm_field_flag(t, "R", na->router);
	hm_field_flag(t, "S", na->solicited);
	hm_field_flag(t, "O", na->override);
}

static void show_icmp(struct hm_text *t, const struct hm_icmp_error *icmp)
{
	hm_field_num(t, "type", icmp->type);
	hm_field_num(t, "code", icmp->code);
	hm_field_opt_num(t, "param", icmp->param);
	hm_field_opt_num(t, "option", icmp->bad_option);
	hm_field_addr(t, "about_src", &icmp->about_src);
	hm_field_addr(t, "about_dst", &icmp->about_dst);
	if (icmp->has_tunnelled) {
		hm_field_addr(t, "inner_src", &icmp->inner_src);
		hm_field_addr(t, "inner_dst", &icmp->inner_dst);
	}
}

static void show_haad(struct hm_text *t, const struct hm_haad *haad)
{
	hm_field_num(t, "id", haad->id);
	for (unsigned i = 0; i < haad->n_agents && i < HM_HAAD_AGENTS_MAX; i++)
		hm_field_addr(t, "agent", &haad->agents[i]);
}

static void show_body(struct hm_text *t, const struct hm_packet *p)
{
	switch (p->kind) {
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
		show_reg(t, &p->reg);
		break;
	case HM_MSG_HANDOFF:
		show_handoff(t, &p->handoff);
		break;
	case HM_MSG_BU:
		show_bu(t, &p->bu);
		break;
	case HM_MSG_BACK:
		show_back(t, &p->back);
		break;
	case HM_MSG_MSINFO:
		show_msinfo(t, &p->msinfo);
		break;
	case HM_MSG_RA:
		show_ra(t, &p->ra);
		break;
	case HM_MSG_NS:
		hm_field_addr(t, "target", &p->ns.target);
		hm_field_flag(t, "nonce", p->ns.has_nonce);
		break;
	case HM_MSG_NA:
		show_na(t, &p->na);
		break;
	case HM_MSG_ICMP_ERROR:
		show_icmp(t, &p->icmp);
		break;
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
		show_haad(t, &p->haad);
		break;
	case HM_MSG_BREQ:
	case HM_MSG_RS:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}

void hm_packet_show(struct hm_text *t, const struct hm_packet *p)
{
	hm_text_str(t, hm_msg_text(p->kind));
	hm_field_addr(t, "src", &p->src);
	hm_field_addr(t, "dst", &p->dst);
	hm_field_opt_num(t, "if", p->ifindex);
	if (!hm_addr_is_any(&p->home))
		hm_field_addr(t, p->has_home ? "hao" : "home", &p->home);
	if (p->has_routing)
		hm_field_addr(t, "route", &p->routing_addr);
	show_body(t, p);
	if (p->auth.present) {
		hm_field_str(t, "spi", "0x");
		hm_text_hex(t, p->auth.spi, 1);
		hm_field_opt_num(t, "epoch", p->auth.epoch);
	}
}
