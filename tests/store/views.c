#include "store/rig.h"

TestSuite(views, .init = rig_start, .fini = rig_end);

static const char *columns(const char *view)
{
	char query[128];

	snprintf(query, sizeof query,
	         "SELECT group_concat(name, ', ') FROM pragma_table_info('%s')", view);
	return rig_read(query);
}

Test(views, have_the_columns_that_scripts_rely_on)
{
	rig_open();
	cr_assert_str_eq(columns("v_bindings"),
	                 "role, home_address, gcoa, lcoa, state, sequence, epoch, lifetime_s, "
	                 "registered_at, expires_at, expires_in_s\n");
	cr_assert_str_eq(columns("v_sequences"),
	                 "use, peer, home_address, spi, sequence, epoch, updated_at\n");
	cr_assert_str_eq(columns("v_registrations"),
	                 "peer, kind, home_address, care_of_address, sequence, state, "
	                 "expires_at\n");
	cr_assert_str_eq(columns("v_keys"), "spi, use, peer, home_address, algorithm, not_before, "
	                                    "not_after, origin\n");
}

Test(views, bindings_read_as_text)
{
	struct hm_record ms = a_binding("2001:db8:0:0:1:0:0:aa", 7);
	struct hm_record ha = a_binding("2001:db8:1::aa", 8);

	ms.binding.state = HM_BINDING_FORWARDING;
	ms.binding.epoch = 3;
	ha.binding.role = HM_ROLE_HA;
	ha.binding.gcoa = hm_addr_any;
	ha.binding.lifetime_s = HM_LIFETIME_INFINITE;
	ha.binding.expires_ms = HM_NEVER;
	rig_open();
	rig_keep(&ms);
	rig_keep(&ha);
	cr_assert_str_eq(rig_read("SELECT role, home_address, gcoa, lcoa, state, sequence, epoch,"
	                          " lifetime_s FROM v_bindings ORDER BY sequence"),
	                 "ms|2001:db8::1:0:0:aa|2001:db8:f1::aa|2001:db8:f1:1::aa|forwarding|7|3|"
	                 "600\n"
	                 "ha|2001:db8:1::aa|NULL|2001:db8:f1:1::aa|active|8|0|4294967295\n");
	cr_assert_str_eq(rig_read("SELECT expires_at, expires_in_s FROM v_bindings"
	                          " WHERE role = 'ha'"),
	                 "NULL|NULL\n");
}

Test(views, times_are_iso_8601_in_utc)
{
	struct hm_record binding = a_binding("2001:db8:1::aa", 7);
	long left;

	rig_open();
	rig_keep(&binding);
	left = atol(rig_read("SELECT expires_in_s FROM v_bindings"));
	cr_assert(left >= 590 && left <= 600, "%ld", left);
	/* Registered now, to within the time this test takes. */
	cr_assert_str_eq(rig_read("SELECT abs(strftime('%s', registered_at) - strftime('%s')) < 10,"
	                          " strftime('%s', expires_at) - strftime('%s', registered_at)"
	                          " BETWEEN 599 AND 601 FROM v_bindings"),
	                 "1|1\n");
	rig_close();
	rig_change("UPDATE binding SET registered_ms = 951782400999, expires_ms = 951782460000");
	cr_assert_str_eq(rig_read("SELECT registered_at, expires_at, expires_in_s FROM v_bindings"),
	                 "2000-02-29T00:00:00Z|2000-02-29T00:01:00Z|0\n");
}

Test(views, sequences_read_as_text)
{
	struct hm_record at_ms = a_seq(HM_USE_MH_MS, "::", "2001:db8:1::aa", 65535);
	struct hm_record at_mh = a_seq(HM_USE_MH_HA, "2001:db8:1::1", "2001:db8:1::aa", 2);
	struct hm_record between = a_seq(HM_USE_MS_MS, "2001:db8:f2::1", "::", 3);

	at_ms.seq.epoch = 9;
	at_ms.seq.spi = 0x1001;
	rig_open();
	rig_keep(&at_ms);
	rig_keep(&at_mh);
	rig_keep(&between);
	cr_assert_str_eq(rig_read("SELECT use, peer, home_address, spi, sequence, epoch"
	                          " FROM v_sequences ORDER BY use"),
	                 "mh-ha|2001:db8:1::1|2001:db8:1::aa|0|2|0\n"
	                 "mh-ms|NULL|2001:db8:1::aa|4097|65535|9\n"
	                 "ms-ms|2001:db8:f2::1|NULL|0|3|0\n");
	cr_assert_str_eq(rig_read("SELECT DISTINCT updated_at GLOB"
	                          " '20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
	                          "[0-5][0-9]Z', abs(strftime('%s', updated_at) -"
	                          " strftime('%s')) < 10 FROM v_sequences"),
	                 "1|1\n");
}

Test(views, registrations_read_as_text)
{
	struct hm_record pending = a_registration(HM_ROLE_MS, "2001:db8:f1::1", 1);
	struct hm_record active = a_registration(HM_ROLE_HA, "2001:db8:1::1", 2);
	struct hm_record refused = a_registration(HM_ROLE_CH, "2001:db8:c::1", 3);

	pending.registration.state = HM_REGISTRATION_PENDING;
	active.registration.expires_ms = HM_NEVER;
	refused.registration.state = HM_REGISTRATION_REFUSED;
	rig_open();
	rig_keep(&pending);
	rig_keep(&active);
	rig_keep(&refused);
	cr_assert_str_eq(rig_read("SELECT peer, kind, home_address, care_of_address, sequence,"
	                          " state, strftime('%s', expires_at) - strftime('%s') BETWEEN 590"
	                          " AND 600 FROM v_registrations ORDER BY sequence"),
	                 "2001:db8:f1::1|ms|2001:db8:1::aa|2001:db8:f1:1::aa|1|pending|1\n"
	                 "2001:db8:1::1|ha|2001:db8:1::aa|2001:db8:f1:1::aa|2|active|NULL\n"
	                 "2001:db8:c::1|ch|2001:db8:1::aa|2001:db8:f1:1::aa|3|refused|1\n");
}

Test(views, moved_bindings_change_their_text_too)
{
	struct hm_record binding = a_binding("2001:db8:1::aa", 1);

	rig_open();
	rig_keep(&binding);
	binding.binding.gcoa = addr("2001:db8:f2::aa");
	binding.binding.coa = addr("2001:db8:f2:2::aa");
	rig_keep(&binding);
	cr_assert_str_eq(rig_read("SELECT gcoa, lcoa FROM v_bindings"),
	                 "2001:db8:f2::aa|2001:db8:f2:2::aa\n");
	binding.binding.gcoa = hm_addr_any;
	rig_keep(&binding);
	cr_assert_str_eq(rig_read("SELECT gcoa, lcoa FROM v_bindings"), "NULL|2001:db8:f2:2::aa\n");
}
