#include "host/settings_rig.h"

TestSuite(settings_errors, .init = rig_init, .fini = rig_fini);

#define CH "[hmipd]\nrole = ch\n"

static const struct {
	const char *text, *error;
} bad_lines[] = {
	{ CH "colour = red\n", "c.conf:3: colour: unknown key in [hmipd]\n" },
	{ CH "[nix]\na = b\n", "c.conf:3: [nix]: unknown section\n" },
	{ CH "[ms x]\n", "c.conf:3: [ms x]: unknown section\n" },
	{ CH "[key]\n", "c.conf:3: [key]: needs a name: [key NAME]\n" },
	{ CH "[plugin x]\n", "c.conf:3: [plugin x]: needs the name of a plugin: "
	                     "tunnel-NAME or auth-NAME\n" },
	{ CH "[ms\n", "c.conf:3: section: ] is missing\n" },
	{ "role = ch\n" CH, "c.conf:1: section: a [SECTION] must come first\n" },
	{ CH "[ch]\n[hmipd]\n", "c.conf:4: hmipd: section stands at line 1 already\n" },
	{ CH "role = ms\n", "c.conf:3: role: stands at line 2 already\n" },
	{ CH "[plugin auth-x]\na = 1\na = 2\n", "c.conf:5: a: stands at line 4 already\n" },
	{ CH "tunnel\n", "c.conf:3: hmipd: KEY = VALUE is needed\n" },
	{ CH "tunnel: tun\n", "c.conf:3: hmipd: KEY = VALUE is needed\n" },
	{ CH "  tunnel = tun\n", "c.conf:3: line: indented; a value ends with its line\n" },
	{ CH "tunnel = a\x01\n", "c.conf:3: line: control character\n" },
	{ CH "tunnel =\n", "c.conf:3: tunnel: a value is needed\n" },
	{ CH "tunnel = ../x\n", "c.conf:3: tunnel: \"../x\" is no plugin name (a-z, 0-9, -)\n" },
	{ CH "auth-failure-reply = maybe\n",
	  "c.conf:3: auth-failure-reply: \"maybe\" is none of no, yes\n" },
	{ "[hmipd]\nrole = ch, ch\n", "c.conf:2: role: ch is named twice\n" },
	{ "[hmipd]\n", "c.conf:1: role: needed here or as --role: ms, mh, ra, ha or ch\n" },
	{ "[hmipd]\nrole = ha\n[ha]\ninterface = e\n",
	  "c.conf:3: address: needed in [ha] by role ha\n" },
	{ CH "[ms]\naddress = 2001:db8::1\n",
	  "c.conf:4: address: \"2001:db8::1\" needs a prefix length: ADDRESS/PLEN\n" },
	{ CH "[ms]\naddress = fe80::1/64\n",
	  "c.conf:4: address: fe80::1 is not a global unicast address\n" },
	{ CH "[ms]\naddress = 2001:db8::1/127\n",
	  "c.conf:4: address: prefix length 127 is not in 1..126\n" },
	{ CH "[ms]\naddress = 2001:db8::1/6x\n",
	  "c.conf:4: address: \"6x\" is no prefix length\n" },
	{ CH "[ms]\nlifetime-max = 1500ms\n",
	  "c.conf:4: lifetime-max: 1500ms is not a whole number of seconds\n" },
	{ CH "[ms]\nlifetime-max = 10days\n",
	  "c.conf:4: lifetime-max: \"days\" is no unit: s, ms, min or h\n" },
	{ CH "[ms]\nlifetime-max = soon\n",
	  "c.conf:4: lifetime-max: \"soon\" is no duration (600, 10min, 50ms)\n" },
	{ CH "[ms]\nmax-bindings = -1\n", "c.conf:4: max-bindings: \"-1\" is no number\n" },
	{ CH "[ms]\nlevel = 5\n", "c.conf:4: level: 5 is not in 0..4\n" },
	{ CH "[ms]\ninterface = an-interface-too-long\n",
	  "c.conf:4: interface: \"an-interface-too-long\" is no name of an interface\n" },
	{ CH "[mh]\ninterface = a,b,c,d,e,f,g,h,i\n",
	  "c.conf:4: interface: more than 8 interfaces\n" },
	{ CH "[ms]\nrouters = 2001:db8::1,\n", "c.conf:4: routers: \"\" is no IPv6 address\n" },
	{ CH "[ms]\nrouters = 2001:db8::1, 2001:db8:0::1\n",
	  "c.conf:4: routers: 2001:db8:0::1 is named twice\n" },
	{ CH "[ms]\naddress = 2001:db8::1/64\npeers = 2001:db8::1\n",
	  "c.conf:5: peers: the server itself is no peer\n" },
	{ CH "[ra]\nmin-interval = 20ms\n",
	  "c.conf:4: min-interval: 20ms is not in 30ms..1800s\n" },
	{ CH "[ra]\nmax-interval = 40ms\n", "c.conf:4: min-interval: longer than max-interval\n" },
	{ CH "[ra]\ninterface = a,b\nprefix = 2001:db8::/64\n",
	  "c.conf:5: prefix: 1 prefixes for 2 interfaces: one each is needed\n" },
	{ CH "[ra]\nmobility = static\n",
	  "c.conf:4: mobility: \"static\" needs a prefix length: ADDRESS/PLEN\n" },
	{ CH "[wire]\nhandoff-request = 256\n",
	  "c.conf:4: handoff-request: 256 is not in 0..255\n" },
	{ CH "[wire]\nhandoff-request = 0xca\n",
	  "c.conf:4: handoff-request: 202 is also registration-request\n" },
	{ CH "[wire]\nmobility-information = 0xc9\n",
	  "c.conf:4: mobility-information: 201 has a meaning already\n" },
	{ CH "[wire]\nnd-mobility-information = 3\n",
	  "c.conf:4: nd-mobility-information: 3 has a meaning already\n" },
};

Test(settings_errors, each_is_one_line_with_file_line_key_and_reason)
{
	for (size_t i = 0; i < sizeof bad_lines / sizeof bad_lines[0]; i++)
		rig_refuses(bad_lines[i].text, bad_lines[i].error);
}

#define SECRET "secret = 000102030405060708090a0b0c0d0e0f\n"
#define KEY CH "[key k]\n"

Test(settings_errors, keys_must_be_whole)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ KEY, "c.conf:3: spi: needed in [key k]\nc.conf:3: use: needed in [key k]\n"
		       "c.conf:3: secret: secret or secret-file is needed in [key k]\n" },
		{ KEY SECRET "use = mh-ms\nspi = 255\n",
		  "c.conf:6: spi: 255 is not in 256..4294967295\n" },
		{ KEY SECRET "spi = 256\nuse = mh\n",
		  "c.conf:6: use: \"mh\" is none of mh-ms, mh-ha, mh-ch, ms-ms, ms-ra\n" },
		{ KEY SECRET "spi = 256\nuse = ms-ms\n",
		  "c.conf:3: peer: needed for ms-ms in [key k]\n" },
		{ KEY SECRET "spi = 256\nuse = ms-ra\npeer = 2001:db8::/32\n"
		             "home-address = 2001:db8::1\n",
		  "c.conf:8: home-address: only for mh-ms, mh-ha and mh-ch\n" },
		{ KEY "secret = 0001\nspi = 256\nuse = mh-ms\n",
		  "c.conf:4: secret: a secret has 16 to 64 octets, this one 2\n" },
		{ KEY "secret = 00010\nspi = 256\nuse = mh-ms\n",
		  "c.conf:4: secret: not hexadecimal: two digits per octet are needed\n" },
		{ KEY SECRET "secret-file = c.conf\nspi = 256\nuse = mh-ms\n",
		  "c.conf:5: secret-file: the key has a secret already\n" },
		{ KEY "secret-file = none.key\nspi = 256\nuse = mh-ms\n",
		  "c.conf:4: secret-file: none.key: No such file or directory\n" },
		{ KEY SECRET "spi = 256\nuse = mh-ms\nnot-before = 2026-02-29T00:00:00Z\n",
		  "c.conf:7: not-before: there is no 2026-02-29T00:00:00Z\n" },
		{ KEY SECRET "spi = 256\nuse = mh-ms\nnot-before = 2026-01-01\n",
		  "c.conf:7: not-before: \"2026-01-01\" is no date like 2026-01-01T00:00:00Z\n" },
		{ KEY SECRET "spi = 256\nuse = mh-ms\nnot-before = 2027-01-01T00:00:00Z\n"
		             "not-after = 2026-12-31T23:59:59Z\n",
		  "c.conf:8: not-after: earlier than not-before\n" },
		{ KEY SECRET "spi = 256\nuse = mh-ms\n[key l]\n" SECRET "spi = 256\nuse = mh-ms\n",
		  "c.conf:7: l: same use, spi, home-address and peer as [key k]\n" },
		{ KEY SECRET "spi = 256\nuse = mh-ms\n[key  k]\n",
		  "c.conf:7: key k: section stands at line 3 already\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		rig_refuses(cases[i].text, cases[i].error);
}

Test(settings_errors, all_are_reported_at_once)
{
	rig_refuses("[hmipd]\nrole = ms\ncolour = 1\n[ms]\nlevel = 9\n[ra]\nmobility = x\n",
	            "c.conf:3: colour: unknown key in [hmipd]\n"
	            "c.conf:5: level: 9 is not in 0..4\n"
	            "c.conf:7: mobility: \"x\" needs a prefix length: ADDRESS/PLEN\n"
	            "c.conf:4: address: needed in [ms] by role ms\n");
}

Test(settings_errors, a_line_past_the_limit_is_refused_with_its_number)
{
	static char text[6000];

	strcpy(text, CH "[plugin tunnel-x]\na = ");
	memset(text + strlen(text), 'x', 4096);
	strcat(text, "\nb = 1\n");
	rig_refuses(text, "c.conf:4: line: longer than 4095 characters\n");
}

Test(settings_errors, a_zero_octet_does_not_hide_the_rest_of_a_line)
{
	static const char text[] = CH "tunnel = tun\0x\n";
	char *said;
	size_t len;
	FILE *errors = open_memstream(&said, &len);

	rig_write("z.conf", text, sizeof text - 1, 0600);
	cr_assert_eq(hm_settings_load("z.conf", NULL, errors, &rig_settings), HM_ECONFIG);
	fclose(errors);
	cr_assert_str_eq(said, "z.conf:3: line: control character\n");
	free(said);
}

/* Loads a key whose secret is the file k. */
static int load_secret_file(const char *bytes, size_t len, mode_t mode)
{
	rig_write("k", bytes, len, mode);
	return rig_load(KEY "secret-file = k\nspi = 256\nuse = mh-ms\n");
}

Test(settings_errors, a_key_file_holds_hexadecimal_text_or_plain_octets)
{
	cr_assert_eq(load_secret_file("000102030405060708090a0b0c0d0e0f\r\n", 34, 0400), HM_OK,
	             "%s", rig_errors);
	cr_assert_eq(rig_settings->keys[0].secret_len, 16);
	cr_assert_eq(rig_settings->keys[0].secret[15], 15);
	cr_assert_eq(load_secret_file("not hexadecimal\0\xff\n", 18, 0600), HM_OK, "%s",
	             rig_errors);
	cr_assert_eq(rig_settings->keys[0].secret_len, 18);
	cr_assert_arr_eq(rig_settings->keys[0].secret, "not hexadecimal\0\xff\n", 18);
	cr_assert_eq(load_secret_file("too short", 9, 0600), HM_ECONFIG);
	cr_assert_str_eq(rig_errors,
	                 "c.conf:4: secret-file: a secret has 16 to 64 octets, this one 9\n");
}

Test(settings_errors, a_file_with_a_secret_must_not_be_open_to_others)
{
	static const char inline_secret[] = KEY SECRET "spi = 256\nuse = mh-ms\n";
	char *said;
	size_t len;
	FILE *errors = open_memstream(&said, &len);

	cr_assert_eq(load_secret_file("0123456789012345", 16, 0640), HM_ECONFIG);
	cr_assert_str_eq(rig_errors, "c.conf:4: secret-file: k holds a secret and is open to "
	                             "others (mode 0640): chmod 600 it\n");
	rig_write("o.conf", inline_secret, sizeof inline_secret - 1, 0604);
	cr_assert_eq(hm_settings_load("o.conf", NULL, errors, &rig_settings), HM_ECONFIG);
	fclose(errors);
	cr_assert_str_eq(said, "o.conf:4: secret: the file holds a secret and is open to others "
	                       "(mode 0604): chmod 600 it\n");
	free(said);
}

Test(settings_errors, a_key_file_is_looked_for_beside_the_configuration)
{
	static const char text[] = KEY "secret-file = keys/k\nspi = 256\nuse = mh-ms\n";

	cr_assert(mkdir("sub", 0700) == 0 && mkdir("sub/keys", 0700) == 0);
	rig_write("sub/keys/k", "0123456789abcdefgh", 18, 0600);
	rig_write("sub/x.conf", text, sizeof text - 1, 0644);
	cr_assert_eq(hm_settings_load("sub/x.conf", NULL, stderr, &rig_settings), HM_OK);
	cr_assert_eq(rig_settings->keys[0].secret_len, 18);
}
