#include "home.h"

#include "carried.h"
#include "gate.h"
#include "hop.h"
#include "tunnel-tun/tun.h"

#include <stdlib.h>
#include <string.h>

#define OUTER_LEN ((uint32_t)HM_IP6_LEN)
#define MTU_MIN ((uint32_t)HM_IP6_MTU_MIN)
#define MTU_MAX 65535u

struct hm_home {
	struct hm_home_how how;
	struct hm_gate gate;
	struct hm_carried now; /* what the kernel carries */
	/* The end of a path too narrow for the kernel, which sends no fragments, and until when it
	 * is believed to be. */
	struct hm_addr narrow;
	int64_t narrow_until_ms;
	/* Whose counters the gate's are since `base`; ::: nobody's. */
	struct hm_addr counted;
	struct hm_tunnel_count base;
	uint32_t plain; /* HM_GATE_PLAIN or 0: what the gate's addresses have of it */
	bool told;
};

static bool is_now(const struct hm_home *h, const struct hm_tunnel_entry *e)
{
	return h->now.any && e->kind == HM_TUNNEL_HOME && memcmp(h->now.home.b, e->match, 16) == 0;
}

/* --- what is to be carried ------------------------------------------------------------------ */

static uint32_t outermost_mtu(const struct hm_home *h, unsigned n_hops)
{
	uint32_t mtu = h->how.mtu ? h->how.mtu + OUTER_LEN * (n_hops > 0 ? n_hops - 1 : 0)
	                          : hm_net_least_mtu(h->how.net) - OUTER_LEN;

	if (mtu < MTU_MIN)
		return MTU_MIN;
	return mtu > MTU_MAX ? MTU_MAX : mtu;
}

uint32_t hm_home_mtu(const struct hm_home *h)
{
	return outermost_mtu(h, h->now.n_hops);
}

/* The kernel sends no fragments: a packet of 1280 octets must fit with all its tunnels. */
static bool fits(const struct hm_home *h, unsigned n_hops)
{
	uint32_t inner = h->how.mtu ? h->how.mtu : MTU_MIN;

	return inner + OUTER_LEN * n_hops <= hm_net_least_mtu(h->how.net);
}

static int64_t now_ms(const struct hm_home *h)
{
	return h->how.api->now_ms(h->how.api->host);
}

static bool is_able(const struct hm_home *h, const struct hm_tunnel_entry *e)
{
	if (e->n_hops == 0 || e->n_hops > HM_TUNNEL_HOPS || e->n_accept > HM_TUNNEL_ACCEPTS)
		return false;
	for (unsigned i = 0; i < e->n_hops && now_ms(h) < h->narrow_until_ms; i++)
		if (memcmp(e->hops[i].remote, h->narrow.b, 16) == 0)
			return false;
	return (!h->now.any || is_now(h, e)) && fits(h, e->n_hops);
}

/* --- the gate ------------------------------------------------------------------------------- */

static bool is_within(const struct hm_carried *c, const struct hm_addr *local)
{
	for (unsigned i = 0; i < c->n_pairs; i++)
		if (c->pairs[i].within && hm_addr_eq(&c->pairs[i].local, local))
			return true;
	return false;
}

static uint32_t plain_of(const struct hm_home *h)
{
	return hm_tun_listens(h->how.tun) ? HM_GATE_PLAIN : 0;
}

static int open_gate(struct hm_home *h, const struct hm_carried *c)
{
	uint32_t plain = plain_of(h);
	int err = 0, now;

	for (unsigned i = 0; i < c->n_pairs; i++) {
		const struct hm_carried_pair *p = &c->pairs[i];

		now = hm_gate_inner_put(&h->gate, &p->local,
		                        plain | (is_within(c, &p->local) ? HM_GATE_WITHIN : 0));
		err = err ? err : now;
		now = hm_gate_pair_put(&h->gate, &p->local, &p->remote,
		                       hm_addr_eq(&p->remote, &c->pairs[0].remote));
		err = err ? err : now;
	}
	now = hm_gate_inner_put(&h->gate, &c->home, plain | HM_GATE_HOME);
	err = err ? err : now;
	if (!err)
		h->plain = plain;
	return err;
}

/* For what is in the one and not in the other. */
static void close_gate(struct hm_home *h, const struct hm_carried *was, const struct hm_carried *is)
{
	if (was->any && !hm_carried_inner(is, &was->home))
		hm_gate_inner_del(&h->gate, &was->home);
	for (unsigned i = 0; i < was->n_pairs; i++) {
		const struct hm_carried_pair *p = &was->pairs[i];

		if (!hm_carried_pair(is, &p->local, &p->remote))
			hm_gate_pair_del(&h->gate, &p->local, &p->remote);
		if (!hm_carried_inner(is, &p->local))
			hm_gate_inner_del(&h->gate, &p->local);
	}
}

/* --- devices and routes --------------------------------------------------------------------- */

static int attach(struct hm_home *h)
{
	const struct hm_filters f = hm_device6_filters(h->how.device);
	int err = hm_filter_put(&f, false, HM_DEVICE6_PRIO, h->gate.fd[HM_GATE_IN]);

	return err ? err : hm_filter_put(&f, true, HM_DEVICE6_PRIO, h->gate.fd[HM_GATE_COUNT]);
}

static void detach(struct hm_home *h)
{
	const struct hm_filters f = hm_device6_filters(h->how.device);

	(void)hm_filter_del(&f, false, HM_DEVICE6_PRIO);
	(void)hm_filter_del(&f, true, HM_DEVICE6_PRIO);
}

/* The way from the address that a tunnel's packets come from, into that tunnel. */
static int lay_hop(struct hm_home *h, const struct hm_carried *c, unsigned i)
{
	struct hm_hop_route route = { .table = hm_carried_table(c, i),
		                      .ifindex = h->how.device->ifindex,
		                      .encap = i + 1 == c->n_hops,
		                      .local = c->pairs[i].local,
		                      .remote = c->pairs[i].remote,
		                      .source = i == 0 ? c->home : hm_addr_any };
	const struct hm_hop_device hop = {
		.index = i + 1,
		.local = c->pairs[i].local,
		.remote = c->pairs[i].remote,
		.mtu = h->how.device->mtu - OUTER_LEN * (c->n_hops - 1u - i),
		.in = h->gate.fd[i == 0 ? HM_GATE_IN_FIRST : HM_GATE_IN_HOP],
		.drop = h->how.bound->fd[HM_BOUND_DROP],
		.out = i == 0 ? h->gate.fd[HM_GATE_OUT] : -1,
	};
	int err = 0;

	if (!route.encap)
		err = hm_hop_device_put(h->how.device->sock, &hop, !h->now.any, &route.ifindex);
	return err ? err : hm_hop_route_put(h->how.device->sock, &route);
}

static int lay(struct hm_home *h, const struct hm_carried *c)
{
	int err = h->now.any ? 0 : attach(h);

	err = err ? err : hm_device6_mtu(h->how.device, outermost_mtu(h, c->n_hops));
	for (unsigned i = c->n_hops; !err && i-- > 0;)
		err = lay_hop(h, c, i);
	return err;
}

/* What the carried tunnels do not need. A device takes the routes into it with it. */
static void take_up(struct hm_home *h, const struct hm_carried *c)
{
	for (unsigned i = 0; i < HM_TUNNEL_HOPS; i++)
		if (i + 1 >= c->n_hops)
			(void)hm_hop_device_del(h->how.device->sock, i + 1);
	for (uint32_t i = 0; i < HM_NET_TABLES_CARRIED; i++)
		if (!hm_carried_leads_out(c, HM_NET_TABLE_CARRIED + i))
			(void)hm_hop_route_del(h->how.device->sock, HM_NET_TABLE_CARRIED + i,
			                       h->how.device->ifindex);
}

static bool leaves_any(const struct hm_carried *was, const struct hm_carried *is)
{
	for (uint32_t i = HM_NET_TABLE_CARRIED; i < HM_NET_TABLE_CARRIED + HM_NET_TABLES_CARRIED;
	     i++)
		if (hm_carried_leads_out(was, i) && !hm_carried_leads_out(is, i))
			return true;
	return was->n_hops != is->n_hops;
}

/* --- carrying ------------------------------------------------------------------------------- */

/* Nothing comes out of the tunnels twice: first the kernel ends, then tunnel-tun begins. */
static void end(struct hm_home *h)
{
	static const struct hm_carried none;

	close_gate(h, &h->now, &none);
	(void)hm_tun_carry(h->how.tun, NULL);
	h->now = none;
	take_up(h, &none);
	detach(h);
	(void)hm_device6_mtu(h->how.device, outermost_mtu(h, 1));
}

static void say_failed(struct hm_home *h)
{
	if (!h->told)
		h->how.api->log(h->how.api->host, HM_PLUGIN_WARNING,
		                "failed to give a mobile host's tunnels to the kernel "
		                "carried=slowly");
	h->told = true;
}

/* An entry begins at 0, and goes on counting when only its way has changed. */
static void begin_count(struct hm_home *h, const struct hm_tunnel_entry *e)
{
	struct hm_tunnel_count count;
	struct hm_gate_totals totals;

	if (hm_tun_count(h->how.tun, e, &count) == 0 && memcmp(h->counted.b, e->match, 16) == 0)
		return;
	hm_gate_total(&h->gate, &totals);
	h->base = totals.count;
	h->counted = hm_addr_of(e->match);
}

/* Addresses and rules for the new ends first, then what leads there from the outside in, then those
 * of the old ends go: a packet finds one way or the other. */
static int carry(struct hm_home *h, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct hm_carried c = hm_carried_of(&h->now, e, hm_tun_ifindex(h->how.tun)), was = h->now;
	int err = hm_tun_carry(h->how.tun, &c);

	begin_count(h, e);
	err = err ? err : open_gate(h, &c);
	err = err ? err : lay(h, &c);
	if (!err && !c.routed) {
		c.routed = true;
		err = hm_tun_carry(h->how.tun, &c);
	}
	if (err) {
		say_failed(h);
		close_gate(h, &c, &was);
		end(h);
		return hm_tun_put(h->how.tun, ticket, e);
	}
	err = hm_tun_put(h->how.tun, ticket, e);
	h->now = c;
	close_gate(h, &was, &c);
	if (leaves_any(&was, &c))
		take_up(h, &c);
	if (err)
		end(h);
	return err;
}

/* What tunnel-tun is to see has become more or less. */
static int settle(struct hm_home *h, int err)
{
	if (h->now.any && plain_of(h) != h->plain && open_gate(h, &h->now) != 0)
		say_failed(h);
	return err;
}

int hm_home_put(struct hm_home *h, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	if (e->kind != HM_TUNNEL_HOME)
		return settle(h, hm_tun_put(h->how.tun, ticket, e));
	if (is_able(h, e))
		return settle(h, carry(h, ticket, e));
	if (is_now(h, e))
		end(h);
	return settle(h, hm_tun_put(h->how.tun, ticket, e));
}

int hm_home_del(struct hm_home *h, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	int err = hm_tun_del(h->how.tun, ticket, e);

	if (is_now(h, e))
		end(h);
	return settle(h, err);
}

void hm_home_path_mtu(struct hm_home *h, const uint8_t remote[16], uint32_t mtu)
{
	for (unsigned i = 0; i < h->now.n_hops; i++) {
		if (memcmp(h->now.pairs[i].remote.b, remote, 16) != 0 ||
		    mtu >= MTU_MIN + OUTER_LEN * (i + 1))
			continue;
		h->narrow = h->now.pairs[i].remote;
		h->narrow_until_ms = now_ms(h) + HM_PATH_MTU_MS;
		end(h);
		return;
	}
}

void hm_home_sweep(struct hm_home *h)
{
	take_up(h, &h->now);
	if (!h->now.any)
		detach(h);
}

/* --- counters ------------------------------------------------------------------------------- */

int hm_home_count(struct hm_home *h, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count)
{
	int err = hm_tun_count(h->how.tun, e, ret_count);
	struct hm_gate_totals totals;

	if (err || e->kind != HM_TUNNEL_HOME || memcmp(h->counted.b, e->match, 16) != 0)
		return err;
	hm_gate_total(&h->gate, &totals);
	ret_count->packets_in += totals.count.packets_in - h->base.packets_in;
	ret_count->octets_in += totals.count.octets_in - h->base.octets_in;
	ret_count->packets_out += totals.count.packets_out - h->base.packets_out;
	ret_count->octets_out += totals.count.octets_out - h->base.octets_out;
	return HM_PLUGIN_OK;
}

bool hm_home_stat(struct hm_home *h, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	struct hm_gate_totals totals;

	if (index > 1)
		return false;
	hm_gate_total(&h->gate, &totals);
	*ret_name = index == 0 ? "host_tunnelled_out" : "host_tunnelled_in";
	*ret_value = index == 0 ? totals.count.packets_out : totals.count.packets_in;
	return true;
}

uint64_t hm_home_more(struct hm_home *h, const char *name)
{
	struct hm_gate_totals totals;
	const uint64_t *more = NULL;

	if (strcmp(name, "drop_foreign_source") == 0)
		more = &totals.foreign_source;
	else if (strcmp(name, "drop_foreign_tunnel") == 0)
		more = &totals.foreign_tunnel;
	else if (strcmp(name, "drop_inner") == 0)
		more = &totals.inner;
	if (!more)
		return 0;
	hm_gate_total(&h->gate, &totals);
	return *more;
}

void hm_home_tick(struct hm_home *h)
{
	hm_gate_seen(&h->gate, h->how.api);
}

struct hm_home *hm_home_open(const struct hm_home_how *how)
{
	struct hm_home *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->how = *how;
	if (hm_gate_open(&h->gate) == 0)
		return h;
	free(h);
	return NULL;
}

void hm_home_remove(struct hm_home *h)
{
	static const struct hm_carried none;

	take_up(h, &none);
}

void hm_home_close(struct hm_home *h)
{
	if (!h)
		return;
	hm_gate_close(&h->gate);
	free(h);
}
