#include "host/settings_load.h"

#include <string.h>

#define AT(member) .offset = offsetof(struct hm_settings, member)
#define KEY_AT(member) .offset = offsetof(struct hm_key_setting, member)
#define PLEN_AT(member) .plen_offset = offsetof(struct hm_settings, member)
#define BY(role) .needed_by = 1u << (role)

/* More than a day makes no advertisement, more than this no table: typing errors, not sites. */
#define DAY_MS (INT64_C(86400) * 1000)
#define LIFETIME_MAX_MS (INT64_C(0xfffffffe) * 1000)
#define BINDINGS_MAX 16000000

static const char *const dad_modes[] = {
	[HM_DAD_YES] = "yes", [HM_DAD_OPTIMISTIC] = "optimistic", [HM_DAD_NO] = "no", NULL
};
static const char *const uplinks[] = { [HM_UPLINK_AUTO] = "auto",
	                               [HM_UPLINK_TUNNEL] = "tunnel",
	                               [HM_UPLINK_DIRECT] = "direct",
	                               NULL };

/* Every key there is; hmipd.conf(5) describes each. */
const struct hm_setting hm_setting_table[] = {
	{ "hmipd", "role", hm_read_roles, AT(config.common.roles) },
	{ "hmipd", "state-dir", hm_read_path, AT(state_dir), .fallback = "/var/lib/hmipd" },
	{ "hmipd", "control-socket", hm_read_socket, AT(control_socket),
	  .fallback = HM_CONTROL_SOCKET },
	{ "hmipd", "plugin-dir", hm_read_path, AT(plugin_dir), .fallback = HM_PLUGIN_DIR },
	{ "hmipd", "tunnel", hm_read_plugin_name, AT(tunnel), .fallback = "auto" },
	{ "hmipd", "auth", hm_read_plugin_name, AT(auth), .fallback = "hmac" },
	{ "hmipd", "auth-failure-reply", hm_read_yes_no, AT(config.common.auth_failure_reply),
	  .fallback = "no" },
	{ "hmipd", "log-level", hm_read_log_level, AT(log_level), .fallback = "info" },

	{ "ms", "interface", hm_read_interface, AT(config.ms.interface), .fallback = "" },
	{ "ms", "address", hm_read_address_plen, AT(config.ms.address), PLEN_AT(config.ms.plen),
	  .min = 1, .max = 126, BY(HM_ROLE_MS) },
	{ "ms", "lifetime-max", hm_read_seconds, AT(config.ms.lifetime_max_s), .fallback = "600",
	  .min = 1000, .max = LIFETIME_MAX_MS },
	{ "ms", "max-bindings", hm_read_u32, AT(config.ms.max_bindings), .fallback = "100000",
	  .min = 1, .max = BINDINGS_MAX },
	{ "ms", "dad", hm_read_choice, AT(config.ms.dad), .fallback = "yes", .names = dad_modes },
	{ "ms", "forwarding", hm_read_yes_no, AT(config.ms.rewrite), .fallback = "encapsulate",
	  .names = (const char *const[]){ "encapsulate", "rewrite", NULL } },
	{ "ms", "info-interval", hm_read_ms, AT(config.ms.info_interval_ms), .fallback = "10",
	  .min = 100, .max = DAY_MS },
	{ "ms", "routers", hm_read_addresses, AT(config.ms.routers), .fallback = "",
	  .max = HM_LIST_MAX },
	{ "ms", "router-interfaces", hm_read_interfaces, AT(config.ms.router_interfaces),
	  .fallback = "" },
	{ "ms", "peers", hm_read_addresses, AT(config.ms.peers), .fallback = "",
	  .max = HM_LIST_MAX },
	{ "ms", "level", hm_read_u8, AT(config.ms.level), .fallback = "0", .max = HM_LEVELS_MAX },
	{ "ms", "preference", hm_read_u8, AT(config.ms.preference), .fallback = "0", .max = 255 },

	{ "mh", "interface", hm_read_interfaces, AT(config.mh.interfaces), .min = 1,
	  BY(HM_ROLE_MH) },
	{ "mh", "home-address", hm_read_address_plen, AT(config.mh.home),
	  PLEN_AT(config.mh.home_plen), .min = 1, .max = 126, BY(HM_ROLE_MH) },
	{ "mh", "home-agent", hm_read_home_agent, BY(HM_ROLE_MH) },
	{ "mh", "lifetime", hm_read_seconds, AT(config.mh.lifetime_s), .fallback = "600",
	  .min = 1000, .max = LIFETIME_MAX_MS },
	{ "mh", "domain-prefixes", hm_read_domain_prefixes, AT(config.mh.domain_prefixes),
	  .max = HM_LIST_MAX },
	{ "mh", "correspondents", hm_read_addresses, AT(config.mh.correspondents), .fallback = "",
	  .max = HM_LIST_MAX },
	{ "mh", "uplink", hm_read_choice, AT(config.mh.uplink), .fallback = "auto",
	  .names = uplinks },

	{ "ra", "interface", hm_read_interfaces, AT(config.ra.interfaces), .min = 1,
	  BY(HM_ROLE_RA) },
	{ "ra", "prefix", hm_read_prefixes, AT(config.ra.prefixes), .min = 1,
	  .max = HM_RA_PREFIXES_MAX, BY(HM_ROLE_RA) },
	{ "ra", "mobility", hm_read_mobility, .fallback = "dynamic" },
	{ "ra", "min-interval", hm_read_ms, AT(config.ra.min_interval_ms), .fallback = "50ms",
	  .min = 30, .max = 1800 * 1000 }, /* RFC 6275 7.5 */
	{ "ra", "max-interval", hm_read_ms, AT(config.ra.max_interval_ms), .fallback = "500ms",
	  .min = 30, .max = 1800 * 1000 }, /* RFC 4861 6.2.1 */
	{ "ra", "router-lifetime", hm_read_seconds, AT(config.ra.router_lifetime_s),
	  .fallback = "1800", .max = 65535 * 1000 },

	{ "ha", "interface", hm_read_interface, AT(config.ha.interface), BY(HM_ROLE_HA) },
	{ "ha", "address", hm_read_address_plen, AT(config.ha.address), PLEN_AT(config.ha.plen),
	  .min = 1, .max = 126, BY(HM_ROLE_HA) },
	{ "ha", "lifetime-max", hm_read_seconds, AT(config.ha.lifetime_max_s), .fallback = "3600",
	  .min = 1000, .max = LIFETIME_MAX_MS },
	{ "ha", "max-bindings", hm_read_u32, AT(config.ha.max_bindings), .fallback = "100000",
	  .min = 1, .max = BINDINGS_MAX },
	{ "ha", "dad", hm_read_choice, AT(config.ha.dad), .fallback = "yes", .names = dad_modes },

	{ "ch", "interface", hm_read_interface, AT(config.ch.interface), .fallback = "" },
	{ "ch", "max-bindings", hm_read_u32, AT(config.ch.max_bindings), .fallback = "10000",
	  .min = 1, .max = BINDINGS_MAX },

	{ "key", "spi", hm_read_u32, KEY_AT(spi), .min = 256, .max = UINT32_MAX },
	{ "key", "secret", hm_read_secret, KEY_AT(secret) },
	{ "key", "secret-file", hm_read_secret_file, KEY_AT(secret) },
	{ "key", "use", hm_read_use, KEY_AT(use) },
	{ "key", "home-address", hm_read_key_home, KEY_AT(home) },
	{ "key", "peer", hm_read_key_peer, KEY_AT(peer) },
	{ "key", "not-before", hm_read_date, KEY_AT(not_before_s) },
	{ "key", "not-after", hm_read_date, KEY_AT(not_after_s) },

	{ "wire", "nd-mobility-information", hm_read_u8, AT(config.wire.nd_mobility_information),
	  .fallback = "253", .max = 255 },
	{ "wire", "mobility-information", hm_read_u8, AT(config.wire.mobility_information),
	  .fallback = "0x1e", .max = 255 },
	{ "wire", "registration-request", hm_read_u8, AT(config.wire.registration_request),
	  .fallback = "0xca", .max = 255 },
	{ "wire", "registration-update", hm_read_u8, AT(config.wire.registration_update),
	  .fallback = "0xcb", .max = 255 },
	{ "wire", "registration-refresh", hm_read_u8, AT(config.wire.registration_refresh),
	  .fallback = "0xcc", .max = 255 },
	{ "wire", "handoff-request", hm_read_u8, AT(config.wire.handoff_request),
	  .fallback = "0xcd", .max = 255 },
	{ "wire", "accept-rh0", hm_read_yes_no, AT(config.wire.accept_rh0), .fallback = "no" },
};

const size_t hm_setting_count = sizeof hm_setting_table / sizeof hm_setting_table[0];

_Static_assert(sizeof hm_setting_table / sizeof hm_setting_table[0] <= HM_SETTINGS_MAX,
               "the table of what was seen is too short");

const struct hm_setting *hm_setting_find(const char *section, const char *key)
{
	for (size_t i = 0; i < hm_setting_count; i++)
		if (strcmp(hm_setting_table[i].section, section) == 0 &&
		    strcmp(hm_setting_table[i].key, key) == 0)
			return &hm_setting_table[i];
	return NULL;
}

unsigned hm_load_line(const struct hm_load *load, const char *section, const char *key)
{
	const struct hm_setting *setting = hm_setting_find(section, key);

	return setting ? load->seen[setting - hm_setting_table] : 0;
}
