#include "role/mh_rig.h"

Test(mh_attach, registers_with_the_server_then_the_home_agent_at_power_on)
{
	struct hm_config c = mh_config();
	struct rig r;

	rig_init(&r, &hm_role_mh, &c);
	rig_start(&r);
	mh_up(&r, 0, "wlan0", 3);
	rig_until(&r, 0);
	mh_router(&r, 10, 3, 1);
	mh_usable(&r, 20, 3, LCOA11);
	mh_ack(&r, 30, MS1, LCOA11, 1, 0);
	mh_ack(&r, 40, HA, LCOA11, 1, 0);
	rig_until(&r, 1000);
	rig_expect(
	        &r,
	        "     0 < send router-solicit src=fe80::3 dst=ff02::2 if=3\n"
	        "    10 < address add 2001:db8:f1:1:0:ff:fe00:3/64 if=3\n"
	        "    20 < gateway if=3 router=fe80::1\n"
	        "    20 < note attached home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=fe80::1 if=3\n"
	        "    20 < store registration ms state=pending peer=2001:db8:f1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 seq=1\n"
	        "    20 < store seq mh-ms home=2001:db8:1::aa seq=1\n"
	        "    20 < send t1 reg-request src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:f1::1 "
	        "if=3 hao=2001:db8:1::aa seq=1 life=600 malen=64 use=mh-ms\n"
	        "    30 < store registration ms state=active peer=2001:db8:f1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 seq=1\n"
	        "    30 < note registered home=2001:db8:1::aa coa=2001:db8:f1:1:0:ff:fe00:3 "
	        "peer=2001:db8:f1::1\n"
	        "    30 < store registration ha state=pending peer=2001:db8:1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1::aa seq=1\n"
	        "    30 < store seq mh-ha peer=2001:db8:1::1 home=2001:db8:1::aa seq=1\n"
	        "    30 < send t2 binding-update src=2001:db8:f1:1:0:ff:fe00:3 dst=2001:db8:1::1 "
	        "if=3 hao=2001:db8:1::aa seq=1 life=600 A H D alt=2001:db8:f1::aa use=mh-ha\n"
	        "    30 < bind t3 | home match=2001:db8:1::aa home=2001:db8:1::aa "
	        "hop=2001:db8:f1::aa>2001:db8:1::1 hop=2001:db8:f1:1:0:ff:fe00:3>2001:db8:f1::1\n"
	        "    40 < store registration ha state=active peer=2001:db8:1::1 "
	        "home=2001:db8:1::aa coa=2001:db8:f1::aa seq=1\n"
	        "    40 < note registered home=2001:db8:1::aa coa=2001:db8:f1::aa "
	        "peer=2001:db8:1::1\n");
	rig_free(&r);
}
