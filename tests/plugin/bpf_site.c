/* The site's programs against the data plane in user space: whatever a program takes becomes, octet
 * by octet, what that one would have made of it; everything else passes on as it was. Packets are
 * drawn at random, whole and broken ones. The kernel runs the programs; nothing is attached. */
#include "maps.h"

#include "entries.h"

#include "base/rand.h"
#include "lib/addr.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#define ETH 14u
#define PORT 1u /* the loopback's number: what the kernel names as the device of test runs */
#define MTU 1500u
#define MS "2001:db8:f::1"
#define GCOA "2001:db8:f::aa"
#define ONE_WAY "2001:db8:f::bb"
#define REWRITTEN "2001:db8:f::cc"
#define LCOA "2001:db8:a::99"
#define CN "2001:db8:c::1"

enum hook { XDP, TC };

struct rig {
	struct hm_maps maps;
	struct hm_path path;
	struct hm_rand rand;
	__u64 packets; /* that each binding has counted before a run */
	uint8_t frame[2048], out[2048];
	uint8_t ours[HM_PKT_ROOM + 2048];
};

static struct hm_site_addr site_addr(const char *text)
{
	struct hm_addr a = addr(text);
	struct hm_site_addr v;

	memcpy(&v, a.b, sizeof v);
	return v;
}

static void bind_both(struct rig *r, const char *match, uint8_t one_way, uint8_t rewrite)
{
	struct hm_tunnel_entry e = {
		.size = sizeof e, .kind = HM_TUNNEL_ENCAP, .one_way = one_way, .rewrite = rewrite
	};
	struct hm_site_addr m = site_addr(match), remote = site_addr(LCOA);
	struct hm_addr a = addr(match), local = addr(MS), to = addr(LCOA);
	struct hm_entry_change change;
	struct hm_site_slot *s;

	memcpy(e.match, a.b, 16);
	memcpy(e.local, local.b, 16);
	memcpy(e.remote, to.b, 16);
	cr_assert_eq(hm_entries_put(&r->path, &e, &change), 0);
	cr_assert(hm_slots_put(
	        &r->maps.table, &m, &remote, 0,
	        (__u8)((one_way ? HM_SITE_ONE_WAY : 0) | (rewrite ? HM_SITE_REWRITE : 0))));
	s = hm_slots_find(&r->maps.table, &m);
	s->next_hop = 0x020304050607ull << 16 | PORT << 8;
}

/* A packet in so many asks the kernel for its next hop, which these tests have not: not these. */
static void set_counts(struct rig *r)
{
	for (__u32 i = 0; i < r->maps.table.config->n_slots + HM_SITE_PROBE; i++)
		r->maps.table.slots[i].packets_out = r->packets;
}

/* NULL: this machine does not run programs, and the test is skipped. */
static struct rig *rig(void)
{
	static const __u64 seed[4] = { 1, 2, 3, 4 };
	static const uint64_t tun_seed[5] = { 1, 2, 3, 4, 5 };
	static struct rig r;
	struct hm_site_config *c;
	__u32 port = PORT, ifindex = PORT;
	int err = hm_maps_make(&r.maps, 64, NULL, seed);

	if (err) {
		cr_skip_test("programs cannot be loaded here: %s", strerror(-err));
		return NULL;
	}
	c = r.maps.table.config;
	c->prefixes[0].net = site_addr("2001:db8:f::");
	c->prefixes[0].mask = site_addr("ffff:ffff:ffff:ffff::");
	c->n_prefixes = 1;
	c->locals[0] = site_addr(MS);
	c->n_locals = 1;
	c->ports[PORT] = (struct hm_site_port){ .ifindex = PORT, .mtu = MTU, .xdp_target = 1 };
	cr_assert_eq(bpf_map_update_elem(r.maps.devices_fd, &port, &ifindex, BPF_ANY), 0);
	cr_assert(hm_table_init(&r.path.table, tun_seed));
	r.path.now_ms = 5000;
	bind_both(&r, GCOA, 0, 0);
	bind_both(&r, ONE_WAY, 1, 0);
	bind_both(&r, REWRITTEN, 0, 1);
	hm_rand_init(&r.rand, 20260101);
	return &r;
}

static const char *one_of(struct rig *r, const char *const *list, uint32_t n)
{
	return list[hm_rand_below(&r->rand, n)];
}

static void write_header(struct rig *r, uint8_t *p, const char *src, const char *dst, uint8_t next,
                         size_t payload)
{
	struct hm_addr s = addr(src), d = addr(dst);

	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)hm_rand_next(&r->rand);
	p[0] = (uint8_t)(0x60 | (p[0] & 0xf));
	p[4] = (uint8_t)(payload >> 8);
	p[5] = (uint8_t)payload;
	p[6] = next;
	p[7] = (uint8_t)(hm_rand_below(&r->rand, 8) ? 2 + hm_rand_below(&r->rand, 250)
	                                            : hm_rand_below(&r->rand, 2));
	memcpy(p + 8, s.b, 16);
	memcpy(p + 24, d.b, 16);
}

static const char *const sources[] = { CN, CN, CN, CN, LCOA, GCOA, "fe80::1", "::", "ff02::1" };
static const char *const inner_sources[] = {
	GCOA, GCOA, ONE_WAY, "2001:db8:f::dd", LCOA, "fe80::1"
};
static const char *const targets[] = { GCOA,      GCOA, ONE_WAY, "2001:db8:f::dd", REWRITTEN,
	                               REWRITTEN, MS,   CN,      "fe80::2",        "ff0e::1:2" };
static const uint8_t nexts[] = { 6, 17, 17, 58, 41, 41, 0, 60, 59, 44, 50 };

/* A frame with one packet, or with one in another; its length. */
static size_t draw(struct rig *r, bool reverse)
{
	size_t payload = 1 + hm_rand_below(&r->rand, 1480);
	uint8_t next = nexts[hm_rand_below(&r->rand, sizeof nexts)];
	uint8_t *p = r->frame + ETH;

	memset(r->frame, 0, ETH);
	r->frame[12] = 0x86;
	r->frame[13] = 0xdd;
	for (size_t i = 0; i < payload + 80; i++)
		p[i] = (uint8_t)hm_rand_next(&r->rand);
	if (reverse) {
		payload = payload < 1380 ? payload : 1380;
		write_header(r, p, hm_rand_below(&r->rand, 8) ? LCOA : CN, MS, 41, payload + 40);
		write_header(r, p + 40, one_of(r, inner_sources, 6), one_of(r, targets, 10), next,
		             payload);
		payload += 40;
	} else {
		write_header(r, p, one_of(r, sources, 9), one_of(r, targets, 10), next, payload);
		/* Tunnels in tunnels: where a nest begins a limit, programs must not. */
		if (next == 41 && payload >= 80)
			write_header(r, p + 40, CN, GCOA,
			             nexts[hm_rand_below(&r->rand, sizeof nexts)], payload - 40);
	}
	/* Cut short or padded, now and then; a version that is none. */
	if (hm_rand_below(&r->rand, 20) == 0)
		p[0] ^= 0x20;
	if (hm_rand_below(&r->rand, 20) == 0)
		return ETH + 40 + payload - hm_rand_below(&r->rand, (uint32_t)payload);
	return ETH + 40 + payload + (hm_rand_below(&r->rand, 10) == 0 ? 7 : 0);
}

/* Runs the program; the number of octets it left in r->out. */
static size_t run(struct rig *r, enum hook hook, size_t len, uint32_t *ret_verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = r->frame, .data_size_in = (__u32)len,
	            .data_out = r->out, .data_size_out = sizeof r->out);
	int err;

	set_counts(r);
	err = bpf_prog_test_run_opts(hook == XDP ? r->maps.xdp_fd : r->maps.tc_fd, &opts);

	cr_assert_eq(err, 0, "%s", strerror(-err));
	*ret_verdict = opts.retval;
	return opts.data_size_out;
}

/* What user space makes of it, without the Ethernet header; the kernel, which hands it packets to
 * forward, has counted the hop limit before. */
static enum hm_fate in_user_space(struct rig *r, size_t len, bool reverse, struct hm_pkt *ret_k)
{
	struct hm_seen seen;

	memcpy(r->ours + HM_PKT_ROOM, r->frame + ETH, len - ETH);
	*ret_k = (struct hm_pkt){ .at = r->ours + HM_PKT_ROOM,
		                  .len = len - ETH,
		                  .room = HM_PKT_ROOM };
	if (!reverse)
		ret_k->at[7]--;
	return reverse ? hm_path_in(&r->path, ret_k, &seen) : hm_path_out(&r->path, ret_k, &seen);
}

static void compare(struct rig *r, enum hook hook, bool reverse, unsigned n, unsigned *ret_taken)
{
	const uint32_t pass = hook == XDP ? XDP_PASS : (uint32_t)TC_ACT_UNSPEC;
	const uint32_t deliver = hook == XDP ? XDP_PASS : TC_ACT_OK;
	const uint32_t send = hook == XDP ? XDP_REDIRECT : TC_ACT_REDIRECT;

	*ret_taken = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t len = draw(r, reverse), made;
		struct hm_pkt k;
		enum hm_fate fate;
		uint32_t verdict;

		made = run(r, hook, len, &verdict);
		if (verdict == pass && made == len && memcmp(r->out, r->frame, len) == 0)
			continue;
		fate = in_user_space(r, len, reverse, &k);
		cr_assert_eq(fate, reverse ? HM_FATE_INJECT : HM_FATE_SEND, "packet %u", i);
		cr_assert_eq(verdict, reverse ? deliver : send, "packet %u: %u", i, verdict);
		cr_assert_geq(made, ETH + k.len, "packet %u", i);
		cr_assert_eq(memcmp(r->out + ETH, k.at, k.len), 0, "packet %u", i);
		++*ret_taken;
	}
}

#define COMPARISON(name, hook, reverse, least)                                                     \
	Test(bpf_site, name)                                                                       \
	{                                                                                          \
		struct rig *r = rig();                                                             \
		unsigned taken;                                                                    \
                                                                                                   \
		compare(r, hook, reverse, 20000, &taken);                                          \
		cr_assert_geq(taken, least, "%u taken", taken);                                    \
		hm_maps_drop(&r->maps);                                                            \
	}

COMPARISON(xdp_tunnels_as_user_space_does, XDP, false, 1500u)
COMPARISON(tc_tunnels_as_user_space_does, TC, false, 1500u)
COMPARISON(xdp_unpacks_as_user_space_does, XDP, true, 1500u)
COMPARISON(tc_unpacks_as_user_space_does, TC, true, 1500u)

static size_t plain(struct rig *r, const char *to, size_t payload)
{
	memset(r->frame, 0, sizeof r->frame);
	r->frame[12] = 0x86;
	r->frame[13] = 0xdd;
	write_header(r, r->frame + ETH, CN, to, 17, payload);
	r->frame[ETH + 7] = 64;
	return ETH + 40 + payload;
}

static bool is_sent(struct rig *r, enum hook hook, size_t len)
{
	uint32_t verdict;

	(void)run(r, hook, len, &verdict);
	return verdict == (hook == XDP ? (uint32_t)XDP_REDIRECT : (uint32_t)TC_ACT_REDIRECT);
}

Test(bpf_site, leaves_what_is_too_big_to_the_kernel)
{
	struct rig *r = rig();

	for (enum hook hook = XDP; hook <= TC; hook++) {
		cr_assert(is_sent(r, hook, plain(r, GCOA, MTU - 80)), "hook %d", hook);
		cr_assert_not(is_sent(r, hook, plain(r, GCOA, MTU - 79)), "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}

static struct hm_site_slot *slot(struct rig *r)
{
	struct hm_site_addr match = site_addr(GCOA);

	return hm_slots_find(&r->maps.table, &match);
}

Test(bpf_site, believes_no_next_hop_of_another_generation)
{
	struct rig *r = rig();
	__u64 next_hop = slot(r)->next_hop;

	for (enum hook hook = XDP; hook <= TC; hook++) {
		r->maps.table.config->generation = 0;
		slot(r)->next_hop = next_hop;
		cr_assert(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
		r->maps.table.config->generation = 1;
		cr_assert_not(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}

Test(bpf_site, believes_no_next_hop_at_an_address_that_was_left)
{
	struct rig *r = rig();
	__u64 next_hop = slot(r)->next_hop;
	__u8 last = (__u8)(next_hop >> 16);

	for (enum hook hook = XDP; hook <= TC; hook++) {
		slot(r)->next_hop = next_hop;
		r->maps.table.config->mac_generations[(__u8)(last + 1)]++;
		cr_assert(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
		r->maps.table.config->mac_generations[last] = 1;
		cr_assert_not(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
		r->maps.table.config->mac_generations[last] = 0;
	}
	hm_maps_drop(&r->maps);
}

/* One packet in so many looks up what is known; when nothing leads there any more, nothing may be
 * sent there until something does. */
Test(bpf_site, forgets_a_next_hop_that_one_packet_found_gone)
{
	struct rig *r = rig();
	__u64 next_hop = slot(r)->next_hop;

	for (enum hook hook = XDP; hook <= TC; hook++) {
		slot(r)->next_hop = next_hop;
		slot(r)->sampled = 0;
		r->packets = 127;
		cr_assert_not(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
		cr_assert_eq(slot(r)->next_hop, 0u, "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}

Test(bpf_site, looks_up_what_it_knows_only_now_and_then)
{
	struct rig *r = rig();
	__u64 next_hop = slot(r)->next_hop;

	for (enum hook hook = XDP; hook <= TC; hook++) {
		__u32 before;
		bool sent;

		do {
			slot(r)->next_hop = next_hop;
			before = slot(r)->sampled;
			r->packets = 127;
			sent = is_sent(r, hook, plain(r, GCOA, 100));
		} while (slot(r)->sampled != before); /* and 134 ms are over */
		cr_assert(sent, "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}

Test(bpf_site, takes_no_binding_that_is_being_written)
{
	struct rig *r = rig();
	struct hm_site_addr match = site_addr(GCOA);

	for (enum hook hook = XDP; hook <= TC; hook++) {
		hm_slots_find(&r->maps.table, &match)->version |= 1;
		cr_assert_not(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
		hm_slots_find(&r->maps.table, &match)->version++;
		cr_assert(is_sent(r, hook, plain(r, GCOA, 100)), "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}

Test(bpf_site, takes_no_frames_for_others)
{
	struct rig *r = rig();
	size_t len = plain(r, GCOA, 100);

	for (enum hook hook = XDP; hook <= TC; hook++) {
		r->frame[5] = 0;
		cr_assert(is_sent(r, hook, len), "hook %d", hook);
		r->frame[5] = 9;
		cr_assert_not(is_sent(r, hook, len), "hook %d", hook);
	}
	hm_maps_drop(&r->maps);
}
