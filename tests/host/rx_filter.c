/* The program that chooses packets, run by the kernel: on one end of a socket pair, to which a
 * datagram is what a packet is to a packet socket. */
#include "host/rx_filter.h"

#include "lib/addr.h"
#include "base/cursor.h"
#include "base/err.h"
#include "wire/ip6.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWN "2001:db8:f1::1"
#define LINK "fe80::1"

struct pair {
	int in, out;
};

static struct pair open_pair(void)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	return (struct pair){ ends[0], ends[1] };
}

/* Whether a packet with that next header and, for ICMPv6, type is let through. */
static bool passes(const struct pair *pair, uint8_t next, uint8_t type, const char *dst)
{
	uint8_t packet[HM_IP6_LEN + 24];
	struct hm_wr w = hm_wr(packet, sizeof packet);
	struct hm_ip6 ip6 = { .payload_len = 24,
		              .next = next,
		              .hop_limit = 64,
		              .src = addr("2001:db8:9::9"),
		              .dst = addr(dst) };

	hm_ip6_write(&w, &ip6);
	hm_wr_u8(&w, type);
	hm_wr_zero(&w, sizeof packet - w.len);
	(void)send(pair->in, packet, sizeof packet, 0);
	return recv(pair->out, packet, sizeof packet, MSG_DONTWAIT) == (ssize_t)sizeof packet;
}

static struct hm_rx_filter *filter(void)
{
	static struct hm_rx_filter f;

	return &f;
}

static void attach_own(const struct pair *pair, const struct hm_addr *own, size_t n)
{
	cr_assert(hm_rx_filter_own(filter(), own, n));
	cr_assert_eq(hm_rx_filter_attach(pair->out, filter()), HM_OK);
}

/* Every next header and ICMPv6 type there is, to `dst`; what must pass: options and routing headers
 * and errors when `ours`, and discovery always. */
static void expect_kinds(const struct pair *pair, const char *dst, bool ours)
{
	for (unsigned next = 0; next < 256; next++) {
		bool want = ours && (next == 0 || next == 43 || next == 60);

		if (next != HM_NH_ICMPV6)
			cr_assert_eq(passes(pair, (uint8_t)next, 3, dst), want, "%u to %s", next,
			             dst);
	}
	for (unsigned type = 0; type < 256; type++) {
		bool want = (ours && type >= 1 && type <= 4) || (type >= 133 && type <= 136) ||
		            type == 144 || type == 145;

		cr_assert_eq(passes(pair, HM_NH_ICMPV6, (uint8_t)type, dst), want,
		             "ICMPv6 %u to %s", type, dst);
	}
}

Test(rx_filter, only_what_is_for_this_machine_passes)
{
	struct pair pair = open_pair();
	const struct hm_addr own[] = { addr(OWN), addr(LINK), addr("2001:db8:f1:1::1"),
		                       addr(LINK) };

	attach_own(&pair, own, 4);
	expect_kinds(&pair, OWN, true);
	expect_kinds(&pair, LINK, true);
	expect_kinds(&pair, "2001:db8:f1:1::1", true);
	expect_kinds(&pair, "ff02::1", true);
	expect_kinds(&pair, "ff02::2", true);
	expect_kinds(&pair, "ff02::1:ff00:1", false);
	expect_kinds(&pair, "2001:db8:f1::fdff:ffff:ffff:fffe", false);
	/* One word differs from an address of ours, each in turn. */
	expect_kinds(&pair, "2001:db8:f1::2", false);
	expect_kinds(&pair, "2001:db8:f1::1:0:1", false);
	expect_kinds(&pair, "2001:db8:f2::1", false);
	expect_kinds(&pair, "2001:db9:f1::1", false);
}

Test(rx_filter, before_addresses_are_known_all_destinations_pass)
{
	struct pair pair = open_pair();

	hm_rx_filter_any(filter());
	cr_assert_eq(hm_rx_filter_attach(pair.out, filter()), HM_OK);
	expect_kinds(&pair, OWN, true);
	expect_kinds(&pair, "2001:db8:77::1", true);
}

Test(rx_filter, without_addresses_only_groups_pass)
{
	struct pair pair = open_pair();

	attach_own(&pair, NULL, 0);
	expect_kinds(&pair, "ff02::2", true);
	expect_kinds(&pair, OWN, false);
}

Test(rx_filter, a_filter_takes_the_place_of_another)
{
	struct pair pair = open_pair();
	const struct hm_addr first = addr(OWN), second = addr(LINK);

	attach_own(&pair, &first, 1);
	cr_assert(passes(&pair, 60, 0, OWN) && !passes(&pair, 60, 0, LINK));
	attach_own(&pair, &second, 1);
	cr_assert(!passes(&pair, 60, 0, OWN) && passes(&pair, 60, 0, LINK));
}

Test(rx_filter, many_addresses_fit_and_too_many_let_all_pass)
{
	static struct hm_addr own[500];
	struct pair pair = open_pair();
	size_t n = 0;

	for (size_t i = 0; i < 500; i++) {
		own[i] = addr("2001:db8:f1::");
		own[i].b[14] = (uint8_t)(i >> 8);
		own[i].b[15] = (uint8_t)i;
	}
	/* As many as the kernel's own default of net.core.optmem_max has always held. */
	attach_own(&pair, own, 100);
	cr_assert(passes(&pair, 60, 0, "2001:db8:f1::63"));
	cr_assert_not(passes(&pair, 60, 0, "2001:db8:f1::64"));
	while (n < 500 && hm_rx_filter_own(filter(), own, n))
		n++;
	cr_assert(n > 400 && n < 500, "%zu", n);
	cr_assert_eq(hm_rx_filter_attach(pair.out, filter()), HM_OK);
	expect_kinds(&pair, "2001:db8:77::1", true);
	cr_assert(hm_rx_filter_own(filter(), own, n - 1));
	cr_assert_leq(filter()->n, BPF_MAXINSNS);
}
