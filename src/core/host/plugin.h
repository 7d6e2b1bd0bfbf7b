/* Plugins: found, checked in the order that makes each check safe, opened, closed. */
#ifndef HM_HOST_PLUGIN_H
#define HM_HOST_PLUGIN_H

#include "hmipd-plugin.h"
#include "host/settings.h"

#include <uv.h>

struct hm_loaded {
	const struct hm_plugin *plugin;
	void *dl;   /* dlopen's handle; NULL when statically linked */
	void *self; /* what open() made; NULL before */
	char path[HM_PATH_MAX];
};

/* Loads PLUGIN_DIR/KIND-NAME.so. HM_EMISSING with one line, path and reason, in ret_why. */
int hm_plugin_load(const char *dir, enum hm_plugin_kind kind, const char *name,
                   struct hm_loaded *ret_loaded, char *ret_why, size_t why_len);

/* Whether the plugin's own check() misses something on this machine; ret_why names all of it. */
bool hm_plugin_lacks(const struct hm_loaded *loaded, char *ret_why, size_t why_len);

/* Opens it with the options of its section (unknown keys: HM_ECONFIG, each named in ret_why). */
int hm_plugin_open(struct hm_loaded *loaded, const struct hm_settings *settings,
                   const struct hm_host_api *api, uint32_t mark, char *ret_why, size_t why_len);

/* Closes and unloads; zeroes *loaded. A zeroed one is fine. */
void hm_plugin_unload(struct hm_loaded *loaded);

/* Prints the plugin's options to f. */
void hm_plugin_help(const struct hm_loaded *loaded, FILE *f);

/* True where the struct on the other side is large enough to have the member. */
#define HM_PLUGIN_HAS(ops, member)                                                                 \
	((ops)->size >= offsetof(__typeof__(*(ops)), member) + sizeof((ops)->member) &&            \
	 (ops)->member)

#endif
