/* The system call bpf, for programs written by hand (insn.h) and maps. File descriptors or 0, or a
 * negative errno. */
#ifndef HM_IP6TNL_BPF_H
#define HM_IP6TNL_BPF_H

#include <linux/bpf.h>
#include <stdint.h>

/* Takes the labels out of the code and loads it as a classifier. */
int hm_bpf_load(struct bpf_insn *code, unsigned n, const char *name);
/* 0 when all are open; else the first that is an error, and the others are closed. */
int hm_bpf_opened(int *fd, unsigned n);
/* Those that are open; then none is. */
void hm_bpf_close(int *fd, unsigned n);
/* Memory for all of it is taken at once, unless it forgets what was used least (LRU). With flags:
 * BPF_F_MMAPABLE. */
int hm_bpf_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags);
/* -ENOENT: not there. */
int hm_bpf_get(int map, const void *key, void *ret_value);
/* With flags: BPF_ANY, BPF_NOEXIST. */
int hm_bpf_put(int map, const void *key, const void *value, uint64_t flags);
int hm_bpf_del(int map, const void *key);
/* The first key; -ENOENT: empty. */
int hm_bpf_first(int map, void *ret_key);

#endif
