#include "check.h"

#include "maps.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Only the kernel knows what it takes: the programs are loaded, and let go. */
void hm_bpf_check(hm_plugin_report *report, void *arg)
{
	static const __u64 seed[4];
	struct hm_maps maps;
	int err;

	(void)libbpf_set_print(quiet);
	err = hm_maps_make(&maps, 16, NULL, seed);
	if (!err)
		hm_maps_drop(&maps);
	report(arg, "tunnel-bpf: loading its programs",
	       !err            ? NULL
	       : err == -EPERM ? "run as root or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
	                       : "use a kernel of 6.1 or later with CONFIG_BPF_SYSCALL, "
	                         "CONFIG_NET_CLS_BPF, CONFIG_NET_SCH_INGRESS and BTF");
}
