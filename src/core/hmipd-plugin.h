/* The plugin interface of hmipd: the one header a plugin needs, and the only one installed.
 *
 * A plugin is a shared object PLUGIN_DIR/{tunnel,auth}-NAME.so that exports one symbol,
 * `hm_plugin`, a const struct hm_plugin. Build one with
 *
 *     cc -shared -fPIC $(pkg-config --cflags hmipd) x.c -o tunnel-x.so
 *
 * Rules, for both sides:
 * - The members magic, abi, size, kind never move. The host reads them in that order and nothing
 *   behind them before they are right. `abi` changes when old plugins can no longer work; `size`
 *   grows when members are appended to a struct, and either side reads a newer member only where
 *   the other's size covers it.
 * - Every function gets `self`, what open() made: no globals, one instance per process.
 * - Addresses are 16 octets in network order, keys and packets are borrowed for the call.
 * - A function returns HM_PLUGIN_OK, HM_PLUGIN_PENDING (the answer comes through api->done()
 * exactly once, with the same ticket) or a negative enum hm_plugin_result. api->done() must not be
 * called from inside the function it answers; it may be called from any thread, and is ignored
 * after close() has returned.
 * - Functions are called from the host's one thread. They must not block: work that waits belongs
 * in a thread or in a file descriptor given to api->watch_fd().
 * - open() may fail, and then leaves nothing behind; it has said why with api->log(). close() comes
 *   after the last ticket is answered or abandoned.
 * - A plugin does not see the daemon's database, its control packets or its roles' state.
 */
#ifndef HMIPD_PLUGIN_H
#define HMIPD_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HM_PLUGIN_MAGIC 0x484d4950u /* "HMIP" */
#define HM_PLUGIN_ABI 1u

enum hm_plugin_kind {
	HM_PLUGIN_TUNNEL = 1,
	HM_PLUGIN_AUTH = 2,
};

/* The same numbers as the daemon's own errors. */
enum hm_plugin_result {
	HM_PLUGIN_OK = 0,
	HM_PLUGIN_PENDING = 1,
	HM_PLUGIN_ENOMEM = -2,
	HM_PLUGIN_EFULL = -3,
	HM_PLUGIN_ENOTFOUND = -4,
	HM_PLUGIN_EIO = -5,
	HM_PLUGIN_EPERM = -6,
	HM_PLUGIN_EUNSUPPORTED = -8,
	HM_PLUGIN_ECONFIG = -9,
	HM_PLUGIN_EMISSING = -10, /* of the machine: a device, a kernel feature, a privilege */
	HM_PLUGIN_EAUTH = -12,    /* the key is known, the MAC is wrong */
	HM_PLUGIN_ENOKEY = -13,   /* no key for this SPI, use and home address */
};

enum hm_plugin_level {
	HM_PLUGIN_ERROR = 3, /* syslog's numbers */
	HM_PLUGIN_WARNING = 4,
	HM_PLUGIN_INFO = 6,
	HM_PLUGIN_DEBUG = 7,
};

/* An option of the section [plugin KIND-NAME]. The host reads the section, refuses unknown keys,
 * and hands the values to open() in the order of this table, which ends with a NULL key. */
struct hm_plugin_option {
	const char *key;
	const char *fallback; /* the value when the key is absent; NULL: hand over NULL */
	const char *help;     /* one line */
};

struct hm_auth_key;

/* Services of the host. `host` is the first argument of each. */
struct hm_host_api {
	uint32_t size;
	void *host;

	/* One line, key=value, no newline. Any thread. */
	void (*log)(void *host, int level, const char *text);
	/* Milliseconds on the monotonic clock. Any thread. */
	int64_t (*now_ms)(void *host);
	/* Unpredictable octets. Any thread. */
	void (*random)(void *host, void *buf, size_t len);
	/* Answers a pending operation. Any thread. */
	void (*done)(void *host, uint64_t ticket, int result);
	/* Calls cb on the host's thread whenever fd is readable; cb NULL stops it. */
	int (*watch_fd)(void *host, int fd, void (*cb)(void *arg), void *arg);
	/* The data plane saw traffic a role may want to act on; `what` is an enum hm_tunnel_seen.
	 * The plugin reports a pair within a second of a packet and at most once per second: it may
	 * collect what the kernel saw, since nothing waits for the report. A mobile host begins to
	 * optimise a route, and a correspondent asks to renew a binding in use, each at its own
	 * pace of seconds. Any thread. */
	void (*seen)(void *host, int what, const uint8_t home[16], const uint8_t peer[16]);
	/* Auth plugins: this key was obtained from elsewhere. The host keeps it, secret included,
	 * until its not_after_s, shows it in v_keys with the origin "aaa", sends what waits for it
	 * (see pick), and gives it back through key_restore() at the next start. A key with the
	 * same use, SPI, home address and peer is replaced. Borrowed for the call; its name may be
	 * NULL. When the key answers verify() as well, call this before done(). Any thread.
	 * HM_PLUGIN_EFULL: too many at once, the host does not keep it. */
	int (*learnt)(void *host, const struct hm_auth_key *key);
};

enum hm_plugin_open_flag {
	/* [wire] accept-rh0 = yes. Tunnel plugins: a routing header of type 0 with one address in a
	 * data packet to a mobile host is taken like one of type 2. */
	HM_PLUGIN_ACCEPT_RH0 = 1,
};

struct hm_plugin_open {
	uint32_t size;
	const struct hm_host_api *api; /* valid until close() returns */
	const char *const *options;    /* values, in the order of the option table; borrowed */
	size_t n_options;
	const char *state_dir; /* borrowed */
	/* The mark (SO_MARK) of packets that must not enter a tunnel of hmipd's. */
	uint32_t mark;
	uint32_t reserved; /* 0 */
	uint64_t flags;    /* enum hm_plugin_open_flag; not in a host whose size ends before it */
};

/* --- tunnel plugins ------------------------------------------------------------------------- */

enum hm_tunnel_seen {
	HM_TUNNEL_SEEN_TUNNELLED = 0, /* mh: peer reached home through the home agent's tunnel */
	/* ch: the binding of home carried a packet of peer, an address of the correspondent's own
	 */
	HM_TUNNEL_SEEN_BOUND = 1,
};

enum hm_tunnel_kind {
	/* Mobility server, home agent. A packet to `match` is encapsulated (RFC 2473), outer source
	 * `local`, outer destination `remote`. Unless one_way, a tunnelled packet from `remote` to
	 * `local` is accepted and forwarded when its inner source is `match`, and only then. When
	 * `remote` changes, packets from the former one are accepted for some five seconds more:
	 * the mobile host goes on sending from there until it has heard of the change. */
	HM_TUNNEL_ENCAP = 0,
	/* Mobile host away from home. `match` is the home address: it becomes an address of this
	 * machine, on a device of the plugin's, and so does the `local` of every hop but the last.
	 * A packet from `match` is encapsulated once per hop, hops[0] innermost. Tunnelled packets
	 * are accepted from `remote` to `local` of a hop or of an `accept` pair, and unpacked until
	 * nothing is left to unpack. */
	HM_TUNNEL_HOME = 1,
	/* Mobile host, route optimisation. A packet from `home` to the correspondent `match` gets
	 * source `local` and a Home Address option holding `home`; with n_hops 1 it is tunnelled
	 * through that hop as well. A packet from `match` to `local` with a routing header of type
	 * 2 holding `home` is delivered to `home`. */
	HM_TUNNEL_OWN = 2,
	/* Correspondent, route optimisation. A packet to the mobile host `match` gets destination
	 * `remote` and a routing header of type 2 holding `match`. A packet from `remote` with a
	 * Home Address option holding `match` is delivered as if from `match`. Both together with
	 * HM_TUNNEL_OWN when two mobile hosts talk. */
	HM_TUNNEL_PEER = 3,
};

#define HM_TUNNEL_HOPS 5
#define HM_TUNNEL_ACCEPTS 8

struct hm_tunnel_hop {
	uint8_t local[16], remote[16];
};

struct hm_tunnel_entry {
	uint32_t size;
	uint32_t kind; /* enum hm_tunnel_kind; with `match` the key (HM_TUNNEL_OWN: and home) */
	uint8_t match[16];
	uint8_t home[16];
	uint8_t local[16];
	uint8_t remote[16];
	/* 1: no prefix brings packets for `match` to the plugin: it attracts this one address. */
	uint8_t attract;
	/* 1: a packet to `match` that is itself IPv6 in IPv6 is not encapsulated again; its outer
	 * source and destination become `local` and `remote`. */
	uint8_t rewrite;
	uint8_t one_way;
	uint8_t n_hops;
	uint8_t n_accept;
	uint8_t reserved[3];
	struct hm_tunnel_hop hops[HM_TUNNEL_HOPS];
	struct hm_tunnel_hop accept[HM_TUNNEL_ACCEPTS];
};

struct hm_tunnel_prefix {
	uint32_t size;
	uint8_t prefix[16];
	uint8_t plen;
	/* 1: other hosts may live in the prefix on this interface; what is not bound goes there.
	 * 0: the prefix is ours alone; what is not bound is answered Address Unreachable. */
	uint8_t on_link;
	uint8_t reserved[2];
	uint32_t ifindex;
	uint8_t local[16]; /* our address in it: source of ICMPv6 errors */
};

struct hm_tunnel_count {
	uint64_t packets_in, octets_in;   /* accepted in reverse (HM_TUNNEL_HOME: unpacked) */
	uint64_t packets_out, octets_out; /* encapsulated */
};

/* What --check-system prints: one call per thing needed; `fix` is NULL when it is there. */
typedef void hm_plugin_report(void *arg, const char *what, const char *fix);

struct hm_tunnel_ops {
	uint32_t size;

	/* Makes it so, whether or not it was there; a changed `remote` loses no packet. */
	int (*put)(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry);
	/* Removes the entry with this key; one that is not there is no error. */
	int (*del)(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry);
	/* Packets for the whole prefix come to the plugin: no kernel state per binding. */
	int (*prefix_put)(void *self, const struct hm_tunnel_prefix *prefix);
	int (*prefix_del)(void *self, const struct hm_tunnel_prefix *prefix);
	/* The path to an outer destination carries packets of this size at most (RFC 2473 7.1). */
	void (*path_mtu)(void *self, const uint8_t remote[16], uint32_t mtu);
	/* What an entry carried. */
	int (*count)(void *self, const struct hm_tunnel_entry *entry,
	             struct hm_tunnel_count *ret_count);
	/* Everything that is to be there has been put since open(): remove what a former run left.
	 */
	void (*sweep)(void *self);
	/* close() is coming; keep != 0: leave the kernel forwarding (contract: SIGUSR1). */
	void (*stop)(void *self, int keep);
	/* The plugin's own counters, name by name: false when `index` is past the last. */
	bool (*stat)(void *self, unsigned index, const char **ret_name, uint64_t *ret_value);
	/* What the plugin does where, for `show status`, line by line: false when `index` is past
	 * the last. E.g. name "wan0", text "xdp native". */
	bool (*detail)(void *self, unsigned index, const char **ret_name, char *ret_text,
	               size_t len);
};

/* --- auth plugins --------------------------------------------------------------------------- */

enum hm_key_use {
	HM_KEY_MH_MS = 1,
	HM_KEY_MH_HA = 2,
	HM_KEY_MH_CH = 3,
	HM_KEY_MS_MS = 4,
	HM_KEY_MS_RA = 5,
};

/* Between whom: `local` and `remote` are the IPv6 addresses of the packet as this node sees them,
 * `home` the mobile host it is about (all zero: none). */
struct hm_auth_parties {
	uint32_t size;
	uint32_t use; /* enum hm_key_use */
	uint8_t local[16];
	uint8_t remote[16];
	uint8_t home[16];
};

/* A key. The plugin copies what it keeps into memory of its own; the caller wipes the secret. */
struct hm_auth_key {
	uint32_t size;
	uint32_t use;
	uint32_t spi;
	uint8_t has_home; /* mh-*: for this home address only */
	uint8_t peer_plen;
	uint8_t has_peer; /* the other end lies in peer/peer_plen */
	uint8_t reserved;
	uint8_t home[16];
	uint8_t peer[16];
	int64_t not_before_s, not_after_s; /* seconds since 1970; 0: no limit */
	const char *name;                  /* of the configuration section; for messages */
	const uint8_t *secret;
	size_t secret_len; /* 16 to 64 */
};

#define HM_AUTH_MAC_LEN 16

struct hm_auth_ops {
	uint32_t size;

	/* Adds a key, or replaces the one with the same use, SPI, home address and peer. */
	int (*key_put)(void *self, const struct hm_auth_key *key);
	/* A reload begins: keys not put again before key_end() are dropped. */
	void (*key_begin)(void *self);
	void (*key_end)(void *self);
	/* The SPI of the key to sign with: of those valid at now_s the one that ends last.
	 *
	 * HM_PLUGIN_PENDING: there is none, but one is being obtained. There is no ticket and no
	 * done(): the host holds the packet, for two seconds at most, and calls pick again with the
	 * same parties, when learnt() was called and several times a second, until it gets an SPI
	 * or another answer. So pick is idempotent: it asks elsewhere once, not once per call. A
	 * plugin must not answer so for ever: HM_PLUGIN_ENOKEY says that there will be none. */
	int (*pick)(void *self, const struct hm_auth_parties *parties, int64_t now_s,
	            uint32_t *ret_spi);
	/* The MAC over data with the key of that SPI. Never pending. */
	int (*sign)(void *self, const struct hm_auth_parties *parties, uint32_t spi, int64_t now_s,
	            const uint8_t *data, size_t len, uint8_t ret_mac[HM_AUTH_MAC_LEN]);
	/* HM_PLUGIN_OK, EAUTH, ENOKEY, EFULL (too many wait, the packet is dropped), or pending.
	 * data is borrowed for the call only. A ticket that is not answered in five seconds, or
	 * exceeds the host's own ceilings, is abandoned without a word; what a plugin keeps for one
	 * it bounds itself. */
	int (*verify)(void *self, uint64_t ticket, const struct hm_auth_parties *parties,
	              uint32_t spi, int64_t now_s, const uint8_t *data, size_t len,
	              const uint8_t mac[HM_AUTH_MAC_LEN]);
	/* A key that a former run told the host with learnt(), still valid. It comes after open()
	 * and the keys of the configuration, outside of key_begin() and key_end(): a reload does
	 * not drop it. NULL: such keys are not wanted back. */
	int (*key_restore)(void *self, const struct hm_auth_key *key);
	/* The plugin's own counters, name by name: false when `index` is past the last. */
	bool (*stat)(void *self, unsigned index, const char **ret_name, uint64_t *ret_value);
};

/* --- the descriptor ------------------------------------------------------------------------- */

struct hm_plugin {
	uint32_t magic;                         /* HM_PLUGIN_MAGIC */
	uint32_t abi;                           /* HM_PLUGIN_ABI */
	uint32_t size;                          /* sizeof (struct hm_plugin) */
	uint32_t kind;                          /* enum hm_plugin_kind */
	const char *name;                       /* NAME of the file's KIND-NAME.so */
	const char *version;                    /* for people */
	const char *summary;                    /* one line */
	const struct hm_plugin_option *options; /* NULL: none */
	int (*open)(const struct hm_plugin_open *how, void **ret_self);
	void (*close)(void *self);
	/* What the plugin needs of this machine; NULL: nothing. No instance is open. */
	void (*check)(hm_plugin_report *report, void *arg);
	const struct hm_tunnel_ops *tunnel; /* kind HM_PLUGIN_TUNNEL */
	const struct hm_auth_ops *auth;     /* kind HM_PLUGIN_AUTH */
};

#if defined(__GNUC__)
#define HM_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define HM_PLUGIN_EXPORT
#endif

#ifdef __cplusplus
}
#endif

#endif
