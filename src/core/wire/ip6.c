#include "wire/ip6.h"

#include "base/err.h"

int hm_ip6_read(struct hm_span packet, struct hm_ip6 *ret_header)
{
	struct hm_rd r = hm_rd(packet.p, packet.len);
	uint32_t first = hm_rd_u32(&r);
	struct hm_ip6 h = { .tclass = (uint8_t)(first >> 20), .flow = first & 0xfffff };

	h.payload_len = hm_rd_u16(&r);
	h.next = hm_rd_u8(&r);
	h.hop_limit = hm_rd_u8(&r);
	h.src = hm_rd_addr(&r);
	h.dst = hm_rd_addr(&r);
	if (r.bad || first >> 28 != 6)
		return HM_EMALFORMED;
	*ret_header = h;
	return HM_OK;
}

int hm_ip6_read_whole(struct hm_span octets, struct hm_ip6 *ret_header, struct hm_span *ret_packet)
{
	struct hm_ip6 h;
	int err = hm_ip6_read(octets, &h);

	if (err)
		return err;
	if (h.payload_len > octets.len - HM_IP6_LEN)
		return HM_EMALFORMED;
	*ret_header = h;
	*ret_packet = (struct hm_span){ octets.p, HM_IP6_LEN + (size_t)h.payload_len };
	return HM_OK;
}

void hm_ip6_write(struct hm_wr *w, const struct hm_ip6 *header)
{
	hm_wr_u32(w, (uint32_t)6 << 28 | (uint32_t)header->tclass << 20 | (header->flow & 0xfffff));
	hm_wr_u16(w, header->payload_len);
	hm_wr_u8(w, header->next);
	hm_wr_u8(w, header->hop_limit);
	hm_wr_addr(w, &header->src);
	hm_wr_addr(w, &header->dst);
}

int hm_ip6_end(struct hm_wr *w, size_t start)
{
	size_t len = w->len - start - HM_IP6_LEN;
	uint8_t field[2] = { (uint8_t)(len >> 8), (uint8_t)len };

	if (w->bad || len > UINT16_MAX) {
		w->bad = true;
		return HM_ETOOBIG;
	}
	hm_wr_patch(w, start + HM_IP6_AT_LENGTH, field, sizeof field);
	return HM_OK;
}

/* Adds 16-bit words; an odd last octet is the high half of a word. */
static uint64_t sum_of(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	size_t i = 0;

	for (; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return i < len ? sum + ((uint32_t)p[i] << 8) : sum;
}

uint16_t hm_ip6_checksum(const struct hm_ip6 *pseudo, struct hm_span upper)
{
	uint64_t sum = pseudo->next + (uint64_t)upper.len + sum_of(upper.p, upper.len);

	sum += sum_of(pseudo->src.b, sizeof pseudo->src.b);
	sum += sum_of(pseudo->dst.b, sizeof pseudo->dst.b);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct hm_ext_walk hm_ext_walk(struct hm_span packet, uint8_t next)
{
	struct hm_ext_walk walk = { .rest = hm_rd(packet.p, packet.len), .at = HM_IP6_LEN };

	walk.next = next;
	hm_rd_skip(&walk.rest, HM_IP6_LEN);
	return walk;
}

bool hm_ext_next(struct hm_ext_walk *walk, struct hm_ext *ret_ext)
{
	struct hm_rd peek = walk->rest;
	struct hm_ext ext = { .type = walk->next, .at = walk->at };

	if (walk->rest.bad || (walk->next != HM_NH_HOP_BY_HOP && walk->next != HM_NH_DSTOPTS &&
	                       walk->next != HM_NH_ROUTING))
		return false;
	ext.next = hm_rd_u8(&peek);
	ext.len = 8 + 8 * (size_t)hm_rd_u8(&peek);
	ext.body = hm_rd_sub(&walk->rest, ext.len);
	if (ext.body.bad)
		return false;
	hm_rd_skip(&ext.body, 2);
	walk->at += ext.len;
	walk->next = ext.next;
	*ret_ext = ext;
	return true;
}
