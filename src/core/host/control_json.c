#include "host/control_json.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <time.h>

/* Numbers go in as text: cJSON keeps a double, which has no room for a 64-bit counter. */
static void add_u64(cJSON *o, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	cJSON_AddRawToObject(o, key, text);
}

static void add_text(cJSON *o, const char *key, const char *text)
{
	if (text && *text)
		cJSON_AddStringToObject(o, key, text);
	else
		cJSON_AddNullToObject(o, key);
}

static void add_addr(cJSON *o, const char *key, const struct hm_addr *a)
{
	char text[HM_ADDR_TEXT_MAX];

	add_text(o, key, hm_addr_is_any(a) ? NULL : hm_addr_text(a, text));
}

static void add_prefix(cJSON *o, const char *key, const struct hm_addr *a, uint8_t plen)
{
	char text[HM_ADDR_TEXT_MAX + 4];
	struct hm_text t = hm_text(text, sizeof text);

	if (plen > 0) {
		hm_text_addr(&t, a);
		hm_text_str(&t, "/");
		hm_text_u64(&t, plen);
	}
	add_text(o, key, text);
}

static const char *date_text(int64_t wall_ms, char *ret_text, size_t len)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&s, &tm) || !strftime(ret_text, len, "%Y-%m-%dT%H:%M:%SZ", &tm))
		ret_text[0] = '\0';
	return ret_text;
}

/* A moment of the monotonic clock as a date; none for 0 and HM_NEVER. */
static void add_moment(cJSON *o, const char *key, const struct hm_control_source *source, hm_ms at)
{
	char text[32] = "";

	if (at != 0 && at != HM_NEVER)
		date_text(source->wall_ms(source->arg) + (at - source->now_ms(source->arg)), text,
		          sizeof text);
	add_text(o, key, text);
}

static void add_expiry(cJSON *o, const struct hm_control_source *source, hm_ms at)
{
	hm_ms left = at - source->now_ms(source->arg);

	add_moment(o, "expires_at", source, at);
	if (at == 0 || at == HM_NEVER)
		cJSON_AddNullToObject(o, "expires_in_s");
	else
		add_u64(o, "expires_in_s", left > 0 ? (uint64_t)left / 1000 : 0);
}

static void add_sequence(cJSON *o, const struct hm_show_row *row)
{
	add_u64(o, "sequence", row->seq);
	add_u64(o, "epoch", row->epoch);
}

static void add_lifetime(cJSON *o, const struct hm_show_row *row)
{
	if (row->lifetime_s == HM_LIFETIME_INFINITE)
		cJSON_AddNullToObject(o, "lifetime_s");
	else
		add_u64(o, "lifetime_s", row->lifetime_s);
}

static void add_interface(cJSON *o, const struct hm_control_source *source, uint32_t ifindex)
{
	add_text(o, "interface", ifindex ? source->ifname(source->arg, ifindex) : NULL);
}

static void add_count(cJSON *o, const struct hm_control_source *source,
                      const struct hm_show_row *row)
{
	struct hm_tunnel_count count;

	if (!source->count(source->arg, row, &count)) {
		cJSON_AddNullToObject(o, "packets_in");
		cJSON_AddNullToObject(o, "octets_in");
		cJSON_AddNullToObject(o, "packets_out");
		cJSON_AddNullToObject(o, "octets_out");
		return;
	}
	add_u64(o, "packets_in", count.packets_in);
	add_u64(o, "octets_in", count.octets_in);
	add_u64(o, "packets_out", count.packets_out);
	add_u64(o, "octets_out", count.octets_out);
}

/* The names of v_bindings in the store. */
static void binding(cJSON *o, const struct hm_control_source *source, const struct hm_show_row *row)
{
	add_text(o, "role", hm_role_text(row->role));
	add_addr(o, "home_address", &row->home);
	add_addr(o, "gcoa", &row->gcoa);
	add_addr(o, "lcoa", &row->coa);
	add_text(o, "state", row->state);
	add_sequence(o, row);
	add_lifetime(o, row);
	add_moment(o, "registered_at", source, row->since_ms);
	add_expiry(o, source, row->expires_ms);
	add_count(o, source, row);
}

/* The names of v_registrations in the store. */
static void registration(cJSON *o, const struct hm_control_source *source,
                         const struct hm_show_row *row)
{
	add_text(o, "kind", row->kind);
	add_addr(o, "peer", &row->peer);
	add_u64(o, "level", row->level);
	add_addr(o, "home_address", &row->home);
	add_addr(o, "care_of_address", &row->coa);
	add_text(o, "state", row->state);
	add_sequence(o, row);
	add_lifetime(o, row);
	add_moment(o, "registered_at", source, row->since_ms);
	add_expiry(o, source, row->expires_ms);
}

static void router(cJSON *o, const struct hm_control_source *source, const struct hm_show_row *row)
{
	add_text(o, "role", hm_role_text(row->role));
	add_text(o, "kind", row->kind);
	add_interface(o, source, row->ifindex);
	add_addr(o, "router", &row->router);
	add_addr(o, "lcoa", &row->coa);
	add_prefix(o, "prefix", &row->prefix, row->plen);
	add_addr(o, "mobility_server", &row->peer);
	add_u64(o, "level", row->level);
	add_u64(o, "preference", row->preference);
	add_text(o, "state", row->state);
	add_moment(o, "heard_at", source, row->since_ms);
	add_expiry(o, source, row->expires_ms);
}

static void peer(cJSON *o, const struct hm_control_source *source, const struct hm_show_row *row)
{
	add_text(o, "role", hm_role_text(row->role));
	add_text(o, "kind", row->kind);
	add_addr(o, "peer", &row->peer);
	add_prefix(o, "prefix", &row->prefix, row->plen);
	add_u64(o, "level", row->level);
	add_u64(o, "preference", row->preference);
	add_addr(o, "home_address", &row->home);
	add_text(o, "state", row->state);
	add_sequence(o, row);
	add_moment(o, "heard_at", source, row->since_ms);
	add_expiry(o, source, row->expires_ms);
}

/* Prints and frees o. cJSON asks for five octets to spare. */
static size_t finish(cJSON *o, char *line)
{
	size_t n = 0;

	if (o && cJSON_PrintPreallocated(o, line, HM_JSON_LINE_MAX - 8, false)) {
		n = strlen(line);
		line[n++] = '\n';
		line[n] = '\0';
	}
	cJSON_Delete(o);
	return n;
}

size_t hm_json_row(const struct hm_control_source *source, enum hm_show what,
                   const struct hm_show_row *row, char ret_line[HM_JSON_LINE_MAX])
{
	cJSON *o = cJSON_CreateObject();

	switch (what) {
	case HM_SHOW_BINDINGS:
		binding(o, source, row);
		break;
	case HM_SHOW_REGISTRATIONS:
		registration(o, source, row);
		break;
	case HM_SHOW_ROUTERS:
		router(o, source, row);
		break;
	case HM_SHOW_PEERS:
		peer(o, source, row);
		break;
	}
	return finish(o, ret_line);
}

size_t hm_json_counter(const char *group, const char *name, uint64_t value,
                       char ret_line[HM_JSON_LINE_MAX])
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "group", group);
	add_text(o, "name", name);
	add_u64(o, "value", value);
	return finish(o, ret_line);
}

size_t hm_json_status(const char *key, const char *text, char ret_line[HM_JSON_LINE_MAX])
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "key", key);
	add_text(o, "value", text);
	return finish(o, ret_line);
}

static void add_some_addr(cJSON *o, const char *key, const struct hm_addr *a)
{
	if (!hm_addr_is_any(a))
		add_addr(o, key, a);
}

/* What the status of a note means depends on the note. */
static void add_outcome(cJSON *o, enum hm_note note, unsigned status)
{
	static const char *const removals[] = { "deleted",       "expired",     "conflict",
		                                "not-installed", "unreachable", "taken-over" };

	if (note == HM_NOTE_BINDING_REMOVED) {
		add_text(o, "reason",
		         status < sizeof removals / sizeof removals[0] ? removals[status]
		                                                       : "other");
		return;
	}
	if (note != HM_NOTE_REFUSED && note != HM_NOTE_REGISTERED && note != HM_NOTE_REJECTED)
		return;
	add_u64(o, "status", status);
	add_text(o, "reason", hm_status_text(status));
}

size_t hm_json_note(const struct hm_control_source *source, enum hm_role_id role,
                    const struct hm_effect *note, char ret_line[HM_JSON_LINE_MAX])
{
	int64_t wall_ms = source->wall_ms(source->arg);
	cJSON *o = cJSON_CreateObject();
	char day[32], text[40];

	date_text(wall_ms, day, sizeof day);
	snprintf(text, sizeof text, "%.19s.%03dZ", day, (int)(wall_ms % 1000));
	add_text(o, "time", text);
	add_text(o, "role", hm_role_text(role));
	add_text(o, "event", hm_note_text(note->note.note));
	add_some_addr(o, "home_address", &note->note.home);
	add_some_addr(o, "gcoa", &note->note.gcoa);
	add_some_addr(o, "lcoa", &note->note.coa);
	add_some_addr(o, "peer", &note->note.peer);
	if (note->note.ifindex)
		add_interface(o, source, note->note.ifindex);
	add_outcome(o, note->note.note, note->note.status);
	if (note->note.note == HM_NOTE_HANDOFF_DONE)
		add_u64(o, "elapsed_ms", (uint64_t)note->note.elapsed_ms);
	return finish(o, ret_line);
}

size_t hm_json_error(const char *why, char ret_line[HM_JSON_LINE_MAX])
{
	cJSON *o = cJSON_CreateObject();

	add_text(o, "error", why);
	return finish(o, ret_line);
}
