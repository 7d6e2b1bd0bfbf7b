/* The running daemon: everything between one SIGTERM and the kernel. Private to host/; each file
 * that takes part says in its first lines which part it is.
 *
 *   daemon.c    what is opened at the start, in which order, and closed at the end
 *   run.c       the loop: the one timer, signals, reload
 *   effects.c   what roles ask for
 *   learnt.c    keys that the auth plugin obtained from elsewhere
 *   links.c     what the kernel tells, and what an interface needs when it appears
 *   incoming.c  packets and answers of plugins and store, on their way to the roles
 *   tunnel.c    which plugins are loaded
 *   source.c    what `show` asks
 */
#ifndef HM_HOST_DAEMON_H
#define HM_HOST_DAEMON_H

#include "host/authq.h"
#include "host/control.h"
#include "host/dataplane.h"
#include "host/kernel.h"
#include "host/outq.h"
#include "host/plugin.h"
#include "host/pump.h"
#include "host/quiet.h"
#include "host/relay.h"
#include "host/run.h"
#include "host/rx.h"
#include "host/services.h"
#include "host/store.h"
#include "host/sysctl.h"
#include "host/tx.h"

#define HM_WHY_MAX 1024
#define HM_RETIRED_MAX 16

struct hm_daemon {
	uv_loop_t loop;
	struct hm_settings *settings;
	/* Former settings that a role which could not reload still reads. */
	struct hm_settings *retired[HM_RETIRED_MAX];
	unsigned n_retired;
	struct hm_settings *(*reload)(void *arg);
	void *reload_arg;
	struct hm_wire_numbers numbers;

	struct hm_pump *pump;
	struct hm_dataplane *dataplane;
	struct hm_authq *authq;
	struct hm_outq *outq;
	struct hm_store *store;
	struct hm_kernel *kernel;
	struct hm_rx *rx;
	struct hm_tx tx;
	struct hm_relay relay;
	struct hm_quiet refusals, failures; /* what is logged of them */
	struct hm_sysctls sysctls;
	struct hm_loaded tunnel, auth;
	struct hm_services *tunnel_services, *auth_services;
	struct hm_control *control;
	struct hm_control_source source;
	const struct hm_guard_backend *guard; /* the one that is up */

	bool serving;        /* the roles have had HM_EV_START */
	bool stopping, keep; /* keep: leave the kernel as it is (SIGUSR1) */
	hm_ms started_ms;
	hm_ms sweep_ms;    /* when leftovers of a former run are removed */
	uint32_t heard[2]; /* interfaces of ms and ha that are in all-multicast */
	struct hm_tunnel_prefix
	        prefix; /* what the tunnel plugin was told; ifindex tells a change */
	bool has_prefix;

	uv_timer_t timer;
	uv_prepare_t before_poll;
	uv_signal_t signals[4];
};

/* daemon.c. On failure an exit status; everything that was opened is closed by the other. */
int hm_daemon_open(struct hm_daemon *d, const struct hm_role *const *roles, unsigned n_roles);
void hm_daemon_close(struct hm_daemon *d);
/* Shows the configured keys, never their secrets, in the store (v_keys). */
void hm_daemon_tell_keys(struct hm_daemon *d);

/* run.c: hm_run() with roles of the caller's choice. */
int hm_run_roles(struct hm_settings *settings, const struct hm_role *const *roles, unsigned n_roles,
                 struct hm_settings *(*reload)(void *arg), void *arg);

/* effects.c */
void hm_daemon_effect(void *arg, unsigned role, const struct hm_effect *effect);
void hm_daemon_trace(void *arg, unsigned role, const struct hm_event *event);

/* For the queue of packets that wait for a key. */
int hm_daemon_send(void *arg, unsigned role, const struct hm_effect *effect);
void hm_daemon_sent(void *arg, unsigned role, const struct hm_effect *effect, int err);

/* learnt.c */
void hm_daemon_on_learnt(void *arg, const struct hm_auth_key *key);
/* Gives the auth plugin back what it told a former run. */
int hm_daemon_restore_keys(struct hm_daemon *d);

/* links.c */
void hm_daemon_on_link(void *arg, const struct hm_link *link);
/* This machine's addresses are others now. */
void hm_daemon_on_addresses(void *arg);
void hm_daemon_on_address(void *arg, uint32_t ifindex, const struct hm_addr *addr,
                          enum hm_address_state state);
/* What the configured roles need of the interfaces that are there; again is no harm. */
void hm_daemon_prepare_links(struct hm_daemon *d);

/* incoming.c */
bool hm_daemon_is_local(void *arg, const struct hm_addr *addr);
void hm_daemon_on_packet(void *arg, const struct hm_packet *packet, struct hm_span bytes,
                         const struct hm_signed_part *part);
void hm_daemon_on_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                          enum hm_use use);
void hm_daemon_on_stored(void *arg, uint64_t cookie, int err);
void hm_daemon_on_bound(void *arg, unsigned role, hm_ticket ticket, int err);
void hm_daemon_on_tunnel_done(void *arg, uint64_t ticket, int result);
void hm_daemon_on_auth_done(void *arg, uint64_t ticket, int result);
void hm_daemon_on_seen(void *arg, int what, const struct hm_addr *home, const struct hm_addr *peer);

/* tunnel.c. Exit statuses. */
int hm_daemon_open_tunnel(struct hm_daemon *d);
int hm_daemon_open_auth(struct hm_daemon *d);
/* Do the configured roles need a tunnel plugin? */
bool hm_needs_tunnel(const struct hm_config *config);
/* The plugins that `tunnel = auto` tries, fastest first; ends with NULL. */
extern const char *const hm_tunnel_names[];
/* The exit status that goes with an error. */
int hm_exit_of(int err);

/* source.c */
void hm_daemon_source(struct hm_daemon *d, struct hm_control_source *ret_source);

/* Both clocks. */
void hm_daemon_now(void *arg, hm_ms *ret_now_ms, int64_t *ret_wall_ms);
struct hm_authq_now hm_daemon_auth_now(void);

/* True when this process has the capability (linux/capability.h). */
bool hm_has_capability(int capability);

#endif
