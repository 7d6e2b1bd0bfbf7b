/* Programs onto interfaces, over netlink: an attachment outlives the process that made it, so that
 * neither a crash nor an upgrade stops a packet, and the programs keep their maps alive. The next
 * run finds both through the interfaces.
 *
 * Functions return 0 or a negative errno. An interface that is gone is no error of a removal. */
#ifndef HM_BPF_ATTACH_H
#define HM_BPF_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

/* Where: the priority keeps our filters apart from an administrator's and from each other. Those
 * of lower number are asked first. */
enum hm_attach_prio {
	HM_ATTACH_HOST = 0x484d, /* "HM" */
	HM_ATTACH_SITE = 0x484e,
};

/* Puts the program in place of what is there under that priority, in one step. */
int hm_attach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, int prog_fd);
/* Takes it off, and the clsact qdisc with it when nothing else uses that. */
int hm_detach_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio);
/* The id of the program there; -ENOENT: none. */
int hm_attached_tc(uint32_t ifindex, bool egress, enum hm_attach_prio prio, uint32_t *ret_id);

/* Native XDP, or generic when `generic`. Replaces a program whose name begins with `ours` (at most
 * 15 characters, as bpf() keeps them); another's is left alone: -EBUSY. */
int hm_attach_xdp(uint32_t ifindex, bool generic, int prog_fd, const char *ours);
int hm_detach_xdp(uint32_t ifindex, const char *ours);
/* The id of our program there and its mode; -ENOENT: none, -EBUSY: another's. */
int hm_attached_xdp(uint32_t ifindex, const char *ours, uint32_t *ret_id, bool *ret_generic);

/* A map of an attached program by its name: a file descriptor, or a negative errno. */
int hm_attach_map_of(uint32_t prog_id, const char *name);

/* Makes a map or program visible as /sys/fs/bpf/hmipd/NAMESPACE/NAME where a BPF file system is
 * mounted there: for `bpftool map dump pinned` and its like, and for the next run when it may not
 * ask the kernel by number (that takes CAP_SYS_ADMIN). NAMESPACE is the number of this network
 * namespace. Without such a file system nothing happens. */
void hm_attach_pin(int fd, const char *name);
void hm_attach_unpin(const char *name);

#endif
