/* Kernel settings that the roles need, under /proc/sys. The value found first is remembered, in a
 * file too, so that a stop after an upgrade or a crash still gives back what the administrator had
 * (contract: what hmipd does to the machine). Each change is one line in the log. */
#ifndef HM_HOST_SYSCTL_H
#define HM_HOST_SYSCTL_H

#include "host/settings.h"

#define HM_SYSCTLS_MAX 128
#define HM_SYSCTL_PATH_MAX 96
#define HM_SYSCTL_VALUE_MAX 32

struct hm_sysctl {
	char path[HM_SYSCTL_PATH_MAX]; /* net/ipv6/conf/all/forwarding */
	char before[HM_SYSCTL_VALUE_MAX];
};

struct hm_sysctls {
	char root[HM_PATH_MAX];  /* /proc/sys */
	char saved[HM_PATH_MAX]; /* where `before` is kept; "": nowhere */
	unsigned n;
	struct hm_sysctl s[HM_SYSCTLS_MAX];
	bool taken[HM_INTERFACES_MAX]; /* the mobile host's, in the order of its setting */
};

/* Reads what a former run of this boot left in state_dir; NULL keeps nothing. */
void hm_sysctls_init(struct hm_sysctls *sysctls, const char *root, const char *state_dir);

/* Makes it so. HM_ENOTFOUND: this kernel has no such setting; HM_EPERM: it cannot be written. */
int hm_sysctl_set(struct hm_sysctls *sysctls, const char *path, const char *value);

/* The settings that the configured roles need for all interfaces, and for one that has appeared.
 * The first failure that matters is returned; the rest is tried all the same. *ret_taken: the
 * kernel could make something of Router Advertisements until now, or may have before this run, and
 * that is to be forgotten. Once per interface, and again when such a setting had come back, as when
 * the interface is made anew; not at every event when the setting cannot be written. */
int hm_sysctls_global(struct hm_sysctls *sysctls, const struct hm_config *config);
int hm_sysctls_interface(struct hm_sysctls *sysctls, const struct hm_config *config,
                         const char *ifname, bool *ret_taken);

/* Gives back everything in reverse order and forgets the file. */
void hm_sysctls_restore(struct hm_sysctls *sysctls);

#endif
