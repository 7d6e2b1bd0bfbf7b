/* What the binder believes of a message and what it answers. */
#include "engine/binder.h"

/* 80 % of the lifetime granted (PROTOCOL 2.2). */
static uint32_t refresh_of(uint32_t lifetime_s)
{
	return lifetime_s == HM_LIFETIME_INFINITE ? lifetime_s
	                                          : (uint32_t)((uint64_t)lifetime_s * 4 / 5);
}

/* An acknowledgement to `to` about `home`; src :: at ch is filled in by the caller. */
static struct hm_packet *ask_back(const struct hm_binder *bd, const struct hm_addr *to,
                                  const struct hm_addr *home, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_SEND);

	e->send.use = bd->auth_none ? HM_USE_NONE : bd->use;
	e->send.packet.kind = HM_MSG_BACK;
	e->send.packet.src = bd->local;
	e->send.packet.dst = *to;
	/* Not sent as an option: the MAC covers the home address (PROTOCOL 5). */
	e->send.packet.home = *home;
	return &e->send.packet;
}

static void note_refused(const struct hm_addr *home, const struct hm_addr *coa,
                         enum hm_status status, struct hm_fx *fx)
{
	struct hm_effect *e = hm_fx_add(fx, HM_FX_NOTE);

	e->note.note = HM_NOTE_REFUSED;
	e->note.home = *home;
	e->note.coa = *coa;
	e->note.status = status;
	hm_fx_count(fx, HM_COUNT_REFUSED);
}

static void refuse_with(const struct hm_binder *bd, const struct hm_packet *packet,
                        enum hm_status status, struct hm_number number, struct hm_fx *fx)
{
	struct hm_packet *back = ask_back(bd, &packet->src, &packet->home, fx);

	if (hm_addr_is_any(&back->src))
		back->src = packet->dst;
	back->back.status = (uint8_t)status;
	back->back.seq = number.seq;
	back->auth = (struct hm_auth_data){ .present = !bd->auth_none,
		                            .spi = packet->auth.spi,
		                            .epoch = number.epoch };
	note_refused(&packet->home, &packet->src, status, fx);
}

void hm_binder_refuse(const struct hm_binder *bd, const struct hm_packet *packet, uint16_t seq,
                      enum hm_status status, struct hm_fx *fx)
{
	refuse_with(bd, packet, status,
	            (struct hm_number){ .epoch = packet->auth.epoch, .seq = seq }, fx);
}

/* Answers the request under way. A number accepted since then is at most one wrap ahead of it. */
static void answer(const struct hm_binder *bd, const struct hm_binding *b, enum hm_status status,
                   uint32_t lifetime_s, struct hm_fx *fx)
{
	struct hm_packet *back = ask_back(bd, &b->reply_to, &b->home, fx);

	if (hm_addr_is_any(&back->src))
		back->src = b->peer;
	back->back = (struct hm_back){ .status = (uint8_t)status,
		                       .seq = b->ack_seq,
		                       .lifetime_s = lifetime_s,
		                       .refresh_s = refresh_of(lifetime_s) };
	back->auth = (struct hm_auth_data){ .present = !bd->auth_none,
		                            .spi = b->spi,
		                            .epoch = b->epoch - (b->ack_seq > b->seq) };
}

void hm_binder_ack(const struct hm_binder *bd, const struct hm_binding *b, struct hm_fx *fx)
{
	hm_fx_count(fx, HM_COUNT_ACCEPTED);
	if (b->ack)
		answer(bd, b, HM_ST_ACCEPTED, b->lifetime_s, fx);
}

/* A refusal is told even where no acknowledgement was asked for (RFC 6275 9.5.4). */
void hm_binder_refuse_pending(const struct hm_binder *bd, const struct hm_binding *b,
                              enum hm_status status, struct hm_fx *fx)
{
	answer(bd, b, status, 0, fx);
	note_refused(&b->home, &b->reply_to, status, fx);
}

bool hm_binder_is_authentic(const struct hm_binder *bd, const struct hm_event *ev, uint16_t seq,
                            struct hm_fx *fx)
{
	if (hm_event_is_authentic_for(ev, bd->use, fx))
		return true;
	if (ev->rx.verdict == HM_VERDICT_BAD && bd->auth_failure_reply)
		hm_binder_refuse(bd, &ev->rx.packet, seq, HM_ST_AUTH_FAILED, fx);
	return false;
}

const struct hm_addr *hm_binder_update_coa(const struct hm_packet *packet)
{
	return packet->bu.has_alt_coa ? &packet->bu.alt_coa : &packet->src;
}

bool hm_binder_update_deletes(const struct hm_packet *packet)
{
	return packet->bu.lifetime_s == 0 ||
	       hm_addr_eq(hm_binder_update_coa(packet), &packet->home);
}

static struct hm_record number_record(const struct hm_binder *bd, const struct hm_binding *b)
{
	return (struct hm_record){ .kind = HM_RECORD_SEQ,
		                   .seq = { .use = bd->use,
		                            .home = b->home,
		                            .seq = b->seq,
		                            .epoch = b->epoch,
		                            .spi = b->spi } };
}

/* A slot for a home address never heard of. Numbers of hosts with keys are never dropped for
 * another's sake: that would open them to replay. Without authentication there is nothing to
 * protect, and the host silent for longest makes room. */
static struct hm_binding *new_slot(struct hm_binder *bd, const struct hm_packet *packet,
                                   uint16_t seq, struct hm_fx *fx)
{
	struct hm_binding *b = hm_bindings_add(&bd->table, &packet->home);
	struct hm_binding *oldest = b ? NULL : hm_bindings_oldest_idle(&bd->table);

	if (b)
		return b;
	if (!bd->auth_none || !oldest) {
		hm_fx_count(fx, HM_COUNT_TABLE_FULL);
		hm_binder_refuse(bd, packet, seq, HM_ST_RESOURCES, fx);
		return NULL;
	}
	hm_fx_add(fx, HM_FX_FORGET)->record = number_record(bd, oldest);
	hm_bindings_forget(&bd->table, oldest);
	return hm_bindings_add(&bd->table, &packet->home);
}

struct hm_binding *hm_binder_number(struct hm_binder *bd, const struct hm_packet *packet,
                                    uint16_t seq, struct hm_fx *fx)
{
	struct hm_binding *b = hm_bindings_find(&bd->table, &packet->home);
	struct hm_number got = { .epoch = packet->auth.epoch, .seq = seq };
	struct hm_number last;

	if (b) {
		last = (struct hm_number){ .epoch = b->epoch, .seq = b->seq };
		if (!hm_number_after(got, last, !bd->auth_none)) {
			hm_fx_count(fx, HM_COUNT_BADSEQ);
			refuse_with(bd, packet, HM_ST_BADSEQ, last, fx);
			return NULL;
		}
	} else {
		b = new_slot(bd, packet, seq, fx);
		if (!b)
			return NULL;
	}
	b->seq = got.seq;
	b->epoch = got.epoch;
	b->spi = packet->auth.spi;
	hm_fx_add(fx, HM_FX_STORE)->record = number_record(bd, b);
	return b;
}

bool hm_binder_number_from_peer(struct hm_binder *bd, struct hm_binding *b, struct hm_number number,
                                struct hm_fx *fx)
{
	struct hm_number last = { .epoch = b->epoch, .seq = b->seq };

	if (!hm_number_after(number, last, !bd->auth_none)) {
		hm_fx_count(fx, HM_COUNT_BADSEQ);
		return false;
	}
	b->seq = number.seq;
	b->epoch = number.epoch;
	hm_fx_add(fx, HM_FX_STORE)->record = number_record(bd, b);
	return true;
}
