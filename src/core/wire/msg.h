/* Every message hmipd speaks, as values in host order; the layouts that carry them are behind
 * wire/packet.h. Roles read and write these structs and nothing else, so that another dialect of
 * Mobile IPv6 is another codec and not another role. Sections: PROTOCOL 2. */
#ifndef HM_WIRE_MSG_H
#define HM_WIRE_MSG_H

#include "base/addr.h"
#include "base/cursor.h"

#define HM_RA_PREFIXES_MAX 8
#define HM_RA_SERVERS_MAX 8
#define HM_LLADDR_LEN 6

enum hm_msg_kind {
	HM_MSG_NONE = 0,
	HM_MSG_REG_REQUEST,  /* body: reg */
	HM_MSG_REG_UPDATE,   /* body: reg */
	HM_MSG_REG_REFRESH,  /* body: reg */
	HM_MSG_HANDOFF,      /* body: handoff */
	HM_MSG_BU,           /* body: bu */
	HM_MSG_BACK,         /* body: back */
	HM_MSG_BREQ,         /* body: breq */
	HM_MSG_MSINFO,       /* body: msinfo */
	HM_MSG_RA,           /* body: ra */
	HM_MSG_RS,           /* body: rs */
	HM_MSG_NS,           /* body: ns */
	HM_MSG_NA,           /* body: na */
	HM_MSG_ICMP_ERROR,   /* body: icmp */
	HM_MSG_HAAD_REQUEST, /* body: haad */
	HM_MSG_HAAD_REPLY,   /* body: haad */
	HM_MSG_KINDS
};

/* What travels in an acknowledgement (PROTOCOL 2.2). */
#define HM_STATUSES(X)                                                                             \
	X(HM_ST_ACCEPTED, 0, "accepted")                                                           \
	X(HM_ST_UNSPECIFIED, 128, "reason-unspecified")                                            \
	X(HM_ST_PROHIBITED, 130, "administratively-prohibited")                                    \
	X(HM_ST_RESOURCES, 131, "insufficient-resources")                                          \
	X(HM_ST_NO_HOME_REG, 132, "home-registration-not-supported")                               \
	X(HM_ST_NOT_HOME_SUBNET, 133, "not-home-subnet")                                           \
	X(HM_ST_BADSEQ, 134, "bad-sequence")                                                       \
	X(HM_ST_PREFIX_LENGTH, 136, "incorrect-prefix-length")                                     \
	X(HM_ST_NOT_REGISTERED, 137, "not-registered-here")                                        \
	X(HM_ST_DAD_FAILED, 138, "duplicate-address")                                              \
	X(HM_ST_AUTH_FAILED, 139, "authentication-failed")                                         \
	X(HM_ST_BADSEQ_ALT, 141, "bad-sequence")

enum hm_status {
#define HM_STATUS_ENUM(name, value, text) name = value,
	HM_STATUSES(HM_STATUS_ENUM)
#undef HM_STATUS_ENUM
};

/* The name of a status, or "status-unknown". */
const char *hm_status_text(unsigned status);

/* The name of a message kind, as logs and transcripts print it. */
const char *hm_msg_text(enum hm_msg_kind kind);

/* Registration Request, Update, Refresh (PROTOCOL 2.1; draft 4.2.1, 4.2.2). */
struct hm_reg {
	bool ack;
	uint8_t malen; /* prefix length of the Mobility Network */
	uint16_t seq;
	uint32_t lifetime_s;    /* HM_LIFETIME_INFINITE never ends, 0 deletes */
	bool has_prev_ms;       /* Request only; absent on the very first registration */
	struct hm_addr prev_ms; /* :: says that there was none */
	bool has_alt_coa;       /* Request and Update above the lowest level (PROTOCOL 6) */
	struct hm_addr alt_coa;
};

/* Handoff Request (PROTOCOL 2.1; draft 4.3.6). */
struct hm_handoff {
	uint8_t malen;
	uint16_t seq;
	uint32_t lifetime_s;
	struct hm_addr new_gcoa;
};

/* Binding Update (draft-12 5.1). */
struct hm_bu {
	bool ack, home_reg, router, dad;
	uint8_t plen;
	uint16_t seq;
	uint32_t lifetime_s;
	bool has_alt_coa;
	struct hm_addr alt_coa;
	bool has_unique_id;
	uint16_t unique_id;
};

/* Binding Acknowledgement (PROTOCOL 2.2). */
struct hm_back {
	uint8_t status;
	uint16_t seq;
	uint32_t lifetime_s;
	uint32_t refresh_s;
};

/* Binding Request (PROTOCOL 2.4). */
struct hm_breq {
	bool has_unique_id;
	uint16_t unique_id;
};

/* One mobility server, as advertised in either carrier (PROTOCOL 2.3). lifetime_s is the RA
 * option's; 0 there means as long as the router's advertisements carry it. */
struct hm_msinfo {
	uint8_t level;
	uint8_t preference;
	uint8_t plen;
	uint16_t lifetime_s;
	struct hm_addr ms;
};

/* Prefix Information (RFC 4861 4.6.2, RFC 6275 7.2). */
struct hm_ra_prefix {
	struct hm_addr addr; /* with R set: the router's whole address */
	uint8_t plen;
	bool on_link, autonomous, router_addr;
	uint32_t valid_s;
	uint32_t preferred_s;
};

struct hm_lladdr {
	bool present;
	uint8_t b[HM_LLADDR_LEN];
};

/* Router Advertisement (RFC 4861 4.2; RFC 6275 7.1-7.4). Prefixes and servers past the ceilings are
 * ignored on receipt. */
struct hm_ra {
	uint8_t hop_limit;
	bool managed, other, home_agent;
	uint16_t lifetime_s;
	uint32_t reachable_ms;
	uint32_t retrans_ms;
	struct hm_lladdr source;
	uint32_t mtu; /* 0: none */
	bool has_interval;
	uint32_t interval_ms;
	bool has_ha_info;
	uint16_t ha_preference;
	uint16_t ha_lifetime_s;
	uint8_t n_prefixes;
	uint8_t n_servers;
	struct hm_ra_prefix prefixes[HM_RA_PREFIXES_MAX];
	struct hm_msinfo servers[HM_RA_SERVERS_MAX];
};

struct hm_rs {
	struct hm_lladdr source;
};

/* Neighbour Solicitation; the nonce tells a looped-back probe from a duplicate (RFC 7527). */
struct hm_ns {
	struct hm_addr target;
	struct hm_lladdr source;
	bool has_nonce;
	uint8_t nonce[6];
};

struct hm_na {
	bool router, solicited, override;
	struct hm_addr target;
	struct hm_lladdr link;
};

/* An ICMPv6 error and what it is about. Everything in it is a stranger's word: a role matches
 * it with something it sent before it believes it. */
struct hm_icmp_error {
	uint8_t type, code;
	uint32_t param; /* MTU of Packet Too Big, pointer of Parameter Problem */
	struct hm_addr about_src, about_dst;
	uint8_t about_next; /* next header of the packet's IPv6 header */
	uint8_t bad_option; /* Parameter Problem code 2 at a destination option: its type; else 0 */
	bool has_tunnelled; /* the packet was IPv6 in IPv6, and its inner header is here */
	struct hm_addr inner_src, inner_dst;
	struct hm_span inner; /* borrowed: the inner packet as far as it was returned */
	size_t overhead;      /* what the tunnel's headers add to it, fragments apart */
};

/* Dynamic home agent address discovery (RFC 6275 6.5, 6.6). */
#define HM_HAAD_AGENTS_MAX 8
struct hm_haad {
	uint16_t id;
	uint8_t n_agents;
	struct hm_addr agents[HM_HAAD_AGENTS_MAX];
};

#define HM_MAC_LEN 16

/* Authentication Data (PROTOCOL 5). On receipt mac holds what was received; on sending the host
 * writes it over zeros. */
struct hm_auth_data {
	bool present;
	uint32_t spi;
	uint32_t epoch;
	uint8_t mac[HM_MAC_LEN];
};

/* A control packet: addresses, what its headers say of the sender, and one message. */
struct hm_packet {
	struct hm_addr src, dst;
	uint32_t ifindex; /* where it came from; where to send it, 0: the routing table decides */
	uint8_t hop_limit;
	bool has_home; /* Home Address option */
	struct hm_addr home;
	bool has_routing; /* routing header of type 0 or 2 with one address */
	uint8_t routing_type;
	struct hm_addr routing_addr;
	enum hm_msg_kind kind;
	union {
		struct hm_reg reg;
		struct hm_handoff handoff;
		struct hm_bu bu;
		struct hm_back back;
		struct hm_breq breq;
		struct hm_msinfo msinfo;
		struct hm_ra ra;
		struct hm_rs rs;
		struct hm_ns ns;
		struct hm_na na;
		struct hm_icmp_error icmp;
		struct hm_haad haad;
	};
	struct hm_auth_data auth;
};

#endif
