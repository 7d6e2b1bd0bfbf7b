#include "store/rig.h"

TestSuite(records, .init = rig_start, .fini = rig_end);

/* Two reads of two clocks at two moments: the same to a few milliseconds. */
static void expect_moment(hm_ms got, hm_ms want)
{
	if (want == HM_NEVER)
		cr_assert_eq(got, HM_NEVER, "%lld", (long long)got);
	else
		cr_assert(got > want - 100 && got < want + 100, "%lld is not about %lld",
		          (long long)got, (long long)want);
}

static void expect_addr(const struct hm_addr *got, const struct hm_addr *want)
{
	cr_assert_arr_eq(got->b, want->b, sizeof want->b);
}

static void expect_binding(const struct hm_record *got, const struct hm_binding_row *want)
{
	cr_assert_eq(got->kind, HM_RECORD_BINDING);
	cr_assert_eq(got->binding.role, want->role);
	cr_assert_eq(got->binding.state, want->state);
	expect_addr(&got->binding.home, &want->home);
	expect_addr(&got->binding.gcoa, &want->gcoa);
	expect_addr(&got->binding.coa, &want->coa);
	cr_assert_eq(got->binding.seq, want->seq);
	cr_assert_eq(got->binding.epoch, want->epoch);
	cr_assert_eq(got->binding.spi, want->spi);
	cr_assert_eq(got->binding.lifetime_s, want->lifetime_s);
	cr_assert_eq(got->binding.flags, want->flags);
	expect_moment(got->binding.registered_ms, want->registered_ms);
	expect_moment(got->binding.expires_ms, want->expires_ms);
}

Test(records, bindings_come_back_as_they_were_put)
{
	struct hm_record want[3] = {
		a_binding("2001:db8:1::aa", 7),
		a_binding("2001:db8:1::aa", 0),
		a_binding("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
	};

	want[0].binding.state = HM_BINDING_FORWARDING;
	want[1].binding.role = HM_ROLE_HA; /* the same home address: another row */
	want[1].binding.gcoa = hm_addr_any;
	want[2].binding = (struct hm_binding_row){
		.role = HM_ROLE_CH,
		.home = want[2].binding.home,
		.gcoa = want[2].binding.home,
		.coa = want[2].binding.home,
		.seq = UINT16_MAX,
		.epoch = UINT32_MAX,
		.spi = UINT32_MAX,
		.lifetime_s = HM_LIFETIME_INFINITE,
		.flags = UINT32_MAX,
		.registered_ms = rig_now(),
		.expires_ms = HM_NEVER,
	};
	rig_open();
	for (unsigned i = 0; i < 3; i++)
		rig_keep(&want[i]);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, 3);
	for (unsigned i = 0; i < 3; i++)
		expect_binding(&rig.loaded[i], &want[i].binding);
}

Test(records, numbers_come_back_first_and_outlive_their_binding)
{
	struct hm_record binding = a_binding("2001:db8:1::aa", 65535);
	struct hm_record registration = a_registration(HM_ROLE_HA, "2001:db8:1::1", 5);
	struct hm_record seq = a_seq(HM_USE_MH_MS, "::", "2001:db8:1::aa", 65535);

	seq.seq.epoch = UINT32_MAX;
	seq.seq.spi = 0x1001;
	rig_open();
	rig_keep(&binding);
	rig_keep(&registration);
	rig_keep(&seq);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, 3);
	cr_assert_eq(rig.loaded[0].kind, HM_RECORD_SEQ);
	cr_assert_eq(rig.loaded[1].kind, HM_RECORD_BINDING);
	cr_assert_eq(rig.loaded[2].kind, HM_RECORD_REGISTRATION);
	rig_del(&binding, 0);
	rig_del(&registration, 0);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, 1);
	cr_assert_eq(rig.loaded[0].seq.use, HM_USE_MH_MS);
	cr_assert(hm_addr_is_any(&rig.loaded[0].seq.peer));
	expect_addr(&rig.loaded[0].seq.home, &seq.seq.home);
	cr_assert_eq(rig.loaded[0].seq.seq, 65535);
	cr_assert_eq(rig.loaded[0].seq.epoch, UINT32_MAX);
	cr_assert_eq(rig.loaded[0].seq.spi, 0x1001);
}

Test(records, numbers_of_every_use_and_pair_are_apart)
{
	const char *homes[] = { "::", "2001:db8:1::aa", "2001:db8:1::bb" };
	uint16_t n = 0;

	rig_open();
	for (unsigned use = HM_USE_NONE; use < HM_USES; use++)
		for (unsigned peer = 0; peer < 3; peer++)
			for (unsigned home = 0; home < 3; home++) {
				struct hm_record r = a_seq(use, homes[peer], homes[home], n++);

				rig_put(&r, 0);
			}
	rig_reopen();
	cr_assert_eq(rig.n_loaded, n);
	for (uint16_t i = 0; i < n; i++)
		cr_assert_eq(rig.loaded[i].seq.seq, i);
}

Test(records, registrations_come_back_as_they_were_put)
{
	struct hm_record want[3] = {
		a_registration(HM_ROLE_MS, "2001:db8:f1::1", 1),
		a_registration(HM_ROLE_HA, "2001:db8:f1::1", 2),
		a_registration(HM_ROLE_CH, "2001:db8:c::1", 65535),
	};

	want[0].registration.state = HM_REGISTRATION_PENDING;
	want[1].registration.state = HM_REGISTRATION_REFUSED;
	want[2].registration.epoch = UINT32_MAX;
	want[2].registration.expires_ms = HM_NEVER;
	rig_open();
	for (unsigned i = 0; i < 3; i++)
		rig_keep(&want[i]);
	rig_reopen();
	cr_assert_eq(rig.n_loaded, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct hm_registration_row *got = &rig.loaded[i].registration;

		cr_assert_eq(got->kind, want[i].registration.kind);
		cr_assert_eq(got->state, want[i].registration.state);
		cr_assert_eq(got->seq, want[i].registration.seq);
		cr_assert_eq(got->epoch, want[i].registration.epoch);
		expect_addr(&got->peer, &want[i].registration.peer);
		expect_addr(&got->home, &want[i].registration.home);
		expect_addr(&got->coa, &want[i].registration.coa);
		expect_moment(got->expires_ms, want[i].registration.expires_ms);
	}
}

Test(records, what_no_table_can_hold_is_refused_and_queues_nothing)
{
	struct hm_record bad[5] = {
		a_binding("2001:db8:1::aa", 1),
		a_binding("2001:db8:1::aa", 1),
		a_seq(HM_USES, "::", "2001:db8:1::aa", 1),
		a_registration(HM_ROLE_RA, "2001:db8:1::1", 1),
		a_registration(HM_ROLE_HA, "2001:db8:1::1", 1),
	};
	struct hm_store_stats stats;

	bad[0].binding.role = HM_ROLE_MH;
	bad[1].binding.state = 2;
	bad[4].kind = 3;
	rig_open();
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(hm_store_put(rig.store, &bad[i], 1), HM_EMALFORMED, "record %u", i);
	hm_store_stats(rig.store, &stats);
	cr_assert_eq(stats.queued, 0);
}

Test(records, time_that_passes_while_the_daemon_is_down_counts)
{
	struct hm_record lives = a_binding("2001:db8:1::aa", 1);
	struct hm_record dies = a_binding("2001:db8:1::bb", 1);
	struct hm_record registration = a_registration(HM_ROLE_MS, "2001:db8:f1::1", 1);
	struct hm_record forever = a_binding("2001:db8:1::cc", 1);

	dies.binding.expires_ms = dies.binding.registered_ms + 60000;
	registration.registration.expires_ms = dies.binding.expires_ms;
	forever.binding.lifetime_s = HM_LIFETIME_INFINITE;
	forever.binding.expires_ms = HM_NEVER;
	rig_open();
	rig_put(&lives, 0);
	rig_put(&dies, 0);
	rig_put(&registration, 0);
	rig_put(&forever, 0);
	rig_close();
	/* A hundred seconds go by. */
	rig_change("UPDATE binding SET registered_ms = registered_ms - 100000,"
	           " expires_ms = expires_ms - 100000;"
	           "UPDATE registration SET expires_ms = expires_ms - 100000");
	rig_open();
	rig_load();
	cr_assert_eq(rig.n_loaded, 2);
	expect_moment(rig.loaded[0].binding.expires_ms, lives.binding.expires_ms - 100000);
	expect_moment(rig.loaded[0].binding.registered_ms, lives.binding.registered_ms - 100000);
	expect_moment(rig.loaded[1].binding.expires_ms, HM_NEVER);
	cr_assert_str_eq(rig_read("SELECT home_address FROM v_bindings ORDER BY 1"),
	                 "2001:db8:1::aa\n2001:db8:1::cc\n");
	cr_assert_str_eq(rig_read("SELECT count(*) FROM v_registrations"), "0\n");
}

Test(records, a_clock_set_back_makes_no_binding_last_longer_than_granted)
{
	struct hm_record binding = a_binding("2001:db8:1::aa", 1);

	rig_open();
	rig_keep(&binding);
	rig_close();
	rig_change("UPDATE binding SET registered_ms = registered_ms + 86400000,"
	           " expires_ms = expires_ms + 86400000");
	rig_open();
	rig_load();
	cr_assert_eq(rig.n_loaded, 1);
	expect_moment(rig.loaded[0].binding.expires_ms, rig_now() + 600000);
}

Test(records, answers_come_in_the_order_of_the_puts)
{
	const uint64_t n = 5000;

	rig_open();
	for (uint64_t i = 1; i <= n; i++) {
		struct hm_record record = binding_of((uint32_t)(i * 7919 % 1000));

		rig_put(&record, i);
		if (i % 137 == 0)
			hm_store_flush(rig.store);
		if (i % 501 == 0)
			uv_run(&rig.loop, UV_RUN_NOWAIT);
	}
	rig_wait(n);
	for (uint64_t i = 0; i < n; i++) {
		cr_assert_eq(rig.cookie[i], i + 1);
		cr_assert_eq(rig.err[i], HM_OK);
	}
}

Test(records, without_a_cookie_there_is_no_answer)
{
	struct hm_record quiet = a_binding("2001:db8:1::aa", 1);
	struct hm_record loud = a_binding("2001:db8:1::bb", 1);

	rig_open();
	rig_put(&quiet, 0);
	rig_put(&loud, 42);
	rig_wait(1);
	cr_assert_eq(rig.cookie[0], 42);
	cr_assert_str_eq(rig_read("SELECT count(*) FROM v_bindings"), "2\n");
}

Test(records, of_several_writes_to_a_row_in_a_batch_the_last_wins_and_all_are_answered)
{
	struct hm_record other = a_binding("2001:db8:1::bb", 1);
	struct hm_store_stats stats;

	rig_open();
	for (uint16_t i = 1; i <= 1000; i++) {
		struct hm_record record = a_binding("2001:db8:1::aa", i);

		rig_put(&record, i);
	}
	rig_put(&other, 1001);
	rig_del(&other, 1002);
	rig_wait(1002);
	for (uint64_t i = 0; i < 1002; i++) {
		cr_assert_eq(rig.cookie[i], i + 1);
		cr_assert_eq(rig.err[i], HM_OK);
	}
	hm_store_stats(rig.store, &stats);
	cr_assert_eq(stats.records_written, 2);
	cr_assert_eq(stats.commits, 1);
	cr_assert_str_eq(rig_read("SELECT home_address, sequence FROM v_bindings"),
	                 "2001:db8:1::aa|1000\n");
}

Test(records, the_queue_has_a_ceiling)
{
	struct hm_store_stats stats;
	struct hm_record one_more = binding_of(100);

	rig.queue_max = 100;
	rig_open();
	for (uint32_t i = 0; i < 100; i++) {
		struct hm_record record = binding_of(i);

		rig_put(&record, i + 1);
	}
	cr_assert_eq(hm_store_put(rig.store, &one_more, 101), HM_EFULL);
	cr_assert_eq(hm_store_del(rig.store, &one_more, 101), HM_EFULL);
	hm_store_stats(rig.store, &stats);
	cr_assert_eq(stats.queued, 100);
	rig_wait(100);
	hm_store_stats(rig.store, &stats);
	cr_assert_eq(stats.queued, 0);
	rig_keep(&one_more);
	cr_assert_str_eq(rig_read("SELECT count(*) FROM v_bindings"), "101\n");
}

Test(records, closing_commits_and_answers_what_was_never_flushed)
{
	rig_open();
	for (uint32_t i = 0; i < 300; i++) {
		struct hm_record record = binding_of(i);

		rig_put(&record, i + 1);
	}
	hm_store_close(rig.store);
	rig.store = NULL;
	cr_assert_eq(rig.n_answers, 300);
	for (uint32_t i = 0; i < 300; i++) {
		cr_assert_eq(rig.cookie[i], i + 1);
		cr_assert_eq(rig.err[i], HM_OK);
	}
	rig_open();
	rig_load();
	cr_assert_eq(rig.n_loaded, 300);
}

Test(records, thousands_of_records_come_back_after_restarts)
{
	const uint32_t n = 6000;

	rig_open();
	for (uint32_t i = 0; i < n; i++) {
		struct hm_record record = binding_of(i);

		rig_put(&record, 0);
		if (i % 100 == 0)
			hm_store_flush(rig.store);
		if (i % 2000 == 1999)
			rig_reopen();
	}
	for (uint32_t i = 0; i < n; i += 2) {
		struct hm_record record = binding_of(i);

		rig_del(&record, 0);
	}
	rig_reopen();
	cr_assert_eq(rig.n_loaded, n / 2);
	for (uint32_t i = 0; i < n / 2; i++)
		cr_assert_eq(rig.loaded[i].binding.epoch, 2 * i + 1);
}
