/* Random scripts of events with a seed, and what must hold after every one of them. A failure names
 * its seed. */
#include "role/mh_rig.h"

#include "base/rand.h"

#define SCRIPTS 200
#define EVENTS 400
#define ADDRESSES 64
#define COUNTERS 64

struct known {
	uint32_t ifindex;
	struct hm_addr addr;
	bool usable;
};

struct counter {
	enum hm_use use;
	struct hm_addr peer;
	uint16_t seq;
	uint32_t epoch;
};

struct world {
	struct rig rig;
	struct hm_rand rand;
	uint64_t seed;
	struct known known[ADDRESSES];
	unsigned n_known;
	struct counter counters[COUNTERS];
	unsigned n_counters;
	struct hm_effect asked; /* the last message */
	struct hm_effect last_add;
	bool home_path;
	bool up[2];
	unsigned heard, heard_on;
};

/* What all scripts together reached: rules that nothing tries hold too easily. */
static unsigned notes[HM_NOTES], kinds[HM_MSG_KINDS];

static struct known *find(struct world *w, uint32_t ifindex, const struct hm_addr *a)
{
	for (unsigned i = 0; i < w->n_known; i++)
		if (w->known[i].ifindex == ifindex && hm_addr_eq(&w->known[i].addr, a))
			return &w->known[i];
	cr_assert_lt(w->n_known, ADDRESSES, "seed %llu: addresses pile up",
	             (unsigned long long)w->seed);
	w->known[w->n_known] = (struct known){ ifindex, *a, false };
	return &w->known[w->n_known++];
}

static void check_number(struct world *w, const struct hm_effect *e)
{
	const struct hm_packet *p = &e->send.packet;
	uint16_t seq = p->kind == HM_MSG_BU ? p->bu.seq : p->reg.seq;
	struct hm_addr peer = e->send.use == HM_USE_MH_MS ? hm_addr_any : p->dst;

	cr_assert(p->kind == HM_MSG_BU ? p->bu.ack : p->reg.ack, "seed %llu: nobody would answer",
	          (unsigned long long)w->seed);
	for (unsigned i = 0; i < w->n_counters; i++) {
		struct counter *c = &w->counters[i];

		if (c->use != e->send.use || !hm_addr_eq(&c->peer, &peer))
			continue;
		cr_assert(p->auth.epoch > c->epoch || (p->auth.epoch == c->epoch && seq > c->seq),
		          "seed %llu: %u/%u after %u/%u\n%s", (unsigned long long)w->seed,
		          p->auth.epoch, seq, c->epoch, c->seq, w->rig.log);
		c->seq = seq;
		c->epoch = p->auth.epoch;
		return;
	}
	cr_assert_lt(w->n_counters, COUNTERS);
	w->counters[w->n_counters++] = (struct counter){ e->send.use, peer, seq, p->auth.epoch };
}

static void check_source(struct world *w, const struct hm_packet *p)
{
	if (hm_addr_is_any(&p->src) || hm_addr_is_link_local(&p->src))
		return;
	cr_assert(find(w, p->ifindex, &p->src)->usable,
	          "seed %llu: sent from an unusable address\n%s", (unsigned long long)w->seed,
	          w->rig.log);
}

static void on_bind(struct world *w, const struct hm_effect *e)
{
	cr_assert(e->bind.has_path && !e->bind.has_row);
	cr_assert_leq(e->bind.path.n_hops, HM_HOPS_MAX);
	cr_assert_leq(e->bind.path.n_accept, HM_ACCEPT_MAX);
	if (e->bind.path.kind != HM_FORWARD_HOME)
		return;
	cr_assert(hm_addr_eq(&e->bind.path.match, &w->rig.config.mh.home));
	cr_assert_gt(e->bind.path.n_hops, 0);
	w->home_path = true;
}

static void watch(void *arg, const struct hm_effect *e)
{
	struct world *w = arg;

	switch (e->kind) {
	case HM_FX_SEND:
		check_source(w, &e->send.packet);
		if (e->send.use != HM_USE_NONE) {
			check_number(w, e);
			kinds[e->send.packet.kind]++;
			w->asked = *e;
		}
		break;
	case HM_FX_BIND:
		on_bind(w, e);
		break;
	case HM_FX_UNBIND:
		if (e->bind.path.kind == HM_FORWARD_HOME) {
			cr_assert(w->home_path, "seed %llu", (unsigned long long)w->seed);
			w->home_path = false;
		}
		break;
	case HM_FX_ADDRESS:
		if (e->address.op == HM_ADDRESS_DEL)
			find(w, e->address.ifindex, &e->address.addr)->usable = false;
		else if (e->address.op != HM_ADDRESS_DEPRECATE)
			w->last_add = *e;
		break;
	case HM_FX_STORE:
	case HM_FX_FORGET:
	case HM_FX_GATEWAY:
	case HM_FX_RELAY:
		break;
	case HM_FX_NOTE:
		notes[e->note.note]++;
		break;
	}
}

static void set_link(struct world *w, unsigned i, bool up)
{
	struct hm_link link = rig_link_up(i ? "eth0" : "wlan0", 3 + i);

	link.up = up;
	w->up[i] = up;
	for (unsigned k = 0; !up && k < w->n_known; k++)
		if (w->known[k].ifindex == 3 + i)
			w->known[k].usable = false;
	rig_link(&w->rig, w->rig.now, &link);
}

static void say_address(struct world *w, enum hm_address_state state)
{
	struct hm_event ev = { .kind = HM_EV_ADDRESS };

	if (w->last_add.kind != HM_FX_ADDRESS || !w->up[w->last_add.address.ifindex - 3])
		return;
	ev.address.ifindex = w->last_add.address.ifindex;
	ev.address.addr = w->last_add.address.addr;
	ev.address.state = state;
	find(w, ev.address.ifindex, &ev.address.addr)->usable = state == HM_ADDRESS_USABLE;
	rig_step(&w->rig, &ev);
}

static void answer(struct world *w)
{
	static const uint8_t statuses[] = { 0,   0,   0,   0,   0,   128, 130,
		                            131, 133, 134, 134, 137, 138, 141 };
	const struct hm_packet *p = &w->asked.send.packet;
	struct hm_packet back = { .kind = HM_MSG_BACK, .src = p->dst, .dst = p->src };

	if (w->asked.kind != HM_FX_SEND || w->asked.send.use == HM_USE_NONE)
		return;
	back.back.status = statuses[hm_rand_below(&w->rand, sizeof statuses)];
	back.back.seq = p->kind == HM_MSG_BU ? p->bu.seq : p->reg.seq;
	back.back.seq = (uint16_t)(back.back.seq - hm_rand_below(&w->rand, 3));
	back.auth.present = true;
	back.auth.epoch = p->auth.epoch;
	if (back.back.status == 134 || back.back.status == 141) {
		back.back.seq = (uint16_t)(back.back.seq + hm_rand_below(&w->rand, 20000));
		back.auth.epoch += hm_rand_below(&w->rand, 2);
	} else if (back.back.status == 0) {
		back.back.lifetime_s = 1 + hm_rand_below(&w->rand, 100);
	}
	rig_packet(&w->rig, w->rig.now, &back,
	           hm_rand_below(&w->rand, 10) ? HM_VERDICT_OK : HM_VERDICT_BAD);
}

/* For a while everybody answers as they should, so that scripts get somewhere. */
static void cooperate(struct world *w)
{
	for (unsigned i = 0; i < 6; i++) {
		const struct hm_packet *p = &w->asked.send.packet;
		struct hm_packet back = { .kind = HM_MSG_BACK, .src = p->dst, .dst = p->src };

		say_address(w, HM_ADDRESS_USABLE);
		if (w->asked.kind != HM_FX_SEND)
			return;
		back.back.seq = p->kind == HM_MSG_BU ? p->bu.seq : p->reg.seq;
		back.back.lifetime_s = 60;
		rig_packet(&w->rig, w->rig.now, &back, HM_VERDICT_OK);
	}
}

static void complain(struct world *w)
{
	const struct hm_packet *asked = &w->asked.send.packet;
	struct hm_packet p = { .kind = HM_MSG_ICMP_ERROR, .src = asked->dst, .dst = asked->src };

	p.icmp.type = (uint8_t)(1 + hm_rand_below(&w->rand, 4));
	p.icmp.code = (uint8_t)hm_rand_below(&w->rand, 3);
	p.icmp.about_src = asked->src;
	p.icmp.about_dst = asked->dst;
	p.icmp.bad_option = hm_rand_below(&w->rand, 2) ? 0xca : 0xc6;
	rig_packet(&w->rig, w->rig.now, &p, HM_VERDICT_MISSING);
}

static void traffic(struct world *w)
{
	char peer[32];

	snprintf(peer, sizeof peer, "2001:db8:c::%x", hm_rand_below(&w->rand, 48));
	rig_traffic(&w->rig, w->rig.now, HM_TRAFFIC_TUNNELLED, HOME, peer, true);
}

static void advertise(struct world *w)
{
	static const unsigned routers[] = { 1, 1, 2, 3, 4, 9 };

	w->heard_on = hm_rand_below(&w->rand, 2);
	w->heard = routers[hm_rand_below(&w->rand, 6)];
	mh_router(&w->rig, w->rig.now, 3 + w->heard_on, w->heard);
}

/* Half of the time the router heard last goes on advertising. */
static void pass_time(struct world *w)
{
	static const hm_ms spans[] = { 1, 10, 100, 300, 1000, 5000, 40000, 120000 };
	hm_ms end = w->rig.now + spans[hm_rand_below(&w->rand, 8)];
	bool heard = w->heard != 0 && hm_rand_below(&w->rand, 2);

	while (heard && w->rig.now + 500 < end)
		mh_router(&w->rig, w->rig.now + 500, 3 + w->heard_on, w->heard);
	rig_until(&w->rig, end);
	rig_clear(&w->rig);
}

static void one_event(struct world *w)
{
	unsigned dice = hm_rand_below(&w->rand, 100);

	if (dice < 5)
		set_link(w, hm_rand_below(&w->rand, 2), hm_rand_below(&w->rand, 3) > 0);
	else if (dice < 30)
		advertise(w);
	else if (dice < 45)
		say_address(w, HM_ADDRESS_USABLE);
	else if (dice < 46)
		say_address(w, HM_ADDRESS_DUPLICATE);
	else if (dice < 48)
		say_address(w, HM_ADDRESS_GONE);
	else if (dice < 52)
		cooperate(w);
	else if (dice < 72)
		answer(w);
	else if (dice < 74)
		complain(w);
	else if (dice < 80)
		traffic(w);
	else if (dice < 83)
		rig_bind_done(&w->rig, w->rig.now, hm_rand_below(&w->rand, 2) ? HM_OK : HM_EIO);
	else if (dice < 86)
		rig_send_failed(&w->rig, w->rig.now, w->asked.send.ticket, HM_ENODEV);
	else
		pass_time(w);
}

static void check_rest(struct world *w)
{
	for (unsigned i = 0; i < 100 && rig_deadline(&w->rig) <= w->rig.now; i++)
		rig_tick(&w->rig);
	cr_assert_gt(rig_deadline(&w->rig), w->rig.now, "seed %llu: it never rests",
	             (unsigned long long)w->seed);
}

static void play(uint64_t seed)
{
	static struct world w;
	struct hm_config c = mh_config();

	memset(&w, 0, sizeof w);
	w.seed = seed;
	hm_rand_init(&w.rand, seed);
	c.mh.correspondents.n = 2;
	c.mh.correspondents.a[0] = addr(CH);
	c.mh.correspondents.a[1] = addr(CH_LOCAL);
	c.mh.uplink = (enum hm_uplink)(seed % 3);
	rig_init(&w.rig, &hm_role_mh, &c);
	w.rig.watch = watch;
	w.rig.watch_arg = &w;
	rig_start(&w.rig);
	for (unsigned i = 0; i < EVENTS; i++) {
		one_event(&w);
		check_rest(&w);
	}
	rig_stop(&w.rig, w.rig.now);
	check_rest(&w);
	cr_assert_not(w.home_path, "seed %llu: a path is left", (unsigned long long)seed);
	rig_free(&w.rig);
}

Test(mh_random, scripts_keep_the_rules)
{
	for (uint64_t seed = 1; seed <= SCRIPTS; seed++)
		play(seed);
	cr_assert_gt(kinds[HM_MSG_REG_UPDATE], 200);
	cr_assert_gt(kinds[HM_MSG_REG_REFRESH], 20);
	cr_assert_gt(notes[HM_NOTE_HANDOFF_DONE], 20);
	cr_assert_gt(notes[HM_NOTE_FALLBACK], 100);
	cr_assert_gt(notes[HM_NOTE_HOME], 50);
	cr_assert_gt(notes[HM_NOTE_UNANSWERED], 100);
}
