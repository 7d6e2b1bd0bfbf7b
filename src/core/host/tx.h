/* Transmit: whole IPv6 packets through one raw socket, with the mark that keeps them out of
 * hmipd's own tunnels. */
#ifndef HM_HOST_TX_H
#define HM_HOST_TX_H

#include "base/addr.h"
#include "base/cursor.h"

#define HM_TX_MARK 0x484d

struct hm_tx {
	int fd;
};

int hm_tx_open(struct hm_tx *tx, char *ret_why, size_t why_len);
void hm_tx_close(struct hm_tx *tx);

/* Sends an IPv6 packet to the destination in its header. ifindex 0: the routing table decides,
 * with the packet's source in mind; otherwise it leaves through that interface. */
int hm_tx_send(const struct hm_tx *tx, struct hm_span packet, uint32_t ifindex);

/* An errno value as one of ours. */
int hm_err_from_errno(int number);

#endif
