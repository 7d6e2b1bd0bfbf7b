/* The default routes of a mobile host, one per interface; the latest comes first. */
#include "host/kernel_int.h"
#include "host/kernel_request.h"
#include "host/log.h"
#include "base/text.h"

#define METRIC_SPARE 200 /* of a default route through an interface that is not the latest */

/* Default routes with our mark; routes of tunnel plugins have destinations or other tables. */
static int on_route(struct nl_msg *msg, void *arg)
{
	struct hm_kernel *k = arg;
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *info = nlmsg_data(nlmsg_hdr(msg));
	struct hm_our_route *r;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *info, tb, RTA_MAX, NULL) < 0 ||
	    info->rtm_protocol != HM_KERNEL_PROTO || info->rtm_table != RT_TABLE_MAIN ||
	    info->rtm_dst_len != 0 || !tb[RTA_GATEWAY] || !tb[RTA_OIF] || !tb[RTA_PRIORITY])
		return NL_OK;
	r = hm_ours_new_route(&k->ours);
	if (!r)
		return NL_OK;
	r->ifindex = nla_get_u32(tb[RTA_OIF]);
	r->metric = nla_get_u32(tb[RTA_PRIORITY]);
	memcpy(&r->router, nla_data(tb[RTA_GATEWAY]), sizeof r->router);
	return NL_OK;
}

int hm_kernel_adopt_routes(struct hm_kernel *kernel)
{
	return hm_request_dump(RTM_GETROUTE, on_route, kernel);
}

static struct hm_our_route *route_of(struct hm_kernel *k, uint32_t ifindex)
{
	for (unsigned i = 0; i < k->ours.n_routes; i++)
		if (k->ours.routes[i].ifindex == ifindex)
			return &k->ours.routes[i];
	return NULL;
}

static void log_gateway(const struct hm_kernel *k, const char *what, uint32_t ifindex,
                        const struct hm_addr *router, int err)
{
	char text[HM_ADDR_TEXT_MAX];

	hm_log(err ? HM_LOG_WARNING : HM_LOG_INFO, "%s gateway=%s interface=%s result=\"%s\"", what,
	       hm_addr_text(router, text), hm_kernel_ifname(k, ifindex), hm_err_text(err));
}

/* All default routes of an interface but the one through `but` with the metric of the latest. */
static void drop_routes(struct hm_kernel *k, uint32_t ifindex, const struct hm_addr *but)
{
	for (unsigned i = k->ours.n_routes; i-- > 0;) {
		struct hm_our_route *r = &k->ours.routes[i];
		int err;

		if (r->ifindex != ifindex ||
		    (but && hm_addr_eq(&r->router, but) && r->metric == HM_KERNEL_METRIC))
			continue;
		err = hm_request_route(k->request, false, ifindex, &r->router, r->metric);
		if (!but)
			log_gateway(k, "delete", ifindex, &r->router, err);
		hm_ours_drop_route(&k->ours, r);
	}
}

static int add_route(struct hm_kernel *k, uint32_t ifindex, const struct hm_addr *router,
                     uint32_t metric)
{
	struct hm_our_route *r = hm_ours_new_route(&k->ours);
	int err;

	if (!r)
		return HM_EFULL;
	*r = (struct hm_our_route){
		.ifindex = ifindex, .router = *router, .metric = metric, .claimed = true
	};
	err = hm_request_route(k->request, true, ifindex, router, metric);
	if (err)
		hm_ours_drop_route(&k->ours, r);
	return err;
}

/* Two default routes of one metric would share the load: the latest is the one. */
static void demote_others(struct hm_kernel *k, uint32_t ifindex)
{
	for (unsigned i = 0; i < k->ours.n_routes; i++) {
		struct hm_our_route *r = &k->ours.routes[i];

		if (r->ifindex == ifindex || r->metric != HM_KERNEL_METRIC)
			continue;
		if (hm_request_route(k->request, true, r->ifindex, &r->router, METRIC_SPARE) == 0)
			r->metric = METRIC_SPARE;
		(void)hm_request_route(k->request, false, r->ifindex, &r->router, HM_KERNEL_METRIC);
	}
}

int hm_kernel_gateway(struct hm_kernel *kernel, uint32_t ifindex, const struct hm_addr *router)
{
	struct hm_our_route *r = route_of(kernel, ifindex);
	int err;

	if (hm_addr_is_any(router)) {
		drop_routes(kernel, ifindex, NULL);
		return HM_OK;
	}
	demote_others(kernel, ifindex);
	if (!r || !hm_addr_eq(&r->router, router) || r->metric != HM_KERNEL_METRIC) {
		err = add_route(kernel, ifindex, router, HM_KERNEL_METRIC);
	} else {
		/* The kernel drops routes without a word to those who only hear of links. */
		err = hm_request_route(kernel->request, true, ifindex, router, r->metric);
		r->claimed = true;
	}
	if (!err)
		drop_routes(kernel, ifindex, router);
	log_gateway(kernel, "set", ifindex, router, err);
	return err;
}

void hm_kernel_remove_routes(struct hm_kernel *kernel, bool only_unclaimed)
{
	for (unsigned i = kernel->ours.n_routes; i-- > 0;) {
		struct hm_our_route r = kernel->ours.routes[i];

		if (only_unclaimed && r.claimed)
			continue;
		log_gateway(
		        kernel, "delete", r.ifindex, &r.router,
		        hm_request_route(kernel->request, false, r.ifindex, &r.router, r.metric));
		hm_ours_drop_route(&kernel->ours, &kernel->ours.routes[i]);
	}
}
