#include "host/settings_load.h"

#include <string.h>

/* Where to point when a key is missing: its section, else the role that wants it. */
static unsigned blame(const struct hm_load *load, const char *section)
{
	unsigned line = hm_load_section_line(load, section);

	if (!line)
		line = hm_load_line(load, "hmipd", "role");
	return line ? line : 1;
}

static void check_needed(struct hm_load *load)
{
	for (size_t i = 0; i < hm_setting_count; i++) {
		const struct hm_setting *s = &hm_setting_table[i];

		for (unsigned id = 0; id < HM_ROLES; id++)
			if (s->needed_by & 1u << id && load->out->config.common.roles[id] &&
			    !load->seen[i])
				hm_load_error_at(load, blame(load, s->section), s->key,
				                 "needed in [%s] by role %s", s->section,
				                 hm_role_text((enum hm_role_id)id));
	}
}

static void check_roles(struct hm_load *load)
{
	for (unsigned id = 0; id < HM_ROLES; id++)
		if (load->out->config.common.roles[id])
			return;
	if (!hm_load_line(load, "hmipd", "role"))
		hm_load_error_at(load, blame(load, "hmipd"), "role",
		                 "needed here or as --role: ms, mh, ra, ha or ch");
}

static void check_ra(struct hm_load *load)
{
	const struct hm_ra_config *ra = &load->out->config.ra;

	if (ra->min_interval_ms > ra->max_interval_ms) {
		unsigned line = hm_load_line(load, "ra", "min-interval");

		hm_load_error_at(load, line ? line : hm_load_line(load, "ra", "max-interval"),
		                 "min-interval", "longer than max-interval");
	}
	if (ra->interfaces.n > 1 && ra->prefixes.n > 0 && ra->prefixes.n != ra->interfaces.n)
		hm_load_error_at(load, hm_load_line(load, "ra", "prefix"), "prefix",
		                 "%u prefixes for %u interfaces: one each is needed",
		                 ra->prefixes.n, ra->interfaces.n);
}

static bool has_address(const struct hm_addr_list *list, const struct hm_addr *a)
{
	for (unsigned i = 0; i < list->n; i++)
		if (hm_addr_eq(&list->a[i], a))
			return true;
	return false;
}

static void check_self(struct hm_load *load)
{
	const struct hm_config *c = &load->out->config;

	if (has_address(&c->ms.peers, &c->ms.address))
		hm_load_error_at(load, hm_load_line(load, "ms", "peers"), "peers",
		                 "the server itself is no peer");
	if (hm_load_line(load, "mh", "home-agent") && !c->mh.discover_home_agent &&
	    hm_addr_eq(&c->mh.home, &c->mh.home_agent))
		hm_load_error_at(load, hm_load_line(load, "mh", "home-agent"), "home-agent",
		                 "the home address itself is no home agent");
}

/* Numbers of one space must differ, from each other and from those PROTOCOL 1 fixes. */
static void check_wire(struct hm_load *load)
{
	const struct hm_wire_numbers *w = &load->out->config.wire;
	/* Pad1, PadN, Tunnel Encapsulation Limit, Router Alert, Binding Acknowledgement, Binding
	 * Request, Binding Update, Home Address. */
	static const uint8_t taken[] = { 0, 1, 4, 5, 7, 8, 0xc6, 0xc9 };
	const struct {
		const char *key;
		uint8_t n;
	} own[] = {
		{ "mobility-information", w->mobility_information },
		{ "registration-request", w->registration_request },
		{ "registration-update", w->registration_update },
		{ "registration-refresh", w->registration_refresh },
		{ "handoff-request", w->handoff_request },
	};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		unsigned line = hm_load_line(load, "wire", own[i].key);

		if (memchr(taken, own[i].n, sizeof taken))
			hm_load_error_at(load, line, own[i].key, "%u has a meaning already",
			                 own[i].n);
		for (size_t j = 0; j < i; j++)
			if (own[i].n == own[j].n)
				hm_load_error_at(
				        load, line ? line : hm_load_line(load, "wire", own[j].key),
				        own[i].key, "%u is also %s", own[i].n, own[j].key);
	}
	/* RFC 4861's options, and those RFC 6275 7 adds. */
	if (w->nd_mobility_information <= 8)
		hm_load_error_at(load, hm_load_line(load, "wire", "nd-mobility-information"),
		                 "nd-mobility-information", "%u has a meaning already",
		                 w->nd_mobility_information);
}

void hm_settings_check_key(struct hm_load *load, const struct hm_key_setting *key)
{
	bool mobile =
	        key->use == HM_USE_MH_MS || key->use == HM_USE_MH_HA || key->use == HM_USE_MH_CH;
	unsigned spi = hm_load_line(load, "key", "spi"), use = hm_load_line(load, "key", "use");
	unsigned secret = hm_load_line(load, "key", "secret");
	unsigned secret_file = hm_load_line(load, "key", "secret-file");
	unsigned home = hm_load_line(load, "key", "home-address");
	unsigned after = hm_load_line(load, "key", "not-after");

	if (!spi)
		hm_load_error_at(load, key->line, "spi", "needed in [key %s]", key->name);
	if (!use)
		hm_load_error_at(load, key->line, "use", "needed in [key %s]", key->name);
	if (!secret && !secret_file)
		hm_load_error_at(load, key->line, "secret",
		                 "secret or secret-file is needed in [key %s]", key->name);
	if (home && key->use != HM_USE_NONE && !mobile)
		hm_load_error_at(load, home, "home-address", "only for mh-ms, mh-ha and mh-ch");
	if (key->use != HM_USE_NONE && !mobile && !hm_load_line(load, "key", "peer"))
		hm_load_error_at(load, key->line, "peer", "needed for %s in [key %s]",
		                 hm_use_text(key->use), key->name);
	if (key->not_before_s && key->not_after_s && key->not_after_s < key->not_before_s)
		hm_load_error_at(load, after, "not-after", "earlier than not-before");
}

void hm_settings_check(struct hm_load *load)
{
	check_roles(load);
	check_needed(load);
	check_ra(load);
	check_self(load);
	check_wire(load);
	hm_load_check_keys(load);
}
