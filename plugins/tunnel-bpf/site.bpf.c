/* The site's programs, for mobility servers and home agents: packets to a bound address go into its
 * tunnel and on to the next hop, packets out of such a tunnel are unpacked and left to the kernel.
 * Whatever is not simple passes on to the kernel untouched, and from there to the daemon's own data
 * plane: no neighbour yet, too big, hop limit used up, headers that are not known here.
 *
 * Written for the XDP and the tc hook alike: what differs is how a packet grows and shrinks.
 * RFC 2473 for the headers, RFC 6040 for congestion marks, PROTOCOL 7 for who may send. */
#include "site_common.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* --- XDP -------------------------------------------------------------------------------------- */

ALWAYS int xdp_encapsulate(struct xdp_md *ctx, struct job *j, __u32 size)
{
	struct hm_site_port *port = next_port(ctx, j, size + sizeof(struct ipv6hdr));
	struct ethhdr *eth;
	struct ipv6hdr *outer, *inner;
	struct ethhdr old;

	if (!port)
		return XDP_PASS;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	old = *eth;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof *outer))
		return XDP_PASS;
	eth = (void *)(long)ctx->data;
	outer = (void *)(eth + 1);
	inner = outer + 1;
	if ((void *)(inner + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	inner->hop_limit--;
	write_outer(outer, inner, j);
	count_out(j->slot, size);
	count(HM_SITE_STAT_ENCAPSULATED);
	if (!port->xdp_target) {
		/* The kernel sends it on, and takes one off the hop limit. */
		outer->hop_limit++;
		*eth = old;
		return XDP_PASS;
	}
	write_eth(eth, j, port);
	return (int)bpf_redirect_map(&hm_site_devices, j->b.next_hop >> 8 & (HM_SITE_PORTS - 1), 0);
}

ALWAYS int xdp_rewrite(struct xdp_md *ctx, struct job *j, struct ethhdr *eth, struct ipv6hdr *ip)
{
	__u32 size = sizeof *ip + bpf_ntohs(ip->payload_len);
	struct hm_site_port *port = next_port(ctx, j, size);

	if (!port)
		return XDP_PASS;
	ip->hop_limit--;
	__builtin_memcpy(&ip->saddr, &j->b.local, sizeof ip->saddr);
	__builtin_memcpy(&ip->daddr, &j->b.remote, sizeof ip->daddr);
	count_out(j->slot, size);
	count(HM_SITE_STAT_REWRITTEN);
	if (!port->xdp_target)
		return XDP_PASS;
	write_eth(eth, j, port);
	return (int)bpf_redirect_map(&hm_site_devices, j->b.next_hop >> 8 & (HM_SITE_PORTS - 1), 0);
}

ALWAYS int xdp_unpack(struct xdp_md *ctx, struct job *j, struct ethhdr *eth, struct ipv6hdr *outer)
{
	struct ipv6hdr *inner = outer + 1;
	struct ethhdr old = *eth;
	__u8 mark;

	if ((void *)(inner + 1) > (void *)(long)ctx->data_end ||
	    !may_unpack(j, outer, (__u32)((long)ctx->data_end - (long)outer))) {
		count(HM_SITE_STAT_PASS_FOREIGN);
		return XDP_PASS;
	}
	mark = joined_mark(mark_of(outer), mark_of(inner));
	if (bpf_xdp_adjust_head(ctx, sizeof *outer))
		return XDP_PASS;
	eth = (void *)(long)ctx->data;
	inner = (void *)(eth + 1);
	if ((void *)(inner + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	*eth = old;
	set_mark(inner, mark);
	count_in(j, sizeof *inner + bpf_ntohs(inner->payload_len));
	count(HM_SITE_STAT_DECAPSULATED);
	return XDP_PASS;
}

/* Sent to this machine: an interface may show XDP other frames too. */
ALWAYS bool is_ours(const struct ethhdr *eth, const struct job *j)
{
	const struct hm_site_port *port = port_of(j->config, j->ingress);
	__u8 differs = 0;

	for (int i = 0; i < ETH_ALEN; i++)
		differs |= eth->h_dest[i] ^ port->mac[i];
	return !differs && port->ifindex == j->ingress;
}

SEC("xdp")
int hm_site_xdp(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ipv6hdr *ip = (void *)(eth + 1);
	struct job j = { .config = config(), .ingress = ctx->ingress_ifindex };
	struct hm_site_addr to;
	__u32 size;

	if (!j.config || (void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	to = load(&ip->daddr);
	if (ip->nexthdr == NH_IPV6 && is_local(j.config, &to))
		return is_ours(eth, &j) ? xdp_unpack(ctx, &j, eth, ip) : XDP_PASS;
	if (!is_gated(j.config, &to) || !is_ours(eth, &j))
		return XDP_PASS;
	size = sizeof *ip + bpf_ntohs(ip->payload_len);
	if (!is_plain(ip) || size > (__u32)(end - (void *)ip)) {
		count(HM_SITE_STAT_PASS_HEADER);
		return XDP_PASS;
	}
	if (!find(&j, &to))
		return XDP_PASS;
	if (ip->nexthdr == NH_IPV6 && (j.b.flags & HM_SITE_REWRITE))
		return xdp_rewrite(ctx, &j, eth, ip);
	if (may_be_limited(ip, end) || asks_neighbour(ip, end)) {
		count(HM_SITE_STAT_PASS_HEADER);
		return XDP_PASS;
	}
	return xdp_encapsulate(ctx, &j, size);
}

/* --- tc --------------------------------------------------------------------------------------- */

/* The largest packet that leaves when the kernel cuts this one; 0: it cannot be told here. */
ALWAYS __u32 largest(struct __sk_buff *skb, const struct ipv6hdr *ip, void *end)
{
	const __u8 *l4 = (const void *)(ip + 1);

	if (!skb->gso_size)
		return sizeof *ip + bpf_ntohs(ip->payload_len);
	if (ip->nexthdr == NH_UDP)
		return sizeof *ip + 8 + skb->gso_size;
	if (ip->nexthdr == NH_IPV6) {
		ip = (const void *)l4;
		l4 = (const void *)(ip + 1);
		if ((void *)l4 > end || ip->nexthdr != NH_TCP)
			return 0;
		if ((void *)(l4 + 20) > end)
			return 0;
		return 2 * sizeof *ip + (__u32)(l4[12] >> 4) * 4 + skb->gso_size;
	}
	if (ip->nexthdr != NH_TCP || (void *)(l4 + 20) > end)
		return 0;
	return sizeof *ip + (__u32)(l4[12] >> 4) * 4 + skb->gso_size;
}

/* Room for an outer header. The kernel keeps one tunnel of a super-packet in mind, the innermost.
 */
ALWAYS long grow(struct __sk_buff *skb, __u8 next)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (next != NH_IPV6)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	return bpf_skb_adjust_room(skb, sizeof(struct ipv6hdr), BPF_ADJ_ROOM_MAC, flags);
}

ALWAYS int tc_encapsulate(struct __sk_buff *skb, struct job *j, __u32 size, __u32 most)
{
	struct hm_site_port *port = next_port(skb, j, most + sizeof(struct ipv6hdr));
	struct ipv6hdr *outer, *inner;
	struct ethhdr *eth = (void *)(long)skb->data;
	__u8 next;

	outer = (void *)(eth + 1);
	if (!port || (void *)(outer + 1) > (void *)(long)skb->data_end)
		return TC_ACT_UNSPEC;
	next = outer->nexthdr;
	if (grow(skb, next)) {
		count(HM_SITE_STAT_PASS_HEADER);
		return TC_ACT_UNSPEC;
	}
	eth = (void *)(long)skb->data;
	outer = (void *)(eth + 1);
	inner = outer + 1;
	if ((void *)(inner + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	inner->hop_limit--;
	write_outer(outer, inner, j);
	write_eth(eth, j, port);
	count_out(j->slot, size);
	count(HM_SITE_STAT_ENCAPSULATED);
	return (int)bpf_redirect(port->ifindex, 0);
}

ALWAYS int tc_rewrite(struct __sk_buff *skb, struct job *j, __u32 size, __u32 most)
{
	struct hm_site_port *port = next_port(skb, j, most);
	struct ethhdr *eth = (void *)(long)skb->data;
	struct ipv6hdr *ip = (void *)(eth + 1);
	struct {
		__u8 hop_limit;
		struct hm_site_addr from, to;
	} __attribute__((packed)) head = { .from = j->b.local, .to = j->b.remote };

	if (!port || (void *)(ip + 1) > (void *)(long)skb->data_end)
		return TC_ACT_UNSPEC;
	/* By the helper, which keeps the sum that hardware took over the whole packet. */
	head.hop_limit = ip->hop_limit - 1;
	if (bpf_skb_store_bytes(skb, sizeof *eth + offsetof(struct ipv6hdr, hop_limit), &head,
	                        sizeof head, BPF_F_RECOMPUTE_CSUM))
		return TC_ACT_UNSPEC;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	write_eth(eth, j, port);
	count_out(j->slot, size);
	count(HM_SITE_STAT_REWRITTEN);
	return (int)bpf_redirect(port->ifindex, 0);
}

ALWAYS int tc_unpack(struct __sk_buff *skb, struct job *j, struct ipv6hdr *outer)
{
	struct ipv6hdr *inner = outer + 1;
	__u32 size;
	__u8 mark;

	if ((void *)(inner + 1) > (void *)(long)skb->data_end ||
	    !may_unpack(j, outer, skb->len - sizeof(struct ethhdr))) {
		count(HM_SITE_STAT_PASS_FOREIGN);
		return TC_ACT_UNSPEC;
	}
	mark = joined_mark(mark_of(outer), mark_of(inner));
	size = sizeof *inner + bpf_ntohs(inner->payload_len);
	if (bpf_skb_adjust_room(skb, -(int)sizeof *outer, BPF_ADJ_ROOM_MAC,
	                        BPF_F_ADJ_ROOM_FIXED_GSO)) {
		count(HM_SITE_STAT_PASS_HEADER);
		return TC_ACT_UNSPEC;
	}
	inner = (void *)(long)skb->data + sizeof(struct ethhdr);
	if ((void *)(inner + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	set_mark(inner, mark);
	count_in(j, size);
	count(HM_SITE_STAT_DECAPSULATED);
	return TC_ACT_OK;
}

SEC("tc")
int hm_site_tc(struct __sk_buff *skb)
{
	struct ethhdr *eth;
	struct ipv6hdr *ip;
	struct job j = { .config = config(), .ingress = skb->ingress_ifindex };
	struct hm_site_addr to;
	__u32 most;

	/* A tag that the driver took off: the packet is that of a VLAN above this interface. */
	if (!j.config || skb->protocol != bpf_htons(ETH_P_IPV6) || skb->pkt_type != 0 ||
	    skb->vlan_present)
		return TC_ACT_UNSPEC;
	/* Room to look at an inner header and a transport header. */
	if ((long)skb->data_end - (long)skb->data < 114 && skb->len >= 114)
		bpf_skb_pull_data(skb, 114);
	eth = (void *)(long)skb->data;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > (void *)(long)skb->data_end)
		return TC_ACT_UNSPEC;
	to = load(&ip->daddr);
	if (ip->nexthdr == NH_IPV6 && is_local(j.config, &to))
		return tc_unpack(skb, &j, ip);
	if (!is_gated(j.config, &to))
		return TC_ACT_UNSPEC;
	most = largest(skb, ip, (void *)(long)skb->data_end);
	if (!is_plain(ip) || !most ||
	    sizeof *ip + bpf_ntohs(ip->payload_len) > skb->len - sizeof *eth) {
		count(HM_SITE_STAT_PASS_HEADER);
		return TC_ACT_UNSPEC;
	}
	if (!find(&j, &to))
		return TC_ACT_UNSPEC;
	if (ip->nexthdr == NH_IPV6 && (j.b.flags & HM_SITE_REWRITE))
		return tc_rewrite(skb, &j, sizeof *ip + bpf_ntohs(ip->payload_len), most);
	if (may_be_limited(ip, (void *)(long)skb->data_end) ||
	    asks_neighbour(ip, (void *)(long)skb->data_end)) {
		count(HM_SITE_STAT_PASS_HEADER);
		return TC_ACT_UNSPEC;
	}
	return tc_encapsulate(skb, &j, sizeof *ip + bpf_ntohs(ip->payload_len), most);
}
