/* What the kernel tells of links and addresses, and what the roles' interfaces need when they are
 * there: any start order of daemons and links must work, so nothing here fails for good. */
#include "host/daemon.h"

#include "base/text.h"

#include <stdlib.h>

#define LOOPBACK "lo"

/* A mobile host reads Router Advertisements itself. Once per interface: this dumps all addresses
 * and routes, and links flap. */
static void take_over(struct hm_daemon *d, const struct hm_link *link)
{
	bool taken;

	(void)hm_sysctls_interface(&d->sysctls, &d->settings->config, link->name, &taken);
	if (taken)
		hm_kernel_forget_autoconf(d->kernel, link->ifindex);
}

void hm_daemon_on_link(void *arg, const struct hm_link *link)
{
	struct hm_daemon *d = arg;
	struct hm_event event = { .kind = HM_EV_LINK };

	if (link->present)
		take_over(d, link);
	event.link = *link;
	hm_pump_post(d->pump, HM_PUMP_ALL, &event);
	if (d->serving && !d->stopping)
		hm_daemon_prepare_links(d);
}

void hm_daemon_on_address(void *arg, uint32_t ifindex, const struct hm_addr *addr,
                          enum hm_address_state state)
{
	struct hm_daemon *d = arg;
	struct hm_event event = { .kind = HM_EV_ADDRESS };

	event.address.ifindex = ifindex;
	event.address.addr = *addr;
	event.address.state = state;
	hm_pump_post(d->pump, HM_PUMP_ALL, &event);
}

void hm_daemon_on_addresses(void *arg)
{
	struct hm_daemon *d = arg;
	size_t n = hm_kernel_addresses(d->kernel, NULL, 0);
	struct hm_addr *own = calloc(n + 1, sizeof *own);
	int err = HM_ENOMEM;

	(void)hm_kernel_addresses(d->kernel, own, own ? n : 0);
	if (own && d->rx)
		err = hm_rx_own(d->rx, own, n);
	free(own);
	if (err)
		hm_log(HM_LOG_DEBUG, "read what is for others, too addresses=%zu reason=\"%s\"", n,
		       hm_err_text(err));
}

/* A configured address that the machine lacks. */
static void assign(struct hm_daemon *d, uint32_t ifindex, const struct hm_addr *addr, uint8_t plen)
{
	if (ifindex != 0 && !hm_kernel_is_local(d->kernel, addr))
		(void)hm_kernel_assign(d->kernel, ifindex, addr, plen);
}

/* Solicitations for the addresses a role defends go to groups the kernel has not joined. */
static void listen_to_all(struct hm_daemon *d, uint32_t *heard, const char *name)
{
	uint32_t ifindex = hm_kernel_ifindex(d->kernel, name);
	int err;

	if (ifindex == *heard)
		return;
	*heard = ifindex;
	err = ifindex ? hm_rx_all_multicast(d->rx, ifindex) : HM_OK;
	if (err)
		hm_log(HM_LOG_WARNING, "listen interface=%s failed reason=\"%s\"", name,
		       hm_err_text(err));
}

static void put_prefix(struct hm_daemon *d, const struct hm_ms_config *ms, uint32_t ifindex)
{
	const struct hm_tunnel_ops *ops = d->tunnel.plugin->tunnel;
	struct hm_tunnel_prefix prefix = { .size = sizeof prefix,
		                           .plen = ms->plen,
		                           .on_link = ms->interface[0] != '\0',
		                           .ifindex = ifindex };
	char text[HM_ADDR_TEXT_MAX];
	int err;

	if (!HM_PLUGIN_HAS(ops, prefix_put) || (d->has_prefix && d->prefix.ifindex == ifindex))
		return;
	for (unsigned i = 0; i < sizeof prefix.prefix; i++)
		prefix.prefix[i] = ms->address.b[i] & hm_prefix_mask(ms->plen, i);
	memcpy(prefix.local, ms->address.b, sizeof prefix.local);
	err = ops->prefix_put(d->tunnel.self, &prefix);
	d->prefix = prefix;
	d->has_prefix = !err;
	hm_log(err ? HM_LOG_ERROR : HM_LOG_INFO, "carry prefix of=%s/%u result=\"%s\"",
	       hm_addr_text(&ms->address, text), ms->plen, hm_err_text(err));
}

static void prepare_ms(struct hm_daemon *d, const struct hm_ms_config *ms)
{
	bool routed = ms->interface[0] == '\0';
	uint32_t ifindex = hm_kernel_ifindex(d->kernel, routed ? LOOPBACK : ms->interface);

	assign(d, ifindex, &ms->address, routed ? 128 : ms->plen);
	if (!routed)
		listen_to_all(d, &d->heard[0], ms->interface);
	if (d->tunnel.plugin && (routed || ifindex != 0))
		put_prefix(d, ms, routed ? 0 : ifindex);
}

static void prepare_ha(struct hm_daemon *d, const struct hm_ha_config *ha)
{
	assign(d, hm_kernel_ifindex(d->kernel, ha->interface), &ha->address, ha->plen);
	if (ha->interface[0] != '\0')
		listen_to_all(d, &d->heard[1], ha->interface);
}

void hm_daemon_prepare_links(struct hm_daemon *d)
{
	const struct hm_config *config = &d->settings->config;

	if (config->common.roles[HM_ROLE_MS])
		prepare_ms(d, &config->ms);
	if (config->common.roles[HM_ROLE_HA])
		prepare_ha(d, &config->ha);
}
