#include "site.h"

#define ROOM_GROWTH 4u

/* A flag of slots that programs do not look at. */
#define ATTRACTED 0x80u

/* Bindings counted by what they have in common. */
static void count_slot(struct hm_site *s, const struct hm_site_slot *slot, int by)
{
	s->local_uses[slot->local % HM_SITE_LOCALS] += (__u32)by;
	if (slot->flags & ATTRACTED)
		s->n_attract += (unsigned)by;
}

void hm_site_recount(struct hm_site *s)
{
	const struct hm_slots *t = &s->maps.table;

	memset(s->local_uses, 0, sizeof s->local_uses);
	s->n_attract = 0;
	for (__u32 i = 0; i < t->config->n_slots + HM_SITE_PROBE; i++)
		if (t->slots[i].flags & HM_SITE_USED)
			count_slot(s, &t->slots[i], 1);
}

void hm_site_set_any(struct hm_site *s)
{
	hm_site_config(s)->any = s->n_attract > 0 || s->n_beyond > 0;
}

/* The index of a tunnel's source among the locals; HM_SITE_LOCALS: no room. */
static unsigned local_of(struct hm_site *s, const struct hm_site_addr *a)
{
	struct hm_site_config *c = hm_site_config(s);
	unsigned unused = HM_SITE_LOCALS;

	for (unsigned i = 0; i < c->n_locals; i++) {
		if (memcmp(&c->locals[i], a, sizeof *a) == 0)
			return i;
		if (s->local_uses[i] == 0)
			unused = i;
	}
	if (unused == HM_SITE_LOCALS && c->n_locals < HM_SITE_LOCALS)
		unused = c->n_locals;
	if (unused == HM_SITE_LOCALS)
		return unused;
	c->locals[unused] = *a;
	if (unused == c->n_locals)
		__atomic_store_n(&c->n_locals, unused + 1, __ATOMIC_RELEASE);
	return unused;
}

/* One binding into a larger table, with what it counted. */
static void carry_over(const struct hm_slots *from, __u32 at, struct hm_slots *to)
{
	const struct hm_site_slot *was = &from->slots[at];
	struct hm_site_slot *now;
	size_t index;

	if (!hm_slots_put(to, &was->match, &was->remote, was->local, was->flags))
		return;
	now = hm_slots_find(to, &was->match);
	index = hm_slots_index(to, now);
	now->next_hop = was->next_hop;
	now->packets_out = was->packets_out;
	now->octets_out = was->octets_out;
	to->inbound[index] = from->inbound[at];
	to->fresh[index] = from->fresh[at];
}

/* Everything into a larger table, then programs with that one in place of those that serve. What
 * they count between the two is lost, no packet is. */
static bool grow(struct hm_site *s)
{
	const struct hm_slots *t = &s->maps.table;
	__u32 room = hm_maps_room(&s->maps);
	struct hm_maps larger;
	int err;

	if (room >= s->room_most)
		return false;
	room = room * ROOM_GROWTH > s->room_most / 2 ? s->room_most : room * ROOM_GROWTH;
	err = hm_maps_make(&larger, room, &s->maps, NULL);
	if (err) {
		hm_site_say(s, HM_PLUGIN_WARNING, "failed to make the table larger", err);
		return false;
	}
	for (__u32 i = 0; i < t->config->n_slots + HM_SITE_PROBE; i++)
		if (t->slots[i].flags & HM_SITE_USED)
			carry_over(t, i, &larger.table);
	hm_ports_use(&s->ports, &larger);
	if (s->ports.serving) {
		hm_ports_serve(&s->ports);
		hm_maps_pin(&larger, true);
	}
	hm_maps_drop(&s->maps);
	s->maps = larger;
	return true;
}

static bool put_slot(struct hm_site *s, const struct hm_site_slot *want, bool is_new)
{
	struct hm_slots *t = &s->maps.table;

	if (is_new && t->n >= hm_maps_room(&s->maps) && !grow(s))
		return false;
	return hm_slots_put(t, &want->match, &want->remote, want->local, want->flags) ||
	       (grow(s) && hm_slots_put(t, &want->match, &want->remote, want->local, want->flags));
}

static void take_out(struct hm_site *s, const struct hm_site_addr *match)
{
	const struct hm_site_slot *slot = hm_slots_find(&s->maps.table, match);

	if (!slot)
		return;
	count_slot(s, slot, -1);
	(void)hm_slots_del(&s->maps.table, match);
}

void hm_site_expect(const struct hm_site *s, const struct hm_tunnel_entry *e)
{
	const struct hm_site_addr match = hm_site_addr(e->match);

	hm_slots_expect(&s->maps.table, &match);
}

void hm_site_put(struct hm_site *s, const struct hm_tunnel_entry *e)
{
	const struct hm_site_addr local = hm_site_addr(e->local);
	const unsigned index = local_of(s, &local);
	const struct hm_site_slot want = {
		.match = hm_site_addr(e->match),
		.remote = hm_site_addr(e->remote),
		.local = (__u8)index,
		.flags = (__u8)((e->one_way ? HM_SITE_ONE_WAY : 0) |
		                (e->rewrite ? HM_SITE_REWRITE : 0) | (e->attract ? ATTRACTED : 0)),
	};
	const struct hm_site_slot *was = hm_slots_find(&s->maps.table, &want.match);

	if (was)
		count_slot(s, was, -1);
	if (index < HM_SITE_LOCALS && put_slot(s, &want, !was)) {
		count_slot(s, &want, 1);
	} else {
		/* What was there is not what is wanted now. */
		(void)hm_slots_del(&s->maps.table, &want.match);
		s->no_room++;
	}
	hm_site_set_any(s);
}

void hm_site_del(struct hm_site *s, const struct hm_tunnel_entry *e)
{
	const struct hm_site_addr match = hm_site_addr(e->match);

	take_out(s, &match);
	hm_site_set_any(s);
}

void hm_site_count(const struct hm_site *s, const struct hm_tunnel_entry *e,
                   struct hm_tunnel_count *io)
{
	const struct hm_site_addr match = hm_site_addr(e->match);
	const struct hm_site_slot *slot = hm_slots_find(&s->maps.table, &match);
	const struct hm_site_inbound *in;

	if (!slot)
		return;
	in = &s->maps.table.inbound[hm_slots_index(&s->maps.table, slot)];
	io->packets_out += slot->packets_out;
	io->octets_out += slot->octets_out;
	io->packets_in += in->packets;
	io->octets_in += in->octets;
}
