#include "bpf.h"

#include "insn.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LABELS 8u

static int bpf(int command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof *attr);

	return r < 0 ? -errno : (int)r;
}

/* The number of instructions that are left. */
static unsigned resolve(struct bpf_insn *code, unsigned n)
{
	unsigned at[LABELS] = { 0 }, left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (code[i].code == LABEL_CODE)
			at[code[i].imm] = left;
		else
			code[left++] = code[i];
	}
	for (unsigned i = 0; i < left; i++)
		if (code[i].off >= TO(0) && code[i].off < (int)(TO(0) + LABELS))
			code[i].off = (int16_t)(at[code[i].off - TO(0)] - i - 1);
	return left;
}

int hm_bpf_load(struct bpf_insn *code, unsigned n, const char *name)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SCHED_CLS,
		                .insn_cnt = resolve(code, n),
		                .insns = (uint64_t)(uintptr_t)code,
		                .license = (uint64_t)(uintptr_t) "GPL" };

	memcpy(attr.prog_name, name, strlen(name));
	return bpf(BPF_PROG_LOAD, &attr);
}

int hm_bpf_opened(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int err = fd[i];

		if (err >= 0)
			continue;
		hm_bpf_close(fd, n);
		return err;
	}
	return 0;
}

void hm_bpf_close(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

int hm_bpf_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t max, uint32_t flags)
{
	/* Memory at once: what is taken as it is used comes from a pool that a burst empties. */
	union bpf_attr attr = { .map_type = type,
		                .key_size = key,
		                .value_size = value,
		                .max_entries = max,
		                .map_flags = flags };

	memcpy(attr.map_name, "hmip", 4);
	return bpf(BPF_MAP_CREATE, &attr);
}

static union bpf_attr element(int map, const void *key, const void *value)
{
	return (union bpf_attr){ .map_fd = (uint32_t)map,
		                 .key = (uint64_t)(uintptr_t)key,
		                 .value = (uint64_t)(uintptr_t)value };
}

int hm_bpf_get(int map, const void *key, void *ret_value)
{
	union bpf_attr attr = element(map, key, ret_value);

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

int hm_bpf_put(int map, const void *key, const void *value, uint64_t flags)
{
	union bpf_attr attr = element(map, key, value);

	attr.flags = flags;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int hm_bpf_del(int map, const void *key)
{
	union bpf_attr attr = element(map, key, NULL);

	return bpf(BPF_MAP_DELETE_ELEM, &attr);
}

int hm_bpf_first(int map, void *ret_key)
{
	union bpf_attr attr = element(map, NULL, ret_key);

	return bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}
