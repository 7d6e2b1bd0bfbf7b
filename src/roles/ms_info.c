#include "roles/ms_info.h"

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

void hm_ms_info_init(struct hm_ms_info *info, const struct hm_config *config, uint64_t seed)
{
	hm_rand_init(&info->rand, seed);
	info->at = HM_NEVER;
	info->config = config;
	for (unsigned i = 0; i < config->ms.router_interfaces.n; i++)
		memcpy(info->link[i].name, config->ms.router_interfaces.name[i], HM_IFNAME_MAX);
}

void hm_ms_info_reload(struct hm_ms_info *info, const struct hm_config *config, hm_ms now)
{
	struct hm_ms_info old = *info;

	memset(info->link, 0, sizeof info->link);
	hm_ms_info_init(info, config, hm_rand_next(&old.rand));
	for (unsigned i = 0; i < config->ms.router_interfaces.n; i++)
		for (unsigned k = 0; k < HM_INTERFACES_MAX; k++)
			if (same_name(info->link[i].name, old.link[k].name))
				info->link[i].ifindex = old.link[k].ifindex;
	/* The new ones hear of us now. */
	info->next = 0;
	info->at = info->started && !info->stopping ? now : HM_NEVER;
}

void hm_ms_info_start(struct hm_ms_info *info, hm_ms now)
{
	info->started = true;
	info->at = now;
}

void hm_ms_info_link(struct hm_ms_info *info, const struct hm_link *link, hm_ms now)
{
	for (unsigned i = 0; i < info->config->ms.router_interfaces.n; i++) {
		uint32_t before = info->link[i].ifindex;

		if (!same_name(info->link[i].name, link->name))
			continue;
		info->link[i].ifindex = link->present && link->up ? link->ifindex : 0;
		/* Routers behind a link that has just come up need not wait for the next round. */
		if (!before && info->link[i].ifindex && info->started && !info->stopping)
			info->at = now;
	}
}

/* To the index-th of those who hear it; with plen 0 it is the withdrawal. */
static void tell(const struct hm_ms_info *info, unsigned index, struct hm_fx *fx)
{
	const struct hm_ms_config *cfg = &info->config->ms;
	bool sign = !info->config->common.auth_none;
	bool to_link = index >= cfg->routers.n;
	uint32_t ifindex = to_link ? info->link[index - cfg->routers.n].ifindex : 0;
	struct hm_effect *e;

	if (to_link && ifindex == 0)
		return;
	e = hm_fx_add(fx, HM_FX_SEND);
	e->send.use = sign ? HM_USE_MS_RA : HM_USE_NONE;
	e->send.packet.kind = HM_MSG_MSINFO;
	e->send.packet.src = cfg->address;
	e->send.packet.dst = to_link ? hm_addr_all_routers : cfg->routers.a[index];
	e->send.packet.ifindex = ifindex;
	e->send.packet.msinfo = (struct hm_msinfo){ .level = cfg->level,
		                                    .preference = cfg->preference,
		                                    .plen = info->stopping ? 0 : cfg->plen,
		                                    .ms = cfg->address };
	e->send.packet.auth = (struct hm_auth_data){ .present = sign, .epoch = info->epoch };
}

/* A new epoch for each round: the sender's clock, which never stands still (PROTOCOL 5). */
static void begin_round(struct hm_ms_info *info, int64_t wall_ms)
{
	uint32_t wall_s = (uint32_t)(wall_ms / 1000);

	info->epoch = wall_s > info->epoch ? wall_s : info->epoch + 1;
}

void hm_ms_info_tick(struct hm_ms_info *info, const struct hm_event *ev, struct hm_fx *fx)
{
	const struct hm_ms_config *cfg = &info->config->ms;
	unsigned n = cfg->routers.n + cfg->router_interfaces.n;

	if (info->at > ev->now_ms)
		return;
	if (info->next == 0)
		begin_round(info, ev->wall_ms);
	while (info->next < n && hm_fx_has_room(fx))
		tell(info, info->next++, fx);
	if (info->next < n)
		return;
	info->next = 0;
	info->at = HM_NEVER;
	/* A tenth of jitter keeps servers that started together apart; never later than asked. */
	if (!info->stopping && n > 0)
		info->at = hm_after(ev->now_ms,
		                    hm_rand_between(&info->rand, cfg->info_interval_ms * 9 / 10,
		                                    cfg->info_interval_ms));
}

/* Routers stop advertising at once. What does not fit in one batch follows at ticks. */
void hm_ms_info_stop(struct hm_ms_info *info, const struct hm_event *ev, struct hm_fx *fx)
{
	info->stopping = true;
	info->next = 0;
	info->at = ev->now_ms;
	hm_ms_info_tick(info, ev, fx);
}
