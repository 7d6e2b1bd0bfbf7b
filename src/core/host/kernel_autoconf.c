/* What the kernel made of Router Advertisements before a mobile host took the interface over: it
 * would never go when the link is left, and draw packets there. */
#include "host/kernel_int.h"
#include "host/kernel_request.h"
#include "host/log.h"
#include "base/text.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

struct forget {
	struct hm_kernel *kernel;
	uint32_t ifindex;
};

static void tell(const struct forget *f, const char *what, const struct hm_addr *addr,
                 unsigned plen, int err)
{
	char text[HM_ADDR_TEXT_MAX];

	hm_log(err ? HM_LOG_WARNING : HM_LOG_INFO,
	       "forget autoconfigured %s=%s/%u interface=%s result=\"%s\"", what,
	       hm_addr_text(addr, text), plen, hm_kernel_ifname(f->kernel, f->ifindex),
	       hm_err_text(err));
}

/* Stateless addresses and their temporary kin; those of an administrator carry neither flag. */
static int on_addr(struct nl_msg *msg, void *arg)
{
	const struct forget *f = arg;
	const struct ifaddrmsg *info = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[IFA_MAX + 1];
	struct hm_addr_request request = { .ifindex = f->ifindex };

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *info, tb, IFA_MAX, NULL) < 0 ||
	    info->ifa_index != f->ifindex || !tb[IFA_FLAGS] || !tb[IFA_ADDRESS] ||
	    !(nla_get_u32(tb[IFA_FLAGS]) & (IFA_F_MANAGETEMPADDR | IFA_F_TEMPORARY)))
		return NL_OK;
	memcpy(&request.addr, nla_data(tb[IFA_ADDRESS]), sizeof request.addr);
	request.plen = info->ifa_prefixlen;
	tell(f, "address", &request.addr, request.plen,
	     hm_request_addr_del(f->kernel->request, &request));
	return NL_OK;
}

/* Routes from advertisements are marked so, or are the kernel's own and end some day. */
static bool is_learnt(const struct rtmsg *info, struct nlattr *const *tb)
{
	const struct rta_cacheinfo *cache = tb[RTA_CACHEINFO] ? nla_data(tb[RTA_CACHEINFO]) : NULL;

	return info->rtm_protocol == RTPROT_RA ||
	       (info->rtm_protocol == RTPROT_KERNEL && cache && cache->rta_expires != 0);
}

static int delete_route(struct nl_sock *sock, const struct rtmsg *info, struct nlattr *const *tb)
{
	static const int keys[] = { RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELROUTE, 0);
	int err = msg ? nlmsg_append(msg, (void *)(uintptr_t)info, sizeof *info, NLMSG_ALIGNTO)
	              : -NLE_NOMEM;

	for (unsigned i = 0; err == 0 && i < sizeof keys / sizeof keys[0]; i++)
		if (tb[keys[i]])
			err = nla_put(msg, keys[i], nla_len(tb[keys[i]]), nla_data(tb[keys[i]]));
	if (err < 0) {
		nlmsg_free(msg);
		return hm_err_from_nl(err);
	}
	err = nl_send_sync(sock, msg);
	return err < 0 ? hm_err_from_nl(err) : HM_OK;
}

static int on_route(struct nl_msg *msg, void *arg)
{
	const struct forget *f = arg;
	const struct rtmsg *info = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[RTA_MAX + 1];
	struct hm_addr dst = hm_addr_any;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *info, tb, RTA_MAX, NULL) < 0 || !tb[RTA_OIF] ||
	    nla_get_u32(tb[RTA_OIF]) != f->ifindex || info->rtm_table != RT_TABLE_MAIN ||
	    !is_learnt(info, tb))
		return NL_OK;
	if (tb[RTA_DST])
		memcpy(&dst, nla_data(tb[RTA_DST]), sizeof dst);
	tell(f, "route", &dst, info->rtm_dst_len, delete_route(f->kernel->request, info, tb));
	return NL_OK;
}

void hm_kernel_forget_autoconf(struct hm_kernel *kernel, uint32_t ifindex)
{
	struct forget f = { kernel, ifindex };
	int err = hm_request_dump(RTM_GETADDR, on_addr, &f);

	err = err ? err : hm_request_dump(RTM_GETROUTE, on_route, &f);
	if (err)
		hm_log(HM_LOG_WARNING, "forget autoconfiguration interface=%s failed reason=\"%s\"",
		       hm_kernel_ifname(kernel, ifindex), hm_err_text(err));
}
