#include "host_links.h"

#include "attach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void warn(const struct hm_host_links *links, const char *what, const char *device, int err)
{
	char text[160];

	(void)snprintf(text, sizeof text, "failed to %s part=host device=%s error=\"%s\"", what,
	               device, strerror(-err));
	links->api->log(links->api->host, HM_PLUGIN_WARNING, text);
}

static void attach(const struct hm_host_links *links, struct hm_host_link *link)
{
	int err = hm_attach_tc(link->ifindex, false, HM_ATTACH_HOST, links->in_fd);

	if (err)
		warn(links, "attach", link->name, err);
	else
		link->attached = true;
}

static void detach(const struct hm_host_links *links, struct hm_host_link *link)
{
	int err = hm_detach_tc(link->ifindex, false, HM_ATTACH_HOST);

	if (err)
		warn(links, "detach", link->name, err);
	link->attached = false;
}

static struct hm_host_link *find(struct hm_host_links *links, uint32_t ifindex)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->all[i].ifindex == ifindex)
			return &links->all[i];
	return NULL;
}

static struct hm_host_link *add(struct hm_host_links *links, uint32_t ifindex)
{
	struct hm_host_link *link = find(links, ifindex);

	if (link)
		return link;
	if (links->n == links->room) {
		size_t room = links->room ? 2 * links->room : 8;
		struct hm_host_link *more = realloc(links->all, room * sizeof *more);

		if (!more)
			return NULL;
		links->all = more;
		links->room = room;
	}
	link = &links->all[links->n++];
	*link = (struct hm_host_link){ .ifindex = ifindex };
	return link;
}

void hm_host_links_finish(struct hm_host_links *links)
{
	free(links->all);
	links->all = NULL;
	links->n = links->room = 0;
}

/* What a former run left on an interface that is new to us is replaced or taken off. */
void hm_host_links_link(struct hm_host_links *links, const struct hm_monitor_link *of)
{
	bool is_new = !find(links, of->ifindex);
	struct hm_host_link *link;
	uint32_t id;

	if (!of->ethernet || of->loopback || of->ifindex == links->tun_ifindex)
		return;
	link = add(links, of->ifindex);
	if (!link)
		return;
	(void)snprintf(link->name, sizeof link->name, "%s", of->name);
	if (is_new)
		link->attached = hm_attached_tc(link->ifindex, false, HM_ATTACH_HOST, &id) == 0;
	if (links->on && (is_new || !link->attached))
		attach(links, link);
	else if (!links->on && link->attached && !links->waiting)
		detach(links, link);
}

void hm_host_links_gone(struct hm_host_links *links, uint32_t ifindex)
{
	struct hm_host_link *link = find(links, ifindex);

	if (link)
		*link = links->all[--links->n];
}

void hm_host_links_set(struct hm_host_links *links, bool on)
{
	int err = on ? hm_attach_tc(links->tun_ifindex, true, HM_ATTACH_HOST, links->out_fd)
	             : hm_detach_tc(links->tun_ifindex, true, HM_ATTACH_HOST);

	links->on = on;
	links->waiting = false;
	if (err)
		warn(links, on ? "attach" : "detach", links->tun_name, err);
	for (size_t i = 0; i < links->n; i++) {
		if (on)
			attach(links, &links->all[i]);
		else if (links->all[i].attached)
			detach(links, &links->all[i]);
	}
}

bool hm_host_links_detail(const struct hm_host_links *links, unsigned index, const char **ret_name,
                          char *ret_text, size_t len)
{
	if (!links->on)
		return false;
	if (index-- == 0) {
		*ret_name = links->tun_name;
		(void)snprintf(ret_text, len, "host, tc egress");
		return true;
	}
	for (size_t i = 0; i < links->n; i++) {
		if (!links->all[i].attached || index-- > 0)
			continue;
		*ret_name = links->all[i].name;
		(void)snprintf(ret_text, len, "host, tc ingress");
		return true;
	}
	return false;
}
