/* Moments and spans of the monotonic clock in milliseconds. HM_NEVER is later than every moment,
 * and adding to it, or past the end, stays at it. */
#ifndef HM_BASE_CLOCK_H
#define HM_BASE_CLOCK_H

#include <stdint.h>

typedef int64_t hm_ms;

#define HM_NEVER INT64_MAX
#define HM_SECOND ((hm_ms)1000)

/* A lifetime on the wire that never ends (PROTOCOL 2.1). */
#define HM_LIFETIME_INFINITE UINT32_MAX

static inline hm_ms hm_after(hm_ms at, hm_ms span)
{
	return span > 0 && at > HM_NEVER - span ? HM_NEVER : at + span;
}

static inline hm_ms hm_sooner(hm_ms a, hm_ms b)
{
	return a < b ? a : b;
}

/* The end of a lifetime in seconds that starts at now. */
static inline hm_ms hm_lifetime_end(hm_ms now, uint32_t lifetime_s)
{
	return lifetime_s == HM_LIFETIME_INFINITE ? HM_NEVER
	                                          : hm_after(now, lifetime_s * HM_SECOND);
}

/* What is left of a lifetime in whole seconds, rounded down; 0 when it is over. */
static inline uint32_t hm_lifetime_left(hm_ms now, hm_ms end)
{
	if (end == HM_NEVER)
		return HM_LIFETIME_INFINITE;
	if (end <= now)
		return 0;
	return (end - now) / HM_SECOND >= UINT32_MAX ? UINT32_MAX - 1
	                                             : (uint32_t)((end - now) / HM_SECOND);
}

#endif
