#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define CAP_NET_ADMIN 12
#define CAP_NET_RAW 13

static bool has_capability(unsigned cap)
{
	char line[256];
	uint64_t effective = 0;
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "CapEff: %" SCNx64, &effective) == 1)
			break;
	fclose(f);
	return effective >> cap & 1;
}

static void say(const char *plugin, const char *what, const char *fix, hm_plugin_report *report,
                void *arg)
{
	char text[80];

	(void)snprintf(text, sizeof text, "%s: %s", plugin, what);
	report(arg, text, fix);
}

void hm_tun_check(const char *plugin, hm_plugin_report *report, void *arg)
{
	say(plugin, "/dev/net/tun",
	    access("/dev/net/tun", R_OK | W_OK) == 0
	            ? NULL
	            : "run `modprobe tun`; in a container pass the device /dev/net/tun",
	    report, arg);
	say(plugin, "CAP_NET_ADMIN",
	    has_capability(CAP_NET_ADMIN) ? NULL : "run as root or grant CAP_NET_ADMIN", report,
	    arg);
	say(plugin, "CAP_NET_RAW",
	    has_capability(CAP_NET_RAW) ? NULL : "run as root or grant CAP_NET_RAW", report, arg);
}
