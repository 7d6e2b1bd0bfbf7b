#include "engine/show_packet.h"

#include "base/clock.h"

static void str_field(struct hm_text *t, const char *key, const char *value)
{
	hm_text_str(t, " ");
	hm_text_str(t, key);
	hm_text_str(t, "=");
	hm_text_str(t, value);
}

static void num_field(struct hm_text *t, const char *key, uint64_t v)
{
	str_field(t, key, "");
	hm_text_u64(t, v);
}

static void opt_field(struct hm_text *t, const char *key, uint64_t v)
{
	if (v != 0)
		num_field(t, key, v);
}

static void addr_field(struct hm_text *t, const char *key, const struct hm_addr *a)
{
	str_field(t, key, "");
	hm_text_addr(t, a);
}

static void flag(struct hm_text *t, const char *name, bool set)
{
	if (!set)
		return;
	hm_text_str(t, " ");
	hm_text_str(t, name);
}

static void life_field(struct hm_text *t, uint32_t lifetime_s)
{
	if (lifetime_s == HM_LIFETIME_INFINITE)
		str_field(t, "life", "infinite");
	else
		num_field(t, "life", lifetime_s);
}

static void show_reg(struct hm_text *t, const struct hm_reg *reg)
{
	num_field(t, "seq", reg->seq);
	life_field(t, reg->lifetime_s);
	num_field(t, "malen", reg->malen);
	if (reg->has_prev_ms)
		addr_field(t, "prev", &reg->prev_ms);
	if (reg->has_alt_coa)
		addr_field(t, "alt", &reg->alt_coa);
}

static void show_handoff(struct hm_text *t, const struct hm_handoff *handoff)
{
	num_field(t, "seq", handoff->seq);
	life_field(t, handoff->lifetime_s);
	num_field(t, "malen", handoff->malen);
	addr_field(t, "gcoa", &handoff->new_gcoa);
}

static void show_bu(struct hm_text *t, const struct hm_bu *bu)
{
	num_field(t, "seq", bu->seq);
	life_field(t, bu->lifetime_s);
	flag(t, "A", bu->ack);
	flag(t, "H", bu->home_reg);
	flag(t, "R", bu->router);
	flag(t, "D", bu->dad);
	if (bu->has_alt_coa)
		addr_field(t, "alt", &bu->alt_coa);
}

static void show_back(struct hm_text *t, const struct hm_back *back)
{
	num_field(t, "seq", back->seq);
	str_field(t, "status", hm_status_text(back->status));
	life_field(t, back->lifetime_s);
	num_field(t, "refresh", back->refresh_s);
}

static void show_msinfo(struct hm_text *t, const struct hm_msinfo *info)
{
	addr_field(t, "ms", &info->ms);
	num_field(t, "plen", info->plen);
	opt_field(t, "level", info->level);
	opt_field(t, "preference", info->preference);
	opt_field(t, "info-life", info->lifetime_s);
}

static void show_ra(struct hm_text *t, const struct hm_ra *ra)
{
	num_field(t, "life", ra->lifetime_s);
	flag(t, "H", ra->home_agent);
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++) {
		addr_field(t, "prefix", &ra->prefixes[i].addr);
		hm_text_str(t, "/");
		hm_text_u64(t, ra->prefixes[i].plen);
	}
	for (unsigned i = 0; i < ra->n_servers && i < HM_RA_SERVERS_MAX; i++)
		show_msinfo(t, &ra->servers[i]);
}

static void show_na(struct hm_text *t, const struct hm_na *na)
{
	addr_field(t, "target", &na->target);
	flag(t, "R", na->router);
	flag(t, "S", na->solicited);
	flag(t, "O", na->override);
}

static void show_icmp(struct hm_text *t, const struct hm_icmp_error *icmp)
{
	num_field(t, "type", icmp->type);
	num_field(t, "code", icmp->code);
	opt_field(t, "param", icmp->param);
	opt_field(t, "option", icmp->bad_option);
	addr_field(t, "about_src", &icmp->about_src);
	addr_field(t, "about_dst", &icmp->about_dst);
	if (icmp->has_tunnelled) {
		addr_field(t, "inner_src", &icmp->inner_src);
		addr_field(t, "inner_dst", &icmp->inner_dst);
	}
}

static void show_haad(struct hm_text *t, const struct hm_haad *haad)
{
	num_field(t, "id", haad->id);
	for (unsigned i = 0; i < haad->n_agents && i < HM_HAAD_AGENTS_MAX; i++)
		addr_field(t, "agent", &haad->agents[i]);
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
		addr_field(t, "target", &p->ns.target);
		flag(t, "nonce", p->ns.has_nonce);
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

void hm_show_packet(struct hm_text *t, const struct hm_packet *p)
{
	hm_text_str(t, hm_msg_text(p->kind));
	addr_field(t, "src", &p->src);
	addr_field(t, "dst", &p->dst);
	opt_field(t, "if", p->ifindex);
	if (!hm_addr_is_any(&p->home))
		addr_field(t, p->has_home ? "hao" : "home", &p->home);
	if (p->has_routing)
		addr_field(t, "route", &p->routing_addr);
	show_body(t, p);
	if (p->auth.present) {
		str_field(t, "spi", "0x");
		hm_text_hex(t, p->auth.spi, 1);
		opt_field(t, "epoch", p->auth.epoch);
	}
}
