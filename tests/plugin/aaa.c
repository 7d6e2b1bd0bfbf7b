#include "aaa_rig.h"

/* auth-aaa-stub through the plugin interface: keys that come late, never, or not at all. */

TestSuite(aaa, .init = rig_start, .fini = rig_end);

static const char *const *const defaults = (const char *const[]){ NULL };

/* --- a message received ---------------------------------------------------------------------- */

Test(aaa, an_unknown_key_is_obtained_and_the_answer_comes_later)
{
	rig_open(defaults);
	cr_assert_eq(verify(7, HOME, 0x00), HM_PLUGIN_PENDING);
	advance(DELAY - 1);
	cr_assert_eq(rig.n_done, 0);
	advance(1);
	cr_assert_eq(rig.n_done, 1);
	cr_assert_eq(rig.done[0].ticket, 7);
	cr_assert_eq(rig.done[0].result, HM_PLUGIN_OK);
	cr_assert_eq(verify(8, HOME, 0x00), HM_PLUGIN_OK, "from then on it answers at once");
	cr_assert_eq(verify(9, HOME, 0x55), HM_PLUGIN_EAUTH);
	cr_assert_eq(counted("aaa_asked"), 1);
	advance(100000);
	cr_assert_eq(rig.n_done, 1, "one answer per ticket");
}

Test(aaa, the_key_obtained_tells_whether_the_mac_is_right)
{
	rig_open(defaults);
	cr_assert_eq(verify(7, HOME, 0x01), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(rig.done[0].result, HM_PLUGIN_EAUTH);
}

Test(aaa, a_key_is_for_the_home_address_it_was_obtained_for)
{
	rig_open(defaults);
	cr_assert_eq(verify(1, HOME, 0x00), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(verify(2, "2001:db8:1::bb", 0x00), HM_PLUGIN_PENDING, "it is another's SPI");
	advance(DELAY);
	cr_assert_eq(rig.done[1].result, HM_PLUGIN_EAUTH);
	cr_assert_eq(verify(3, "2001:db8:1::bb", 0x10), HM_PLUGIN_OK);
}

Test(aaa, the_host_is_told_of_a_key_before_the_answer_with_its_end)
{
	struct hm_addr home = addr(HOME);

	rig_open((const char *const[]){ "lifetime", "2min", NULL });
	verify(7, HOME, 0x00);
	advance(3000);
	cr_assert_eq(rig.n_learnt, 1);
	cr_assert_eq(rig.learnt[0].use, HM_KEY_MH_MS);
	cr_assert_eq(rig.learnt[0].spi, 0x1001);
	cr_assert_eq(rig.learnt[0].has_home, 1);
	cr_assert_arr_eq(rig.learnt[0].home, home.b, 16);
	cr_assert_eq(rig.learnt[0].has_peer, 0);
	cr_assert_eq(rig.learnt[0].not_after_s, NOW_S + 5 + 3 + 120);
	cr_assert_eq(rig.learnt[0].secret_len, 16);
	cr_assert_eq(rig.secret[0][15], 0x0f);
}

Test(aaa, a_key_that_ended_is_obtained_anew)
{
	rig_open((const char *const[]){ "lifetime", "10s", NULL });
	verify(1, HOME, 0x00);
	advance(DELAY);
	advance(10000);
	cr_assert_eq(verify(2, HOME, 0x00), HM_PLUGIN_OK);
	advance(1000);
	cr_assert_eq(verify(3, HOME, 0x00), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(rig.done[1].result, HM_PLUGIN_OK);
	cr_assert_eq(counted("aaa_learnt"), 2);
}

Test(aaa, messages_that_need_the_same_key_wait_for_one_answer)
{
	rig_open(defaults);
	cr_assert_eq(verify(1, HOME, 0x00), HM_PLUGIN_PENDING);
	advance(DELAY / 2);
	cr_assert_eq(verify(2, HOME, 0x33), HM_PLUGIN_PENDING);
	cr_assert_eq(counted("aaa_asked"), 1);
	advance(DELAY / 2);
	cr_assert_eq(rig.n_done, 2);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(rig.done[i].result,
		             rig.done[i].ticket == 1 ? HM_PLUGIN_OK : HM_PLUGIN_EAUTH);
}

Test(aaa, a_refusal_is_told_and_remembered_for_a_while)
{
	rig_open(defaults);
	cr_assert_eq(verify(1, "2001:db8:1::dead", 0x00), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(rig.done[0].result, HM_PLUGIN_ENOKEY);
	cr_assert_eq(rig.n_learnt, 0);
	advance(9999);
	cr_assert_eq(verify(2, "2001:db8:1::dead", 0x00), HM_PLUGIN_ENOKEY, "nobody is asked");
	cr_assert_eq(counted("aaa_asked"), 1);
	advance(1);
	cr_assert_eq(verify(3, "2001:db8:1::dead", 0x00), HM_PLUGIN_PENDING);
}

Test(aaa, a_reload_brings_the_table_anew_and_keeps_what_was_learnt)
{
	char table[600];

	rig_open(defaults);
	verify(1, HOME, 0x00);
	verify(2, "2001:db8:1::cc", 0x30);
	advance(DELAY);
	cr_assert_eq(rig.done[0].result + rig.done[1].result, HM_PLUGIN_OK + HM_PLUGIN_ENOKEY);
	snprintf(table, sizeof table, "%s%s", rig_table,
	         "mh-ms 0x1001 2001:db8:1::cc - 303132333435363738393a3b3c3d3e3f\n");
	rig_write(table, 0600);
	rig.ops->key_begin(rig.loaded.self);
	rig.ops->key_end(rig.loaded.self);
	cr_assert_eq(verify(3, HOME, 0x00), HM_PLUGIN_OK);
	cr_assert_eq(verify(4, "2001:db8:1::cc", 0x30), HM_PLUGIN_PENDING, "the refusal stands");
	advance(DELAY);
	cr_assert_eq(rig.done[2].result, HM_PLUGIN_OK);
	rig_write("nonsense\n", 0600);
	rig.ops->key_begin(rig.loaded.self);
	rig.ops->key_end(rig.loaded.self);
	cr_assert(strstr(rig.log, ":1: five fields are needed"), "%s", rig.log);
	cr_assert_eq(verify(5, "2001:db8:1::bb", 0x10), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(rig.done[3].result, HM_PLUGIN_OK, "the former table stays");
}

Test(aaa, an_answer_that_is_lost_never_comes_and_the_next_message_asks_again)
{
	rig_open((const char *const[]){ "loss", "100", NULL });
	cr_assert_eq(verify(1, HOME, 0x00), HM_PLUGIN_PENDING);
	advance(4999);
	cr_assert_eq(verify(2, HOME, 0x00), HM_PLUGIN_PENDING);
	cr_assert_eq(counted("aaa_asked"), 1);
	advance(1);
	cr_assert_eq(rig.n_done, 0);
	cr_assert_eq(counted("aaa_lost"), 1);
	cr_assert_eq(verify(3, HOME, 0x00), HM_PLUGIN_PENDING);
	cr_assert_eq(counted("aaa_asked"), 2);
}

Test(aaa, the_same_seed_brings_the_same_fates)
{
	char fates[2][41] = { "", "" };

	for (unsigned run = 0; run < 2; run++) {
		rig_open((const char *const[]){ "refuse", "50", "seed", "42", "lifetime", "1s",
		                                NULL });
		for (unsigned i = 0; i < 40; i++) {
			char home[32];

			snprintf(home, sizeof home, "2001:db8:1::%x", i % 2 ? 0xaa : 0xbb);
			rig.n_done = 0;
			verify_of(i, between(HM_KEY_MH_MS, MS, MH, home), 0x1001, 0x00);
			advance(20000);
			fates[run][i] =
			        rig.n_done && rig.done[0].result == HM_PLUGIN_ENOKEY ? 'r' : '.';
		}
		hm_plugin_unload(&rig.loaded);
	}
	cr_assert_str_eq(fates[0], fates[1]);
	cr_assert(strchr(fates[0], 'r') && strchr(fates[0], '.'), "%s", fates[0]);
}

/* --- a message to be sent -------------------------------------------------------------------- */

Test(aaa, a_key_to_sign_with_is_obtained_and_told)
{
	const struct hm_auth_parties p = between(HM_KEY_MS_MS, MS, MS2, HOME);
	uint8_t mac[HM_AUTH_MAC_LEN];
	uint32_t spi = 0;

	rig_open(defaults);
	cr_assert_eq(pick(p, &spi), HM_PLUGIN_PENDING);
	cr_assert_eq(pick(p, &spi), HM_PLUGIN_PENDING, "pick is idempotent");
	cr_assert_eq(counted("aaa_asked"), 1);
	cr_assert_eq(rig.ops->sign(rig.loaded.self, &p, 8194, now_s(), mac, 1, mac),
	             HM_PLUGIN_ENOKEY);
	advance(DELAY);
	cr_assert_eq(rig.n_learnt, 1);
	cr_assert_eq(rig.learnt[0].use, HM_KEY_MS_MS);
	cr_assert_eq(rig.learnt[0].peer_plen, 44);
	cr_assert_eq(pick(p, &spi), HM_PLUGIN_OK);
	cr_assert_eq(spi, 8194);
	cr_assert_eq(rig.ops->sign(rig.loaded.self, &p, spi, now_s(), mac, 1, mac), HM_PLUGIN_OK);
	cr_assert_eq(rig.n_done, 0, "a pick has no ticket");
}

Test(aaa, a_refused_key_to_sign_with_is_told)
{
	const struct hm_auth_parties p = between(HM_KEY_MS_RA, MS, MS2, "::");
	uint32_t spi = 77;

	rig_open(defaults);
	cr_assert_eq(pick(p, &spi), HM_PLUGIN_PENDING);
	advance(DELAY);
	cr_assert_eq(pick(p, &spi), HM_PLUGIN_ENOKEY);
	cr_assert_eq(spi, 77);
}

/* --- keys that are there ---------------------------------------------------------------------- */

Test(aaa, keys_of_the_configuration_are_used_without_asking)
{
	static const uint8_t secret[16] = { 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
		                            0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f };
	struct hm_auth_key key = { .size = sizeof key,
		                   .use = HM_KEY_MH_MS,
		                   .spi = 0x1001,
		                   .name = "own",
		                   .secret = secret,
		                   .secret_len = sizeof secret };
	uint32_t spi;

	rig_open(defaults);
	rig.ops->key_begin(rig.loaded.self);
	cr_assert_eq(rig.ops->key_put(rig.loaded.self, &key), HM_PLUGIN_OK);
	rig.ops->key_end(rig.loaded.self);
	cr_assert_eq(verify(1, HOME, 0x40), HM_PLUGIN_OK);
	cr_assert_eq(verify(2, HOME, 0x00), HM_PLUGIN_EAUTH,
	             "for that SPI the configuration rules");
	cr_assert_eq(pick(between(HM_KEY_MH_MS, MH, MS, HOME), &spi), HM_PLUGIN_OK);
	cr_assert_eq(counted("aaa_asked"), 0);
	rig.ops->key_begin(rig.loaded.self);
	rig.ops->key_end(rig.loaded.self);
	cr_assert_eq(verify(3, HOME, 0x00), HM_PLUGIN_PENDING, "it is configured no more");
}

Test(aaa, after_a_restart_learnt_keys_serve_without_asking)
{
	uint32_t spi;

	rig_open(defaults);
	verify(1, HOME, 0x00);
	pick(between(HM_KEY_MS_MS, MS, MS2, HOME), &spi);
	advance(DELAY);
	cr_assert_eq(rig.n_learnt, 2);
	hm_plugin_unload(&rig.loaded);
	rig_open(defaults);
	rig.ops->key_begin(rig.loaded.self);
	rig.ops->key_end(rig.loaded.self);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(rig.ops->key_restore(rig.loaded.self, &rig.learnt[i]), HM_PLUGIN_OK);
	rig.ops->key_begin(rig.loaded.self);
	rig.ops->key_end(rig.loaded.self);
	cr_assert_eq(verify(2, HOME, 0x00), HM_PLUGIN_OK);
	cr_assert_eq(pick(between(HM_KEY_MS_MS, MS, MS2, HOME), &spi), HM_PLUGIN_OK);
	cr_assert_eq(counted("aaa_asked"), 0);
}

Test(aaa, a_host_without_the_newer_services_is_served_as_well)
{
	rig_api.size = offsetof(struct hm_host_api, learnt);
	rig_open(defaults);
	verify(1, HOME, 0x00);
	advance(DELAY);
	cr_assert_eq(rig.done[0].result, HM_PLUGIN_OK);
	cr_assert_eq(rig.n_learnt, 0);
}
