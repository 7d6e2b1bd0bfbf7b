/* What is counted, each reason under one name: packets dropped before a role saw them
 * (wire/packet.h names those), and what roles refused or did. `show counters` prints them all. */
#ifndef HM_ENGINE_COUNTERS_H
#define HM_ENGINE_COUNTERS_H

#include "wire/packet.h"

#include <stdint.h>

#define HM_COUNTERS(X)                                                                             \
	X(HM_COUNT_RX, "packets_received")                                                         \
	X(HM_COUNT_TX, "packets_sent")                                                             \
	X(HM_COUNT_TX_FAILED, "send_failed")                                                       \
	X(HM_COUNT_TX_WAITED, "sends_waited_for_key")                                              \
	X(HM_COUNT_NOT_FOR_US, "not_for_us")                                                       \
	X(HM_COUNT_AUTH_MISSING, "auth_missing")                                                   \
	X(HM_COUNT_AUTH_NO_KEY, "auth_no_key")                                                     \
	X(HM_COUNT_AUTH_BAD, "auth_failed")                                                        \
	X(HM_COUNT_AUTH_QUEUE_FULL, "auth_queue_full")                                             \
	X(HM_COUNT_AUTH_UNANSWERED, "auth_unanswered")                                             \
	X(HM_COUNT_BADSEQ, "bad_sequence")                                                         \
	X(HM_COUNT_UNKNOWN_PEER, "unknown_peer")                                                   \
	X(HM_COUNT_UNMATCHED_ACK, "unmatched_ack")                                                 \
	X(HM_COUNT_UNMATCHED_ERROR, "unmatched_icmp_error")                                        \
	X(HM_COUNT_TABLE_FULL, "table_full")                                                       \
	X(HM_COUNT_RATE_LIMITED, "rate_limited")                                                   \
	X(HM_COUNT_ACCEPTED, "registrations_accepted")                                             \
	X(HM_COUNT_REFUSED, "registrations_refused")                                               \
	X(HM_COUNT_EXPIRED, "bindings_expired")                                                    \
	X(HM_COUNT_DAD_FAILED, "dad_failed")                                                       \
	X(HM_COUNT_BIND_FAILED, "bind_failed")                                                     \
	X(HM_COUNT_PROXY_ANSWERED, "proxy_advertisements")                                         \
	X(HM_COUNT_ERROR_RELAYED, "icmp_errors_relayed")                                           \
	X(HM_COUNT_RETRANSMITTED, "retransmissions")                                               \
	X(HM_COUNT_HANDOFF, "handoffs")                                                            \
	X(HM_COUNT_FALLBACK, "fallbacks")                                                          \
	X(HM_COUNT_RA_SENT, "advertisements_sent")                                                 \
	X(HM_COUNT_EFFECTS_LOST, "effects_lost")

enum hm_counter {
#define HM_COUNTER_ENUM(name, text) name,
	HM_COUNTERS(HM_COUNTER_ENUM)
#undef HM_COUNTER_ENUM
	        HM_COUNTERS_END
};

struct hm_counters {
	uint64_t n[HM_COUNTERS_END];
	uint64_t dropped[HM_DROPS_END]; /* by enum hm_drop */
};

const char *hm_counter_text(enum hm_counter counter);

#endif
