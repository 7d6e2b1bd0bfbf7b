/* What the plugin asks of the kernel over rtnetlink: its device's link settings, addresses on it,
 * routes into it, rules that lead there. All that is made here bears HM_NET_PROTOCOL, where the
 * kernel has room for it, and so can be told from an administrator's. */
#ifndef HM_TUN_NET_H
#define HM_TUN_NET_H

#include "base/addr.h"
#include "hmipd-plugin.h"
#include "rtnl.h" /* for plugins that make requests of their own */

#include <stdint.h>

#define HM_NET_PROTOCOL 72u
/* What is attracted past a rule: host routes, and prefixes that others live in, too; a mobile
 * host's default. */
#define HM_NET_TABLE_ATTRACT 18508u
#define HM_NET_TABLE_HOME 18509u
/* The first of those for what comes from the home address, from the end of the first tunnel and so
 * on, where the kernel carries a mobile host's tunnels (tunnel-ip6tnl); behind them as many others
 * for the way into the outermost, which changes tables. */
#define HM_NET_TABLE_CARRIED 18510u
#define HM_NET_TABLES_CARRIED (2u * HM_TUNNEL_HOPS)
/* A prefix that is ours alone needs no rule, which every packet through the machine would pay for:
 * it is in this table, in front of what the kernel or an administrator has for the prefix. */
#define HM_NET_TABLE_MAIN 254u
#define HM_NET_METRIC_PREFIX 72u
/* The devices of tunnel-ip6tnl: of all bindings and the outermost tunnel, and of tunnels within. */
#define HM_NET_KERNEL_DEVICE "hmipk0"
#define HM_NET_HOP_DEVICE "hmipk%u" /* from 1 on */

struct nl_sock;

struct hm_net {
	struct nl_sock *sock;
	int ifindex;
	/* Where the routes of what is attracted lead: here, too, or to a device that hands back
	 * what it has no tunnel for. */
	int into;
};

struct hm_net_route {
	uint32_t table;
	struct hm_addr dst;
	uint8_t plen;
	struct hm_addr src; /* preferred source; ::, or one that is not ours: none */
	uint32_t metric;    /* 0: the kernel's default; to remove: any */
	int ifindex;        /* 0: where those of the table lead */
};

struct hm_net_rule {
	uint32_t pref, table;
	struct hm_addr from; /* ::: any */
	uint32_t mark;       /* with use_mark */
	bool use_mark, not_mark;
	bool no_default; /* suppress_prefixlength 0 */
};

struct hm_net_addr {
	struct hm_addr addr;
	bool deprecated;
};

/* 0, or a negative errno, here and below. */
int hm_net_open(struct hm_net *net, const char *device);
void hm_net_close(struct hm_net *net);

/* Up, without an address of its own making. */
int hm_net_link(struct hm_net *net, uint32_t mtu, uint32_t queue);
int hm_net_mtu(struct hm_net *net, uint32_t mtu);

/* What is there already, or gone already, is no error. */
int hm_net_addr(struct hm_net *net, const struct hm_net_addr *addr, bool add);
int hm_net_route(struct hm_net *net, const struct hm_net_route *route, bool add);
int hm_net_rule(struct hm_net *net, const struct hm_net_rule *rule, bool add);

/* Asks about each address on the device, each route into it or `into`, and each rule of ours;
 * removes those not wanted. */
struct hm_net_wanted {
	bool (*addr)(void *arg, const struct hm_net_addr *addr);
	bool (*route)(void *arg, const struct hm_net_route *route);
	bool (*rule)(void *arg, const struct hm_net_rule *rule);
	void *arg;
};
int hm_net_sweep(struct hm_net *net, const struct hm_net_wanted *wanted);

/* Removes another device of hmipd's, if it is there, and the routes into it. */
int hm_net_remove(struct hm_net *net, const char *device);

/* The least MTU of the interfaces that are up, loopback and hmipd's own aside; 1500 without any. */
uint32_t hm_net_least_mtu(struct hm_net *net);

#endif
