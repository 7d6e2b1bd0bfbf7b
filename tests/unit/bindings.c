#include "engine/bindings.h"
#include "base/rand.h"
#include "lib/addr.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

static struct hm_bindings table(uint32_t max)
{
	struct hm_bindings t;

	hm_bindings_init(&t, calloc(1, hm_bindings_size(max)), max, 42);
	return t;
}

static struct hm_addr numbered(const char *prefix, uint32_t n)
{
	struct hm_addr a = addr(prefix);

	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	return a;
}

static struct hm_addr home_of(uint32_t n)
{
	return numbered("2001:db8:1::", n);
}

static struct hm_addr gcoa_of(uint32_t n)
{
	return numbered("2001:db8:f::", n);
}

static struct hm_binding *add_live(struct hm_bindings *t, uint32_t n)
{
	struct hm_addr home = home_of(n), gcoa = gcoa_of(n);
	struct hm_binding *b = hm_bindings_add(t, &home);

	if (b && hm_bindings_enliven(t, b, &gcoa) == HM_OK)
		return b;
	return NULL;
}

Test(bindings, a_slot_takes_no_more_than_160_octets)
{
	cr_assert_leq(sizeof(struct hm_binding), 160);
}

Test(bindings, a_live_binding_is_found_by_home_claim_and_ticket)
{
	struct hm_bindings t = table(4);
	struct hm_binding *b = add_live(&t, 9);
	struct hm_addr home = home_of(9), gcoa = gcoa_of(9), other = home_of(8);
	hm_ticket first = hm_bindings_ticket(&t, b);
	hm_ticket second = hm_bindings_ticket(&t, b);

	cr_assert_eq(hm_bindings_find(&t, &home), b);
	cr_assert_eq(hm_bindings_find_claim(&t, &gcoa), b);
	cr_assert_eq(hm_bindings_find_ticket(&t, second), b);
	cr_assert_null(hm_bindings_find_ticket(&t, first));
	cr_assert_null(hm_bindings_find_ticket(&t, 1ull << 40));
	cr_assert_null(hm_bindings_find(&t, &other));
	cr_assert_null(hm_bindings_find_claim(&t, &home));
}

Test(bindings, what_outlives_a_binding_is_its_number)
{
	struct hm_bindings t = table(4);
	struct hm_binding *b = add_live(&t, 9);
	struct hm_addr home = home_of(9), gcoa = gcoa_of(9);
	hm_ticket ticket = hm_bindings_ticket(&t, b);

	b->seq = 7;
	b->epoch = 3;
	b->spi = 0x1001;
	b->coa = addr("2001:db8:a::9");
	hm_bindings_wake(&t, b, 1000);
	hm_bindings_idle(&t, b);
	cr_assert_eq(hm_bindings_find(&t, &home), b);
	cr_assert_eq(b->seq, 7);
	cr_assert_eq(b->epoch, 3);
	cr_assert_eq(b->spi, 0x1001);
	cr_assert(hm_addr_is_any(&b->coa));
	cr_assert_null(hm_bindings_find_claim(&t, &gcoa));
	cr_assert_null(hm_bindings_find_ticket(&t, ticket));
	cr_assert_eq(hm_bindings_soonest(&t), HM_NEVER);
	cr_assert_eq(t.n_live, 0);
	cr_assert_eq(t.n_idle, 1);
}

Test(bindings, two_homes_cannot_claim_one_address)
{
	struct hm_bindings t = table(4);
	struct hm_addr gcoa = gcoa_of(1), home = home_of(2);
	struct hm_binding *b;

	add_live(&t, 1);
	b = hm_bindings_add(&t, &home);
	cr_assert_eq(hm_bindings_enliven(&t, b, &gcoa), HM_EEXIST);
	cr_assert_eq(b->state, HM_SLOT_IDLE);
	hm_bindings_idle(&t, hm_bindings_find_claim(&t, &gcoa));
	cr_assert_eq(hm_bindings_enliven(&t, b, &gcoa), HM_OK);
}

Test(bindings, live_ones_have_one_ceiling_and_slots_another)
{
	struct hm_bindings t = table(2);
	struct hm_addr third = home_of(3), fourth = home_of(4), fifth = home_of(5);
	struct hm_binding *b;

	add_live(&t, 1);
	add_live(&t, 2);
	b = hm_bindings_add(&t, &third);
	cr_assert_eq(hm_bindings_enliven(&t, b, &third), HM_EFULL);
	cr_assert_not_null(hm_bindings_add(&t, &fourth));
	cr_assert_null(hm_bindings_add(&t, &fifth));
	cr_assert_eq(hm_bindings_oldest_idle(&t), b);
	hm_bindings_forget(&t, b);
	cr_assert_null(hm_bindings_find(&t, &third));
	cr_assert_eq(hm_bindings_add(&t, &fifth), b);
}

Test(bindings, the_one_due_first_comes_first)
{
	struct hm_bindings t = table(4);
	struct hm_binding *a = add_live(&t, 1), *b = add_live(&t, 2);

	hm_bindings_wake(&t, a, 2000);
	hm_bindings_wake(&t, b, 1000);
	cr_assert_null(hm_bindings_due(&t, 999));
	cr_assert_eq(hm_bindings_due(&t, 1000), b);
	hm_bindings_wake(&t, b, HM_NEVER);
	cr_assert_null(hm_bindings_due(&t, 1999));
	cr_assert_eq(hm_bindings_due(&t, 5000), a);
}

/* A naive twin of the table, searched from end to end. */
#define HOMES 60
#define MAX 20

struct twin {
	bool known, live;
	uint32_t gcoa;
	uint16_t seq;
	hm_ms wake;
	hm_ticket ticket;
	unsigned idle_since;
};

struct model {
	struct twin home[HOMES];
	unsigned step;
};

static unsigned count(const struct model *m, bool live)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HOMES; i++)
		n += m->home[i].known && m->home[i].live == live;
	return n;
}

static bool claimed(const struct model *m, uint32_t gcoa)
{
	for (unsigned i = 0; i < HOMES; i++)
		if (m->home[i].live && m->home[i].gcoa == gcoa)
			return true;
	return false;
}

static void do_add(struct model *m, struct hm_bindings *t, uint32_t n, uint16_t seq)
{
	struct hm_addr home = home_of(n);
	bool room = count(m, true) + count(m, false) < 2 * MAX;
	struct hm_binding *b;

	if (m->home[n].known)
		return;
	b = hm_bindings_add(t, &home);
	cr_assert_eq(b != NULL, room);
	if (!b)
		return;
	b->seq = seq;
	m->home[n] =
	        (struct twin){ .known = true, .seq = seq, .wake = HM_NEVER, .idle_since = m->step };
}

static void do_enliven(struct model *m, struct hm_bindings *t, uint32_t n, uint32_t g)
{
	struct hm_addr home = home_of(n), gcoa = gcoa_of(g);
	struct twin *w = &m->home[n];
	int want = count(m, true) >= MAX ? HM_EFULL : claimed(m, g) ? HM_EEXIST : HM_OK;

	if (!w->known || w->live)
		return;
	cr_assert_eq(hm_bindings_enliven(t, hm_bindings_find(t, &home), &gcoa), want);
	if (want != HM_OK)
		return;
	w->live = true;
	w->gcoa = g;
	w->ticket = 0;
}

static void do_live(struct model *m, struct hm_bindings *t, uint32_t n, unsigned what)
{
	struct hm_addr home = home_of(n);
	struct hm_binding *b = hm_bindings_find(t, &home);
	struct twin *w = &m->home[n];

	if (!w->live)
		return;
	if (what == 0) {
		hm_bindings_idle(t, b);
		w->live = false;
		w->wake = HM_NEVER;
		w->idle_since = m->step;
	} else if (what == 1) {
		w->ticket = hm_bindings_ticket(t, b);
	} else {
		w->wake = what == 2 ? HM_NEVER : (hm_ms)(n * 31 % 17 + m->step % 13);
		hm_bindings_wake(t, b, w->wake);
	}
}

static void do_evict(struct model *m, struct hm_bindings *t)
{
	struct hm_binding *b = hm_bindings_oldest_idle(t);
	struct twin *oldest = NULL;
	struct hm_addr home;

	for (unsigned i = 0; i < HOMES; i++) {
		struct twin *w = &m->home[i];

		if (w->known && !w->live && (!oldest || w->idle_since < oldest->idle_since))
			oldest = w;
	}
	cr_assert_eq(b != NULL, oldest != NULL);
	if (!b)
		return;
	home = home_of((uint32_t)(oldest - m->home));
	cr_assert(hm_addr_eq(&b->home, &home));
	hm_bindings_forget(t, b);
	*oldest = (struct twin){ 0 };
}

static void compare(const struct model *m, const struct hm_bindings *t)
{
	hm_ms soonest = HM_NEVER;

	for (uint32_t i = 0; i < HOMES; i++) {
		const struct twin *w = &m->home[i];
		struct hm_addr home = home_of(i), gcoa = gcoa_of(w->gcoa), other = gcoa_of(i);
		struct hm_binding *b = hm_bindings_find(t, &home);

		cr_assert_eq(b != NULL, w->known, "step %u home %u", m->step, i);
		cr_assert_eq(hm_bindings_find_claim(t, &other) != NULL, claimed(m, i));
		if (!b)
			continue;
		cr_assert_eq(b->seq, w->seq);
		cr_assert_eq(hm_binding_is_live(b), w->live, "step %u home %u", m->step, i);
		if (w->live)
			cr_assert_eq(hm_bindings_find_claim(t, &gcoa), b);
		if (w->ticket)
			cr_assert_eq(hm_bindings_find_ticket(t, w->ticket) != NULL, w->live);
		if (w->live)
			soonest = hm_sooner(soonest, w->wake);
	}
	cr_assert_eq(hm_bindings_soonest(t), soonest, "step %u", m->step);
	cr_assert_eq(t->n_live, count(m, true));
	cr_assert_eq(t->n_idle, count(m, false));
}

static unsigned walk(const struct hm_bindings *t)
{
	uint64_t cursor = 0;
	unsigned n = 0;

	while (hm_bindings_next(t, &cursor))
		n++;
	return n;
}

Test(bindings, agrees_with_a_naive_model_over_random_operations)
{
	struct hm_bindings t = table(MAX);
	struct model m = { .step = 1 };
	struct hm_rand rand;

	for (unsigned i = 0; i < HOMES; i++)
		m.home[i].wake = HM_NEVER;
	hm_rand_init(&rand, 2026);
	for (; m.step < 20000; m.step++) {
		uint32_t n = hm_rand_below(&rand, HOMES);
		unsigned what = hm_rand_below(&rand, 10);

		if (what < 3)
			do_add(&m, &t, n, (uint16_t)m.step);
		else if (what < 5)
			do_enliven(&m, &t, n, hm_rand_below(&rand, HOMES));
		else if (what < 9)
			do_live(&m, &t, n, what - 5 + hm_rand_below(&rand, 2));
		else if (hm_rand_below(&rand, 4) == 0)
			do_evict(&m, &t);
		compare(&m, &t);
	}
	cr_assert_eq(walk(&t), t.n_live + t.n_idle);
}

static long resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long total, resident = -1;

	cr_assert(f && fscanf(f, "%ld %ld", &total, &resident) == 2);
	fclose(f);
	return resident;
}

Test(bindings, room_for_a_million_costs_nothing_until_it_is_used)
{
	size_t size = hm_bindings_size(1000000);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long before, grown;
	struct hm_bindings t;

	cr_assert_neq(memory, MAP_FAILED);
	before = resident_pages();
	hm_bindings_init(&t, memory, 1000000, 1);
	for (uint32_t i = 0; i < 1000; i++)
		hm_bindings_wake(&t, add_live(&t, i), i);
	grown = (resident_pages() - before) * sysconf(_SC_PAGESIZE);
	/* 1000 slots and at worst a page each in the two hashes. */
	cr_assert_lt(grown, 16 << 20, "%ld octets became resident", grown);
}
