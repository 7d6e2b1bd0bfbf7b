#include "engine/proxy.h"

#define ND_HOP_LIMIT 255

static bool same_name(const char a[HM_IFNAME_MAX], const char b[HM_IFNAME_MAX])
{
	for (unsigned i = 0; i < HM_IFNAME_MAX; i++) {
		if (a[i] != b[i])
			return false;
		if (a[i] == '\0')
			return true;
	}
	return true;
}

static bool same_lladdr(const struct hm_lladdr *a, const struct hm_lladdr *b)
{
	return a->present == b->present && memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool hm_proxy_link(struct hm_proxy *p, const struct hm_link *link)
{
	bool was_ready = p->ready;
	struct hm_lladdr former = p->link.lladdr;

	if (!hm_proxy_wanted(p) || !same_name(p->name, link->name))
		return false;
	p->link = *link;
	p->ready = link->present && link->up && !hm_addr_is_any(&link->link_local);
	return p->ready && (!was_ready || !same_lladdr(&former, &link->lladdr));
}

static struct hm_packet *ask_send(const struct hm_proxy *p, enum hm_msg_kind kind, struct hm_fx *fx)
{
	struct hm_packet *packet = &hm_fx_add(fx, HM_FX_SEND)->send.packet;

	packet->kind = kind;
	packet->ifindex = p->link.ifindex;
	packet->hop_limit = ND_HOP_LIMIT;
	return packet;
}

void hm_proxy_probe(const struct hm_proxy *p, const struct hm_addr *target,
                    const uint8_t nonce[HM_NONCE_LEN], struct hm_fx *fx)
{
	struct hm_packet *packet = ask_send(p, HM_MSG_NS, fx);

	packet->dst = hm_addr_solicited_node(target);
	packet->ns.target = *target;
	packet->ns.has_nonce = true;
	memcpy(packet->ns.nonce, nonce, HM_NONCE_LEN);
}

static struct hm_packet *ask_advert(const struct hm_proxy *p, const struct hm_addr *target,
                                    bool router, struct hm_fx *fx)
{
	struct hm_packet *packet = ask_send(p, HM_MSG_NA, fx);

	packet->src = p->link.link_local;
	packet->na.target = *target;
	/* The address is a mobile host's: the R bit is zero unless that is a router (RFC 6275
	 * 10.4.1; draft-12 copies the R bit of its Binding Update). */
	packet->na.router = router;
	packet->na.link = p->link.lladdr;
	return packet;
}

void hm_proxy_announce(const struct hm_proxy *p, const struct hm_addr *target, bool router,
                       struct hm_fx *fx)
{
	struct hm_packet *packet;

	if (!p->ready)
		return;
	packet = ask_advert(p, target, router, fx);
	packet->dst = hm_addr_all_nodes;
	packet->na.override = true; /* RFC 6275 10.4.1 */
}

void hm_proxy_answer(const struct hm_proxy *p, const struct hm_packet *ns, bool router,
                     struct hm_fx *fx)
{
	struct hm_packet *packet;

	if (!p->ready)
		return;
	packet = ask_advert(p, &ns->ns.target, router, fx);
	/* A probe gets its answer by multicast and unsolicited; the override flag of a proxy's
	 * answer is zero either way (RFC 4861 7.2.4). */
	packet->na.solicited = !hm_addr_is_any(&ns->src);
	packet->dst = packet->na.solicited ? ns->src : hm_addr_all_nodes;
	hm_fx_count(fx, HM_COUNT_PROXY_ANSWERED);
}

bool hm_proxy_is_conflict(const struct hm_proxy *p, const struct hm_packet *nd,
                          const uint8_t nonce[HM_NONCE_LEN])
{
	if (nd->kind == HM_MSG_NA)
		/* What we said ourselves may come back to us. */
		return !hm_addr_eq(&nd->src, &p->link.link_local) &&
		       !(nd->na.link.present && same_lladdr(&nd->na.link, &p->link.lladdr));
	/* From another source it is only a node that wants to talk to the address. */
	if (!hm_addr_is_any(&nd->src))
		return false;
	return !nd->ns.has_nonce || memcmp(nd->ns.nonce, nonce, HM_NONCE_LEN) != 0;
}
