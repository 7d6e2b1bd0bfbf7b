#include "host/control.h"
#include "host/control_json.h"
#include "host/control_path.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CLIENTS_MAX 32
#define REQUEST_MAX 4096
#define OUT_MAX (32 * 1024)
/* How many rows one write carries. libuv completes up to nine writes in one turn of its loop. */
#define ROWS_PER_WRITE 24
/* What a watcher's buffer keeps free for the line that says it was too slow. */
#define LAST_WORDS 128

/* Two of enum hm_show's neighbours have no rows of a role. */
enum what {
	WHAT_BINDINGS = HM_SHOW_BINDINGS,
	WHAT_REGISTRATIONS = HM_SHOW_REGISTRATIONS,
	WHAT_ROUTERS = HM_SHOW_ROUTERS,
	WHAT_PEERS = HM_SHOW_PEERS,
	WHAT_COUNTERS,
	WHAT_STATUS,
	WHATS
};

static const char *const whats[WHATS] = { "bindings", "registrations", "routers",
	                                  "peers",    "counters",      "status" };

/* Reads requests while it owes no answer; one buffer is on its way while the other fills. */
struct client {
	struct hm_control *control;
	struct client *next;
	uv_pipe_t pipe;
	uv_write_t write;
	bool writing; /* `sent` belongs to libuv */
	bool showing; /* rows are still to come */
	bool watching;
	bool end;  /* it sends nothing more */
	bool last; /* it gets nothing more: close it when all is written */
	enum what what;
	uint64_t cursor;
	size_t in_len, fill_len;
	char *fill, *sent;
	char in[REQUEST_MAX + 1];
	char out[2][OUT_MAX];
};

struct hm_control {
	uv_loop_t *loop;
	uv_pipe_t server;
	const struct hm_control_source *source;
	struct client *clients;
	unsigned n_clients, n_watchers;
	unsigned handles; /* not yet closed: the last frees the control */
	bool closing;
};

static void release(struct hm_control *control)
{
	if (--control->handles == 0)
		free(control);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	release(c->control);
	free(c);
}

static void drop(struct client *c)
{
	struct client **at = &c->control->clients;

	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->control->n_clients--;
	c->control->n_watchers -= c->watching;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static size_t room(const struct client *c)
{
	return OUT_MAX - c->fill_len;
}

/* The caller has seen to it that there is room. */
static void append(struct client *c, const char *line, size_t len)
{
	if (len > room(c))
		return;
	memcpy(c->fill + c->fill_len, line, len);
	c->fill_len += len;
}

static void append_error(struct client *c, const char *why)
{
	char line[HM_JSON_LINE_MAX];

	append(c, line, hm_json_error(why, line));
}

/* The next line of the answer in ret_line; 0: that was all. */
static size_t next_answer(struct client *c, char ret_line[HM_JSON_LINE_MAX])
{
	const struct hm_control_source *s = c->control->source;
	const char *group, *name;
	struct hm_status_line status;
	struct hm_show_row row;
	uint64_t value;

	if (c->what == WHAT_COUNTERS)
		return s->counter(s->arg, (unsigned)c->cursor++, &group, &name, &value)
		               ? hm_json_counter(group, name, value, ret_line)
		               : 0;
	if (c->what == WHAT_STATUS)
		return s->status(s->arg, (unsigned)c->cursor++, &status)
		               ? hm_json_status(status.key, status.text, ret_line)
		               : 0;
	memset(&row, 0, sizeof row);
	return s->row(s->arg, (enum hm_show)c->what, &c->cursor, &row)
	               ? hm_json_row(s, (enum hm_show)c->what, &row, ret_line)
	               : 0;
}

static void produce(struct client *c)
{
	static const char end[] = "{\"end\":true}\n";
	char line[HM_JSON_LINE_MAX];

	for (unsigned n = 0; n < ROWS_PER_WRITE && room(c) > sizeof line + sizeof end; n++) {
		size_t len = next_answer(c, line);

		if (len == 0) {
			append(c, end, sizeof end - 1);
			c->showing = false;
			return;
		}
		append(c, line, len);
	}
}

static void show(struct client *c, const char *what)
{
	for (int i = 0; i < WHATS; i++) {
		if (strcmp(whats[i], what) != 0)
			continue;
		c->what = (enum what)i;
		c->cursor = 0;
		c->showing = true;
		return;
	}
	append_error(c, "show wants bindings, registrations, routers, peers, counters or status");
}

static void watch(struct client *c)
{
	static const char yes[] = "{\"watching\":true}\n";

	c->watching = true;
	c->control->n_watchers++;
	append(c, yes, sizeof yes - 1);
}

static void take_request(struct client *c, const char *text, size_t len)
{
	cJSON *request = cJSON_ParseWithLength(text, len);
	const cJSON *what = cJSON_GetObjectItemCaseSensitive(request, "show");

	if (c->watching)
		append_error(c, "watching already");
	else if (!cJSON_IsObject(request))
		append_error(c, "a request is one JSON object on one line");
	else if (cJSON_IsString(what))
		show(c, what->valuestring);
	else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, "watch")))
		watch(c);
	else
		append_error(c, "a request is {\"show\":WHAT} or {\"watch\":true}");
	cJSON_Delete(request);
}

/* Takes requests from the input until one needs more than a line to answer. */
static void take_requests(struct client *c)
{
	char *newline;
	size_t len;

	while (!c->showing && !c->last && room(c) > 2 * (size_t)HM_JSON_LINE_MAX) {
		newline = memchr(c->in, '\n', c->in_len);
		if (!newline && c->in_len == REQUEST_MAX) {
			append_error(c, "a request has 4096 octets at most");
			c->last = true;
		}
		if (!newline)
			return;
		len = (size_t)(newline - c->in);
		take_request(c, c->in, len);
		c->in_len -= len + 1;
		memmove(c->in, newline + 1, c->in_len);
	}
}

static void go_on(struct client *c);

static void on_written(uv_write_t *write, int err)
{
	struct client *c = write->data;

	c->writing = false;
	if (err)
		drop(c);
	else
		go_on(c);
}

static void flush(struct client *c)
{
	uv_buf_t buf = uv_buf_init(c->fill, (unsigned)c->fill_len);
	char *swap = c->sent;

	if (c->writing || c->fill_len == 0)
		return;
	c->sent = c->fill;
	c->fill = swap;
	c->fill_len = 0;
	c->writing = uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) == 0;
	if (!c->writing)
		drop(c);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *ret_buf)
{
	struct client *c = handle->data;

	(void)hint;
	*ret_buf = uv_buf_init(c->in + c->in_len, (unsigned)(REQUEST_MAX - c->in_len));
}

/* The peer has nothing more to ask; what it has asked is still answered. A watcher is gone. */
static void on_end(struct client *c)
{
	if (c->watching) {
		drop(c);
		return;
	}
	if (c->in_len > 0 && c->in[c->in_len - 1] != '\n')
		c->in[c->in_len++] = '\n';
	c->end = true;
	go_on(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (n == 0)
		return;
	if (n == UV_EOF) {
		uv_read_stop(stream);
		on_end(c);
		return;
	}
	if (n < 0) {
		drop(c);
		return;
	}
	c->in_len += (size_t)n;
	go_on(c);
}

/* Answers, reads on, or closes: whatever is next. Never more than one chunk at a time, so that a
 * slow reader costs two buffers and a long table holds up nobody. */
static void go_on(struct client *c)
{
	uv_stream_t *stream = (uv_stream_t *)&c->pipe;

	if (uv_is_closing((uv_handle_t *)stream))
		return;
	if (!c->writing) {
		take_requests(c);
		if (c->showing)
			produce(c);
		flush(c);
	}
	if (uv_is_closing((uv_handle_t *)stream))
		return;
	if ((c->last || (c->end && c->in_len == 0)) && !c->writing && !c->showing)
		drop(c);
	else if (c->last || c->end || c->showing || c->in_len == REQUEST_MAX)
		uv_read_stop(stream);
	else
		uv_read_start(stream, on_alloc, on_read); /* EALREADY is as good */
}

/* Makes room for a new client: at the expense of one that was cut off, else of an idle one. */
static bool evict(struct hm_control *control)
{
	struct client *victim = NULL;

	for (struct client *c = control->clients; c; c = c->next)
		if (c->last || (!victim && !c->showing && !c->writing && !c->watching))
			victim = c;
	if (victim)
		drop(victim);
	return victim != NULL;
}

static struct client *new_client(struct hm_control *control)
{
	struct client *c = malloc(sizeof *c);

	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct client, in));
	c->control = control;
	c->fill = c->out[0];
	c->sent = c->out[1];
	if (uv_pipe_init(control->loop, &c->pipe, 0) != 0) {
		free(c);
		return NULL;
	}
	c->pipe.data = c;
	c->write.data = c;
	c->next = control->clients;
	control->clients = c;
	control->n_clients++;
	control->handles++;
	return c;
}

static void on_connection(uv_stream_t *server, int err)
{
	struct hm_control *control = server->data;
	bool full = control->n_clients >= CLIENTS_MAX && !evict(control);
	struct client *c = err ? NULL : new_client(control);

	if (!c)
		return;
	if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0) {
		drop(c);
		return;
	}
	if (full) {
		append_error(c, "too many clients");
		c->last = true;
	}
	go_on(c);
}

static int listen_at(struct hm_control *control, const char *path, char *ret_why, size_t why_len)
{
	int err = hm_control_path_clear(path, ret_why, why_len);

	if (err)
		return err;
	err = uv_pipe_bind(&control->server, path);
	/* Nobody can connect before it listens, so the mode is right from the start. */
	if (!err && chmod(path, 0660) != 0)
		err = -errno;
	if (!err)
		err = uv_listen((uv_stream_t *)&control->server, CLIENTS_MAX, on_connection);
	if (!err)
		return HM_OK;
	snprintf(ret_why, why_len, "cannot listen at %s: %s", path, uv_strerror(err));
	return err == UV_EACCES || err == UV_EPERM ? HM_EPERM : HM_EIO;
}

static void on_server_closed(uv_handle_t *handle)
{
	release(handle->data);
}

int hm_control_open(uv_loop_t *loop, const char *path, const struct hm_control_source *source,
                    struct hm_control **ret_control, char *ret_why, size_t why_len)
{
	struct hm_control *control = calloc(1, sizeof *control);
	int err;

	snprintf(ret_why, why_len, "out of memory");
	if (!control || uv_pipe_init(loop, &control->server, 0) != 0) {
		free(control);
		return HM_ENOMEM;
	}
	control->loop = loop;
	control->source = source;
	control->server.data = control;
	control->handles = 1;
	err = listen_at(control, path, ret_why, why_len);
	if (err) {
		hm_control_close(control);
		return err;
	}
	ret_why[0] = '\0';
	*ret_control = control;
	return HM_OK;
}

void hm_control_close(struct hm_control *control)
{
	if (!control || control->closing)
		return;
	control->closing = true;
	while (control->clients)
		drop(control->clients);
	uv_close((uv_handle_t *)&control->server, on_server_closed); /* unlinks what it bound */
}

static void tell(struct client *c, const char *line, size_t len)
{
	if (len + LAST_WORDS <= room(c)) {
		append(c, line, len);
	} else {
		append_error(c, "too slow: events are lost from here on");
		c->last = true;
	}
	flush(c);
}

void hm_control_note(struct hm_control *control, enum hm_role_id role, const struct hm_effect *note)
{
	char line[HM_JSON_LINE_MAX];
	struct client *c, *next;
	size_t len;

	if (!control || control->n_watchers == 0)
		return;
	len = hm_json_note(control->source, role, note, line);
	for (c = control->clients; c && len > 0; c = next) {
		next = c->next; /* flush() may drop c */
		if (c->watching && !c->last)
			tell(c, line, len);
	}
}
