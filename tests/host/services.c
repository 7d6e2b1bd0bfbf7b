#include "host/services.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static uv_loop_t loop;
static struct hm_services *services;
static const struct hm_host_api *api;
static char told[400];

static void on_done(void *arg, uint64_t ticket, int result)
{
	size_t len = strlen(told);

	cr_assert_eq(arg, told);
	snprintf(told + len, sizeof told - len, " done:%llu/%d", (unsigned long long)ticket,
	         result);
}

static void on_seen(void *arg, int what, const struct hm_addr *home, const struct hm_addr *peer)
{
	(void)arg;
	(void)what;
	(void)home;
	(void)peer;
}

static void on_learnt(void *arg, const struct hm_auth_key *key)
{
	size_t len = strlen(told);

	cr_assert_eq(arg, told);
	cr_assert_null(key->name);
	snprintf(told + len, sizeof told - len, " learnt:%u/%zu/%.16s", key->spi, key->secret_len,
	         (const char *)key->secret);
}

static void set_up(void)
{
	const struct hm_services_options options = { .loop = &loop,
		                                     .name = "test",
		                                     .done = on_done,
		                                     .seen = on_seen,
		                                     .learnt = on_learnt,
		                                     .arg = told };

	cr_assert_eq(uv_loop_init(&loop), 0);
	services = hm_services_create(&options);
	cr_assert_not_null(services);
	api = hm_services_api(services);
}

static void tear_down(void)
{
	hm_services_destroy(services);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

TestSuite(services, .init = set_up, .fini = tear_down);

static struct hm_auth_key key(uint32_t spi, const char *secret)
{
	return (struct hm_auth_key){ .size = sizeof(struct hm_auth_key),
		                     .use = HM_KEY_MS_MS,
		                     .spi = spi,
		                     .name = "x",
		                     .secret = (const uint8_t *)secret,
		                     .secret_len = strlen(secret) };
}

Test(services, a_learnt_key_arrives_before_the_answer_it_vouches_for)
{
	char secret[] = "0123456789abcdef";
	struct hm_auth_key k = key(300, secret);

	api->done(api->host, 1, HM_PLUGIN_ENOKEY);
	cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_OK);
	api->done(api->host, 2, HM_PLUGIN_OK);
	memset(secret, '-', sizeof secret - 1);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_str_eq(told, " learnt:300/16/0123456789abcdef done:1/-13 done:2/0");
}

Test(services, a_key_that_breaks_a_rule_is_refused)
{
	struct hm_auth_key k = key(300, "too short");

	cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_ECONFIG);
	k = key(300, "0123456789abcdef");
	k.size = 8;
	cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_ECONFIG);
	k.size = sizeof k;
	k.use = 9;
	cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_ECONFIG);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_str_eq(told, "");
}

Test(services, learnt_keys_that_wait_have_a_ceiling)
{
	struct hm_auth_key k = key(300, "0123456789abcdef");

	for (unsigned i = 0; i < HM_SERVICES_LEARNT_MAX; i++)
		cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_OK);
	cr_assert_eq(api->learnt(api->host, &k), HM_PLUGIN_EFULL);
}

static void *learn_from_thread(void *arg)
{
	struct hm_auth_key k = key(300, "0123456789abcdef");

	(void)arg;
	for (unsigned i = 0; i < 100; i++)
		api->learnt(api->host, &k);
	return NULL;
}

Test(services, keys_may_be_learnt_on_any_thread)
{
	pthread_t threads[2];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, learn_from_thread, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	for (const char *at = told; (at = strstr(at, "learnt")); at++)
		n++;
	cr_assert_geq(n, 10, "what fits into the text: %s", told);
}
