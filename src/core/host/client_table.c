#include "host/client_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 256
#define COLUMNS_MAX 16

struct hm_table {
	FILE *out;
	unsigned n_held, n_columns;
	bool printing;
	int width[COLUMNS_MAX];
	cJSON *held[HELD_MAX];
};

/* Headings where the key is longer than what stands below it. */
static const struct {
	const char *key, *heading;
} headings[] = {
	{ "home_address", "home" },      { "care_of_address", "care-of" },
	{ "mobility_server", "server" }, { "expires_in_s", "expires-in" },
	{ "sequence", "seq" },           { "preference", "pref" },
	{ "packets_in", "pkts-in" },     { "packets_out", "pkts-out" },
	{ "interface", "link" },
};

/* Left to --json: what a line of text has no room for. */
static const char *const json_only[] = { "epoch",     "lifetime_s", "registered_at", "expires_at",
	                                 "octets_in", "octets_out", "heard_at" };

const char *hm_json_text(const cJSON *value, char *buf, size_t len)
{
	if (cJSON_IsString(value))
		return value->valuestring;
	if (cJSON_IsNumber(value))
		snprintf(buf, len, "%.0f", value->valuedouble);
	else
		snprintf(buf, len, "%s", cJSON_IsTrue(value) ? "yes" : "-");
	return buf;
}

static const char *heading(const char *key)
{
	for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
		if (strcmp(headings[i].key, key) == 0)
			return headings[i].heading;
	return key;
}

static bool is_shown(const cJSON *value)
{
	for (size_t i = 0; i < sizeof json_only / sizeof json_only[0]; i++)
		if (strcmp(json_only[i], value->string) == 0)
			return false;
	return true;
}

static void widen(struct hm_table *t, unsigned column, const char *text)
{
	int len = (int)strlen(text);

	if (column < COLUMNS_MAX && len > t->width[column])
		t->width[column] = len;
}

static void measure(struct hm_table *t, const cJSON *row)
{
	const cJSON *value;
	unsigned column = 0;
	char buf[32];

	cJSON_ArrayForEach(value, row)
	{
		if (!is_shown(value))
			continue;
		widen(t, column, heading(value->string));
		widen(t, column++, hm_json_text(value, buf, sizeof buf));
	}
	t->n_columns = column < COLUMNS_MAX ? column : COLUMNS_MAX;
}

static void print(struct hm_table *t, const cJSON *row, bool head)
{
	const cJSON *value;
	unsigned column = 0;
	char buf[32];

	cJSON_ArrayForEach(value, row)
	{
		const char *text =
		        head ? heading(value->string) : hm_json_text(value, buf, sizeof buf);

		if (!is_shown(value) || column >= t->n_columns)
			continue;
		/* Nothing trails the last column. */
		if (++column == t->n_columns)
			fprintf(t->out, "%s\n", text);
		else
			fprintf(t->out, "%-*s  ", t->width[column - 1], text);
	}
}

static void print_held(struct hm_table *t)
{
	for (unsigned i = 0; i < t->n_held; i++)
		measure(t, t->held[i]);
	if (t->n_held > 0)
		print(t, t->held[0], true);
	for (unsigned i = 0; i < t->n_held; i++) {
		print(t, t->held[i], false);
		cJSON_Delete(t->held[i]);
	}
	t->n_held = 0;
	t->printing = true;
}

struct hm_table *hm_table_create(FILE *out)
{
	struct hm_table *t = calloc(1, sizeof *t);

	if (t)
		t->out = out;
	return t;
}

void hm_table_take(struct hm_table *table, cJSON *row)
{
	if (!table->printing && table->n_held < HELD_MAX) {
		table->held[table->n_held++] = row;
		return;
	}
	if (!table->printing)
		print_held(table);
	print(table, row, false);
	cJSON_Delete(row);
}

void hm_table_destroy(struct hm_table *table)
{
	if (!table)
		return;
	if (!table->printing)
		print_held(table);
	free(table);
}
