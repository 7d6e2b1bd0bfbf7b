/* A directory of its own for a configuration under test, and what loading it says. */
#ifndef HM_TESTS_HOST_SETTINGS_RIG_H
#define HM_TESTS_HOST_SETTINGS_RIG_H

#include "host/settings.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char rig_dir[64];
static char *rig_errors;
static struct hm_settings *rig_settings;

static inline void rig_init(void)
{
	strcpy(rig_dir, "/tmp/hmipd-settings-XXXXXX");
	cr_assert(mkdtemp(rig_dir) && chdir(rig_dir) == 0);
}

static inline int rig_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void rig_fini(void)
{
	hm_settings_destroy(rig_settings);
	rig_settings = NULL;
	free(rig_errors);
	rig_errors = NULL;
	nftw(rig_dir, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void rig_write(const char *name, const void *bytes, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(name); /* a former one may be read-only, which only root can overlook */
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fchmod(fd, mode) == 0);
	close(fd);
}

/* Loads text as c.conf; rig_settings and rig_errors hold what came of it. */
static inline int rig_load_with(const char *text, const struct hm_settings_override *override)
{
	size_t len;
	FILE *errors;
	int err;

	hm_settings_destroy(rig_settings);
	rig_settings = NULL;
	free(rig_errors);
	rig_errors = NULL;
	rig_write("c.conf", text, strlen(text), 0600);
	errors = open_memstream(&rig_errors, &len);
	err = hm_settings_load("c.conf", override, errors, &rig_settings);
	fclose(errors);
	return err;
}

static inline int rig_load(const char *text)
{
	return rig_load_with(text, NULL);
}

static inline void rig_accepts(const char *text)
{
	int err = rig_load(text);

	cr_assert_eq(err, HM_OK, "refused:\n%s", rig_errors);
}

/* The errors must be exactly these lines. */
static inline void rig_refuses(const char *text, const char *errors)
{
	int err = rig_load(text);

	cr_assert_eq(err, HM_ECONFIG, "accepted:\n%s", text);
	cr_assert_null(rig_settings);
	cr_assert_str_eq(rig_errors, errors, "said:\n%sexpected:\n%s", rig_errors, errors);
}

#endif
