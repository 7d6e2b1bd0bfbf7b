#include "host/settings_load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define AT(base, offset) ((void *)((char *)(base) + (offset)))

static bool address(struct hm_load *load, const char *text, struct hm_addr *ret_addr)
{
	struct hm_addr a;

	if (inet_pton(AF_INET6, text, a.b) != 1)
		return hm_load_error(load, "\"%s\" is no IPv6 address", text);
	if (!hm_addr_is_global(&a))
		return hm_load_error(load, "%s is not a global unicast address", text);
	*ret_addr = a;
	return true;
}

/* ADDRESS/PLEN, its length in the range of a setting. */
static bool address_plen(struct hm_load *load, const char *text, const struct hm_setting *range,
                         struct hm_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	char head[64], *end;
	struct hm_prefix p;
	unsigned long plen;

	if (!slash)
		return hm_load_error(load, "\"%s\" needs a prefix length: ADDRESS/PLEN", text);
	snprintf(head, sizeof head, "%.*s", (int)(slash - text), text);
	if (!address(load, head, &p.addr))
		return false;
	plen = strtoul(slash + 1, &end, 10);
	if (!isdigit((unsigned char)slash[1]) || *end || plen > 128)
		return hm_load_error(load, "\"%s\" is no prefix length", slash + 1);
	if (plen < (unsigned long)range->min || plen > (unsigned long)range->max)
		return hm_load_error(load, "prefix length %lu is not in %d..%d", plen,
		                     (int)range->min, (int)range->max);
	p.plen = (uint8_t)plen;
	*ret_prefix = p;
	return true;
}

bool hm_read_address_plen(struct hm_load *load, const struct hm_setting *setting, const char *text,
                          void *base)
{
	struct hm_prefix p;

	if (!address_plen(load, text, setting, &p))
		return false;
	*(struct hm_addr *)AT(base, setting->offset) = p.addr;
	*(uint8_t *)AT(base, setting->plen_offset) = p.plen;
	return true;
}

bool hm_read_addresses(struct hm_load *load, const struct hm_setting *setting, const char *text,
                       void *base)
{
	struct hm_addr_list *list = AT(base, setting->offset);
	char item[64];

	list->n = 0;
	if (!*text)
		return true;
	while (hm_list_next(&text, item, sizeof item)) {
		if (list->n >= setting->max)
			return hm_load_error(load, "more than %d addresses", (int)setting->max);
		if (!address(load, item, &list->a[list->n]))
			return false;
		for (unsigned i = 0; i < list->n; i++)
			if (hm_addr_eq(&list->a[i], &list->a[list->n]))
				return hm_load_error(load, "%s is named twice", item);
		list->n++;
	}
	return true;
}

bool hm_read_prefixes(struct hm_load *load, const struct hm_setting *setting, const char *text,
                      void *base)
{
	static const struct hm_setting range = { .min = 1, .max = 128 };
	struct hm_prefix_list *list = AT(base, setting->offset);
	char item[64];

	list->n = 0;
	while (hm_list_next(&text, item, sizeof item)) {
		if (list->n >= setting->max)
			return hm_load_error(load, "more than %d prefixes", (int)setting->max);
		if (!address_plen(load, item, &range, &list->p[list->n]))
			return false;
		list->n++;
	}
	return true;
}

bool hm_read_domain_prefixes(struct hm_load *load, const struct hm_setting *setting,
                             const char *text, void *base)
{
	load->out->config.mh.has_domain_prefixes = true;
	return hm_read_prefixes(load, setting, text, base);
}

bool hm_read_home_agent(struct hm_load *load, const struct hm_setting *setting, const char *text,
                        void *base)
{
	struct hm_mh_config *mh = &load->out->config.mh;

	(void)setting;
	(void)base;
	mh->discover_home_agent = strcmp(text, "auto") == 0;
	return mh->discover_home_agent || address(load, text, &mh->home_agent);
}

/* dynamic, none, or mobility servers as ADDRESS/PLEN. */
bool hm_read_mobility(struct hm_load *load, const struct hm_setting *setting, const char *text,
                      void *base)
{
	static const struct hm_setting range = { .min = 1, .max = 126 }; /* PROTOCOL 2.3 */
	struct hm_ra_config *ra = &load->out->config.ra;
	struct hm_prefix p;
	char item[64];

	(void)setting;
	(void)base;
	ra->n_servers = 0;
	ra->mobility = strcmp(text, "dynamic") == 0 ? HM_RA_DYNAMIC
	               : strcmp(text, "none") == 0  ? HM_RA_NONE
	                                            : HM_RA_STATIC;
	if (ra->mobility != HM_RA_STATIC)
		return true;
	while (hm_list_next(&text, item, sizeof item)) {
		if (ra->n_servers >= HM_RA_SERVERS_MAX)
			return hm_load_error(load, "more than %d mobility servers",
			                     HM_RA_SERVERS_MAX);
		if (!address_plen(load, item, &range, &p))
			return false;
		ra->servers[ra->n_servers++] = (struct hm_msinfo){ .plen = p.plen, .ms = p.addr };
	}
	return true;
}

bool hm_read_key_home(struct hm_load *load, const struct hm_setting *setting, const char *text,
                      void *base)
{
	struct hm_key_setting *key = base;

	(void)setting;
	key->has_home = address(load, text, &key->home);
	return key->has_home;
}

/* The other end of a key: an address, or a prefix. */
bool hm_read_key_peer(struct hm_load *load, const struct hm_setting *setting, const char *text,
                      void *base)
{
	static const struct hm_setting range = { .min = 1, .max = 128 };
	struct hm_key_setting *key = base;

	(void)setting;
	key->peer.plen = 128;
	key->has_peer = strchr(text, '/') ? address_plen(load, text, &range, &key->peer)
	                                  : address(load, text, &key->peer.addr);
	return key->has_peer;
}
