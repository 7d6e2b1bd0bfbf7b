#include "host/outq.h"

#include <stdlib.h>
#include <string.h>

struct held {
	unsigned role;
	hm_ms until;
	struct hm_effect effect;
};

struct hm_outq {
	struct hm_outq_options how;
	hm_ms next_try;
	unsigned n;
	struct held held[HM_OUTQ_MAX]; /* from the oldest to the newest */
};

struct hm_outq *hm_outq_create(const struct hm_outq_options *options)
{
	struct hm_outq *q = calloc(1, sizeof *q);

	if (q)
		q->how = *options;
	return q;
}

void hm_outq_destroy(struct hm_outq *q)
{
	free(q);
}

static bool is_repeated(const struct held *h, unsigned role, const struct hm_effect *effect)
{
	const struct hm_packet *a = &h->effect.send.packet, *b = &effect->send.packet;

	return h->role == role && h->effect.send.use == effect->send.use && a->kind == b->kind &&
	       hm_addr_eq(&a->src, &b->src) && hm_addr_eq(&a->dst, &b->dst) &&
	       hm_addr_eq(&a->home, &b->home) && a->ifindex == b->ifindex;
}

static void take_out(struct hm_outq *q, unsigned i)
{
	q->n--;
	memmove(&q->held[i], &q->held[i + 1], (q->n - i) * sizeof q->held[0]);
}

int hm_outq_hold(struct hm_outq *q, unsigned role, const struct hm_effect *effect, hm_ms now_ms)
{
	for (unsigned i = 0; i < q->n; i++) {
		if (is_repeated(&q->held[i], role, effect)) {
			take_out(q, i);
			break;
		}
	}
	if (q->n == HM_OUTQ_MAX)
		return HM_EFULL;
	if (q->n == 0)
		q->next_try = hm_after(now_ms, HM_OUTQ_RETRY);
	q->held[q->n++] = (struct held){ .role = role,
		                         .until = hm_after(now_ms, HM_OUTQ_TIMEOUT),
		                         .effect = *effect };
	return HM_OK;
}

hm_ms hm_outq_deadline(const struct hm_outq *q)
{
	return q->n > 0 ? q->next_try : HM_NEVER;
}

/* What is called may hold further packets: each is off the list while it is tried. */
void hm_outq_retry(struct hm_outq *q, hm_ms now_ms)
{
	if (q->n == 0 || now_ms < q->next_try)
		return;
	q->next_try = hm_after(now_ms, HM_OUTQ_RETRY);
	for (unsigned left = q->n; left > 0 && q->n > 0; left--) {
		struct held h = q->held[0];
		int err;

		take_out(q, 0);
		err = q->how.send(q->how.arg, h.role, &h.effect);
		if (err == HM_PENDING && h.until > now_ms && q->n < HM_OUTQ_MAX)
			q->held[q->n++] = h;
		else
			q->how.gone(q->how.arg, h.role, &h.effect,
			            err == HM_PENDING ? HM_ENOKEY : err);
	}
}

void hm_outq_wake(struct hm_outq *q, hm_ms now_ms)
{
	q->next_try = now_ms;
}
