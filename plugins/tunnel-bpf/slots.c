#include "slots.h"

#include <stdatomic.h>
#include <string.h>

__u32 hm_slots_for(__u32 bindings)
{
	return (__u32)((__u64)bindings * 3 / 2) + HM_SITE_PROBE;
}

__u32 hm_slots_room(const struct hm_slots *t)
{
	return (__u32)(((__u64)t->config->n_slots * 2 + 2) / 3);
}

static __u32 end_of(const struct hm_slots *t)
{
	return t->config->n_slots + HM_SITE_PROBE;
}

static bool is_used(const struct hm_site_slot *s)
{
	return s->flags & HM_SITE_USED;
}

static bool same(const struct hm_site_addr *a, const struct hm_site_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1];
}

static __u32 first_of(const struct hm_slots *t, const struct hm_site_slot *s)
{
	return hm_site_first(t->config, &s->match);
}

size_t hm_slots_index(const struct hm_slots *t, const struct hm_site_slot *s)
{
	return (size_t)(s - t->slots);
}

/* Programs on other processors see the version before, and again after, what it guards. Order among
 * stores is enough, and waits for no memory: a next hop that a program stores into a slot meanwhile
 * either comes before ours and is overwritten, or after it, and then the program sees the version
 * (remember() in site_common.h). */
static void begin_write(struct hm_site_slot *s)
{
	__atomic_store_n(&s->version, (__u16)(s->version + 1), __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release);
}

static void end_write(struct hm_site_slot *s)
{
	__atomic_store_n(&s->version, (__u16)(s->version + 1), __ATOMIC_RELEASE);
}

/* All of a slot but its version, which stays odd until end_write(). */
static struct hm_site_slot *write_slot(struct hm_slots *t, __u32 at,
                                       const struct hm_site_slot *with)
{
	struct hm_site_slot *s = &t->slots[at], v = *with;

	begin_write(s);
	v.version = s->version;
	*s = v;
	return s;
}

static void copy_slot(struct hm_slots *t, __u32 to, __u32 from)
{
	struct hm_site_slot *s = write_slot(t, to, &t->slots[from]);

	t->inbound[to] = t->inbound[from];
	t->fresh[to] = t->fresh[from];
	end_write(s);
}

static void fill_slot(struct hm_slots *t, __u32 at, const struct hm_site_slot *with, __u8 fresh)
{
	struct hm_site_slot *s = write_slot(t, at, with);

	t->inbound[at] = (struct hm_site_inbound){ 0 };
	t->fresh[at] = fresh;
	end_write(s);
}

static void clear_slot(struct hm_slots *t, __u32 at)
{
	static const struct hm_site_slot none;

	fill_slot(t, at, &none, 0);
}

void hm_slots_expect(const struct hm_slots *t, const struct hm_site_addr *match)
{
	__u32 first = hm_site_first(t->config, match);

	__builtin_prefetch(&t->slots[first], 1);
	__builtin_prefetch(&t->slots[first + 1], 1);
	__builtin_prefetch(&t->fresh[first], 1);
}

struct hm_site_slot *hm_slots_find(const struct hm_slots *t, const struct hm_site_addr *match)
{
	__u32 first = hm_site_first(t->config, match);

	for (__u32 i = first; i < first + HM_SITE_PROBE; i++) {
		if (!is_used(&t->slots[i]))
			return NULL;
		if (same(&t->slots[i].match, match))
			return &t->slots[i];
	}
	return NULL;
}

/* Makes a gap at `at` by moving what lies there one further, the last first. False, and nothing
 * moved: one would lie too far from where it belongs. */
static bool make_gap(struct hm_slots *t, __u32 at)
{
	__u32 end = at;

	for (; is_used(&t->slots[end]); end++)
		if (end + 1 == end_of(t) || end + 1 - first_of(t, &t->slots[end]) >= HM_SITE_PROBE)
			return false;
	for (; end > at; end--)
		copy_slot(t, end, end - 1);
	return true;
}

bool hm_slots_put(struct hm_slots *t, const struct hm_site_addr *match,
                  const struct hm_site_addr *remote, __u8 local, __u8 flags)
{
	const struct hm_site_slot want = {
		.match = *match, .remote = *remote, .local = local, .flags = flags | HM_SITE_USED
	};
	struct hm_site_slot *s = hm_slots_find(t, match);
	__u32 first = hm_site_first(t->config, match), at = first;

	if (s) {
		begin_write(s);
		if (!same(&s->remote, remote))
			s->next_hop = 0;
		s->remote = *remote;
		s->local = local;
		s->flags = want.flags;
		end_write(s);
		t->fresh[hm_slots_index(t, s)] = 1;
		return true;
	}
	while (is_used(&t->slots[at]) && first_of(t, &t->slots[at]) <= first)
		if (++at - first == HM_SITE_PROBE)
			return false;
	if (!make_gap(t, at))
		return false;
	fill_slot(t, at, &want, 1);
	t->n++;
	return true;
}

static void remove_at(struct hm_slots *t, __u32 at)
{
	__u32 next = at + 1;

	/* What follows moves up while it does not lie where it belongs. */
	for (; next < end_of(t) && is_used(&t->slots[next]) && first_of(t, &t->slots[next]) < next;
	     next++)
		copy_slot(t, next - 1, next);
	clear_slot(t, next - 1);
	t->n--;
}

bool hm_slots_del(struct hm_slots *t, const struct hm_site_addr *match)
{
	struct hm_site_slot *s = hm_slots_find(t, match);

	if (!s)
		return false;
	remove_at(t, (__u32)hm_slots_index(t, s));
	return true;
}

__u32 hm_slots_sweep(struct hm_slots *t)
{
	__u32 removed = 0;

	/* What moves up comes to lie here, and is looked at next. */
	for (__u32 i = 0; i < end_of(t);) {
		if (!is_used(&t->slots[i]) || t->fresh[i]) {
			i++;
			continue;
		}
		remove_at(t, i);
		removed++;
	}
	return removed;
}

void hm_slots_forget(struct hm_slots *t, __u32 age)
{
	for (__u32 i = 0; i < end_of(t); i++) {
		__u64 *word = &t->slots[i].next_hop;
		__u64 was = __atomic_load_n(word, __ATOMIC_RELAXED);

		if (was && (__u8)(hm_site_generation(t->config, was) - was) >= age)
			(void)__atomic_compare_exchange_n(word, &was, 0, false, __ATOMIC_RELAXED,
			                                  __ATOMIC_RELAXED);
	}
}

void hm_slots_recount(struct hm_slots *t)
{
	/* A daemon that was killed while it wrote left the version odd, and in the slot, maybe,
	 * parts of two bindings: no packet may go by it. What it was is put again. */
	for (__u32 i = 0; i < end_of(t); i++) {
		if (!(t->slots[i].version & 1))
			continue;
		end_write(&t->slots[i]);
		if (is_used(&t->slots[i]))
			remove_at(t, i);
	}
	t->n = 0;
	for (__u32 i = 0; i < end_of(t); i++)
		t->n += is_used(&t->slots[i]);
}
