/* The packet guard. The kernel parses destination options and routing headers of packets to this
 * machine before any socket sees them, and answers those it does not know with a Parameter Problem
 * (RFC 8200 4.2). The pump reads control packets below the stack; the guard drops the kernel's own
 * copy of them. Transit traffic is never touched. */
#ifndef HM_HOST_GUARD_H
#define HM_HOST_GUARD_H

#include <stddef.h>

/* Another way to drop packets before the kernel parses them is another one of these. */
struct hm_guard_backend {
	const char *name;
	/* Sets it up, replacing what a former run left in one step. ret_why: for people. */
	int (*up)(char *ret_why, size_t why_len);
	int (*down)(void);
	/* As up(), changing nothing: can it work here? */
	int (*check)(char *ret_why, size_t why_len);
};

extern const struct hm_guard_backend hm_guard_nft;
/* For kernels that have no nftables for IPv6: xtables, through the tool ip6tables. */
extern const struct hm_guard_backend hm_guard_xt;

/* Sets up the first of them that works; ret_used stays as it is when none does. */
int hm_guard_up(const struct hm_guard_backend **ret_used, char *ret_why, size_t why_len);
/* As hm_guard_up(), changing nothing. */
int hm_guard_check(const struct hm_guard_backend **ret_used, char *ret_why, size_t why_len);

#endif
