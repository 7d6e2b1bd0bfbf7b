/* What the ends of the forwarding benchmark have in common: the part in the kernel, and its loader.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <linux/types.h>

/* What is written into every frame: Ethernet, IPv6 and UDP headers. Halfwords, because not every
 * machine takes longer words from where a frame has them. */
struct frames_template {
	__u16 halfwords[31];
};

/* Frames at once, at a given rate; how far behind it may be and still keep it. */
#define FRAMES_BURST 64
#define FRAMES_LATE 256

/* As many fit into each queue of a veth (256) and into the page pool of a test run, which has room
 * for a batch. */
#define FRAMES_WINDOW 192
#define FRAMES_BATCH 256
#define FRAMES_LOOK_NS 5000
#define FRAMES_PATIENCE_NS 1000000 /* then what has not arrived is lost */
#define FRAMES_LOOPS (1 << 20)     /* at most, in one wait */

enum frames_kind {
	FRAMES_PLAIN,
	FRAMES_TUNNELLED,
	FRAMES_ROUTED, /* tunnelled behind a routing header */
	FRAMES_KINDS,
};

#endif
