/* Which packets reach the roles: octets in, as from the packet socket. */
#include "host/rx.h"

#include "lib/addr.h"

#include <criterion/criterion.h>

struct world {
	struct hm_rx_options options;
	struct hm_wire_numbers numbers;
	struct hm_counters counters;
	unsigned heard;
	struct hm_packet last;
};

static bool is_local(void *arg, const struct hm_addr *a)
{
	const struct hm_addr own = addr("2001:db8:f1::1");

	(void)arg;
	return hm_addr_eq(a, &own);
}

static void on_packet(void *arg, const struct hm_packet *packet, struct hm_span bytes,
                      const struct hm_signed_part *part)
{
	struct world *w = arg;

	(void)bytes;
	(void)part;
	w->heard++;
	w->last = *packet;
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->numbers = hm_wire_defaults;
	w->options = (struct hm_rx_options){ .numbers = &w->numbers,
		                             .counters = &w->counters,
		                             .is_local = is_local,
		                             .packet = on_packet,
		                             .arg = w };
}

/* `cut` octets are missing at its end. */
static void take_packet(struct world *w, const struct hm_packet *packet, size_t cut)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr wr = hm_wr(room, sizeof room);
	struct hm_signed_part part;

	cr_assert_eq(hm_packet_write(packet, &w->numbers, &wr, &part), HM_OK);
	hm_rx_take(&w->options, (struct hm_span){ room, wr.len - cut }, 7);
}

/* A Registration Request to an address. */
static void take(struct world *w, const char *dst, size_t cut)
{
	const struct hm_packet packet = {
		.src = addr("2001:db8:f1:1::99"),
		.dst = addr(dst),
		.has_home = true,
		.home = addr("2001:db8:1::aa"),
		.kind = HM_MSG_REG_REQUEST,
		.reg = { .ack = true, .malen = 64, .seq = 1, .lifetime_s = 600 }
	};

	take_packet(w, &packet, cut);
}

Test(rx, a_message_to_this_machine_is_heard_with_its_interface)
{
	struct world w;

	open_world(&w);
	take(&w, "2001:db8:f1::1", 0);
	cr_expect_eq(w.heard, 1);
	cr_expect_eq(w.last.kind, HM_MSG_REG_REQUEST);
	cr_expect_eq(w.last.ifindex, 7);
	cr_expect_eq(w.counters.n[HM_COUNT_RX], 1);
}

Test(rx, what_passes_through_is_nobodys_business)
{
	struct world w;

	open_world(&w);
	take(&w, "2001:db8:f1::2", 0);
	take(&w, "2001:db8:f1::2", 3);
	cr_expect_eq(w.heard, 0);
	cr_expect_eq(w.counters.n[HM_COUNT_RX], 0);
	cr_expect_eq(w.counters.dropped[HM_DROP_TRUNCATED], 0);
}

Test(rx, all_routers_is_an_address_of_ours)
{
	const struct hm_packet packet = { .src = addr("2001:db8:f2::1"),
		                          .dst = hm_addr_all_routers,
		                          .kind = HM_MSG_MSINFO,
		                          .msinfo = { .plen = 64, .ms = addr("2001:db8:f2::1") } };
	struct world w;

	open_world(&w);
	take_packet(&w, &packet, 0);
	cr_expect_eq(w.heard, 1);
}

Test(rx, a_broken_message_is_counted_by_its_fault)
{
	struct world w;

	open_world(&w);
	take(&w, "2001:db8:f1::1", 3);
	cr_expect_eq(w.heard, 0);
	cr_expect_eq(w.counters.dropped[HM_DROP_TRUNCATED], 1);
}

Test(rx, a_header_alone_is_ignored)
{
	struct world w;
	const uint8_t octets[40] = { 0x60 };

	open_world(&w);
	hm_rx_take(&w.options, (struct hm_span){ octets, sizeof octets }, 1);
	hm_rx_take(&w.options, (struct hm_span){ octets, 3 }, 1);
	cr_expect_eq(w.heard, 0);
}
