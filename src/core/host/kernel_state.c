#include "host/kernel_state.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdlib.h>

/* Room for one more of n entries of `size` octets, or NULL with the old block as it was. */
static void *grow(void *block, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *p;

	if (n < *cap)
		return block;
	p = realloc(block, more * size);
	if (p)
		*cap = more;
	return p;
}

struct hm_kernel_link *hm_kernel_state_link(const struct hm_kernel_state *state, uint32_t ifindex)
{
	for (size_t i = 0; i < state->n_links; i++)
		if (state->links[i].link.ifindex == ifindex)
			return &state->links[i];
	return NULL;
}

struct hm_kernel_addr *hm_kernel_state_addr(const struct hm_kernel_state *state, uint32_t ifindex,
                                            const struct hm_addr *addr)
{
	for (size_t i = 0; i < state->n_addrs; i++)
		if (state->addrs[i].ifindex == ifindex && hm_addr_eq(&state->addrs[i].addr, addr))
			return &state->addrs[i];
	return NULL;
}

static bool usable(const struct hm_kernel_addr *a)
{
	if (a->flags & IFA_F_DADFAILED)
		return false;
	return !(a->flags & IFA_F_TENTATIVE) || (a->flags & IFA_F_OPTIMISTIC);
}

/* The first usable link-local address of an interface, :: when there is none. */
static struct hm_addr link_local_of(const struct hm_kernel_state *state, uint32_t ifindex)
{
	for (size_t i = 0; i < state->n_addrs; i++) {
		const struct hm_kernel_addr *a = &state->addrs[i];

		if (a->ifindex == ifindex && hm_addr_is_link_local(&a->addr) && usable(a))
			return a->addr;
	}
	return hm_addr_any;
}

static void refresh_link_local(struct hm_kernel_state *state, uint32_t ifindex)
{
	struct hm_kernel_link *l = hm_kernel_state_link(state, ifindex);
	struct hm_addr now = link_local_of(state, ifindex);

	if (!l || hm_addr_eq(&l->link.link_local, &now))
		return;
	l->link.link_local = now;
	state->on_link(state->arg, &l->link);
}

static void drop_addr(struct hm_kernel_state *state, size_t i)
{
	struct hm_kernel_addr gone = state->addrs[i];

	state->addrs[i] = state->addrs[--state->n_addrs];
	state->addr_changes++;
	if (gone.reported)
		state->on_address(state->arg, gone.ifindex, &gone.addr, HM_ADDRESS_GONE);
	if (hm_addr_is_link_local(&gone.addr))
		refresh_link_local(state, gone.ifindex);
}

static void drop_link(struct hm_kernel_state *state, size_t i)
{
	struct hm_link gone = state->links[i].link;

	state->links[i] = state->links[--state->n_links];
	for (size_t k = state->n_addrs; k-- > 0;)
		if (state->addrs[k].ifindex == gone.ifindex)
			drop_addr(state, k);
	gone.present = gone.up = false;
	gone.link_local = hm_addr_any;
	state->on_link(state->arg, &gone);
}

static bool same_link(const struct hm_link *a, const struct hm_link *b)
{
	return !strcmp(a->name, b->name) && a->up == b->up && a->mtu == b->mtu &&
	       a->lladdr.present == b->lladdr.present &&
	       !memcmp(a->lladdr.b, b->lladdr.b, sizeof a->lladdr.b);
}

static int new_link(struct hm_kernel_state *state, const struct hm_link *link)
{
	struct hm_kernel_link *l = hm_kernel_state_link(state, link->ifindex), *links;

	if (l) {
		struct hm_link before = l->link;

		l->seen = true;
		l->link = *link;
		l->link.link_local = before.link_local;
		if (!same_link(&before, link))
			state->on_link(state->arg, &l->link);
		return HM_OK;
	}
	links = grow(state->links, state->n_links, &state->cap_links, sizeof *links);
	if (!links)
		return HM_ENOMEM;
	state->links = links;
	l = &links[state->n_links++];
	*l = (struct hm_kernel_link){ .link = *link, .seen = true };
	l->link.link_local = link_local_of(state, link->ifindex);
	state->on_link(state->arg, &l->link);
	return HM_OK;
}

static int link_message(struct hm_kernel_state *state, struct nlmsghdr *h)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct hm_link link = { .present = true };
	const struct ifinfomsg *info = nlmsg_data(h);

	if (nlmsg_parse(h, sizeof *info, tb, IFLA_MAX, NULL) < 0 || info->ifi_index <= 0)
		return HM_EMALFORMED;
	if (info->ifi_family != AF_UNSPEC)
		return HM_OK; /* a bridge speaks of its ports with AF_BRIDGE */
	link.ifindex = (uint32_t)info->ifi_index;
	if (h->nlmsg_type == RTM_DELLINK) {
		struct hm_kernel_link *l = hm_kernel_state_link(state, link.ifindex);

		if (l)
			drop_link(state, (size_t)(l - state->links));
		return HM_OK;
	}
	if (!tb[IFLA_IFNAME])
		return HM_OK;
	(void)nla_strlcpy(link.name, tb[IFLA_IFNAME], sizeof link.name);
	link.up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_RUNNING);
	link.mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == HM_LLADDR_LEN &&
	    !(info->ifi_flags & IFF_LOOPBACK)) {
		link.lladdr.present = true;
		memcpy(link.lladdr.b, nla_data(tb[IFLA_ADDRESS]), HM_LLADDR_LEN);
	}
	return new_link(state, &link);
}

/* Reports what the flags now mean, once per change. */
static void report(struct hm_kernel_state *state, struct hm_kernel_addr *a)
{
	enum hm_address_state now;

	if (a->flags & IFA_F_DADFAILED)
		now = HM_ADDRESS_DUPLICATE;
	else if (usable(a))
		now = HM_ADDRESS_USABLE;
	else
		return; /* tentative: nothing to say yet */
	if (a->reported && a->state == now)
		return;
	a->reported = true;
	a->state = now;
	state->on_address(state->arg, a->ifindex, &a->addr, now);
}

static int new_addr(struct hm_kernel_state *state, const struct hm_kernel_addr *addr)
{
	struct hm_kernel_addr *a = hm_kernel_state_addr(state, addr->ifindex, &addr->addr), *addrs;

	if (!a) {
		addrs = grow(state->addrs, state->n_addrs, &state->cap_addrs, sizeof *addrs);
		if (!addrs)
			return HM_ENOMEM;
		state->addrs = addrs;
		a = &addrs[state->n_addrs++];
		state->addr_changes++;
		*a = *addr;
	}
	a->flags = addr->flags;
	a->plen = addr->plen;
	a->proto = addr->proto;
	a->seen = true;
	/* The callbacks may look the table up, not change it. */
	if (hm_addr_is_link_local(&a->addr))
		refresh_link_local(state, a->ifindex);
	report(state, a);
	return HM_OK;
}

static int addr_message(struct hm_kernel_state *state, struct nlmsghdr *h)
{
	struct nlattr *tb[IFA_MAX + 1], *at;
	struct hm_kernel_addr addr = { 0 };
	const struct ifaddrmsg *info = nlmsg_data(h);

	if (nlmsg_parse(h, sizeof *info, tb, IFA_MAX, NULL) < 0)
		return HM_EMALFORMED;
	at = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (info->ifa_family != AF_INET6 || !at || nla_len(at) != (int)sizeof addr.addr)
		return HM_OK;
	memcpy(&addr.addr, nla_data(at), sizeof addr.addr);
	addr.ifindex = info->ifa_index;
	addr.plen = info->ifa_prefixlen;
	addr.flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : info->ifa_flags;
	addr.proto = tb[IFA_PROTO] ? nla_get_u8(tb[IFA_PROTO]) : 0;
	if (h->nlmsg_type == RTM_DELADDR) {
		struct hm_kernel_addr *a = hm_kernel_state_addr(state, addr.ifindex, &addr.addr);

		if (a)
			drop_addr(state, (size_t)(a - state->addrs));
		return HM_OK;
	}
	return new_addr(state, &addr);
}

int hm_kernel_state_message(struct hm_kernel_state *state, struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_message(state, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return addr_message(state, message);
	default:
		return HM_OK;
	}
}

void hm_kernel_state_mark(struct hm_kernel_state *state)
{
	for (size_t i = 0; i < state->n_links; i++)
		state->links[i].seen = false;
	for (size_t i = 0; i < state->n_addrs; i++)
		state->addrs[i].seen = false;
}

void hm_kernel_state_sweep(struct hm_kernel_state *state)
{
	for (size_t i = state->n_addrs; i-- > 0;)
		if (i < state->n_addrs && !state->addrs[i].seen)
			drop_addr(state, i);
	for (size_t i = state->n_links; i-- > 0;)
		if (!state->links[i].seen)
			drop_link(state, i);
}

bool hm_kernel_state_report(struct hm_kernel_state *state, uint32_t ifindex,
                            const struct hm_addr *addr)
{
	struct hm_kernel_addr *a = hm_kernel_state_addr(state, ifindex, addr);

	if (!a)
		return false;
	a->reported = false;
	report(state, a);
	return true;
}

void hm_kernel_state_finish(struct hm_kernel_state *state)
{
	free(state->links);
	free(state->addrs);
	memset(state, 0, sizeof *state);
}
