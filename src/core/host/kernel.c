#include "host/kernel.h"

#include "host/kernel_int.h"
#include "host/kernel_request.h"
#include "host/log.h"
#include "base/text.h"

#include <linux/if_addr.h>
#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (8 * 1024 * 1024)
#define READS_PER_TURN 64

static void on_link(void *arg, const struct hm_link *link)
{
	struct hm_kernel *k = arg;

	for (unsigned i = k->ours.n_addrs; !link->present && i-- > 0;)
		if (k->ours.addrs[i].ifindex == link->ifindex)
			hm_ours_drop_addr(&k->ours, &k->ours.addrs[i]);
	for (unsigned i = k->ours.n_routes; !link->present && i-- > 0;)
		if (k->ours.routes[i].ifindex == link->ifindex)
			hm_ours_drop_route(&k->ours, &k->ours.routes[i]);
	if (!k->muted)
		k->options.link(k->options.arg, link);
}

static void tell_addresses(struct hm_kernel *k)
{
	if (k->muted || k->told_changes == k->state.addr_changes)
		return;
	k->told_changes = k->state.addr_changes;
	if (k->options.addresses)
		k->options.addresses(k->options.arg);
}

static void on_address(void *arg, uint32_t ifindex, const struct hm_addr *addr,
                       enum hm_address_state state)
{
	struct hm_kernel *k = arg;

	tell_addresses(k);
	if (!k->muted)
		k->options.address(k->options.arg, ifindex, addr, state);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct hm_kernel *k = arg;

	if (hm_kernel_state_message(&k->state, nlmsg_hdr(msg)) == HM_ENOMEM)
		hm_log(HM_LOG_ERROR, "follow kernel failed reason=\"out of memory\"");
	return NL_OK;
}

/* Reads everything anew and reports what differs from what was reported before. */
static int resync(struct hm_kernel *k)
{
	int err;

	hm_kernel_state_mark(&k->state);
	err = hm_request_dump(RTM_GETLINK, on_message, k);
	if (!err)
		err = hm_request_dump(RTM_GETADDR, on_message, k);
	if (!err)
		hm_kernel_state_sweep(&k->state);
	return err;
}

/* Notifications that were lost are made good by reading everything anew, but only when the queue is
 * empty: until then the kernel drops more of them, and what waits in it is older than a dump. */
static void on_drained(struct hm_kernel *k)
{
	if (!k->lost)
		return;
	k->lost = false;
	(void)resync(k);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct hm_kernel *k = poll->data;

	(void)events;
	/* Of a socket with an error, as when it overflows, libuv lets go; reading takes the error
	 * off. */
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_readable);
	for (unsigned i = 0; i < READS_PER_TURN; i++) {
		int err = nl_recvmsgs_default(k->watch);

		if (err == -NLE_AGAIN) {
			on_drained(k);
			break;
		}
		if (err < 0 && !k->lost) {
			hm_log(HM_LOG_WARNING, "resync kernel reason=\"%s\"", nl_geterror(err));
			k->lost = true;
		}
	}
	tell_addresses(k);
}

/* Addresses with our mark: of a former run, until somebody asks for them. */
static void adopt_addrs(struct hm_kernel *k)
{
	for (size_t i = 0; i < k->state.n_addrs; i++) {
		const struct hm_kernel_addr *a = &k->state.addrs[i];
		struct hm_our_addr *o;

		if (a->proto != HM_KERNEL_PROTO)
			continue;
		o = hm_ours_new_addr(&k->ours);
		if (!o)
			return;
		*o = (struct hm_our_addr){ .ifindex = a->ifindex,
			                   .addr = a->addr,
			                   .plen = a->plen,
			                   .flags = a->flags & IFA_F_NOPREFIXROUTE,
			                   .ours = true,
			                   .deprecated = a->flags & IFA_F_DEPRECATED };
	}
}

static int open_sockets(struct hm_kernel *k)
{
	int size = RECEIVE_BUFFER;
	int err;

	k->watch = nl_socket_alloc();
	k->request = nl_socket_alloc();
	if (!k->watch || !k->request)
		return HM_ENOMEM;
	nl_socket_disable_seq_check(k->watch);
	(void)nl_socket_modify_cb(k->watch, NL_CB_VALID, NL_CB_CUSTOM, on_message, k);
	err = nl_connect(k->request, NETLINK_ROUTE);
	err = err ? err : nl_connect(k->watch, NETLINK_ROUTE);
	err = err ? err : nl_socket_add_memberships(k->watch, RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, 0);
	err = err ? err : nl_socket_set_nonblocking(k->watch);
	if (err)
		return hm_err_from_nl(err);
	nl_socket_enable_msg_peek(k->watch);
	if (setsockopt(nl_socket_get_fd(k->watch), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		(void)nl_socket_set_buffer_size(k->watch, size, 0);
	return HM_OK;
}

int hm_kernel_open(const struct hm_kernel_options *options, struct hm_kernel **ret_kernel,
                   char *ret_why, size_t why_len)
{
	struct hm_kernel *k = calloc(1, sizeof *k);
	int err;

	if (!k)
		return HM_ENOMEM;
	k->options = *options;
	k->state =
	        (struct hm_kernel_state){ .on_link = on_link, .on_address = on_address, .arg = k };
	err = open_sockets(k);
	if (!err && uv_poll_init(options->loop, &k->poll, nl_socket_get_fd(k->watch)))
		err = HM_EIO;
	if (err) {
		(void)snprintf(ret_why, why_len, "netlink: %s", hm_err_text(err));
		hm_kernel_close(k);
		return err;
	}
	k->polling = true;
	k->poll.data = k;
	*ret_kernel = k;
	return HM_OK;
}

static void report_all(struct hm_kernel *k)
{
	for (size_t i = 0; i < k->state.n_links; i++)
		on_link(k, &k->state.links[i].link);
	for (size_t i = 0; i < k->state.n_addrs; i++) {
		const struct hm_kernel_addr *a = &k->state.addrs[i];

		if (a->reported)
			on_address(k, a->ifindex, &a->addr, a->state);
	}
}

int hm_kernel_start(struct hm_kernel *kernel)
{
	int err;

	kernel->muted = true;
	err = resync(kernel);
	if (!err)
		err = hm_kernel_adopt_routes(kernel);
	kernel->muted = false;
	if (err)
		return err;
	adopt_addrs(kernel);
	tell_addresses(kernel);
	report_all(kernel);
	(void)uv_poll_start(&kernel->poll, UV_READABLE, on_readable);
	return HM_OK;
}

static void release(struct hm_kernel *k)
{
	nl_socket_free(k->watch);
	nl_socket_free(k->request);
	hm_kernel_state_finish(&k->state);
	free(k);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void hm_kernel_close(struct hm_kernel *kernel)
{
	if (!kernel)
		return;
	if (kernel->polling)
		uv_close((uv_handle_t *)&kernel->poll, on_closed);
	else
		release(kernel);
}

static struct hm_addr_request request_of(const struct hm_our_addr *a)
{
	return (struct hm_addr_request){ .ifindex = a->ifindex,
		                         .addr = a->addr,
		                         .plen = a->plen,
		                         .flags = a->flags,
		                         .deprecated = a->deprecated };
}

/* Changes whether an address that is there is preferred. */
static int prefer(struct hm_kernel *k, struct hm_our_addr *a, bool deprecated)
{
	struct hm_addr_request request;

	if (a->deprecated == deprecated)
		return HM_OK;
	a->deprecated = deprecated;
	request = request_of(a);
	request.replace = true;
	return hm_request_addr_add(k->request, &request);
}

static const char *op_text(enum hm_address_op op)
{
	static const char *const texts[] = { "add", "add-nodad", "deprecate", "delete" };

	return texts[op];
}

static void log_address(const struct hm_kernel *k, const char *what, const struct hm_our_addr *a,
                        int err)
{
	char text[HM_ADDR_TEXT_MAX];

	hm_log(err ? HM_LOG_WARNING : HM_LOG_INFO, "%s address=%s/%u interface=%s result=\"%s\"",
	       what, hm_addr_text(&a->addr, text), a->plen, hm_kernel_ifname(k, a->ifindex),
	       hm_err_text(err));
}

/* The address is there before we add it: whose it is stays as it was. */
static int adopt(struct hm_kernel *k, uint32_t ifindex, const struct hm_addr *addr)
{
	struct hm_our_addr *o = hm_ours_addr(&k->ours, ifindex, addr);
	int err = HM_OK;

	if (o) {
		o->claimed = true;
		err = prefer(k, o, false);
	}
	(void)hm_kernel_state_report(&k->state, ifindex, addr);
	return err;
}

static int add_address(struct hm_kernel *k, const struct hm_our_addr *wanted)
{
	struct hm_addr_request request = request_of(wanted);
	const struct hm_kernel_addr *there =
	        hm_kernel_state_addr(&k->state, wanted->ifindex, &wanted->addr);
	struct hm_our_addr *o;
	int err;

	if (there && (there->flags & IFA_F_DADFAILED) && there->proto == HM_KERNEL_PROTO)
		(void)hm_request_addr_del(k->request, &request); /* try again from the start */
	err = hm_request_addr_add(k->request, &request);
	if (err == HM_EEXIST)
		return adopt(k, wanted->ifindex, &wanted->addr);
	if (!err && !hm_ours_addr(&k->ours, wanted->ifindex, &wanted->addr)) {
		o = hm_ours_new_addr(&k->ours);
		if (!o) {
			(void)hm_request_addr_del(k->request, &request);
			err = HM_EFULL;
		} else {
			*o = *wanted;
			o->ours = o->claimed = true;
		}
	}
	log_address(k, "add", wanted, err);
	return err;
}

static int del_address(struct hm_kernel *k, struct hm_our_addr *a)
{
	struct hm_addr_request request = request_of(a);
	struct hm_our_addr gone = *a;
	int err = a->ours ? hm_request_addr_del(k->request, &request) : prefer(k, a, false);

	hm_ours_drop_addr(&k->ours, a);
	log_address(k, gone.ours ? "delete" : "prefer again", &gone, err);
	return err;
}

/* Somebody else's address may be deprecated too, until the stop or until it is wanted again. */
static int deprecate(struct hm_kernel *k, uint32_t ifindex, const struct hm_addr *addr)
{
	struct hm_our_addr *o = hm_ours_addr(&k->ours, ifindex, addr);
	const struct hm_kernel_addr *there = hm_kernel_state_addr(&k->state, ifindex, addr);
	int err;

	if (!o) {
		if (!there || (there->flags & IFA_F_DEPRECATED))
			return HM_OK;
		o = hm_ours_new_addr(&k->ours);
		if (!o)
			return HM_EFULL;
		*o = (struct hm_our_addr){ .ifindex = ifindex,
			                   .addr = *addr,
			                   .plen = there->plen,
			                   .flags = there->flags & IFA_F_NOPREFIXROUTE };
	}
	o->claimed = true;
	err = prefer(k, o, true);
	log_address(k, "deprecate", o, err);
	return err;
}

int hm_kernel_address(struct hm_kernel *kernel, enum hm_address_op op, uint32_t ifindex,
                      const struct hm_addr *addr, uint8_t plen)
{
	struct hm_our_addr wanted = { .ifindex = ifindex, .addr = *addr, .plen = plen };
	struct hm_our_addr *o;

	hm_log(HM_LOG_DEBUG, "ask address op=%s ifindex=%u", op_text(op), ifindex);
	switch (op) {
	case HM_ADDRESS_ADD:
		wanted.flags = IFA_F_NOPREFIXROUTE | IFA_F_OPTIMISTIC;
		return add_address(kernel, &wanted);
	case HM_ADDRESS_ADD_NODAD:
		wanted.flags = IFA_F_NODAD;
		return add_address(kernel, &wanted);
	case HM_ADDRESS_DEPRECATE:
		return deprecate(kernel, ifindex, addr);
	case HM_ADDRESS_DEL:
		o = hm_ours_addr(&kernel->ours, ifindex, addr);
		return o ? del_address(kernel, o) : HM_OK;
	}
	return HM_EUNSUPPORTED;
}

int hm_kernel_assign(struct hm_kernel *kernel, uint32_t ifindex, const struct hm_addr *addr,
                     uint8_t plen)
{
	struct hm_our_addr wanted = { .ifindex = ifindex, .addr = *addr, .plen = plen };

	return add_address(kernel, &wanted);
}

static void remove_all(struct hm_kernel *k, bool only_unclaimed)
{
	hm_kernel_remove_routes(k, only_unclaimed);
	for (unsigned i = k->ours.n_addrs; i-- > 0;)
		if (!only_unclaimed || !k->ours.addrs[i].claimed)
			(void)del_address(k, &k->ours.addrs[i]);
}

void hm_kernel_sweep(struct hm_kernel *kernel)
{
	remove_all(kernel, true);
}

void hm_kernel_undo(struct hm_kernel *kernel)
{
	remove_all(kernel, false);
}

const char *hm_kernel_ifname(const struct hm_kernel *kernel, uint32_t ifindex)
{
	const struct hm_kernel_link *l = hm_kernel_state_link(&kernel->state, ifindex);

	return l ? l->link.name : "";
}

uint32_t hm_kernel_ifindex(const struct hm_kernel *kernel, const char *name)
{
	for (size_t i = 0; i < kernel->state.n_links; i++)
		if (!strcmp(kernel->state.links[i].link.name, name))
			return kernel->state.links[i].link.ifindex;
	return 0;
}

bool hm_kernel_is_local(const struct hm_kernel *kernel, const struct hm_addr *addr)
{
	for (size_t i = 0; i < kernel->state.n_addrs; i++)
		if (hm_addr_eq(&kernel->state.addrs[i].addr, addr))
			return true;
	return false;
}

size_t hm_kernel_addresses(const struct hm_kernel *kernel, struct hm_addr *ret_addrs, size_t room)
{
	for (size_t i = 0; i < kernel->state.n_addrs && i < room; i++)
		ret_addrs[i] = kernel->state.addrs[i].addr;
	return kernel->state.n_addrs;
}
