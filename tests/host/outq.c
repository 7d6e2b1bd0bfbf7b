#include "host/outq.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

static struct hm_outq *q;
static char told[400];       /* what was tried, sent and given up, by destination's last octet */
static int answers[256];     /* by that octet */
static bool hold_when_tried; /* the next try leads to a further packet */

static void say(const char *what, const struct hm_effect *e, int err)
{
	size_t len = strlen(told);

	snprintf(told + len, sizeof told - len, "%s%s%x/%u", len ? " " : "", what,
	         e->send.packet.dst.b[15], e->send.packet.handoff.seq);
	len = strlen(told);
	if (err)
		snprintf(told + len, sizeof told - len, "=%d", err);
}

static struct hm_effect handoff(uint8_t to, uint16_t seq)
{
	struct hm_effect e = { .kind = HM_FX_SEND };

	e.send.use = HM_USE_MS_MS;
	e.send.packet.kind = HM_MSG_HANDOFF;
	e.send.packet.dst = addr("2001:db8:f2::");
	e.send.packet.dst.b[15] = to;
	e.send.packet.handoff.seq = seq;
	return e;
}

static int on_send(void *arg, unsigned role, const struct hm_effect *e)
{
	cr_assert_eq(arg, told);
	cr_assert_eq(role, 3);
	if (hold_when_tried) {
		struct hm_effect more = handoff(0xee, 9);

		hold_when_tried = false;
		cr_assert_eq(hm_outq_hold(q, 3, &more, 0), HM_OK);
	}
	return answers[e->send.packet.dst.b[15]];
}

static void on_gone(void *arg, unsigned role, const struct hm_effect *e, int err)
{
	cr_assert_eq(arg, told);
	cr_assert_eq(role, 3);
	say("", e, err);
}

static void set_up(void)
{
	const struct hm_outq_options options = { .send = on_send, .gone = on_gone, .arg = told };

	q = hm_outq_create(&options);
	cr_assert_not_null(q);
	for (unsigned i = 0; i < 256; i++)
		answers[i] = HM_PENDING;
}

static void tear_down(void)
{
	hm_outq_destroy(q);
}

TestSuite(outq, .init = set_up, .fini = tear_down);

static int hold(uint8_t to, uint16_t seq, hm_ms now)
{
	const struct hm_effect e = handoff(to, seq);

	return hm_outq_hold(q, 3, &e, now);
}

Test(outq, a_packet_leaves_when_its_key_is_there)
{
	cr_assert_eq(hm_outq_deadline(q), HM_NEVER);
	hold(1, 5, 1000);
	cr_assert_eq(hm_outq_deadline(q), 1000 + HM_OUTQ_RETRY);
	hm_outq_retry(q, 1099);
	hm_outq_retry(q, 1100);
	cr_assert_str_eq(told, "");
	cr_assert_eq(hm_outq_deadline(q), 1100 + HM_OUTQ_RETRY);
	answers[1] = HM_OK;
	hm_outq_retry(q, 1200);
	cr_assert_str_eq(told, "1/5");
	cr_assert_eq(hm_outq_deadline(q), HM_NEVER);
}

Test(outq, a_learnt_key_is_tried_at_once)
{
	hold(1, 5, 1000);
	answers[1] = HM_OK;
	hm_outq_wake(q, 1003);
	cr_assert_eq(hm_outq_deadline(q), 1003);
	hm_outq_retry(q, 1003);
	cr_assert_str_eq(told, "1/5");
}

Test(outq, a_packet_is_given_up_after_two_seconds)
{
	hold(1, 5, 1000);
	hold(2, 6, 1500);
	hm_outq_retry(q, 2999);
	cr_assert_str_eq(told, "");
	hm_outq_wake(q, 3000);
	hm_outq_retry(q, 3000);
	cr_assert_str_eq(told, "1/5=-13", "without a key it ends as one for which there is none");
	hm_outq_retry(q, 3500);
	cr_assert_str_eq(told, "1/5=-13 2/6=-13");
}

Test(outq, a_refused_key_ends_the_wait)
{
	hold(1, 5, 1000);
	hold(2, 6, 1000);
	answers[1] = HM_ENOKEY;
	hm_outq_retry(q, 1100);
	cr_assert_str_eq(told, "1/5=-13");
	cr_assert_eq(hm_outq_deadline(q), 1200);
}

Test(outq, repeated_words_take_the_place_of_the_first_ones)
{
	hold(1, 5, 1000);
	hold(2, 6, 1100);
	hold(1, 7, 2000);
	answers[1] = answers[2] = HM_OK;
	hm_outq_retry(q, 2100);
	cr_assert_str_eq(told, "2/6 1/7");
}

Test(outq, beyond_the_ceiling_the_newest_is_refused)
{
	for (unsigned i = 0; i < HM_OUTQ_MAX; i++)
		cr_assert_eq(hold((uint8_t)i, 1, 0), HM_OK);
	cr_assert_eq(hold(0xf0, 1, 0), HM_EFULL);
	cr_assert_eq(hold(3, 2, 0), HM_OK, "one that repeats another fits");
}

Test(outq, sending_may_lead_to_another_packet_that_waits)
{
	hold(1, 5, 1000);
	hold(2, 6, 1000);
	answers[1] = answers[2] = HM_OK;
	hold_when_tried = true;
	hm_outq_retry(q, 1100);
	cr_assert_str_eq(told, "1/5 2/6");
	answers[0xee] = HM_OK;
	hm_outq_retry(q, 1200);
	cr_assert_str_eq(told, "1/5 2/6 ee/9");
}
