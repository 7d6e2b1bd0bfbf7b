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
__u64 gap_ns; /* from frame to frame; 0: as fast as it goes */

/* Where it is. */
__u64 random_state, offered, next_ns;
__u32 left; /* of a burst */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FRAMES_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

/* Frames come in bursts, as through the interrupts of a network interface. Who is late makes up for
 * some of it. */
static __always_inline bool due(void)
{
	__u64 now;

	if (gap_ns == 0)
		return true;
	if (left > 0) {
		left--;
		return true;
	}
	now = bpf_ktime_get_ns();
	if (now < next_ns)
		return false;
	next_ns += FRAMES_BURST * gap_ns;
	if (next_ns + FRAMES_LATE * gap_ns < now)
		next_ns = now;
	left = FRAMES_BURST - 1;
	return true;
}

/* A frame comes back from its last journey as it was left there, so every octet is written again.
 * One processor runs this, one frame at a time. */
SEC("xdp")
int generate(struct xdp_md *ctx)
{
	struct frames_template *to = (void *)(long)ctx->data;
	__u32 low;

	if ((void *)(to + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!due())
		return XDP_DROP;
	offered++;
	*to = template;
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	low = bpf_htonl(first + (__u32)(((random_state >> 32) * n_destinations) >> 32));
	to->halfwords[DESTINATION / 2] = (__u16)low;
	to->halfwords[DESTINATION / 2 + 1] = (__u16)(low >> 16);
	return (int)bpf_redirect(out_ifindex, 0);
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
