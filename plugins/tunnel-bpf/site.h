/* The site's part from within: entries.c keeps bindings, site.c everything else. */
#ifndef HM_BPF_SITE_H
#define HM_BPF_SITE_H

#include "maps.h"
#include "part.h"
#include "ports.h"

#include <string.h>

/* What the option allows, and the room that a table begins with: less than two MiB. */
#define HM_SITE_ROOM_LEAST 1024u
#define HM_SITE_ROOM_FIRST 8192u
#define HM_SITE_ROOM_MOST (1u << 24)

struct hm_site {
	const struct hm_part_how *how;
	struct hm_maps maps;
	struct hm_ports ports;
	__u32 room_most; /* option bindings */
	/* A former run's programs, of another layout, serve until everything was put again. */
	bool hold;
	struct hm_site_known {
		struct hm_site_prefix key;
		bool fresh; /* put by this run */
	} prefixes[HM_SITE_PREFIXES];
	unsigned n_prefixes, n_beyond; /* beyond: those the programs have no room for */
	unsigned n_attract;
	__u32 local_uses[HM_SITE_LOCALS];
	uint64_t no_room; /* puts of bindings that are served by the slower way */
	unsigned seconds, changes_left, departures_left;
	bool doubt;
};

static inline struct hm_site_config *hm_site_config(const struct hm_site *s)
{
	return s->maps.table.config;
}

static inline struct hm_site_addr hm_site_addr(const uint8_t b[16])
{
	struct hm_site_addr a;

	memcpy(a.w, b, sizeof a.w);
	return a;
}

void hm_site_say(const struct hm_site *s, int level, const char *what, int err);

void hm_site_expect(const struct hm_site *s, const struct hm_tunnel_entry *e);
void hm_site_put(struct hm_site *s, const struct hm_tunnel_entry *e);
void hm_site_del(struct hm_site *s, const struct hm_tunnel_entry *e);
void hm_site_count(const struct hm_site *s, const struct hm_tunnel_entry *e,
                   struct hm_tunnel_count *io);
/* Learns from the table what is counted of its bindings. */
void hm_site_recount(struct hm_site *s);
/* Tells the programs whether any address may be bound. */
void hm_site_set_any(struct hm_site *s);

#endif
