/* What tunnel-bpf left after a crash: its programs go on forwarding by themselves, by entries that
 * nobody keeps any more. Whoever forwards instead takes them off. */
#ifndef HM_TUN_PROGRAMS_H
#define HM_TUN_PROGRAMS_H

/* 0, or the first negative errno; the rest is still done. */
int hm_programs_remove(void);

#endif
