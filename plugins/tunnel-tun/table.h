/* What the worker looks up per packet: a hash table of small items by kind and one or two
 * addresses, sized for a million of them. It is split into shards that grow one at a time, so that
 * no insertion keeps a packet waiting for long, and seeded, so that nobody can aim at a slot.
 * Not locked: the caller holds its lock around everything but init and finish. */
#ifndef HM_TUN_TABLE_H
#define HM_TUN_TABLE_H

#include "base/addr.h"
#include "hmipd-plugin.h"

#include <stddef.h>

/* Items of all kinds together. */
#define HM_TABLE_MAX (1u << 22)

enum hm_item_kind {
	/* The entries of the plugin interface. */
	HM_ITEM_ENCAP = HM_TUNNEL_ENCAP,
	HM_ITEM_HOME = HM_TUNNEL_HOME,
	HM_ITEM_OWN = HM_TUNNEL_OWN, /* match, home */
	HM_ITEM_PEER = HM_TUNNEL_PEER,
	/* What follows from them, counted by `uses`. */
	HM_ITEM_PAIR,  /* local, remote: tunnelled packets remote -> local are unpacked */
	HM_ITEM_POINT, /* local: packets to it may be ours to unpack */
	HM_ITEM_INNER, /* mobile host: what is unpacked may be for this address */
	HM_ITEM_KINDS,
};

struct hm_item {
	struct hm_addr a, b; /* with kind, the key */
	uint8_t kind;
	bool attract, rewrite, one_way;
	bool heard; /* ENCAP: was not one-way from the beginning; holds its point */
	uint32_t uses;
	struct hm_addr local, remote;
	/* ENCAP: the remote end before the last change, and until when it may still send. */
	struct hm_addr former;
	int64_t former_until_ms;
	struct hm_tunnel_count count;
	struct hm_tunnel_entry *entry; /* HOME and OWN: the whole entry, owned */
};

struct hm_slot {
	uint32_t hash;
	uint32_t item; /* index + 1; 0: free */
};

#define HM_TABLE_SHARDS 256u
#define HM_TABLE_CHUNK 1024u

struct hm_table {
	uint64_t seed[5];
	struct hm_shard {
		struct hm_slot *slots;
		uint32_t n, mask; /* mask: slots - 1 */
	} shards[HM_TABLE_SHARDS];
	struct hm_item **chunks;
	uint32_t n_chunks;
	uint32_t unused; /* list of unused items through `uses`; index + 1 */
	uint32_t n;
	uint32_t n_of[HM_ITEM_KINDS];
};

/* Zeroed storage and random octets in; false without memory. */
bool hm_table_init(struct hm_table *t, const uint64_t seed[5]);
void hm_table_finish(struct hm_table *t);

/* The item will be looked for soon: asks for the memory where the search begins, without waiting
 * for it. */
void hm_table_expect(const struct hm_table *t, enum hm_item_kind kind, const struct hm_addr *a);

/* Some time after that: asks for the memory of the item itself. */
void hm_table_expect_item(const struct hm_table *t, enum hm_item_kind kind,
                          const struct hm_addr *a);

/* b may be NULL: all zero. */
struct hm_item *hm_table_find(const struct hm_table *t, enum hm_item_kind kind,
                              const struct hm_addr *a, const struct hm_addr *b);
/* Finds, or makes a zeroed item with that key; NULL when the table is full or memory is out.
 * Items stay where they are until they are deleted. */
struct hm_item *hm_table_put(struct hm_table *t, enum hm_item_kind kind, const struct hm_addr *a,
                             const struct hm_addr *b);
void hm_table_del(struct hm_table *t, struct hm_item *item);

/* The next item from *pos on, which starts at 0; NULL at the end. */
struct hm_item *hm_table_next(const struct hm_table *t, uint32_t *pos);

#endif
