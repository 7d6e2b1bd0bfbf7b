/* The daemon's side of the table that tunnel-bpf shares with its programs. */
#include "slots.h"

#include "base/rand.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct rig {
	struct hm_site_config config;
	struct hm_slots table;
};

static struct rig *rig(__u32 bindings)
{
	struct rig *r = calloc(1, sizeof *r);
	__u32 n = hm_slots_for(bindings);

	r->config =
	        (struct hm_site_config){ .n_slots = n - HM_SITE_PROBE, .seed = { 7, 11, 13, 17 } };
	r->table = (struct hm_slots){ .config = &r->config,
		                      .slots = calloc(n, sizeof(struct hm_site_slot)),
		                      .inbound = calloc(n, sizeof(struct hm_site_inbound)),
		                      .fresh = calloc(n, 1) };
	return r;
}

static struct hm_site_addr host(__u64 n)
{
	return (struct hm_site_addr){ { 0xb80d0120, n } };
}

/* Every entry lies where a search that stops at the first unused slot finds it, and no version is
 * left odd. */
static void cr_sound(const struct rig *r)
{
	__u32 n = 0;

	for (__u32 i = 0; i < r->config.n_slots + HM_SITE_PROBE; i++) {
		const struct hm_site_slot *s = &r->table.slots[i];

		cr_assert_eq(s->version & 1, 0, "slot %u", i);
		if (!(s->flags & HM_SITE_USED))
			continue;
		n++;
		cr_assert_eq(hm_slots_find(&r->table, &s->match), s, "slot %u", i);
	}
	cr_assert_eq(n, r->table.n);
}

static bool put(struct rig *r, __u64 n, __u64 remote)
{
	struct hm_site_addr match = host(n), to = host(remote);

	return hm_slots_put(&r->table, &match, &to, 1, 0);
}

Test(bpf_slots, hold_as_many_bindings_as_they_are_made_for)
{
	struct rig *r = rig(50000);

	for (__u64 n = 1; n <= 50000; n++)
		cr_assert(put(r, n, n + 1000000), "binding %llu", (unsigned long long)n);
	cr_sound(r);
	for (__u64 n = 1; n <= 50000; n++) {
		struct hm_site_addr match = host(n);

		cr_assert_eq(hm_slots_find(&r->table, &match)->remote.w[1], n + 1000000);
	}
}

/* A table that did not know its own size would be made larger for ever. */
Test(bpf_slots, know_how_many_bindings_they_were_made_for)
{
	static const __u32 bindings[] = { 1, 2, 3, 1023, 1024, 65537, 1000000, 16777216 };

	for (unsigned i = 0; i < sizeof bindings / sizeof bindings[0]; i++) {
		struct hm_site_config config = { .n_slots = hm_slots_for(bindings[i]) -
			                                    HM_SITE_PROBE };
		struct hm_slots t = { .config = &config };

		cr_assert_eq(hm_slots_room(&t), bindings[i], "%u, not %u", hm_slots_room(&t),
		             bindings[i]);
	}
}

Test(bpf_slots, agree_with_a_plain_list_whatever_is_done)
{
	struct rig *r = rig(300);
	__u64 remote[400] = { 0 };
	struct hm_rand rand;

	hm_rand_init(&rand, 42);
	for (unsigned step = 0; step < 40000; step++) {
		__u64 n = 1 + hm_rand_below(&rand, 399);
		struct hm_site_addr match = host(n);
		struct hm_site_slot *s;

		if (hm_rand_below(&rand, 3) == 0) {
			cr_assert_eq(hm_slots_del(&r->table, &match), remote[n] != 0);
			remote[n] = 0;
		} else if (r->table.n < 300 || remote[n]) {
			cr_assert(put(r, n, step + 1));
			remote[n] = step + 1;
		}
		s = hm_slots_find(&r->table, &match);
		cr_assert_eq(s ? s->remote.w[1] : 0, remote[n], "step %u", step);
		if (step % 500 == 0)
			cr_sound(r);
	}
}

Test(bpf_slots, refuse_what_would_lie_too_far_away)
{
	struct rig *r = rig(20);
	unsigned refused = 0;

	for (__u64 n = 1; n <= 200; n++)
		refused += !put(r, n, n);
	cr_assert_gt(refused, 100u);
	cr_assert_eq(r->table.n + refused, 200u);
	cr_sound(r);
}

Test(bpf_slots, keep_the_counters_of_a_binding_that_moves)
{
	struct rig *r = rig(100);
	struct hm_site_addr match = host(5);
	struct hm_site_slot *s;

	put(r, 5, 1);
	s = hm_slots_find(&r->table, &match);
	s->packets_out = 9;
	s->next_hop = 77;
	r->table.inbound[hm_slots_index(&r->table, s)].packets = 3;
	put(r, 5, 1);
	cr_assert_eq(s->next_hop, 77u, "a refresh leaves the next hop alone");
	put(r, 5, 2);
	cr_assert_eq(s->next_hop, 0u, "another care-of address is reached otherwise");
	for (__u64 n = 6; n < 90; n++)
		put(r, n, 1);
	s = hm_slots_find(&r->table, &match);
	cr_assert_eq(s->packets_out, 9u);
	cr_assert_eq(r->table.inbound[hm_slots_index(&r->table, s)].packets, 3u);
}

Test(bpf_slots, sweep_what_was_not_put_again)
{
	struct rig *r = rig(1000);

	for (__u64 n = 1; n <= 900; n++)
		put(r, n, 1);
	memset(r->table.fresh, 0, r->config.n_slots + HM_SITE_PROBE);
	hm_slots_recount(&r->table);
	for (__u64 n = 3; n <= 900; n += 3)
		put(r, n, 1);
	cr_assert_eq(hm_slots_sweep(&r->table), 600u);
	cr_assert_eq(r->table.n, 300u);
	cr_sound(r);
}

/* It may hold parts of two bindings: it goes, and those behind it are found as before. */
Test(bpf_slots, take_out_what_a_killed_daemon_was_writing)
{
	struct rig *r = rig(100);
	struct hm_site_addr match = host(7);
	struct hm_site_slot *s;

	for (__u64 n = 0; n < 100; n++)
		cr_assert(put(r, n, n));
	s = hm_slots_find(&r->table, &match);
	s->version++;
	s->remote = host(8);
	hm_slots_recount(&r->table);
	cr_assert_eq(r->table.n, 99u);
	cr_assert_null(hm_slots_find(&r->table, &match));
	cr_sound(r);
	cr_assert(put(r, 7, 7));
	cr_sound(r);
}

Test(bpf_slots, forget_next_hops_before_their_generation_comes_round)
{
	struct rig *r = rig(100);
	struct hm_site_addr one = host(1), two = host(2);

	put(r, 1, 1);
	put(r, 2, 1);
	r->config.generation = 300;
	hm_slots_find(&r->table, &one)->next_hop = 1 << 8 | (300 - 64) % 256;
	hm_slots_find(&r->table, &two)->next_hop = 1 << 8 | (300 - 63) % 256;
	hm_slots_forget(&r->table, 64);
	cr_assert_eq(hm_slots_find(&r->table, &one)->next_hop, 0u);
	cr_assert_neq(hm_slots_find(&r->table, &two)->next_hop, 0u);
	/* Those at one address grow older by themselves. */
	r->config.mac_generations[0xab] = 1;
	hm_slots_forget(&r->table, 64);
	cr_assert_neq(hm_slots_find(&r->table, &two)->next_hop, 0u);
	hm_slots_find(&r->table, &two)->next_hop |= 0xab << 16;
	hm_slots_forget(&r->table, 64);
	cr_assert_eq(hm_slots_find(&r->table, &two)->next_hop, 0u);
}
