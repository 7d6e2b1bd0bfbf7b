/* The ends of the forwarding benchmark: what makes packets, and what takes them in, each as cheap
 * as the kernel lets it be. See frames.c. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "frames.h"

#define DESTINATION 50 /* the last 32 bits of the IPv6 destination, in the frame */
#define NEXT_HEADER 20
#define ROUTING 43

/* Filled in by the loader. */
struct frames_template template;
__u32 first, n_destinations, out_ifindex;
__u64 gap_ns;   /* from frame to frame; 0: as fast as it goes */
__u32 window;   /* how many may be on their way to the sink */
__u32 sink_cpu; /* where the sink counts */

/* Where it is. */
__u64 random_state, offered, next_ns;
__u64 base, limit; /* what the sink had counted at the start; how many may be offered */
__u32 left;        /* of a burst */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRAMES_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

static long is_past(__u32 index, void *ns)
{
	(void)index;
	return bpf_ktime_get_ns() >= *(__u64 *)ns;
}

/* Frames come in bursts, as through the interrupts of a network interface. Who is late makes up for
 * some of it. */
static __always_inline bool due(bool may_wait)
{
	__u64 now, then = next_ns;

	if (gap_ns == 0)
		return true;
	if (left > 0) {
		left--;
		return true;
	}
	if (may_wait)
		bpf_loop(FRAMES_LOOPS, is_past, &then, 0);
	now = bpf_ktime_get_ns();
	if (now < next_ns)
		return false;
	next_ns += FRAMES_BURST * gap_ns;
	if (next_ns + FRAMES_LATE * gap_ns < now)
		next_ns = now;
	left = FRAMES_BURST - 1;
	return true;
}

static __always_inline __u64 arrived_of(__u32 kind)
{
	const volatile __u64 *n = bpf_map_lookup_percpu_elem(&arrived, &kind, sink_cpu);

	return n ? *n : 0;
}

static __always_inline __u64 taken_in(void)
{
	return arrived_of(FRAMES_PLAIN) + arrived_of(FRAMES_TUNNELLED) + arrived_of(FRAMES_ROUTED);
}

struct look {
	__u64 next_ns, until_ns;
};

static long look(__u32 index, void *data)
{
	struct look *l = data;
	__u64 now = bpf_ktime_get_ns();

	(void)index;
	if (now < l->next_ns)
		return 0;
	l->next_ns = now + FRAMES_LOOK_NS;
	limit = taken_in() - base + window;
	return offered + FRAMES_BURST <= limit || now >= l->until_ns;
}

/* A frame that finds queues full is dropped, and so is one that is not due: that takes the lock of
 * the page pool, for which the router waits when it gives a frame back. With a real interface it
 * would not. So no more frames are on their way than there is room for, and who has to wait, waits
 * here. To look how many have arrived costs the sink something, too: it is done seldom. */
static __always_inline void wait_for_room(void)
{
	struct look l = { .next_ns = bpf_ktime_get_ns() };

	if (offered > 0) {
		l.until_ns = l.next_ns + FRAMES_PATIENCE_NS;
		bpf_loop(FRAMES_LOOPS, look, &l, 0);
	}
	if (offered < limit)
		return;
	/* The first time; or else those on their way are lost. */
	base = taken_in() - offered;
	limit = offered + window;
}

/* A frame comes back from its last journey as it was left there, so every octet is written again.
 * One processor runs this, one frame at a time. */
static __always_inline int generate_one(struct xdp_md *ctx, bool may_wait)
{
	struct frames_template *to = (void *)(long)ctx->data;
	__u32 low;

	if ((void *)(to + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!due(may_wait))
		return XDP_DROP;
	if (may_wait && offered >= limit)
		wait_for_room();
	offered++;
	*to = template;
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	low = bpf_htonl(first + (__u32)(((random_state >> 32) * n_destinations) >> 32));
	to->halfwords[DESTINATION / 2] = (__u16)low;
	to->halfwords[DESTINATION / 2 + 1] = (__u16)(low >> 16);
	return (int)bpf_redirect(out_ifindex, 0);
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	return generate_one(ctx, false);
}

/* A kernel that does not compile eBPF has no loops that wait. */
SEC("xdp")
int generate_waiting(struct xdp_md *ctx)
{
	return generate_one(ctx, true);
}

/* What the packet is: false for what the benchmark did not send. */
static __always_inline bool count(const __u8 *frame, const void *end)
{
	__u32 kind;
	__u64 *counter;

	if ((void *)(frame + sizeof(struct frames_template)) > end || frame[12] != 0x86 ||
	    frame[13] != 0xdd)
		return false;
	switch (frame[NEXT_HEADER]) {
	case IPPROTO_UDP:
		kind = FRAMES_PLAIN;
		break;
	case IPPROTO_IPV6:
		kind = FRAMES_TUNNELLED;
		break;
	case ROUTING:
		kind = FRAMES_ROUTED;
		break;
	default:
		return false;
	}
	counter = bpf_map_lookup_elem(&arrived, &kind);
	if (counter)
		(*counter)++;
	return true;
}

SEC("xdp")
int sink_xdp(struct xdp_md *ctx)
{
	return count((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int sink_tc(struct __sk_buff *skb)
{
	return count((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_SHOT
	                                                                   : TC_ACT_OK;
}

/* The mobile host, of a TCP flow that comes through a tunnel: takes the outer header off. */
SEC("tc")
int unpack(struct __sk_buff *skb)
{
	const __u8 *frame = (void *)(long)skb->data;

	if ((void *)(frame + sizeof(struct frames_template)) > (void *)(long)skb->data_end)
		return TC_ACT_OK;
	if (frame[12] == 0x86 && frame[13] == 0xdd && frame[NEXT_HEADER] == IPPROTO_IPV6)
		bpf_skb_adjust_room(skb, -40, BPF_ADJ_ROOM_MAC, 0);
	return TC_ACT_OK;
}

char licence[] SEC("license") = "Dual MIT/GPL";
