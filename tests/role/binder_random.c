/* Random stories for the roles that keep bindings, against a host that does what it is asked in
 * order, late, and not always with success. What must hold whatever happens:
 *
 *   - nobody is told yes before store and data plane hold the binding as acknowledged;
 *   - the numbers stored and acknowledged for a home address never fall;
 *   - when all is over, store and data plane are empty and nothing is waited for. */
#include "base/rand.h"
#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

#define HOMES 8
#define QUEUE 4096
#define STEPS 3000

struct world {
	struct rig rig;
	struct hm_rand rand;
	uint64_t seed;
	enum hm_msg_kind request;
	struct {
		bool stored, installed;
		struct hm_addr stored_coa, installed_coa;
		uint32_t stored_seq, acked_seq;
		uint32_t number; /* the last one sent */
	} home[HOMES];
	/* What the host has been asked and has not done yet. */
	struct hm_effect queue[QUEUE];
	unsigned head, tail;
	unsigned accepted;
};

static unsigned index_of(const struct hm_addr *home)
{
	return home->b[15] - 0x10u;
}

/* Homes 6 and 7 end like 0 and 1: at a mobility server they want the same GCoA. */
static struct hm_addr home_of(const struct world *w, unsigned i)
{
	struct hm_addr a = addr("2001:db8:1::");

	a.b[15] = (uint8_t)(0x10 + i);
	if (w->rig.role->id == HM_ROLE_MS && i >= 6)
		a.b[14] = 0;
	return a;
}

static void check_ack(struct world *w, const struct hm_packet *back)
{
	unsigned i = index_of(&back->home);

	if (back->back.status != HM_ST_ACCEPTED || back->back.lifetime_s == 0)
		return;
	w->accepted++;
	cr_assert(w->home[i].stored, "seed %lu: %u told yes, not stored", w->seed, i);
	cr_assert(w->home[i].installed, "seed %lu: %u told yes, not installed", w->seed, i);
	cr_assert(hm_addr_eq(&w->home[i].stored_coa, &w->home[i].installed_coa), "seed %lu",
	          w->seed);
	cr_assert_geq(back->back.seq, w->home[i].acked_seq, "seed %lu", w->seed);
	w->home[i].acked_seq = back->back.seq;
}

static void watch(void *arg, const struct hm_effect *e)
{
	struct world *w = arg;

	if (e->kind == HM_FX_SEND && e->send.packet.kind == HM_MSG_BACK)
		check_ack(w, &e->send.packet);
	if (e->kind == HM_FX_STORE) {
		unsigned i = index_of(&e->record.seq.home);

		cr_assert_gt(e->record.seq.seq, w->home[i].stored_seq, "seed %lu", w->seed);
		w->home[i].stored_seq = e->record.seq.seq;
	}
	if (e->kind == HM_FX_BIND || e->kind == HM_FX_UNBIND) {
		cr_assert_lt(w->tail, QUEUE);
		w->queue[w->tail++] = *e;
	}
}

/* The host carries out the next thing it was asked for. */
static void work(struct world *w, hm_ms at)
{
	struct hm_effect e;
	unsigned i;
	bool fails;

	if (w->head == w->tail)
		return;
	e = w->queue[w->head++];
	i = index_of(&e.bind.row.home);
	if (e.kind == HM_FX_UNBIND) {
		w->home[i].stored = w->home[i].installed = false;
		return;
	}
	fails = hm_rand_below(&w->rand, 8) == 0;
	if (!fails) {
		w->home[i].stored = true;
		w->home[i].stored_coa = e.bind.row.coa;
	}
	if (!fails && e.bind.has_path) {
		w->home[i].installed = true;
		w->home[i].installed_coa = e.bind.path.remote;
	}
	rig_bind_done_ticket(&w->rig, at, e.bind.ticket, fails ? HM_EIO : HM_OK);
}

static void ask(struct world *w, hm_ms at)
{
	unsigned i = hm_rand_below(&w->rand, HOMES);
	bool old = hm_rand_below(&w->rand, 10) == 0;
	uint32_t lifetime_s = hm_rand_below(&w->rand, 8) ? 1 + hm_rand_below(&w->rand, 30) : 0;
	struct hm_packet packet = { .has_home = true,
		                    .home = home_of(w, i),
		                    .src = addr("2001:db8:a::"),
		                    .dst = addr("2001:db8:f::1"),
		                    .kind = w->request,
		                    .auth = { .present = true, .spi = 0x1001 } };
	uint16_t seq = (uint16_t)(old ? w->home[i].number : ++w->home[i].number);

	packet.src.b[13] = (uint8_t)(1 + i);
	packet.src.b[15] = (uint8_t)hm_rand_below(&w->rand, 3);
	if (w->request == HM_MSG_BU) {
		packet.dst =
		        addr(w->rig.role->id == HM_ROLE_HA ? "2001:db8:1::1" : "2001:db8:c::1");
		packet.bu = (struct hm_bu){ .ack = true,
			                    .home_reg = w->rig.role->id == HM_ROLE_HA,
			                    .seq = seq,
			                    .lifetime_s = lifetime_s };
	} else {
		packet.kind += hm_rand_below(&w->rand, 3);
		packet.reg = (struct hm_reg){
			.ack = true, .malen = 64, .seq = seq, .lifetime_s = lifetime_s
		};
	}
	rig_packet(&w->rig, at, &packet,
	           hm_rand_below(&w->rand, 20) ? HM_VERDICT_OK : HM_VERDICT_BAD);
}

static void hand_over(struct world *w, hm_ms at)
{
	unsigned i = hm_rand_below(&w->rand, HOMES);
	struct hm_packet packet = { .src = addr("2001:db8:d::1"),
		                    .dst = addr("2001:db8:f::1"),
		                    .has_home = true,
		                    .home = home_of(w, i),
		                    .kind = HM_MSG_HANDOFF,
		                    .handoff = { .malen = 64,
		                                 .seq = (uint16_t)++w->home[i].number,
		                                 .lifetime_s = 60,
		                                 .new_gcoa = addr("2001:db8:d::9") } };

	rig_packet(&w->rig, at, &packet, HM_VERDICT_OK);
}

/* Somebody else shows that the address is his. */
static void object(struct world *w, hm_ms at)
{
	struct hm_packet na = {
		.src = addr("fe80::99"), .dst = hm_addr_all_nodes, .ifindex = 3, .kind = HM_MSG_NA
	};
	struct hm_addr home = home_of(w, hm_rand_below(&w->rand, HOMES));
	struct hm_addr prefix =
	        addr(w->rig.role->id == HM_ROLE_MS ? "2001:db8:f::" : "2001:db8:1::");

	na.na.target = hm_addr_join(&prefix, 64, &home);
	rig_packet(&w->rig, at, &na, HM_VERDICT_OK);
}

static void change_link(struct world *w, hm_ms at)
{
	struct hm_link link = rig_link_up("mn0", 3);

	link.up = hm_rand_below(&w->rand, 3) > 0;
	link.lladdr.b[4] = (uint8_t)hm_rand_below(&w->rand, 2);
	rig_link(&w->rig, at, &link);
}

static void live_through(struct world *w)
{
	hm_ms at = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = hm_rand_below(&w->rand, 100);

		at += hm_rand_below(&w->rand, 3) ? hm_rand_below(&w->rand, 50)
		                                 : hm_rand_below(&w->rand, 2000);
		if (what < 45)
			work(w, at);
		else if (what < 85)
			ask(w, at);
		else if (what < 90)
			hand_over(w, at);
		else if (what < 95)
			object(w, at);
		else
			change_link(w, at);
		rig_until(&w->rig, at);
		rig_clear(&w->rig);
	}
	/* A probe that ends installs once more, and that has to end too. */
	for (unsigned i = 0; i < 3; i++) {
		while (w->head < w->tail)
			work(w, at);
		at += 60 * HM_SECOND;
		rig_until(&w->rig, at);
	}
	while (w->head < w->tail)
		work(w, at);
}

static void run(const struct hm_role *role, enum hm_dad_mode dad, uint64_t seed)
{
	struct hm_config config = {
		.ms = { .interface = "mn0",
		        .address = addr("2001:db8:f::1"),
		        .plen = 64,
		        .lifetime_max_s = 20,
		        .max_bindings = 5,
		        .dad = dad },
		.ha = { .interface = "mn0",
		        .address = addr("2001:db8:1::1"),
		        .plen = 64,
		        .lifetime_max_s = 20,
		        .max_bindings = 5,
		        .dad = dad },
		.ch = { .max_bindings = 5 },
	};
	static struct world w;

	memset(&w, 0, sizeof w);
	config.ms.peers.n = 1;
	config.ms.peers.a[0] = addr("2001:db8:d::1");
	for (unsigned i = 0; i < HOMES; i++)
		w.home[i].number = 1;
	w.seed = seed;
	w.request = role->id == HM_ROLE_MS ? HM_MSG_REG_REQUEST : HM_MSG_BU;
	hm_rand_init(&w.rand, seed);
	rig_init(&w.rig, role, &config);
	w.rig.watch = watch;
	w.rig.watch_arg = &w;
	rig_start(&w.rig);
	live_through(&w);
	cr_assert_gt(w.accepted, STEPS / 50, "seed %lu: only %u accepted", seed, w.accepted);
	cr_assert_eq(rig_deadline(&w.rig), HM_NEVER, "seed %lu: it still waits", seed);
	for (unsigned i = 0; i < HOMES; i++)
		cr_assert(!w.home[i].stored && !w.home[i].installed, "seed %lu home %u", seed, i);
	rig_free(&w.rig);
}

Test(binder_random, mobility_server)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		run(&hm_role_ms, (enum hm_dad_mode)(seed % 3), seed);
}

Test(binder_random, home_agent)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		run(&hm_role_ha, (enum hm_dad_mode)(seed % 3), seed);
}

Test(binder_random, correspondent)
{
	for (uint64_t seed = 1; seed <= 6; seed++)
		run(&hm_role_ch, HM_DAD_NO, seed);
}
