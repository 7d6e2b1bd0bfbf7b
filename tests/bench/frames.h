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

enum frames_kind {
	FRAMES_PLAIN,
	FRAMES_TUNNELLED,
	FRAMES_ROUTED, /* tunnelled behind a routing header */
	FRAMES_KINDS,
};

#endif
