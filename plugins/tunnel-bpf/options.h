/* The options of [plugin tunnel-bpf], by index: those of the embedded data plane come first. */
#ifndef HM_BPF_OPTIONS_H
#define HM_BPF_OPTIONS_H

#include "tunnel-tun/tun.h"

enum hm_bpf_option {
	HM_BPF_OPT_PATH = HM_TUN_N_OPTIONS,
	HM_BPF_OPT_BINDINGS,
	HM_BPF_OPTS,
};

#endif
