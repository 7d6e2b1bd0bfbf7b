/* The programs that tell the kernel's tunnel device where bindings lead, one packet at a time
 * (BPF_PROG_TEST_RUN), and the table they ask. What comes out of a tunnel has a tunnel key, which a
 * test run cannot give: that is for tunnel-ip6tnl-uml. Needs root. */
#include "bound.h"
#include "entry_rig.h"
#include "gate.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ETH 14
#define IP6 40
#define TCP 32 /* with twelve octets of options */
#define REST 77
#define LCOA2 "2001:db8:a::9a"
#define GCOA2 "2001:db8:f::ab"

static struct hm_bound b;
static uint8_t frame[ETH + 2000];

static void open_two(void)
{
	int err = hm_bound_open(&b, 2, REST);

	cr_assert_eq(err, 0, "%s", strerror(-err));
}

static void close_it(void)
{
	hm_bound_close(&b);
}

TestSuite(ip6tnl_bound, .init = open_two, .fini = close_it);

static struct hm_bound_way way(const char *match, const char *remote)
{
	return (struct hm_bound_way){ .match = addr(match),
		                      .local = addr(MS),
		                      .remote = addr(remote),
		                      .out = true,
		                      .in = true };
}

/* An IPv6 packet to that address, of `len` octets. */
static void write_frame(const char *dst, uint8_t next, size_t len)
{
	memset(frame, 0, sizeof frame);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	frame[ETH] = 0x6b; /* a class of traffic of 0xb8 */
	frame[ETH + 1] = 0x80;
	frame[ETH + 4] = (uint8_t)((len - IP6) >> 8);
	frame[ETH + 5] = (uint8_t)(len - IP6);
	frame[ETH + 6] = next;
	frame[ETH + 7] = 60;
	set(frame + ETH + 8, CN);
	set(frame + ETH + 24, dst);
	frame[ETH + IP6 + 12] = TCP / 4 << 4;
}

/* The verdict. A test run's packet has the header of a link, which counts as a part of its length;
 * on a tunnel device there is none. */
static int run_frame(enum hm_bound_fd program, size_t len, uint32_t gso_size, uint32_t segments)
{
	struct __sk_buff ctx = { .gso_size = gso_size, .gso_segs = segments };
	union bpf_attr attr = { .test = { .prog_fd = (uint32_t)b.fd[program],
		                          .data_in = (uint64_t)(uintptr_t)frame,
		                          .data_size_in = (uint32_t)len,
		                          .ctx_in = (uint64_t)(uintptr_t)&ctx,
		                          .ctx_size_in = sizeof ctx } };
	long err = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof attr);

	cr_assert_eq(err, 0, "%s", strerror(errno));
	return (int)attr.test.retval;
}

static int run(enum hm_bound_fd program, const char *dst, size_t len)
{
	write_frame(dst, 17, len - ETH);
	return run_frame(program, len, 0, 0);
}

static uint64_t packets_out(uint32_t slot)
{
	struct hm_tunnel_count c = { .packets_out = 0 };

	hm_bound_count(&b, slot, &c);
	return c.packets_out;
}

Test(ip6tnl_bound, leads_what_is_bound_and_counts_it)
{
	struct hm_bound_way w = way(GCOA, LCOA);
	struct hm_tunnel_count total, c = { .octets_out = 0 };

	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_assert_neq(w.slot, 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_OK);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA2, 200), TC_ACT_UNSPEC);
	hm_bound_count(&b, w.slot, &c);
	cr_expect_eq(c.packets_out, 1);
	cr_expect_eq(c.octets_out, 200);
	hm_bound_total(&b, &total);
	cr_expect_eq(total.packets_out, 1);
	cr_expect_eq(total.octets_out, 200);
}

Test(ip6tnl_bound, leaves_alone_what_goes_another_way)
{
	struct hm_bound_way w = way(GCOA, LCOA);

	w.out = false;
	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_UNSPEC);
	w.out = true;
	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_OK);
}

Test(ip6tnl_bound, leaves_alone_what_is_too_long_for_a_narrow_path)
{
	struct hm_bound_way w = way(GCOA, LCOA);

	w.mtu = 1300;
	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 1300), TC_ACT_OK);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 1301), TC_ACT_UNSPEC);
}

Test(ip6tnl_bound, measures_the_segments_of_a_super_packet)
{
	const uint32_t fits = 1300 - IP6 - TCP;
	struct hm_bound_way w = way(GCOA, LCOA);

	w.mtu = 1300;
	cr_assert_eq(hm_bound_put(&b, &w), 0);
	write_frame(GCOA, 6, 1900);
	cr_expect_eq(run_frame(HM_BOUND_OUT, ETH + 1900, fits, 2), TC_ACT_OK);
	cr_expect_eq(run_frame(HM_BOUND_OUT, ETH + 1900, fits + 1, 2), TC_ACT_UNSPEC);
	cr_expect_eq(packets_out(w.slot), 2, "a super-packet counts as its segments");
	write_frame(GCOA, 17, 1900);
	cr_expect_eq(run_frame(HM_BOUND_OUT, ETH + 1900, 1300 - IP6 - 8, 2), TC_ACT_OK);
	cr_expect_eq(run_frame(HM_BOUND_OUT, ETH + 1900, 1300 - IP6 - 7, 2), TC_ACT_UNSPEC);
}

Test(ip6tnl_bound, hands_on_what_is_not_bound)
{
	cr_expect_eq(run(HM_BOUND_REST, GCOA, 200), TC_ACT_REDIRECT);
}

Test(ip6tnl_bound, refuses_what_no_tunnel_brought)
{
	struct hm_bound_way w = way(GCOA, LCOA);
	struct hm_tunnel_count total;

	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_expect_eq(run(HM_BOUND_IN, GCOA, 200), TC_ACT_UNSPEC);
	cr_expect_eq(run(HM_BOUND_DROP, GCOA, 200), TC_ACT_SHOT);
	hm_bound_total(&b, &total);
	cr_expect_eq(hm_bound_refused(&b), 1);
	cr_expect_eq(total.packets_in, 0);
}

Test(ip6tnl_bound, a_move_goes_on_counting_where_it_was)
{
	struct hm_bound_way w = way(GCOA, LCOA), moved = way(GCOA, LCOA2);

	cr_assert_eq(hm_bound_put(&b, &w), 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_OK);
	moved.slot = w.slot;
	cr_assert_eq(hm_bound_put(&b, &moved), 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_OK);
	cr_expect_eq(moved.slot, w.slot);
	cr_expect_eq(packets_out(w.slot), 2);
}

Test(ip6tnl_bound, has_room_for_so_many_and_for_another_when_one_goes)
{
	struct hm_bound_way first = way(GCOA, LCOA), second = way(GCOA2, LCOA),
	                    third = way(HOME, LCOA);
	struct hm_tunnel_count total;

	cr_assert_eq(hm_bound_put(&b, &first), 0);
	cr_assert_eq(hm_bound_put(&b, &second), 0);
	cr_expect_neq(first.slot, second.slot);
	cr_expect_eq(hm_bound_put(&b, &third), -E2BIG);
	cr_expect_eq(third.slot, 0);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_OK);
	hm_bound_del(&b, &first.match, first.slot);
	cr_expect_eq(run(HM_BOUND_OUT, GCOA, 200), TC_ACT_UNSPEC);
	cr_assert_eq(hm_bound_put(&b, &third), 0);
	cr_expect_eq(packets_out(third.slot), 0, "it counts what another has");
	cr_expect_eq(run(HM_BOUND_OUT, HOME, 200), TC_ACT_OK);
	cr_expect_eq(packets_out(third.slot), 1);
	cr_expect_eq(packets_out(second.slot), 0);
	hm_bound_total(&b, &total);
	cr_expect_eq(total.packets_out, 2, "what went with a binding");
	cr_expect_eq(total.octets_out, 400);
}

/* Of a mobile host's programs, that the kernel takes them. */
Test(ip6tnl_bound, the_gate_of_a_mobile_host_opens)
{
	struct hm_gate g;
	int err = hm_gate_open(&g);

	cr_assert_eq(err, 0, "%s", strerror(-err));
	hm_gate_close(&g);
}
