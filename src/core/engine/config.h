/* The configuration as roles see it: plain values, checked and with defaults filled in by
 * host/config.c. Each role reads its own part and `common`. Interfaces are names: they may come and
 * go, and HM_EV_LINK says what stands behind a name now. */
#ifndef HM_ENGINE_CONFIG_H
#define HM_ENGINE_CONFIG_H

#include "engine/step.h"

#define HM_LIST_MAX 64
#define HM_INTERFACES_MAX 8

enum hm_dad_mode { HM_DAD_YES, HM_DAD_OPTIMISTIC, HM_DAD_NO };
enum hm_uplink { HM_UPLINK_AUTO, HM_UPLINK_TUNNEL, HM_UPLINK_DIRECT };
enum hm_ra_mobility { HM_RA_DYNAMIC, HM_RA_STATIC, HM_RA_NONE };

struct hm_addr_list {
	unsigned n;
	struct hm_addr a[HM_LIST_MAX];
};

struct hm_prefix_list {
	unsigned n;
	struct hm_prefix p[HM_LIST_MAX];
};

struct hm_name_list {
	unsigned n;
	char name[HM_INTERFACES_MAX][HM_IFNAME_MAX];
};

struct hm_ms_config {
	char interface[HM_IFNAME_MAX]; /* "": the prefix is routed to us, no DAD and no proxy */
	struct hm_addr address;
	uint8_t plen;
	uint32_t lifetime_max_s;
	uint32_t max_bindings;
	enum hm_dad_mode dad;
	bool rewrite;
	hm_ms info_interval_ms;
	struct hm_addr_list routers;
	struct hm_name_list router_interfaces;
	struct hm_addr_list peers;
	uint8_t level, preference;
};

struct hm_mh_config {
	struct hm_name_list interfaces; /* in order of preference */
	struct hm_addr home;
	uint8_t home_plen;
	bool discover_home_agent;
	struct hm_addr home_agent;
	uint32_t lifetime_s;
	bool has_domain_prefixes; /* false: the /48 of the Mobility Network */
	struct hm_prefix_list domain_prefixes;
	struct hm_addr_list correspondents;
	enum hm_uplink uplink;
};

struct hm_ra_config {
	struct hm_name_list interfaces;
	/* One or more prefixes. With one interface all are advertised on it; with several, prefix i
	 * belongs to interface i. */
	struct hm_prefix_list prefixes;
	enum hm_ra_mobility mobility;
	unsigned n_servers;
	struct hm_msinfo servers[HM_RA_SERVERS_MAX];
	hm_ms min_interval_ms, max_interval_ms;
	uint32_t router_lifetime_s;
	bool home_agent; /* this process is also a home agent */
};

struct hm_ha_config {
	char interface[HM_IFNAME_MAX];
	struct hm_addr address;
	uint8_t plen;
	uint32_t lifetime_max_s;
	uint32_t max_bindings;
	enum hm_dad_mode dad;
};

struct hm_ch_config {
	char interface[HM_IFNAME_MAX];
	uint32_t max_bindings;
	bool home_agent_here; /* the ha role answers Binding Updates with the H bit */
};

struct hm_config {
	struct {
		bool roles[HM_ROLES];
		bool auth_none;
		bool auth_failure_reply;
	} common;
	struct hm_ms_config ms;
	struct hm_mh_config mh;
	struct hm_ra_config ra;
	struct hm_ha_config ha;
	struct hm_ch_config ch;
	struct hm_wire_numbers wire;
};

#endif
