/* What netlink messages mean, fed by hand. */
#include "host/kernel_state.h"

#include "lib/addr.h"

#include <criterion/criterion.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdio.h>

struct world {
	struct hm_kernel_state state;
	char story[512];
};

static void on_link(void *arg, const struct hm_link *link)
{
	struct world *w = arg;
	size_t n = strlen(w->story);

	(void)snprintf(w->story + n, sizeof w->story - n, "%s:%s%s%s ", link->name,
	               link->present ? "present" : "gone", link->up ? "+up" : "",
	               hm_addr_is_any(&link->link_local) ? "" : "+ll");
}

static void on_address(void *arg, uint32_t ifindex, const struct hm_addr *addr_,
                       enum hm_address_state state)
{
	static const char *const texts[] = { "usable", "duplicate", "gone" };
	struct world *w = arg;
	size_t n = strlen(w->story);

	(void)snprintf(w->story + n, sizeof w->story - n, "%u/%02x:%s ", ifindex, addr_->b[15],
	               texts[state]);
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->state =
	        (struct hm_kernel_state){ .on_link = on_link, .on_address = on_address, .arg = w };
}

static void feed(struct world *w, struct nl_msg *msg)
{
	cr_expect_eq(hm_kernel_state_message(&w->state, nlmsg_hdr(msg)), HM_OK);
	nlmsg_free(msg);
}

static void link_msg(struct world *w, int type, int ifindex, const char *name, unsigned flags)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct ifinfomsg info = { .ifi_index = ifindex, .ifi_flags = flags };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	cr_assert(msg && !nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO));
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put(msg, IFLA_ADDRESS, sizeof mac, mac);
	nla_put_u32(msg, IFLA_MTU, 1500);
	feed(w, msg);
}

static void addr_msg(struct world *w, int type, const char *text, uint32_t flags)
{
	struct ifaddrmsg info = { .ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_index = 3 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);
	struct hm_addr a = addr(text);

	cr_assert(msg && !nlmsg_append(msg, &info, sizeof info, NLMSG_ALIGNTO));
	nla_put(msg, IFA_ADDRESS, sizeof a.b, a.b);
	nla_put_u32(msg, IFA_FLAGS, flags);
	feed(w, msg);
}

static void expect(struct world *w, const char *story)
{
	cr_expect_str_eq(w->story, story);
	w->story[0] = '\0';
}

Test(kernel, a_link_is_up_when_it_is_running)
{
	struct world w;

	open_world(&w);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP);
	expect(&w, "eth0:present ");
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP | IFF_RUNNING);
	expect(&w, "eth0:present+up ");
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP | IFF_RUNNING);
	expect(&w, "");
	link_msg(&w, RTM_NEWLINK, 3, "wan0", IFF_UP | IFF_RUNNING);
	expect(&w, "wan0:present+up ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, an_address_is_reported_once_it_may_be_used)
{
	struct world w;

	open_world(&w);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP | IFF_RUNNING);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", IFA_F_TENTATIVE);
	expect(&w, "eth0:present+up ");
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", IFA_F_PERMANENT);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", IFA_F_PERMANENT);
	expect(&w, "3/07:usable ");
	addr_msg(&w, RTM_DELADDR, "2001:db8::7", IFA_F_PERMANENT);
	expect(&w, "3/07:gone ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, an_optimistic_address_is_usable_until_it_turns_out_duplicate)
{
	struct world w;

	open_world(&w);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", IFA_F_TENTATIVE | IFA_F_DADFAILED);
	addr_msg(&w, RTM_DELADDR, "2001:db8::7", IFA_F_TENTATIVE | IFA_F_DADFAILED);
	expect(&w, "3/07:usable 3/07:duplicate 3/07:gone ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, a_link_local_address_belongs_to_its_link)
{
	struct world w;

	open_world(&w);
	addr_msg(&w, RTM_NEWADDR, "fe80::1", IFA_F_TENTATIVE);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP | IFF_RUNNING);
	addr_msg(&w, RTM_NEWADDR, "fe80::1", 0);
	expect(&w, "eth0:present+up eth0:present+up+ll 3/01:usable ");
	addr_msg(&w, RTM_DELADDR, "fe80::1", 0);
	expect(&w, "3/01:gone eth0:present+up ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, a_link_that_vanishes_takes_its_addresses_along)
{
	struct world w;

	open_world(&w);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", IFF_UP | IFF_RUNNING);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", 0);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::8", 0);
	w.story[0] = '\0';
	link_msg(&w, RTM_DELLINK, 3, "eth0", 0);
	expect(&w, "3/08:gone 3/07:gone eth0:gone ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, what_a_dump_does_not_mention_is_gone)
{
	struct world w;

	open_world(&w);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", 0);
	link_msg(&w, RTM_NEWLINK, 4, "eth1", 0);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::7", 0);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::8", 0);
	w.story[0] = '\0';
	hm_kernel_state_mark(&w.state);
	link_msg(&w, RTM_NEWLINK, 3, "eth0", 0);
	addr_msg(&w, RTM_NEWADDR, "2001:db8::8", 0);
	hm_kernel_state_sweep(&w.state);
	expect(&w, "3/07:gone eth1:gone ");
	hm_kernel_state_finish(&w.state);
}

Test(kernel, a_short_message_is_refused)
{
	struct world w;
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	open_world(&w);
	cr_expect_eq(hm_kernel_state_message(&w.state, nlmsg_hdr(msg)), HM_EMALFORMED);
	nlmsg_free(msg);
	expect(&w, "");
}
