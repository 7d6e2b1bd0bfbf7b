/* What the data plane in user space needs of the machine, for --check-system; on behalf of the
 * plugin of that name. */
#ifndef HM_TUN_CHECK_H
#define HM_TUN_CHECK_H

#include "hmipd-plugin.h"

void hm_tun_check(const char *plugin, hm_plugin_report *report, void *arg);

#endif
