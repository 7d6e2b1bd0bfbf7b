#include "offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEATURE "tx-ipxip6-segmentation"

static bool ask(int fd, const char *device, void *request)
{
	struct ifreq ifr = { .ifr_data = request };

	(void)snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", device);
	return ioctl(fd, SIOCETHTOOL, &ifr) == 0;
}

static uint32_t count_features(int fd, const char *device)
{
	union {
		struct ethtool_sset_info head;
		uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} info = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	uint32_t n;

	if (!ask(fd, device, &info) || info.head.sset_mask == 0)
		return 0;
	memcpy(&n, info.room + sizeof info.head, sizeof n);
	return n;
}

/* Its place among n features; n: not there. */
static uint32_t find_feature(int fd, const char *device, uint32_t n)
{
	struct ethtool_gstrings *names = calloc(1, sizeof *names + (size_t)n * ETH_GSTRING_LEN);
	uint32_t at = 0;

	if (!names)
		return n;
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
		                            .string_set = ETH_SS_FEATURES,
		                            .len = n };
	if (!ask(fd, device, names))
		at = n;
	while (at < n && strncmp((const char *)names->data + (size_t)at * ETH_GSTRING_LEN, FEATURE,
	                         ETH_GSTRING_LEN) != 0)
		at++;
	free(names);
	return at;
}

static bool is_active(int fd, const char *device, uint32_t n, uint32_t at)
{
	uint32_t blocks = (n + 31) / 32;
	struct ethtool_gfeatures *features =
	        calloc(1, sizeof *features + blocks * sizeof features->features[0]);
	bool active;

	if (!features)
		return false;
	*features = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = blocks };
	active = ask(fd, device, features) && features->features[at / 32].active >> at % 32 & 1;
	free(features);
	return active;
}

bool hm_offload_cuts_tunnels(const char *device)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t n, at;
	bool cuts;

	if (fd < 0)
		return false;
	n = count_features(fd, device);
	at = n > 0 ? find_feature(fd, device, n) : n;
	cuts = at < n && is_active(fd, device, n, at);
	(void)close(fd);
	return cuts;
}
