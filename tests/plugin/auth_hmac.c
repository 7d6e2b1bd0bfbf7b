#include "base/err.h"
#include "host/plugin.h"
#include "lib/addr.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* PLUGIN_DIR is where the plugins were built. Everything here goes through the plugin interface, so
 * that another plugin which claims to do the same can be held to it. */

#define HOME "2001:db8:1::aa"
#define MH "2001:db8:f1:1::99"
#define MS "2001:db8:f1::1"
#define NOW 1700000000

static void on_log(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	(void)text;
}

static const struct hm_host_api api = { .size = sizeof api, .log = on_log };
static struct hm_loaded loaded;
static const struct hm_auth_ops *ops;

static void set_up(void)
{
	static const struct hm_settings settings = { .state_dir = "/nowhere" };
	char why[400] = "";

	cr_assert_eq(hm_plugin_load(PLUGIN_DIR, HM_PLUGIN_AUTH, "hmac", &loaded, why, sizeof why),
	             HM_OK, "%s", why);
	cr_assert_eq(hm_plugin_open(&loaded, &settings, &api, 0, why, sizeof why), HM_OK, "%s",
	             why);
	ops = loaded.plugin->auth;
}

static void tear_down(void)
{
	hm_plugin_unload(&loaded);
}

TestSuite(auth_hmac, .init = set_up, .fini = tear_down);

/* A key of 32 octets that count up from `first`, for any home address and any peer. */
static struct hm_auth_key key(enum hm_key_use use, uint32_t spi, uint8_t first)
{
	static uint8_t secrets[256][32];
	uint8_t *secret = secrets[first];

	for (unsigned i = 0; i < 32; i++)
		secret[i] = (uint8_t)(first + i);
	return (struct hm_auth_key){ .size = sizeof(struct hm_auth_key),
		                     .use = (uint32_t)use,
		                     .spi = spi,
		                     .name = "test",
		                     .secret = secret,
		                     .secret_len = 32 };
}

static struct hm_auth_key with_home(struct hm_auth_key k, const char *home)
{
	struct hm_addr a = addr(home);

	k.has_home = 1;
	memcpy(k.home, a.b, sizeof k.home);
	return k;
}

static struct hm_auth_key with_peer(struct hm_auth_key k, const char *peer, uint8_t plen)
{
	struct hm_addr a = addr(peer);

	k.has_peer = 1;
	k.peer_plen = plen;
	memcpy(k.peer, a.b, sizeof k.peer);
	return k;
}

static struct hm_auth_key valid(struct hm_auth_key k, int64_t from, int64_t to)
{
	k.not_before_s = from;
	k.not_after_s = to;
	return k;
}

static void put(struct hm_auth_key k)
{
	cr_assert_eq(ops->key_put(loaded.self, &k), HM_PLUGIN_OK);
}

static struct hm_auth_parties parties(enum hm_key_use use, const char *local, const char *remote,
                                      const char *home)
{
	struct hm_auth_parties p = { .size = sizeof p, .use = (uint32_t)use };
	struct hm_addr l = addr(local), r = addr(remote), h = addr(home);

	memcpy(p.local, l.b, sizeof p.local);
	memcpy(p.remote, r.b, sizeof p.remote);
	memcpy(p.home, h.b, sizeof p.home);
	return p;
}

static struct hm_auth_parties at_ms(void)
{
	return parties(HM_KEY_MH_MS, MS, MH, HOME);
}

static const uint8_t message[] = "what is signed";

/* What verify says of `message` signed with the secret that starts with `first`. */
static int verdict(const struct hm_auth_parties *p, uint32_t spi, uint8_t first, int64_t now)
{
	struct hm_auth_key other = key(HM_KEY_MS_RA, 0xffff, first);
	struct hm_auth_parties any = parties(HM_KEY_MS_RA, "::1", "::1", "::");
	uint8_t mac[HM_AUTH_MAC_LEN];

	put(other);
	cr_assert_eq(ops->sign(loaded.self, &any, 0xffff, NOW, message, sizeof message, mac), 0);
	return ops->verify(loaded.self, 1, p, spi, now, message, sizeof message, mac);
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex; hex += *hex == ' ' ? 1 : 2) {
		unsigned octet;

		if (*hex == ' ')
			continue;
		cr_assert_eq(sscanf(hex, "%2x", &octet), 1);
		out[n++] = (uint8_t)octet;
	}
	return n;
}

/* --- the golden messages of PROTOCOL 3 ------------------------------------------------------- */

struct golden {
	enum hm_key_use use;
	uint32_t spi;
	const char *src, *dst, *home, *header, *mac;
};

static const struct golden golden[] = {
	{ HM_KEY_MH_MS, 0x1001, MH, MS, HOME,
	  "3b07 ca24 8040 0001 00000258 0100 0518 00001001 00000000 "
	  "00000000000000000000000000000000"
	  "0104 00000000 c910 20010db80001000000000000000000aa",
	  "138f81f7e38aa32b5209ff4c4d668242" },
	{ HM_KEY_MH_MS, 0x1001, MS, MH, HOME,
	  "3b05 00 072b 00 0001 00000258 000001e0 0104 00000000 0518 00001001 00000000"
	  "00000000000000000000000000000000",
	  "6da5fcea7a33ea4498d9973b87ee3c40" },
	{ HM_KEY_MS_RA, 0x2001, MS, "2001:db8:f1:1::1", "::",
	  "3b06 1e34 00 00 00 40 20010db800f100000000000000000001 0104 00000000 0518 00002001"
	  "6a5f0000 00000000000000000000000000000000",
	  "e137d972ce2e094a208ac467f6d69db3" },
};

/* The MAC input of a golden message, and its length. */
static size_t input_of(const struct golden *g, uint8_t *out)
{
	struct hm_addr a[] = { addr(g->src), addr(g->dst), addr(g->home) };

	for (unsigned i = 0; i < 3; i++)
		memcpy(out + 16 * i, a[i].b, 16);
	return 48 + unhex(g->header, out + 48);
}

Test(auth_hmac, golden_messages_have_their_macs)
{
	put(key(HM_KEY_MH_MS, 0x1001, 0));
	put(key(HM_KEY_MS_RA, 0x2001, 0));
	for (unsigned i = 0; i < sizeof golden / sizeof golden[0]; i++) {
		const struct golden *g = &golden[i];
		struct hm_auth_parties sender = parties(g->use, g->src, g->dst, g->home);
		struct hm_auth_parties receiver = parties(g->use, g->dst, g->src, g->home);
		uint8_t data[256], want[HM_AUTH_MAC_LEN], mac[HM_AUTH_MAC_LEN];
		size_t len = input_of(g, data);

		cr_assert_eq(unhex(g->mac, want), HM_AUTH_MAC_LEN);
		cr_assert_eq(ops->sign(loaded.self, &sender, g->spi, NOW, data, len, mac),
		             HM_PLUGIN_OK);
		cr_assert_arr_eq(mac, want, sizeof mac, "golden message %u", i);
		cr_assert_eq(ops->verify(loaded.self, 1, &receiver, g->spi, NOW, data, len, want),
		             HM_PLUGIN_OK);
	}
}

Test(auth_hmac, every_octet_of_data_and_mac_counts)
{
	struct hm_auth_parties p = at_ms();
	uint8_t data[256], mac[HM_AUTH_MAC_LEN];
	size_t len = input_of(&golden[0], data);

	put(key(HM_KEY_MH_MS, 0x1001, 0));
	cr_assert_eq(unhex(golden[0].mac, mac), HM_AUTH_MAC_LEN);
	for (size_t i = 0; i < len; i++) {
		data[i] ^= 1; /* the epoch and both addresses among them */
		cr_assert_eq(ops->verify(loaded.self, 1, &p, 0x1001, NOW, data, len, mac),
		             HM_PLUGIN_EAUTH, "octet %zu of the data does not count", i);
		data[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof mac; i++) {
		mac[i] ^= 0x80;
		cr_assert_eq(ops->verify(loaded.self, 1, &p, 0x1001, NOW, data, len, mac),
		             HM_PLUGIN_EAUTH, "octet %zu of the MAC does not count", i);
		mac[i] ^= 0x80;
	}
	cr_assert_eq(ops->verify(loaded.self, 1, &p, 0x1001, NOW, data, len, mac), HM_PLUGIN_OK);
}

/* --- which key ------------------------------------------------------------------------------ */

Test(auth_hmac, a_key_serves_its_spi_and_use_alone)
{
	struct hm_auth_parties ms = at_ms(), ha = parties(HM_KEY_MH_HA, MS, MH, HOME);

	put(key(HM_KEY_MH_MS, 0x1001, 1));
	cr_assert_eq(verdict(&ms, 0x1001, 1, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&ms, 0x1001, 2, NOW), HM_PLUGIN_EAUTH);
	cr_assert_eq(verdict(&ms, 0x1002, 1, NOW), HM_PLUGIN_ENOKEY);
	cr_assert_eq(verdict(&ha, 0x1001, 1, NOW), HM_PLUGIN_ENOKEY);
}

Test(auth_hmac, one_spi_may_name_a_key_for_each_home_address)
{
	struct hm_auth_parties other = parties(HM_KEY_MH_MS, MS, MH, "2001:db8:1::bb");
	struct hm_auth_parties third = parties(HM_KEY_MH_MS, MS, MH, "2001:db8:1::cc");
	struct hm_auth_parties ms = at_ms();

	put(with_home(key(HM_KEY_MH_MS, 0x1001, 1), HOME));
	put(with_home(key(HM_KEY_MH_MS, 0x1001, 2), "2001:db8:1::bb"));
	cr_assert_eq(verdict(&ms, 0x1001, 1, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&ms, 0x1001, 2, NOW), HM_PLUGIN_EAUTH);
	cr_assert_eq(verdict(&other, 0x1001, 2, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&third, 0x1001, 1, NOW), HM_PLUGIN_ENOKEY);
	/* A key for any home address does not make those of others guesses at it. */
	put(key(HM_KEY_MH_MS, 0x1001, 3));
	cr_assert_eq(verdict(&ms, 0x1001, 3, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&third, 0x1001, 1, NOW), HM_PLUGIN_EAUTH);
}

Test(auth_hmac, a_peer_is_either_end)
{
	struct hm_auth_parties here = parties(HM_KEY_MS_MS, MS, "2001:db8:f2::1", HOME);
	struct hm_auth_parties there = parties(HM_KEY_MS_MS, "2001:db8:f2::1", MS, HOME);
	struct hm_auth_parties stranger = parties(HM_KEY_MS_MS, MS, "2001:db8:f3::1", HOME);

	put(with_peer(key(HM_KEY_MS_MS, 0x3001, 1), "2001:db8:f2::1", 128));
	cr_assert_eq(verdict(&here, 0x3001, 1, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&there, 0x3001, 1, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&stranger, 0x3001, 1, NOW), HM_PLUGIN_ENOKEY);
	/* 2001:db8:f2::/47 ends inside an octet: f3 is in it, f1 is not. */
	put(with_peer(key(HM_KEY_MS_MS, 0x3002, 2), "2001:db8:f2::1", 47));
	cr_assert_eq(verdict(&stranger, 0x3002, 2, NOW), HM_PLUGIN_OK);
	stranger = parties(HM_KEY_MS_MS, MS, "2001:db8:f4::1", HOME);
	cr_assert_eq(verdict(&stranger, 0x3002, 2, NOW), HM_PLUGIN_ENOKEY);
	put(with_peer(key(HM_KEY_MS_MS, 0x3003, 3), "::", 0));
	cr_assert_eq(verdict(&stranger, 0x3003, 3, NOW), HM_PLUGIN_OK);
}

Test(auth_hmac, a_key_is_good_within_its_dates_alone)
{
	struct hm_auth_parties p = at_ms();
	uint8_t mac[HM_AUTH_MAC_LEN];
	uint32_t spi;

	put(valid(key(HM_KEY_MH_MS, 0x1001, 1), NOW, NOW + 10));
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW - 1), HM_PLUGIN_ENOKEY);
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW + 10), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW + 11), HM_PLUGIN_ENOKEY);
	cr_assert_eq(ops->pick(loaded.self, &p, NOW + 11, &spi), HM_PLUGIN_ENOKEY);
	cr_assert_eq(ops->sign(loaded.self, &p, 0x1001, NOW + 11, message, 1, mac),
	             HM_PLUGIN_ENOKEY);
}

static uint32_t picked(int64_t now)
{
	struct hm_auth_parties p = at_ms();
	uint32_t spi = 0;

	return ops->pick(loaded.self, &p, now, &spi) == HM_PLUGIN_OK ? spi : 0;
}

Test(auth_hmac, picks_the_latest_end_then_the_latest_start_then_the_lowest_spi)
{
	cr_assert_eq(picked(NOW), 0);
	put(valid(key(HM_KEY_MH_MS, 0x105, 1), 0, NOW + 10));
	cr_assert_eq(picked(NOW), 0x105);
	put(valid(key(HM_KEY_MH_MS, 0x106, 1), 0, NOW + 20));
	cr_assert_eq(picked(NOW), 0x106);
	put(valid(key(HM_KEY_MH_MS, 0x107, 1), NOW + 1, 0));
	cr_assert_eq(picked(NOW), 0x106, "a key was picked that is not valid yet");
	cr_assert_eq(picked(NOW + 1), 0x107, "no end is later than any");
	put(with_home(valid(key(HM_KEY_MH_MS, 0x109, 1), NOW - 5, 0), HOME));
	cr_assert_eq(picked(NOW), 0x109);
	put(valid(key(HM_KEY_MH_MS, 0x108, 1), NOW - 5, 0));
	cr_assert_eq(picked(NOW), 0x108);
	put(with_home(valid(key(HM_KEY_MH_MS, 0x110, 1), NOW - 4, 0), HOME));
	cr_assert_eq(picked(NOW), 0x110);
	put(with_home(valid(key(HM_KEY_MH_MS, 0x111, 1), NOW - 1, 0), "2001:db8:1::bb"));
	put(with_peer(valid(key(HM_KEY_MH_MS, 0x112, 1), NOW - 1, 0), "2001:db8:f2::", 48));
	put(valid(key(HM_KEY_MH_HA, 0x113, 1), NOW - 1, 0));
	cr_assert_eq(picked(NOW), 0x110, "a key that does not fit was picked");
}

/* --- changes -------------------------------------------------------------------------------- */

Test(auth_hmac, the_same_key_again_replaces_secret_and_dates)
{
	struct hm_auth_parties p = at_ms();

	put(with_peer(key(HM_KEY_MH_MS, 0x1001, 1), "2001:db8:f1::1", 48));
	put(valid(with_peer(key(HM_KEY_MH_MS, 0x1001, 2), "2001:db8:f1::2", 48), NOW, 0));
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW), HM_PLUGIN_EAUTH, "the old secret still works");
	cr_assert_eq(verdict(&p, 0x1001, 2, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&p, 0x1001, 2, NOW - 1), HM_PLUGIN_ENOKEY);
}

Test(auth_hmac, a_reload_drops_what_is_not_put_again)
{
	struct hm_auth_parties p = at_ms();

	put(key(HM_KEY_MH_MS, 0x1001, 1));
	put(key(HM_KEY_MH_MS, 0x1002, 2));
	ops->key_begin(loaded.self);
	put(key(HM_KEY_MH_MS, 0x1002, 2));
	put(key(HM_KEY_MH_MS, 0x1003, 3));
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW), HM_PLUGIN_OK, "dropped before the end");
	ops->key_end(loaded.self);
	cr_assert_eq(verdict(&p, 0x1001, 1, NOW), HM_PLUGIN_ENOKEY);
	cr_assert_eq(verdict(&p, 0x1002, 2, NOW), HM_PLUGIN_OK);
	cr_assert_eq(verdict(&p, 0x1003, 3, NOW), HM_PLUGIN_OK);
	put(key(HM_KEY_MH_MS, 0x1004, 4));
	cr_assert_eq(verdict(&p, 0x1004, 4, NOW), HM_PLUGIN_OK, "its record is not used again");
	cr_assert_eq(verdict(&p, 0x1002, 2, NOW), HM_PLUGIN_OK);
	cr_assert_eq(picked(NOW), 0x1002);
}

Test(auth_hmac, refuses_keys_that_break_a_rule)
{
	struct hm_auth_key k = key(HM_KEY_MH_MS, 0x1001, 1);

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct hm_auth_key bad = k;                                                        \
		bad.change;                                                                        \
		cr_assert_eq(ops->key_put(loaded.self, &bad), HM_PLUGIN_ECONFIG, #change);         \
	} while (0)
	REFUSED(secret_len = 15);
	REFUSED(secret_len = 65);
	REFUSED(spi = 255);
	REFUSED(use = 0);
	REFUSED(use = 6);
	REFUSED(peer_plen = 129);
	REFUSED(secret = NULL);
	REFUSED(size = offsetof(struct hm_auth_key, secret_len));
	cr_assert_eq(picked(NOW), 0);
	put(k);
	cr_assert_eq(picked(NOW), 0x1001);
}

Test(auth_hmac, finds_its_keys_among_a_hundred_thousand)
{
	const uint32_t n = 100000;

	for (uint32_t i = 0; i < n; i++) {
		struct hm_auth_key k = with_home(key(HM_KEY_MH_MS, 0x1000 + i, 1), HOME);

		memcpy(&k.home[8], &i, sizeof i);
		put(k);
	}
	for (uint32_t i = 0; i < n; i += 997) {
		struct hm_auth_parties p = at_ms();
		uint32_t spi;

		memcpy(&p.home[8], &i, sizeof i);
		cr_assert_eq(ops->pick(loaded.self, &p, NOW, &spi), HM_PLUGIN_OK);
		cr_assert_eq(spi, 0x1000 + i);
		cr_assert_eq(verdict(&p, spi, 1, NOW), HM_PLUGIN_OK);
		cr_assert_eq(verdict(&p, spi + 1, 1, NOW), HM_PLUGIN_ENOKEY);
	}
}
