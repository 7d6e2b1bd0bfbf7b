#include "host/client_table.h"
#include "host/control.h"
#include "host/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum layout { LAYOUT_TABLE, LAYOUT_COUNTERS, LAYOUT_STATUS };

static const struct {
	const char *what;
	enum layout layout;
} shows[] = {
	{ "bindings", LAYOUT_TABLE },    { "registrations", LAYOUT_TABLE },
	{ "routers", LAYOUT_TABLE },     { "peers", LAYOUT_TABLE },
	{ "counters", LAYOUT_COUNTERS }, { "status", LAYOUT_STATUS },
};

/* An answer being read. */
struct answer {
	FILE *in, *out;
	char *line;
	size_t cap;
	char group[64]; /* of the counters printed last */
	struct hm_table *table;
	bool some;
};

/* A stream to the daemon with the request sent, or NULL, said why. */
static FILE *ask(const char *path, const char *request)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	ssize_t len = (ssize_t)strlen(request);
	FILE *in = NULL;
	int fd;

	if (strlen(path) >= sizeof at.sun_path) {
		fprintf(stderr, "hmipd: %s: too long for a socket\n", path);
		return NULL;
	}
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
	    send(fd, request, (size_t)len, MSG_NOSIGNAL) == len)
		in = fdopen(fd, "r");
	if (in)
		return in;
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr, "hmipd: no daemon listens at %s\n", path);
	else
		fprintf(stderr, "hmipd: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* The status for an answer that is over: what an error line says, or that there is none. */
static int bad_end(const char *line)
{
	cJSON *o = line ? cJSON_Parse(line) : NULL;
	const cJSON *why = cJSON_GetObjectItemCaseSensitive(o, "error");

	if (cJSON_IsString(why))
		fprintf(stderr, "hmipd: %s\n", why->valuestring);
	else
		fprintf(stderr, "hmipd: the daemon broke off its answer\n");
	cJSON_Delete(o);
	return HM_EXIT_OTHER;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

static const char *text_of(const cJSON *row, const char *key, char *buf, size_t len)
{
	return hm_json_text(cJSON_GetObjectItemCaseSensitive(row, key), buf, len);
}

/* The digits of a number as they were sent: 64 bits do not fit in cJSON's double. */
static uint64_t value_of(const char *line)
{
	const char *at = strstr(line, "\"value\":");

	return at ? strtoull(at + 8, NULL, 10) : 0;
}

static void print_counter(struct answer *a, const cJSON *row)
{
	char buf[32];
	const char *group = text_of(row, "group", buf, sizeof buf);

	if (strcmp(group, a->group) != 0) {
		fprintf(a->out, "%s%s\n", a->some ? "\n" : "", group);
		snprintf(a->group, sizeof a->group, "%s", group);
	}
	fprintf(a->out, "  %-28s %" PRIu64 "\n", text_of(row, "name", buf, sizeof buf),
	        value_of(a->line));
}

static void print_row(struct answer *a, enum layout layout)
{
	cJSON *row = cJSON_Parse(a->line);
	char key[32], value[32];

	if (layout == LAYOUT_TABLE) {
		hm_table_take(a->table, row);
		return;
	}
	if (layout == LAYOUT_COUNTERS)
		print_counter(a, row);
	else
		fprintf(a->out, "%s: %s\n", text_of(row, "key", key, sizeof key),
		        text_of(row, "value", value, sizeof value));
	cJSON_Delete(row);
}

/* Rows are objects already: they are passed on as they came. */
static void print_json(struct answer *a, const char *what)
{
	size_t len = strlen(a->line);

	if (!a->some)
		fprintf(a->out, "{\"version\":1,\"show\":\"%s\",\"rows\":[", what);
	fprintf(a->out, "%s\n%.*s", a->some ? "," : "", (int)len - 1, a->line);
}

static int read_answer(struct answer *a, const char *what, enum layout layout, bool json)
{
	while (getline(&a->line, &a->cap, a->in) > 0) {
		if (begins(a->line, "{\"error\""))
			return bad_end(a->line);
		if (begins(a->line, "{\"end\"")) {
			if (json && !a->some)
				fprintf(a->out, "{\"version\":1,\"show\":\"%s\",\"rows\":[", what);
			fputs(json ? "\n]}\n" : "", a->out);
			return HM_EXIT_OK;
		}
		if (json)
			print_json(a, what);
		else
			print_row(a, layout);
		a->some = true;
	}
	return bad_end(NULL);
}

int hm_control_show(const char *path, const char *what, bool json, FILE *out)
{
	struct answer a = { .out = out };
	char request[64];
	unsigned i = 0;
	int status;

	while (i < sizeof shows / sizeof shows[0] && strcmp(shows[i].what, what) != 0)
		i++;
	if (i == sizeof shows / sizeof shows[0]) {
		fprintf(stderr,
		        "hmipd: \"%s\" is none of bindings, registrations, routers, peers, "
		        "counters, status\n",
		        what);
		return HM_EXIT_USAGE;
	}
	snprintf(request, sizeof request, "{\"show\":\"%s\"}\n", what);
	a.in = ask(path, request);
	if (!a.in)
		return HM_EXIT_MISSING;
	a.table = hm_table_create(out);
	status = a.table ? read_answer(&a, what, shows[i].layout, json) : HM_EXIT_OTHER;
	hm_table_destroy(a.table);
	free(a.line);
	fclose(a.in);
	if (status == HM_EXIT_OK && fflush(out) != 0)
		return HM_EXIT_OTHER;
	return status;
}

/* TIME ROLE EVENT KEY=VALUE... */
static void print_event(FILE *out, const char *line)
{
	cJSON *event = cJSON_Parse(line);
	const cJSON *value;
	char buf[32];
	unsigned n = 0;

	cJSON_ArrayForEach(value, event)
	{
		const char *text = hm_json_text(value, buf, sizeof buf);

		if (n++ < 3)
			fprintf(out, "%s%s", n > 1 ? " " : "", text);
		else
			fprintf(out, " %s=%s", value->string, text);
	}
	fputc('\n', out);
	cJSON_Delete(event);
}

/* Until the daemon stops, which is a good end. */
static int follow(struct answer *a, bool json)
{
	while (getline(&a->line, &a->cap, a->in) > 0) {
		if (begins(a->line, "{\"error\""))
			return bad_end(a->line);
		if (begins(a->line, "{\"watching\""))
			continue;
		if (json)
			fputs(a->line, a->out);
		else
			print_event(a->out, a->line);
		/* Whoever follows wants it now. */
		if (fflush(a->out) != 0)
			return HM_EXIT_OTHER;
	}
	return HM_EXIT_OK;
}

int hm_control_watch(const char *path, bool json, FILE *out)
{
	struct answer a = { .in = ask(path, "{\"watch\":true}\n"), .out = out };
	int status;

	if (!a.in)
		return HM_EXIT_MISSING;
	status = follow(&a, json);
	free(a.line);
	fclose(a.in);
	return status;
}
