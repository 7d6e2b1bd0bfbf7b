/* The table of messages that travel as one destination option each: which number, how aligned, how
 * long, read and written by whom (PROTOCOL 1, 2). A new message is a new row. */
#ifndef HM_WIRE_MSGOPT_H
#define HM_WIRE_MSGOPT_H

#include "wire/subopt.h"

struct hm_msgopt {
	enum hm_msg_kind kind;
	uint8_t x, y; /* alignment xn+y */
	uint8_t fixed_len;
	bool about_home;  /* must come with a Home Address option */
	bool home_beside; /* which we write into the same header, behind the message */
	enum hm_drop (*read)(struct hm_rd fixed, const struct hm_subopts *subs,
	                     struct hm_packet *packet);
	void (*write)(struct hm_wr *w, const struct hm_packet *packet, struct hm_subopts *subs);
};

/* NULL: not a destination option. */
const struct hm_msgopt *hm_msgopt_of_kind(enum hm_msg_kind kind);

/* NULL: not one of our messages. */
const struct hm_msgopt *hm_msgopt_of_type(uint8_t type, const struct hm_wire_numbers *numbers);

uint8_t hm_msgopt_type(const struct hm_msgopt *msgopt, const struct hm_wire_numbers *numbers);

#endif
