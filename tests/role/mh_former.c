/* The home agent of a link that is left (draft-12 10.10). */
#include "role/mh_rig.h"

#define AGENT "2001:db8:d:1::1"

static struct rig r;

/* On a link without mobility server, whose router is a home agent. */
static void begin(void)
{
	struct hm_config c = mh_config();
	struct hm_packet ra = mh_ra(3, "fe80::4", "2001:db8:d:1::", NULL);

	ra.ra.home_agent = true;
	ra.ra.prefixes[0].router_addr = true;
	ra.ra.prefixes[0].addr = addr(AGENT);
	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_packet(&r, 10, &ra, HM_VERDICT_MISSING);
	mh_usable(&r, 20, 3, PLAIN);
	mh_ack(&r, 30, HA, PLAIN, 1, 0);
	rig_clear(&r);
}

static void end(void)
{
	rig_free(&r);
}

TestSuite(mh_former, .init = begin, .fini = end);

static void move(hm_ms at, unsigned router)
{
	mh_down(&r, at, "wlan0", 3);
	mh_up(&r, at + 1, "wlan0", 3);
	mh_router(&r, at + 2, 3, router);
}

static const struct hm_packet *sent_to(const char *dst)
{
	struct hm_addr to = addr(dst);

	for (unsigned i = 0; i < rig_count(&r, HM_FX_SEND); i++) {
		const struct hm_packet *p = &rig_effect(&r, HM_FX_SEND, i)->send.packet;

		if (hm_addr_eq(&p->dst, &to))
			return p;
	}
	return NULL;
}

Test(mh_former, is_asked_to_send_on_once_and_without_answer)
{
	const struct hm_packet *p;
	struct hm_addr former = addr(PLAIN);

	move(1000, 1);
	mh_usable(&r, 1010, 3, LCOA11);
	p = sent_to(AGENT);
	cr_assert_not_null(p);
	cr_assert(p->kind == HM_MSG_BU && p->bu.home_reg && !p->bu.ack && !p->bu.dad);
	cr_assert(hm_addr_eq(&p->home, &former));
	cr_assert_eq(p->bu.lifetime_s, 60);
	/* Its number is the clock. */
	cr_assert_eq(((uint64_t)p->auth.epoch << 16 | p->bu.seq), RIG_WALL_MS / 1000 + 1);
	/* What it sends on is taken for as long. */
	cr_assert_not_null(strstr(r.log, "accept=" LCOA11 ">" AGENT), "%s", r.log);
	mh_ack(&r, 1020, MS1, LCOA11, 1, 0);
	mh_ack(&r, 1030, HA, LCOA11, 2, 0);
	rig_clear(&r);
	for (hm_ms t = 1500; t < 70000; t += 500)
		mh_router(&r, t, 3, 1);
	cr_assert_null(strstr(r.log, "dst=" AGENT));
	cr_assert_null(strstr(strrchr(r.log, '|'), AGENT), "%s", r.log);
}

/* Nobody gave us a key for it: nothing is taken from there either. */
Test(mh_former, that_cannot_be_asked_is_not_listened_to)
{
	move(1000, 1);
	mh_usable(&r, 1010, 3, LCOA11);
	rig_clear(&r);
	for (unsigned i = 0; i < rig_count(&r, HM_FX_SEND); i++) {
		const struct hm_effect *e = rig_effect(&r, HM_FX_SEND, i);
		struct hm_addr to = addr(AGENT);

		if (hm_addr_eq(&e->send.packet.dst, &to)) {
			rig_send_failed(&r, 1011, e->send.ticket, HM_ENOTFOUND);
			break;
		}
	}
	cr_assert_not_null(strstr(r.log, "< bind"), "%s", r.log);
	cr_assert_null(strstr(r.log, AGENT), "%s", r.log);
}

/* It may defend the former address for a while: no time is lost by probing for that one. */
Test(mh_former, whoever_comes_back_meanwhile_takes_another_address)
{
	move(1000, 1);
	mh_usable(&r, 1010, 3, LCOA11);
	rig_clear(&r);
	move(2000, 4);
	cr_assert_not_null(strstr(r.log, "address add 2001:db8:d:1:"));
	cr_assert_null(strstr(r.log, "address add " PLAIN));
}

Test(mh_former, is_left_alone_at_home_and_where_a_mobility_server_sends_on)
{
	move(1000, 9);
	mh_usable(&r, 1010, 3, HOME);
	cr_assert_null(strstr(r.log, "dst=" AGENT));
	move(2000, 1);
	mh_usable(&r, 2010, 3, LCOA11);
	mh_ack(&r, 2020, MS1, LCOA11, 1, 0);
	move(3000, 3);
	mh_usable(&r, 3010, 3, LCOA21);
	cr_assert_null(strstr(r.log, "hao=" LCOA11), "%s", r.log);
}
