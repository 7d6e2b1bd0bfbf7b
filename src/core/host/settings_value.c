#include "host/settings_load.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define AT(base, offset) ((void *)((char *)(base) + (offset)))

bool hm_list_next(const char **at, char *item, size_t len)
{
	const char *p = *at;
	size_t n;

	if (!p)
		return false;
	p += strspn(p, " \t");
	n = strcspn(p, ",");
	*at = p[n] ? p + n + 1 : NULL;
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	snprintf(item, len, "%.*s", (int)n, p);
	return true;
}

static bool copy_text(struct hm_load *load, const char *text, char *to, size_t len)
{
	if (strlen(text) >= len)
		return hm_load_error(load, "\"%s\" is longer than %zu characters", text, len - 1);
	memcpy(to, text, strlen(text) + 1);
	return true;
}

bool hm_read_path(struct hm_load *load, const struct hm_setting *setting, const char *text,
                  void *base)
{
	return copy_text(load, text, AT(base, setting->offset), HM_PATH_MAX);
}

bool hm_read_socket(struct hm_load *load, const struct hm_setting *setting, const char *text,
                    void *base)
{
	struct sockaddr_un sun;

	return copy_text(load, text, sun.sun_path, sizeof sun.sun_path) &&
	       copy_text(load, text, AT(base, setting->offset), HM_PATH_MAX);
}

/* NAME of a file KIND-NAME.so: nothing that could leave the directory. */
bool hm_read_plugin_name(struct hm_load *load, const struct hm_setting *setting, const char *text,
                         void *base)
{
	static const char charset[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (strspn(text, charset) != strlen(text))
		return hm_load_error(load, "\"%s\" is no plugin name (a-z, 0-9, -)", text);
	return copy_text(load, text, AT(base, setting->offset),
	                 sizeof((struct hm_settings *)NULL)->tunnel);
}

/* The index of text in names; -1, and reported with what there is. */
static int choose(struct hm_load *load, const char *const *names, const char *text)
{
	char all[200] = "";
	size_t n = 0;

	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0)
			return i;
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", names[i]);
		if (n >= sizeof all)
			break;
	}
	hm_load_error(load, "\"%s\" is none of %s", text, all);
	return -1;
}

/* A bool: no and yes, or the two names of the setting. */
bool hm_read_yes_no(struct hm_load *load, const struct hm_setting *setting, const char *text,
                    void *base)
{
	static const char *const names[] = { "no", "yes", NULL };
	int i = choose(load, setting->names ? setting->names : names, text);

	if (i >= 0)
		*(bool *)AT(base, setting->offset) = i == 1;
	return i >= 0;
}

bool hm_read_choice(struct hm_load *load, const struct hm_setting *setting, const char *text,
                    void *base)
{
	int i = choose(load, setting->names, text);

	/* Every enum of the configuration has the size of an int. */
	if (i >= 0)
		memcpy(AT(base, setting->offset), &i, sizeof i);
	return i >= 0;
}

bool hm_read_log_level(struct hm_load *load, const struct hm_setting *setting, const char *text,
                       void *base)
{
	int level = hm_log_level_parse(text);

	if (level < 0)
		return hm_load_error(load, "\"%s\" is none of error, warning, info, debug", text);
	*(enum hm_log_level *)AT(base, setting->offset) = (enum hm_log_level)level;
	return true;
}

bool hm_read_use(struct hm_load *load, const struct hm_setting *setting, const char *text,
                 void *base)
{
	for (int use = HM_USE_NONE + 1; use < HM_USES; use++)
		if (strcmp(text, hm_use_text((enum hm_use)use)) == 0) {
			*(enum hm_use *)AT(base, setting->offset) = (enum hm_use)use;
			return true;
		}
	return hm_load_error(load, "\"%s\" is none of mh-ms, mh-ha, mh-ch, ms-ms, ms-ra", text);
}

static bool one_role(struct hm_load *load, const char *text, bool *roles)
{
	for (int id = 0; id < HM_ROLES; id++) {
		if (strcmp(text, hm_role_text((enum hm_role_id)id)) != 0)
			continue;
		if (roles[id])
			return hm_load_error(load, "%s is named twice", text);
		roles[id] = true;
		return true;
	}
	return hm_load_error(load, "\"%s\" is none of ms, mh, ra, ha, ch", text);
}

bool hm_read_roles(struct hm_load *load, const struct hm_setting *setting, const char *text,
                   void *base)
{
	struct hm_settings *s = base;
	bool roles[HM_ROLES] = { false };
	char item[64];

	(void)setting;
	while (hm_list_next(&text, item, sizeof item))
		if (!one_role(load, item, roles))
			return false;
	memcpy(s->config.common.roles, roles, sizeof roles);
	return true;
}

static bool number(struct hm_load *load, const struct hm_setting *setting, const char *text,
                   int64_t *ret_value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, base);
	if (!isdigit((unsigned char)text[0]) || *end || errno)
		return hm_load_error(load, "\"%s\" is no number", text);
	if (v < setting->min || v > setting->max)
		return hm_load_error(load, "%s is not in %lld..%lld", text, (long long)setting->min,
		                     (long long)setting->max);
	*ret_value = v;
	return true;
}

bool hm_read_u8(struct hm_load *load, const struct hm_setting *setting, const char *text,
                void *base)
{
	int64_t v;

	if (!number(load, setting, text, &v))
		return false;
	*(uint8_t *)AT(base, setting->offset) = (uint8_t)v;
	return true;
}

bool hm_read_u32(struct hm_load *load, const struct hm_setting *setting, const char *text,
                 void *base)
{
	int64_t v;

	if (!number(load, setting, text, &v))
		return false;
	*(uint32_t *)AT(base, setting->offset) = (uint32_t)v;
	return true;
}

/* A number with s, ms, min or h behind it; a bare one is seconds. */
static bool duration(struct hm_load *load, const struct hm_setting *setting, const char *text,
                     int64_t *ret_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 }, { "h", 3600000 }
	};
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || errno)
		return hm_load_error(load, "\"%s\" is no duration (600, 10min, 50ms)", text);
	end += strspn(end, " \t");
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (v > INT64_MAX / units[i].ms || v * units[i].ms < setting->min ||
		    v * units[i].ms > setting->max)
			return hm_load_error(load, "%s is not in %lldms..%llds", text,
			                     (long long)setting->min,
			                     (long long)setting->max / 1000);
		*ret_ms = v * units[i].ms;
		return true;
	}
	return hm_load_error(load, "\"%s\" is no unit: s, ms, min or h", end);
}

bool hm_read_ms(struct hm_load *load, const struct hm_setting *setting, const char *text,
                void *base)
{
	int64_t ms;

	if (!duration(load, setting, text, &ms))
		return false;
	*(hm_ms *)AT(base, setting->offset) = ms;
	return true;
}

bool hm_read_seconds(struct hm_load *load, const struct hm_setting *setting, const char *text,
                     void *base)
{
	int64_t ms;

	if (!duration(load, setting, text, &ms))
		return false;
	if (ms % 1000)
		return hm_load_error(load, "%s is not a whole number of seconds", text);
	*(uint32_t *)AT(base, setting->offset) = (uint32_t)(ms / 1000);
	return true;
}

/* What the kernel takes for a name, dev_valid_name(). */
static bool is_interface(const char *name)
{
	return *name && strlen(name) < HM_IFNAME_MAX && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !strpbrk(name, "/: \t");
}

bool hm_read_interface(struct hm_load *load, const struct hm_setting *setting, const char *text,
                       void *base)
{
	if (*text && !is_interface(text))
		return hm_load_error(load, "\"%s\" is no name of an interface", text);
	return copy_text(load, text, AT(base, setting->offset), HM_IFNAME_MAX);
}

bool hm_read_interfaces(struct hm_load *load, const struct hm_setting *setting, const char *text,
                        void *base)
{
	struct hm_name_list list = { 0 };
	char item[64];

	while (*text && hm_list_next(&text, item, sizeof item)) {
		if (!is_interface(item))
			return hm_load_error(load, "\"%s\" is no name of an interface", item);
		for (unsigned i = 0; i < list.n; i++)
			if (strcmp(list.name[i], item) == 0)
				return hm_load_error(load, "%s is named twice", item);
		if (list.n >= HM_INTERFACES_MAX)
			return hm_load_error(load, "more than %d interfaces", HM_INTERFACES_MAX);
		memcpy(list.name[list.n++], item, strlen(item) + 1);
		if (!text)
			break;
	}
	memcpy(AT(base, setting->offset), &list, sizeof list);
	return true;
}
