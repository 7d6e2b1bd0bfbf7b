/* Packets, and answers of plugins and store, on their way to the roles. */
#include "host/daemon.h"

#include "wire/icmp.h"
#include "wire/ip6.h"

#include <time.h>

void hm_daemon_now(void *arg, hm_ms *ret_now_ms, int64_t *ret_wall_ms)
{
	struct timespec wall;

	(void)arg;
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	*ret_now_ms = hm_services_now_ms();
	*ret_wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

struct hm_authq_now hm_daemon_auth_now(void)
{
	struct hm_authq_now now;
	int64_t wall_ms;

	hm_daemon_now(NULL, &now.now_ms, &wall_ms);
	now.wall_s = wall_ms / 1000;
	return now;
}

bool hm_daemon_is_local(void *arg, const struct hm_addr *addr)
{
	const struct hm_daemon *d = arg;

	return hm_kernel_is_local(d->kernel, addr);
}

void hm_daemon_on_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                          enum hm_use use)
{
	struct hm_daemon *d = arg;
	struct hm_event event = { .kind = HM_EV_PACKET };

	event.rx.packet = *packet;
	event.rx.verdict = verdict;
	event.rx.use = use;
	hm_pump_post(d->pump, HM_PUMP_ALL, &event);
}

/* Packet Too Big about an outer packet of ours tells the data plane the size of that path,
 * whichever role made the packet (RFC 2473 7.1). It is a stranger's word, as every Packet Too Big
 * is: it can make packets small, and no smaller than IPv6 allows. */
static void learn_path_mtu(struct hm_daemon *d, const struct hm_icmp_error *error)
{
	const struct hm_tunnel_ops *ops = d->tunnel.plugin ? d->tunnel.plugin->tunnel : NULL;
	bool is_outer = error->about_next == HM_NH_IPV6 || error->about_next == HM_NH_ROUTING ||
	                error->about_next == HM_NH_DSTOPTS || error->about_next == HM_NH_FRAGMENT;

	if (error->type == HM_ICMP_TOO_BIG && is_outer && ops && HM_PLUGIN_HAS(ops, path_mtu) &&
	    hm_kernel_is_local(d->kernel, &error->about_src))
		ops->path_mtu(d->tunnel.self, error->about_dst.b,
		              error->param < HM_IP6_MTU_MIN ? HM_IP6_MTU_MIN : error->param);
}

void hm_daemon_on_packet(void *arg, const struct hm_packet *packet, struct hm_span bytes,
                         const struct hm_signed_part *part)
{
	struct hm_daemon *d = arg;
	const struct hm_config *config = &d->settings->config;
	const struct hm_addr *own_home = config->common.roles[HM_ROLE_MH] ? &config->mh.home : NULL;

	if (!d->serving)
		return;
	if (!hm_packet_ends_here(packet, own_home)) {
		hm_pump_counters(d->pump)->dropped[HM_DROP_ROUTING]++;
		return;
	}
	if (packet->kind == HM_MSG_ICMP_ERROR)
		learn_path_mtu(d, &packet->icmp);
	if (hm_authq_is_needed(packet->kind))
		hm_authq_submit(d->authq, packet, bytes, part, own_home, hm_daemon_auth_now());
	else
		hm_daemon_on_verdict(d, packet, HM_VERDICT_MISSING, HM_USE_NONE);
}

void hm_daemon_on_stored(void *arg, uint64_t cookie, int err)
{
	struct hm_daemon *d = arg;

	hm_dataplane_stored(d->dataplane, cookie, err);
}

void hm_daemon_on_bound(void *arg, unsigned role, hm_ticket ticket, int err)
{
	struct hm_daemon *d = arg;
	struct hm_event event = { .kind = HM_EV_BIND_DONE };
	unsigned held = 0;

	if (err && hm_quiet_may_say(&d->failures, &hm_addr_any, hm_services_now_ms(), &held))
		hm_log(HM_LOG_WARNING, "bind role=%s failed suppressed=%u reason=\"%s\"",
		       hm_pump_role(d->pump, role)->role->name, held, hm_err_text(err));
	event.done.ticket = ticket;
	event.done.err = err;
	hm_pump_post(d->pump, role, &event);
}

void hm_daemon_on_tunnel_done(void *arg, uint64_t ticket, int result)
{
	struct hm_daemon *d = arg;

	if (d->dataplane)
		hm_dataplane_tunnel_done(d->dataplane, ticket, result, hm_services_now_ms());
}

void hm_daemon_on_auth_done(void *arg, uint64_t ticket, int result)
{
	struct hm_daemon *d = arg;

	if (d->authq)
		hm_authq_answer(d->authq, ticket, result, hm_daemon_auth_now());
}

static bool has_key(struct hm_daemon *d, const struct hm_addr *home, const struct hm_addr *peer)
{
	const struct hm_packet packet = {
		.src = *home, .dst = *peer, .home = *home, .has_home = true
	};
	const struct hm_auth_parties parties = hm_authq_sending(HM_USE_MH_CH, &packet);
	uint32_t spi;

	return d->settings->config.common.auth_none ||
	       hm_authq_spi(d->authq, &parties, hm_daemon_auth_now(), &spi) == HM_OK;
}

void hm_daemon_on_seen(void *arg, int what, const struct hm_addr *home, const struct hm_addr *peer)
{
	struct hm_daemon *d = arg;
	struct hm_event event = { .kind = HM_EV_TRAFFIC };

	if (!d->serving || (what != HM_TUNNEL_SEEN_TUNNELLED && what != HM_TUNNEL_SEEN_BOUND))
		return;
	event.traffic.kind =
	        what == HM_TUNNEL_SEEN_TUNNELLED ? HM_TRAFFIC_TUNNELLED : HM_TRAFFIC_BOUND;
	event.traffic.home = *home;
	event.traffic.peer = *peer;
	event.traffic.has_key = has_key(d, home, peer);
	hm_pump_post(d->pump, HM_PUMP_ALL, &event);
}
