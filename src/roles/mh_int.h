/* The mobile host's private parts, shared by the mh*.c files (draft 4.2; RFC 6275 11).
 *
 * The role is level-triggered: a handler changes what is known (a router is heard, an address is
 * usable, a server refused) and hm_mh_settle() then derives, in this order, the attachment, the
 * chain of mobility servers, what each peer should believe, and the data paths, and asks for
 * whatever differs. Nothing is remembered to be done later; what finds no room among the effects of
 * one step is found again at the next.
 *
 * A peer (mobility server, home agent, correspondent):
 *
 *            ask                    accepted
 *     idle ------> asked (n sent) ------------> bound ---- refresh due: asked, still bound
 *      ^             | no answer, refused         |
 *      |             v                            | expired, lost by the peer (137), left
 *      +------- held until hold_ms <--------------+
 *       time
 *
 * `bound` is what the peer acknowledged, `ask` what it has been sent since; both may hold. */
#ifndef HM_ROLES_MH_INT_H
#define HM_ROLES_MH_INT_H

#include "base/rand.h"
#include "engine/config.h"
#include "engine/retry.h"
#include "engine/seq.h"

#define MH_ROUTERS 8 /* per link */
#define MH_OLD 4
#define MH_PAST 6
#define MH_SERVERS 8
#define MH_HA MH_SERVERS /* index of the home agent's peer */
#define MH_LEARNT 32
#define MH_CHS (MH_HA + 1)
#define MH_PEERS (MH_CHS + HM_LIST_MAX + MH_LEARNT)

/* The number after a restart is the stored one plus this: numbers may have left whose storing was
 * cut off. */
#define MH_RESTART_GAP 16

struct mh_server {
	struct hm_msinfo info;
	hm_ms expires_ms; /* HM_NEVER: as long as the router advertises it */
	unsigned missed;  /* advertisements in a row without it */
};

struct mh_prefix {
	struct hm_ra_prefix info;
	hm_ms valid_ms;
};

struct mh_router {
	bool used;
	struct hm_addr addr;  /* link-local */
	struct hm_addr agent; /* its global one, where it is a home agent */
	hm_ms first_ms;       /* when it appeared, or came back after a doubt */
	hm_ms heard_ms, expires_ms;
	hm_ms interval_ms; /* 0: it does not say */
	bool suspect;      /* maybe not here any more: lost at lost_ms unless heard */
	hm_ms lost_ms;
	unsigned n_prefixes, n_servers;
	struct mh_prefix prefixes[HM_RA_PREFIXES_MAX];
	struct mh_server servers[HM_RA_SERVERS_MAX];
};

enum mh_coa_state {
	MH_COA_NONE,
	MH_COA_LOST,   /* it was there; to be added again */
	MH_COA_ADDING, /* duplicate address detection */
	MH_COA_USABLE,
	MH_COA_FAILED, /* three duplicates: tried again at retry_ms */
};

/* Our address on a link: an LCoA, or on the home link the home address. */
struct mh_coa {
	enum mh_coa_state state;
	struct hm_addr addr;
	bool added; /* the host was asked for it */
	bool deprecated;
	unsigned tries;
	hm_ms asked_ms, retry_ms;
};

struct mh_link {
	bool present, up;
	uint32_t ifindex;
	struct hm_lladdr lladdr;
	struct hm_addr link_local;
	struct mh_router routers[MH_ROUTERS];
	int router; /* the one in use, -1: none */
	struct mh_coa coa;
	struct hm_addr gateway; /* what the host was told */
	bool gateway_lost;      /* tell it again */
	bool soliciting;
	unsigned rs_sent;
	hm_ms rs_ms;
};

/* Where we are; coa is usable while valid. */
struct mh_attach {
	bool valid, home;
	unsigned link;
	uint32_t ifindex;
	struct hm_addr router, coa;
	struct hm_addr agent; /* a home agent of this link, ::: none */
};

/* An address of a prefix that was left, deleted when the move is complete. */
struct mh_old {
	bool used;
	uint32_t ifindex;
	struct hm_addr addr;
};

/* A care-of address that the home agent of its link was asked to send on from. */
struct mh_handed {
	struct hm_addr coa;
	struct hm_hop tunnel; /* through which it does */
	hm_ms until_ms;
	hm_ticket ticket;
};

/* A tunnel that may still bring packets after a move. */
struct mh_past {
	struct hm_hop hop;
	hm_ms until_ms; /* 0: free */
};

struct mh_bound {
	bool valid;
	bool doubted; /* asked for something else since, unanswered: it may hold that instead */
	struct hm_addr coa;
	hm_ms since_ms, expires_ms, refresh_ms;
};

struct mh_ask {
	bool active, leave; /* leave: lifetime 0 */
	enum hm_msg_kind kind;
	struct hm_addr coa, src;
	struct hm_addr former[2];     /* the servers a Request names, in turns */
	struct hm_number first, last; /* sent with this content, unanswered */
	struct hm_retry retry;
	unsigned sent, failures;
	bool bad_seq; /* corrected once */
	hm_ms first_ms;
	hm_ticket ticket;
};

struct mh_path {
	bool installed;
	struct hm_forward forward;
	hm_ticket ticket; /* of the newest BIND */
	bool failed;
	hm_ms retry_ms;
};

struct mh_peer {
	bool used;
	enum hm_role_id kind;
	struct hm_addr addr;
	uint8_t plen, level; /* ms */
	bool failed;         /* ms: left for plain Mobile IPv6 or another server, probed */
	bool configured;     /* ch */
	bool wanted;         /* ch */
	bool maybe_bound;    /* it may hold a binding of ours */
	unsigned setbacks;   /* in a row */
	hm_ms hold_ms;       /* not asked before */
	hm_ms sent_ms;       /* of the last message, 0: none */
	unsigned alike;      /* ch: messages in a row that said the same */
	hm_ms used_ms, breq_ms;
	bool has_unique_id;
	uint16_t unique_id;
	struct hm_number number; /* ha, ch: the last one sent */
	struct mh_bound bound;
	struct mh_ask ask;
	struct mh_path path; /* ch */
};

/* The server last registered with at a level: the `previous` one of the next Request. */
struct mh_last {
	bool used;
	uint8_t level;
	struct hm_addr ms;    /* that acknowledged us last */
	struct hm_addr asked; /* that was sent a Request last */
};

struct mh {
	const struct hm_mh_config *config;
	const struct hm_wire_numbers *wire;
	struct hm_addr home;
	bool started, stopping;
	bool more; /* there is work the last step had no room for */
	unsigned stop_next;
	hm_ms now;
	uint32_t wall_s;
	struct hm_rand rand;
	hm_ticket ticket;

	struct mh_link links[HM_INTERFACES_MAX];
	struct hm_name_list names;
	struct mh_attach attach;
	struct mh_old old[MH_OLD];

	unsigned n_chain;                   /* 0: plain Mobile IPv6, or at home */
	uint8_t chain[HM_LEVELS_MAX];       /* servers as peers, lowest first */
	struct hm_addr gcoa[HM_LEVELS_MAX]; /* ours at each */
	bool fallen;                        /* FALLBACK has been told */
	bool ever_registered;
	struct mh_last last[HM_LEVELS_MAX];
	struct hm_number ms_number, ch_floor;

	struct mh_peer peers[MH_PEERS];
	struct mh_path path;                /* HM_FORWARD_HOME */
	struct hm_hop tunnels[HM_HOPS_MAX]; /* through which packets come since the last move */
	unsigned n_tunnels;
	struct mh_past past[MH_PAST];
	struct mh_handed handed;

	bool moving, moved_before;         /* a move is under way; one was completed before */
	hm_ms cause_ms;                    /* what began it */
	struct hm_addr done_coa, done_top; /* of the last complete one */
	bool at_home_told;

	unsigned na_left;
	hm_ms na_ms;
	bool haad_active;
	uint16_t haad_id;
	struct hm_haad agents; /* what was discovered, best first */
	unsigned agent;        /* the one in use */
	struct hm_retry haad;
};

/* mh_link.c, mh_router.c, mh_coa.c: movement detection */
void hm_mh_on_link(struct mh *mh, const struct hm_link *link, struct hm_fx *fx);
void hm_mh_on_ra(struct mh *mh, const struct hm_packet *packet);
void hm_mh_on_address(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx);
void hm_mh_link_run(struct mh *mh, struct hm_fx *fx);
hm_ms hm_mh_link_deadline(const struct mh *mh);
void hm_mh_solicit(struct mh *mh, struct mh_link *link);
bool hm_mh_router_is_home(const struct mh *mh, const struct mh_router *router);
const struct mh_prefix *hm_mh_router_prefix(const struct mh_router *router, hm_ms now);
void hm_mh_router_choose(struct mh *mh, struct mh_link *link);
void hm_mh_router_expire(struct mh *mh, struct mh_link *link);
hm_ms hm_mh_router_deadline(const struct mh_link *link);
void hm_mh_cause(struct mh *mh, hm_ms at);

void hm_mh_coa_ensure(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_drop(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_home(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_prefer(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_leave(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_retire(struct mh *mh, struct mh_link *link, struct hm_fx *fx);
void hm_mh_coa_clean(struct mh *mh, bool all, struct hm_fx *fx);
hm_ms hm_mh_coa_deadline(const struct mh_link *link);
/* For how long the care-of address is good, as its router says. */
uint32_t hm_mh_coa_left_s(const struct mh *mh);
/* An address we may still receive at: of a link that is up, or old but not deleted. */
bool hm_mh_coa_alive(const struct mh *mh, const struct hm_addr *addr);

/* mh_former.c: the home agent of a link that was left */
struct hm_addr hm_mh_former_agent(const struct mh_link *link, const struct hm_addr *coa);
void hm_mh_former_leave(struct mh *mh, const struct mh_attach *from, const struct mh_attach *to,
                        struct hm_fx *fx);
void hm_mh_former_failed(struct mh *mh, hm_ticket ticket);
bool hm_mh_former_has(const struct mh *mh, const struct hm_addr *coa);

/* mh_server.c: which mobility servers */
const struct mh_router *hm_mh_router(const struct mh *mh);
struct mh_peer *hm_mh_server(struct mh *mh, const struct hm_addr *ms);
bool hm_mh_advertised(const struct mh *mh, const struct mh_peer *ms);
void hm_mh_chain_update(struct mh *mh, struct hm_fx *fx);
/* What is registered at that server: the LCoA, or the GCoA of the server below it. */
struct hm_addr hm_mh_server_coa(const struct mh *mh, const struct mh_peer *ms);
/* Every server of the chain below this one (NULL: every one) holds what it should. */
bool hm_mh_chain_settled(const struct mh *mh, const struct mh_peer *below);
/* What home agent and external correspondents know: the GCoA at the top, or the LCoA. */
struct hm_addr hm_mh_top(const struct mh *mh);
void hm_mh_server_fail(struct mh *mh, struct mh_peer *ms, hm_ms hold);
struct mh_last *hm_mh_last(struct mh *mh, uint8_t level);
void hm_mh_last_set(struct mh *mh, uint8_t level, const struct hm_addr *ms, struct hm_fx *fx);
/* What that server acknowledged does not count any more. */
void hm_mh_server_doubt(struct mh *mh, const struct hm_addr *ms);
void hm_mh_last_forget(struct mh *mh, struct hm_fx *fx);

/* mh_reg.c: the binding update list */
/* The peer acknowledged this care-of address, and no other was asked for since. */
bool hm_mh_holds(const struct mh_peer *peer, const struct hm_addr *coa);
struct mh_want {
	enum { MH_WANT_NOTHING, MH_WANT_BOUND, MH_WANT_GONE } what;
	struct hm_addr coa, src;
};

struct mh_want hm_mh_want(const struct mh *mh, const struct mh_peer *peer);
void hm_mh_reg_run(struct mh *mh, struct hm_fx *fx);
hm_ms hm_mh_reg_deadline(const struct mh *mh);
void hm_mh_reg_stop(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx);
/* What keys shared with such a peer are for. */
enum hm_use hm_mh_use(const struct mh_peer *peer);
bool hm_mh_is_local(const struct mh *mh, const struct hm_addr *ch);
void hm_mh_store_registration(const struct mh *mh, const struct mh_peer *peer,
                              enum hm_registration_state state, struct hm_fx *fx);
void hm_mh_forget_registration(const struct mh *mh, const struct mh_peer *peer, struct hm_fx *fx);
void hm_mh_note(const struct mh *mh, enum hm_note note, const struct mh_peer *peer, unsigned status,
                struct hm_fx *fx);

/* mh_peer.c: who is in it */
struct mh_peer *hm_mh_ch(struct mh *mh, const struct hm_addr *addr, struct hm_fx *fx);
void hm_mh_peers_configure(struct mh *mh);
void hm_mh_restore(struct mh *mh, const struct hm_record *record);
void hm_mh_on_traffic(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx);
struct hm_number *hm_mh_number(struct mh *mh, struct mh_peer *peer);

/* mh_ack.c: what peers answer */
void hm_mh_on_back(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx);
void hm_mh_on_breq(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx);
void hm_mh_on_icmp(struct mh *mh, const struct hm_packet *packet, struct hm_fx *fx);
void hm_mh_on_send_failed(struct mh *mh, hm_ticket ticket);
void hm_mh_unanswered(struct mh *mh, struct mh_peer *peer, struct hm_fx *fx);

/* mh_home.c: the home agent's address, and being at home */
void hm_mh_home_run(struct mh *mh, struct hm_fx *fx);
hm_ms hm_mh_home_deadline(const struct mh *mh);
void hm_mh_on_haad(struct mh *mh, const struct hm_packet *packet, struct hm_fx *fx);
void hm_mh_next_agent(struct mh *mh);
void hm_mh_home_deregistered(struct mh *mh);

/* mh_path.c: data paths */
void hm_mh_path_home(struct mh *mh, struct hm_fx *fx);
void hm_mh_path_run(struct mh *mh, struct hm_fx *fx);
void hm_mh_path_drop(struct mh *mh, struct mh_path *path, struct hm_fx *fx);
void hm_mh_path_past(struct mh *mh, const struct hm_addr *local, const struct hm_addr *remote);
void hm_mh_path_past_end(struct mh *mh, const struct hm_hop *hop);
void hm_mh_on_bind_done(struct mh *mh, const struct hm_event *ev, struct hm_fx *fx);
hm_ms hm_mh_path_deadline(const struct mh *mh);

/* mh_show.c */
bool hm_mh_row(const struct mh *mh, enum hm_show what, uint64_t *cursor,
               struct hm_show_row *ret_row);

#endif
