/* Neighbour discovery on behalf of mobile hosts, on one interface: duplicate address detection for
 * an address before it is served, answers while it is, and the announcement that it now lives here
 * (RFC 4861, RFC 4862, RFC 6275 10.4.1). The role is the one responder: the kernel's proxy entries
 * cost more with each one. */
#ifndef HM_ENGINE_PROXY_H
#define HM_ENGINE_PROXY_H

#include "engine/step.h"

#define HM_PROXY_RETRANS_MS HM_SECOND /* RetransTimer, DupAddrDetectTransmits 1 */
#define HM_PROXY_ANNOUNCEMENTS 3      /* MAX_NEIGHBOR_ADVERTISEMENT */
#define HM_NONCE_LEN 6

struct hm_proxy {
	char name[HM_IFNAME_MAX]; /* "": there is no such interface, nothing is done */
	struct hm_link link;
	bool ready; /* it is up and has a link-local address */
};

static inline bool hm_proxy_wanted(const struct hm_proxy *p)
{
	return p->name[0] != '\0';
}

/* Takes in what is said of our interface. True: neighbours must hear of every address anew,
 * because it became ready or has another link-layer address. */
bool hm_proxy_link(struct hm_proxy *p, const struct hm_link *link);

/* The probe of duplicate address detection, with a nonce (RFC 7527); only when ready. */
void hm_proxy_probe(const struct hm_proxy *p, const struct hm_addr *target,
                    const uint8_t nonce[HM_NONCE_LEN], struct hm_fx *fx);
/* Tells everybody that target lives at our link-layer address now; nothing unless ready. */
void hm_proxy_announce(const struct hm_proxy *p, const struct hm_addr *target, bool router,
                       struct hm_fx *fx);
/* Answers a Neighbour Solicitation that came in on our interface. */
void hm_proxy_answer(const struct hm_proxy *p, const struct hm_packet *ns, bool router,
                     struct hm_fx *fx);

/* Whether a Neighbour Solicitation or Advertisement for an address that we probed with nonce shows
 * that another node has it, or probes it too. */
bool hm_proxy_is_conflict(const struct hm_proxy *p, const struct hm_packet *nd,
                          const uint8_t nonce[HM_NONCE_LEN]);

#endif
