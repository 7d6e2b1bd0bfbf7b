/* What the mobile host's tests share: a world of two domains and a home network, and the packets
 * others send. Links are wlan0 (ifindex 3) and eth0 (4); the host's home is 2001:db8:1::aa. */
#ifndef HM_TESTS_ROLE_MH_RIG_H
#define HM_TESTS_ROLE_MH_RIG_H

#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

#define HOME "2001:db8:1::aa"
#define HA "2001:db8:1::1"
#define MS1 "2001:db8:f1::1"
#define MS2 "2001:db8:f2::1"
#define GCOA1 "2001:db8:f1::aa"
#define GCOA2 "2001:db8:f2::aa"
#define CH "2001:db8:c::1"          /* outside every domain */
#define CH_LOCAL "2001:db8:f1:9::1" /* in the first one */
/* LCoAs: wlan0 has 02:00:00:00:00:03, eth0 …:04. */
#define LCOA11 "2001:db8:f1:1:0:ff:fe00:3"
#define LCOA12 "2001:db8:f1:2:0:ff:fe00:3"
#define LCOA21 "2001:db8:f2:1:0:ff:fe00:3"
#define ELCOA12 "2001:db8:f1:2:0:ff:fe00:4"
#define PLAIN "2001:db8:d:1:0:ff:fe00:3"

static inline struct hm_config mh_config(void)
{
	struct hm_config c = { .wire = { .registration_request = 0xca,
		                         .registration_update = 0xcb,
		                         .registration_refresh = 0xcc } };

	c.mh.interfaces.n = 2;
	memcpy(c.mh.interfaces.name[0], "wlan0", 6);
	memcpy(c.mh.interfaces.name[1], "eth0", 5);
	c.mh.home = addr(HOME);
	c.mh.home_plen = 64;
	c.mh.home_agent = addr(HA);
	c.mh.lifetime_s = 600;
	return c;
}

static inline struct hm_packet mh_ra(uint32_t ifindex, const char *router, const char *prefix,
                                     const char *ms)
{
	struct hm_packet p = { .kind = HM_MSG_RA, .ifindex = ifindex, .hop_limit = 255 };

	p.src = addr(router);
	p.dst = hm_addr_all_nodes;
	p.ra.lifetime_s = 1800;
	p.ra.has_interval = true;
	p.ra.interval_ms = 500;
	p.ra.n_prefixes = 1;
	p.ra.prefixes[0] = (struct hm_ra_prefix){
		.addr = addr(prefix),
		.plen = 64,
		.on_link = true,
		.autonomous = true,
		.valid_s = 86400,
		.preferred_s = 14400,
	};
	if (ms) {
		p.ra.n_servers = 1;
		p.ra.servers[0] = (struct hm_msinfo){ .plen = 64, .ms = addr(ms) };
	}
	return p;
}

static inline struct hm_packet mh_back(const char *from, const char *to, uint16_t seq,
                                       uint8_t status)
{
	struct hm_packet p = { .kind = HM_MSG_BACK, .src = addr(from), .dst = addr(to) };

	p.back.status = status;
	p.back.seq = seq;
	if (status < 128) {
		p.back.lifetime_s = 600;
		p.back.refresh_s = 480;
	}
	return p;
}

static inline void mh_hear(struct rig *r, hm_ms at, uint32_t ifindex, const char *router,
                           const char *prefix, const char *ms)
{
	struct hm_packet p = mh_ra(ifindex, router, prefix, ms);

	rig_packet(r, at, &p, HM_VERDICT_OK);
}

static inline void mh_ack(struct rig *r, hm_ms at, const char *from, const char *to, uint16_t seq,
                          uint8_t status)
{
	struct hm_packet p = mh_back(from, to, seq, status);

	rig_packet(r, at, &p, HM_VERDICT_OK);
}

/* The access routers: 1 and 2 in the first domain, 3 in the second, 4 without mobility server, 9 at
 * home. */
static inline void mh_router(struct rig *r, hm_ms at, uint32_t ifindex, unsigned router)
{
	switch (router) {
	case 1:
		mh_hear(r, at, ifindex, "fe80::1", "2001:db8:f1:1::", MS1);
		break;
	case 2:
		mh_hear(r, at, ifindex, "fe80::2", "2001:db8:f1:2::", MS1);
		break;
	case 3:
		mh_hear(r, at, ifindex, "fe80::3", "2001:db8:f2:1::", MS2);
		break;
	case 4:
		mh_hear(r, at, ifindex, "fe80::4", "2001:db8:d:1::", NULL);
		break;
	case 9:
		mh_hear(r, at, ifindex, "fe80::9", "2001:db8:1::", NULL);
		break;
	default:
		cr_assert(false, "no router %u", router);
	}
}

static inline void mh_up(struct rig *r, hm_ms at, const char *name, uint32_t ifindex)
{
	struct hm_link link = rig_link_up(name, ifindex);

	rig_link(r, at, &link);
}

static inline void mh_down(struct rig *r, hm_ms at, const char *name, uint32_t ifindex)
{
	struct hm_link link = rig_link_up(name, ifindex);

	link.up = false;
	rig_link(r, at, &link);
}

static inline void mh_usable(struct rig *r, hm_ms at, uint32_t ifindex, const char *address)
{
	rig_address(r, at, ifindex, address, HM_ADDRESS_USABLE);
}

/* The transcript without what is stored, which one test in mh_restart.c looks at. */
static inline void mh_story(struct rig *r, const char *want)
{
	char *from = r->log, *to = r->log;

	while (*from) {
		size_t len = strcspn(from, "\n") + 1;
		bool drop = strncmp(from + 7, "< store ", 8) == 0;

		if (!drop) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	*to = '\0';
	r->log_len = (size_t)(to - r->log);
	rig_expect(r, want);
}

/* Power on, attached to router 1 over wlan0, registered with MS1 and the home agent by 40 ms. */
static inline void mh_begin(struct rig *r, const struct hm_config *config)
{
	rig_init(r, &hm_role_mh, config);
	rig_start(r);
	mh_up(r, 0, "wlan0", 3);
	mh_router(r, 10, 3, 1);
	mh_usable(r, 20, 3, LCOA11);
	mh_ack(r, 30, MS1, LCOA11, 1, 0);
	mh_ack(r, 40, HA, LCOA11, 1, 0);
	rig_until(r, 40);
	rig_clear(r);
}

#endif
