/* The host's programs beside the data plane in user space, with the same entries: one packet at a
 * time through both. In a network namespace of its own, with one link and one neighbour on it. */
#ifndef HM_TESTS_BPF_HOST_RIG_H
#define HM_TESTS_BPF_HOST_RIG_H

#include "host_state.h"
#include "tunnel-tun/entries.h"

#include "entry_rig.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <host.skel.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define COA2 "2001:db8:9::9"
#define HOME2 "2001:db8:2::bb"

#define MAC 14u
#define TAKEN_OUT TC_ACT_REDIRECT
#define ROOM 3000u
#define TEST_SUMMED 4u /* BPF_F_TEST_SKB_CHECKSUM_COMPLETE */

struct rig {
	struct hm_path path;
	struct hm_host_bpf *skel;
	struct hm_host_state state;
	int link, tunnels;
	uint8_t buffer[HM_PKT_ROOM + 65536]; /* what user space makes of it */
	struct hm_pkt k;
	uint8_t frame[ROOM], result[ROOM + 200]; /* what a program gets, and makes of it */
	size_t frame_len, result_len;
	struct hm_seen seen;
	uint16_t gso_size; /* of the next packet for a program */
};

static struct rig *rig;

static void host_log(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	(void)text;
}

static int64_t host_now_ms(void *host)
{
	(void)host;
	return 5000;
}

static void host_random(void *host, void *buf, size_t len)
{
	(void)host;
	memset(buf, 7, len);
}

static struct {
	unsigned n;
	int what;
	uint8_t home[16], peer[16];
} reported;

static void host_seen(void *host, int what, const uint8_t home[16], const uint8_t peer[16])
{
	(void)host;
	reported.n++;
	reported.what = what;
	memcpy(reported.home, home, 16);
	memcpy(reported.peer, peer, 16);
}

static const struct hm_host_api api = { .size = sizeof api,
	                                .log = host_log,
	                                .now_ms = host_now_ms,
	                                .random = host_random,
	                                .seen = host_seen };

/* Everything is behind one neighbour. */
static void lay_out(void)
{
	static const char *const commands[] = {
		"ip link add w type veth peer name x",
		"ip link set w address 02:00:00:00:00:01 mtu 1500 up",
		"ip link set x up",
		"ip addr add 2001:db8:a::98/64 dev w nodad",
		"ip neigh add 2001:db8:a::1 lladdr 02:00:00:00:00:02 dev w nud permanent",
		"ip -6 route add default via 2001:db8:a::1",
		"ip tuntap add dev hmip0 mode tun",
		"ip link set hmip0 up",
		"ip addr add " HOME2 "/128 dev hmip0 nodad",
		"echo 1 >/proc/sys/net/ipv6/conf/hmip0/forwarding",
	};

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		cr_assert_eq(system(commands[i]), 0, "%s", commands[i]);
}

static struct hm_host_bpf *load(void)
{
	struct hm_host_bpf *skel = hm_host_bpf__open();

	cr_assert(skel);
	skel->rodata->hm_mark = 99;
	skel->rodata->hm_tunnels = (uint32_t)rig->tunnels;
	skel->rodata->hm_out_l2 = MAC;
	cr_assert_eq(hm_host_bpf__load(skel), 0);
	return skel;
}

static void set_up(void)
{
	static const uint64_t seed[5] = { 11, 12, 13, 14, 15 };

	if (geteuid() != 0)
		cr_skip_test("needs root");
	if (unshare(CLONE_NEWNET) != 0)
		cr_skip_test("needs network namespaces");
	rig = calloc(1, sizeof *rig);
	cr_assert(rig && hm_table_init(&rig->path.table, seed));
	rig->path.now_ms = 5000;
	lay_out();
	rig->link = (int)if_nametoindex("w");
	rig->tunnels = (int)if_nametoindex("hmip0");
	rig->skel = load();
	cr_assert(hm_host_state_init(&rig->state, rig->skel, false, &api));
}

static void tear_down(void)
{
	if (!rig)
		return;
	hm_host_state_finish(&rig->state);
	hm_host_bpf__destroy(rig->skel);
	hm_table_finish(&rig->path.table);
	free(rig);
}

TestSuite(bpf_host, .init = set_up, .fini = tear_down);

static void put(struct hm_tunnel_entry e)
{
	struct hm_entry_change change;

	cr_assert_eq(hm_entries_put(&rig->path, &e, &change), HM_PLUGIN_OK);
	hm_host_state_put(&rig->state, &e);
}

static void del(struct hm_tunnel_entry e)
{
	struct hm_entry_change change;

	hm_entries_del(&rig->path, &e, &change);
	hm_host_state_del(&rig->state, &e);
}

static struct hm_tunnel_entry home(unsigned n_hops)
{
	struct hm_tunnel_entry e = entry(HM_TUNNEL_HOME, HOME, "::", "::");

	if (n_hops > 1)
		add_hop(&e, GCOA, HA);
	for (unsigned i = 2; i < n_hops; i++) {
		set(e.hops[e.n_hops].local, "2001:db8:f0::aa");
		set(e.hops[e.n_hops].remote, "2001:db8:f0::1");
		e.hops[e.n_hops].local[5] = e.hops[e.n_hops].remote[5] = (uint8_t)i;
		e.n_hops++;
	}
	if (n_hops > 0)
		add_hop(&e, LCOA, MS);
	return e;
}

static struct hm_tunnel_entry own(const char *match, unsigned hops)
{
	struct hm_tunnel_entry e = entry(HM_TUNNEL_OWN, match, hops ? GCOA : LCOA, "::");

	set(e.home, HOME);
	if (hops)
		add_hop(&e, LCOA, MS);
	return e;
}

static void packet(const char *src, const char *dst, uint8_t next, size_t len, uint8_t tclass)
{
	struct hm_wr w = hm_wr(rig->buffer + HM_PKT_ROOM, 65536);
	struct hm_ip6 ip6 = { .tclass = tclass,
		              .flow = 0x12345,
		              .payload_len = (uint16_t)(len - HM_IP6_LEN),
		              .next = next,
		              .hop_limit = 60,
		              .src = addr(src),
		              .dst = addr(dst) };

	hm_ip6_write(&w, &ip6);
	for (size_t i = HM_IP6_LEN; i < len; i++)
		hm_wr_u8(&w, (uint8_t)i);
	rig->k = (struct hm_pkt){ .at = rig->buffer + HM_PKT_ROOM,
		                  .len = w.len,
		                  .room = HM_PKT_ROOM };
}

static void wrap(const char *src, const char *dst)
{
	struct hm_addr from = addr(src), to = addr(dst);

	cr_assert(hm_pkt_push(&rig->k, &from, &to, HM_ENCAP_NO_LIMIT));
}

static int run(const struct bpf_program *prog, int ifindex)
{
	static const uint8_t head[MAC] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd };
	struct __sk_buff skb = { .ifindex = (uint32_t)ifindex, .gso_size = rig->gso_size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = rig->frame, .data_out = rig->result,
	            .data_size_out = sizeof rig->result, .ctx_in = &skb, .ctx_size_in = sizeof skb,
	            .repeat = 1);
	int err;

	memcpy(rig->frame, head, MAC);
	memcpy(rig->frame + MAC, rig->k.at, rig->k.len);
	rig->frame_len = MAC + rig->k.len;
	opts.data_size_in = (uint32_t)rig->frame_len;
	/* The packet comes in as from a device that sums it up (CHECKSUM_COMPLETE), and the kernel
	 * checks that the sum is still the packet's (EBADMSG), if it is of 6.16 or later. */
	opts.flags = ifindex == rig->link ? TEST_SUMMED : 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err == -EINVAL && opts.flags) {
		opts.flags = 0;
		err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	}
	cr_assert_eq(err, 0, "%d", err);
	rig->result_len = opts.data_size_out;
	return (int)opts.retval;
}

static bool is_same(const uint8_t *want, size_t len)
{
	return rig->result_len == MAC + len && memcmp(rig->result + MAC, want, len) == 0;
}

static bool is_untouched(void)
{
	return is_same(rig->frame + MAC, rig->frame_len - MAC);
}

/* The packet at hand through both. True: the program took it, and rightly so. */
static bool out(void)
{
	int verdict = run(rig->skel->progs.hm_host_out, rig->tunnels);
	enum hm_fate fate;

	rig->seen.any = false;
	fate = hm_path_out(&rig->path, &rig->k, &rig->seen);
	if (verdict == TAKEN_OUT) {
		cr_assert_eq(fate, HM_FATE_SEND);
		cr_assert(is_same(rig->k.at, rig->k.len), "made another packet of it");
		return true;
	}
	cr_assert_eq(verdict, TC_ACT_UNSPEC);
	cr_assert(is_untouched());
	return false;
}

static bool in(void)
{
	int verdict = run(rig->skel->progs.hm_host_in, rig->link);
	bool taken = !is_untouched();
	enum hm_fate fate;

	rig->seen.any = false;
	fate = hm_path_in(&rig->path, &rig->k, &rig->seen);
	cr_assert_eq(verdict, TC_ACT_UNSPEC);
	if (taken) {
		cr_assert_eq(fate, HM_FATE_INJECT);
		cr_assert(is_same(rig->k.at, rig->k.len), "made another packet of it");
	}
	return taken;
}

static void same_count(struct hm_tunnel_entry e)
{
	struct hm_tunnel_count c = { 0 };
	const struct hm_item *item = hm_entries_find(&rig->path, &e);

	cr_assert(item);
	hm_host_state_count(&rig->state, &e, &c);
	cr_assert_eq(memcmp(&c, &item->count, sizeof c), 0, "kind %u: %u %u %u %u, not %u %u %u %u",
	             e.kind, (unsigned)c.packets_in, (unsigned)c.octets_in, (unsigned)c.packets_out,
	             (unsigned)c.octets_out, (unsigned)item->count.packets_in,
	             (unsigned)item->count.octets_in, (unsigned)item->count.packets_out,
	             (unsigned)item->count.octets_out);
}

#endif
