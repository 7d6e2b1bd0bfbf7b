/* A thread that calls once a second. */
#ifndef HM_IP6TNL_TICK_H
#define HM_IP6TNL_TICK_H

struct hm_tick;

/* NULL: no memory or no thread. */
struct hm_tick *hm_tick_start(void (*call)(void *arg), void *arg);
/* When it returns there is no call any more. NULL is fine. */
void hm_tick_stop(struct hm_tick *t);

#endif
