#include "host/guard.h"

#include "base/err.h"

#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TABLE "hmip_guard"

/* `meta l4proto` would look past the very headers that matter here. Destination options in front
 * of a tunnelled packet (next header 41) that begin with a Tunnel Encapsulation Limit are the
 * kernel's business (RFC 2473 4.1.1), and so they are in a first fragment: without that one the
 * kernel would keep the others, of every packet, until they take the room of those for sockets.
 * `fib daddr type local` is what keeps transit untouched.
 *
 * Tunnelled packets that a plugin takes below the stack reach the kernel's tunnels too. What they
 * know is theirs, an administrator's tunnels with it, so nothing is dropped on the way in; but the
 * kernel must not tell senders that nobody takes the rest (Port Unreachable from ip6_tunnel,
 * Parameter Problem where there is none): to them that would mean our end of the tunnel is gone. */
static const char up_text[] = "add table ip6 " TABLE "\n"
                              "delete table ip6 " TABLE "\n"
                              "table ip6 " TABLE " {\n"
                              "	chain prerouting {\n"
                              "		type filter hook prerouting priority raw; policy accept;\n"
                              "		ip6 nexthdr 60 @nh,320,8 41 @nh,336,8 4 return\n"
                              "		ip6 nexthdr 44 @nh,320,8 60 "
                              "@nh,384,8 41 @nh,400,8 4 return\n"
                              "		exthdr dst exists fib daddr type local drop\n"
                              "		rt type { 0, 2 } fib daddr type local drop\n"
                              "	}\n"
                              "	chain output {\n"
                              "		type filter hook output priority raw; policy accept;\n"
                              "		icmpv6 type 1 icmpv6 code 4 meta mark 0 @th,112,8 41 drop\n"
                              "		icmpv6 type 4 icmpv6 code 1 meta mark 0 @th,112,8 41 drop\n"
                              "	}\n"
                              "}\n";

static const char down_text[] = "add table ip6 " TABLE "\n"
                                "delete table ip6 " TABLE "\n";

static void first_line(const char *text, char *ret_why, size_t why_len)
{
	(void)snprintf(ret_why, why_len, "%.*s", (int)strcspn(text, "\n"), text);
}

static int run(const char *text, char *ret_why, size_t why_len)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int err = HM_OK;

	if (!nft) {
		(void)snprintf(ret_why, why_len, "out of memory");
		return HM_ENOMEM;
	}
	(void)nft_ctx_buffer_output(nft);
	(void)nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_buffer(nft, text)) {
		first_line(nft_ctx_get_error_buffer(nft), ret_why, why_len);
		err = HM_EMISSING;
	}
	nft_ctx_free(nft);
	return err;
}

static int up(char *ret_why, size_t why_len)
{
	return run(up_text, ret_why, why_len);
}

static int down(void)
{
	char why[128];

	return run(down_text, why, sizeof why);
}

/* Only the kernel knows: a table of another name, made and removed again. */
static int check(char *ret_why, size_t why_len)
{
	static const char text[] = "table ip6 hmip_check {\n"
	                           "	chain prerouting {\n"
	                           "		type filter hook prerouting priority raw;\n"
	                           "		exthdr dst exists fib daddr type local counter\n"
	                           "	}\n"
	                           "}\n";
	int err = run(text, ret_why, why_len);

	if (!err)
		err = run("delete table ip6 hmip_check\n", ret_why, why_len);
	return err;
}

const struct hm_guard_backend hm_guard_nft = {
	.name = "nftables",
	.up = up,
	.down = down,
	.check = check,
};

static int first_that(bool only_check, const struct hm_guard_backend **ret_used, char *ret_why,
                      size_t why_len)
{
	static const struct hm_guard_backend *const all[] = { &hm_guard_nft, &hm_guard_xt };
	char why[sizeof all / sizeof all[0]][128] = { "", "" };
	int err = HM_EMISSING;

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
		err = (only_check ? all[i]->check : all[i]->up)(why[i], sizeof why[i]);
		if (!err) {
			*ret_used = all[i];
			return HM_OK;
		}
	}
	(void)snprintf(ret_why, why_len, "%s: %s; %s: %s", all[0]->name, why[0], all[1]->name,
	               why[1]);
	return err;
}

int hm_guard_up(const struct hm_guard_backend **ret_used, char *ret_why, size_t why_len)
{
	return first_that(false, ret_used, ret_why, why_len);
}

int hm_guard_check(const struct hm_guard_backend **ret_used, char *ret_why, size_t why_len)
{
	return first_that(true, ret_used, ret_why, why_len);
}
