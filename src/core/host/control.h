/* The control socket (contract: `hmipd show`, `hmipd watch`): a Unix stream socket, one JSON object
 * per line each way. The server asks the running daemon through struct hm_control_source and never
 * holds up the loop: a slow reader is paused, a watcher that falls too far behind is told so and
 * cut.
 *
 *   request:  {"show":"bindings"} | {"watch":true}
 *   answer:   one object per row, then {"end":true} | {"error":"..."}
 */
#ifndef HM_HOST_CONTROL_H
#define HM_HOST_CONTROL_H

#include "engine/step.h"
#include "hmipd-plugin.h"

#include <stdio.h>
#include <uv.h>

struct hm_control;

/* A line of `show status`. */
struct hm_status_line {
	char key[64];
	char text[1024];
};

/* What the server asks; all on the loop thread. */
struct hm_control_source {
	void *arg;
	/* The next row at or after *cursor over all roles, as struct hm_role has it. */
	bool (*row)(void *arg, enum hm_show what, uint64_t *cursor, struct hm_show_row *ret_row);
	/* What the data plane carried for a binding row; false when it does not know. */
	bool (*count)(void *arg, const struct hm_show_row *row, struct hm_tunnel_count *ret_count);
	/* Name and value of the index-th counter; false past the last. */
	bool (*counter)(void *arg, unsigned index, const char **ret_group, const char **ret_name,
	                uint64_t *ret_value);
	/* The index-th line of `show status`; false past the last. */
	bool (*status)(void *arg, unsigned index, struct hm_status_line *ret_line);
	/* The name of an interface, "" when there is none. */
	const char *(*ifname)(void *arg, uint32_t ifindex);
	hm_ms (*now_ms)(void *arg);
	int64_t (*wall_ms)(void *arg);
};

/* Listens on path with mode 0660; a stale socket of a dead daemon is replaced, a live one is
 * HM_EBUSY. The source outlives the control. On failure ret_why says why. */
int hm_control_open(uv_loop_t *loop, const char *path, const struct hm_control_source *source,
                    struct hm_control **ret_control, char *ret_why, size_t why_len);
/* Closes listener and clients and unlinks the socket; the loop must run once more. NULL is fine. */
void hm_control_close(struct hm_control *control);

/* Tells those who watch. The effect is a HM_FX_NOTE of the role. */
void hm_control_note(struct hm_control *control, enum hm_role_id role,
                     const struct hm_effect *note);

/* The other end: `hmipd show WHAT [--json]` and `hmipd watch [--json]`; returns an exit status. */
int hm_control_show(const char *path, const char *what, bool json, FILE *out);
int hm_control_watch(const char *path, bool json, FILE *out);

#endif
