#include "host/sysctl.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct wanted {
	const char *name, *value;
	bool optional; /* not every kernel has it */
	bool learns;   /* otherwise the kernel makes addresses and routes of advertisements */
};

/* A mobile host reads Router Advertisements itself: the kernel would keep default routes and
 * addresses of links that were left. */
static const struct wanted mobile[] = {
	{ .name = "accept_ra", .value = "0", .learns = true },
	{ .name = "autoconf", .value = "0", .learns = true },
	{ .name = "dad_transmits", .value = "1" },
	{ .name = "accept_redirects", .value = "0" },
	{ .name = "optimistic_dad", .value = "1", .optional = true },
	{ .name = "use_optimistic", .value = "1", .optional = true },
};

static int read_text(const char *path, char *ret_text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == EACCES ? HM_EPERM : HM_ENOTFOUND;
	n = read(fd, ret_text, len - 1);
	close(fd);
	if (n < 0)
		return HM_EIO;
	ret_text[n] = '\0';
	ret_text[strcspn(ret_text, "\n")] = '\0';
	return HM_OK;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? HM_ENOTFOUND : HM_EPERM;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? HM_OK : HM_EPERM;
}

static void full_path(const struct hm_sysctls *sysctls, const char *path,
                      char ret_full[HM_PATH_MAX])
{
	(void)snprintf(ret_full, HM_PATH_MAX, "%.*s/%s", HM_PATH_MAX - HM_SYSCTL_PATH_MAX - 2,
	               sysctls->root, path);
}

static const char *boot_id(char ret_id[64])
{
	if (read_text("/proc/sys/kernel/random/boot_id", ret_id, 64))
		ret_id[0] = '\0';
	return ret_id;
}

/* One setting per line after the boot they were changed in. */
static void save(const struct hm_sysctls *sysctls)
{
	char id[64];
	FILE *f;

	if (!sysctls->saved[0])
		return;
	f = fopen(sysctls->saved, "we");
	if (!f) {
		hm_log(HM_LOG_WARNING, "keep former kernel settings failed path=%s reason=\"%s\"",
		       sysctls->saved, strerror(errno));
		return;
	}
	(void)fprintf(f, "boot %s\n", boot_id(id));
	for (unsigned i = 0; i < sysctls->n; i++)
		(void)fprintf(f, "%s %s\n", sysctls->s[i].path, sysctls->s[i].before);
	(void)fclose(f);
}

static void load(struct hm_sysctls *sysctls)
{
	char id[64], line[HM_SYSCTL_PATH_MAX + HM_SYSCTL_VALUE_MAX + 2];
	FILE *f = fopen(sysctls->saved, "re");

	if (!f)
		return;
	if (!fgets(line, sizeof line, f) || strncmp(line, "boot ", 5) != 0 ||
	    strncmp(line + 5, boot_id(id), strlen(id)) != 0) {
		(void)fclose(f);
		return;
	}
	while (sysctls->n < HM_SYSCTLS_MAX && fgets(line, sizeof line, f)) {
		struct hm_sysctl *s = &sysctls->s[sysctls->n];

		if (sscanf(line, "%95s %31s", s->path, s->before) == 2)
			sysctls->n++;
	}
	(void)fclose(f);
}

static bool known(const struct hm_sysctls *sysctls, const char *path)
{
	for (unsigned i = 0; i < sysctls->n; i++)
		if (!strcmp(sysctls->s[i].path, path))
			return true;
	return false;
}

static int index_of(const struct hm_name_list *list, const char *name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (!strcmp(list->name[i], name))
			return (int)i;
	return -1;
}

void hm_sysctls_init(struct hm_sysctls *sysctls, const char *root, const char *state_dir)
{
	memset(sysctls, 0, sizeof *sysctls);
	(void)snprintf(sysctls->root, sizeof sysctls->root, "%s", root);
	if (!state_dir)
		return;
	(void)snprintf(sysctls->saved, sizeof sysctls->saved, "%.*s/kernel-settings",
	               HM_PATH_MAX - 32, state_dir);
	load(sysctls);
}

/* The same, and tells whether it had to be changed and was. */
static int replace(struct hm_sysctls *sysctls, const char *path, const char *value,
                   bool *ret_changed)
{
	char full[HM_PATH_MAX], before[HM_SYSCTL_VALUE_MAX];
	int err;

	*ret_changed = false;
	full_path(sysctls, path, full);
	err = read_text(full, before, sizeof before);
	if (err || !strcmp(before, value))
		return err;
	if (!known(sysctls, path) && sysctls->n < HM_SYSCTLS_MAX) {
		struct hm_sysctl *s = &sysctls->s[sysctls->n++];

		(void)snprintf(s->path, sizeof s->path, "%s", path);
		(void)snprintf(s->before, sizeof s->before, "%s", before);
		save(sysctls); /* before the change: a crash in between gives back too much */
	}
	err = write_text(full, value);
	*ret_changed = !err;
	if (!err)
		hm_log(HM_LOG_INFO, "set sysctl=%s value=%s before=%s", path, value, before);
	return err;
}

int hm_sysctl_set(struct hm_sysctls *sysctls, const char *path, const char *value)
{
	bool changed;

	return replace(sysctls, path, value, &changed);
}

static const char *path_of(const char *ifname, const char *name, char ret_path[HM_SYSCTL_PATH_MAX])
{
	(void)snprintf(ret_path, HM_SYSCTL_PATH_MAX, "net/ipv6/conf/%.16s/%s", ifname, name);
	return ret_path;
}

int hm_sysctls_global(struct hm_sysctls *sysctls, const struct hm_config *config)
{
	const bool *on = config->common.roles;
	char path[HM_SYSCTL_PATH_MAX];

	if (!on[HM_ROLE_MS] && !on[HM_ROLE_HA] && !on[HM_ROLE_RA])
		return HM_OK;
	return hm_sysctl_set(sysctls, path_of("all", "forwarding", path), "1");
}

int hm_sysctls_interface(struct hm_sysctls *sysctls, const struct hm_config *config,
                         const char *ifname, bool *ret_taken)
{
	const int at =
	        config->common.roles[HM_ROLE_MH] ? index_of(&config->mh.interfaces, ifname) : -1;
	int first = HM_OK;

	*ret_taken = false;
	if (at < 0)
		return HM_OK;
	/* A crash of a former run may have left the settings made and nothing forgotten. */
	*ret_taken = !sysctls->taken[at];
	sysctls->taken[at] = true;
	for (size_t i = 0; i < sizeof mobile / sizeof mobile[0]; i++) {
		char path[HM_SYSCTL_PATH_MAX];
		bool changed;
		int err = replace(sysctls, path_of(ifname, mobile[i].name, path), mobile[i].value,
		                  &changed);

		*ret_taken |= changed && mobile[i].learns;
		if (err && !first && !mobile[i].optional)
			first = err;
	}
	return first;
}

void hm_sysctls_restore(struct hm_sysctls *sysctls)
{
	while (sysctls->n > 0) {
		const struct hm_sysctl *s = &sysctls->s[--sysctls->n];
		char full[HM_PATH_MAX];
		int err;

		full_path(sysctls, s->path, full);
		err = write_text(full, s->before);
		if (!err)
			hm_log(HM_LOG_INFO, "restore sysctl=%s value=%s", s->path, s->before);
		else if (err != HM_ENOTFOUND) /* the interface is gone: nothing to give back */
			hm_log(HM_LOG_WARNING, "restore sysctl=%s failed reason=\"%s\"", s->path,
			       hm_err_text(err));
	}
	if (sysctls->saved[0])
		(void)unlink(sysctls->saved);
}
