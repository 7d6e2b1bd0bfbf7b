/* The rest of a packet's line: with it, packets that differ read differently. */
#include "wire/show.h"

#include "base/field.h"

static void show_lladdr(struct hm_text *t, const struct hm_lladdr *lladdr)
{
	if (lladdr->present)
		hm_field_hex(t, "lladdr", lladdr->b, sizeof lladdr->b);
}

static void show_bu(struct hm_text *t, const struct hm_bu *bu)
{
	hm_field_opt_num(t, "plen", bu->plen);
	if (bu->has_unique_id)
		hm_field_num(t, "id", bu->unique_id);
}

static void show_prefix(struct hm_text *t, const struct hm_ra_prefix *prefix)
{
	hm_field_flag(t, "on-link", prefix->on_link);
	hm_field_flag(t, "autonomous", prefix->autonomous);
	hm_field_flag(t, "router-addr", prefix->router_addr);
	hm_field_num(t, "valid", prefix->valid_s);
	hm_field_num(t, "preferred", prefix->preferred_s);
}

static void show_ra(struct hm_text *t, const struct hm_ra *ra)
{
	hm_field_opt_num(t, "cur-hop-limit", ra->hop_limit);
	hm_field_flag(t, "managed", ra->managed);
	hm_field_flag(t, "other", ra->other);
	hm_field_opt_num(t, "reachable", ra->reachable_ms);
	hm_field_opt_num(t, "retrans", ra->retrans_ms);
	show_lladdr(t, &ra->source);
	hm_field_opt_num(t, "mtu", ra->mtu);
	if (ra->has_interval)
		hm_field_num(t, "interval", ra->interval_ms);
	if (ra->has_ha_info) {
		hm_field_num(t, "ha-preference", ra->ha_preference);
		hm_field_opt_num(t, "ha-life", ra->ha_lifetime_s);
	}
	for (unsigned i = 0; i < ra->n_prefixes && i < HM_RA_PREFIXES_MAX; i++)
		show_prefix(t, &ra->prefixes[i]);
}

static void show_ns(struct hm_text *t, const struct hm_ns *ns)
{
	show_lladdr(t, &ns->source);
	if (ns->has_nonce)
		hm_field_hex(t, "nonce", ns->nonce, sizeof ns->nonce);
}

void hm_packet_show_rest(struct hm_text *t, const struct hm_packet *p)
{
	if (p->has_routing)
		hm_field_num(t, "routing-type", p->routing_type);
	switch (p->kind) {
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
		hm_field_flag(t, "ack", p->reg.ack);
		break;
	case HM_MSG_BU:
		show_bu(t, &p->bu);
		break;
	case HM_MSG_BACK:
		hm_field_num(t, "code", p->back.status);
		break;
	case HM_MSG_BREQ:
		if (p->breq.has_unique_id)
			hm_field_num(t, "id", p->breq.unique_id);
		break;
	case HM_MSG_RA:
		show_ra(t, &p->ra);
		break;
	case HM_MSG_RS:
		show_lladdr(t, &p->rs.source);
		break;
	case HM_MSG_NS:
		show_ns(t, &p->ns);
		break;
	case HM_MSG_NA:
		show_lladdr(t, &p->na.link);
		break;
	case HM_MSG_ICMP_ERROR:
		hm_field_opt_num(t, "about_next", p->icmp.about_next);
		break;
	case HM_MSG_HANDOFF:
	case HM_MSG_MSINFO:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
}
