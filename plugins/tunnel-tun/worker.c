#include "worker.h"

#include "segment.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define VNET_LEN sizeof(struct virtio_net_hdr)
/* A captured super-packet with its link-layer header. */
#define BUFFER_LEN (HM_PKT_ROOM + 65536u + 64u)
#define CAPTURE_BATCH 32u
/* Of a fragment: links of more than an inner packet of 1280 octets in all its headers carry it
 * whole. */
#define HM_SPLIT_MAX (HM_IP6_MTU_MIN + HM_PKT_ROOM + HM_FRAGMENT_LEN)
/* Overload begins with so many full batches on end, and is over so long after the last one. */
#define FULL_TURNS 8u
#define RELAX_MS 100

struct job {
	struct hm_pkt k;
	enum hm_fate fate;
	struct hm_seen seen;
};

struct hm_worker {
	struct hm_worker_how how;
	pthread_t thread;
	int wake;
	bool urgent, never_urgent;
	unsigned full_turns;
	int64_t last_full_ms;
	uint8_t *buffers; /* HM_BATCH_MAX of BUFFER_LEN */
	struct job jobs[HM_BATCH_MAX];
	struct mmsghdr msgs[HM_BATCH_MAX];
	struct iovec iov[HM_BATCH_MAX];
	struct sockaddr_in6 to[HM_BATCH_MAX];
	unsigned sent_job[HM_BATCH_MAX]; /* which job a message is */
	union source {
		struct cmsghdr head; /* alignment */
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} source[HM_BATCH_MAX];
	char control[CAPTURE_BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	uint64_t counts[HM_TUN_STATS_END]; /* added to the path's under the next lock */
};

static uint8_t *buffer_of(struct hm_worker *w, unsigned i)
{
	return w->buffers + (size_t)i * BUFFER_LEN;
}

static void read_vnet(struct hm_pkt *k, const uint8_t *from)
{
	struct virtio_net_hdr h;

	memcpy(&h, from, sizeof h);
	k->needs_csum = h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	k->gso_type = h.gso_type;
	k->gso_size = h.gso_size;
	k->hdr_len = h.hdr_len;
	k->csum_start = h.csum_start;
	k->csum_offset = h.csum_offset;
}

static void inject_one(struct hm_worker *w, const struct hm_pkt *k)
{
	struct virtio_net_hdr h = { 0 };
	struct iovec iov[2] = { { &h, sizeof h }, { k->at, k->len } };

	if (k->needs_csum) {
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = k->csum_start;
		h.csum_offset = k->csum_offset;
	}
	if (k->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		h.gso_type = k->gso_type;
		h.gso_size = k->gso_size;
		/* A hint that the kernel corrects upwards, never beyond the packet. */
		h.hdr_len = k->hdr_len <= k->len ? k->hdr_len : 0;
	}
	if (writev(w->how.device->tun, iov, 2) < 0)
		w->counts[HM_STAT_INJECT_FAILED]++;
}

static void inject(struct hm_worker *w, const struct hm_pkt *k)
{
	uint8_t room[HM_SEGMENT_HEADER_MAX + UINT16_MAX];
	struct hm_segments segments;
	struct hm_pkt piece;

	/* For a super-packet that is still in a tunnel the kernel has no words. */
	if (k->gso_type == VIRTIO_NET_HDR_GSO_NONE || hm_pkt_next(k) != HM_NH_IPV6) {
		inject_one(w, k);
		return;
	}
	if (!hm_segments_begin(k, &segments))
		w->counts[HM_STAT_INJECT_FAILED]++;
	else
		while (hm_segments_next(&segments, room, &piece))
			inject_one(w, &piece);
}

typedef enum hm_fate decide_fn(struct hm_path *, struct hm_pkt *, struct hm_seen *);

/* Decides on n packets. With many bindings each lies in memory that no cache holds: all of a batch
 * are asked for before the first is waited for. */
static void decide(struct hm_worker *w, unsigned n, decide_fn *fate)
{
	struct hm_path *p = w->how.path;
	int64_t now_ms = w->how.api->now_ms(w->how.api->host);

	pthread_mutex_lock(w->how.lock);
	p->now_ms = now_ms;
	for (unsigned i = 0; i < HM_TUN_STATS_END; i++)
		p->stats[i] += w->counts[i];
	if (fate == hm_path_out && n > 1) {
		for (unsigned i = 0; i < n; i++)
			hm_path_expect(p, &w->jobs[i].k, false);
		for (unsigned i = 0; i < n; i++)
			hm_path_expect(p, &w->jobs[i].k, true);
	}
	for (unsigned i = 0; i < n; i++) {
		w->jobs[i].seen.any = false;
		w->jobs[i].fate = fate(p, &w->jobs[i].k, &w->jobs[i].seen);
	}
	pthread_mutex_unlock(w->how.lock);
	memset(w->counts, 0, sizeof w->counts);
}

/* In fragments, one after the other: for the few packets that cannot go otherwise. */
static void send_split(struct hm_worker *w, const struct hm_pkt *k, uint32_t mtu)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct hm_fragments f;

	memcpy(&to.sin6_addr, k->at + HM_IP6_AT_DST, sizeof to.sin6_addr);
	if (hm_fragments_begin(hm_pkt_span(k), mtu, k->fragment_id, &f)) {
		w->counts[HM_STAT_SEND_FAILED]++;
		return;
	}
	while (hm_fragments_left(&f)) {
		uint8_t room[HM_SPLIT_MAX];
		struct hm_wr out = hm_wr(room, sizeof room);

		if (hm_fragments_write(&f, &out) || sendto(w->how.device->raw, room, out.len, 0,
		                                           (struct sockaddr *)&to, sizeof to) < 0) {
			w->counts[HM_STAT_SEND_FAILED]++;
			return;
		}
	}
	w->counts[HM_STAT_FRAGMENTED]++;
}

/* The path to that destination is narrower than the device's MTU provides for: learn it, so that
 * the next packet of this size is answered Packet Too Big, or cut at once. */
static void on_too_big(struct hm_worker *w, const struct hm_pkt *k)
{
	struct hm_addr to = hm_pkt_dst(k);
	uint32_t mtu = hm_device_path_mtu(&to, w->how.mark);

	mtu = mtu < HM_IP6_MTU_MIN ? HM_IP6_MTU_MIN : mtu;
	pthread_mutex_lock(w->how.lock);
	hm_path_set_mtu(w->how.path, &to, mtu);
	pthread_mutex_unlock(w->how.lock);
	if (k->may_split)
		send_split(w, k, mtu);
	else
		w->counts[HM_STAT_SEND_TOO_BIG]++;
}

static void send_all(struct hm_worker *w, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		int sent = sendmmsg(w->how.device->raw, w->msgs + done, n - done, 0);

		if (sent > 0) {
			done += (unsigned)sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EMSGSIZE)
			on_too_big(w, &w->jobs[w->sent_job[done]].k);
		else
			w->counts[HM_STAT_SEND_FAILED]++;
		done++;
	}
}

/* Without being told the source, which is in the header, the kernel looks for one for each packet:
 * a tenth of all that a packet costs. */
static void tell_source(union source *s, const uint8_t src[16])
{
	struct in6_pktinfo info = { .ipi6_ifindex = 0 };

	s->head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof info),
		                    .cmsg_level = IPPROTO_IPV6,
		                    .cmsg_type = IPV6_PKTINFO };
	memcpy(&info.ipi6_addr, src, sizeof info.ipi6_addr);
	memcpy(CMSG_DATA(&s->head), &info, sizeof info);
}

static void add_message(struct hm_worker *w, unsigned at, unsigned job)
{
	const struct hm_pkt *k = &w->jobs[job].k;

	tell_source(&w->source[at], k->at + HM_IP6_AT_SRC);

	w->to[at].sin6_family = AF_INET6;
	memcpy(&w->to[at].sin6_addr, k->at + HM_IP6_AT_DST, 16);
	w->iov[at] = (struct iovec){ k->at, k->len };
	w->msgs[at].msg_hdr = (struct msghdr){
		.msg_name = &w->to[at],
		.msg_namelen = sizeof w->to[at],
		.msg_iov = &w->iov[at],
		.msg_iovlen = 1,
		.msg_control = &w->source[at],
		.msg_controllen = sizeof w->source[at],
	};
	w->sent_job[at] = job;
}

static void carry_out(struct hm_worker *w, unsigned n)
{
	const struct hm_host_api *api = w->how.api;
	unsigned n_send = 0;

	for (unsigned i = 0; i < n; i++) {
		struct job *job = &w->jobs[i];

		if (job->seen.any)
			api->seen(api->host, job->seen.what, job->seen.home.b, job->seen.peer.b);
		if (job->fate == HM_FATE_INJECT)
			inject(w, &job->k);
		if (job->fate != HM_FATE_SEND)
			continue;
		if (job->k.may_split && job->k.mtu != 0 && job->k.len > job->k.mtu) {
			send_all(w, n_send);
			n_send = 0;
			send_split(w, &job->k, job->k.mtu);
			continue;
		}
		add_message(w, n_send++, i);
	}
	send_all(w, n_send);
}

/* True when there may be more. */
static bool turn_out(struct hm_worker *w)
{
	unsigned n = 0;

	while (n < w->how.batch) {
		uint8_t *at = buffer_of(w, n) + HM_PKT_ROOM;
		ssize_t len = read(w->how.device->tun, at - VNET_LEN, 65536 + VNET_LEN);

		if (len < 0)
			break;
		if ((size_t)len < VNET_LEN)
			continue;
		w->jobs[n++].k = (struct hm_pkt){ .at = at,
			                          .len = (size_t)len - VNET_LEN,
			                          .room = HM_PKT_ROOM };
	}
	if (n == 0)
		return false;
	decide(w, n, hm_path_out);
	carry_out(w, n);
	return n == w->how.batch;
}

/* How many octets of link-layer header stand in front of a captured packet. */
static bool net_offset(struct msghdr *m, size_t *ret_offset)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof aux);
		*ret_offset = aux.tp_net;
		return true;
	}
	return false;
}

/* Frames received into the first n buffers become jobs. */
static unsigned take_frames(struct hm_worker *w, unsigned n)
{
	unsigned jobs = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *at = w->iov[i].iov_base;
		size_t len = w->msgs[i].msg_len, skip = 0;
		struct hm_pkt *k = &w->jobs[jobs].k;

		if (!net_offset(&w->msgs[i].msg_hdr, &skip) || len < VNET_LEN + skip)
			continue;
		*k = (struct hm_pkt){ 0 };
		read_vnet(k, at);
		k->at = at + VNET_LEN + skip;
		k->len = len - VNET_LEN - skip;
		k->room = HM_PKT_ROOM;
		k->csum_start = (uint16_t)(k->csum_start > skip ? k->csum_start - skip : 0);
		k->hdr_len = (uint16_t)(k->hdr_len > skip ? k->hdr_len - skip : 0);
		jobs++;
	}
	return jobs;
}

static bool turn_in(struct hm_worker *w)
{
	int n;

	for (unsigned i = 0; i < CAPTURE_BATCH; i++) {
		w->iov[i] =
		        (struct iovec){ buffer_of(w, i) + HM_PKT_ROOM, BUFFER_LEN - HM_PKT_ROOM };
		w->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &w->iov[i],
			.msg_iovlen = 1,
			.msg_control = w->control[i],
			.msg_controllen = sizeof w->control[i],
		};
	}
	n = recvmmsg(w->how.device->capture, w->msgs, CAPTURE_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		/* EINVAL: a super-packet of a kind that cannot be described to us. */
		if (errno == EAGAIN || errno == EINTR)
			return false;
		w->counts[HM_STAT_CAPTURE_LOST]++;
		return true;
	}
	n = (int)take_frames(w, (unsigned)n);
	decide(w, (unsigned)n, hm_path_in);
	carry_out(w, (unsigned)n);
	return n == (int)CAPTURE_BATCH;
}

static void set_urgent(struct hm_worker *w, bool urgent)
{
	const struct sched_param priority = { .sched_priority = urgent ? 1 : 0 };
	int err = pthread_setschedparam(pthread_self(), urgent ? SCHED_RR : SCHED_OTHER, &priority);

	if (err && urgent)
		w->never_urgent = true; /* no privilege: go on as we are */
	if (!err)
		w->urgent = urgent;
}

/* When more comes in than can be sent, the kernel's receive thread would take half the processor to
 * route packets into a full queue. Ahead of it, the worker lets no more in than it can send, and
 * the excess is lost at the link, before work was spent on it; it cannot hold the processor against
 * others, since it has only what that thread has handed over. Not while there is no overload:
 * waking at once for each packet costs more than it gains. Nice values would not do: they do not
 * count between sessions. */
static void adapt(struct hm_worker *w, bool full)
{
	int64_t now_ms;

	if (w->never_urgent || (!full && !w->urgent)) {
		w->full_turns = 0;
		return;
	}
	now_ms = w->how.api->now_ms(w->how.api->host);
	if (full) {
		w->last_full_ms = now_ms;
		if (!w->urgent && ++w->full_turns >= FULL_TURNS)
			set_urgent(w, true);
	} else if (now_ms - w->last_full_ms >= RELAX_MS) {
		w->full_turns = 0;
		set_urgent(w, false);
	}
}

static void *run(void *arg)
{
	struct hm_worker *w = arg;
	struct pollfd fds[3] = {
		{ .fd = w->how.device->tun, .events = POLLIN },
		{ .fd = w->how.device->capture, .events = POLLIN },
		{ .fd = w->wake, .events = POLLIN },
	};
	bool more = false;

	while (!(fds[2].revents & POLLIN)) {
		int n = poll(fds, 3, more ? 0 : -1);

		if (n < 0 && errno != EINTR)
			break;
		if (fds[0].revents & (POLLERR | POLLNVAL)) {
			/* Someone deleted the device: do not spin on it. */
			w->how.api->log(w->how.api->host, HM_PLUGIN_ERROR,
			                "lost tun device plugin=tunnel-tun fix=\"restart hmipd\"");
			fds[0].fd = -1;
			fds[0].revents = 0;
		}
		more = turn_out(w);
		adapt(w, more);
		more |= turn_in(w);
	}
	return NULL;
}

static void destroy(struct hm_worker *w)
{
	if (w->wake >= 0)
		close(w->wake);
	free(w->buffers);
	free(w);
}

struct hm_worker *hm_worker_start(const struct hm_worker_how *how)
{
	struct hm_worker *w = calloc(1, sizeof *w);
	sigset_t all, before;
	int err;

	if (!w)
		return NULL;
	w->how = *how;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->buffers = malloc((size_t)HM_BATCH_MAX * BUFFER_LEN);
	if (w->wake < 0 || !w->buffers)
		goto failed;
	/* Signals are the host's thread's to take. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		return w;
failed:
	destroy(w);
	return NULL;
}

void hm_worker_stop(struct hm_worker *w)
{
	const uint64_t one = 1;

	if (!w)
		return;
	if (write(w->wake, &one, sizeof one) == sizeof one)
		pthread_join(w->thread, NULL);
	destroy(w);
}
