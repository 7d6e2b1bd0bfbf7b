#include "host/control_rig.h"

TestSuite(control, .init = start, .fini = stop, .timeout = 60);

#define END "{\"end\":true}\n"

Test(control, answers_rows_as_one_object_per_line)
{
	d.n_rows = 1;
	talk("{\"show\":\"bindings\"}\n",
	     "{\"role\":\"ms\",\"home_address\":\"2001:db8:1::\",\"gcoa\":\"2001:db8:f1::\","
	     "\"lcoa\":\"2001:db8:f1:1::99\",\"state\":\"active\",\"sequence\":0,\"epoch\":0,"
	     "\"lifetime_s\":600,\"registered_at\":\"2025-12-31T23:59:00Z\","
	     "\"expires_at\":\"2026-01-01T00:09:00Z\",\"expires_in_s\":540,\"packets_in\":7,"
	     "\"octets_in\":0,\"packets_out\":0,\"octets_out\":18446744073709551615}\n" END);
	talk("{\"show\":\"registrations\"}\n",
	     "{\"kind\":\"ms\",\"peer\":\"2001:db8:f1::1\",\"level\":0,\"home_address\":\"2001:db8:"
	     "1::\","
	     "\"care_of_address\":\"2001:db8:f1:1::99\",\"state\":\"active\",\"sequence\":0,"
	     "\"epoch\":0,\"lifetime_s\":600,\"registered_at\":\"2025-12-31T23:59:00Z\","
	     "\"expires_at\":\"2026-01-01T00:09:00Z\",\"expires_in_s\":540}\n" END);
	talk("{\"show\":\"routers\"}\n",
	     "{\"role\":\"ms\",\"kind\":null,\"interface\":\"acc0\",\"router\":null,"
	     "\"lcoa\":\"2001:db8:f1:1::99\",\"prefix\":\"2001:db8:f1::/64\","
	     "\"mobility_server\":\"2001:db8:f1::1\",\"level\":0,"
	     "\"preference\":0,\"state\":\"active\",\"heard_at\":\"2025-12-31T23:59:00Z\","
	     "\"expires_at\":\"2026-01-01T00:09:00Z\",\"expires_in_s\":540}\n" END);
	talk("{\"show\":\"peers\"}\n",
	     "{\"role\":\"ms\",\"kind\":null,\"peer\":\"2001:db8:f1::1\","
	     "\"prefix\":null,\"level\":0,\"preference\":0,"
	     "\"home_address\":\"2001:db8:1::\",\"state\":\"active\",\"sequence\":0,\"epoch\":0,"
	     "\"heard_at\":\"2025-12-31T23:59:00Z\",\"expires_at\":\"2026-01-01T00:09:00Z\","
	     "\"expires_in_s\":540}\n" END);
}

Test(control, answers_several_requests_and_one_without_a_newline)
{
	talk("{\"show\":\"counters\"}\n{\"show\":\"status\"}",
	     "{\"group\":\"packets\",\"name\":\"received\",\"value\":0}\n"
	     "{\"group\":\"packets\",\"name\":\"sent\",\"value\":18446744073709551615}\n"
	     "{\"group\":\"dropped\",\"name\":\"malformed\",\"value\":2}\n" END
	     "{\"key\":\"roles\",\"value\":\"ms,ra\"}\n"
	     "{\"key\":\"tunnel\",\"value\":\"tun \\\"quoted\\\"\"}\n" END);
}

Test(control, refuses_what_it_does_not_understand_and_goes_on)
{
	talk("hello\n\n[]\n{\"show\":1}\n{\"show\":\"keys\"}\n{\"watch\":false}\n{\"show\":"
	     "\"status\"}\n",
	     "{\"error\":\"a request is one JSON object on one line\"}\n"
	     "{\"error\":\"a request is one JSON object on one line\"}\n"
	     "{\"error\":\"a request is one JSON object on one line\"}\n"
	     "{\"error\":\"a request is {\\\"show\\\":WHAT} or {\\\"watch\\\":true}\"}\n"
	     "{\"error\":\"show wants bindings, registrations, routers, peers, counters or "
	     "status\"}\n"
	     "{\"error\":\"a request is {\\\"show\\\":WHAT} or {\\\"watch\\\":true}\"}\n"
	     "{\"key\":\"roles\",\"value\":\"ms,ra\"}\n"
	     "{\"key\":\"tunnel\",\"value\":\"tun \\\"quoted\\\"\"}\n" END);
}

Test(control, refuses_a_request_that_never_ends)
{
	static char text[4097];

	memset(text, '{', 4096);
	talk(text, "{\"error\":\"a request has 4096 octets at most\"}\n");
}

Test(control, the_socket_is_for_owner_and_group)
{
	struct stat st;

	cr_assert_eq(stat(d.path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0660, "%o", st.st_mode);
}

Test(control, a_second_daemon_is_refused_and_a_dead_ones_socket_replaced)
{
	struct hm_control *second = NULL;
	char path[96], why[256];
	uv_loop_t loop;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	uv_loop_init(&loop);
	cr_assert_eq(hm_control_open(&loop, d.path, &source, &second, why, sizeof why), HM_EBUSY);
	cr_assert(strstr(why, "another daemon listens at"), "%s", why);
	snprintf(path, sizeof path, "%s/dead.sock", d.dir);
	strcpy(at.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	close(fd);
	cr_assert_eq(hm_control_open(&loop, path, &source, &second, why, sizeof why), HM_OK, "%s",
	             why);
	hm_control_close(second);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(control, a_file_in_the_way_is_left_alone)
{
	struct hm_control *second = NULL;
	char path[96], why[256];
	uv_loop_t loop;

	uv_loop_init(&loop);
	snprintf(path, sizeof path, "%s/file", d.dir);
	fclose(fopen(path, "we"));
	cr_assert_eq(hm_control_open(&loop, path, &source, &second, why, sizeof why), HM_EEXIST);
	cr_assert_eq(unlink(path), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(control, a_reader_that_stalls_holds_up_nobody)
{
	int fd = dial();
	char got[16];

	d.n_rows = 100000000;
	say(fd, "{\"show\":\"bindings\"}\n", 20);
	cr_assert_eq(read(fd, got, 8), 8);
	cr_assert_arr_eq(got, "{\"role\":", 8);
	free(show("status", false, HM_EXIT_OK));
	close(fd);
	free(show("status", false, HM_EXIT_OK));
}

Test(control, the_33rd_client_is_told_unless_one_is_idle)
{
	char got[64] = "";
	int fds[32], extra;

	for (int i = 0; i < 32; i++) {
		fds[i] = dial();
		say(fds[i], "{\"watch\":true}\n", 15);
		cr_assert_eq(read(fds[i], got, 18), 18);
	}
	extra = dial();
	cr_assert_eq(read(extra, got, sizeof got), 29);
	cr_assert_arr_eq(got, "{\"error\":\"too many clients\"}\n", 29);
	close(extra);
	for (int i = 0; i < 32; i++)
		close(fds[i]);
	free(show("status", false, HM_EXIT_OK));
}

Test(control, idle_clients_make_room_for_new_ones)
{
	int fds[32];

	for (int i = 0; i < 32; i++)
		fds[i] = dial();
	free(show("status", false, HM_EXIT_OK));
	for (int i = 0; i < 32; i++)
		close(fds[i]);
}

static void tell(unsigned n)
{
	d.n_notes = n;
	uv_async_send(&d.note);
	uv_sem_wait(&d.told);
}

Test(control, who_watches_is_told_of_events)
{
	char got[512];
	int fd = dial();
	ssize_t n;

	say(fd, "{\"watch\":true}\n{\"show\":\"status\"}\n", 33);
	n = read(fd, got, sizeof got);
	cr_assert_arr_eq(got, "{\"watching\":true}\n{\"error\":\"watching already\"}\n", (size_t)n);
	tell(1);
	n = read(fd, got, sizeof got - 1);
	got[n] = '\0';
	cr_assert_str_eq(got, EVENT);
	close(fd);
}

Test(control, a_watcher_that_is_too_slow_is_told_and_cut)
{
	static const char last[] = "{\"error\":\"too slow: events are lost from here on\"}\n";
	static char got[4000000];
	size_t total = 0;
	ssize_t n;
	int fd = dial();

	say(fd, "{\"watch\":true}\n", 15);
	cr_assert_eq(read(fd, got, 18), 18);
	tell(20000);
	tell(20000);
	while ((n = read(fd, got + total, sizeof got - total)) > 0)
		total += (size_t)n;
	cr_assert_eq(n, 0);
	cr_assert_gt(total, sizeof last);
	cr_assert_arr_eq(got + total - (sizeof last - 1), last, sizeof last - 1);
	cr_assert_lt(total, 1000000, "%zu octets were kept", total);
	close(fd);
	free(show("status", false, HM_EXIT_OK));
}
