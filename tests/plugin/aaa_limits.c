#include "aaa_rig.h"

#include "host/authq.h"

/* What strangers, and a table or options that are wrong, can do to auth-aaa-stub. */

TestSuite(aaa_limits, .init = rig_start, .fini = rig_end);

static const char *const *const defaults = (const char *const[]){ NULL };

static int verify_from(uint64_t ticket, unsigned net, unsigned host)
{
	char source[48], home[48];

	snprintf(source, sizeof source, "2001:db8:%x:%x::%x", 0x1000 + net / 256, net, host);
	snprintf(home, sizeof home, "2001:db8:bad::%x:%x", net, host);
	return verify_of(ticket, between(HM_KEY_MH_MS, MS, source, home), 0x1001, 0x00);
}

/* --- floods ---------------------------------------------------------------------------------- */

Test(aaa_limits, one_link_cannot_fill_the_queue)
{
	unsigned pending = 0;

	rig_open(defaults);
	for (unsigned i = 0; i < 1000; i++)
		pending += verify_from(i, 1, i) == HM_PLUGIN_PENDING;
	cr_assert_eq(pending, 16);
	cr_assert_eq(counted("aaa_dropped"), 984);
	cr_assert_eq(verify(5000, HOME, 0x00), HM_PLUGIN_PENDING, "another link still may ask");
	advance(DELAY);
	cr_assert_eq(rig.n_done, 17);
	cr_assert_eq(rig.done[16].result, HM_PLUGIN_OK);
	cr_assert_eq(verify_from(5001, 1, 0x2000), HM_PLUGIN_PENDING, "all is free again");
}

Test(aaa_limits, all_links_together_cannot_exhaust_memory_or_hinder_known_ones)
{
	unsigned pending = 0;
	uint32_t spi;

	rig_open(defaults);
	verify(1, HOME, 0x00);
	advance(DELAY);
	for (unsigned i = 0; i < 20000; i++)
		pending += verify_from(10 + i, i % 1000, i) == HM_PLUGIN_PENDING;
	cr_assert_eq(pending, 192);
	cr_assert_eq(verify(2, HOME, 0x00), HM_PLUGIN_OK);
	cr_assert_eq(pick(between(HM_KEY_MS_MS, MS, MS2, HOME), &spi), HM_PLUGIN_PENDING,
	             "what we send ourselves has room of its own");
	advance(DELAY);
	cr_assert_eq(pick(between(HM_KEY_MS_MS, MS, MS2, HOME), &spi), HM_PLUGIN_OK);
	cr_assert_eq(rig.n_done, 1 + 192);
	cr_assert_eq(counted("aaa_refused"), 192);
}

Test(aaa_limits, what_is_to_be_signed_has_a_ceiling_too)
{
	unsigned pending = 0;

	rig_open(defaults);
	for (unsigned i = 0; i < 500; i++) {
		char peer[48];
		uint32_t spi;

		snprintf(peer, sizeof peer, "2001:db8:c::%x", i);
		pending += pick(between(HM_KEY_MH_CH, MH, peer, HOME), &spi) == HM_PLUGIN_PENDING;
	}
	cr_assert_eq(pending, 64);
	cr_assert_eq(verify(1, HOME, 0x00), HM_PLUGIN_PENDING);
}

Test(aaa_limits, few_messages_wait_for_one_key)
{
	rig_open(defaults);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(verify(i, HOME, 0x00), HM_PLUGIN_PENDING);
	cr_assert_eq(verify(4, HOME, 0x00), HM_PLUGIN_EFULL);
	advance(DELAY);
	cr_assert_eq(rig.n_done, 4);
}

Test(aaa_limits, a_message_of_no_credible_size_does_not_wait)
{
	static const uint8_t huge[2049];
	const struct hm_auth_parties p = between(HM_KEY_MH_MS, MS, MH, HOME);

	rig_open(defaults);
	cr_assert_eq(
	        rig.ops->verify(rig.loaded.self, 1, &p, 0x1001, now_s(), huge, sizeof huge, huge),
	        HM_PLUGIN_EFULL);
	cr_assert_eq(rig.ops->verify(rig.loaded.self, 2, &p, 255, now_s(), huge, 10, huge),
	             HM_PLUGIN_ENOKEY, "reserved SPIs are asked for");
}

Test(aaa_limits, closing_with_questions_under_way_answers_nobody)
{
	rig_open(defaults);
	verify(1, HOME, 0x00);
	verify_from(2, 1, 1);
	hm_plugin_unload(&rig.loaded);
	cr_assert_eq(rig.fd, -1, "the descriptor is still watched");
	cr_assert_eq(rig.n_done, 0);
}

/* --- with the queue of the host -------------------------------------------------------------- */

static char told[200];

static void on_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                       enum hm_use use)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof told - len, " %u=%u/%s", packet->reg.seq, verdict,
	         hm_use_text(use));
}

/* A registration whose MAC is wrong, from the given host about HOME or a stranger. */
static void submit(struct hm_authq *q, const char *home, uint16_t seq)
{
	static const struct hm_signed_part part = { 40, 64, 64 };
	struct hm_packet p = { .src = addr(MH),
		               .dst = addr(MS),
		               .has_home = true,
		               .home = addr(home),
		               .kind = HM_MSG_REG_REQUEST,
		               .reg = { .ack = true, .seq = seq },
		               .auth = { .present = true, .spi = 0x1001 } };
	uint8_t bytes[104] = { 0 };

	rig.inside = true;
	hm_authq_submit(q, &p, (struct hm_span){ bytes, sizeof bytes }, &part, NULL,
	                (struct hm_authq_now){ rig.now_ms, now_s() });
	rig.inside = false;
}

Test(aaa_limits, the_host_gives_up_what_is_lost_and_passes_on_what_comes)
{
	struct hm_counters counters = { .n = { 0 } };
	struct hm_authq_options options = {
		.plugin = &rig.loaded, .verdict = on_verdict, .counters = &counters, .max = 8
	};
	struct hm_authq *q;

	rig_open((const char *const[]){ "loss", "100", NULL });
	q = hm_authq_create(&options);
	submit(q, HOME, 1);
	cr_assert_eq(hm_authq_waiting(q), 1);
	advance(HM_AUTHQ_TIMEOUT);
	hm_authq_expire(q, rig.now_ms);
	cr_assert_eq(counters.n[HM_COUNT_AUTH_UNANSWERED], 1);
	hm_authq_destroy(q);
	hm_plugin_unload(&rig.loaded);

	rig_open(defaults);
	q = hm_authq_create(&options);
	submit(q, HOME, 2);
	submit(q, "2001:db8:1::dead", 3);
	cr_assert_str_eq(told, "");
	advance(DELAY);
	for (unsigned i = 0; i < rig.n_done; i++)
		hm_authq_answer(q, rig.done[i].ticket, rig.done[i].result,
		                (struct hm_authq_now){ rig.now_ms, now_s() });
	cr_assert(strstr(told, " 2=3/none"), "the key came, the MAC is bad:%s", told);
	cr_assert(strstr(told, " 3=2/none"), "no key:%s", told);
	cr_assert_eq(hm_authq_waiting(q), 0);
	hm_authq_destroy(q);
}

Test(aaa_limits, an_acknowledgement_is_first_asked_about_as_what_was_sent)
{
	static const struct hm_signed_part part = { 40, 64, 64 };
	static const uint8_t secret[16] = { 1 };
	const char *const ha = "2001:db8:1::1";
	const struct hm_auth_parties p = between(HM_KEY_MH_HA, MH, ha, HOME);
	const struct hm_addr home = addr(HOME);
	struct hm_counters counters = { .n = { 0 } };
	struct hm_authq_options options = { .plugin = &rig.loaded,
		                            .verdict = on_verdict,
		                            .counters = &counters };
	struct hm_auth_key key = { .size = sizeof key,
		                   .use = HM_KEY_MH_HA,
		                   .spi = 0x1002,
		                   .name = "ha",
		                   .secret = secret,
		                   .secret_len = sizeof secret };
	struct hm_packet ack = { .src = addr(ha),
		                 .dst = addr(MH),
		                 .kind = HM_MSG_BACK,
		                 .auth = { .present = true, .spi = 0x1002 } };
	uint8_t bytes[104] = { 0 };
	struct hm_wr w = { .p = bytes, .cap = sizeof bytes, .len = sizeof bytes };
	struct hm_authq *spoke, *silent;

	rig_open(defaults);
	cr_assert_eq(rig.ops->key_put(rig.loaded.self, &key), HM_PLUGIN_OK);
	spoke = hm_authq_create(&options);
	silent = hm_authq_create(&options);
	cr_assert_eq(hm_authq_sign(spoke, &p, 0x1002, &w, &part,
	                           (struct hm_authq_now){ rig.now_ms, now_s() }),
	             HM_OK);
	memcpy(ack.auth.mac, bytes + part.mac_at, sizeof ack.auth.mac);
	hm_authq_submit(silent, &ack, (struct hm_span){ bytes, sizeof bytes }, &part, &home,
	                (struct hm_authq_now){ rig.now_ms, now_s() });
	cr_assert_str_eq(told, "", "without a hint another use is asked about, elsewhere");
	hm_authq_submit(spoke, &ack, (struct hm_span){ bytes, sizeof bytes }, &part, &home,
	                (struct hm_authq_now){ rig.now_ms, now_s() });
	cr_assert_str_eq(told, " 0=0/mh-ha");
	advance(DELAY);
	hm_authq_answer(silent, rig.done[0].ticket, rig.done[0].result,
	                (struct hm_authq_now){ rig.now_ms, now_s() });
	cr_assert_str_eq(told, " 0=0/mh-ha 0=0/mh-ha", "the search comes to it all the same");
	hm_authq_destroy(spoke);
	hm_authq_destroy(silent);
}

/* --- wrong tables and options ---------------------------------------------------------------- */

static void refused(const char *table, const char *reason)
{
	rig.log[0] = '\0';
	rig_write(table, 0600);
	cr_expect_eq(rig_try_open(defaults), HM_ECONFIG, "opened with: %s", table);
	cr_expect(strstr(rig.log, reason), "for %s: got %s", table, rig.log);
	hm_plugin_unload(&rig.loaded);
}

Test(aaa_limits, a_wrong_table_is_refused_with_its_line)
{
	refused("mh-ms 0x1001 - - 00112233445566778899aabbccddeeff\nmh-ms 1\n", ":2: five fields");
	refused("mh-xx 0x1001 - - 00112233445566778899aabbccddeeff\n", ":1: no such use");
	refused("mh-ms 1x - - 00112233445566778899aabbccddeeff\n", ":1: the SPI");
	refused("mh-ms 255 - - 00112233445566778899aabbccddeeff\n", ":1: SPIs are 256 or more");
	refused("mh-ms 300 - - 0011\n", ":1: SPIs are 256 or more, secrets 16");
	refused("mh-ms 300 - - 00112233445566778899aabbccddeefg\n", ":1: SPIs");
	refused("mh-ms 300 host - 00112233445566778899aabbccddeeff\n", ":1: the home address");
	refused("mh-ms 300 - ::1/129 00112233445566778899aabbccddeeff\n", ":1: the peer");
	refused("mh-ms 300 - - 00112233445566778899aabbccddeeff more\n", ":1: more than five");
}

Test(aaa_limits, a_table_that_others_may_read_is_refused)
{
	rig_write(rig_table, 0640);
	cr_assert_eq(rig_try_open(defaults), HM_ECONFIG);
	cr_assert(strstr(rig.log, "open to others"), "%s", rig.log);
	cr_assert(!strstr(rig.log, "0001020304"), "a secret is in the log");
}

Test(aaa_limits, a_table_that_is_no_file_is_refused)
{
	snprintf(rig.path, sizeof rig.path, "/nowhere/table");
	cr_assert_eq(rig_try_open(defaults), HM_ECONFIG);
	cr_assert(strstr(rig.log, "/nowhere/table: No such file"), "%s", rig.log);
}

Test(aaa_limits, wrong_options_are_named)
{
	static const char *const wrong[][2] = {
		{ "delay", "fast" },     { "delay", "2min" },     { "loss", "101" },
		{ "refuse", "-1" },      { "lifetime", "500ms" }, { "seed", "x" },
		{ "table", "relative" },
	};

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char key[40];

		rig.log[0] = '\0';
		cr_expect_eq(rig_try_open((const char *const[]){ wrong[i][0], wrong[i][1], NULL }),
		             HM_ECONFIG, "%s = %s", wrong[i][0], wrong[i][1]);
		snprintf(key, sizeof key, "key=%s", wrong[i][0]);
		cr_expect(strstr(rig.log, key), "for %s: %s", wrong[i][0], rig.log);
		hm_plugin_unload(&rig.loaded);
	}
}
