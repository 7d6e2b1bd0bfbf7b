/* Which program tunnel-bpf puts on which interface, without a kernel: the attachments are noted
 * here. */
#include "ports.h"

#include "attach.h"
#include "xdpinfo.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TC_FD 3
#define XDP_FD 4
#define IFINDEXES 1024

/* What is on each interface. `bare`: it was seen without either while there was one. */
static struct on {
	bool tc, xdp, bare;
} on[IFINDEXES];

static bool refuse_tc;

static void note(uint32_t ifindex)
{
	on[ifindex].bare |= !on[ifindex].tc && !on[ifindex].xdp;
}

int hm_attach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, int prog_fd)
{
	cr_assert(!egress && prio == HM_ATTACH_SITE && prog_fd == TC_FD);
	if (refuse_tc)
		return -ENOMEM;
	on[ifindex].tc = true;
	return 0;
}

int hm_detach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio)
{
	cr_assert(!egress && prio == HM_ATTACH_SITE);
	on[ifindex].tc = false;
	note(ifindex);
	return 0;
}

int hm_attach_xdp(uint32_t ifindex, bool generic, int prog_fd, const char *ours)
{
	(void)generic;
	(void)ours;
	cr_assert_eq(prog_fd, XDP_FD);
	on[ifindex].xdp = true;
	return 0;
}

int hm_detach_xdp(uint32_t ifindex, const char *ours)
{
	(void)ours;
	on[ifindex].xdp = false;
	note(ifindex);
	return 0;
}

/* Of a former run: nothing. */
int hm_attached_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, uint32_t *ret_id)
{
	(void)ifindex;
	(void)egress;
	(void)prio;
	(void)ret_id;
	return -ENOENT;
}

int hm_attached_xdp(uint32_t ifindex, const char *ours, uint32_t *ret_id, bool *ret_generic)
{
	(void)ifindex;
	(void)ours;
	(void)ret_id;
	(void)ret_generic;
	return -ENOENT;
}

bool hm_xdp_may_redirect(uint32_t ifindex)
{
	return ifindex != 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)fd;
	(void)key;
	(void)value;
	(void)flags;
	return 0;
}

static void log_line(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	(void)text;
}

static const struct hm_host_api api = { .size = sizeof api, .log = log_line };

struct rig {
	struct hm_ports ports;
	struct hm_site_config config;
};

static struct rig *rig(enum hm_path_option option)
{
	const struct hm_maps maps = { .tc_fd = TC_FD, .xdp_fd = XDP_FD };
	struct rig *r = calloc(1, sizeof *r);

	memset(on, 0, sizeof on);
	refuse_tc = false;
	r->ports.api = &api;
	r->ports.option = option;
	hm_ports_use(&r->ports, &maps);
	return r;
}

static struct hm_monitor_link interface(uint32_t ifindex, const char *kind)
{
	struct hm_monitor_link link = {
		.ifindex = ifindex, .mtu = 1500, .up = true, .ethernet = true
	};

	(void)snprintf(link.name, sizeof link.name, "if%u", ifindex);
	(void)snprintf(link.kind, sizeof link.kind, "%s", kind);
	return link;
}

static void plug(struct rig *r, uint32_t ifindex, const char *kind, uint32_t master)
{
	struct hm_monitor_link link = interface(ifindex, kind);

	link.master = master;
	(void)hm_ports_link(&r->ports, &r->config, &link);
}

static void plug_vlan(struct rig *r, uint32_t ifindex, uint32_t under)
{
	struct hm_monitor_link link = interface(ifindex, "vlan");

	link.under = under;
	(void)hm_ports_link(&r->ports, &r->config, &link);
}

static const char *detail(const struct rig *r, uint32_t ifindex)
{
	static char text[64];
	char wanted[IFNAMSIZ];
	const char *name;

	(void)snprintf(wanted, sizeof wanted, "if%u", ifindex);
	for (unsigned i = 0; hm_ports_detail(&r->ports, i, &name, text, sizeof text); i++)
		if (strcmp(name, wanted) == 0)
			return text;
	return "not there";
}

static void expect_way(const struct rig *r, uint32_t ifindex, const char *text)
{
	bool xdp = strncmp(text, "xdp", 3) == 0;

	cr_expect_str_eq(detail(r, ifindex), text, "interface %u: %s", ifindex, detail(r, ifindex));
	cr_expect(on[ifindex].xdp == xdp && on[ifindex].tc == !xdp, "interface %u: tc=%d xdp=%d",
	          ifindex, on[ifindex].tc, on[ifindex].xdp);
	cr_expect(!on[ifindex].bare, "interface %u: a packet could have met neither", ifindex);
}

Test(bpf_ports, xdp_serves_devices_with_a_driver_and_tc_virtual_ones)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	plug(r, 2, "", 0);
	plug(r, 3, "veth", 0);
	hm_ports_serve(&r->ports);
	plug(r, 4, "", 0);
	expect_way(r, 2, "xdp native");
	expect_way(r, 3, "tc");
	expect_way(r, 4, "xdp native");
	free(r);
}

/* Before 6.3: what XDP cannot redirect costs more than tc. */
Test(bpf_ports, tc_serves_everything_where_the_kernel_does_not_tell_who_takes_frames)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO), *forced = rig(HM_PATH_OPT_XDP);

	r->ports.untold = forced->ports.untold = true;
	plug(r, 2, "", 0);
	plug(r, 3, "veth", 0);
	hm_ports_serve(&r->ports);
	cr_expect_str_eq(detail(r, 2), "tc, XDP forwards since Linux 6.3");
	cr_expect(on[2].tc && !on[2].xdp);
	expect_way(r, 3, "tc");
	plug(forced, 4, "", 0);
	hm_ports_serve(&forced->ports);
	expect_way(forced, 4, "xdp native");
	free(r);
	free(forced);
}

/* The driver may have taken the tag off before XDP sees the frame, which then looks like one of the
 * interface below. */
Test(bpf_ports, tc_serves_a_vlan_and_what_carries_it)
{
	static const enum hm_path_option options[] = { HM_PATH_OPT_AUTO, HM_PATH_OPT_XDP };

	for (unsigned i = 0; i < 2; i++) {
		struct rig *r = rig(options[i]);

		plug_vlan(r, 5, 2); /* heard of first */
		plug(r, 2, "", 0);
		plug(r, 3, "", 0);
		hm_ports_serve(&r->ports);
		expect_way(r, 5, "tc, a VLAN");
		expect_way(r, 2, "tc, carries a VLAN");
		expect_way(r, 3, "xdp native");
		free(r);
	}
}

Test(bpf_ports, the_way_changes_with_the_vlans_there_are)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	plug(r, 2, "", 0);
	hm_ports_serve(&r->ports);
	plug_vlan(r, 5, 2);
	plug_vlan(r, 6, 2);
	expect_way(r, 2, "tc, carries a VLAN");
	hm_ports_gone(&r->ports, &r->config, 5);
	expect_way(r, 2, "tc, carries a VLAN");
	hm_ports_gone(&r->ports, &r->config, 6);
	expect_way(r, 2, "xdp native");
	free(r);
}

Test(bpf_ports, xdp_leaves_what_carries_a_vlan_even_without_tc)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	plug(r, 2, "", 0);
	hm_ports_serve(&r->ports);
	refuse_tc = true;
	plug_vlan(r, 5, 2);
	cr_expect_str_eq(detail(r, 2), "none");
	cr_expect(!on[2].xdp && !on[2].tc);
	free(r);
}

/* A bond or bridge takes the frames of its ports, tags and all. */
Test(bpf_ports, a_vlan_on_a_bond_is_carried_by_its_ports)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	plug(r, 2, "", 0);
	plug(r, 3, "bond", 0);
	plug(r, 4, "bridge", 0);
	hm_ports_serve(&r->ports);
	plug_vlan(r, 5, 4);
	expect_way(r, 2, "xdp native");
	plug(r, 2, "", 3);
	plug(r, 3, "bond", 4);
	expect_way(r, 3, "tc, carries a VLAN");
	expect_way(r, 2, "tc, carries a VLAN");
	plug(r, 2, "", 0);
	expect_way(r, 2, "xdp native");
	free(r);
}

/* Two that are each other's master, as two messages in a row may say for a moment. */
Test(bpf_ports, a_circle_of_masters_ends)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	hm_ports_serve(&r->ports);
	plug(r, 2, "", 3);
	plug(r, 3, "", 2);
	expect_way(r, 2, "xdp native");
	free(r);
}

Test(bpf_ports, more_vlans_than_are_remembered_may_be_anywhere)
{
	struct rig *r = rig(HM_PATH_OPT_AUTO);

	plug(r, 2, "", 0);
	plug(r, 3, "", 0);
	hm_ports_serve(&r->ports);
	for (uint32_t i = 0; i < HM_LINKS_MAX; i++)
		plug_vlan(r, 4 + i, 2);
	expect_way(r, 3, "tc, carries a VLAN");
	hm_ports_gone(&r->ports, &r->config, 4);
	expect_way(r, 3, "xdp native");
	free(r);
}
