/* Fields of a line of text, ` key=value`, each with the blank before it: what the debug log and
 * the transcripts of tests are made of. */
#ifndef HM_BASE_FIELD_H
#define HM_BASE_FIELD_H

#include "base/text.h"

void hm_field_str(struct hm_text *t, const char *key, const char *value);
void hm_field_num(struct hm_text *t, const char *key, uint64_t v);
void hm_field_addr(struct hm_text *t, const char *key, const struct hm_addr *a);
/* Octets in hexadecimal. */
void hm_field_hex(struct hm_text *t, const char *key, const uint8_t *p, size_t len);
/* Seconds, or `infinite`. */
void hm_field_life(struct hm_text *t, uint32_t lifetime_s);

/* Left out when they are zero. */
void hm_field_opt_num(struct hm_text *t, const char *key, uint64_t v);
void hm_field_opt_addr(struct hm_text *t, const char *key, const struct hm_addr *a);

/* The name alone, when it is set. */
void hm_field_flag(struct hm_text *t, const char *name, bool set);

#endif
