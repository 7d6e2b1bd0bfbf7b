#include "store/rig.h"

#define MAX_KEYS 16

TestSuite(keys, .init = rig_start, .fini = rig_end);

static const uint8_t secret[64] = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDE";

struct got {
	size_t n;
	struct hm_key_row row[MAX_KEYS];
	char origin[MAX_KEYS][32];
	uint8_t secret[MAX_KEYS][64];
};

static void on_key(void *arg, const struct hm_key_row *key)
{
	struct got *got = arg;

	cr_assert_lt(got->n, MAX_KEYS);
	got->row[got->n] = *key;
	snprintf(got->origin[got->n], sizeof got->origin[0], "%s", key->origin);
	if (key->secret)
		memcpy(got->secret[got->n], key->secret, key->secret_len);
	got->n++;
}

static struct got load(void)
{
	struct got got = { .n = 0 };

	cr_assert_eq(hm_store_load_keys(rig.store, on_key, &got), HM_OK);
	return got;
}

static struct hm_key_row learnt(uint32_t spi, size_t secret_len)
{
	return (struct hm_key_row){
		.spi = spi,
		.use = HM_USE_MS_MS,
		.has_peer = true,
		.peer = { addr("2001:db8:f2::1"), 128 },
		.origin = "aaa",
		.secret = secret,
		.secret_len = secret_len,
	};
}

static void keep(const struct hm_key_row *key)
{
	cr_assert_eq(hm_store_key_put(rig.store, key, 1), HM_OK);
	rig_wait(rig.n_answers + 1);
	cr_assert_eq(rig.err[rig.n_answers - 1], HM_OK);
}

Test(keys, learnt_ones_survive_a_restart_with_their_secret)
{
	struct hm_key_row first = learnt(0x1001, 16), second = learnt(UINT32_MAX, 64);
	struct got got;

	first.not_before_s = 1767225600;
	first.not_after_s = 4102444800;
	second.use = HM_USE_MH_MS;
	second.has_peer = false;
	second.has_home = true;
	second.home = addr("2001:db8:1::aa");
	rig_open();
	keep(&first);
	keep(&second);
	rig_reopen();
	got = load();
	cr_assert_eq(got.n, 2);
	cr_assert_eq(got.row[0].spi, 0x1001);
	cr_assert_eq(got.row[0].use, HM_USE_MS_MS);
	cr_assert(got.row[0].has_peer && !got.row[0].has_home);
	cr_assert_arr_eq(got.row[0].peer.addr.b, first.peer.addr.b, 16);
	cr_assert_eq(got.row[0].peer.plen, 128);
	cr_assert_eq(got.row[0].not_before_s, 1767225600);
	cr_assert_eq(got.row[0].not_after_s, 4102444800);
	cr_assert_str_eq(got.origin[0], "aaa");
	cr_assert_eq(got.row[0].secret_len, 16);
	cr_assert_arr_eq(got.secret[0], secret, 16);
	cr_assert_eq(got.row[1].spi, UINT32_MAX);
	cr_assert(!got.row[1].has_peer && got.row[1].has_home);
	cr_assert_arr_eq(got.row[1].home.b, second.home.b, 16);
	cr_assert_eq(got.row[1].not_before_s, 0);
	cr_assert_eq(got.row[1].secret_len, 64);
	cr_assert_arr_eq(got.secret[1], secret, 64);
}

Test(keys, a_key_learnt_again_takes_the_place_of_the_old_one)
{
	struct hm_key_row key = learnt(0x1001, 16), other = learnt(0x1002, 16);
	struct got got;

	rig_open();
	keep(&key);
	keep(&other);
	key.secret_len = 32;
	key.origin = "radius";
	keep(&key);
	got = load();
	cr_assert_eq(got.n, 2);
	cr_assert_eq(got.row[1].spi, 0x1001);
	cr_assert_eq(got.row[1].secret_len, 32);
	cr_assert_str_eq(got.origin[1], "radius");
}

Test(keys, a_forgotten_key_leaves_nothing_of_its_secret_in_the_file)
{
	struct hm_key_row key = learnt(0x1001, 64);
	static char file[1 << 20];
	size_t n;
	FILE *f;

	rig_open();
	keep(&key);
	rig_close();
	f = fopen(rig_path("hmipd.db"), "rb");
	n = fread(file, 1, sizeof file, f);
	fclose(f);
	cr_assert_not_null(memmem(file, n, secret, 64), "the test looks in the wrong place");
	rig_open();
	cr_assert_eq(hm_store_key_del(rig.store, &key), HM_OK);
	rig_close();
	f = fopen(rig_path("hmipd.db"), "rb");
	n = fread(file, 1, sizeof file, f);
	fclose(f);
	cr_assert_null(memmem(file, n, secret, 16));
	cr_assert_neq(access(rig_path("hmipd.db-wal"), F_OK), 0);
	rig_open();
	cr_assert_eq(load().n, 0);
}

Test(keys, those_of_the_configuration_are_replaced_as_a_whole_and_without_secrets)
{
	struct hm_key_row aaa = learnt(0x3000, 16);
	struct hm_key_row config[2] = { learnt(0x1001, 16), learnt(0x1002, 16) };

	config[0].peer.plen = 32;
	config[1].use = HM_USE_MH_HA;
	config[1].has_peer = false;
	config[1].has_home = true;
	config[1].home = addr("2001:db8:1::aa");
	config[1].not_before_s = 1767225600;
	config[1].not_after_s = 1798761599;
	rig_open();
	keep(&aaa);
	cr_assert_eq(hm_store_set_config_keys(rig.store, config, 2), HM_OK);
	rig_reopen();
	cr_assert_str_eq(rig_read("SELECT * FROM v_keys ORDER BY spi"),
	                 "4097|ms-ms|2001:db8::/32|NULL|hmac-sha256-128|NULL|NULL|config\n"
	                 "4098|mh-ha|NULL|2001:db8:1::aa|hmac-sha256-128|2026-01-01T00:00:00Z|"
	                 "2026-12-31T23:59:59Z|config\n"
	                 "12288|ms-ms|2001:db8:f2::1|NULL|hmac-sha256-128|NULL|NULL|aaa\n");
	cr_assert_str_eq(rig_read("SELECT count(*) FROM auth_key WHERE secret IS NOT NULL"), "1\n");
	cr_assert_eq(load().n, 1, "keys of the configuration are not loaded");
	cr_assert_eq(hm_store_set_config_keys(rig.store, config, 1), HM_OK);
	rig_reopen();
	cr_assert_str_eq(rig_read("SELECT spi FROM v_keys ORDER BY spi"), "4097\n12288\n");
	cr_assert_eq(hm_store_set_config_keys(rig.store, NULL, 0), HM_OK);
	rig_reopen();
	cr_assert_str_eq(rig_read("SELECT spi FROM v_keys"), "12288\n");
}

Test(keys, learnt_ones_that_expired_are_deleted)
{
	struct hm_key_row old = learnt(0x1001, 16), young = learnt(0x1002, 16),
	                  third = learnt(0x1003, 16);

	old.not_after_s = 1000;
	young.not_after_s = 4000000000;
	rig_open();
	keep(&old);
	cr_assert_str_eq(rig_read("SELECT spi FROM v_keys"), "4097\n");
	keep(&young);
	cr_assert_str_eq(rig_read("SELECT spi FROM v_keys"), "4098\n", "another key took no note");
	keep(&third);
	keep(&old);
	rig_reopen();
	cr_assert_str_eq(rig_read("SELECT spi FROM v_keys ORDER BY spi"), "4098\n4099\n");
}

Test(keys, bad_ones_are_refused)
{
	static const uint8_t long_secret[65];
	struct hm_key_row key;

	rig_open();
	key = learnt(1, 16);
	key.origin = "config";
	cr_assert_eq(hm_store_key_put(rig.store, &key, 1), HM_EUNSUPPORTED);
	key = learnt(1, 65);
	key.secret = long_secret;
	cr_assert_eq(hm_store_key_put(rig.store, &key, 1), HM_ETOOBIG);
	key = learnt(1, 16);
	key.peer.plen = 129;
	cr_assert_eq(hm_store_key_put(rig.store, &key, 1), HM_EMALFORMED);
	key = learnt(1, 16);
	key.use = HM_USES;
	cr_assert_eq(hm_store_key_put(rig.store, &key, 1), HM_EMALFORMED);
	key = learnt(1, 16);
	key.origin = "an origin whose name is longer than any";
	cr_assert_eq(hm_store_key_put(rig.store, &key, 1), HM_ETOOBIG);
	cr_assert_eq(load().n, 0);
}
