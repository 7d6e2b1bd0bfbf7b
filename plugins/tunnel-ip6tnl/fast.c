#include "fast.h"

#include "tunnel-tun/path.h"
#include "tunnel-tun/tun.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IP6_LEN 40u
#define MTU_MIN 1280u
#define NARROW 1024u

/* The plugin's counters behind those of tunnel-tun. */
#define FAST_STATS(X)                                                                              \
	X(FAST_BINDINGS, "kernel_bindings")                                                        \
	X(FAST_ROUTES_PUT, "kernel_routes_put")                                                    \
	X(FAST_ROUTES_RETRIED, "kernel_routes_retried")                                            \
	X(FAST_ROUTES_FAILED, "kernel_routes_failed")                                              \
	X(FAST_REVERSE_SLOW, "kernel_reverse_no_room")                                             \
	X(FAST_ENCAPSULATED, "kernel_encapsulated")                                                \
	X(FAST_DECAPSULATED, "kernel_decapsulated")                                                \
	X(FAST_REFUSED, "kernel_refused")

enum {
#define FAST_ENUM(name, text) name,
	FAST_STATS(FAST_ENUM)
#undef FAST_ENUM
	        FAST_STATS_END
};

/* Paths narrower than the device's MTU provides for. */
struct narrow {
	struct hm_addr remote;
	uint32_t mtu;
	int64_t until_ms; /* 0: none */
};

/* The table: HM_ITEM_ENCAP by match, whose `attract` says whether the kernel is able, and `uses`
 * whether there is a route; HM_ITEM_POINT by remote, `uses` of bindings, the last of them in
 * `local`. */
struct hm_fast {
	struct hm_fast_how how;
	pthread_mutex_t lock; /* around all but the counters */
	struct hm_table table;
	struct hm_routes *routes;
	struct narrow narrow[NARROW];
	uint32_t n_narrow;
	atomic_uint_fast64_t stats[FAST_STATS_END];
	int64_t told_ms;
};

static int64_t now_ms(const struct hm_fast *f)
{
	return f->how.api->now_ms(f->how.api->host);
}

/* --- narrow paths --------------------------------------------------------------------------- */

static struct narrow *narrow_place(struct hm_fast *f, const struct hm_addr *remote)
{
	uint64_t w[2], h = f->table.seed[0];

	memcpy(w, remote->b, sizeof w);
	for (unsigned i = 0; i < 2; i++) {
		h = (h ^ w[i] ^ f->table.seed[i + 1]) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	return &f->narrow[h % NARROW];
}

/* What an inner packet may measure; 0: what the device says. */
static uint32_t inner_mtu(struct hm_fast *f, const struct hm_addr *remote)
{
	const struct narrow *n = narrow_place(f, remote);

	if (n->until_ms == 0 || !hm_addr_eq(&n->remote, remote))
		return 0;
	return n->mtu < MTU_MIN + IP6_LEN ? MTU_MIN : n->mtu - IP6_LEN;
}

/* --- routes --------------------------------------------------------------------------------- */

static int ask(struct hm_fast *f, const struct hm_item *item, bool add, const uint64_t *ticket)
{
	const struct hm_route route = { .dst = item->a,
		                        .local = item->local,
		                        .remote = item->remote,
		                        .mtu = add ? inner_mtu(f, &item->remote) : 0,
		                        .add = add,
		                        .answer = ticket != NULL,
		                        .ticket = ticket ? *ticket : 0 };

	return hm_routes_ask(f->routes, &route);
}

/* On the thread of the routes. A route that cannot be made is not missed: the packets go the slower
 * way. One that stays though it should have gone would lead them astray. */
static void on_done(void *arg, const struct hm_route *route, int err, unsigned again)
{
	struct hm_fast *f = arg;
	const struct hm_host_api *api = f->how.api;
	char text[160];

	f->stats[FAST_ROUTES_RETRIED] += again;
	if (route->add)
		f->stats[err ? FAST_ROUTES_FAILED : FAST_ROUTES_PUT]++;
	if (err && api->now_ms(api->host) - f->told_ms >= 1000) {
		f->told_ms = api->now_ms(api->host);
		(void)snprintf(text, sizeof text, "failed to %s a kernel route error=\"%s\"%s",
		               route->add ? "add" : "remove", strerror(-err),
		               route->add ? " carried=slowly" : "");
		api->log(api->host, HM_PLUGIN_WARNING, text);
	}
	if (err && route->add) {
		/* What was there under this address may lead elsewhere. */
		struct hm_route gone = *route;

		gone.add = false;
		if (hm_routes_ask(f->routes, &gone) == 0)
			return;
		err = -ENOMEM;
	}
	if (route->answer)
		api->done(api->host, route->ticket, err ? HM_PLUGIN_EIO : HM_PLUGIN_OK);
}

/* A packet out of the kernel's tunnel does not go into it again: where the care-of address is bound
 * here itself, the slower way follows it. */
static bool fits_kernel(const struct hm_fast *f, const struct hm_item *item)
{
	return item->attract && !item->rewrite &&
	       !hm_table_find(&f->table, HM_ITEM_ENCAP, &item->remote, NULL);
}

/* Makes or removes the route as is right now. HM_PLUGIN_PENDING: with ticket, which is answered. */
static int settle(struct hm_fast *f, struct hm_item *item, const uint64_t *ticket)
{
	bool there = item->uses > 0, fast = fits_kernel(f, item);

	if (!there && !fast)
		return HM_PLUGIN_OK;
	if (ask(f, item, fast, ticket) != 0)
		return HM_PLUGIN_ENOMEM;
	item->uses = fast;
	if (there != fast)
		f->stats[FAST_BINDINGS] += fast ? 1u : UINT64_MAX;
	return HM_PLUGIN_PENDING;
}

/* Every binding to this care-of address, but one. */
static void settle_remote(struct hm_fast *f, const struct hm_addr *remote)
{
	const struct hm_item *point = hm_table_find(&f->table, HM_ITEM_POINT, remote, NULL);
	struct hm_item *item =
	        point ? hm_table_find(&f->table, HM_ITEM_ENCAP, &point->local, NULL) : NULL;
	uint32_t pos = 0;

	if (!point)
		return;
	if (point->uses == 1 && item && hm_addr_eq(&item->remote, remote)) {
		(void)settle(f, item, NULL);
		return;
	}
	while ((item = hm_table_next(&f->table, &pos)))
		if (item->kind == HM_ITEM_ENCAP && hm_addr_eq(&item->remote, remote))
			(void)settle(f, item, NULL);
}

static void leave_remote(struct hm_fast *f, const struct hm_addr *remote)
{
	struct hm_item *point = hm_table_find(&f->table, HM_ITEM_POINT, remote, NULL);

	if (point && --point->uses == 0)
		hm_table_del(&f->table, point);
}

static bool join_remote(struct hm_fast *f, const struct hm_addr *remote,
                        const struct hm_addr *match)
{
	struct hm_item *point = hm_table_put(&f->table, HM_ITEM_POINT, remote, NULL);

	if (!point)
		return false;
	point->uses++;
	point->local = *match;
	return true;
}

/* On the thread of the routes. */
static void on_tick(void *arg)
{
	struct hm_fast *f = arg;

	if (f->how.tick)
		f->how.tick(f->how.arg);
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; f->n_narrow > 0 && i < NARROW; i++) {
		struct narrow *n = &f->narrow[i];

		if (n->until_ms == 0 || n->until_ms > now_ms(f))
			continue;
		n->until_ms = 0;
		f->n_narrow--;
		settle_remote(f, &n->remote);
	}
	pthread_mutex_unlock(&f->lock);
}

void hm_fast_path_mtu(struct hm_fast *f, const uint8_t remote[16], uint32_t mtu)
{
	struct hm_addr to = hm_addr_of(remote), before;
	struct narrow *n = narrow_place(f, &to);
	bool another, same;

	pthread_mutex_lock(&f->lock);
	another = n->until_ms != 0 && !hm_addr_eq(&n->remote, &to);
	same = n->until_ms != 0 && !another && n->mtu == mtu;
	before = n->remote;
	if (n->until_ms == 0)
		f->n_narrow++;
	*n = (struct narrow){ to, mtu, now_ms(f) + HM_PATH_MTU_MS };
	if (another)
		settle_remote(f, &before);
	if (!same)
		settle_remote(f, &to);
	pthread_mutex_unlock(&f->lock);
}

/* --- entries -------------------------------------------------------------------------------- */

/* What tunnel-tun is to know of it: to take in reverse what the kernel does not. */
static int put_slow(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e, bool fresh)
{
	struct hm_addr match = hm_addr_of(e->match), local = hm_addr_of(e->local),
	               remote = hm_addr_of(e->remote);
	struct hm_tunnel_entry copy = *e;
	int err;

	if (!f->how.bound)
		return hm_tun_put(f->how.tun, ticket, e);
	copy.one_way = 1;
	err = hm_tun_put(f->how.tun, ticket, &copy);
	if (err)
		return err;
	if (fresh)
		(void)hm_bound_watch(f->how.bound, &match);
	if (e->one_way) {
		if (!fresh)
			hm_bound_del(f->how.bound, &match);
		return HM_PLUGIN_OK;
	}
	if (hm_bound_put(f->how.bound, &match, &local, &remote) == 0)
		return HM_PLUGIN_OK;
	/* No room: what the kernel then drops, a copy of it is taken. */
	hm_bound_del(f->how.bound, &match);
	f->stats[FAST_REVERSE_SLOW]++;
	return hm_tun_put(f->how.tun, ticket, e);
}

/* Takes the binding out of the kernel and the table. HM_PLUGIN_PENDING: as settle(). */
static int forget(struct hm_fast *f, struct hm_item *item, const uint64_t *ticket)
{
	struct hm_addr match = item->a, remote = item->remote;
	int err = HM_PLUGIN_OK;

	if (item->uses > 0) {
		f->stats[FAST_BINDINGS]--;
		err = ask(f, item, false, ticket) ? HM_PLUGIN_ENOMEM : HM_PLUGIN_PENDING;
	}
	hm_table_del(&f->table, item);
	leave_remote(f, &remote);
	settle_remote(f, &match);
	return err;
}

static bool note(struct hm_fast *f, const struct hm_tunnel_entry *e, struct hm_item **io_item)
{
	struct hm_addr match = hm_addr_of(e->match), remote = hm_addr_of(e->remote);
	struct hm_item *item = *io_item;
	bool fresh = !item;

	if (fresh)
		item = hm_table_put(&f->table, HM_ITEM_ENCAP, &match, NULL);
	if (!item)
		return false;
	if (fresh || !hm_addr_eq(&item->remote, &remote)) {
		if (!join_remote(f, &remote, &match)) {
			if (fresh)
				hm_table_del(&f->table, item);
			return false;
		}
		if (!fresh)
			leave_remote(f, &item->remote);
	}
	item->local = hm_addr_of(e->local);
	item->remote = remote;
	item->rewrite = e->rewrite;
	item->attract = !f->how.able || f->how.able(f->how.arg, e);
	*io_item = item;
	return true;
}

static int put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct hm_addr match = hm_addr_of(e->match);
	struct hm_item *before = hm_table_find(&f->table, HM_ITEM_ENCAP, &match, NULL);
	struct hm_item *item = before;
	int err = put_slow(f, ticket, e, !before);

	if (err)
		return err;
	if (!note(f, e, &item)) {
		if (before)
			(void)forget(f, before, NULL);
		(void)hm_tun_del(f->how.tun, ticket, e);
		return HM_PLUGIN_ENOMEM;
	}
	if (!before)
		settle_remote(f, &match); /* bindings that lead to this one */
	return settle(f, item, &ticket);
}

int hm_fast_put(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	int err;

	pthread_mutex_lock(&f->lock);
	err = put(f, ticket, e);
	pthread_mutex_unlock(&f->lock);
	return err;
}

static int del(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	struct hm_addr match = hm_addr_of(e->match);
	struct hm_item *item = hm_table_find(&f->table, HM_ITEM_ENCAP, &match, NULL);
	int err = hm_tun_del(f->how.tun, ticket, e);

	if (f->how.bound) {
		hm_bound_del(f->how.bound, &match);
		hm_bound_forget(f->how.bound, &match);
	}
	return item ? forget(f, item, &ticket) : err;
}

int hm_fast_del(struct hm_fast *f, uint64_t ticket, const struct hm_tunnel_entry *e)
{
	int err;

	pthread_mutex_lock(&f->lock);
	err = del(f, ticket, e);
	pthread_mutex_unlock(&f->lock);
	return err;
}

int hm_fast_count(struct hm_fast *f, const struct hm_tunnel_entry *e,
                  struct hm_tunnel_count *ret_count)
{
	struct hm_addr match = hm_addr_of(e->match);
	int err = hm_tun_count(f->how.tun, e, ret_count);

	if (!f->how.bound)
		return HM_PLUGIN_EUNSUPPORTED;
	if (!err)
		hm_bound_count(f->how.bound, &match, ret_count);
	return err;
}

static bool wanted(void *arg, const struct hm_addr *dst)
{
	const struct hm_fast *f = arg;
	const struct hm_item *item = hm_table_find(&f->table, HM_ITEM_ENCAP, dst, NULL);

	return item && item->uses > 0;
}

int hm_fast_sweep(struct hm_fast *f)
{
	int err;

	pthread_mutex_lock(&f->lock);
	err = hm_routes_sweep(f->routes, wanted, f);
	pthread_mutex_unlock(&f->lock);
	return err;
}

bool hm_fast_stat(struct hm_fast *f, unsigned index, const char **ret_name, uint64_t *ret_value)
{
	static const char *const names[] = {
#define FAST_NAME(name, text) [name] = (text),
		FAST_STATS(FAST_NAME)
#undef FAST_NAME
	};
	struct hm_bound_totals totals;

	if (index >= FAST_STATS_END)
		return false;
	if (f->how.bound && index >= FAST_ENCAPSULATED) {
		hm_bound_total(f->how.bound, &totals);
		f->stats[FAST_ENCAPSULATED] = totals.count.packets_out;
		f->stats[FAST_DECAPSULATED] = totals.count.packets_in;
		f->stats[FAST_REFUSED] = totals.refused;
	}
	*ret_name = names[index];
	*ret_value = f->stats[index];
	return true;
}

struct hm_fast *hm_fast_open(const struct hm_fast_how *how)
{
	struct hm_fast *f = calloc(1, sizeof *f);
	const struct hm_routes_how routes = { .ifindex = how->ifindex,
		                              .encap = how->encap,
		                              .done = on_done,
		                              .tick = on_tick,
		                              .arg = f };
	uint64_t seed[5];

	if (!f)
		return NULL;
	f->how = *how;
	pthread_mutex_init(&f->lock, NULL);
	f->told_ms = INT64_MIN / 2;
	how->api->random(how->api->host, seed, sizeof seed);
	if (hm_table_init(&f->table, seed))
		f->routes = hm_routes_start(&routes);
	if (f->routes)
		return f;
	hm_fast_close(f);
	return NULL;
}

void hm_fast_close(struct hm_fast *f)
{
	if (!f)
		return;
	hm_routes_stop(f->routes);
	hm_table_finish(&f->table);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
