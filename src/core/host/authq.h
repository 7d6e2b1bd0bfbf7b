/* The authentication queue: holds a decoded packet until the auth plugin has answered, and signs
 * what leaves (PROTOCOL 5). It opens no file and reads no clock: moments come in, a deadline goes
 * out, so that its tests need neither a loop nor a plugin's file.
 *
 * Neighbour Discovery, ICMPv6 and Binding Request carry no authentication and never come here. */
#ifndef HM_HOST_AUTHQ_H
#define HM_HOST_AUTHQ_H

#include "engine/step.h"
#include "host/plugin.h"
#include "host/settings.h"

#define HM_AUTHQ_MAX 1024
#define HM_AUTHQ_MAX_PER_SOURCE 8
#define HM_AUTHQ_TIMEOUT (5 * HM_SECOND)

struct hm_authq;

/* One moment on both clocks: waiting is monotonic, the validity of keys is in dates. */
struct hm_authq_now {
	hm_ms now_ms;
	int64_t wall_s;
};

/* `use` is that of the key which vouches for the packet, HM_USE_NONE when none does. The packet is
 * borrowed for the call. */
typedef void hm_authq_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                              enum hm_use use);

struct hm_authq_options {
	const struct hm_loaded *plugin; /* open, of kind auth, outlives the queue; NULL: none */
	hm_authq_verdict *verdict;
	void *arg;
	struct hm_counters *counters;
	unsigned max;            /* packets waiting; 0: HM_AUTHQ_MAX; 65534 at most */
	unsigned max_per_source; /* 0: HM_AUTHQ_MAX_PER_SOURCE */
	hm_ms timeout;           /* 0: HM_AUTHQ_TIMEOUT */
};

/* NULL: out of memory. */
struct hm_authq *hm_authq_create(const struct hm_authq_options *options);
/* Forgets what still waits, without a verdict; before the plugin is closed. NULL is fine. */
void hm_authq_destroy(struct hm_authq *q);

/* Gives the plugin the keys of the configuration; those of a former call that are not among them
 * are gone. On failure ret_why names the key, and all keys known before still are. */
int hm_authq_set_keys(struct hm_authq *q, const struct hm_settings *settings, char *ret_why,
                      size_t why_len);

/* Whether a received message must pass this queue before a role sees it. */
bool hm_authq_is_needed(enum hm_msg_kind kind);

/* The use of the key that a received message must carry, where the message says it. An
 * acknowledgement does not: HM_USE_NONE, and its key is looked for among mh-ms, mh-ha, mh-ch, first
 * the one of what its sender was last told: a plugin may have to ask elsewhere about the others. */
enum hm_use hm_authq_use(const struct hm_packet *packet);

/* Judges a received packet: `verdict` runs once, before this returns or later, or never when the
 * packet is dropped (and counted): a ceiling is reached, the plugin fails, or it does not answer in
 * time. `bytes` and `part` are those of hm_packet_read(), borrowed for the call. `own_home` is the
 * home address an acknowledgement is about unless its routing header tells; NULL: none. */
void hm_authq_submit(struct hm_authq *q, const struct hm_packet *packet, struct hm_span bytes,
                     const struct hm_signed_part *part, const struct hm_addr *own_home,
                     struct hm_authq_now now);

/* The plugin's answer, on the loop thread and not from inside the plugin's verify. Tickets that no
 * packet waits for any more are ignored. */
void hm_authq_answer(struct hm_authq *q, uint64_t ticket, int result, struct hm_authq_now now);

/* When hm_authq_expire() has something to do; HM_NEVER: nothing waits. */
hm_ms hm_authq_deadline(const struct hm_authq *q);
/* Drops what waited too long. */
void hm_authq_expire(struct hm_authq *q, hm_ms now_ms);

/* How many packets wait. */
unsigned hm_authq_waiting(const struct hm_authq *q);

/* Between whom a packet to be sent is, and about whom: its addresses, and `home` whether or not a
 * Home Address option is written (an acknowledgement has none). */
struct hm_auth_parties hm_authq_sending(enum hm_use use, const struct hm_packet *packet);

/* The SPI to sign with, chosen before the packet is encoded since the MAC covers it. HM_ENOKEY:
 * there is no valid key. HM_PENDING: one is being obtained, ask again (the plugin interface's
 * pick). 0 under `auth = none`: leave Authentication Data out. */
int hm_authq_spi(struct hm_authq *q, const struct hm_auth_parties *parties, struct hm_authq_now now,
                 uint32_t *ret_spi);

/* Writes the MAC into an encoded packet. */
int hm_authq_sign(struct hm_authq *q, const struct hm_auth_parties *parties, uint32_t spi,
                  struct hm_wr *packet, const struct hm_signed_part *part, struct hm_authq_now now);

#endif
