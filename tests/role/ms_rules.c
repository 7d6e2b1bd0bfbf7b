/* Rules of PROTOCOL that a mobility server's other stories pass by. */
#include "ms_rig.h"

Test(ms_rules, a_registration_is_acknowledged_whether_it_asks_to_or_not)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = reg(HM_MSG_REG_REQUEST, LCOA_A, 1, 60);
	struct rig r;

	config.ms.dad = HM_DAD_NO;
	config.ms.interface[0] = '\0';
	ms_rig(&r, &config);
	packet.reg.ack = false;
	rig_packet(&r, 0, &packet, HM_VERDICT_OK);
	rig_clear(&r);
	rig_bind_done(&r, 5, HM_OK);
	rig_expect(&r, "     5 < send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 "
	               "home=2001:db8:1::9 seq=1 status=accepted life=60 refresh=48 spi=0x1001 "
	               "use=mh-ms\n"
	               "     5 < note binding-added home=2001:db8:1::9 gcoa=2001:db8:f::9 "
	               "coa=2001:db8:a::9\n");
	packet.reg.seq = 2;
	packet.reg.lifetime_s = 0;
	rig_packet(&r, 10, &packet, HM_VERDICT_OK);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 1);
	cr_assert_eq(rig_effect(&r, HM_FX_SEND, 0)->send.packet.back.status, HM_ST_ACCEPTED);
	rig_free(&r);
}

/* A Refresh from nowhere is refused while the Request is being installed. Its number, the first of
 * the next epoch, is accepted all the same; the effects of the installation are in r->fx. */
static void overtaken(struct rig *r)
{
	struct hm_config config = ms_config();
	struct hm_packet request = reg(HM_MSG_REG_REQUEST, LCOA_A, 65535, 60);
	struct hm_packet refresh = reg(HM_MSG_REG_REFRESH, LCOA_B, 0, 60);
	const struct hm_packet *refusal;

	config.ms.dad = HM_DAD_NO;
	config.ms.interface[0] = '\0';
	ms_rig(r, &config);
	request.auth.epoch = 4;
	request.reg.has_prev_ms = true;
	request.reg.prev_ms = addr(OLD_MS);
	rig_packet(r, 0, &request, HM_VERDICT_OK);
	refresh.auth.epoch = 5;
	rig_packet(r, 1, &refresh, HM_VERDICT_OK);
	refusal = &rig_effect(r, HM_FX_SEND, 0)->send.packet;
	cr_assert_eq(refusal->back.status, HM_ST_UNSPECIFIED);
	cr_assert_eq(refusal->back.seq, 0);
	cr_assert_eq(refusal->auth.epoch, 5);
	rig_bind_done(r, 5, HM_OK);
	cr_assert_eq(rig_count(r, HM_FX_SEND), 2);
}

Test(ms_rules, an_acknowledgement_echoes_number_and_epoch_of_what_it_answers)
{
	const struct hm_packet *sent;
	struct rig r;

	overtaken(&r);
	sent = &rig_effect(&r, HM_FX_SEND, 0)->send.packet;
	cr_assert_eq(sent->kind, HM_MSG_BACK);
	cr_assert_eq(sent->back.status, HM_ST_ACCEPTED);
	cr_assert_eq(sent->back.seq, 65535);
	cr_assert_eq(sent->auth.epoch, 4);
	rig_free(&r);
}

Test(ms_rules, the_handoff_request_carries_the_number_of_its_request)
{
	const struct hm_packet *sent;
	struct rig r;

	overtaken(&r);
	sent = &rig_effect(&r, HM_FX_SEND, 1)->send.packet;
	cr_assert_eq(sent->kind, HM_MSG_HANDOFF);
	cr_assert_eq(sent->handoff.seq, 65535);
	cr_assert_eq(sent->auth.epoch, 4);
	rig_free(&r);
}

Test(ms_rules, forwarding_lasts_no_longer_than_was_asked)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = { .src = addr(NEW_MS),
		                    .dst = addr(MS),
		                    .has_home = true,
		                    .home = addr(HOME),
		                    .kind = HM_MSG_HANDOFF,
		                    .handoff = { .malen = 64,
		                                 .seq = 2,
		                                 .lifetime_s = 20,
		                                 .new_gcoa = addr("2001:db8:d::9") },
		                    .auth = { .present = true, .spi = 0x3001 } };
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	rig_bind_done(&r, 5005, HM_OK);
	rig_until(&r, 24999);
	cr_assert_eq(r.unbinds, 0);
	rig_until(&r, 25000);
	cr_assert_eq(r.unbinds, 1);
	rig_free(&r);
}

/* Nothing to forward for: the binding ends instead. */
Test(ms_rules, a_handoff_request_of_no_lifetime_ends_the_binding)
{
	struct hm_config config = ms_config();
	struct hm_packet packet = {
		.src = addr(NEW_MS),
		.dst = addr(MS),
		.has_home = true,
		.home = addr(HOME),
		.kind = HM_MSG_HANDOFF,
		.handoff = { .malen = 64, .seq = 2, .new_gcoa = addr("2001:db8:d::9") },
		.auth = { .present = true, .spi = 0x3001 }
	};
	struct rig r;

	ms_rig(&r, &config);
	ms_registered(&r, 600);
	rig_packet(&r, 5000, &packet, HM_VERDICT_OK);
	cr_assert_eq(r.unbinds, 1);
	cr_assert_eq(rig_count(&r, HM_FX_BIND), 0);
	cr_assert_eq(rig_count(&r, HM_FX_SEND), 0);
	rig_free(&r);
}
