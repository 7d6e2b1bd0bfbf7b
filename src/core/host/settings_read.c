#include "host/settings_load.h"

#include <ctype.h>
#include <ini.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* inih as packaged gives handlers no line number, cuts lines at 200 octets and takes an indented
 * line for more of the value above. So lines are read and judged here; a long one is handed over in
 * indented pieces, which inih reports one by one and handle() puts together again. */

static char *trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

/* Reads up to a newline into load->text; false at the end of the file. *ret_why says what makes the
 * line unusable. */
static bool get_line(struct hm_load *load, const char **ret_why)
{
	size_t n = 0;
	int c = getc(load->in);

	*ret_why = NULL;
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = getc(load->in)) {
		if (n + 1 >= sizeof load->text)
			*ret_why = "longer than 4095 characters";
		else
			load->text[n++] = (char)c;
		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			*ret_why = "control character";
	}
	if (n > 0 && load->text[n - 1] == '\r')
		n--;
	load->text[n] = '\0';
	if (!*ret_why && strchr(load->text, '\r'))
		*ret_why = "control character";
	if (++load->line == 1 && memcmp(load->text, "\xef\xbb\xbf", 3) == 0)
		memmove(load->text, load->text + 3, n - 2);
	return true;
}

/* A comment starts the line or follows white space. */
static void cut_comment(char *text)
{
	for (size_t i = 0; text[i]; i++)
		if ((text[i] == ';' || text[i] == '#') &&
		    (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
			text[i] = '\0';
}

static bool is_section(const char *kind)
{
	for (size_t i = 0; i < hm_setting_count; i++)
		if (strcmp(hm_setting_table[i].section, kind) == 0)
			return strcmp(kind, "key") != 0;
	return false;
}

static bool is_plugin_name(const char *name)
{
	static const char charset[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *rest = strncmp(name, "tunnel-", 7) == 0 ? name + 7
	                   : strncmp(name, "auth-", 5) == 0 ? name + 5
	                                                    : "";

	return *rest && strspn(name, charset) == strlen(name);
}

static bool note_section(struct hm_load *load)
{
	char full[HM_SECTION_MAX];
	unsigned line;

	snprintf(full, sizeof full, "%s%s%s", load->kind, *load->name ? " " : "", load->name);
	line = hm_load_section_line(load, full);
	if (line)
		return hm_load_error_at(load, load->line, full, "section stands at line %u already",
		                        line);
	return hm_load_add_section(load, full) ||
	       hm_load_error_at(load, load->line, full, "out of memory");
}

/* The array doubles when its length reaches a power of two. */
static bool has_room_for_key(struct hm_settings *s)
{
	struct hm_key_setting *keys;

	if ((s->n_keys & (s->n_keys - 1)) != 0)
		return true;
	keys = realloc(s->keys, (s->n_keys ? 2 * s->n_keys : 1) * sizeof *keys);
	if (!keys)
		return false;
	s->keys = keys;
	return true;
}

static bool add_key(struct hm_load *load)
{
	struct hm_settings *s = load->out;
	struct hm_key_setting *key;

	if (!has_room_for_key(s))
		return hm_load_error_at(load, load->line, "key", "out of memory");
	key = &s->keys[s->n_keys++];
	memset(key, 0, sizeof *key);
	strcpy(key->name, load->name);
	key->line = load->line;
	for (size_t i = 0; i < hm_setting_count; i++)
		if (strcmp(hm_setting_table[i].section, "key") == 0)
			load->seen[i] = 0;
	return true;
}

/* The checks that need a whole [key NAME] run when its last line has been read. */
static void close_section(struct hm_load *load)
{
	if (!load->skip && strcmp(load->kind, "key") == 0)
		hm_settings_check_key(load, &load->out->keys[load->out->n_keys - 1]);
	load->kind[0] = '\0';
	load->skip = true;
}

/* Splits [KIND] or [KIND NAME]. */
static bool split_section(struct hm_load *load, const char *text)
{
	size_t n = strlen(text);
	char *name;

	if (text[n - 1] != ']')
		return hm_load_error_at(load, load->line, "section", "] is missing");
	if (n < 3 || n - 2 > HM_SETTING_NAME_MAX || strchr(text, ']') != text + n - 1)
		return hm_load_error_at(load, load->line, "section",
		                        "a name of 1 to %d characters without ] is needed",
		                        HM_SETTING_NAME_MAX);
	memcpy(load->kind, text + 1, n - 2);
	load->kind[n - 2] = '\0';
	n = strcspn(load->kind, " \t");
	name = trim(load->kind + n);
	memmove(load->name, name, strlen(name) + 1);
	load->kind[n] = '\0';
	return true;
}

static bool open_section(struct hm_load *load, const char *text)
{
	bool named;

	close_section(load);
	load->started = true;
	if (!split_section(load, text))
		return false;
	named = strcmp(load->kind, "key") == 0 || strcmp(load->kind, "plugin") == 0;
	if (!named && (*load->name || !is_section(load->kind)))
		return hm_load_error_at(load, load->line, text, "unknown section");
	if (named && !*load->name)
		return hm_load_error_at(load, load->line, text, "needs a name: [%s NAME]",
		                        load->kind);
	if (strcmp(load->kind, "plugin") == 0 && !is_plugin_name(load->name))
		return hm_load_error_at(load, load->line, text,
		                        "needs the name of a plugin: tunnel-NAME or auth-NAME");
	if (!note_section(load) || (strcmp(load->kind, "key") == 0 && !add_key(load)))
		return false;
	load->skip = false;
	return true;
}

/* True when the line is for inih: a section we know, or KEY = VALUE in one. */
static bool take_line(struct hm_load *load)
{
	char *text = load->text;
	size_t name_len = strcspn(text, " \t=");
	const char *equals = strchr(text, '=');

	if (*text == '[')
		return open_section(load, text);
	if (!load->started)
		return hm_load_error_at(load, load->line, "section", "a [SECTION] must come first");
	if (load->skip)
		return false;
	if (!equals || name_len == 0 ||
	    text + name_len + strspn(text + name_len, " \t") != equals ||
	    memchr(text, ':', name_len))
		return hm_load_error_at(load, load->line, load->kind, "KEY = VALUE is needed");
	if (name_len > HM_SETTING_NAME_MAX)
		return hm_load_error_at(load, load->line, load->kind, "the key is too long");
	return true;
}

/* Moves to the next line that inih shall see. */
static bool next_line(struct hm_load *load)
{
	const char *why;

	while (get_line(load, &why)) {
		if (why) {
			hm_load_error_at(load, load->line, "line", "%s", why);
			continue;
		}
		cut_comment(load->text);
		if (!*trim(load->text))
			continue;
		if (load->text[0] == ' ' || load->text[0] == '\t') {
			hm_load_error_at(load, load->line, "line",
			                 "indented; a value ends with its line");
			continue;
		}
		if (!take_line(load))
			continue;
		load->text_len = strlen(load->text);
		load->text_at = 0;
		load->value[0] = '\0';
		return true;
	}
	return false;
}

/* How much of text fits in room, cut where inih, which trims, loses nothing; 0: nowhere. */
static size_t piece_len(const char *text, size_t len, size_t room)
{
	if (len <= room)
		return len;
	for (size_t n = room; n > 0; n--)
		if (!isspace((unsigned char)text[n - 1]) && !strchr(" \t;#", text[n]))
			return n;
	return 0;
}

static char *read_piece(char *str, int num, void *arg)
{
	struct hm_load *load = arg;
	size_t room, n;
	bool more;

	for (;;) {
		if (load->text_at >= load->text_len && !next_line(load))
			return NULL;
		more = load->text_at > 0;
		room = (size_t)num - 3 - more;
		n = piece_len(load->text + load->text_at, load->text_len - load->text_at, room);
		if (n > 0)
			break;
		hm_load_error_at(load, load->line, "line", "too much white space");
		load->text_at = load->text_len;
	}
	if (more)
		*str = ' ';
	memcpy(str + more, load->text + load->text_at, n);
	memcpy(str + more + n, "\n", 2);
	load->text_at += n;
	return str;
}

static void *base_of(struct hm_load *load)
{
	struct hm_settings *s = load->out;

	return strcmp(load->kind, "key") == 0 ? (void *)&s->keys[s->n_keys - 1] : s;
}

static void set_plugin_option(struct hm_load *load)
{
	struct hm_settings *s = load->out;
	struct hm_plugin_setting *o, *all;

	for (size_t i = 0; i < s->n_plugin_settings; i++) {
		o = &s->plugin_settings[i];
		if (strcmp(o->section, load->name) == 0 && strcmp(o->key, load->key) == 0) {
			hm_load_error(load, "stands at line %u already", o->line);
			return;
		}
	}
	all = realloc(s->plugin_settings, (s->n_plugin_settings + 1) * sizeof *all);
	if (!all) {
		hm_load_error(load, "out of memory");
		return;
	}
	s->plugin_settings = all;
	o = &all[s->n_plugin_settings];
	*o = (struct hm_plugin_setting){ .line = load->line, .value = strdup(load->value) };
	snprintf(o->section, sizeof o->section, "%s", load->name);
	snprintf(o->key, sizeof o->key, "%s", load->key);
	if (o->value)
		s->n_plugin_settings++;
	else
		hm_load_error(load, "out of memory");
}

static void set(struct hm_load *load)
{
	const struct hm_setting *setting = hm_setting_find(load->kind, load->key);
	unsigned *seen;

	if (strcmp(load->kind, "plugin") == 0) {
		set_plugin_option(load);
		return;
	}
	if (!setting) {
		hm_load_error(load, "unknown key in [%s]", load->kind);
		return;
	}
	seen = &load->seen[setting - hm_setting_table];
	if (*seen) {
		hm_load_error(load, "stands at line %u already", *seen);
		return;
	}
	*seen = load->line;
	if (!*load->value && !(setting->fallback && !*setting->fallback))
		hm_load_error(load, "a value is needed");
	else
		setting->read(load, setting, load->value, base_of(load));
}

/* inih's handler: once per piece. */
static int handle(void *arg, const char *section, const char *key, const char *value)
{
	struct hm_load *load = arg;

	(void)section;
	strcat(load->value, value); /* together no longer than the line, which is as large */
	if (load->text_at < load->text_len)
		return 1;
	load->key = key;
	set(load);
	load->key = NULL;
	return 1;
}

void hm_settings_read(struct hm_load *load)
{
	load->skip = true;
	if (ini_parse_stream(read_piece, load, handle, load) != 0)
		hm_load_error_at(load, load->line, "line", "not understood");
	close_section(load);
	if (ferror(load->in))
		hm_load_error_at(load, load->line, "file", "cannot be read");
	/* A secret may have passed through all of these. */
	sodium_memzero(load->text, sizeof load->text);
	sodium_memzero(load->value, sizeof load->value);
	sodium_stackzero(2048);
}
