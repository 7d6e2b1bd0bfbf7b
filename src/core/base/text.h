/* A bounded text buffer. Text that does not fit is cut and marked by `cut`; the buffer always ends
 * in a zero octet. It stands in for snprintf and inet_ntop where pure code must print. */
#ifndef HM_BASE_TEXT_H
#define HM_BASE_TEXT_H

#include "base/addr.h"

#include <stddef.h>

/* The longest text of an address, its zero octet included. */
#define HM_ADDR_TEXT_MAX 46

struct hm_text {
	char *p;
	size_t cap;
	size_t len;
	bool cut;
};

/* cap must be at least 1. */
struct hm_text hm_text(char *p, size_t cap);
void hm_text_str(struct hm_text *t, const char *s);
void hm_text_u64(struct hm_text *t, uint64_t v);
void hm_text_i64(struct hm_text *t, int64_t v);
/* At least `digits` hexadecimal digits, without 0x. */
void hm_text_hex(struct hm_text *t, uint64_t v, unsigned digits);
/* The canonical text of RFC 5952. */
void hm_text_addr(struct hm_text *t, const struct hm_addr *a);

/* Writes the text of RFC 5952 to ret_text and returns it. */
const char *hm_addr_text(const struct hm_addr *a, char ret_text[HM_ADDR_TEXT_MAX]);

#endif
