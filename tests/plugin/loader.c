#include "base/err.h"
#include "host/plugin.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* PLUGINS is where the variants of bad-plugins/ were built. */

static char dir[] = "/tmp/hmipd-loader-XXXXXX";

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void tear_down(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(loader, .init = set_up, .fini = tear_down);

/* Puts a variant into the directory as KIND-NAME.so with this mode. */
static void install(const char *variant, const char *file, unsigned mode)
{
	char command[400];

	snprintf(command, sizeof command, "install -m %o %s/auth-%s.so %s/%s.so", mode, PLUGINS,
	         variant, dir, file);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Loading auth-NAME must fail with this reason behind its path. */
static void expect_refusal(const char *name, const char *reason)
{
	struct hm_loaded loaded = { .path = "untouched" };
	char why[400] = "", want[400];

	snprintf(want, sizeof want, "%s/auth-%s.so: %s", dir, name, reason);
	cr_assert_eq(hm_plugin_load(dir, HM_PLUGIN_AUTH, name, &loaded, why, sizeof why),
	             HM_EMISSING, "%s was loaded", name);
	cr_assert_str_eq(why, want);
	cr_assert_str_eq(loaded.path, "untouched");
}

static struct hm_loaded load_good(const char *name)
{
	char why[400] = "";
	struct hm_loaded loaded;

	cr_assert_eq(hm_plugin_load(dir, HM_PLUGIN_AUTH, name, &loaded, why, sizeof why), HM_OK,
	             "%s", why);
	return loaded;
}

Test(loader, refuses_each_wrong_descriptor_with_its_path_and_reason)
{
	const char *const wrong[][2] = {
		{ "magic", "is not a hmipd plugin" },
		{ "abi", "was built for another plugin ABI" },
		{ "size", "has a short descriptor" },
		{ "kind", "is of another kind" },
		{ "symbol", "exports no hm_plugin" },
		{ "name", "names itself otherwise than its file" },
		{ "nameless", "lacks its name, version or summary" },
		{ "verify", "lacks an auth function: key_put, pick, sign and verify are needed" },
		{ "ops", "has no table of auth functions" },
		{ "short-ops", "has a short table of auth functions" },
		{ "open", "lacks open or close" },
	};

	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char file[64];

		snprintf(file, sizeof file, "auth-%s", wrong[i][0]);
		install(wrong[i][0], file, 0755);
		expect_refusal(wrong[i][0], wrong[i][1]);
	}
}

Test(loader, refuses_a_file_that_others_could_have_changed)
{
	install("good", "auth-good", 0775);
	expect_refusal("good", "may be written by group or others");
	install("good", "auth-good", 0757);
	expect_refusal("good", "may be written by group or others");
}

Test(loader, refuses_a_file_of_a_stranger)
{
	char path[100];

	if (geteuid() != 0)
		cr_skip("only root can give files away");
	install("good", "auth-good", 0755);
	snprintf(path, sizeof path, "%s/auth-good.so", dir);
	cr_assert_eq(chown(path, 65534, 65534), 0);
	expect_refusal("good", "belongs neither to root nor to the user hmipd runs as");
}

Test(loader, refuses_what_is_missing_or_no_shared_object)
{
	char command[100];

	expect_refusal("absent", "No such file or directory");
	snprintf(command, sizeof command, "echo text >%s/auth-text.so; mkdir %s/auth-dir.so", dir,
	         dir);
	cr_assert_eq(system(command), 0);
	expect_refusal("text", "file too short");
	expect_refusal("dir", "is no regular file");
}

Test(loader, a_name_cannot_leave_the_directory)
{
	struct hm_loaded loaded;
	char why[400];

	cr_assert_eq(hm_plugin_load(dir, HM_PLUGIN_AUTH, "../x", &loaded, why, sizeof why),
	             HM_EMISSING);
	cr_assert_str_eq(why, "auth-../x: is no name of a plugin");
}

Test(loader, a_longer_descriptor_of_a_later_version_is_welcome)
{
	struct hm_loaded loaded;

	install("good", "auth-good", 0755);
	loaded = load_good("good");
	cr_assert_gt(loaded.plugin->size, sizeof(struct hm_plugin));
	hm_plugin_unload(&loaded);
	cr_assert_null(loaded.plugin);
	cr_assert_null(loaded.dl);
	hm_plugin_unload(&loaded);
}

Test(loader, members_beyond_the_other_sides_size_are_not_there)
{
	struct hm_tunnel_ops ops = { .size = offsetof(struct hm_tunnel_ops, path_mtu) };

	/* Whatever lies behind the table must not be taken for a function. */
	memset((char *)&ops + ops.size, 0xa5, sizeof ops - ops.size);
	cr_assert(!HM_PLUGIN_HAS(&ops, put));
	cr_assert(!HM_PLUGIN_HAS(&ops, path_mtu));
	cr_assert(!HM_PLUGIN_HAS(&ops, stat));
	ops.size += (uint32_t)sizeof ops.path_mtu;
	cr_assert(HM_PLUGIN_HAS(&ops, path_mtu));
	cr_assert(!HM_PLUGIN_HAS(&ops, count));
	/* What was built before `detail` was there. */
	ops.size = offsetof(struct hm_tunnel_ops, detail);
	cr_assert(HM_PLUGIN_HAS(&ops, stat));
	cr_assert(!HM_PLUGIN_HAS(&ops, detail));
}

/* --- open, with options --------------------------------------------------------------------- */

static char said[400];

static void on_log(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	snprintf(said, sizeof said, "%s", text);
}

static const struct hm_host_api api = { .size = sizeof api, .log = on_log };

static void set_option(struct hm_settings *s, const char *section, const char *key,
                       const char *value)
{
	struct hm_plugin_setting *o = &s->plugin_settings[s->n_plugin_settings++];

	snprintf(o->section, sizeof o->section, "%s", section);
	snprintf(o->key, sizeof o->key, "%s", key);
	o->value = (char *)value;
	o->line = 10 + (unsigned)s->n_plugin_settings;
}

static struct hm_settings *settings(void)
{
	static struct hm_plugin_setting options[8];
	static struct hm_settings s = { .file = "x.conf", .state_dir = "/state" };

	s.plugin_settings = options;
	s.n_plugin_settings = 0;
	s.config.wire.accept_rh0 = false;
	return &s;
}

static int open_variant(const char *variant, const struct hm_settings *s,
                        struct hm_loaded *ret_loaded, char why[400])
{
	char file[64];

	snprintf(file, sizeof file, "auth-%s", variant);
	install(variant, file, 0755);
	*ret_loaded = load_good(variant);
	return hm_plugin_open(ret_loaded, s, &api, 0x1234, why, 400);
}

Test(loader, options_arrive_in_declared_order_with_their_fallbacks)
{
	struct hm_settings *s = settings();
	struct hm_loaded loaded;
	char why[400] = "";

	set_option(s, "auth-good", "weight", "9");
	set_option(s, "auth-other", "colour", "blue");
	set_option(s, "tunnel-good", "colour", "green");
	cr_assert_eq(open_variant("good", s, &loaded, why), HM_OK, "%s", why);
	cr_assert_str_eq(said, "mark=1234 flags=0 state=/state colour=red shape=(null) weight=9");
	hm_plugin_unload(&loaded);
	cr_assert_str_eq(said, "closed");
}

Test(loader, plugins_are_told_when_routing_headers_of_type_0_are_accepted)
{
	struct hm_settings *s = settings();
	struct hm_loaded loaded;
	char why[400] = "";

	s->config.wire.accept_rh0 = true;
	cr_assert_eq(open_variant("good", s, &loaded, why), HM_OK, "%s", why);
	cr_assert_str_eq(said, "mark=1234 flags=1 state=/state colour=red shape=(null) weight=7");
	hm_plugin_unload(&loaded);
}

Test(loader, every_unknown_key_is_named_with_its_line)
{
	struct hm_settings *s = settings();
	struct hm_loaded loaded;
	char why[400] = "";

	set_option(s, "auth-good", "color", "red");
	set_option(s, "auth-good", "shape", "round");
	set_option(s, "auth-good", "wait", "9");
	cr_assert_eq(open_variant("good", s, &loaded, why), HM_ECONFIG);
	cr_assert_str_eq(why, "x.conf:11: color: the plugin has no such option; "
	                      "x.conf:13: wait: the plugin has no such option");
	cr_assert_null(loaded.self);
	cr_assert_str_eq(said, "");
	hm_plugin_unload(&loaded);
}

Test(loader, a_plugin_that_does_not_open_is_not_closed)
{
	struct hm_loaded loaded;
	char why[400] = "", want[400];

	cr_assert_eq(open_variant("failing", settings(), &loaded, why), HM_EPERM);
	snprintf(want, sizeof want, "%s/auth-failing.so: cannot be opened: permission denied", dir);
	cr_assert_str_eq(why, want);
	hm_plugin_unload(&loaded);
	cr_assert_str_neq(said, "closed");
	cr_assert_eq(open_variant("no-self", settings(), &loaded, why), HM_EIO);
	hm_plugin_unload(&loaded);
	cr_assert_str_neq(said, "closed");
}

Test(loader, help_prints_what_the_plugin_declares)
{
	char text[400] = "";
	struct hm_loaded loaded;
	FILE *f = fmemopen(text, sizeof text, "w");

	install("good", "auth-good", 0755);
	loaded = load_good("good");
	hm_plugin_help(&loaded, f);
	fclose(f);
	cr_assert_str_eq(text, "auth-good 1.0: a plugin for tests\n"
	                       "Options of section [plugin auth-good]:\n"
	                       "  colour = red\n      what it looks like\n"
	                       "  shape\n      how it feels\n"
	                       "  weight = 7\n      how heavy it is\n");
	hm_plugin_unload(&loaded);
}
