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

static const char *const mobile[] = { "accept_ra",        "autoconf",       "dad_transmits",
	                              "accept_redirects", "optimistic_dad", "use_optimistic" };

/* What the kernel says of an interface that has just been made. */
static void make_interface(struct world *w)
{
	for (size_t i = 0; i < sizeof mobile / sizeof mobile[0]; i++) {
		char below[96];

		(void)snprintf(below, sizeof below, "net/ipv6/conf/if0/%s", mobile[i]);
		make_dirs(w, below);
		(void)snprintf(w->path, sizeof w->path, "%s/%s", w->dir, below);
		write_value(w, strcmp(mobile[i], "accept_ra") == 0 ? "1" : "0");
	}
}

static const struct hm_config on_if0 = { .common.roles[HM_ROLE_MH] = true,
	                                 .mh.interfaces = { .n = 1, .name = { "if0" } } };

/* What happens at a link event: whether all addresses and routes are to be looked at. */
static bool is_taken(struct world *w)
{
	bool taken = false;

	cr_expect_eq(hm_sysctls_interface(&w->sysctls, &on_if0, "if0", &taken), HM_OK);
	return taken;
}

static void set_of_if0(struct world *w, const char *name, const char *value)
{
	(void)snprintf(w->path, sizeof w->path, "%s/net/ipv6/conf/if0/%s", w->dir, name);
	write_value(w, value);
}

Test(sysctl, an_interface_is_taken_over_once_and_again_when_it_is_made_anew)
{
	struct world w;
	bool taken = true;

	open_world(&w);
	make_interface(&w);
	cr_expect(is_taken(&w));
	cr_expect(!is_taken(&w), "a link that flaps has learnt nothing");
	make_interface(&w);
	cr_expect(is_taken(&w), "the kernel may have listened meanwhile");
	hm_sysctls_init(&w.sysctls, w.dir, w.dir);
	cr_expect(is_taken(&w), "a former run may have ended in between");
	cr_expect_eq(hm_sysctls_interface(&w.sysctls, &on_if0, "if1", &taken), HM_OK);
	cr_expect(!taken, "it is not ours");
	close_world(&w);
}

Test(sysctl, only_what_lets_the_kernel_learn_makes_it_be_taken_over_again)
{
	static const struct {
		const char *name, *value;
		bool learns;
	} cases[] = { { "accept_ra", "2", true },       { "autoconf", "1", true },
		      { "dad_transmits", "3", false },  { "accept_redirects", "1", false },
		      { "optimistic_dad", "0", false }, { "use_optimistic", "0", false } };
	struct world w;

	open_world(&w);
	make_interface(&w);
	cr_expect(is_taken(&w));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		set_of_if0(&w, cases[i].name, cases[i].value);
		cr_expect_eq(is_taken(&w), cases[i].learns, "%s", cases[i].name);
		cr_expect(!is_taken(&w), "%s was set", cases[i].name);
	}
	close_world(&w);
}

/* A setting that cannot be written stays as it is, at every event; what it lets the kernel learn
 * comes back as soon as it is forgotten. */
Test(sysctl, an_interface_whose_settings_are_refused_is_taken_over_once)
{
	struct world w;
	bool taken = false;

	open_world(&w);
	make_interface(&w);
	(void)snprintf(w.path, sizeof w.path, "%s/net/ipv6/conf/if0/accept_ra", w.dir);
	cr_assert_eq(unlink(w.path), 0);
	/* Nobody may write this one, whoever runs the test. */
	cr_assert_eq(symlink("/proc/sys/kernel/ostype", w.path), 0);
	cr_expect_eq(hm_sysctls_interface(&w.sysctls, &on_if0, "if0", &taken), HM_EPERM);
	cr_expect(taken);
	cr_expect_eq(hm_sysctls_interface(&w.sysctls, &on_if0, "if0", &taken), HM_EPERM);
	cr_expect(!taken);
	close_world(&w);
}
