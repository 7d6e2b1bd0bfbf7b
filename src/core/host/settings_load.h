/* What the parts of settings*.c share while one file is read; nobody else needs it.
 *
 * settings_read.c turns the file into KEY = VALUE pairs, settings_table.c says which keys exist and
 * what reads each, settings_value.c reads values, settings_secret.c reads secrets, settings_keys.c
 * holds very many of them, settings_check.c looks at the whole. */
#ifndef HM_HOST_SETTINGS_LOAD_H
#define HM_HOST_SETTINGS_LOAD_H

#include "host/settings.h"

#include <stddef.h>

/* The longest line; sections and keys are cut by inih at 49 octets, so longer ones are refused. */
#define HM_LINE_MAX 4096
#define HM_SETTING_NAME_MAX 49
#define HM_SETTINGS_MAX 64

struct hm_load;

/* A key of the file. */
struct hm_setting {
	const char *section, *key;
	/* Writes the value at offset of `base`; on false it has called hm_load_error(). */
	bool (*read)(struct hm_load *load, const struct hm_setting *setting, const char *text,
	             void *base);
	size_t offset;
	size_t plen_offset;       /* where ADDRESS/PLEN leaves its prefix length */
	const char *fallback;     /* the default, as it would be written; NULL: none */
	int64_t min, max;         /* of numbers and durations (milliseconds), of items in a list */
	const char *const *names; /* of a choice, ended by NULL */
	unsigned needed_by;       /* 1 << enum hm_role_id of the roles that need it */
};

extern const struct hm_setting hm_setting_table[];
extern const size_t hm_setting_count;

#define HM_SECTION_MAX (2 * HM_SETTING_NAME_MAX + 2)
struct hm_section {
	char name[HM_SECTION_MAX];
	unsigned line;
};

struct hm_load {
	struct hm_settings *out;
	const char *file;
	FILE *in, *errors;
	unsigned n_errors;

	/* Where we are, for messages. */
	unsigned line;
	const char *key;
	const char *option; /* the command line option that is read instead; NULL: the file */

	/* The current line, handed to inih in pieces, and the value put together again. */
	char text[HM_LINE_MAX];
	size_t text_len, text_at;
	char value[HM_LINE_MAX];

	/* The current section. */
	char kind[HM_SETTING_NAME_MAX + 1]; /* ms, key, plugin; "" before the first */
	char name[HM_SETTING_NAME_MAX + 1]; /* of [key NAME], [plugin NAME] */
	bool started;                       /* a section line has been seen */
	bool skip;                          /* it is unknown, and was reported */
	unsigned secret_line; /* where a secret stands in the file itself; 0: nowhere */

	unsigned seen[HM_SETTINGS_MAX]; /* by row of the table: the line that set it */
	void *sections;                 /* a tree of struct hm_section, tsearch(3) */
};

/* One line `FILE:LINE: KEY: REASON`; returns false. */
bool hm_load_error(struct hm_load *load, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
bool hm_load_error_at(struct hm_load *load, unsigned line, const char *key, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The row of a key, or NULL. */
const struct hm_setting *hm_setting_find(const char *section, const char *key);
/* The line that set a key, 0 when none did. */
unsigned hm_load_line(const struct hm_load *load, const char *section, const char *key);
/* The line of a section, 0 when there is none. */
unsigned hm_load_section_line(const struct hm_load *load, const char *name);

/* settings_keys.c */
const struct hm_section *hm_load_section(const struct hm_load *load, const char *name);
/* Of the current line; false: out of memory. */
bool hm_load_add_section(struct hm_load *load, const char *name);
void hm_load_free_sections(struct hm_load *load);
/* Two keys that nothing tells apart. */
void hm_load_check_keys(struct hm_load *load);
/* HM_SECRET_MAX octets of locked memory of the settings'; NULL: out of it. */
uint8_t *hm_load_secret_room(struct hm_load *load);
void hm_settings_protect_secrets(struct hm_settings *settings);
void hm_settings_free_secrets(struct hm_settings *settings);

/* The whole file. */
void hm_settings_read(struct hm_load *load);
/* What one value cannot tell. */
void hm_settings_check(struct hm_load *load);
void hm_settings_check_key(struct hm_load *load, const struct hm_key_setting *key);

/* Readers of values, as in struct hm_setting. */
typedef bool hm_setting_read(struct hm_load *load, const struct hm_setting *setting,
                             const char *text, void *base);
hm_setting_read hm_read_roles;
hm_setting_read hm_read_path;
hm_setting_read hm_read_socket;
hm_setting_read hm_read_plugin_name;
hm_setting_read hm_read_yes_no;
hm_setting_read hm_read_choice;
hm_setting_read hm_read_log_level;
hm_setting_read hm_read_u8;
hm_setting_read hm_read_u32;
hm_setting_read hm_read_seconds;
hm_setting_read hm_read_ms;
hm_setting_read hm_read_interface;
hm_setting_read hm_read_interfaces;
hm_setting_read hm_read_address;
hm_setting_read hm_read_address_plen;
hm_setting_read hm_read_addresses;
hm_setting_read hm_read_prefixes;
hm_setting_read hm_read_home_agent;
hm_setting_read hm_read_domain_prefixes;
hm_setting_read hm_read_mobility;
hm_setting_read hm_read_use;
hm_setting_read hm_read_key_home;
hm_setting_read hm_read_key_peer;
hm_setting_read hm_read_date;
hm_setting_read hm_read_secret;
hm_setting_read hm_read_secret_file;

/* The next item of a comma-separated list, trimmed, in item; false at the end of the list. Moves
 * *at. */
bool hm_list_next(const char **at, char *item, size_t len);

/* False, and reported, when group or others may read or write the file behind fd. */
bool hm_load_private(struct hm_load *load, int fd, const char *path);

#endif
