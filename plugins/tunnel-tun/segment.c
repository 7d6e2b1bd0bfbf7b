#include "segment.h"

#define TCP_LEN 20u
#define UDP_LEN 8u
#define TCP_CSUM 16u
#define UDP_CSUM 6u
#define TCP_AT_SEQ 4u
#define TCP_AT_FLAGS 13u
#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_tcp(const struct hm_pkt *k)
{
	return k->csum_offset == TCP_CSUM;
}

bool hm_segments_begin(const struct hm_pkt *whole, struct hm_segments *ret_segments)
{
	size_t transport = whole->csum_start, header = transport;

	if (!whole->needs_csum || whole->gso_size == 0 || transport < HM_IP6_LEN ||
	    (!is_tcp(whole) && whole->csum_offset != UDP_CSUM) ||
	    whole->len < transport + (is_tcp(whole) ? TCP_LEN : UDP_LEN))
		return false;
	header += is_tcp(whole) ? (size_t)(whole->at[transport + 12] >> 4) * 4 : UDP_LEN;
	if (header >= whole->len || header > HM_SEGMENT_HEADER_MAX || header < transport + UDP_LEN)
		return false;
	*ret_segments = (struct hm_segments){ .whole = whole, .header = header };
	return true;
}

/* Every header that tells a length in front of the transport's: those of IPv6. */
static void set_lengths(struct hm_pkt *k)
{
	uint8_t next = HM_NH_IPV6;

	for (size_t at = 0; at + UDP_LEN <= k->csum_start;) {
		uint8_t *h = k->at + at;

		if (next != HM_NH_IPV6) {
			next = h[0];
			at += 8u + 8u * h[1];
			continue;
		}
		if (at + HM_IP6_LEN > k->csum_start)
			return;
		put16(h + HM_IP6_AT_LENGTH, k->len - at - HM_IP6_LEN);
		next = h[HM_IP6_AT_NEXT];
		at += HM_IP6_LEN;
	}
}

/* An unfinished checksum is that of the pseudo-header, in which the length has changed. */
static void adjust_checksum(uint8_t *field, size_t old_len, size_t new_len)
{
	uint32_t sum = get16(field) + (uint32_t)(~old_len & 0xffff) + (uint32_t)(new_len & 0xffff);

	sum = (sum & 0xffff) + (sum >> 16);
	put16(field, (sum & 0xffff) + (sum >> 16));
}

static void set_tcp(uint8_t *tcp, size_t offset, bool is_last)
{
	uint32_t seq = ((uint32_t)get16(tcp + TCP_AT_SEQ) << 16 | get16(tcp + TCP_AT_SEQ + 2)) +
	               (uint32_t)offset;

	put16(tcp + TCP_AT_SEQ, seq >> 16);
	put16(tcp + TCP_AT_SEQ + 2, seq);
	if (!is_last)
		tcp[TCP_AT_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
	if (offset > 0)
		tcp[TCP_AT_FLAGS] &= (uint8_t)~TCP_CWR;
}

bool hm_segments_next(struct hm_segments *s, uint8_t *room, struct hm_pkt *ret_pkt)
{
	const struct hm_pkt *whole = s->whole;
	size_t left = whole->len - s->header - s->at, n = left;
	struct hm_pkt k = { .at = room,
		            .needs_csum = true,
		            .csum_start = whole->csum_start,
		            .csum_offset = whole->csum_offset };
	uint8_t *transport = room + whole->csum_start;

	if (left == 0)
		return false;
	if (n > whole->gso_size)
		n = whole->gso_size;
	memcpy(room, whole->at, s->header);
	memcpy(room + s->header, whole->at + s->header + s->at, n);
	k.len = s->header + n;
	set_lengths(&k);
	adjust_checksum(transport + k.csum_offset, whole->len - k.csum_start, k.len - k.csum_start);
	if (is_tcp(whole))
		set_tcp(transport, s->at, n == left);
	else
		put16(transport + 4, k.len - k.csum_start);
	s->at += n;
	*ret_pkt = k;
	return true;
}
