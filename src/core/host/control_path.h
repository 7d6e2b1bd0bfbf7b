/* The place of the control socket in the file system. */
#ifndef HM_HOST_CONTROL_PATH_H
#define HM_HOST_CONTROL_PATH_H

#include <stddef.h>

/* Makes the socket's directory when it alone is missing, and removes the socket of a dead daemon.
 * HM_EBUSY: a live one listens there. HM_EEXIST: something else is there. HM_ECONFIG: the path does
 * not fit in a socket address. */
int hm_control_path_clear(const char *path, char *ret_why, size_t why_len);

#endif
