#include "host/authq.h"

#include <assert.h>
#include <stdlib.h>

/* The uses an acknowledgement may be of, in the order they are tried. */
static const enum hm_use ack_uses[] = { HM_USE_MH_MS, HM_USE_MH_HA, HM_USE_MH_CH };
#define ACK_USES (sizeof ack_uses / sizeof ack_uses[0])

/* What we last signed for somebody: the acknowledgement is likely to be of the same use. */
#define SPOKEN_MAX 16

struct spoken {
	struct hm_addr peer;
	enum hm_use use;
};

/* A packet that waits, in a list from the oldest to the newest. */
struct waiting {
	struct waiting *older, *newer;
	uint64_t ticket;
	hm_ms until;
	unsigned slot;
	unsigned tried;     /* uses asked about so far */
	enum hm_use likely; /* the one asked about first, unless HM_USE_NONE */
	bool ack, asking;
	bool bad; /* a key was there and the MAC was not its */
	struct hm_auth_parties parties;
	struct hm_packet packet;
	size_t input_len;
	uint8_t input[];
};

struct hm_authq {
	struct hm_authq_options how;
	const struct hm_auth_ops *ops; /* NULL: auth = none */
	void *self;
	struct waiting *oldest, *newest;
	unsigned n;
	uint64_t asked;
	unsigned n_slots, n_free;
	uint16_t *free_slots;
	struct waiting **slots;
	unsigned next_spoken;
	struct spoken spoken[SPOKEN_MAX];
};

/* Slots fit into the low bits of a ticket. */
#define SLOT_BITS 16
#define SLOTS_MAX ((1u << SLOT_BITS) - 1)

static bool allocate_slots(struct hm_authq *q)
{
	/* One more than may wait, for the packet that is being asked about. */
	q->n_slots = q->how.max + 1;
	q->slots = calloc(q->n_slots, sizeof(struct waiting *));
	q->free_slots = calloc(q->n_slots, sizeof *q->free_slots);
	if (!q->slots || !q->free_slots)
		return false;
	for (unsigned i = 0; i < q->n_slots; i++)
		q->free_slots[q->n_free++] = (uint16_t)i;
	return true;
}

struct hm_authq *hm_authq_create(const struct hm_authq_options *options)
{
	struct hm_authq *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->how = *options;
	if (q->how.max == 0)
		q->how.max = HM_AUTHQ_MAX;
	if (q->how.max >= SLOTS_MAX)
		q->how.max = SLOTS_MAX - 1;
	if (q->how.max_per_source == 0)
		q->how.max_per_source = HM_AUTHQ_MAX_PER_SOURCE;
	if (q->how.timeout == 0)
		q->how.timeout = HM_AUTHQ_TIMEOUT;
	if (options->plugin) {
		q->ops = options->plugin->plugin->auth;
		q->self = options->plugin->self;
	}
	if (!allocate_slots(q)) {
		hm_authq_destroy(q);
		return NULL;
	}
	return q;
}

static void forget(struct hm_authq *q, struct waiting *w)
{
	*(w->older ? &w->older->newer : &q->oldest) = w->newer;
	*(w->newer ? &w->newer->older : &q->newest) = w->older;
	q->slots[w->slot] = NULL;
	q->free_slots[q->n_free++] = (uint16_t)w->slot;
	q->n--;
	free(w);
}

void hm_authq_destroy(struct hm_authq *q)
{
	if (!q)
		return;
	while (q->oldest)
		forget(q, q->oldest);
	free(q->slots);
	free(q->free_slots);
	free(q);
}

static void count(struct hm_authq *q, enum hm_counter counter)
{
	q->how.counters->n[counter]++;
}

static struct hm_auth_key key_of(const struct hm_key_setting *s)
{
	struct hm_auth_key key = { .size = sizeof key,
		                   .use = (uint32_t)s->use,
		                   .spi = s->spi,
		                   .has_home = s->has_home,
		                   .peer_plen = s->peer.plen,
		                   .has_peer = s->has_peer,
		                   .not_before_s = s->not_before_s,
		                   .not_after_s = s->not_after_s,
		                   .name = s->name,
		                   .secret = s->secret,
		                   .secret_len = s->secret_len };

	memcpy(key.home, s->home.b, sizeof key.home);
	memcpy(key.peer, s->peer.addr.b, sizeof key.peer);
	return key;
}

int hm_authq_set_keys(struct hm_authq *q, const struct hm_settings *settings, char *ret_why,
                      size_t why_len)
{
	if (!q->ops)
		return HM_OK;
	if (HM_PLUGIN_HAS(q->ops, key_begin))
		q->ops->key_begin(q->self);
	for (size_t i = 0; i < settings->n_keys; i++) {
		struct hm_auth_key key = key_of(&settings->keys[i]);
		int err = q->ops->key_put(q->self, &key);

		if (err) {
			snprintf(ret_why, why_len, "%s:%u: key %s: %s", settings->file,
			         settings->keys[i].line, key.name, hm_err_text(err));
			return err < 0 ? err : HM_EIO;
		}
	}
	if (HM_PLUGIN_HAS(q->ops, key_end))
		q->ops->key_end(q->self);
	return HM_OK;
}

/* Both switches name every message, so that the compiler asks about a new one; what is no message
 * at all is never believed. */
bool hm_authq_is_needed(enum hm_msg_kind kind)
{
	switch (kind) {
	/* Neighbour Discovery, ICMPv6 and Binding Request carry no authentication: what roles
	 * make of them they check otherwise. */
	case HM_MSG_BREQ:
	case HM_MSG_RA:
	case HM_MSG_RS:
	case HM_MSG_NS:
	case HM_MSG_NA:
	case HM_MSG_ICMP_ERROR:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
		return false;
	case HM_MSG_NONE:
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
	case HM_MSG_HANDOFF:
	case HM_MSG_BU:
	case HM_MSG_BACK:
	case HM_MSG_MSINFO:
	case HM_MSG_KINDS:
		break;
	}
	return true;
}

enum hm_use hm_authq_use(const struct hm_packet *packet)
{
	switch (packet->kind) {
	case HM_MSG_REG_REQUEST:
	case HM_MSG_REG_UPDATE:
	case HM_MSG_REG_REFRESH:
		return HM_USE_MH_MS;
	case HM_MSG_HANDOFF:
		return HM_USE_MS_MS;
	case HM_MSG_BU:
		return packet->bu.home_reg ? HM_USE_MH_HA : HM_USE_MH_CH;
	case HM_MSG_MSINFO:
		return HM_USE_MS_RA;
	/* An acknowledgement is of the use of what it answers. */
	case HM_MSG_BACK:
	case HM_MSG_BREQ:
	case HM_MSG_RA:
	case HM_MSG_RS:
	case HM_MSG_NS:
	case HM_MSG_NA:
	case HM_MSG_ICMP_ERROR:
	case HM_MSG_HAAD_REQUEST:
	case HM_MSG_HAAD_REPLY:
	case HM_MSG_NONE:
	case HM_MSG_KINDS:
		break;
	}
	return HM_USE_NONE;
}

/* The mobile host a received packet is about (PROTOCOL 5). */
static struct hm_addr home_of(const struct hm_packet *packet, const struct hm_addr *own_home)
{
	if (packet->kind == HM_MSG_MSINFO)
		return hm_addr_any;
	if (packet->has_home)
		return packet->home;
	if (packet->has_routing)
		return packet->routing_addr;
	return own_home ? *own_home : hm_addr_any;
}

static struct hm_auth_parties parties_of(const struct hm_addr *local, const struct hm_addr *remote,
                                         const struct hm_addr *home)
{
	struct hm_auth_parties parties = { .size = sizeof parties };

	memcpy(parties.local, local->b, sizeof parties.local);
	memcpy(parties.remote, remote->b, sizeof parties.remote);
	memcpy(parties.home, home->b, sizeof parties.home);
	return parties;
}

static unsigned waiting_from(const struct hm_authq *q, const struct hm_addr *source)
{
	unsigned n = 0;

	for (const struct waiting *w = q->oldest; w; w = w->newer)
		n += hm_addr_eq(&w->packet.src, source);
	return n;
}

/* With one that is to wait among them. */
static bool are_too_many(const struct hm_authq *q, const struct waiting *w)
{
	return q->n > q->how.max || waiting_from(q, &w->packet.src) > q->how.max_per_source;
}

/* Appends the packet to the list; NULL: no memory. */
static struct waiting *remember(struct hm_authq *q, const struct hm_packet *packet,
                                const struct hm_wr *input, hm_ms now_ms)
{
	struct waiting *w = calloc(1, sizeof *w + input->len);

	if (!w)
		return NULL;
	w->packet = *packet;
	w->until = hm_after(now_ms, q->how.timeout);
	w->input_len = input->len;
	memcpy(w->input, input->p, input->len);
	w->slot = q->free_slots[--q->n_free];
	q->slots[w->slot] = w;
	w->older = q->newest;
	*(q->newest ? &q->newest->newer : &q->oldest) = w;
	q->newest = w;
	q->n++;
	return w;
}

/* Takes the packet off the list before its verdict is told: the callee may submit another. */
static void tell(struct hm_authq *q, struct waiting *w, enum hm_verdict verdict)
{
	struct hm_packet packet = w->packet;
	enum hm_use use = verdict == HM_VERDICT_OK ? (enum hm_use)w->parties.use : HM_USE_NONE;

	forget(q, w);
	q->how.verdict(q->how.arg, &packet, verdict, use);
}

static void drop(struct hm_authq *q, struct waiting *w, enum hm_counter counter)
{
	count(q, counter);
	forget(q, w);
}

static enum hm_use likely_use(const struct hm_authq *q, const struct hm_addr *peer)
{
	for (unsigned i = 0; i < SPOKEN_MAX; i++)
		if (q->spoken[i].use != HM_USE_NONE && hm_addr_eq(&q->spoken[i].peer, peer))
			return q->spoken[i].use;
	return HM_USE_NONE;
}

static void remember_use(struct hm_authq *q, const struct hm_auth_parties *parties)
{
	struct spoken *at = NULL;
	struct hm_addr peer;

	memcpy(peer.b, parties->remote, sizeof peer.b);
	for (unsigned i = 0; i < SPOKEN_MAX && !at; i++)
		if (hm_addr_eq(&q->spoken[i].peer, &peer))
			at = &q->spoken[i];
	if (!at)
		at = &q->spoken[q->next_spoken++ % SPOKEN_MAX];
	*at = (struct spoken){ peer, (enum hm_use)parties->use };
}

/* The use to ask about in turn: the likely one, then the others in their order. */
static enum hm_use use_in_turn(const struct waiting *w)
{
	unsigned turn = w->tried;

	if (w->likely == HM_USE_NONE)
		return ack_uses[turn];
	if (turn == 0)
		return w->likely;
	for (unsigned i = 0; i < ACK_USES; i++)
		if (ack_uses[i] != w->likely && --turn == 0)
			return ack_uses[i];
	return w->likely;
}

/* Asks the plugin about the use at hand, under a ticket of its own. */
static int ask(struct hm_authq *q, struct waiting *w, struct hm_authq_now now)
{
	const struct hm_auth_data *auth = &w->packet.auth;
	int result;

	if (w->ack)
		w->parties.use = (uint32_t)use_in_turn(w);
	w->tried++;
	w->ticket = ++q->asked << SLOT_BITS | w->slot;
	w->asking = true;
	result = q->ops->verify(q->self, w->ticket, &w->parties, auth->spi, now.wall_s, w->input,
	                        w->input_len, auth->mac);
	w->asking = false;
	return result;
}

/* True when the next use shall be asked about: one SPI may name a key of each use. */
static bool goes_on(const struct waiting *w, int result)
{
	return (result == HM_ENOKEY || result == HM_EAUTH) && w->ack && w->tried < ACK_USES;
}

/* Acts on the plugin's result, and asks on where another use is left. */
static void settle(struct hm_authq *q, struct waiting *w, int result, struct hm_authq_now now)
{
	for (;;) {
		w->bad |= result == HM_EAUTH;
		if (!goes_on(w, result))
			break;
		result = ask(q, w, now);
	}
	switch (result) {
	case HM_PENDING:
		/* Only who waits is held to the ceilings: strangers keep out no known one. */
		if (are_too_many(q, w))
			drop(q, w, HM_COUNT_AUTH_QUEUE_FULL);
		return;
	case HM_OK:
		tell(q, w, HM_VERDICT_OK);
		return;
	case HM_EAUTH:
	case HM_ENOKEY:
		tell(q, w, w->bad ? HM_VERDICT_BAD : HM_VERDICT_NO_KEY);
		return;
	case HM_EFULL:
		drop(q, w, HM_COUNT_AUTH_QUEUE_FULL);
		return;
	default:
		drop(q, w, HM_COUNT_AUTH_UNANSWERED);
		return;
	}
}

void hm_authq_submit(struct hm_authq *q, const struct hm_packet *packet, struct hm_span bytes,
                     const struct hm_signed_part *part, const struct hm_addr *own_home,
                     struct hm_authq_now now)
{
	const struct hm_addr home = home_of(packet, own_home);
	uint8_t room[HM_MAC_INPUT_MAX];
	struct hm_wr input = hm_wr(room, sizeof room);
	struct waiting *w;

	if (!q->ops || !packet->auth.present) {
		q->how.verdict(q->how.arg, packet, q->ops ? HM_VERDICT_MISSING : HM_VERDICT_OK,
		               HM_USE_NONE);
		return;
	}
	if (hm_packet_mac_input(bytes, &home, part, &input) != HM_OK ||
	    !(w = remember(q, packet, &input, now.now_ms))) {
		count(q, HM_COUNT_AUTH_UNANSWERED);
		return;
	}
	w->parties = parties_of(&packet->dst, &packet->src, &home);
	w->parties.use = (uint32_t)hm_authq_use(packet);
	w->ack = packet->kind == HM_MSG_BACK;
	w->likely = likely_use(q, &packet->src);
	settle(q, w, ask(q, w, now), now);
}

void hm_authq_answer(struct hm_authq *q, uint64_t ticket, int result, struct hm_authq_now now)
{
	unsigned slot = (unsigned)(ticket & SLOTS_MAX);
	struct waiting *w = slot < q->n_slots ? q->slots[slot] : NULL;

	if (!w || w->ticket != ticket || w->asking)
		return;
	/* The final answer cannot be "later". */
	settle(q, w, result == HM_PENDING ? HM_EIO : result, now);
}

hm_ms hm_authq_deadline(const struct hm_authq *q)
{
	return q->oldest ? q->oldest->until : HM_NEVER;
}

void hm_authq_expire(struct hm_authq *q, hm_ms now_ms)
{
	while (q->oldest && q->oldest->until <= now_ms)
		drop(q, q->oldest, HM_COUNT_AUTH_UNANSWERED);
}

unsigned hm_authq_waiting(const struct hm_authq *q)
{
	return q->n;
}

struct hm_auth_parties hm_authq_sending(enum hm_use use, const struct hm_packet *packet)
{
	struct hm_addr home = packet->home;
	struct hm_auth_parties parties;

	if (packet->kind == HM_MSG_MSINFO)
		home = hm_addr_any;
	else if (!packet->has_home && packet->has_routing)
		home = packet->routing_addr;
	parties = parties_of(&packet->src, &packet->dst, &home);
	parties.use = (uint32_t)use;
	return parties;
}

int hm_authq_spi(struct hm_authq *q, const struct hm_auth_parties *parties, struct hm_authq_now now,
                 uint32_t *ret_spi)
{
	int err;

	if (!q->ops) {
		*ret_spi = 0;
		return HM_OK;
	}
	err = q->ops->pick(q->self, parties, now.wall_s, ret_spi);
	return err > HM_PENDING ? HM_EIO : err;
}

int hm_authq_sign(struct hm_authq *q, const struct hm_auth_parties *parties, uint32_t spi,
                  struct hm_wr *packet, const struct hm_signed_part *part, struct hm_authq_now now)
{
	const struct hm_span bytes = { packet->p, packet->len };
	struct hm_addr home;
	uint8_t room[HM_MAC_INPUT_MAX], mac[HM_AUTH_MAC_LEN];
	struct hm_wr input = hm_wr(room, sizeof room);
	int err;

	if (!q->ops)
		return HM_ENOKEY;
	memcpy(home.b, parties->home, sizeof home.b);
	err = hm_packet_mac_input(bytes, &home, part, &input);
	if (err)
		return err;
	err = q->ops->sign(q->self, parties, spi, now.wall_s, input.p, input.len, mac);
	if (err)
		return err < 0 ? err : HM_EIO;
	if (parties->use >= HM_USE_MH_MS && parties->use <= HM_USE_MH_CH)
		remember_use(q, parties);
	hm_wr_patch(packet, part->mac_at, mac, sizeof mac);
	return packet->bad ? HM_EMALFORMED : HM_OK;
}
