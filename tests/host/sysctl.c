/* Settings in a directory that stands for /proc/sys. */
#include "host/sysctl.h"

#include "base/err.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORWARDING "net/ipv6/conf/all/forwarding"

struct world {
	char dir[64];
	char path[160];
	struct hm_sysctls sysctls;
};

static void write_value(const struct world *w, const char *value)
{
	FILE *f = fopen(w->path, "we");

	cr_assert(f);
	(void)fprintf(f, "%s\n", value);
	(void)fclose(f);
}

static char *read_value(const struct world *w)
{
	static char text[32];
	FILE *f = fopen(w->path, "re");

	cr_assert(f && fgets(text, sizeof text, f));
	(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void make_dirs(const struct world *w, const char *below)
{
	char path[160];

	(void)snprintf(path, sizeof path, "%s/%s", w->dir, below);
	for (char *p = path + strlen(w->dir) + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
}

static void open_world(struct world *w)
{
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/hmip-sysctl-XXXXXX");
	cr_assert(mkdtemp(w->dir));
	make_dirs(w, FORWARDING);
	(void)snprintf(w->path, sizeof w->path, "%s/%s", w->dir, FORWARDING);
	write_value(w, "0");
	hm_sysctls_init(&w->sysctls, w->dir, w->dir);
}

static void close_world(const struct world *w)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -r %s", w->dir);
	cr_assert_eq(system(command), 0);
}

Test(sysctl, gives_back_what_was_there_before)
{
	struct world w;

	open_world(&w);
	cr_expect_eq(hm_sysctl_set(&w.sysctls, FORWARDING, "1"), 0);
	cr_expect_eq(hm_sysctl_set(&w.sysctls, FORWARDING, "2"), 0);
	cr_expect_str_eq(read_value(&w), "2");
	hm_sysctls_restore(&w.sysctls);
	cr_expect_str_eq(read_value(&w), "0");
	close_world(&w);
}

Test(sysctl, leaves_alone_what_is_right_already)
{
	struct world w;

	open_world(&w);
	write_value(&w, "1");
	cr_expect_eq(hm_sysctl_set(&w.sysctls, FORWARDING, "1"), 0);
	cr_expect_eq(w.sysctls.n, 0);
	close_world(&w);
}

Test(sysctl, a_crash_does_not_make_it_forget)
{
	struct world w;

	open_world(&w);
	cr_expect_eq(hm_sysctl_set(&w.sysctls, FORWARDING, "1"), 0);
	hm_sysctls_init(&w.sysctls, w.dir, w.dir);
	cr_expect_eq(hm_sysctl_set(&w.sysctls, FORWARDING, "1"), 0);
	hm_sysctls_restore(&w.sysctls);
	cr_expect_str_eq(read_value(&w), "0");
	hm_sysctls_init(&w.sysctls, w.dir, w.dir);
	cr_expect_eq(w.sysctls.n, 0);
	close_world(&w);
}

Test(sysctl, names_what_this_kernel_lacks)
{
	struct world w;

	open_world(&w);
	cr_expect_eq(hm_sysctl_set(&w.sysctls, "net/ipv6/conf/x/forwarding", "1"), HM_ENOTFOUND);
	close_world(&w);
}
