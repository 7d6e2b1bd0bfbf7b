/* Super-packets cut into the packets they stand for. */
#include "segment.h"
#include "tun_rig.h"

#define FLAGS_AT 13u

/* A packet of TCP or UDP in one tunnel, its checksum left to whoever sends it. */
static void super(struct rig *r, bool tcp, size_t data, uint16_t gso_size)
{
	size_t header = tcp ? 32 : 8, at = 2 * HM_IP6_LEN;

	packet(r, HOME, CN, HM_IP6_LEN + header + data, 0);
	r->k.at[HM_IP6_AT_NEXT] = tcp ? 6 : 17;
	memset(r->k.at + HM_IP6_LEN, 0, header);
	if (tcp) {
		memcpy(r->k.at + HM_IP6_LEN + 4, (uint8_t[]){ 0xff, 0xff, 0xff, 0x00 }, 4);
		r->k.at[HM_IP6_LEN + 12] = 8 << 4;
		r->k.at[HM_IP6_LEN + FLAGS_AT] = 0x99; /* CWR, ACK, PSH, FIN */
	}
	wrap(r, GCOA, HA);
	r->k.needs_csum = true;
	r->k.gso_type = tcp ? 4 : 5;
	r->k.gso_size = gso_size;
	r->k.csum_start = (uint16_t)at;
	r->k.csum_offset = tcp ? 16 : 6;
}

/* The sum over the pseudo-header, as an unfinished checksum has it. */
static uint16_t pseudo(const struct hm_pkt *k)
{
	const uint8_t *ip6 = k->at + k->csum_start - HM_IP6_LEN;
	uint32_t sum = (uint32_t)(k->len - k->csum_start) + ip6[HM_IP6_AT_NEXT];

	for (size_t i = 8; i < HM_IP6_LEN; i += 2)
		sum += (uint32_t)ip6[i] << 8 | ip6[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static unsigned field(const struct hm_pkt *k, size_t at)
{
	return (unsigned)k->at[at] << 8 | k->at[at + 1];
}

static void write_checksum(struct hm_pkt *k)
{
	uint16_t sum = pseudo(k);

	k->at[k->csum_start + k->csum_offset] = (uint8_t)(sum >> 8);
	k->at[k->csum_start + k->csum_offset + 1] = (uint8_t)sum;
}

Test(tun_segment, cuts_tcp_in_a_tunnel_as_its_sender_would)
{
	static const uint8_t flags[] = { 0x90, 0x10, 0x19 };
	struct rig *r = rig();
	struct hm_segments s;
	struct hm_pkt k;
	uint8_t room[HM_SEGMENT_HEADER_MAX + 1000];
	size_t data = 0;

	super(r, true, 2500, 1000);
	write_checksum(&r->k);
	cr_assert(hm_segments_begin(&r->k, &s));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t seq = 0xffffff00u + (uint32_t)data;

		cr_assert(hm_segments_next(&s, room, &k));
		cr_assert_eq(k.len, 112u + (i < 2 ? 1000 : 500));
		cr_assert_eq(field(&k, 4), k.len - 40);
		cr_assert_eq(field(&k, 44), k.len - 80);
		cr_assert_eq(field(&k, 84) << 16 | field(&k, 86), seq);
		cr_assert_eq(k.at[80 + FLAGS_AT], flags[i]);
		cr_assert_eq(field(&k, 96), pseudo(&k), "piece %u", i);
		cr_assert_eq(memcmp(k.at + 112, r->k.at + 112 + data, k.len - 112), 0);
		cr_assert(k.needs_csum && k.gso_type == 0 && k.csum_start == 80);
		data += k.len - 112;
	}
	cr_assert_not(hm_segments_next(&s, room, &k));
}

Test(tun_segment, cuts_udp_in_a_tunnel_with_a_length_for_each)
{
	struct rig *r = rig();
	struct hm_segments s;
	struct hm_pkt k;
	uint8_t room[HM_SEGMENT_HEADER_MAX + 1200];
	unsigned n = 0;

	super(r, false, 3000, 1200);
	write_checksum(&r->k);
	cr_assert(hm_segments_begin(&r->k, &s));
	while (hm_segments_next(&s, room, &k)) {
		cr_assert_eq(field(&k, 84), k.len - 80);
		cr_assert_eq(field(&k, 86), pseudo(&k));
		cr_assert_eq(k.len, 88u + (n < 2 ? 1200 : 600));
		n++;
	}
	cr_assert_eq(n, 3);
}

Test(tun_segment, cuts_nothing_that_is_no_super_packet_in_good_form)
{
	struct rig *r = rig();
	struct hm_segments s;

	super(r, true, 2500, 1000);
	r->k.at[80 + 12] = 0xf0; /* a longer header than there are octets */
	r->k.len = 80 + 32;
	cr_assert_not(hm_segments_begin(&r->k, &s));
	super(r, true, 2500, 1000);
	r->k.needs_csum = false;
	cr_assert_not(hm_segments_begin(&r->k, &s));
	super(r, true, 2500, 0);
	cr_assert_not(hm_segments_begin(&r->k, &s));
	super(r, true, 2500, 1000);
	r->k.csum_start = (uint16_t)(r->k.len - 10);
	cr_assert_not(hm_segments_begin(&r->k, &s));
	super(r, true, 2500, 1000);
	r->k.csum_offset = 2;
	cr_assert_not(hm_segments_begin(&r->k, &s));
}
