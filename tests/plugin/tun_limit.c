/* The Tunnel Encapsulation Limit (RFC 2473 4.1.1). */
#include "tun_rig.h"

/* What was sent arrives where it is to be sent on, from there. */
static void arrive(struct rig *r, const char *src)
{
	struct hm_addr from = addr(src), gcoa = addr(GCOA);

	memmove(r->buffer + HM_PKT_ROOM, r->k.at, r->k.len);
	r->k.at = r->buffer + HM_PKT_ROOM;
	r->k.room = HM_PKT_ROOM;
	hm_pkt_set_src(&r->k, &from);
	hm_pkt_set_dst(&r->k, &gcoa);
}

Test(tun_limit, the_limit_is_begun_handed_on_and_obeyed)
{
	struct rig *r = server();

	packet(r, CN, HOME, 600, 0);
	wrap(r, HA, GCOA);
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_eq(hm_pkt_next(&r->k), HM_NH_IPV6, "two levels need none");
	for (unsigned limit = HM_ENCAP_LIMIT + 1; limit-- > 0;) {
		arrive(r, HA);
		cr_assert_eq(out(r), HM_FATE_SEND);
		cr_assert_eq(hm_pkt_next(&r->k), HM_NH_DSTOPTS);
		cr_assert_eq(r->k.at[44], limit);
		expect_ends(r, MS, LCOA);
	}
	arrive(r, HA);
	cr_assert_eq(out(r), HM_FATE_INJECT);
	expect_ends(r, MS, HA);
	cr_assert_arr_eq(r->k.at + 40, "\4\0", 2, "no Parameter Problem, code 0");
	cr_assert_arr_eq(r->k.at + 44, "\0\0\0\x2c", 4, "does not point at the limit");
	cr_assert_eq(count(r, HM_STAT_DROP_ENCAP_LIMIT), 1);
}

Test(tun_limit, a_limit_in_front_of_a_tunnelled_packet_is_taken_off)
{
	struct rig *r = server();
	struct hm_addr lcoa = addr(LCOA), ms = addr(MS);
	struct pieces p;

	packet(r, GCOA, CN, 600, 0);
	cr_assert(hm_pkt_push(&r->k, &lcoa, &ms, 3));
	cr_assert_eq(in(r), HM_FATE_INJECT);
	expect_whole(r, GCOA, CN, 600);
	packet(r, GCOA, CN, 1280, 0);
	cr_assert(hm_pkt_push(&r->k, &lcoa, &ms, 3));
	p = cut(r, 1);
	cr_assert_eq(hm_tunnel_head((struct hm_span){ p.of[1].b, p.of[1].len }).len, 48);
	cr_assert_eq(in_piece(r, &p, 0), HM_FATE_DROP);
	cr_assert_eq(in_piece(r, &p, 1), HM_FATE_INJECT);
	expect_whole(r, GCOA, CN, 1280);
}

/* A program on the mobile host that tunnels, and limits that. */
Test(tun_limit, a_mobile_host_hands_a_limit_on_and_begins_none)
{
	struct rig *r = rig();
	struct hm_addr home = addr(HOME), cn = addr(CN);

	put_home(r);
	packet(r, "2001:db8:77::1", "2001:db8:88::1", 600, 0);
	wrap(r, "2001:db8:77::2", "2001:db8:88::2");
	cr_assert(hm_pkt_push(&r->k, &home, &cn, HM_ENCAP_NO_LIMIT));
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_eq(hm_pkt_next(&r->k), HM_NH_IPV6);
	packet(r, "2001:db8:77::1", "2001:db8:88::1", 600, 0);
	cr_assert(hm_pkt_push(&r->k, &home, &cn, 2));
	cr_assert_eq(out(r), HM_FATE_SEND);
	cr_assert_eq(r->k.at[44], 0);
	cr_assert_eq(r->k.at[48 + 44], 1);
	packet(r, "2001:db8:77::1", "2001:db8:88::1", 600, 0);
	cr_assert(hm_pkt_push(&r->k, &home, &cn, 1));
	cr_assert_eq(out(r), HM_FATE_INJECT);
	cr_assert_eq(count(r, HM_STAT_DROP_ENCAP_LIMIT), 1);
}
