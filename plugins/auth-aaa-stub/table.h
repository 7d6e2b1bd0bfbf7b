/* The table that stands for a AAA server: one key per line.
 *
 *   USE SPI HOME PEER SECRET
 *
 * separated by blanks; HOME and PEER may be `-` for any, SECRET is hexadecimal, `#` starts a
 * comment. It holds secrets: only its owner may have access to it. */
#ifndef HM_AUTH_AAA_TABLE_H
#define HM_AUTH_AAA_TABLE_H

#include "../keys/keys.h"

/* NULL: it cannot be used, and ret_why says why, with path and line. Small files alone are read: a
 * daemon waits for it. */
struct keys *table_read(const char *path, char *ret_why, size_t why_len);

#endif
