#include "host/settings.h"
#include "host/settings_load.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static bool
report(struct hm_load *load, unsigned line, const char *key, const char *format, va_list args)
{
	load->n_errors++;
	if (load->option)
		fprintf(load->errors, "%s: ", load->option);
	else if (line)
		fprintf(load->errors, "%s:%u: ", load->file, line);
	else
		fprintf(load->errors, "%s: ", load->file);
	if (!load->option && key)
		fprintf(load->errors, "%s: ", key);
	vfprintf(load->errors, format, args);
	fputc('\n', load->errors);
	return false;
}

bool hm_load_error(struct hm_load *load, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(load, load->line, load->key, format, args);
	va_end(args);
	return false;
}

bool hm_load_error_at(struct hm_load *load, unsigned line, const char *key, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(load, line, key, format, args);
	va_end(args);
	return false;
}

unsigned hm_load_section_line(const struct hm_load *load, const char *name)
{
	const struct hm_section *section = hm_load_section(load, name);

	return section ? section->line : 0;
}

static void set_defaults(struct hm_load *load)
{
	for (size_t i = 0; i < hm_setting_count; i++) {
		const struct hm_setting *s = &hm_setting_table[i];

		load->key = s->key;
		if (s->fallback)
			s->read(load, s, s->fallback, load->out);
	}
	load->key = NULL;
}

/* The command line speaks last. */
static void override_one(struct hm_load *load, const char *option, const char *key,
                         const char *text)
{
	const struct hm_setting *s = hm_setting_find("hmipd", key);

	if (!text || !*text)
		return;
	load->option = option;
	s->read(load, s, text, load->out);
	load->option = NULL;
}

static void apply_overrides(struct hm_load *load, const struct hm_settings_override *o)
{
	override_one(load, "--role", "role", o->roles);
	override_one(load, "--state-dir", "state-dir", o->state_dir);
	override_one(load, "--control-socket", "control-socket", o->control_socket);
	override_one(load, "--plugin-dir", "plugin-dir", o->plugin_dir);
	override_one(load, "--log-level", "log-level", o->log_level);
}

static void derive(struct hm_config *c, const char *auth)
{
	c->common.auth_none = strcmp(auth, "none") == 0;
	c->ra.home_agent = c->common.roles[HM_ROLE_HA];
	c->ch.home_agent_here = c->common.roles[HM_ROLE_HA];
}

static void load_open_file(struct hm_load *load, const struct hm_settings_override *override)
{
	char buf[4096];

	/* stdio's copy of a secret is ours to wipe when the buffer is. */
	setvbuf(load->in, buf, _IOFBF, sizeof buf);
	hm_settings_read(load);
	load->line = load->secret_line;
	load->key = "secret";
	if (load->secret_line)
		hm_load_private(load, fileno(load->in), "the file");
	fclose(load->in);
	sodium_memzero(buf, sizeof buf);
	apply_overrides(load, override);
	derive(&load->out->config, load->out->auth);
	hm_settings_check(load);
}

static int load_file(struct hm_load *load, const struct hm_settings_override *override)
{
	if (strlen(load->file) >= sizeof load->out->file) {
		hm_load_error(load, "the path is too long");
		return HM_ECONFIG;
	}
	strcpy(load->out->file, load->file);
	load->in = fopen(load->file, "re");
	if (!load->in) {
		hm_load_error(load, "cannot be read: %s", strerror(errno));
		return HM_ECONFIG;
	}
	set_defaults(load);
	load_open_file(load, override);
	hm_load_free_sections(load);
	hm_settings_protect_secrets(load->out);
	return load->n_errors ? HM_ECONFIG : HM_OK;
}

int hm_settings_check_override(const struct hm_settings_override *override, FILE *errors)
{
	struct hm_load *load = calloc(1, sizeof *load);
	struct hm_settings *scratch = calloc(1, sizeof *scratch);
	int err = HM_ENOMEM;

	if (load && scratch) {
		load->out = scratch;
		load->errors = errors;
		apply_overrides(load, override);
		err = load->n_errors ? HM_ECONFIG : HM_OK;
	}
	free(scratch);
	free(load);
	return err;
}

int hm_settings_load(const char *file, const struct hm_settings_override *override, FILE *errors,
                     struct hm_settings **ret_settings)
{
	static const struct hm_settings_override none;
	struct hm_load *load = calloc(1, sizeof *load);
	int err = HM_ENOMEM;

	if (sodium_init() < 0 || !load)
		goto out;
	load->file = file;
	load->errors = errors;
	load->out = calloc(1, sizeof *load->out);
	if (!load->out)
		goto out;
	err = load_file(load, override ? override : &none);
	if (err)
		hm_settings_destroy(load->out);
	else
		*ret_settings = load->out;
out:
	free(load);
	return err;
}

void hm_settings_destroy(struct hm_settings *settings)
{
	if (!settings)
		return;
	hm_settings_free_secrets(settings);
	for (size_t i = 0; i < settings->n_plugin_settings; i++)
		free(settings->plugin_settings[i].value);
	free(settings->keys);
	free(settings->plugin_settings);
	free(settings);
}
