#include "base/text.h"
#include "host/settings_load.h"
#include "host/settings_rig.h"
#include "lib/addr.h"

TestSuite(settings, .init = rig_init, .fini = rig_fini);

#define CH "[hmipd]\nrole = ch\n"

static void expect_addr(const struct hm_addr *got, const char *expected)
{
	char text[HM_ADDR_TEXT_MAX];

	cr_assert_str_eq(hm_addr_text(got, text), expected);
}

/* all.conf of the source tree, with the key file it names. */
static void load_all(void)
{
	char text[8192];
	FILE *f = fopen(HM_TEST_DIR "/conf/all.conf", "re");
	size_t n = fread(text, 1, sizeof text - 1, f);

	fclose(f);
	text[n] = '\0';
	rig_write("routers.key", "0123456789abcdef0123456789ABCDEF\n", 33, 0600);
	rig_accepts(text);
}

Test(settings, every_key_arrives_in_hmipd_and_its_roles)
{
	const struct hm_settings *s;

	load_all();
	s = rig_settings;
	for (int id = 0; id < HM_ROLES; id++)
		cr_assert(s->config.common.roles[id], "role %d", id);
	cr_assert_str_eq(s->file, "c.conf");
	cr_assert_str_eq(s->state_dir, "state#dir");
	cr_assert_str_eq(s->control_socket, "sock;et");
	cr_assert_str_eq(s->plugin_dir, "plugins");
	cr_assert_str_eq(s->tunnel, "tun");
	cr_assert_str_eq(s->auth, "none");
	cr_assert(s->config.common.auth_none);
	cr_assert(s->config.common.auth_failure_reply);
	cr_assert_eq(s->log_level, HM_LOG_DEBUG);
}

Test(settings, every_key_of_the_mobility_server_arrives)
{
	const struct hm_ms_config *ms;

	load_all();
	ms = &rig_settings->config.ms;
	cr_assert_str_eq(ms->interface, "mn0");
	expect_addr(&ms->address, "2001:db8:f1::1");
	cr_assert_eq(ms->plen, 56);
	cr_assert_eq(ms->lifetime_max_s, 1200);
	cr_assert_eq(ms->max_bindings, 7);
	cr_assert_eq(ms->dad, HM_DAD_OPTIMISTIC);
	cr_assert(ms->rewrite);
	cr_assert_eq(ms->info_interval_ms, 1500);
	cr_assert_eq(ms->routers.n, 2);
	expect_addr(&ms->routers.a[1], "2001:db8:f1:2::1");
	cr_assert_eq(ms->router_interfaces.n, 2);
	cr_assert_str_eq(ms->router_interfaces.name[1], "acc1");
	cr_assert_eq(ms->peers.n, 1);
	expect_addr(&ms->peers.a[0], "2001:db8:f2::1");
	cr_assert_eq(ms->level, 2);
	cr_assert_eq(ms->preference, 255);
}

Test(settings, every_key_of_the_mobile_host_arrives)
{
	const struct hm_mh_config *mh;

	load_all();
	mh = &rig_settings->config.mh;
	cr_assert_eq(mh->interfaces.n, 2);
	cr_assert_str_eq(mh->interfaces.name[0], "wlan0");
	expect_addr(&mh->home, "2001:db8:1::aa");
	cr_assert_eq(mh->home_plen, 64);
	cr_assert(!mh->discover_home_agent);
	expect_addr(&mh->home_agent, "2001:db8:1::1");
	cr_assert_eq(mh->lifetime_s, 7200);
	cr_assert(mh->has_domain_prefixes);
	cr_assert_eq(mh->domain_prefixes.n, 2);
	cr_assert_eq(mh->domain_prefixes.p[1].plen, 47);
	cr_assert_eq(mh->correspondents.n, 1);
	cr_assert_eq(mh->uplink, HM_UPLINK_DIRECT);
}

Test(settings, every_key_of_the_other_roles_arrives)
{
	const struct hm_config *c;

	load_all();
	c = &rig_settings->config;
	cr_assert_str_eq(c->ra.interfaces.name[1], "acc1");
	expect_addr(&c->ra.prefixes.p[1].addr, "2001:db8:f1:2::");
	cr_assert_eq(c->ra.mobility, HM_RA_STATIC);
	cr_assert_eq(c->ra.n_servers, 2);
	expect_addr(&c->ra.servers[1].ms, "2001:db8:f2::1");
	cr_assert_eq(c->ra.servers[1].plen, 60);
	cr_assert_eq(c->ra.min_interval_ms, 30);
	cr_assert_eq(c->ra.max_interval_ms, 4000);
	cr_assert_eq(c->ra.router_lifetime_s, 0);
	cr_assert(c->ra.home_agent);
	cr_assert_str_eq(c->ha.interface, "home0");
	expect_addr(&c->ha.address, "2001:db8:1::1");
	cr_assert_eq(c->ha.plen, 64);
	cr_assert_eq(c->ha.lifetime_max_s, 90);
	cr_assert_eq(c->ha.max_bindings, 16);
	cr_assert_eq(c->ha.dad, HM_DAD_NO);
	cr_assert_str_eq(c->ch.interface, "eth0");
	cr_assert_eq(c->ch.max_bindings, 9);
	cr_assert(c->ch.home_agent_here);
	cr_assert_eq(c->wire.nd_mobility_information, 254);
	cr_assert_eq(c->wire.mobility_information, 0x1f);
	cr_assert_eq(c->wire.registration_request, 0xd0);
	cr_assert_eq(c->wire.registration_update, 0xd1);
	cr_assert_eq(c->wire.registration_refresh, 0xd2);
	cr_assert_eq(c->wire.handoff_request, 0xd3);
	cr_assert(c->wire.accept_rh0);
}

Test(settings, keys_and_options_of_plugins_arrive)
{
	const struct hm_key_setting *k;
	const struct hm_plugin_setting *p;

	load_all();
	k = rig_settings->keys;
	p = rig_settings->plugin_settings;
	cr_assert_eq(rig_settings->n_keys, 2);
	cr_assert_str_eq(k[0].name, "roamer");
	cr_assert_eq(k[0].use, HM_USE_MH_MS);
	cr_assert_eq(k[0].spi, 0x1001);
	cr_assert(k[0].has_home && k[0].has_peer);
	expect_addr(&k[0].home, "2001:db8:1::aa");
	cr_assert_eq(k[0].peer.plen, 44);
	cr_assert_eq(k[0].not_before_s, 1767225600);
	cr_assert_eq(k[0].not_after_s, 1798761600);
	cr_assert_eq(k[0].secret_len, 16);
	cr_assert_arr_eq(k[0].secret, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16);
	cr_assert_eq(k[1].use, HM_USE_MS_RA);
	cr_assert_eq(k[1].spi, UINT32_MAX);
	cr_assert(!k[1].has_home);
	cr_assert_eq(k[1].peer.plen, 128);
	cr_assert_eq(k[1].secret_len, 16);
	cr_assert_arr_eq(k[1].secret, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01", 9);
	cr_assert_eq(rig_settings->n_plugin_settings, 2);
	cr_assert_str_eq(p[0].section, "tunnel-tun");
	cr_assert_str_eq(p[0].key, "queues");
	cr_assert_str_eq(p[0].value, "4");
	cr_assert_str_eq(p[1].section, "auth-aaa-stub");
	cr_assert_eq(p[1].line, p[0].line + 2);
}

/* The settings of all.conf cover the table: a new key must be tested. */
Test(settings, all_conf_names_every_key_of_the_table)
{
	char line[256], section[64] = "", key[64];
	bool seen[HM_SETTINGS_MAX] = { false };
	FILE *f = fopen(HM_TEST_DIR "/conf/all.conf", "re");

	while (fgets(line, sizeof line, f)) {
		sscanf(line, "[%63[^] ]", section);
		if (sscanf(line, "%63[a-z0-9-] =", key) == 1)
			for (size_t i = 0; i < hm_setting_count; i++)
				seen[i] |= strcmp(hm_setting_table[i].section, section) == 0 &&
				           strcmp(hm_setting_table[i].key, key) == 0;
	}
	fclose(f);
	for (size_t i = 0; i < hm_setting_count; i++)
		cr_assert(seen[i], "[%s] %s", hm_setting_table[i].section, hm_setting_table[i].key);
}

Test(settings, what_is_left_out_gets_its_default)
{
	const struct hm_settings *s;

	rig_accepts(CH);
	s = rig_settings;
	cr_assert_str_eq(s->state_dir, "/var/lib/hmipd");
	cr_assert_str_eq(s->control_socket, "/run/hmipd/hmipd.sock");
	cr_assert_str_eq(s->tunnel, "auto");
	cr_assert_str_eq(s->auth, "hmac");
	cr_assert(!s->config.common.auth_none && !s->config.common.auth_failure_reply);
	cr_assert_eq(s->log_level, HM_LOG_INFO);
	cr_assert_eq(s->config.ms.lifetime_max_s, 600);
	cr_assert_eq(s->config.ms.max_bindings, 100000);
	cr_assert_eq(s->config.ms.info_interval_ms, 10000);
	cr_assert_eq(s->config.ms.dad, HM_DAD_YES);
	cr_assert_eq(s->config.mh.lifetime_s, 600);
	cr_assert(!s->config.mh.has_domain_prefixes);
	cr_assert_eq(s->config.mh.uplink, HM_UPLINK_AUTO);
	cr_assert_eq(s->config.ra.mobility, HM_RA_DYNAMIC);
	cr_assert_eq(s->config.ra.min_interval_ms, 50);
	cr_assert_eq(s->config.ra.max_interval_ms, 500);
	cr_assert_eq(s->config.ra.router_lifetime_s, 1800);
	cr_assert_eq(s->config.ha.lifetime_max_s, 3600);
	cr_assert_eq(s->config.ha.max_bindings, 100000);
	cr_assert_eq(s->config.ch.max_bindings, 10000);
	cr_assert(!s->config.ch.home_agent_here);
	cr_assert_arr_eq(&s->config.wire, &hm_wire_defaults, sizeof hm_wire_defaults);
	cr_assert_eq(s->config.wire.handoff_request, 0xcd);
	cr_assert(!s->config.wire.accept_rh0);
}

Test(settings, the_command_line_has_the_last_word)
{
	struct hm_settings_override o = { .roles = "ha,ch",
		                          .state_dir = "s",
		                          .control_socket = "c",
		                          .plugin_dir = "p",
		                          .log_level = "error" };

	cr_assert_eq(rig_load_with("[hmipd]\nrole = ms\nlog-level = debug\nstate-dir = x\n"
	                           "[ha]\ninterface = e\naddress = 2001:db8::1/64\n",
	                           &o),
	             HM_OK, "%s", rig_errors);
	cr_assert(!rig_settings->config.common.roles[HM_ROLE_MS]);
	cr_assert(rig_settings->config.common.roles[HM_ROLE_HA]);
	cr_assert(rig_settings->config.ch.home_agent_here);
	cr_assert_str_eq(rig_settings->state_dir, "s");
	cr_assert_str_eq(rig_settings->control_socket, "c");
	cr_assert_str_eq(rig_settings->plugin_dir, "p");
	cr_assert_eq(rig_settings->log_level, HM_LOG_ERROR);
}

Test(settings, a_senseless_option_is_named)
{
	struct hm_settings_override o = { .roles = "ms,cn", .log_level = "loud" };

	cr_assert_eq(rig_load_with(CH, &o), HM_ECONFIG);
	cr_assert_str_eq(rig_errors,
	                 "--role: \"cn\" is none of ms, mh, ra, ha, ch\n"
	                 "--log-level: \"loud\" is none of error, warning, info, debug\n");
}

Test(settings, a_missing_file_is_named)
{
	char *said;
	size_t len;
	FILE *errors = open_memstream(&said, &len);

	cr_assert_eq(hm_settings_load("no/such.conf", NULL, errors, &rig_settings), HM_ECONFIG);
	fclose(errors);
	cr_assert_str_eq(said, "no/such.conf: cannot be read: No such file or directory\n");
	free(said);
}

/* Long lists are longer than the lines inih can take. */
Test(settings, a_list_of_64_addresses_fits_and_one_of_65_does_not)
{
	char text[4096] = CH "[ms]\npeers = ";
	size_t n = strlen(text);

	for (int i = 1; i <= HM_LIST_MAX; i++)
		n += (size_t)sprintf(text + n, "%s2001:db8:ffff:ffff::%x", i > 1 ? ", " : "", i);
	rig_accepts(text);
	cr_assert_eq(rig_settings->config.ms.peers.n, HM_LIST_MAX);
	for (unsigned i = 0; i < HM_LIST_MAX; i++)
		cr_assert_eq(rig_settings->config.ms.peers.a[i].b[15], i + 1);
	strcat(text, ", 2001:db8:ffff:ffff::ffff");
	rig_refuses(text, "c.conf:4: peers: more than 64 addresses\n");
}

Test(settings, a_long_value_keeps_its_white_space)
{
	char value[400], text[600];

	for (size_t i = 0; i < sizeof value - 1; i++)
		value[i] = i % 5 == 0 && i > 0 ? ' ' : (char)('a' + i % 7);
	value[sizeof value - 1] = '\0';
	snprintf(text, sizeof text, CH "[plugin tunnel-x]\no = %s\n", value);
	rig_accepts(text);
	cr_assert_str_eq(rig_settings->plugin_settings[0].value, value);
}

#define MANY_KEYS 70000
#define KEY_LINES 5

/* As many mobile hosts as a server may have, each with a key: more than a process may have
 * mappings, and too many to compare each with each. */
static char *many_keys(void)
{
	size_t room = 256 + MANY_KEYS * 160, at;
	char *text = malloc(room);

	cr_assert_not_null(text);
	at = (size_t)snprintf(text, room, "[hmipd]\nrole = ch\n");
	for (unsigned i = 0; i < MANY_KEYS; i++)
		at += (size_t)snprintf(text + at, room - at,
		                       "[key k%u]\nspi = 4096\nuse = mh-ms\nsecret = %032x\n"
		                       "home-address = 2001:db8::%x:%x\n",
		                       i, i, i >> 16, i & 0xffff);
	return text;
}

Test(settings, a_key_for_each_of_very_many_hosts_is_kept, .timeout = 60)
{
	char *text = many_keys();
	const struct hm_key_setting *key;

	rig_accepts(text);
	free(text);
	cr_assert_eq(rig_settings->n_keys, MANY_KEYS, "got %zu", rig_settings->n_keys);
	for (unsigned i = 0; i < MANY_KEYS; i++) {
		key = &rig_settings->keys[i];
		cr_assert(key->secret_len == 16 && key->line == 3 + KEY_LINES * i &&
		                  key->secret[14] == (uint8_t)(i >> 8) &&
		                  key->secret[15] == (uint8_t)i,
		          "key %u has another's secret, or line %u", i, key->line);
	}
}
