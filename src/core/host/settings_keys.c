/* What [key NAME] sections need when there is one for each of a hundred thousand mobile hosts. */
#include "host/settings_load.h"

#include <search.h>
#include <sodium.h>
#include <stdlib.h>

/* Each allocation of locked memory costs several mappings, of which a process has some 65 000. */
#define SLAB_SECRETS 1024

uint8_t *hm_load_secret_room(struct hm_load *load)
{
	struct hm_settings *s = load->out;
	size_t slab = s->n_secrets / SLAB_SECRETS, at = s->n_secrets % SLAB_SECRETS;

	if (at == 0) {
		uint8_t **more = realloc(s->secrets, (slab + 1) * sizeof *more);

		if (!more)
			return NULL;
		s->secrets = more;
		more[slab] = sodium_malloc(SLAB_SECRETS * HM_SECRET_MAX);
		if (!more[slab])
			return NULL;
	}
	s->n_secrets++;
	return s->secrets[slab] + at * HM_SECRET_MAX;
}

static size_t slabs(const struct hm_settings *s)
{
	return (s->n_secrets + SLAB_SECRETS - 1) / SLAB_SECRETS;
}

void hm_settings_protect_secrets(struct hm_settings *settings)
{
	for (size_t i = 0; i < slabs(settings); i++)
		sodium_mprotect_readonly(settings->secrets[i]);
}

void hm_settings_free_secrets(struct hm_settings *settings)
{
	for (size_t i = 0; i < slabs(settings); i++)
		sodium_free(settings->secrets[i]);
	free(settings->secrets);
}

static int by_name(const void *a, const void *b)
{
	const struct hm_section *x = a, *y = b;

	return strcmp(x->name, y->name);
}

const struct hm_section *hm_load_section(const struct hm_load *load, const char *name)
{
	struct hm_section wanted = { .line = 0 };
	struct hm_section *const *found;

	if (strlen(name) >= sizeof wanted.name)
		return NULL;
	strcpy(wanted.name, name);
	found = tfind(&wanted, &load->sections, by_name);
	return found ? *found : NULL;
}

bool hm_load_add_section(struct hm_load *load, const char *name)
{
	struct hm_section *section = calloc(1, sizeof *section);

	if (!section)
		return false;
	snprintf(section->name, sizeof section->name, "%s", name);
	section->line = load->line;
	if (tsearch(section, &load->sections, by_name))
		return true;
	free(section);
	return false;
}

void hm_load_free_sections(struct hm_load *load)
{
	tdestroy(load->sections, free);
	load->sections = NULL;
}

static int by_identity(const void *a, const void *b)
{
	const struct hm_key_setting *x = a, *y = b;
	int order = (x->use > y->use) - (x->use < y->use);

	order = order ? order : (x->spi > y->spi) - (x->spi < y->spi);
	order = order ? order : x->has_home - y->has_home;
	order = order ? order : x->has_peer - y->has_peer;
	order = order ? order : memcmp(&x->home, &y->home, sizeof x->home);
	order = order ? order : memcmp(&x->peer.addr, &y->peer.addr, sizeof x->peer.addr);
	return order ? order : x->peer.plen - y->peer.plen;
}

static void keep(void *node)
{
	(void)node;
}

void hm_load_check_keys(struct hm_load *load)
{
	const struct hm_settings *s = load->out;
	void *seen = NULL;

	for (size_t i = 0; i < s->n_keys; i++) {
		const struct hm_key_setting *key = &s->keys[i];
		const struct hm_key_setting *const *first;

		if (key->spi == 0)
			continue;
		first = tsearch(key, &seen, by_identity);
		if (!first)
			hm_load_error_at(load, key->line, key->name, "out of memory");
		else if (*first != key)
			hm_load_error_at(load, key->line, key->name,
			                 "same use, spi, home-address and peer as [key %s]",
			                 (*first)->name);
	}
	tdestroy(seen, keep);
}
