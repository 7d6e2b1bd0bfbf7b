#include "host/authq.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

/* --- a plugin that answers as the test says --------------------------------------------------- */

struct fake {
	int answers[8]; /* of the next calls of verify */
	unsigned asked;
	uint64_t tickets[8];
	uint32_t uses[8];
	struct hm_auth_parties parties; /* of the last call */
	uint32_t spi;
	int64_t now_s;
	uint8_t data[256];
	size_t len;
	uint8_t mac[HM_AUTH_MAC_LEN];
	char calls[200]; /* key_begin, key_put and key_end, in order */
};

static struct fake fake;

static int fake_key_put(void *self, const struct hm_auth_key *key)
{
	struct fake *f = self;
	size_t len = strlen(f->calls);

	snprintf(f->calls + len, sizeof f->calls - len, " %s/%u/%u", key->name, key->use, key->spi);
	return key->spi == 0xbad ? HM_PLUGIN_ENOMEM : HM_PLUGIN_OK;
}

static void fake_key_begin(void *self)
{
	strcat(((struct fake *)self)->calls, " begin");
}

static void fake_key_end(void *self)
{
	strcat(((struct fake *)self)->calls, " end");
}

static int fake_pick(void *self, const struct hm_auth_parties *parties, int64_t now_s,
                     uint32_t *ret_spi)
{
	struct fake *f = self;

	f->parties = *parties;
	f->now_s = now_s;
	if (parties->use == HM_KEY_MS_RA)
		return HM_PLUGIN_ENOKEY;
	if (parties->use == HM_KEY_MS_MS)
		return HM_PLUGIN_PENDING;
	*ret_spi = 0x1001;
	return HM_PLUGIN_OK;
}

static int fake_sign(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
                     const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN])
{
	struct fake *f = self;

	f->parties = *parties;
	f->spi = spi;
	f->now_s = now_s;
	f->len = len;
	memcpy(f->data, data, len);
	memset(ret_mac, 0x5a, HM_AUTH_MAC_LEN);
	return HM_PLUGIN_OK;
}

static int fake_verify(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
                       uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
                       const uint8_t mac[HM_AUTH_MAC_LEN])
{
	struct fake *f = self;
	unsigned call = f->asked++ % 8;

	f->tickets[call] = ticket;
	f->uses[call] = parties->use;
	f->parties = *parties;
	f->spi = spi;
	f->now_s = now_s;
	f->len = len;
	memcpy(f->data, data, len);
	memcpy(f->mac, mac, sizeof f->mac);
	return f->answers[call];
}

static const struct hm_auth_ops ops = {
	.size = sizeof ops,
	.key_put = fake_key_put,
	.key_begin = fake_key_begin,
	.key_end = fake_key_end,
	.pick = fake_pick,
	.sign = fake_sign,
	.verify = fake_verify,
};

static const struct hm_plugin plugin = {
	.size = sizeof plugin, .kind = HM_PLUGIN_AUTH, .name = "fake", .auth = &ops
};
static const struct hm_loaded loaded = { .plugin = &plugin, .self = &fake };

/* --- the queue under test --------------------------------------------------------------------- */

static struct hm_authq *q;
static struct hm_counters counters;
static char told[400]; /* every verdict: seq=verdict/use */

static void on_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                       enum hm_use use)
{
	static const char *const verdicts[] = { "ok", "missing", "no-key", "bad" };
	uint16_t seq = packet->kind == HM_MSG_BACK ? packet->back.seq : packet->reg.seq;
	size_t len = strlen(told);

	cr_assert_eq(arg, told);
	snprintf(told + len, sizeof told - len, "%s%u=%s/%s", len ? " " : "", seq,
	         verdicts[verdict], hm_use_text(use));
}

static void start(struct hm_authq_options options)
{
	options.verdict = on_verdict;
	options.arg = told;
	options.counters = &counters;
	q = hm_authq_create(&options);
	cr_assert_not_null(q);
}

static void tear_down(void)
{
	hm_authq_destroy(q);
}

TestSuite(authq, .fini = tear_down);

static struct hm_authq_now at(hm_ms now_ms)
{
	return (struct hm_authq_now){ .now_ms = now_ms, .wall_s = 1700000000 + now_ms / 1000 };
}

#define HEADER_AT 40
#define HEADER_LEN 64
#define MAC_AT (HEADER_AT + 24)

static const struct hm_signed_part part = { HEADER_AT, HEADER_LEN, MAC_AT };

/* A Registration Request with Authentication Data; its octets count up behind the addresses. */
static struct hm_packet request(const char *src, uint16_t seq, uint8_t ret_bytes[104])
{
	struct hm_packet p = { .src = addr(src),
		               .dst = addr("2001:db8:f1::1"),
		               .has_home = true,
		               .home = addr("2001:db8:1::aa"),
		               .kind = HM_MSG_REG_REQUEST,
		               .reg = { .ack = true, .seq = seq },
		               .auth = { .present = true, .spi = 0x1001, .mac = { 7, 8, 9 } } };

	for (unsigned i = 0; i < 104; i++)
		ret_bytes[i] = (uint8_t)i;
	memcpy(ret_bytes + 8, p.src.b, 16);
	memcpy(ret_bytes + 24, p.dst.b, 16);
	return p;
}

static void submit(const char *src, uint16_t seq, hm_ms now)
{
	uint8_t bytes[104];
	struct hm_packet p = request(src, seq, bytes);

	hm_authq_submit(q, &p, (struct hm_span){ bytes, sizeof bytes }, &part, NULL, at(now));
}

static void submit_ack(uint16_t seq, const struct hm_addr *own_home, hm_ms now)
{
	uint8_t bytes[104];
	struct hm_packet p = request("2001:db8:f1::1", seq, bytes);

	p.kind = HM_MSG_BACK;
	p.has_home = false;
	p.back = (struct hm_back){ .seq = seq };
	hm_authq_submit(q, &p, (struct hm_span){ bytes, sizeof bytes }, &part, own_home, at(now));
}

/* --- answers at once -------------------------------------------------------------------------- */

Test(authq, asks_with_parties_spi_date_and_the_octets_that_are_signed)
{
	uint8_t want[48 + HEADER_LEN];
	struct hm_addr home = addr("2001:db8:1::aa"), ms = addr("2001:db8:f1::1"),
	               mh = addr("2001:db8::9");

	start((struct hm_authq_options){ .plugin = &loaded });
	submit("2001:db8::9", 1, 3000);
	cr_assert_str_eq(told, "1=ok/mh-ms");
	cr_assert_eq(fake.parties.use, HM_KEY_MH_MS);
	cr_assert_arr_eq(fake.parties.local, ms.b, 16);
	cr_assert_arr_eq(fake.parties.remote, mh.b, 16);
	cr_assert_arr_eq(fake.parties.home, home.b, 16);
	cr_assert_eq(fake.spi, 0x1001);
	cr_assert_eq(fake.now_s, 1700000003);
	cr_assert_arr_eq(fake.mac, ((uint8_t[HM_AUTH_MAC_LEN]){ 7, 8, 9 }), HM_AUTH_MAC_LEN);
	memcpy(want, mh.b, 16);
	memcpy(want + 16, ms.b, 16);
	memcpy(want + 32, home.b, 16);
	for (unsigned i = 0; i < HEADER_LEN; i++)
		want[48 + i] = i >= 24 && i < 40 ? 0 : (uint8_t)(HEADER_AT + i);
	cr_assert_eq(fake.len, sizeof want);
	cr_assert_arr_eq(fake.data, want, sizeof want);
}

Test(authq, results_become_verdicts)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = HM_PLUGIN_EAUTH;
	fake.answers[1] = HM_PLUGIN_ENOKEY;
	submit("2001:db8::9", 1, 0);
	submit("2001:db8::9", 2, 0);
	cr_assert_str_eq(told, "1=bad/none 2=no-key/none");
	cr_assert_eq(hm_authq_waiting(q), 0);
}

Test(authq, a_packet_without_authentication_data_is_not_asked_about)
{
	uint8_t bytes[104];
	struct hm_packet p = request("2001:db8::9", 1, bytes);

	start((struct hm_authq_options){ .plugin = &loaded });
	p.auth.present = false;
	hm_authq_submit(q, &p, (struct hm_span){ bytes, sizeof bytes }, &part, NULL, at(0));
	cr_assert_str_eq(told, "1=missing/none");
	cr_assert_eq(fake.asked, 0);
}

Test(authq, with_auth_none_everything_is_good_and_nothing_is_vouched_for)
{
	struct hm_auth_parties parties = { .size = sizeof parties };
	uint32_t spi = 1;

	start((struct hm_authq_options){ .plugin = NULL });
	submit("2001:db8::9", 1, 0);
	submit_ack(2, NULL, 0);
	cr_assert_str_eq(told, "1=ok/none 2=ok/none");
	cr_assert_eq(hm_authq_spi(q, &parties, at(0), &spi), HM_OK);
	cr_assert_eq(spi, 0);
}

/* --- answers later ---------------------------------------------------------------------------- */

Test(authq, a_pending_answer_gives_the_verdict_once)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = fake.answers[1] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 100);
	submit("2001:db8::9", 2, 200);
	cr_assert_str_eq(told, "");
	cr_assert_eq(hm_authq_waiting(q), 2);
	cr_assert_eq(hm_authq_deadline(q), 100 + HM_AUTHQ_TIMEOUT);
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_OK, at(300));
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_EAUTH, at(300));
	cr_assert_str_eq(told, "1=ok/mh-ms");
	cr_assert_eq(hm_authq_deadline(q), 200 + HM_AUTHQ_TIMEOUT);
	hm_authq_answer(q, fake.tickets[1], HM_PLUGIN_ENOKEY, at(300));
	cr_assert_str_eq(told, "1=ok/mh-ms 2=no-key/none");
	cr_assert_eq(hm_authq_deadline(q), HM_NEVER);
}

Test(authq, tickets_of_nobody_are_ignored)
{
	start((struct hm_authq_options){ .plugin = &loaded, .max = 4 });
	fake.answers[0] = fake.answers[1] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 0);
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_EAUTH, at(0));
	submit("2001:db8::9", 2, 0);
	/* The old ticket's slot is taken again; 0, 3 and 65535 name none. */
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_OK, at(0));
	hm_authq_answer(q, 0, HM_PLUGIN_OK, at(0));
	hm_authq_answer(q, 3, HM_PLUGIN_OK, at(0));
	hm_authq_answer(q, 65535, HM_PLUGIN_OK, at(0));
	cr_assert_str_eq(told, "1=bad/none");
	cr_assert_eq(hm_authq_waiting(q), 1);
}

Test(authq, what_is_not_answered_in_time_is_dropped)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = fake.answers[1] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 100);
	submit("2001:db8::9", 2, 101);
	hm_authq_expire(q, 99 + HM_AUTHQ_TIMEOUT);
	cr_assert_eq(hm_authq_waiting(q), 2);
	hm_authq_expire(q, 100 + HM_AUTHQ_TIMEOUT);
	cr_assert_eq(hm_authq_waiting(q), 1);
	cr_assert_eq(counters.n[HM_COUNT_AUTH_UNANSWERED], 1);
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_OK, at(6000));
	hm_authq_answer(q, fake.tickets[1], HM_PLUGIN_OK, at(6000));
	cr_assert_str_eq(told, "2=ok/mh-ms");
}

Test(authq, a_plugin_that_fails_or_pends_twice_gives_no_verdict)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = HM_PLUGIN_EIO;
	fake.answers[1] = 17;
	fake.answers[2] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 0);
	submit("2001:db8::9", 2, 0);
	submit("2001:db8::9", 3, 0);
	hm_authq_answer(q, fake.tickets[2], HM_PLUGIN_PENDING, at(0));
	cr_assert_str_eq(told, "");
	cr_assert_eq(hm_authq_waiting(q), 0);
	cr_assert_eq(counters.n[HM_COUNT_AUTH_UNANSWERED], 3);
}

Test(authq, the_newest_that_waits_is_dropped_at_either_ceiling)
{
	start((struct hm_authq_options){ .plugin = &loaded, .max = 3, .max_per_source = 2 });
	for (unsigned i = 0; i < 8; i++)
		fake.answers[i] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 0);
	submit("2001:db8::9", 2, 0);
	submit("2001:db8::9", 3, 0);
	cr_assert_eq(hm_authq_waiting(q), 2, "the third from one source waits");
	submit("2001:db8::a", 4, 0);
	submit("2001:db8::b", 5, 0);
	cr_assert_eq(hm_authq_waiting(q), 3, "a fourth packet waits");
	cr_assert_eq(counters.n[HM_COUNT_AUTH_QUEUE_FULL], 2);
	hm_authq_answer(q, fake.tickets[2], HM_PLUGIN_OK, at(0));
	hm_authq_answer(q, fake.tickets[4], HM_PLUGIN_OK, at(0));
	cr_assert_str_eq(told, "", "an answer about what was dropped was believed");
	fake.answers[5] = HM_PLUGIN_OK;
	submit("2001:db8::9", 7, 0);
	cr_assert_str_eq(told, "7=ok/mh-ms", "strangers keep out no known one");
	hm_authq_answer(q, fake.tickets[1], HM_PLUGIN_OK, at(0));
	submit("2001:db8::9", 6, 0);
	hm_authq_answer(q, fake.tickets[6], HM_PLUGIN_OK, at(0));
	cr_assert_str_eq(told, "7=ok/mh-ms 2=ok/mh-ms 6=ok/mh-ms");
}

Test(authq, what_still_waits_at_the_end_is_forgotten)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = HM_PLUGIN_PENDING;
	submit("2001:db8::9", 1, 0);
	hm_authq_destroy(q);
	q = NULL;
	cr_assert_str_eq(told, "");
}

/* --- acknowledgements ------------------------------------------------------------------------- */

Test(authq, the_key_of_an_acknowledgement_is_looked_for_use_by_use)
{
	struct hm_addr home = addr("2001:db8:1::aa");

	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = HM_PLUGIN_ENOKEY;
	fake.answers[1] = HM_PLUGIN_EAUTH; /* the same SPI may name a key of each use */
	fake.answers[2] = HM_PLUGIN_OK;
	submit_ack(1, &home, 0);
	cr_assert_str_eq(told, "1=ok/mh-ch");
	cr_assert_eq(fake.uses[0], HM_KEY_MH_MS);
	cr_assert_eq(fake.uses[1], HM_KEY_MH_HA);
	cr_assert_eq(fake.uses[2], HM_KEY_MH_CH);
	cr_assert_arr_eq(fake.parties.home, home.b, 16);
	cr_assert_arr_eq(fake.data + 32, home.b, 16);
}

Test(authq, an_acknowledgement_is_bad_when_any_key_was_there)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = HM_PLUGIN_EAUTH;
	fake.answers[1] = fake.answers[2] = HM_PLUGIN_ENOKEY;
	submit_ack(1, NULL, 0);
	fake.answers[3] = fake.answers[4] = fake.answers[5] = HM_PLUGIN_ENOKEY;
	submit_ack(2, NULL, 0);
	cr_assert_str_eq(told, "1=bad/none 2=no-key/none");
}

Test(authq, the_search_goes_on_after_a_late_answer_within_the_same_time)
{
	start((struct hm_authq_options){ .plugin = &loaded });
	fake.answers[0] = fake.answers[1] = HM_PLUGIN_PENDING;
	fake.answers[2] = HM_PLUGIN_ENOKEY;
	submit_ack(1, NULL, 0);
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_ENOKEY, at(1000));
	cr_assert_eq(fake.asked, 2);
	cr_assert_neq(fake.tickets[0], fake.tickets[1]);
	hm_authq_answer(q, fake.tickets[0], HM_PLUGIN_OK, at(1000));
	cr_assert_str_eq(told, "", "an answer about another use was believed");
	cr_assert_eq(hm_authq_deadline(q), HM_AUTHQ_TIMEOUT);
	hm_authq_answer(q, fake.tickets[1], HM_PLUGIN_ENOKEY, at(2000));
	cr_assert_str_eq(told, "1=no-key/none");
}

Test(authq, a_routing_header_says_whom_an_acknowledgement_is_about)
{
	uint8_t bytes[104];
	struct hm_addr own = addr("2001:db8:1::bb");
	struct hm_packet p = request("2001:db8:f1::1", 1, bytes);

	start((struct hm_authq_options){ .plugin = &loaded });
	p.kind = HM_MSG_BACK;
	p.has_home = false;
	p.has_routing = true;
	p.routing_addr = addr("2001:db8:1::cc");
	hm_authq_submit(q, &p, (struct hm_span){ bytes, sizeof bytes }, &part, &own, at(0));
	cr_assert_arr_eq(fake.parties.home, p.routing_addr.b, 16);
}

/* --- uses, keys, sending ---------------------------------------------------------------------- */

Test(authq, each_message_has_its_use)
{
	struct hm_packet p = { .kind = HM_MSG_REG_REQUEST };

	start((struct hm_authq_options){ .plugin = NULL });
	cr_assert_eq(hm_authq_use(&p), HM_USE_MH_MS);
	p.kind = HM_MSG_REG_UPDATE;
	cr_assert_eq(hm_authq_use(&p), HM_USE_MH_MS);
	p.kind = HM_MSG_REG_REFRESH;
	cr_assert_eq(hm_authq_use(&p), HM_USE_MH_MS);
	p.kind = HM_MSG_HANDOFF;
	cr_assert_eq(hm_authq_use(&p), HM_USE_MS_MS);
	p.kind = HM_MSG_MSINFO;
	cr_assert_eq(hm_authq_use(&p), HM_USE_MS_RA);
	p.kind = HM_MSG_BU;
	p.bu = (struct hm_bu){ .home_reg = true };
	cr_assert_eq(hm_authq_use(&p), HM_USE_MH_HA);
	p.bu.home_reg = false;
	cr_assert_eq(hm_authq_use(&p), HM_USE_MH_CH);
	p.kind = HM_MSG_BACK;
	cr_assert_eq(hm_authq_use(&p), HM_USE_NONE);
}

Test(authq, keys_of_the_configuration_reach_the_plugin_as_one_reload)
{
	struct hm_key_setting keys[] = {
		{ .name = "a", .use = HM_USE_MH_HA, .spi = 300, .line = 5 },
		{ .name = "b", .use = HM_USE_MS_RA, .spi = 301, .line = 9 },
	};
	struct hm_settings s = { .file = "x.conf", .keys = keys, .n_keys = 2 };
	char why[100] = "";

	start((struct hm_authq_options){ .plugin = &loaded });
	cr_assert_eq(hm_authq_set_keys(q, &s, why, sizeof why), HM_OK);
	cr_assert_str_eq(fake.calls, " begin a/2/300 b/5/301 end");
	keys[1].spi = 0xbad;
	fake.calls[0] = '\0';
	cr_assert_eq(hm_authq_set_keys(q, &s, why, sizeof why), HM_ENOMEM);
	cr_assert_str_eq(why, "x.conf:9: key b: out of memory");
	cr_assert_str_eq(fake.calls, " begin a/2/300 b/5/2989");
}

Test(authq, signs_in_place_with_the_key_that_was_picked)
{
	uint8_t bytes[104];
	struct hm_packet p = request("2001:db8::9", 1, bytes);
	struct hm_wr w = { .p = bytes, .cap = sizeof bytes, .len = sizeof bytes };
	struct hm_auth_parties parties = hm_authq_sending(HM_USE_MH_MS, &p);
	uint32_t spi = 0;

	start((struct hm_authq_options){ .plugin = &loaded });
	cr_assert_arr_eq(parties.local, p.src.b, 16);
	cr_assert_arr_eq(parties.remote, p.dst.b, 16);
	cr_assert_arr_eq(parties.home, p.home.b, 16);
	cr_assert_eq(hm_authq_spi(q, &parties, at(2000), &spi), HM_OK);
	cr_assert_eq(spi, 0x1001);
	cr_assert_eq(fake.now_s, 1700000002);
	cr_assert_eq(hm_authq_sign(q, &parties, spi, &w, &part, at(4000)), HM_OK);
	cr_assert_eq(fake.spi, 0x1001);
	cr_assert_eq(fake.now_s, 1700000004);
	cr_assert_eq(fake.len, 48 + HEADER_LEN);
	for (unsigned i = HEADER_AT; i < sizeof bytes; i++)
		cr_assert_eq(bytes[i], i >= MAC_AT && i < MAC_AT + 16 ? 0x5a : i, "octet %u", i);
}

Test(authq, without_a_key_nothing_is_signed)
{
	uint8_t bytes[104];
	struct hm_packet p = request("2001:db8::9", 1, bytes);
	struct hm_auth_parties parties;
	uint32_t spi = 77;

	start((struct hm_authq_options){ .plugin = &loaded });
	p.kind = HM_MSG_MSINFO;
	parties = hm_authq_sending(HM_USE_MS_RA, &p);
	cr_assert_arr_eq(parties.home, hm_addr_any.b, 16, "a Mobility Information has no home");
	cr_assert_eq(hm_authq_spi(q, &parties, at(0), &spi), HM_ENOKEY);
	parties.use = HM_KEY_MS_MS;
	cr_assert_eq(hm_authq_spi(q, &parties, at(0), &spi), HM_PENDING, "one is being obtained");
	cr_assert_eq(spi, 77);
}
