#include "host/plugin.h"

#include "base/err.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Up to and including a member: what a struct must cover before the member may be read. */
#define COVERS(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

static const char *kind_text(uint32_t kind)
{
	return kind == HM_PLUGIN_TUNNEL ? "tunnel" : "auth";
}

static bool is_trusted_owner(uid_t owner)
{
	struct stat self;

	if (owner == 0 || owner == geteuid())
		return true;
	/* Who owns the program we run could have put anything into it. */
	return stat("/proc/self/exe", &self) == 0 && owner == self.st_uid;
}

static const char *why_not_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "may be written by group or others";
	if (!is_trusted_owner(st.st_uid))
		return "belongs neither to root nor to the user hmipd runs as";
	return NULL;
}

static const char *why_not_tunnel(const struct hm_tunnel_ops *ops)
{
	if (!ops)
		return "has no table of tunnel functions";
	if (ops->size < COVERS(struct hm_tunnel_ops, del))
		return "has a short table of tunnel functions";
	return ops->put && ops->del ? NULL : "lacks a tunnel function: put and del are needed";
}

static const char *why_not_auth(const struct hm_auth_ops *ops)
{
	if (!ops)
		return "has no table of auth functions";
	if (ops->size < COVERS(struct hm_auth_ops, verify))
		return "has a short table of auth functions";
	return ops->key_put && ops->pick && ops->sign && ops->verify
	               ? NULL
	               : "lacks an auth function: key_put, pick, sign and verify are needed";
}

/* The members that never move, in the order that makes each check safe. */
static const char *why_not_head(const struct hm_plugin *p, enum hm_plugin_kind want)
{
	if (!p)
		return "exports no hm_plugin";
	if (p->magic != HM_PLUGIN_MAGIC)
		return "is not a hmipd plugin";
	if (p->abi != HM_PLUGIN_ABI)
		return "was built for another plugin ABI";
	if (p->size < COVERS(struct hm_plugin, auth))
		return "has a short descriptor";
	return p->kind == (uint32_t)want ? NULL : "is of another kind";
}

/* The rest of a descriptor whose head is right. */
static const char *why_not_body(const struct hm_plugin *p, const char *name)
{
	if (!p->name || !p->version || !p->summary)
		return "lacks its name, version or summary";
	if (strcmp(p->name, name) != 0)
		return "names itself otherwise than its file";
	if (!p->open || !p->close)
		return "lacks open or close";
	return p->kind == HM_PLUGIN_TUNNEL ? why_not_tunnel(p->tunnel) : why_not_auth(p->auth);
}

static const char *why_not(const struct hm_plugin *p, enum hm_plugin_kind kind, const char *name)
{
	const char *reason = why_not_head(p, kind);

	return reason ? reason : why_not_body(p, name);
}

/* A plugin is found in its directory and nowhere else. */
static bool is_plain_name(const char *name)
{
	return name[0] != '\0' && !strchr(name, '/');
}

/* dlerror() leads with the path where it has one; we always lead with it. */
static const char *dl_reason(const char *path)
{
	const char *text = dlerror();
	size_t len = strlen(path);

	if (!text)
		return "cannot be loaded";
	return strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0 ? text + len + 2
	                                                                          : text;
}

int hm_plugin_load(const char *dir, enum hm_plugin_kind kind, const char *name,
                   struct hm_loaded *ret_loaded, char *ret_why, size_t why_len)
{
	struct hm_loaded loaded = { 0 };
	const char *reason;
	int len = snprintf(loaded.path, sizeof loaded.path, "%s/%s-%s.so", dir, kind_text(kind),
	                   name);

	if (!is_plain_name(name) || len < 0 || (size_t)len >= sizeof loaded.path) {
		snprintf(ret_why, why_len, "%s-%s: is no name of a plugin", kind_text(kind), name);
		return HM_EMISSING;
	}
	reason = why_not_file(loaded.path);
	if (reason)
		goto refuse;
	loaded.dl = dlopen(loaded.path, RTLD_NOW | RTLD_LOCAL);
	if (!loaded.dl) {
		reason = dl_reason(loaded.path);
		goto refuse;
	}
	loaded.plugin = dlsym(loaded.dl, "hm_plugin");
	reason = why_not(loaded.plugin, kind, name);
	if (reason)
		goto refuse;
	*ret_loaded = loaded;
	return HM_OK;

refuse:
	snprintf(ret_why, why_len, "%s: %s", loaded.path, reason);
	if (loaded.dl)
		dlclose(loaded.dl);
	return HM_EMISSING;
}

struct lacking {
	char *why;
	size_t len, used;
};

static void take_report(void *arg, const char *what, const char *fix)
{
	struct lacking *l = arg;
	int len;

	if (!fix || l->used >= l->len)
		return;
	len = snprintf(l->why + l->used, l->len - l->used, "%s%s: %s", l->used ? "; " : "", what,
	               fix);
	l->used += len > 0 ? (size_t)len : 0;
}

bool hm_plugin_lacks(const struct hm_loaded *loaded, char *ret_why, size_t why_len)
{
	struct lacking l = { .why = ret_why, .len = why_len };

	if (loaded->plugin->check)
		loaded->plugin->check(take_report, &l);
	return l.used > 0;
}

static const struct hm_plugin_option *find_option(const struct hm_plugin *p, const char *key)
{
	for (const struct hm_plugin_option *o = p->options; o && o->key; o++)
		if (strcmp(o->key, key) == 0)
			return o;
	return NULL;
}

static bool is_for(const struct hm_plugin_setting *s, const struct hm_plugin *p)
{
	const char *kind = kind_text(p->kind);
	size_t len = strlen(kind);

	return strncmp(s->section, kind, len) == 0 && s->section[len] == '-' &&
	       strcmp(s->section + len + 1, p->name) == 0;
}

/* Names every key that the plugin does not declare; the number of them. */
static unsigned name_unknown_keys(const struct hm_plugin *p, const struct hm_settings *settings,
                                  char *ret_why, size_t why_len)
{
	unsigned unknown = 0;
	size_t used = 0;

	for (size_t i = 0; i < settings->n_plugin_settings; i++) {
		const struct hm_plugin_setting *s = &settings->plugin_settings[i];
		int len;

		if (!is_for(s, p) || find_option(p, s->key))
			continue;
		len = snprintf(ret_why + used, why_len - used,
		               "%s%s:%u: %s: the plugin has no such option", unknown ? "; " : "",
		               settings->file, s->line, s->key);
		unknown++;
		if (len < 0 || (size_t)len >= why_len - used)
			break;
		used += (size_t)len;
	}
	return unknown;
}

static const char *value_of(const struct hm_plugin *p, const struct hm_plugin_option *option,
                            const struct hm_settings *settings)
{
	const char *value = option->fallback;

	for (size_t i = 0; i < settings->n_plugin_settings; i++) {
		const struct hm_plugin_setting *s = &settings->plugin_settings[i];

		if (is_for(s, p) && strcmp(s->key, option->key) == 0)
			value = s->value;
	}
	return value;
}

static size_t count_options(const struct hm_plugin *p)
{
	size_t n = 0;

	while (p->options && p->options[n].key)
		n++;
	return n;
}

/* One instance, with the values in the order of the plugin's table. */
static int call_open(const struct hm_plugin *p, struct hm_plugin_open *how,
                     const struct hm_settings *settings, void **ret_self)
{
	size_t n = count_options(p);
	const char **values = calloc(n + 1, sizeof *values);
	int err;

	if (!values)
		return HM_ENOMEM;
	for (size_t i = 0; i < n; i++)
		values[i] = value_of(p, &p->options[i], settings);
	how->options = values;
	how->n_options = n;
	err = p->open(how, ret_self);
	free(values);
	if (err < 0)
		return err;
	/* Nothing pends here, and without an instance nothing could be closed. */
	return err == HM_OK && *ret_self ? HM_OK : HM_EIO;
}

int hm_plugin_open(struct hm_loaded *loaded, const struct hm_settings *settings,
                   const struct hm_host_api *api, uint32_t mark, char *ret_why, size_t why_len)
{
	struct hm_plugin_open how = {
		.size = sizeof how,
		.api = api,
		.state_dir = settings->state_dir,
		.mark = mark,
		.flags = settings->config.wire.accept_rh0 ? HM_PLUGIN_ACCEPT_RH0 : 0,
	};
	void *self = NULL;
	int err;

	if (name_unknown_keys(loaded->plugin, settings, ret_why, why_len) > 0)
		return HM_ECONFIG;
	err = call_open(loaded->plugin, &how, settings, &self);
	if (err) {
		snprintf(ret_why, why_len, "%s: cannot be opened: %s", loaded->path,
		         hm_err_text(err));
		return err;
	}
	loaded->self = self;
	return HM_OK;
}

void hm_plugin_unload(struct hm_loaded *loaded)
{
	if (loaded->self)
		loaded->plugin->close(loaded->self);
	if (loaded->dl)
		dlclose(loaded->dl);
	memset(loaded, 0, sizeof *loaded);
}

void hm_plugin_help(const struct hm_loaded *loaded, FILE *f)
{
	const struct hm_plugin *p = loaded->plugin;

	fprintf(f, "%s-%s %s: %s\n", kind_text(p->kind), p->name, p->version, p->summary);
	if (count_options(p) == 0) {
		fprintf(f, "It has no options.\n");
		return;
	}
	fprintf(f, "Options of section [plugin %s-%s]:\n", kind_text(p->kind), p->name);
	for (const struct hm_plugin_option *o = p->options; o->key; o++) {
		fprintf(f, "  %s", o->key);
		if (o->fallback)
			fprintf(f, " = %s", o->fallback);
		fprintf(f, "\n      %s\n", o->help ? o->help : "");
	}
}
