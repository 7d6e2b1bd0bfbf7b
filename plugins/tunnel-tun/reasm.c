#include "reasm.h"

#define KNOWN_MS 60000

static bool is_between(const struct hm_reasm_slot *slot, const struct hm_pkt *k)
{
	return memcmp(slot->src.b, k->at + HM_IP6_AT_SRC, sizeof slot->src.b) == 0 &&
	       memcmp(slot->dst.b, k->at + HM_IP6_AT_DST, sizeof slot->dst.b) == 0;
}

bool hm_reasm_knows(const struct hm_reasm *r, const struct hm_pkt *k, int64_t now_ms)
{
	for (unsigned i = 0; i < HM_REASM_PACKETS; i++)
		if (r->slots[i].state != HM_REASM_FREE &&
		    now_ms - r->slots[i].since_ms < KNOWN_MS && is_between(&r->slots[i], k))
			return true;
	return false;
}

static bool waits(const struct hm_reasm_slot *slot)
{
	return slot->state == HM_REASM_OPEN || slot->state == HM_REASM_SPOILT;
}

static void expire(struct hm_reasm *r, int64_t now_ms)
{
	for (unsigned i = 0; i < HM_REASM_PACKETS; i++) {
		struct hm_reasm_slot *slot = &r->slots[i];

		if (!waits(slot) || now_ms - slot->since_ms < HM_REASM_MS)
			continue;
		r->timed_out += slot->state == HM_REASM_OPEN;
		slot->state = HM_REASM_DONE;
	}
}

static struct hm_reasm_slot *older(struct hm_reasm_slot *a, struct hm_reasm_slot *b)
{
	/* One that nobody waits in is older than any other. */
	if (!a || waits(a) > waits(b))
		return b;
	if (waits(a) < waits(b))
		return a;
	return a->since_ms <= b->since_ms ? a : b;
}

/* The one this fragment belongs to, or else one to begin. */
static struct hm_reasm_slot *find(struct hm_reasm *r, const struct hm_pkt *k, uint32_t id)
{
	struct hm_reasm_slot *oldest = NULL, *oldest_of_source = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < HM_REASM_PACKETS; i++) {
		struct hm_reasm_slot *slot = &r->slots[i];

		oldest = older(oldest, slot);
		if (!waits(slot) ||
		    memcmp(slot->src.b, k->at + HM_IP6_AT_SRC, sizeof slot->src.b) != 0)
			continue;
		if (slot->id == id && is_between(slot, k))
			return slot;
		oldest_of_source = older(oldest_of_source, slot);
		n++;
	}
	if (n >= HM_REASM_PER_SOURCE)
		oldest = oldest_of_source;
	r->pushed_out += oldest->state == HM_REASM_OPEN;
	oldest->state = HM_REASM_FREE;
	return oldest;
}

static void begin(struct hm_reasm_slot *slot, const struct hm_pkt *k, uint32_t id, int64_t now_ms)
{
	slot->state = HM_REASM_OPEN;
	slot->src = hm_pkt_src(k);
	slot->dst = hm_pkt_dst(k);
	slot->id = id;
	slot->since_ms = now_ms;
	slot->marks = 0;
	slot->n = 0;
	slot->have = slot->total = 0;
	slot->head_len = 0;
}

/* What RFC 5722 calls overlapping; *ret_again: it is there already, octet for octet. */
static bool overlaps(const struct hm_reasm_slot *slot, const struct hm_fragment *f, bool *ret_again)
{
	size_t end = f->offset + f->data.len;

	*ret_again = false;
	if (slot->total != 0 && (end > slot->total || (!f->more && end != slot->total)))
		return true;
	for (unsigned i = 0; i < slot->n; i++) {
		size_t at = slot->parts[i].at, len = slot->parts[i].len;

		*ret_again = at == f->offset && len == f->data.len &&
		             memcmp(slot->data + at, f->data.p, len) == 0;
		if (*ret_again)
			return false;
		if ((f->offset < at + len && at < end) || (!f->more && at + len > end))
			return true;
	}
	return false;
}

static enum hm_reasm_verdict spoil(struct hm_reasm_slot *slot, enum hm_reasm_verdict why)
{
	slot->state = HM_REASM_SPOILT;
	return why;
}

static void keep(struct hm_reasm_slot *slot, const struct hm_pkt *k, const struct hm_fragment *f)
{
	memcpy(slot->data + f->offset, f->data.p, f->data.len);
	slot->parts[slot->n].at = (uint16_t)f->offset;
	slot->parts[slot->n++].len = (uint16_t)f->data.len;
	slot->have = (uint16_t)(slot->have + f->data.len);
	slot->marks |= (uint8_t)(1u << hm_pkt_ecn(k));
	if (!f->more)
		slot->total = (uint16_t)(f->offset + f->data.len);
	if (f->offset > 0)
		return;
	memcpy(slot->head, k->at, f->at);
	slot->head_len = f->at;
	slot->next_at = f->next_at;
	slot->next = f->next;
}

/* RFC 3168 5.3: congestion that one fragment met the packet met; where another could not say so
 * it must not be delivered. */
static enum hm_reasm_verdict finish(struct hm_reasm_slot *slot, struct hm_pkt *k)
{
	bool met = slot->marks & 1u << HM_ECN_CE;

	slot->state = HM_REASM_DONE;
	if (met && (slot->marks & 1u << HM_ECN_NOT_ECT))
		return HM_REASM_MARKED;
	memcpy(k->at, slot->head, slot->head_len);
	memcpy(k->at + slot->head_len, slot->data, slot->total);
	k->at[slot->next_at] = slot->next;
	*k = (struct hm_pkt){ .at = k->at, .len = slot->head_len + slot->total, .room = k->room };
	hm_pkt_set_len(k);
	if (met)
		hm_pkt_set_ecn(k, HM_ECN_CE);
	return HM_REASM_WHOLE;
}

enum hm_reasm_verdict hm_reasm_add(struct hm_reasm *r, struct hm_pkt *k,
                                   const struct hm_fragment *f, int64_t now_ms)
{
	struct hm_reasm_slot *slot;
	bool again;

	expire(r, now_ms);
	slot = find(r, k, f->id);
	if (slot->state == HM_REASM_SPOILT)
		return HM_REASM_OVERLAP;
	if (slot->state == HM_REASM_FREE)
		begin(slot, k, f->id, now_ms);
	if (overlaps(slot, f, &again))
		return spoil(slot, HM_REASM_OVERLAP);
	if (again)
		return HM_REASM_KEPT;
	if (f->offset + f->data.len > HM_REASM_LEN || slot->n == HM_REASM_PARTS ||
	    f->at > sizeof slot->head)
		return spoil(slot, HM_REASM_TOO_LONG);
	keep(slot, k, f);
	return slot->total != 0 && slot->have == slot->total ? finish(slot, k) : HM_REASM_KEPT;
}
