#include "wire/fragment.h"

#include "base/err.h"
#include "wire/ip6.h"

#define OFFSET_MASK 0xfff8
#define MORE 1

/* Where the options and routing headers in front end. */
static int front_of(struct hm_span *packet, struct hm_ext_walk *ret_walk, size_t *ret_next_at)
{
	struct hm_ip6 ip6;
	struct hm_ext ext;

	if (hm_ip6_read_whole(*packet, &ip6, packet))
		return HM_EMALFORMED;
	*ret_walk = hm_ext_walk(*packet, ip6.next);
	*ret_next_at = HM_IP6_AT_NEXT;
	while (hm_ext_next(ret_walk, &ext))
		*ret_next_at = ext.at;
	return ret_walk->rest.bad ? HM_EMALFORMED : HM_OK;
}

int hm_fragment_read(struct hm_span packet, struct hm_fragment *ret_fragment)
{
	struct hm_ext_walk walk;
	struct hm_fragment f;
	uint16_t field;
	int err = front_of(&packet, &walk, &f.next_at);

	if (err)
		return err;
	if (walk.next != HM_NH_FRAGMENT)
		return HM_ENOTFOUND;
	f.at = walk.at;
	f.next = hm_rd_u8(&walk.rest);
	hm_rd_skip(&walk.rest, 1);
	field = hm_rd_u16(&walk.rest);
	f.offset = field & OFFSET_MASK;
	f.more = field & MORE;
	f.id = hm_rd_u32(&walk.rest);
	f.data = (struct hm_span){ walk.rest.p, walk.rest.left };
	if (walk.rest.bad || f.data.len == 0 || (f.more && f.data.len % 8 != 0) ||
	    f.at - HM_IP6_LEN + f.offset + f.data.len > UINT16_MAX)
		return HM_EMALFORMED;
	*ret_fragment = f;
	return HM_OK;
}

int hm_fragments_begin(struct hm_span packet, uint32_t mtu, uint32_t id,
                       struct hm_fragments *ret_fragments)
{
	struct hm_fragments f = { .id = id };
	struct hm_fragment already;
	struct hm_ext_walk walk;
	int err = front_of(&packet, &walk, &f.next_at);

	if (err)
		return err;
	f.packet = packet;
	f.keep = f.first = walk.at;
	f.next = walk.next;
	err = hm_fragment_read(packet, &already);
	if (err == HM_EMALFORMED)
		return err;
	if (err == HM_OK) {
		f.first += HM_FRAGMENT_LEN;
		f.next = already.next;
		f.offset = (uint16_t)already.offset;
		f.more = already.more;
		f.id = already.id;
	}
	f.at = f.first;
	if (mtu < HM_IP6_MTU_MIN || f.keep + HM_FRAGMENT_LEN + 8 > mtu || !hm_fragments_left(&f))
		return HM_EMALFORMED;
	f.room = (mtu - f.keep - HM_FRAGMENT_LEN) & ~(size_t)7;
	*ret_fragments = f;
	return HM_OK;
}

int hm_fragments_write(struct hm_fragments *f, struct hm_wr *w)
{
	static const uint8_t fragment = HM_NH_FRAGMENT;
	size_t start = w->len, left = f->packet.len - f->at, n = left < f->room ? left : f->room;
	bool more = f->more || n < left;
	int err;

	hm_wr_bytes(w, f->packet.p, f->keep);
	hm_wr_patch(w, start + f->next_at, &fragment, 1);
	hm_wr_u8(w, f->next);
	hm_wr_u8(w, 0);
	hm_wr_u16(w, (uint16_t)(f->offset + (f->at - f->first) + more));
	hm_wr_u32(w, f->id);
	hm_wr_bytes(w, f->packet.p + f->at, n);
	err = hm_ip6_end(w, start);
	if (err)
		return err;
	f->at += n;
	return HM_OK;
}
