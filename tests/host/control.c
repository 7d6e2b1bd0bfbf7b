#include "host/control.h"
#include "host/run.h"
#include "lib/addr.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A daemon of nothing but a control socket, on a loop in a thread of its own. */
static struct daemon {
	char dir[64], path[96];
	uv_loop_t loop;
	uv_async_t stop, note;
	uv_thread_t thread;
	struct hm_control *control;
	uint64_t n_rows;
	unsigned n_notes; /* told at each uv_async_send(&note) */
	atomic_uint most_per_turn;
	unsigned rows_this_turn;
	uv_prepare_t turn;
	uv_sem_t told;
} d;

static bool row(void *arg, enum hm_show what, uint64_t *cursor, struct hm_show_row *ret_row)
{
	uint64_t i = (*cursor)++;

	(void)arg;
	if (i >= d.n_rows)
		return false;
	if (++d.rows_this_turn > atomic_load(&d.most_per_turn))
		atomic_store(&d.most_per_turn, d.rows_this_turn);
	*ret_row = (struct hm_show_row){
		.role = HM_ROLE_MS,
		.home = addr("2001:db8:1::"),
		.gcoa = addr("2001:db8:f1::"),
		.coa = addr("2001:db8:f1:1::99"),
		.peer = addr("2001:db8:f1::1"),
		.prefix = addr("2001:db8:f1::"),
		.plen = what == HM_SHOW_ROUTERS ? 64 : 0,
		.kind = what == HM_SHOW_REGISTRATIONS ? "ms" : NULL,
		.ifindex = 3,
		.state = i == 1 ? "forwarding" : "active",
		.seq = (uint16_t)i,
		.lifetime_s = 600,
		.since_ms = 40000,
		.expires_ms = i == 2 ? HM_NEVER : 640000,
	};
	for (unsigned b = 0; b < 4; b++)
		ret_row->home.b[12 + b] = ret_row->gcoa.b[12 + b] = (uint8_t)(i >> (24 - 8 * b));
	return true;
}

static bool count(void *arg, const struct hm_show_row *r, struct hm_tunnel_count *ret_count)
{
	(void)arg;
	*ret_count = (struct hm_tunnel_count){ .packets_in = 7, .octets_out = UINT64_MAX };
	return r->home.b[15] == 0;
}

static bool counter(void *arg, unsigned index, const char **ret_group, const char **ret_name,
                    uint64_t *ret_value)
{
	static const char *const names[] = { "received", "sent", "malformed" };

	(void)arg;
	if (index >= 3)
		return false;
	*ret_group = index < 2 ? "packets" : "dropped";
	*ret_name = names[index];
	*ret_value = index == 1 ? UINT64_MAX : index;
	return true;
}

static bool status(void *arg, unsigned index, const char **ret_key, char *ret_text, size_t text_len)
{
	(void)arg;
	*ret_key = index ? "tunnel" : "roles";
	snprintf(ret_text, text_len, "%s", index ? "tun \"quoted\"" : "ms,ra");
	return index < 2;
}

static const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 3 ? "acc0" : "";
}

static hm_ms now_ms(void *arg)
{
	(void)arg;
	return 100000;
}

static int64_t wall_ms(void *arg)
{
	(void)arg;
	return INT64_C(1767225600250); /* 2026-01-01T00:00:00.250Z */
}

static const struct hm_control_source source = { NULL,   row,    count,  counter,
	                                         status, ifname, now_ms, wall_ms };

static void on_stop(uv_async_t *async)
{
	(void)async;
	hm_control_close(d.control);
	uv_close((uv_handle_t *)&d.stop, NULL);
	uv_close((uv_handle_t *)&d.note, NULL);
	uv_close((uv_handle_t *)&d.turn, NULL);
}

static void on_note(uv_async_t *async)
{
	struct hm_effect e = { .kind = HM_FX_NOTE };

	(void)async;
	e.note.note = HM_NOTE_BINDING_REMOVED;
	e.note.home = addr("2001:db8:1::aa");
	e.note.ifindex = 3;
	e.note.status = 1;
	for (unsigned i = 0; i < d.n_notes; i++)
		hm_control_note(d.control, HM_ROLE_MS, &e);
	uv_sem_post(&d.told);
}

static void on_turn(uv_prepare_t *prepare)
{
	(void)prepare;
	d.rows_this_turn = 0;
}

static void run(void *arg)
{
	(void)arg;
	uv_run(&d.loop, UV_RUN_DEFAULT);
}

static void start(void)
{
	char why[256];

	signal(SIGPIPE, SIG_IGN);
	strcpy(d.dir, "/tmp/hmipd-control-XXXXXX");
	cr_assert(mkdtemp(d.dir));
	snprintf(d.path, sizeof d.path, "%s/run/hmipd.sock", d.dir);
	d.n_rows = 3;
	uv_sem_init(&d.told, 0);
	uv_loop_init(&d.loop);
	uv_async_init(&d.loop, &d.stop, on_stop);
	uv_async_init(&d.loop, &d.note, on_note);
	uv_prepare_init(&d.loop, &d.turn);
	uv_prepare_start(&d.turn, on_turn);
	cr_assert_eq(hm_control_open(&d.loop, d.path, &source, &d.control, why, sizeof why), HM_OK,
	             "%s", why);
	uv_thread_create(&d.thread, run, NULL);
}

static void stop(void)
{
	char *slash;

	uv_async_send(&d.stop);
	uv_thread_join(&d.thread);
	cr_assert_eq(uv_loop_close(&d.loop), 0);
	cr_assert_eq(access(d.path, F_OK), -1, "the socket is left behind");
	slash = strrchr(d.path, '/');
	*slash = '\0';
	rmdir(d.path);
	rmdir(d.dir);
}

TestSuite(control, .init = start, .fini = stop, .timeout = 60);

static int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, d.path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	cr_assert_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Sends text, hangs up that direction, and compares all that comes back. */
static void talk(const char *text, const char *expected)
{
	char got[8192];
	size_t n = 0;
	ssize_t more;
	int fd = dial();

	say(fd, text, strlen(text));
	shutdown(fd, SHUT_WR);
	while ((more = read(fd, got + n, sizeof got - 1 - n)) > 0)
		n += (size_t)more;
	got[n] = '\0';
	close(fd);
	cr_assert_str_eq(got, expected, "asked %s\ngot %s", text, got);
}

static char *show(const char *what, bool json, int expected)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int got = hm_control_show(d.path, what, json, out);

	fclose(out);
	cr_assert_eq(got, expected, "%d: %s", got, text);
	return text;
}

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
	     "{\"kind\":\"ms\",\"peer\":\"2001:db8:f1::1\",\"home_address\":\"2001:db8:1::\","
	     "\"care_of_address\":\"2001:db8:f1:1::99\",\"state\":\"active\",\"sequence\":0,"
	     "\"epoch\":0,\"lifetime_s\":600,\"registered_at\":\"2025-12-31T23:59:00Z\","
	     "\"expires_at\":\"2026-01-01T00:09:00Z\",\"expires_in_s\":540}\n" END);
	talk("{\"show\":\"routers\"}\n",
	     "{\"role\":\"ms\",\"kind\":null,\"interface\":\"acc0\",\"router\":null,"
	     "\"mobility_server\":\"2001:db8:f1::1\",\"prefix\":\"2001:db8:f1::/64\",\"level\":0,"
	     "\"preference\":0,\"state\":\"active\",\"heard_at\":\"2025-12-31T23:59:00Z\","
	     "\"expires_at\":\"2026-01-01T00:09:00Z\",\"expires_in_s\":540}\n" END);
	talk("{\"show\":\"peers\"}\n",
	     "{\"role\":\"ms\",\"kind\":null,\"peer\":\"2001:db8:f1::1\","
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

Test(control, show_prints_one_json_document)
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

Test(control, show_prints_aligned_columns)
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

Test(control, show_groups_counters_and_lists_status)
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

Test(control, show_of_nonsense_or_without_a_daemon_fails)
{
	free(show("keys", false, HM_EXIT_USAGE));
	cr_assert_eq(hm_control_show("/tmp/hmipd-none.sock", "status", false, stdout),
	             HM_EXIT_MISSING);
	cr_assert_eq(hm_control_watch("/tmp/hmipd-none.sock", false, stdout), HM_EXIT_MISSING);
}

Test(control, a_large_table_arrives_whole_and_in_small_turns)
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

#define EVENT                                                                                      \
	"{\"time\":\"2026-01-01T00:00:00.250Z\",\"role\":\"ms\",\"event\":\"binding-removed\","    \
	"\"home_address\":\"2001:db8:1::aa\",\"interface\":\"acc0\",\"reason\":\"expired\"}\n"

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

Test(control, watch_prints_one_line_per_event)
{
	watch_prints(true, EVENT);
	watch_prints(false, "2026-01-01T00:00:00.250Z ms binding-removed "
	                    "home_address=2001:db8:1::aa interface=acc0 reason=expired\n");
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
