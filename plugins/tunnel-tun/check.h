/* What tunnel-tun needs of the machine, for --check-system. */
#ifndef HM_TUN_CHECK_H
#define HM_TUN_CHECK_H

#include "hmipd-plugin.h"

void hm_tun_check(hm_plugin_report *report, void *arg);

#endif
