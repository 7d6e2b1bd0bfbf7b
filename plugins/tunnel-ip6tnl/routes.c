#include "routes.h"

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64u
#define MESSAGE_MAX 512u
#define TRIES 12u
#define ANSWER_S 5
/* A batch that follows another this soon waits as long for company; one request does not. */
#define GATHER_NS 1000000

struct job {
	struct job *next;
	struct hm_route route;
	unsigned again;
	bool open; /* sent, not answered */
	int err;
};

struct hm_routes {
	struct hm_routes_how how;
	struct nl_sock *sock;
	pthread_t thread;
	pthread_mutex_t lock; /* around what follows */
	pthread_cond_t more;
	struct job *first, **last;
	unsigned n_jobs;
	bool idle, stop;
	/* The thread's own. */
	struct job *batch[BATCH];
	unsigned n_batch;
	struct timespec sent; /* the last batch */
	uint32_t seq;         /* of the first of the batch */
	uint8_t buffer[BATCH * MESSAGE_MAX];
};

/* --- messages ------------------------------------------------------------------------------- */

static int put_mtu(struct nl_msg *msg, uint32_t mtu)
{
	struct nlattr *metrics = mtu ? nla_nest_start(msg, RTA_METRICS) : NULL;

	if (mtu == 0)
		return 0;
	/* Without the lock forwarding looks at the device's MTU alone. */
	if (!metrics || nla_put_u32(msg, RTAX_LOCK, 1u << RTAX_MTU) < 0 ||
	    nla_put_u32(msg, RTAX_MTU, mtu) < 0)
		return -1;
	nla_nest_end(msg, metrics);
	return 0;
}

static struct nl_msg *message(const struct hm_routes *r, const struct hm_route *route)
{
	struct rtmsg head = { .rtm_family = AF_INET6,
		              .rtm_dst_len = 128,
		              .rtm_table = RT_TABLE_UNSPEC,
		              .rtm_protocol = HM_ROUTE_PROTOCOL,
		              .rtm_scope = RT_SCOPE_UNIVERSE,
		              .rtm_type = RTN_UNICAST };
	int type = route->add ? RTM_NEWROUTE : RTM_DELROUTE;
	struct nl_msg *msg =
	        nlmsg_alloc_simple(type, route->add ? NLM_F_CREATE | NLM_F_REPLACE : 0);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, RTA_DST, sizeof route->dst.b, route->dst.b) < 0 ||
	    nla_put_u32(msg, RTA_OIF, (uint32_t)r->how.ifindex) < 0 ||
	    nla_put_u32(msg, RTA_TABLE, HM_ROUTE_TABLE) < 0 ||
	    nla_put_u32(msg, RTA_PRIORITY, HM_ROUTE_METRIC) < 0 ||
	    (route->add && (put_mtu(msg, route->mtu) < 0 || r->how.encap(msg, route) < 0))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* The messages of the batch, one behind the other; their sequence numbers tell their places. */
static size_t write_batch(struct hm_routes *r)
{
	size_t len = 0;

	r->seq += BATCH; /* an answer that comes late is nobody's */
	for (unsigned i = 0; i < r->n_batch; i++) {
		struct job *job = r->batch[i];
		struct nl_msg *msg = message(r, &job->route);
		struct nlmsghdr *head = msg ? nlmsg_hdr(msg) : NULL;

		job->open = head && head->nlmsg_len <= MESSAGE_MAX;
		job->err = job->open ? 0 : -ENOMEM;
		if (job->open) {
			head->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
			head->nlmsg_seq = r->seq + i;
			head->nlmsg_pid = nl_socket_get_local_port(r->sock);
			memcpy(r->buffer + len, head, head->nlmsg_len);
			len += NLMSG_ALIGN(head->nlmsg_len);
		}
		nlmsg_free(msg);
	}
	return len;
}

static unsigned count_open(const struct hm_routes *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_batch; i++)
		n += r->batch[i]->open;
	return n;
}

static void answered(struct hm_routes *r, uint32_t seq, int err)
{
	struct job *job = seq - r->seq < r->n_batch ? r->batch[seq - r->seq] : NULL;

	if (!job || !job->open)
		return;
	job->open = false;
	job->err = !job->route.add && err == -ESRCH ? 0 : err;
}

static void read_answers(struct hm_routes *r, void *room, int left)
{
	for (struct nlmsghdr *h = room; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		const struct nlmsgerr *e = nlmsg_data(h);

		if (h->nlmsg_type == NLMSG_ERROR)
			answered(r, h->nlmsg_seq, e->error);
	}
}

/* Sends the batch and waits until all of it is answered. */
static void converse(struct hm_routes *r)
{
	_Alignas(struct nlmsghdr) uint8_t room[8192];
	size_t len = write_batch(r);
	int fd = nl_socket_get_fd(r->sock), err = 0;

	if (len > 0 && nl_sendto(r->sock, r->buffer, len) < 0)
		err = -EIO;
	while (!err && count_open(r) > 0) {
		ssize_t n = recv(fd, room, sizeof room, 0);

		if (n >= 0)
			read_answers(r, room, (int)n);
		else if (errno != EINTR)
			err = errno == EAGAIN ? -EIO : -errno;
	}
	for (unsigned i = 0; err && i < r->n_batch; i++)
		if (r->batch[i]->open)
			answered(r, r->seq + i, err);
}

/* --- the thread ----------------------------------------------------------------------------- */

static bool has(const struct hm_routes *r, const struct hm_addr *dst)
{
	for (unsigned i = 0; i < r->n_batch; i++)
		if (hm_addr_eq(&r->batch[i]->route.dst, dst))
			return true;
	return false;
}

static bool is_burst(const struct hm_routes *r)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - r->sent.tv_sec) * 1000000000l + now.tv_nsec - r->sent.tv_nsec <
	       GATHER_NS;
}

static void nap(struct hm_routes *r)
{
	static const struct timespec moment = { .tv_nsec = GATHER_NS };

	pthread_mutex_unlock(&r->lock);
	nanosleep(&moment, NULL);
	pthread_mutex_lock(&r->lock);
}

/* With the lock held: until there is something to do, or a second has passed. */
static void wait_for_more(struct hm_routes *r)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	while (!r->stop && !r->first && r->n_batch == 0 && err == 0) {
		r->idle = true;
		err = pthread_cond_timedwait(&r->more, &r->lock, &until);
		r->idle = false;
	}
	if (!r->stop && r->first && r->n_jobs < BATCH && is_burst(r))
		nap(r);
}

/* Behind what is to be asked again come new ones; never two for one address, since the first may
 * have to be asked again. False: it is over. */
static bool fill(struct hm_routes *r)
{
	bool go_on;

	pthread_mutex_lock(&r->lock);
	wait_for_more(r);
	while (r->first && r->n_batch < BATCH && !has(r, &r->first->route.dst)) {
		r->batch[r->n_batch++] = r->first;
		r->first = r->first->next;
		r->n_jobs--;
	}
	if (!r->first)
		r->last = &r->first;
	go_on = !r->stop;
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

static bool passes(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -ENOBUFS;
}

/* Answers what is done and keeps the rest. */
static void settle(struct hm_routes *r)
{
	struct timespec pause = { .tv_nsec = 1000000 };
	unsigned kept = 0;

	for (unsigned i = 0; i < r->n_batch; i++) {
		struct job *job = r->batch[i];

		if (passes(job->err) && job->again < TRIES) {
			/* 1, 2, 4 … ms, 64 at most. */
			long wait = 1000000l << (job->again < 6 ? job->again : 6);

			pause.tv_nsec = wait > pause.tv_nsec ? wait : pause.tv_nsec;
			job->again++;
			r->batch[kept++] = job;
			continue;
		}
		r->how.done(r->how.arg, &job->route, job->err, job->again);
		free(job);
	}
	r->n_batch = kept;
	if (kept > 0)
		nanosleep(&pause, NULL);
}

static void *run(void *arg)
{
	struct hm_routes *r = arg;

	int64_t ticked = 0;

	while (fill(r)) {
		if (r->n_batch > 0)
			converse(r);
		clock_gettime(CLOCK_MONOTONIC, &r->sent);
		if (r->sent.tv_sec != ticked)
			r->how.tick(r->how.arg);
		ticked = r->sent.tv_sec;
		settle(r);
	}
	return NULL;
}

int hm_routes_ask(struct hm_routes *r, const struct hm_route *route)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return -ENOMEM;
	job->route = *route;
	pthread_mutex_lock(&r->lock);
	*r->last = job;
	r->last = &job->next;
	r->n_jobs++;
	if (r->idle)
		pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

static struct nl_sock *connect_netlink(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	const struct timeval limit = { .tv_sec = ANSWER_S };
	int one = 1, fd;

	if (!sock)
		return NULL;
	if (nl_connect(sock, NETLINK_ROUTE) < 0) {
		nl_socket_free(sock);
		return NULL;
	}
	fd = nl_socket_get_fd(sock);
	/* Answers without a copy of the question. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return sock;
}

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct hm_routes *hm_routes_start(const struct hm_routes_how *how)
{
	struct hm_routes *r = calloc(1, sizeof *r);
	sigset_t all, before;
	int err;

	if (!r)
		return NULL;
	r->how = *how;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	init_cond(&r->more);
	r->sock = connect_netlink();
	if (!r->sock)
		goto failed;
	/* Signals are the host's thread's to take. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		return r;
	nl_socket_free(r->sock);
failed:
	free(r);
	return NULL;
}

void hm_routes_stop(struct hm_routes *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->more);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	while (r->n_batch > 0)
		free(r->batch[--r->n_batch]);
	while (r->first) {
		struct job *job = r->first;

		r->first = job->next;
		free(job);
	}
	nl_socket_free(r->sock);
	pthread_cond_destroy(&r->more);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* --- what a former run left ----------------------------------------------------------------- */

struct sweep {
	struct hm_routes *r;
	bool (*wanted)(void *arg, const struct hm_addr *dst);
	void *arg;
	int err;
};

static int on_route(struct nl_msg *msg, void *arg)
{
	struct sweep *s = arg;
	const struct rtmsg *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr[RTA_MAX + 1];
	struct hm_route gone = { .add = false };

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof *head, attr, RTA_MAX, NULL) < 0 ||
	    head->rtm_protocol != HM_ROUTE_PROTOCOL || head->rtm_dst_len != 128 || !attr[RTA_OIF] ||
	    !attr[RTA_TABLE] || !attr[RTA_DST] ||
	    nla_get_u32(attr[RTA_OIF]) != (uint32_t)s->r->how.ifindex ||
	    nla_get_u32(attr[RTA_TABLE]) != HM_ROUTE_TABLE)
		return NL_OK;
	memcpy(gone.dst.b, nla_data(attr[RTA_DST]), sizeof gone.dst.b);
	if (!s->wanted(s->arg, &gone.dst) && hm_routes_ask(s->r, &gone) != 0)
		s->err = -ENOMEM;
	return NL_OK;
}

int hm_routes_sweep(struct hm_routes *r, bool (*wanted)(void *arg, const struct hm_addr *dst),
                    void *arg)
{
	struct sweep s = { .r = r, .wanted = wanted, .arg = arg };
	struct nl_sock *sock = connect_netlink();
	struct nl_cb *cb = sock ? nl_cb_alloc(NL_CB_DEFAULT) : NULL;
	int err = -1;

	if (cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_route, &s);
		err = nl_rtgen_request(sock, RTM_GETROUTE, AF_INET6, NLM_F_DUMP);
		err = err < 0 ? err : nl_recvmsgs(sock, cb);
		nl_cb_put(cb);
	}
	nl_socket_free(sock);
	return err < 0 ? -EIO : s.err;
}
