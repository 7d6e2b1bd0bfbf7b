/* Every message byte by byte: golden/NAME.hex holds a packet with a comment per field. */
#include "base/err.h"
#include "lib/addr.h"
#include "lib/hex.h"
#include "wire/packet.h"
#include "wire/show.h"

#include <criterion/criterion.h>
#include <sodium.h>

#define MH "2001:db8:f1:1::99"
#define MS "2001:db8:f1::1"
#define HOME "hao=2001:db8:1::aa"

static const struct {
	const char *name, *shown;
} golden[] = {
	{ "reg-prev-ms", "reg-request src=" MH " dst=" MS " " HOME
	                 " seq=1 life=600 malen=64 prev=2001:db8:f1::1 ack" },
	{ "reg-first", "reg-request src=" MH " dst=" MS " " HOME " seq=1 life=600 malen=64 ack" },
	{ "reg-update", "reg-update src=" MH " dst=" MS " " HOME " seq=2 life=600 malen=64 ack" },
	{ "reg-refresh",
	  "reg-refresh src=" MH " dst=" MS " " HOME " seq=3 life=infinite malen=64 ack" },
	{ "reg-first-auth",
	  "reg-request src=" MH " dst=" MS " " HOME " seq=1 life=600 malen=64 spi=0x1001 ack" },
	{ "handoff", "handoff src=2001:db8:f2::1 dst=" MS " " HOME " seq=3"
	             " life=60 malen=64 gcoa=2001:db8:f2::aa" },
	{ "msinfo", "mobility-information src=" MS " dst=2001:db8:f1:1::1"
	            " ms=2001:db8:f1::1 plen=64" },
	{ "msinfo-auth", "mobility-information src=" MS " dst=2001:db8:f1:1::1"
	                 " ms=2001:db8:f1::1 plen=64 spi=0x2001 epoch=1784610816" },
	{ "back", "binding-ack src=" MS " dst=" MH " seq=1"
	          " status=accepted life=600 refresh=480 code=0" },
	{ "back-auth", "binding-ack src=" MS " dst=" MH " seq=1"
	               " status=accepted life=600 refresh=480 spi=0x1001 code=0" },
	{ "bu", "binding-update src=" MH " dst=2001:db8:1::1"
	        " " HOME " seq=1 life=600 A H D" },
	{ "bu-alt-coa", "binding-update src=" MH " dst=2001:db8:1::1"
	                " " HOME " seq=1 life=600 A H alt=2001:db8:f1::aa" },
	{ "breq", "binding-request src=2001:db8:c::1 dst=" MH " id=48879" },
	{ "ra-msinfo", "router-advert src=fe80::1 dst=ff02::1 life=1800 ms=2001:db8:f1::1"
	               " plen=64 cur-hop-limit=64" },
	{ "ra-full", "router-advert src=fe80::1 dst=ff02::1 life=1800 H"
	             " prefix=2001:db8:f1:1::1/64 ms=2001:db8:f1::1 plen=64"
	             " ms=2001:db8:f0::1 plen=48 level=1 preference=7 info-life=300"
	             " cur-hop-limit=64 managed reachable=30000 retrans=1000"
	             " lladdr=020000000001 mtu=1500 interval=1000 ha-preference=5"
	             " ha-life=1800 on-link autonomous router-addr valid=2592000"
	             " preferred=604800" },
	{ "rs", "router-solicit src=fe80::99 dst=ff02::2 lladdr=020000000099" },
	{ "ns-dad", "neighbour-solicit src=:: dst=ff02::1:ff00:aa target=2001:db8:f1::aa"
	            " nonce nonce=a1a2a3a4a5a6" },
	{ "ns", "neighbour-solicit src=fe80::1 dst=ff02::1:ff00:aa target=2001:db8:f1::aa"
	        " lladdr=020000000001" },
	{ "na", "neighbour-advert src=" MS " dst=fe80::1 target=2001:db8:f1::aa"
	        " R S lladdr=020000000002" },
	{ "haad-request", "haad-request src=" MH " dst=2001:db8:1:0:fdff:ffff:ffff:fffe id=4660" },
	{ "haad-reply", "haad-reply src=2001:db8:1::1 dst=" MH
	                " id=4660 agent=2001:db8:1::1 agent=2001:db8:1::2" },
};

#define GOLDEN_LEN (sizeof golden / sizeof golden[0])

static struct hex load(const char *name)
{
	char path[512], text[8192];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, GOLDEN_DIR "/%s.hex", name);
	f = fopen(path, "r");
	cr_assert(f, "%s", path);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	return hex(text);
}

Test(golden, each_packet_is_read_as_what_it_says)
{
	for (size_t i = 0; i < GOLDEN_LEN; i++) {
		struct hex in = load(golden[i].name);
		struct hm_packet packet;
		struct hm_signed_part part;
		char text[HM_SHOW_MAX];
		struct hm_text t = hm_text(text, sizeof text);
		enum hm_drop drop =
		        hm_packet_read(hex_span(&in), &hm_wire_defaults, &packet, &part);

		cr_assert_eq(drop, HM_DROP_NONE, "%s: %s", golden[i].name, hm_drop_text(drop));
		hm_packet_show(&t, &packet);
		hm_packet_show_rest(&t, &packet);
		cr_expect_str_eq(text, golden[i].shown, "%s: %s", golden[i].name, text);
	}
}

Test(golden, each_packet_is_written_to_the_same_octets)
{
	for (size_t i = 0; i < GOLDEN_LEN; i++) {
		struct hex in = load(golden[i].name), out = { .len = 0 };
		struct hm_packet packet;
		struct hm_signed_part part, wrote;
		struct hm_wr w = hm_wr(out.b, sizeof out.b);

		cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &packet, &part), 0);
		cr_assert_eq(hm_packet_write(&packet, &hm_wire_defaults, &w, &wrote), HM_OK);
		if (packet.auth.present) {
			cr_assert_eq(wrote.mac_at, part.mac_at);
			cr_assert_eq(wrote.header_at, part.header_at);
			cr_assert_eq(wrote.header_len, part.header_len);
			hm_wr_patch(&w, wrote.mac_at, packet.auth.mac, HM_MAC_LEN);
		}
		cr_assert_eq(w.len, in.len, "%s: %s", golden[i].name, hex_text(out.b, w.len));
		cr_expect_arr_eq(out.b, in.b, in.len, "%s: %s", golden[i].name,
		                 hex_text(out.b, w.len));
	}
}

Test(golden, every_prefix_is_truncated_and_leaves_the_result_alone)
{
	for (size_t i = 0; i < GOLDEN_LEN; i++) {
		struct hex in = load(golden[i].name);
		struct hm_packet packet, before;
		struct hm_signed_part part;

		memset(&packet, 0xa5, sizeof packet);
		memcpy(&before, &packet, sizeof packet);
		for (size_t len = 0; len < in.len; len++) {
			enum hm_drop drop = hm_packet_read((struct hm_span){ in.b, len },
			                                   &hm_wire_defaults, &packet, &part);

			cr_assert_eq(drop, HM_DROP_TRUNCATED, "%s, %zu octets: %s", golden[i].name,
			             len, hm_drop_text(drop));
			cr_assert_eq(memcmp(&packet, &before, sizeof packet), 0);
		}
	}
}

/* The same, where the payload length says so too. */
Test(golden, no_shorter_packet_is_taken_for_the_message)
{
	for (size_t i = 0; i < GOLDEN_LEN; i++) {
		struct hex in = load(golden[i].name);
		struct hm_packet packet;
		struct hm_signed_part part;

		for (size_t len = 40; len < in.len; len++) {
			in.b[4] = 0;
			in.b[5] = (uint8_t)(len - 40);
			cr_assert_neq(hm_packet_read((struct hm_span){ in.b, len },
			                             &hm_wire_defaults, &packet, &part),
			              HM_DROP_NONE, "%s, %zu octets", golden[i].name, len);
		}
	}
}

Test(golden, no_room_is_an_error_at_every_size)
{
	for (size_t i = 0; i < GOLDEN_LEN; i++) {
		struct hex in = load(golden[i].name), out;
		struct hm_packet packet;
		struct hm_signed_part part;

		cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &packet, &part), 0);
		for (size_t cap = 0; cap < in.len; cap++) {
			struct hm_wr w = hm_wr(out.b, cap);

			cr_assert_eq(hm_packet_write(&packet, &hm_wire_defaults, &w, &part),
			             HM_ETOOBIG, "%s in %zu", golden[i].name, cap);
		}
	}
}

static void check_mac(const char *name, const char *home)
{
	struct hex in = load(name);
	struct hm_packet packet;
	struct hm_signed_part part;
	struct hm_addr about = addr(home);
	uint8_t input[HM_MAC_INPUT_MAX], key[32], mac[crypto_auth_hmacsha256_BYTES];
	struct hm_wr w = hm_wr(input, sizeof input);
	crypto_auth_hmacsha256_state state;

	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &packet, &part), 0);
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &about, &part, &w), HM_OK);
	crypto_auth_hmacsha256_init(&state, key, sizeof key);
	crypto_auth_hmacsha256_update(&state, input, w.len);
	crypto_auth_hmacsha256_final(&state, mac);
	cr_expect_arr_eq(mac, packet.auth.mac, HM_MAC_LEN, "%s: %s", name,
	                 hex_text(mac, HM_MAC_LEN));
}

Test(golden, the_macs_are_those_of_the_specification)
{
	cr_assert_geq(sodium_init(), 0);
	check_mac("reg-first-auth", "2001:db8:1::aa");
	check_mac("back-auth", "2001:db8:1::aa");
	check_mac("msinfo-auth", "::");
}

Test(golden, mac_input_has_zeros_for_the_mac_and_stays_in_the_packet)
{
	struct hex in = load("reg-first-auth");
	struct hm_packet packet;
	struct hm_signed_part part, wrong;
	uint8_t input[HM_MAC_INPUT_MAX];
	struct hm_wr w = hm_wr(input, sizeof input), small = hm_wr(input, 111);

	cr_assert_eq(hm_packet_read(hex_span(&in), &hm_wire_defaults, &packet, &part), 0);
	cr_assert_eq(part.header_at, 40);
	cr_assert_eq(part.header_len, 64);
	cr_assert_eq(part.mac_at, 40 + 24);
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &packet.home, &part, &w), HM_OK);
	cr_assert_eq(w.len, 48 + 64);
	cr_assert_arr_eq(input, &in.b[8], 32);
	cr_assert_arr_eq(&input[32], packet.home.b, 16);
	cr_assert_arr_eq(&input[48], &in.b[40], 24);
	cr_assert_arr_eq(&input[48 + 24], hex("00000000000000000000000000000000").b, 16);
	cr_assert_arr_eq(&input[48 + 40], &in.b[40 + 40], 24);
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &packet.home, &part, &small), HM_ETOOBIG);
	wrong = part;
	wrong.header_len++;
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &packet.home, &wrong, &w), HM_EMALFORMED);
	wrong = part;
	wrong.mac_at = 40 + 49;
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &packet.home, &wrong, &w), HM_EMALFORMED);
	wrong.mac_at = 39;
	cr_assert_eq(hm_packet_mac_input(hex_span(&in), &packet.home, &wrong, &w), HM_EMALFORMED);
}
