#include "base/err.h"
#include "host/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* xtables have no interface for programs but their tools. Old kernels and stripped-down ones have
 * them where they have no nftables for IPv6; `ip6tables` may be a front to nftables, so the other
 * name is tried first. Each call reads a whole table's change and does it in one step; -w waits for
 * who else is at it. */
static const char *const tools[] = { "ip6tables-legacy-restore", "ip6tables-restore" };

#define CHAINS(in, out) ":" in " - [0:0]\n:" out " - [0:0]\n"

/* What guard.c says in the words of nftables. u32: the low octet of the four from there on, so that
 * 3 is the next header, 37 and 39 the next header and the first option behind the fixed header, 45
 * and 47 those of what is in a fragment, 51 the next header of the packet that an error is about.
 */
#define RULES(in, out)                                                                             \
	"-A " in " -m u32 --u32 3&0xFF=60&&37&0xFF=41&&39&0xFF=4 -j RETURN\n"                      \
	"-A " in " -m u32 --u32 3&0xFF=44&&37&0xFF=60&&45&0xFF=41&&47&0xFF=4 -j RETURN\n"          \
	"-A " in " -m dst -m addrtype --dst-type LOCAL -j DROP\n"                                  \
	"-A " in " -m rt --rt-type 0 -m addrtype --dst-type LOCAL -j DROP\n"                       \
	"-A " in " -m rt --rt-type 2 -m addrtype --dst-type LOCAL -j DROP\n"                       \
	"-A " out                                                                                  \
	" -p icmpv6 --icmpv6-type 1/4 -m mark --mark 0 -m u32 --u32 51&0xFF=41 -j DROP\n"          \
	"-A " out                                                                                  \
	" -p icmpv6 --icmpv6-type 4/1 -m mark --mark 0 -m u32 --u32 51&0xFF=41 -j DROP\n"

#define IN "hmip_guard"
#define OUT "hmip_guard_out"
#define UNHOOK "-D PREROUTING -j " IN "\n-D OUTPUT -j " OUT "\n"
#define HOOK "-I PREROUTING -j " IN "\n-I OUTPUT -j " OUT "\n"
#define TABLE(text) "*raw\n" text "COMMIT\n"

/* An empty chain of that name in place of what a former run left is no error. What a former run
 * hooked is taken off first; on a fresh machine that fails, and changes nothing. */
static const char again_text[] = TABLE(CHAINS(IN, OUT) UNHOOK RULES(IN, OUT) HOOK);
static const char fresh_text[] = TABLE(CHAINS(IN, OUT) RULES(IN, OUT) HOOK);
static const char down_text[] = TABLE(CHAINS(IN, OUT) UNHOOK "-X " IN "\n-X " OUT "\n");

#define CHECK_IN "hmip_check"
#define CHECK_OUT "hmip_check_out"
static const char check_text[] = TABLE(CHAINS(CHECK_IN, CHECK_OUT) RULES(CHECK_IN, CHECK_OUT));
static const char checked_text[] =
        TABLE(CHAINS(CHECK_IN, CHECK_OUT) "-X " CHECK_IN "\n-X " CHECK_OUT "\n");

/* The reading end of a pipe with the text in it, which is less than a pipe holds. */
static int pipe_with(const char *text)
{
	size_t len = strlen(text);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	if (write(ends[1], text, len) != (ssize_t)len) {
		close(ends[0]);
		ends[0] = -1;
	}
	close(ends[1]);
	return ends[0];
}

/* 0, or an errno; ret_said takes the beginning of what it says to standard error. */
static int start(const char *tool, int in, int said, pid_t *ret_pid)
{
	static char wait_for_others[] = "-w", keep_the_rest[] = "--noflush";
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char name[32], *const argv[] = { name, wait_for_others, keep_the_rest, NULL };
	char *const env[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	(void)snprintf(name, sizeof name, "%s", tool);
	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&actions, in, 0);
	err = err ? err : posix_spawn_file_actions_adddup2(&actions, said, 2);
	err = err ? err : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	err = err ? err : posix_spawnp(ret_pid, tool, &actions, NULL, argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* HM_ENOTFOUND: there is no such tool. */
static int run_tool(const char *tool, const char *text, char *ret_why, size_t why_len)
{
	int said[2], in = pipe_with(text), status = 0, err;
	pid_t pid = -1;
	ssize_t n = 0;

	if (in < 0)
		return HM_EIO;
	if (pipe2(said, O_CLOEXEC) != 0) {
		close(in);
		return HM_EIO;
	}
	err = start(tool, in, said[1], &pid);
	close(in);
	close(said[1]);
	if (!err) {
		n = read(said[0], ret_why, why_len - 1);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(said[0]);
	ret_why[n > 0 ? n : 0] = '\0';
	ret_why[strcspn(ret_why, "\n")] = '\0';
	if (err == ENOENT)
		return HM_ENOTFOUND;
	if (err)
		(void)snprintf(ret_why, why_len, "%s: %s", tool, strerror(err));
	return !err && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? HM_OK : HM_EMISSING;
}

static int run(const char *text, char *ret_why, size_t why_len)
{
	int err = HM_ENOTFOUND;

	for (unsigned i = 0; err && i < sizeof tools / sizeof tools[0]; i++) {
		char why[128] = "";

		err = run_tool(tools[i], text, why, sizeof why);
		if (err && err != HM_ENOTFOUND)
			(void)snprintf(ret_why, why_len, "%s", why);
	}
	if (err == HM_ENOTFOUND)
		(void)snprintf(ret_why, why_len, "no tool ip6tables");
	return err ? HM_EMISSING : HM_OK;
}

static int up(char *ret_why, size_t why_len)
{
	ret_why[0] = '\0';
	if (!run(again_text, ret_why, why_len))
		return HM_OK;
	return run(fresh_text, ret_why, why_len);
}

static int down(void)
{
	char why[128] = "";

	return run(down_text, why, sizeof why);
}

static int check(char *ret_why, size_t why_len)
{
	int err = run(check_text, ret_why, why_len);

	return err ? err : run(checked_text, ret_why, why_len);
}

const struct hm_guard_backend hm_guard_xt = {
	.name = "ip6tables",
	.up = up,
	.down = down,
	.check = check,
};
