#include "host/control_rig.h"

TestSuite(control_show, .init = start, .fini = stop, .timeout = 60);

Test(control_show, show_prints_one_json_document)
{
	char *text = show("bindings", true, HM_EXIT_OK);
	cJSON *o = cJSON_Parse(text), *rows = cJSON_GetObjectItem(o, "rows"), *r;

	cr_assert(o, "%s", text);
	cr_assert_eq(cJSON_GetObjectItem(o, "version")->valueint, 1);
	cr_assert_str_eq(cJSON_GetObjectItem(o, "show")->valuestring, "bindings");
	cr_assert_eq(cJSON_GetArraySize(rows), 3);
	r = cJSON_GetArrayItem(rows, 2);
	cr_assert_str_eq(cJSON_GetObjectItem(r, "home_address")->valuestring, "2001:db8:1::2");
	cr_assert(cJSON_IsNull(cJSON_GetObjectItem(r, "expires_at")));
	cr_assert(cJSON_IsNull(cJSON_GetObjectItem(r, "packets_in")));
	cJSON_Delete(o);
	free(text);
	d.n_rows = 0;
	text = show("peers", true, HM_EXIT_OK);
	cr_assert_str_eq(text, "{\"version\":1,\"show\":\"peers\",\"rows\":[\n]}\n");
	free(text);
}

Test(control_show, show_prints_aligned_columns)
{
	char *text = show("bindings", false, HM_EXIT_OK);

	cr_assert_str_eq(text,
	                 "role  home           gcoa            lcoa               state       seq  "
	                 "expires-in  pkts-in  pkts-out\n"
	                 "ms    2001:db8:1::   2001:db8:f1::   2001:db8:f1:1::99  active      0    "
	                 "540         7        0\n"
	                 "ms    2001:db8:1::1  2001:db8:f1::1  2001:db8:f1:1::99  forwarding  1    "
	                 "540         -        -\n"
	                 "ms    2001:db8:1::2  2001:db8:f1::2  2001:db8:f1:1::99  active      2    "
	                 "-           -        -\n",
	                 "%s", text);
	free(text);
}

Test(control_show, show_groups_counters_and_lists_status)
{
	char *text = show("counters", false, HM_EXIT_OK);

	cr_assert_str_eq(text, "packets\n"
	                       "  received                     0\n"
	                       "  sent                         18446744073709551615\n"
	                       "\ndropped\n"
	                       "  malformed                    2\n");
	free(text);
	text = show("status", false, HM_EXIT_OK);
	cr_assert_str_eq(text, "roles: ms,ra\ntunnel: tun \"quoted\"\n");
	free(text);
}

Test(control_show, show_of_nonsense_or_without_a_daemon_fails)
{
	free(show("keys", false, HM_EXIT_USAGE));
	cr_assert_eq(hm_control_show("/tmp/hmipd-none.sock", "status", false, stdout),
	             HM_EXIT_MISSING);
	cr_assert_eq(hm_control_watch("/tmp/hmipd-none.sock", false, stdout), HM_EXIT_MISSING);
}

Test(control_show, a_large_table_arrives_whole_and_in_small_turns)
{
	size_t len, lines = 0;
	unsigned most;
	char *text;

	d.n_rows = 100000;
	text = show("bindings", false, HM_EXIT_OK);
	len = strlen(text);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	cr_assert_eq(lines, 100001);
	cr_assert(strstr(text, "2001:db8:1::1:869f "), "the last row is missing");
	most = atomic_load(&d.most_per_turn);
	cr_assert_leq(most, 256, "%u rows in one turn", most);
	free(text);
}

/* A daemon that says two things to whoever watches, and ends. */
static void say_two_things(void *arg)
{
	static const char text[] = "{\"watching\":true}\n" EVENT;
	int fd = accept(*(int *)arg, NULL, NULL);
	char got[64];

	cr_assert_eq(read(fd, got, sizeof got), 15);
	cr_assert_arr_eq(got, "{\"watch\":true}\n", 15);
	say(fd, text, sizeof text - 1);
	close(fd);
}

static void watch_prints(bool json, const char *expected)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uv_thread_t thread;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	snprintf(at.sun_path, sizeof at.sun_path, "%s/fake.sock", d.dir);
	cr_assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
	uv_thread_create(&thread, say_two_things, &fd);
	cr_assert_eq(hm_control_watch(at.sun_path, json, out), HM_EXIT_OK);
	uv_thread_join(&thread);
	fclose(out);
	close(fd);
	unlink(at.sun_path);
	cr_assert_str_eq(text, expected, "%s", text);
	free(text);
}

Test(control_show, watch_prints_one_line_per_event)
{
	watch_prints(true, EVENT);
	watch_prints(false, "2026-01-01T00:00:00.250Z ms binding-removed "
	                    "home_address=2001:db8:1::aa interface=acc0 reason=expired\n");
}
