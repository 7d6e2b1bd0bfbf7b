#include "ports.h"

#include "attach.h"
#include "xdpinfo.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XDP_NAME "hm_site"
#define MASTERS_MAX 8u /* a port of a bond of a bridge of … */

static const char *const mode_names[] = {
	[HM_PATH_NONE] = "none",
	[HM_PATH_TC] = "tc",
	[HM_PATH_XDP] = "xdp native",
	[HM_PATH_XDP_GENERIC] = "xdp generic",
};

static const char *const reasons[] = {
	[HM_TC_NO_REASON] = "",
	[HM_TC_VLAN] = ", a VLAN",
	[HM_TC_CARRIES_VLAN] = ", carries a VLAN",
	[HM_TC_UNTOLD] = ", XDP forwards since Linux 6.3",
};

bool hm_path_option_of(const char *text, enum hm_path_option *ret_option)
{
	static const char *const names[] = {
		[HM_PATH_OPT_AUTO] = "auto", [HM_PATH_OPT_TC] = "tc", [HM_PATH_OPT_XDP] = "xdp"
	};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*ret_option = (enum hm_path_option)i;
		return true;
	}
	return false;
}

static bool may_serve(const struct hm_ports *p, const struct hm_monitor_link *link)
{
	return link->ethernet && !link->loopback && link->ifindex != p->never &&
	       strncmp(link->name, "hmip", 4) != 0;
}

static void forget_vlan(struct hm_ports *p, uint32_t ifindex)
{
	for (unsigned i = 0; i < p->n_vlans; i++) {
		if (p->vlans[i].ifindex != ifindex)
			continue;
		p->vlans[i] = p->vlans[--p->n_vlans];
		return;
	}
}

static void note_vlan(struct hm_ports *p, const struct hm_monitor_link *link)
{
	if (strcmp(link->kind, "vlan") != 0 || link->under == 0)
		return;
	forget_vlan(p, link->ifindex);
	if (p->n_vlans < HM_LINKS_MAX)
		p->vlans[p->n_vlans++] = (struct hm_port_vlan){ link->ifindex, link->under };
}

static uint32_t master_of(const struct hm_ports *p, uint32_t ifindex)
{
	const struct hm_monitor_link *link = &p->ports[ifindex & (HM_SITE_PORTS - 1)].link;

	return link->ifindex == ifindex ? link->master : 0;
}

static bool carries_vlan(const struct hm_ports *p, uint32_t ifindex)
{
	if (p->n_vlans == HM_LINKS_MAX)
		return true;
	for (unsigned depth = 0; ifindex && depth < MASTERS_MAX; depth++) {
		for (unsigned i = 0; i < p->n_vlans; i++)
			if (p->vlans[i].under == ifindex)
				return true;
		ifindex = master_of(p, ifindex);
	}
	return false;
}

static enum hm_path_reason reason_for_tc(const struct hm_ports *p,
                                         const struct hm_monitor_link *link)
{
	if (strcmp(link->kind, "vlan") == 0)
		return HM_TC_VLAN;
	if (carries_vlan(p, link->ifindex))
		return HM_TC_CARRIES_VLAN;
	return p->untold && p->option == HM_PATH_OPT_AUTO && link->kind[0] == '\0'
	               ? HM_TC_UNTOLD
	               : HM_TC_NO_REASON;
}

static bool wants_xdp(const struct hm_ports *p, const struct hm_port *port)
{
	if (port->reason != HM_TC_NO_REASON)
		return false;
	return p->option == HM_PATH_OPT_XDP ||
	       (p->option == HM_PATH_OPT_AUTO && port->link.kind[0] == '\0');
}

static int attach_xdp(const struct hm_ports *p, struct hm_port *port)
{
	uint32_t ifindex = port->link.ifindex;
	int err = hm_attach_xdp(ifindex, false, p->xdp_fd, XDP_NAME);

	if (!err) {
		port->mode = HM_PATH_XDP;
		return 0;
	}
	/* Behind the driver a frame has cost what XDP saves: tc is better, unless it was asked for.
	 */
	if (err == -EBUSY || p->option != HM_PATH_OPT_XDP)
		return err;
	err = hm_attach_xdp(ifindex, true, p->xdp_fd, XDP_NAME);
	if (!err)
		port->mode = HM_PATH_XDP_GENERIC;
	return err;
}

/* The new way first, then the old one goes: a packet meets one of them, or passes on. */
static void attach(struct hm_ports *p, struct hm_port *port)
{
	uint32_t ifindex = port->link.ifindex;
	int err = -EOPNOTSUPP;

	port->reason = reason_for_tc(p, &port->link);
	if (wants_xdp(p, port))
		err = attach_xdp(p, port);
	if (!err) {
		(void)hm_detach_tc(ifindex, false, HM_ATTACH_SITE);
		return;
	}
	err = hm_attach_tc(ifindex, false, HM_ATTACH_SITE, p->tc_fd);
	if (!err) {
		port->mode = HM_PATH_TC;
		(void)hm_detach_xdp(ifindex, XDP_NAME);
		return;
	}
	port->mode = HM_PATH_NONE;
	(void)hm_detach_xdp(ifindex, XDP_NAME); /* it may no longer be right here */
	if (!port->refused) {
		char text[120];

		(void)snprintf(text, sizeof text, "failed to attach dev=%s error=\"%s\"",
		               port->link.name, strerror(-err));
		p->api->log(p->api->host, HM_PLUGIN_WARNING, text);
	}
	port->refused = true;
}

void hm_ports_use(struct hm_ports *p, const struct hm_maps *maps)
{
	p->tc_fd = maps->tc_fd;
	p->xdp_fd = maps->xdp_fd;
	p->devices_fd = maps->devices_fd;
}

static void tell(const struct hm_ports *p, const struct hm_port *port, struct hm_site_config *c)
{
	const struct hm_monitor_link *link = &port->link;
	uint32_t at = link->ifindex & (HM_SITE_PORTS - 1);
	struct hm_site_port *to = &c->ports[at];
	uint32_t mtu = link->mtu < UINT16_MAX ? link->mtu : UINT16_MAX;

	to->mtu = (__u16)mtu;
	memcpy(to->mac, link->lladdr, sizeof to->mac);
	to->xdp_target = bpf_map_update_elem(p->devices_fd, &at, &link->ifindex, BPF_ANY) == 0 &&
	                 hm_xdp_may_redirect(link->ifindex);
	__atomic_store_n(&to->ifindex, link->up ? link->ifindex : 0, __ATOMIC_RELEASE);
}

void hm_ports_refresh(const struct hm_ports *p, struct hm_site_config *c)
{
	bool uses_xdp = false;

	for (unsigned i = 0; i < HM_LINKS_MAX && !uses_xdp; i++)
		uses_xdp = p->ports[i].mode > HM_PATH_TC;
	for (unsigned i = 0; i < HM_LINKS_MAX && uses_xdp; i++)
		if (p->ports[i].link.ifindex)
			c->ports[i].xdp_target = hm_xdp_may_redirect(p->ports[i].link.ifindex);
}

static bool same_to_programs(const struct hm_monitor_link *a, const struct hm_monitor_link *b)
{
	return a->ifindex == b->ifindex && a->mtu == b->mtu && a->up == b->up &&
	       memcmp(a->lladdr, b->lladdr, sizeof a->lladdr) == 0;
}

/* An interface that comes or goes can be a reason for others. */
static void review(struct hm_ports *p)
{
	for (unsigned i = 0; i < HM_LINKS_MAX && p->serving; i++) {
		struct hm_port *port = &p->ports[i];

		if (port->mode != HM_PATH_NONE && port->reason != reason_for_tc(p, &port->link))
			attach(p, port);
	}
}

bool hm_ports_link(struct hm_ports *p, struct hm_site_config *c, const struct hm_monitor_link *link)
{
	struct hm_port *port = &p->ports[link->ifindex & (HM_SITE_PORTS - 1)];
	bool same;

	if (!may_serve(p, link))
		return false;
	note_vlan(p, link);
	/* Two interfaces of one number: the later one is served by the slower way. */
	if (port->link.ifindex && port->link.ifindex != link->ifindex) {
		review(p);
		return false;
	}
	same = same_to_programs(&port->link, link);
	port->link = *link;
	if (!same)
		tell(p, port, c);
	if (p->serving && port->mode == HM_PATH_NONE)
		attach(p, port);
	review(p);
	return !same;
}

void hm_ports_gone(struct hm_ports *p, struct hm_site_config *c, uint32_t ifindex)
{
	struct hm_port *port = &p->ports[ifindex & (HM_SITE_PORTS - 1)];

	forget_vlan(p, ifindex);
	if (port->link.ifindex == ifindex) {
		memset(port, 0, sizeof *port);
		/* The kernel has taken it out of the map of devices. */
		memset(&c->ports[ifindex & (HM_SITE_PORTS - 1)], 0, sizeof c->ports[0]);
	}
	review(p);
}

void hm_ports_sweep(const struct hm_ports *p, struct hm_site_config *c)
{
	for (unsigned i = 0; i < HM_LINKS_MAX; i++)
		if (!p->ports[i].link.ifindex)
			memset(&c->ports[i], 0, sizeof c->ports[i]);
}

void hm_ports_serve(struct hm_ports *p)
{
	p->serving = true;
	for (unsigned i = 0; i < HM_LINKS_MAX; i++)
		if (p->ports[i].link.ifindex)
			attach(p, &p->ports[i]);
}

void hm_ports_leave(struct hm_ports *p)
{
	p->serving = false;
	for (unsigned i = 0; i < HM_LINKS_MAX; i++) {
		uint32_t ifindex = p->ports[i].link.ifindex;

		if (!ifindex)
			continue;
		(void)hm_detach_xdp(ifindex, XDP_NAME);
		(void)hm_detach_tc(ifindex, false, HM_ATTACH_SITE);
		p->ports[i].mode = HM_PATH_NONE;
	}
}

bool hm_ports_detail(const struct hm_ports *p, unsigned index, const char **ret_name,
                     char *ret_text, size_t len)
{
	for (unsigned i = 0; i < HM_LINKS_MAX; i++) {
		if (!p->ports[i].link.ifindex || index-- > 0)
			continue;
		*ret_name = p->ports[i].link.name;
		(void)snprintf(ret_text, len, "%s%s", mode_names[p->ports[i].mode],
		               p->ports[i].mode == HM_PATH_TC ? reasons[p->ports[i].reason] : "");
		return true;
	}
	return false;
}

uint32_t hm_ports_former(void)
{
	struct if_nameindex *list = if_nameindex();
	bool generic;
	uint32_t id = 0;

	for (struct if_nameindex *i = list; i && i->if_index; i++)
		if (hm_attached_tc(i->if_index, false, HM_ATTACH_SITE, &id) == 0 ||
		    hm_attached_xdp(i->if_index, XDP_NAME, &id, &generic) == 0)
			break;
	if_freenameindex(list);
	return id;
}
