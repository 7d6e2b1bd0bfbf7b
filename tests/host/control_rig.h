/* A daemon of nothing but a control socket, on a loop in a thread of its own, and how to speak to
 * it. Its clock stands still. */
#ifndef HM_TESTS_HOST_CONTROL_RIG_H
#define HM_TESTS_HOST_CONTROL_RIG_H

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

static inline bool row(void *arg, enum hm_show what, uint64_t *cursor, struct hm_show_row *ret_row)
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

static inline bool count(void *arg, const struct hm_show_row *r, struct hm_tunnel_count *ret_count)
{
	(void)arg;
	*ret_count = (struct hm_tunnel_count){ .packets_in = 7, .octets_out = UINT64_MAX };
	return r->home.b[15] == 0;
}

static inline bool counter(void *arg, unsigned index, const char **ret_group, const char **ret_name,
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

static inline bool status(void *arg, unsigned index, struct hm_status_line *ret_line)
{
	static const struct hm_status_line lines[] = {
		{ "roles", "ms,ra" },
		{ "tunnel", "tun \"quoted\"" },
	};

	(void)arg;
	if (index >= sizeof lines / sizeof lines[0])
		return false;
	*ret_line = lines[index];
	return true;
}

static inline const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex == 3 ? "acc0" : "";
}

static inline hm_ms now_ms(void *arg)
{
	(void)arg;
	return 100000;
}

static inline int64_t wall_ms(void *arg)
{
	(void)arg;
	return INT64_C(1767225600250); /* 2026-01-01T00:00:00.250Z */
}

static const struct hm_control_source source = { NULL,   row,    count,  counter,
	                                         status, ifname, now_ms, wall_ms };

static inline void on_stop(uv_async_t *async)
{
	(void)async;
	hm_control_close(d.control);
	uv_close((uv_handle_t *)&d.stop, NULL);
	uv_close((uv_handle_t *)&d.note, NULL);
	uv_close((uv_handle_t *)&d.turn, NULL);
}

static inline void on_note(uv_async_t *async)
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

static inline void on_turn(uv_prepare_t *prepare)
{
	(void)prepare;
	d.rows_this_turn = 0;
}

static inline void run(void *arg)
{
	(void)arg;
	uv_run(&d.loop, UV_RUN_DEFAULT);
}

static inline void start(void)
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

static inline void stop(void)
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

static inline int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, d.path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static inline void say(int fd, const char *text, size_t len)
{
	cr_assert_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Sends text, hangs up that direction, and compares all that comes back. */
static inline void talk(const char *text, const char *expected)
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

static inline char *show(const char *what, bool json, int expected)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int got = hm_control_show(d.path, what, json, out);

	fclose(out);
	cr_assert_eq(got, expected, "%d: %s", got, text);
	return text;
}

#define EVENT                                                                                      \
	"{\"time\":\"2026-01-01T00:00:00.250Z\",\"role\":\"ms\",\"event\":\"binding-removed\","    \
	"\"home_address\":\"2001:db8:1::aa\",\"interface\":\"acc0\",\"reason\":\"expired\"}\n"

#endif
