/* Neighbour Discovery (RFC 4861): its options, solicitations and advertisements. Router
 * Advertisements have wire/ra.h. A message's rules of validity that need its IPv6 header (RFC 4861
 * 6.1, 7.1) are checked here too; checksum and hop limit are the caller's. */
#ifndef HM_WIRE_ND_H
#define HM_WIRE_ND_H

#include "wire/packet.h"

#define HM_ICMP_RS 133
#define HM_ICMP_RA 134
#define HM_ICMP_NS 135
#define HM_ICMP_NA 136

#define HM_ND_SOURCE_LLADDR 1
#define HM_ND_TARGET_LLADDR 2
#define HM_ND_PREFIX 3
#define HM_ND_MTU 5
#define HM_ND_INTERVAL 7
#define HM_ND_HOME_AGENT 8
#define HM_ND_NONCE 14

struct hm_ndopt {
	uint8_t type;
	struct hm_rd body; /* behind type and length */
};

/* Whether the options from here to the end of the message can be walked. */
enum hm_drop hm_ndopts_check(struct hm_rd rest);

/* The next option of checked ones. */
bool hm_ndopt_next(struct hm_rd *rest, struct hm_ndopt *ret_opt);

/* A link-layer address of Ethernet; the first one of its kind counts. */
void hm_lladdr_read(struct hm_rd body, struct hm_lladdr *lladdr);
void hm_lladdr_write(struct hm_wr *w, uint8_t type, const struct hm_lladdr *lladdr);

/* `body` is what follows type, code and checksum; packet->src and dst are known. */
enum hm_drop hm_rs_read(struct hm_rd body, struct hm_packet *packet);
enum hm_drop hm_ns_read(struct hm_rd body, struct hm_packet *packet);
enum hm_drop hm_na_read(struct hm_rd body, struct hm_packet *packet);

void hm_rs_write(struct hm_wr *w, const struct hm_rs *rs);
void hm_ns_write(struct hm_wr *w, const struct hm_ns *ns);
void hm_na_write(struct hm_wr *w, const struct hm_na *na);

#endif
