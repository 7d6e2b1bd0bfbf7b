/* Whole control packets: an IPv6 header, the headers behind it and one message, read and written in
 * one place (PROTOCOL 2). Nothing is acted on here: a packet that breaks a rule is refused whole,
 * and the reason is what the counters show. */
#ifndef HM_WIRE_PACKET_H
#define HM_WIRE_PACKET_H

#include "wire/msg.h"

/* Room for any packet hm_packet_write() makes. */
#define HM_PACKET_MAX 1280

/* Room for what hm_packet_mac_input() writes: a Destination Options header with a MAC that is
 * longer than any of ours is refused (HM_DROP_OVERSIZED). */
#define HM_MAC_INPUT_MAX (48 + HM_PACKET_MAX)

/* Why a packet was dropped before it reached a role; each has its counter. HM_DROP_NOT_OURS is no
 * fault: the packet carries nothing hmipd speaks. */
#define HM_DROPS(X)                                                                                \
	X(HM_DROP_NOT_OURS, "not_ours")                                                            \
	X(HM_DROP_TRUNCATED, "truncated")                                                          \
	X(HM_DROP_MALFORMED, "malformed")                                                          \
	X(HM_DROP_MISALIGNED, "misaligned")                                                        \
	X(HM_DROP_BAD_LENGTH, "bad_option_length")                                                 \
	X(HM_DROP_TWO_MESSAGES, "two_messages")                                                    \
	X(HM_DROP_DUPLICATE_OPTION, "duplicate_option")                                            \
	X(HM_DROP_NO_HOME_ADDRESS, "no_home_address")                                              \
	X(HM_DROP_BAD_SOURCE, "bad_source")                                                        \
	X(HM_DROP_BAD_ADDRESS, "bad_address")                                                      \
	X(HM_DROP_CHECKSUM, "checksum")                                                            \
	X(HM_DROP_HOP_LIMIT, "hop_limit")                                                          \
	X(HM_DROP_OVERSIZED, "oversized")                                                          \
	X(HM_DROP_FRAGMENT, "fragment")                                                            \
	X(HM_DROP_ROUTING, "routing_header")

enum hm_drop {
	HM_DROP_NONE = 0,
#define HM_DROP_ENUM(name, text) name,
	HM_DROPS(HM_DROP_ENUM)
#undef HM_DROP_ENUM
	        HM_DROPS_END
};

const char *hm_drop_text(enum hm_drop drop);

/* Option numbers of PROTOCOL 1 that a site may change ([wire]). */
struct hm_wire_numbers {
	uint8_t nd_mobility_information;
	uint8_t mobility_information;
	uint8_t registration_request;
	uint8_t registration_update;
	uint8_t registration_refresh;
	uint8_t handoff_request;
	bool accept_rh0;
};

extern const struct hm_wire_numbers hm_wire_defaults;

/* Where the octets that authentication covers lie in a packet (PROTOCOL 5). */
struct hm_signed_part {
	size_t header_at, header_len; /* the Destination Options header with the sub-option */
	size_t mac_at;                /* its 16 MAC octets, from the start of the packet */
};

/* Reads one IPv6 packet. HM_DROP_NONE: *ret_packet is whole, and *ret_signed says where its MAC is
 * when packet.auth.present. Anything else leaves both untouched. ifindex is the caller's to set.
 * An ICMP error's inner span points into `bytes`. */
enum hm_drop hm_packet_read(struct hm_span bytes, const struct hm_wire_numbers *numbers,
                            struct hm_packet *ret_packet, struct hm_signed_part *ret_signed);

/* Does its routing header, if there is one, lead to this node's home address (RFC 6275 6.4.1)?
 * own_home: NULL at a node that is no mobile host, where none leads. */
bool hm_packet_ends_here(const struct hm_packet *packet, const struct hm_addr *own_home);

/* Writes the packet, ICMPv6 checksum included; with auth.present its MAC octets are zero and
 * *ret_signed says where. HM_ETOOBIG when it does not fit in w, HM_EMALFORMED for a message that
 * cannot be sent (HM_MSG_NONE, an ICMP error, a message about a mobile host without its home
 * address).
 */
int hm_packet_write(const struct hm_packet *packet, const struct hm_wire_numbers *numbers,
                    struct hm_wr *w, struct hm_signed_part *ret_signed);

/* Writes what the MAC is computed over: source, destination, home address, header with the MAC
 * octets zero. `packet` are the octets on the wire, `home` :: where the message is about none. */
int hm_packet_mac_input(struct hm_span packet, const struct hm_addr *home,
                        const struct hm_signed_part *part, struct hm_wr *w);

#endif
