/* Packets of the simulation: encoded, signed, damaged, routed, decoded, authenticated. */
#include "sim/simnet.h"

#include <stdlib.h>

/* --- authentication: any keyed function will do, as long as it covers what the real one covers --
 */

static uint64_t mix(uint64_t h, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static void mac_of(enum hm_use use, const struct hm_addr *home, struct hm_span input,
                   uint8_t ret_mac[HM_MAC_LEN])
{
	for (unsigned half = 0; half < 2; half++) {
		uint64_t h = mix(0xcbf29ce484222325u + half, (const uint8_t *)&use, sizeof use);

		h = mix(mix(h, home->b, sizeof home->b), input.p, input.len);
		memcpy(ret_mac + 8 * half, &h, 8);
	}
}

#define SPI_OF(use) (0x1000u + (uint32_t)(use))

static void sign(struct sim *sim, const struct hm_effect *e, uint8_t *octets, size_t len,
                 const struct hm_signed_part *part)
{
	uint8_t input[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(input, sizeof input);
	const struct hm_addr *home = &e->send.packet.home;

	if (hm_packet_mac_input((struct hm_span){ octets, len }, home, part, &w) != HM_OK)
		sim_fail(sim, "a packet to sign is not whole");
	mac_of(e->send.use, home, (struct hm_span){ input, w.len }, octets + part->mac_at);
}

static enum hm_verdict verify(const struct hm_addr *home, const struct hm_packet *p,
                              struct hm_span bytes, const struct hm_signed_part *part)
{
	uint8_t input[HM_PACKET_MAX], mac[HM_MAC_LEN];
	struct hm_wr w = hm_wr(input, sizeof input);

	if (!p->auth.present)
		return HM_VERDICT_MISSING;
	if (p->auth.spi <= SPI_OF(HM_USE_NONE) || p->auth.spi >= SPI_OF(HM_USES))
		return HM_VERDICT_NO_KEY;
	if (hm_packet_mac_input(bytes, home, part, &w) != HM_OK)
		return HM_VERDICT_BAD;
	mac_of((enum hm_use)(p->auth.spi - SPI_OF(0)), home, (struct hm_span){ input, w.len }, mac);
	return memcmp(mac, p->auth.mac, sizeof mac) == 0 ? HM_VERDICT_OK : HM_VERDICT_BAD;
}

/* --- sending -------------------------------------------------------------------------------- */

static void send_copy(struct sim *sim, struct sim_item *item, const uint8_t *octets, size_t len)
{
	const struct sim_faults *f = &sim->faults;

	if (hm_rand_below(&sim->rand, 100) < f->loss_pct)
		return;
	item->at = sim->now + hm_rand_between(&sim->rand, f->latency_min, f->latency_max);
	item->packet.octets = malloc(len);
	if (!item->packet.octets)
		abort();
	memcpy(item->packet.octets, octets, len);
	item->packet.len = len;
	if (hm_rand_below(&sim->rand, 100) < f->corrupt_pct)
		item->packet.octets[hm_rand_below(&sim->rand, (uint32_t)len)] ^=
		        (uint8_t)(1u << hm_rand_below(&sim->rand, 8));
	sim_push(sim, item);
}

static void send_copies(struct sim *sim, struct sim_item *item, const uint8_t *octets, size_t len)
{
	send_copy(sim, item, octets, len);
	if (hm_rand_below(&sim->rand, 100) < sim->faults.duplicate_pct)
		send_copy(sim, item, octets, len);
}

/* To everyone on the link but the sender, or to the one who has the link-local address. */
static void send_on_link(struct sim *sim, const struct sim_node *from, int link,
                         const struct hm_addr *dst, struct hm_span octets)
{
	bool multicast = hm_addr_is_multicast(dst);

	for (unsigned i = 0; i < sim->n_nodes; i++) {
		struct sim_node *n = &sim->nodes[i];

		for (unsigned k = 0; n != from && n->alive && k < n->n_ifs; k++) {
			struct sim_item item = { .kind = SIM_PACKET, .node = i };

			if (n->ifs[k].link != link ||
			    !(multicast || hm_addr_eq(&n->ifs[k].link_local, dst)))
				continue;
			item.packet.iface = k;
			item.packet.multicast = multicast;
			send_copies(sim, &item, octets.p, octets.len);
		}
	}
}

static bool is_source_ours(const struct sim_node *n, const struct hm_addr *src)
{
	if (hm_addr_is_any(src))
		return true;
	for (unsigned i = 0; i < n->n_ifs; i++)
		if (hm_addr_eq(&n->ifs[i].link_local, src))
			return true;
	for (unsigned i = 0; i < SIM_ADDRS_MAX; i++)
		if (n->addrs[i].used && n->addrs[i].usable && hm_addr_eq(&n->addrs[i].addr, src))
			return true;
	return false;
}

void sim_send(struct sim *sim, struct sim_node *n, const struct hm_effect *e)
{
	struct hm_packet p = e->send.packet;
	uint8_t octets[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	struct hm_signed_part part;

	if (!is_source_ours(n, &p.src) && n->second && hm_addr_eq(&p.src, &n->config.mh.home)) {
		/* The correspondent in a mobile host: away, its address is on the tunnel's device,
		 * and in between nothing can be sent from it. */
		if (!sim_forward(n, HM_FORWARD_HOME, &p.src))
			return;
	} else if (!is_source_ours(n, &p.src))
		sim_fail(sim, "%s sends %s from an address it may not use", n->name,
		         hm_msg_text(p.kind));
	if (e->send.use != HM_USE_NONE) {
		p.auth.present = true;
		p.auth.spi = SPI_OF(e->send.use);
	}
	if (hm_packet_write(&p, &n->config.wire, &w, &part) != HM_OK)
		sim_fail(sim, "%s sends a %s that cannot be written", n->name, hm_msg_text(p.kind));
	if (p.auth.present)
		sign(sim, e, octets, w.len, &part);
	if (hm_addr_is_multicast(&p.dst) || hm_addr_is_link_local(&p.dst)) {
		if (p.ifindex == 0 || p.ifindex > n->n_ifs)
			sim_fail(sim, "%s sends %s to a link without naming it", n->name,
			         hm_msg_text(p.kind));
		if (n->ifs[p.ifindex - 1].link != SIM_NOWHERE)
			send_on_link(sim, n, n->ifs[p.ifindex - 1].link, &p.dst,
			             (struct hm_span){ octets, w.len });
		return;
	}
	if (n->cut)
		return;
	send_copies(sim, &(struct sim_item){ .kind = SIM_PACKET, .node = SIM_NODES_MAX }, octets,
	            w.len);
}

/* --- routing -------------------------------------------------------------------------------- */

static struct sim_node *owner_of(struct sim *sim, const struct hm_addr *dst, unsigned *ret_iface)
{
	for (unsigned i = 0; i < sim->n_nodes; i++) {
		struct sim_node *n = &sim->nodes[i];

		for (unsigned k = 0; n->alive && !n->cut && k < SIM_ADDRS_MAX; k++) {
			const struct sim_addr *a = &n->addrs[k];
			int link = a->used ? n->ifs[a->iface].link : SIM_NOWHERE;

			if (link == SIM_NOWHERE || !a->usable || !hm_addr_eq(&a->addr, dst) ||
			    !hm_prefix_has(&sim->links[link].prefix, dst))
				continue;
			*ret_iface = a->iface;
			return n;
		}
	}
	return NULL;
}

static const struct hm_forward *tunnel_for(const struct sim *sim, const struct hm_addr *dst)
{
	for (unsigned i = 0; i < sim->n_nodes; i++) {
		const struct hm_forward *f = sim_forward(&sim->nodes[i], HM_FORWARD_ENCAP, dst);

		if (f && sim->nodes[i].alive && !sim->nodes[i].cut)
			return f;
	}
	return NULL;
}

static bool accepts(const struct sim_node *n, const struct hm_addr *src, const struct hm_addr *dst)
{
	for (unsigned i = 0; i < n->n_forwards; i++) {
		const struct hm_forward *f = &n->forwards[i];

		if (f->kind != HM_FORWARD_HOME)
			continue;
		for (unsigned k = 0; k < f->n_hops; k++)
			if (hm_addr_eq(&f->hops[k].remote, src) &&
			    hm_addr_eq(&f->hops[k].local, dst))
				return true;
		for (unsigned k = 0; k < f->n_accept; k++)
			if (hm_addr_eq(&f->accept[k].remote, src) &&
			    hm_addr_eq(&f->accept[k].local, dst))
				return true;
	}
	return false;
}

/* True when the node unpacks every tunnel on the stack, the outermost first. */
static bool accepts_all(const struct sim_node *n, const struct hm_forward *const *stack,
                        unsigned depth)
{
	while (depth > 0) {
		depth--;
		if (!accepts(n, &stack[depth]->local, &stack[depth]->remote))
			return false;
	}
	return true;
}

struct sim_node *sim_route(struct sim *sim, const struct hm_addr *dst, unsigned *ret_iface)
{
	const struct hm_forward *stack[8];
	struct hm_addr to = *dst;

	for (unsigned depth = 0;; depth++) {
		struct sim_node *n = owner_of(sim, &to, ret_iface);

		if (n)
			return accepts_all(n, stack, depth) ? n : NULL;
		if (depth == sizeof stack / sizeof stack[0])
			return NULL;
		stack[depth] = tunnel_for(sim, &to);
		if (!stack[depth])
			return NULL;
		to = stack[depth]->remote;
	}
}

/* --- receiving ------------------------------------------------------------------------------ */

/* RFC 8200 4.2: an option with action bits 11 that is not known. */
static void answer_problem(struct sim *sim, const struct sim_node *plain, const struct hm_packet *p)
{
	struct hm_event ev = { .kind = HM_EV_PACKET };
	unsigned iface;
	struct sim_node *to = sim_route(sim, &p->src, &iface);

	if (!to || !to->alive || !to->role || plain->cut)
		return;
	ev.rx.packet = (struct hm_packet){ .src = p->dst,
		                           .dst = p->src,
		                           .ifindex = iface + 1,
		                           .hop_limit = 60,
		                           .kind = HM_MSG_ICMP_ERROR };
	ev.rx.packet.icmp =
	        (struct hm_icmp_error){ .type = 4,
		                        .code = 2,
		                        .about_src = p->src,
		                        .about_dst = p->dst,
		                        .about_next = 60,
		                        .bad_option = p->kind == HM_MSG_BU ? 0xc6 : 0xca };
	ev.rx.verdict = HM_VERDICT_MISSING;
	sim_event(sim, to, &ev);
}

/* Acknowledgements name no home address: their MAC is over that of the host they are for. */
static const struct hm_addr *mac_home(const struct sim_node *n, const struct hm_packet *p)
{
	return p->kind == HM_MSG_BACK ? &n->config.mh.home : &p->home;
}

void sim_deliver(struct sim *sim, const struct sim_item *item)
{
	struct hm_span bytes = { item->packet.octets, item->packet.len };
	struct hm_signed_part part = { 0 };
	struct hm_event ev = { .kind = HM_EV_PACKET };
	unsigned iface = item->packet.iface;
	struct sim_node *n = item->node < SIM_NODES_MAX ? &sim->nodes[item->node] : NULL;
	enum hm_drop drop;

	if (!n) {
		struct hm_addr dst;

		memcpy(dst.b, bytes.p + 24, sizeof dst.b);
		n = sim_route(sim, &dst, &iface);
	}
	if (!n || !n->alive)
		return;
	drop = hm_packet_read(bytes, &hm_wire_defaults, &ev.rx.packet, &part);
	if (drop != HM_DROP_NONE) {
		n->counters.dropped[drop]++;
		return;
	}
	ev.rx.packet.ifindex = iface + 1;
	if (!n->role) {
		answer_problem(sim, n, &ev.rx.packet);
		return;
	}
	n->heard++;
	ev.rx.verdict = verify(mac_home(n, &ev.rx.packet), &ev.rx.packet, bytes, &part);
	sim_event(sim, n, &ev);
}

/* --- data packets --------------------------------------------------------------------------- */

static const struct hm_forward *direct_path(const struct sim_node *from,
                                            const struct sim_node *mobile)
{
	return sim_forward(from, HM_FORWARD_PEER, &mobile->config.mh.home);
}

bool sim_is_direct(const struct sim_node *from, const struct sim_node *mobile)
{
	return direct_path(from, mobile) != NULL;
}

bool sim_reaches(struct sim *sim, const struct sim_node *from, const struct sim_node *mobile)
{
	const struct hm_forward *direct = direct_path(from, mobile);
	unsigned iface;

	return sim_route(sim, direct ? &direct->remote : &mobile->config.mh.home, &iface) == mobile;
}

/* The check of a reverse tunnel's source. */
static bool takes_from(const struct sim *sim, const struct sim_node *end,
                       const struct hm_forward *f, const struct hm_addr *source)
{
	const struct sim_former *former = &end->former[f - end->forwards];

	return (!f->one_way && hm_addr_eq(&f->remote, source)) ||
	       (sim->now < former->until && hm_addr_eq(&former->remote, source));
}

bool sim_uplink_works(struct sim *sim, const struct sim_node *mobile)
{
	const struct hm_forward *path =
	        sim_forward(mobile, HM_FORWARD_HOME, &mobile->config.mh.home);
	unsigned iface;

	if (!path)
		return owner_of(sim, &mobile->config.mh.home, &iface) == mobile;
	for (unsigned i = 0; i < path->n_hops; i++) {
		const struct hm_addr *inner =
		        i == 0 ? &mobile->config.mh.home : &path->hops[i - 1].local;
		struct sim_node *end = owner_of(sim, &path->hops[i].remote, &iface);
		const struct hm_forward *f = end ? sim_forward(end, HM_FORWARD_ENCAP, inner) : NULL;

		if (!f || !takes_from(sim, end, f, &path->hops[i].local) ||
		    !hm_addr_eq(&f->local, &path->hops[i].remote))
			return false;
	}
	return true;
}
