/* The plugin auth-aaa-stub under a host that the test plays: its clock stands until advance(). */
#ifndef HM_TEST_AAA_RIG_H
#define HM_TEST_AAA_RIG_H

#include "base/err.h"
#include "host/plugin.h"
#include "lib/addr.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PLUGIN_DIR
#define PLUGIN_DIR "." /* the build says where the plugins are */
#endif

#define HOME "2001:db8:1::aa"
#define MH "2001:db8:f1:1::99"
#define MS "2001:db8:f1::1"
#define MS2 "2001:db8:f2::1"
#define NOW_S 1700000000
#define DELAY 100

static const char rig_table[] =
        "# use spi home peer secret\n"
        "mh-ms 0x1001 2001:db8:1::aa - 000102030405060708090a0b0c0d0e0f\n"
        "\n"
        "mh-ms 0x1001 2001:db8:1::bb - 101112131415161718191a1b1c1d1e1f # another\n"
        "ms-ms 8194 - 2001:db8:f0::/44 202122232425262728292a2b2c2d2e2f\n";

struct rig_done {
	uint64_t ticket;
	int result;
};

static struct {
	struct hm_loaded loaded;
	const struct hm_auth_ops *ops;
	int64_t now_ms;
	int fd;
	void (*cb)(void *arg);
	void *arg;
	bool inside; /* a function of the plugin runs */
	unsigned n_done, n_learnt;
	struct rig_done done[512];
	struct hm_auth_key learnt[64];
	uint8_t secret[64][64];
	char log[4000];
	char path[64];
} rig;

static inline void rig_log(void *host, int level, const char *text)
{
	size_t len = strlen(rig.log);

	cr_assert_eq(host, &rig);
	if (level != HM_PLUGIN_DEBUG)
		snprintf(rig.log + len, sizeof rig.log - len, "%s\n", text);
}

static inline int64_t rig_now(void *host)
{
	(void)host;
	return rig.now_ms;
}

static inline void rig_random(void *host, void *buf, size_t len)
{
	(void)host;
	memset(buf, 7, len);
}

static inline void rig_on_done(void *host, uint64_t ticket, int result)
{
	(void)host;
	cr_assert(!rig.inside, "done() from inside the function it answers");
	cr_assert_lt(rig.n_done, 512);
	rig.done[rig.n_done++] = (struct rig_done){ ticket, result };
}

static inline int rig_watch(void *host, int fd, void (*cb)(void *arg), void *arg)
{
	(void)host;
	rig.fd = cb ? fd : -1;
	rig.cb = cb;
	rig.arg = arg;
	return 0;
}

static inline int rig_on_learnt(void *host, const struct hm_auth_key *key)
{
	(void)host;
	cr_assert_eq(key->size, sizeof *key);
	cr_assert_lt(rig.n_learnt, 64);
	rig.learnt[rig.n_learnt] = *key;
	memcpy(rig.secret[rig.n_learnt], key->secret, key->secret_len);
	rig.learnt[rig.n_learnt].secret = rig.secret[rig.n_learnt];
	rig.n_learnt++;
	return 0;
}

static struct hm_host_api rig_api = { .size = sizeof rig_api,
	                              .host = &rig,
	                              .log = rig_log,
	                              .now_ms = rig_now,
	                              .random = rig_random,
	                              .done = rig_on_done,
	                              .watch_fd = rig_watch,
	                              .learnt = rig_on_learnt };

static inline void rig_write(const char *table, mode_t mode)
{
	int fd = open(rig.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, table, strlen(table)), (ssize_t)strlen(table));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* `options` are key and value in turn, ending with NULL; the table is given anyway. */
static inline int rig_try_open(const char *const *options)
{
	struct hm_plugin_setting values[8] = { { .section = "auth-aaa-stub", .key = "table" } };
	struct hm_settings settings = { .plugin_settings = values, .n_plugin_settings = 1 };
	char why[400] = "";
	int err;

	values[0].value = rig.path;
	for (; options && options[0]; options += 2) {
		struct hm_plugin_setting *s = &values[settings.n_plugin_settings++];

		snprintf(s->section, sizeof s->section, "auth-aaa-stub");
		snprintf(s->key, sizeof s->key, "%s", options[0]);
		s->value = (char *)(uintptr_t)options[1];
	}
	cr_assert_eq(hm_plugin_load(PLUGIN_DIR, HM_PLUGIN_AUTH, "aaa-stub", &rig.loaded, why,
	                            sizeof why),
	             HM_OK, "%s", why);
	err = hm_plugin_open(&rig.loaded, &settings, &rig_api, 0, why, sizeof why);
	rig.ops = rig.loaded.plugin->auth;
	return err;
}

static inline void rig_open(const char *const *options)
{
	cr_assert_eq(rig_try_open(options), HM_OK, "%s", rig.log);
}

static inline void rig_start(void)
{
	cr_assert_geq(sodium_init(), 0);
	rig.now_ms = 5000;
	snprintf(rig.path, sizeof rig.path, "/tmp/hmipd-aaa-%d", (int)getpid());
	rig_write(rig_table, 0600);
}

static inline void rig_end(void)
{
	hm_plugin_unload(&rig.loaded);
	unlink(rig.path);
}

/* As the loop would: time passes, then the descriptor is readable. */
static inline void advance(int64_t ms)
{
	rig.now_ms += ms;
	if (rig.cb)
		rig.cb(rig.arg);
}

static inline int64_t now_s(void)
{
	return NOW_S + rig.now_ms / 1000;
}

static inline struct hm_auth_parties between(enum hm_key_use use, const char *local,
                                             const char *remote, const char *home)
{
	struct hm_auth_parties p = { .size = sizeof p, .use = (uint32_t)use };
	struct hm_addr l = addr(local), r = addr(remote), h = addr(home);

	memcpy(p.local, l.b, sizeof p.local);
	memcpy(p.remote, r.b, sizeof p.remote);
	memcpy(p.home, h.b, sizeof p.home);
	return p;
}

/* A message signed with 16 octets that count up from `first`. */
static inline int verify_of(uint64_t ticket, struct hm_auth_parties p, uint32_t spi, uint8_t first)
{
	uint8_t secret[16], mac[32], message[] = "what is signed";
	crypto_auth_hmacsha256_state state;
	int result;

	for (unsigned i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(first + i);
	crypto_auth_hmacsha256_init(&state, secret, sizeof secret);
	crypto_auth_hmacsha256_update(&state, message, sizeof message);
	crypto_auth_hmacsha256_final(&state, mac);
	rig.inside = true;
	result = rig.ops->verify(rig.loaded.self, ticket, &p, spi, now_s(), message, sizeof message,
	                         mac);
	rig.inside = false;
	/* What was borrowed is gone. */
	memset(message, 0xee, sizeof message);
	memset(mac, 0xee, sizeof mac);
	return result;
}

static inline int verify(uint64_t ticket, const char *home, uint8_t first)
{
	return verify_of(ticket, between(HM_KEY_MH_MS, MS, MH, home), 0x1001, first);
}

static inline int pick(struct hm_auth_parties p, uint32_t *ret_spi)
{
	return rig.ops->pick(rig.loaded.self, &p, now_s(), ret_spi);
}

static inline uint64_t counted(const char *name)
{
	const char *is;
	uint64_t value;

	for (unsigned i = 0; rig.ops->stat(rig.loaded.self, i, &is, &value); i++)
		if (strcmp(is, name) == 0)
			return value;
	cr_assert_fail("no counter %s", name);
	return 0;
}

#endif
