/* Entries and prefixes of the plugin interface, put into and taken out of what the packet path
 * looks up. All or nothing: a put that fails leaves everything as it was. */
#ifndef HM_TUN_ENTRIES_H
#define HM_TUN_ENTRIES_H

#include "path.h"

/* What a put or del means for the kernel. */
struct hm_entry_change {
	bool is_new;           /* put: there was none with this key */
	bool points;           /* another set of destinations to capture */
	bool attract, detract; /* a host route for `match` is to come, to go */
	bool home;             /* addresses and rules of the mobile host */
	struct hm_addr match;
};

/* enum hm_plugin_result. */
int hm_entries_put(struct hm_path *p, const struct hm_tunnel_entry *e,
                   struct hm_entry_change *ret_change);
/* False: there was none with this key. */
bool hm_entries_del(struct hm_path *p, const struct hm_tunnel_entry *e,
                    struct hm_entry_change *ret_change);

struct hm_item *hm_entries_find(const struct hm_path *p, const struct hm_tunnel_entry *e);
/* Whether an entry wants a host route for the address. */
bool hm_entries_attract(const struct hm_path *p, const struct hm_addr *match);
/* Whether packets of the carried home address to that one are route-optimised. */
bool hm_entries_optimised(const struct hm_path *p, const struct hm_addr *match);

int hm_prefixes_put(struct hm_path *p, const struct hm_tunnel_prefix *prefix);
bool hm_prefixes_del(struct hm_path *p, const struct hm_tunnel_prefix *prefix);

/* This machine's own addresses: where entries of correspondents that name no address of ours are
 * served. */
void hm_entries_own(struct hm_path *p, const struct hm_addr *own, unsigned n,
                    struct hm_entry_change *ret_change);

#endif
