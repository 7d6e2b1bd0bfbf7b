/* Rows of an answer as aligned columns for people. The first rows are held back until their widths
 * are known; later ones, which may be a million, keep to these. */
#ifndef HM_HOST_CLIENT_TABLE_H
#define HM_HOST_CLIENT_TABLE_H

#include <cjson/cJSON.h>
#include <stdio.h>

struct hm_table;

/* NULL when memory ran out. */
struct hm_table *hm_table_create(FILE *out);
/* Takes the row. */
void hm_table_take(struct hm_table *table, cJSON *row);
/* Prints what is held back. NULL is fine. */
void hm_table_destroy(struct hm_table *table);

/* The text of a value: a string as it is, a number in digits, - for none. */
const char *hm_json_text(const cJSON *value, char *buf, size_t len);

#endif
