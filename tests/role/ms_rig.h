/* A mobility server under test: 2001:db8:f::1/64 on mn0, and messages from its mobile hosts. */
#ifndef HM_TESTS_ROLE_MS_RIG_H
#define HM_TESTS_ROLE_MS_RIG_H

#include "lib/addr.h"
#include "lib/rig.h"
#include "roles/role.h"

#include <criterion/criterion.h>

#define MS "2001:db8:f::1"
#define HOME "2001:db8:1::9"
#define GCOA "2001:db8:f::9"
#define LCOA_A "2001:db8:a::9"
#define LCOA_B "2001:db8:b::9"
#define OLD_MS "2001:db8:e::1"
#define NEW_MS "2001:db8:d::1"

static inline struct hm_config ms_config(void)
{
	struct hm_config config = { .ms = { .interface = "mn0",
		                            .address = addr(MS),
		                            .plen = 64,
		                            .lifetime_max_s = 600,
		                            .max_bindings = 8,
		                            .dad = HM_DAD_YES,
		                            .info_interval_ms = 10000 } };

	config.ms.peers.n = 2;
	config.ms.peers.a[0] = addr(OLD_MS);
	config.ms.peers.a[1] = addr(NEW_MS);
	return config;
}

/* Started, with mn0 up. */
static inline void ms_rig(struct rig *r, const struct hm_config *config)
{
	struct hm_link link = rig_link_up("mn0", 3);

	rig_init(r, &hm_role_ms, config);
	rig_start(r);
	rig_link(r, 0, &link);
	rig_until(r, 0);
	rig_clear(r);
}

static inline struct hm_packet reg(enum hm_msg_kind kind, const char *src, uint16_t seq,
                                   uint32_t lifetime_s)
{
	return (struct hm_packet){
		.src = addr(src),
		.dst = addr(MS),
		.has_home = true,
		.home = addr(HOME),
		.kind = kind,
		.reg = { .ack = true, .malen = 64, .seq = seq, .lifetime_s = lifetime_s },
		.auth = { .present = true, .spi = 0x1001 },
	};
}

static inline void ms_ask(struct rig *r, hm_ms at, enum hm_msg_kind kind, const char *src,
                          uint16_t seq, uint32_t lifetime_s)
{
	struct hm_packet packet = reg(kind, src, seq, lifetime_s);

	rig_packet(r, at, &packet, HM_VERDICT_OK);
}

/* HOME at LCOA_A with number 1, active since 1005, announced; nothing is in the transcript. */
static inline void ms_registered(struct rig *r, uint32_t lifetime_s)
{
	ms_ask(r, 0, HM_MSG_REG_REQUEST, LCOA_A, 1, lifetime_s);
	rig_bind_done(r, 1005, HM_OK);
	rig_until(r, 3500);
	rig_clear(r);
}

static inline struct hm_packet neighbour(enum hm_msg_kind kind, const char *src, const char *target)
{
	struct hm_packet packet = { .src = addr(src), .ifindex = 3, .kind = kind };

	packet.dst = hm_addr_all_nodes;
	if (kind == HM_MSG_NS)
		packet.ns.target = addr(target);
	else
		packet.na.target = addr(target);
	return packet;
}

#endif
