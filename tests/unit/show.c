#include "engine/show.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

static void expect_event(const struct hm_event *ev, const char *want)
{
	char got[512];
	struct hm_text t = hm_text(got, sizeof got);

	hm_event_show(&t, ev);
	cr_assert_str_eq(got, want);
}

static void expect_effect(const struct hm_effect *e, const char *want)
{
	char got[512];
	struct hm_text t = hm_text(got, sizeof got);

	hm_effect_show(&t, e);
	cr_assert_str_eq(got, want);
}

Test(show, a_completion_names_its_ticket_and_its_error)
{
	expect_event(&(struct hm_event){ .kind = HM_EV_BIND_DONE, .done = { 7, HM_OK } },
	             "bind-done t7 ok");
	expect_event(&(struct hm_event){ .kind = HM_EV_BIND_DONE,
	                                 .done = { (2ull << 32) + 7, HM_ENODEV } },
	             "bind-done t2.7 err=\"no such interface\"");
}

Test(show, links_and_addresses)
{
	struct hm_event ev = { .kind = HM_EV_LINK,
		               .link = { .ifindex = 3, .name = "mn0", .present = true } };

	expect_event(&ev, "link mn0 down if=3");
	ev.link.up = true;
	ev.link.link_local = addr("fe80::3");
	expect_event(&ev, "link mn0 up if=3 ll=fe80::3");
	ev.link.present = false;
	expect_event(&ev, "link mn0 gone if=3 ll=fe80::3");
	expect_event(
	        &(struct hm_event){ .kind = HM_EV_ADDRESS,
	                            .address = { 3, addr("2001:db8::9"), HM_ADDRESS_DUPLICATE } },
	        "address 2001:db8::9 if=3 duplicate");
}

Test(show, a_bind_shows_its_row_and_its_path)
{
	struct hm_effect e = { .kind = HM_FX_BIND };

	e.bind.ticket = 1;
	e.bind.has_row = true;
	e.bind.row = (struct hm_binding_row){ .role = HM_ROLE_MS,
		                              .home = addr("2001:db8:1::9"),
		                              .gcoa = addr("2001:db8:f::9"),
		                              .coa = addr("2001:db8:a::9"),
		                              .seq = 4,
		                              .lifetime_s = HM_LIFETIME_INFINITE };
	expect_effect(&e, "bind t1 ms home=2001:db8:1::9 gcoa=2001:db8:f::9 coa=2001:db8:a::9 "
	                  "seq=4 life=infinite");
	e.bind.has_row = false;
	e.bind.has_path = true;
	e.bind.path = (struct hm_forward){ .kind = HM_FORWARD_ENCAP,
		                           .match = addr("2001:db8:f::9"),
		                           .local = addr("2001:db8:f::1"),
		                           .remote = addr("2001:db8:a::9"),
		                           .attract = true };
	expect_effect(&e, "bind t1 | encap match=2001:db8:f::9 local=2001:db8:f::1 "
	                  "remote=2001:db8:a::9 attract");
}

Test(show, a_packet_shows_message_and_authentication_but_never_the_mac)
{
	struct hm_effect e = { .kind = HM_FX_SEND };

	e.send.use = HM_USE_MH_MS;
	e.send.packet = (struct hm_packet){ .src = addr("2001:db8:f::1"),
		                            .dst = addr("2001:db8:a::9"),
		                            .home = addr("2001:db8:1::9"),
		                            .kind = HM_MSG_BACK };
	e.send.packet.back = (struct hm_back){ .status = HM_ST_BADSEQ, .seq = 9 };
	e.send.packet.auth = (struct hm_auth_data){
		.present = true, .spi = 0x1001, .epoch = 2, .mac = { 0xee }
	};
	expect_effect(&e, "send binding-ack src=2001:db8:f::1 dst=2001:db8:a::9 "
	                  "home=2001:db8:1::9 seq=9 status=bad-sequence life=0 refresh=0 "
	                  "spi=0x1001 epoch=2 use=mh-ms");
}
