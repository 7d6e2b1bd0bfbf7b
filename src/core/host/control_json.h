/* What the control socket says, one JSON object per line. These keys are a promise to scripts:
 * hmipd(8) lists them. Each function writes a line, its newline and a zero octet included, and
 * returns its length without the latter; 0 when memory ran out. */
#ifndef HM_HOST_CONTROL_JSON_H
#define HM_HOST_CONTROL_JSON_H

#include "host/control.h"

/* Room for any line. */
#define HM_JSON_LINE_MAX 1536

size_t hm_json_row(const struct hm_control_source *source, enum hm_show what,
                   const struct hm_show_row *row, char ret_line[HM_JSON_LINE_MAX]);
size_t hm_json_counter(const char *group, const char *name, uint64_t value,
                       char ret_line[HM_JSON_LINE_MAX]);
size_t hm_json_status(const char *key, const char *text, char ret_line[HM_JSON_LINE_MAX]);
size_t hm_json_note(const struct hm_control_source *source, enum hm_role_id role,
                    const struct hm_effect *note, char ret_line[HM_JSON_LINE_MAX]);
size_t hm_json_error(const char *why, char ret_line[HM_JSON_LINE_MAX]);

#endif
