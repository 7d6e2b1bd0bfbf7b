/* What tunnel-bpf needs of the machine beyond its embedded data plane, for --check-system. */
#ifndef HM_BPF_CHECK_H
#define HM_BPF_CHECK_H

#include "hmipd-plugin.h"

void hm_bpf_check(hm_plugin_report *report, void *arg);

#endif
