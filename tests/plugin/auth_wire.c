#include "host/authq.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

/* Codec, queue and auth-hmac together: what one node writes and signs, another reads and believes,
 * and it carries the golden MACs of PROTOCOL 3. PLUGIN_DIR is where the plugins were built. */

static const struct hm_authq_now now = { .now_ms = 0, .wall_s = 1700000000 };
static uint8_t secret[32];
static struct hm_key_setting keys[] = {
	{ .name = "roamer",
	  .use = HM_USE_MH_MS,
	  .spi = 0x1001,
	  .secret = secret,
	  .secret_len = 32 },
	{ .name = "router",
	  .use = HM_USE_MS_RA,
	  .spi = 0x2001,
	  .secret = secret,
	  .secret_len = 32 },
};
static struct hm_loaded loaded;
static struct hm_counters counters;
static struct hm_authq *q;
static int told = -1;
static enum hm_use told_use;

static void on_log(void *host, int level, const char *text)
{
	(void)host;
	(void)level;
	(void)text;
}

static const struct hm_host_api api = { .size = sizeof api, .log = on_log };

static void on_verdict(void *arg, const struct hm_packet *packet, enum hm_verdict verdict,
                       enum hm_use use)
{
	(void)arg;
	(void)packet;
	told = (int)verdict;
	told_use = use;
}

static void set_up(void)
{
	static const struct hm_settings settings = {
		.file = "x.conf", .state_dir = "/nowhere", .keys = keys, .n_keys = 2
	};
	char why[400] = "";

	for (unsigned i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)i;
	cr_assert_eq(hm_plugin_load(PLUGIN_DIR, HM_PLUGIN_AUTH, "hmac", &loaded, why, sizeof why),
	             HM_OK, "%s", why);
	cr_assert_eq(hm_plugin_open(&loaded, &settings, &api, 0, why, sizeof why), HM_OK, "%s",
	             why);
	q = hm_authq_create(&(struct hm_authq_options){
	        .plugin = &loaded, .verdict = on_verdict, .counters = &counters });
	cr_assert_not_null(q);
	cr_assert_eq(hm_authq_set_keys(q, &settings, why, sizeof why), HM_OK, "%s", why);
}

static void tear_down(void)
{
	hm_authq_destroy(q);
	hm_plugin_unload(&loaded);
}

TestSuite(auth_wire, .init = set_up, .fini = tear_down);

/* The packet as it leaves, signed as its use demands; its octets in w, its MAC at part->mac_at. */
static void write_signed(struct hm_packet *packet, enum hm_use use, struct hm_wr *w,
                         struct hm_signed_part *ret_part)
{
	struct hm_auth_parties parties = hm_authq_sending(use, packet);

	packet->hop_limit = 64;
	packet->auth.present = true;
	cr_assert_eq(hm_authq_spi(q, &parties, now, &packet->auth.spi), HM_OK);
	cr_assert_eq(hm_packet_write(packet, &hm_wire_defaults, w, ret_part), HM_OK);
	cr_assert_eq(hm_authq_sign(q, &parties, packet->auth.spi, w, ret_part, now), HM_OK);
}

static void read_back(const struct hm_wr *w, const struct hm_addr *own_home)
{
	const struct hm_span bytes = { w->p, w->len };
	struct hm_signed_part part;
	struct hm_packet packet;

	told = -1;
	cr_assert_eq(hm_packet_read(bytes, &hm_wire_defaults, &packet, &part), HM_DROP_NONE);
	cr_assert(packet.auth.present);
	hm_authq_submit(q, &packet, bytes, &part, own_home, now);
}

static void expect_mac(const struct hm_wr *w, const struct hm_signed_part *part, const char *want)
{
	char got[2 * HM_MAC_LEN + 1];

	for (unsigned i = 0; i < HM_MAC_LEN; i++)
		sprintf(got + 2 * i, "%02x", w->p[part->mac_at + i]);
	cr_assert_str_eq(got, want);
}

static struct hm_packet request(void)
{
	return (struct hm_packet){
		.src = addr("2001:db8:f1:1::99"),
		.dst = addr("2001:db8:f1::1"),
		.has_home = true,
		.home = addr("2001:db8:1::aa"),
		.kind = HM_MSG_REG_REQUEST,
		.reg = { .ack = true, .malen = 64, .seq = 1, .lifetime_s = 600 }
	};
}

Test(auth_wire, a_registration_request_is_believed_as_written)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	struct hm_packet packet = request();
	struct hm_signed_part part;

	write_signed(&packet, HM_USE_MH_MS, &w, &part);
	expect_mac(&w, &part, "138f81f7e38aa32b5209ff4c4d668242");
	read_back(&w, NULL);
	cr_assert_eq(told, HM_VERDICT_OK);
	cr_assert_eq(told_use, HM_USE_MH_MS);
}

Test(auth_wire, no_bit_of_what_is_signed_can_be_changed)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	struct hm_packet packet = request();
	struct hm_signed_part part;
	unsigned believed = 0;

	write_signed(&packet, HM_USE_MH_MS, &w, &part);
	for (size_t bit = 8 * 8; bit < 8 * w.len; bit++) {
		struct hm_signed_part changed_part;
		struct hm_packet changed;

		w.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		told = -1;
		if (hm_packet_read((struct hm_span){ w.p, w.len }, &hm_wire_defaults, &changed,
		                   &changed_part) == HM_DROP_NONE)
			hm_authq_submit(q, &changed, (struct hm_span){ w.p, w.len }, &changed_part,
			                NULL, now);
		believed += told == HM_VERDICT_OK;
		w.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	cr_assert_eq(believed, 0, "%u changed packets were believed", believed);
}

Test(auth_wire, an_acknowledgement_is_about_the_home_address_it_does_not_carry)
{
	struct hm_addr home = addr("2001:db8:1::aa"), other = addr("2001:db8:1::bb");
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	struct hm_signed_part part;
	struct hm_packet packet = { .src = addr("2001:db8:f1::1"),
		                    .dst = addr("2001:db8:f1:1::99"),
		                    .home = home,
		                    .kind = HM_MSG_BACK,
		                    .back = { .seq = 1, .lifetime_s = 600, .refresh_s = 480 } };

	write_signed(&packet, HM_USE_MH_MS, &w, &part);
	expect_mac(&w, &part, "6da5fcea7a33ea4498d9973b87ee3c40");
	read_back(&w, &home);
	cr_assert_eq(told, HM_VERDICT_OK);
	cr_assert_eq(told_use, HM_USE_MH_MS);
	read_back(&w, &other);
	cr_assert_eq(told, HM_VERDICT_BAD);
}

Test(auth_wire, mobility_information_is_about_no_home_address)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	struct hm_signed_part part;
	struct hm_packet packet = { .src = addr("2001:db8:f1::1"),
		                    .dst = addr("2001:db8:f1:1::1"),
		                    .kind = HM_MSG_MSINFO,
		                    .msinfo = { .plen = 64, .ms = addr("2001:db8:f1::1") },
		                    .auth = { .epoch = 0x6a5f0000 } };

	write_signed(&packet, HM_USE_MS_RA, &w, &part);
	expect_mac(&w, &part, "e137d972ce2e094a208ac467f6d69db3");
	read_back(&w, NULL);
	cr_assert_eq(told, HM_VERDICT_OK);
	cr_assert_eq(told_use, HM_USE_MS_RA);
}

Test(auth_wire, only_what_roles_check_otherwise_passes_without_it)
{
	static const enum hm_msg_kind free_kinds[] = { HM_MSG_BREQ,         HM_MSG_RA,
		                                       HM_MSG_RS,           HM_MSG_NS,
		                                       HM_MSG_NA,           HM_MSG_ICMP_ERROR,
		                                       HM_MSG_HAAD_REQUEST, HM_MSG_HAAD_REPLY };
	unsigned passes = 0;

	for (int kind = 0; kind <= HM_MSG_KINDS + 1; kind++)
		passes += !hm_authq_is_needed((enum hm_msg_kind)kind);
	for (unsigned i = 0; i < 8; i++)
		cr_assert_not(hm_authq_is_needed(free_kinds[i]));
	cr_assert_eq(passes, 8u, "what is no message is never believed");
}
