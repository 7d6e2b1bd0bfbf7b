#include "host_state.h"

#include "tunnel-tun/entries.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <host.skel.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(HM_HOST_HOPS == HM_TUNNEL_HOPS, "the programs know as many hops as entries have");

#define KEY_MAX sizeof(struct hm_host_key)
#define FD(s, map) bpf_map__fd((s)->skel->maps.hm_h1_##map)

static struct hm_host_addr addr(const uint8_t b[16])
{
	struct hm_host_addr a;

	memcpy(a.w, b, sizeof a.w);
	return a;
}

static bool update(int fd, const void *key, const void *value)
{
	return bpf_map_update_elem(fd, key, value, BPF_ANY) == 0;
}

/* --- ends of tunnels ------------------------------------------------------------------------- */

static void sync_end(struct hm_host_state *s, enum hm_item_kind kind, const uint8_t local[16],
                     const uint8_t remote[16])
{
	struct hm_host_pair key = { addr(local), addr(remote) };
	const struct hm_addr a = hm_addr_of(local), b = hm_addr_of(remote);
	uint32_t one = 1;

	if (!hm_table_find(&s->model->table, kind, &a, &b))
		(void)bpf_map_delete_elem(FD(s, ends), &key);
	else if (!update(FD(s, ends), &key, &one))
		s->refused++;
}

/* Makes the ends that an entry has, or had, what the model says. */
static void sync_ends(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	static const uint8_t none[16];

	for (unsigned i = 0; i < (unsigned)e->n_hops + e->n_accept; i++) {
		const struct hm_tunnel_hop *hop =
		        i < e->n_hops ? &e->hops[i] : &e->accept[i - e->n_hops];

		sync_end(s, HM_ITEM_PAIR, hop->local, hop->remote);
		sync_end(s, HM_ITEM_INNER, hop->local, none);
	}
}

static bool end_wanted(const struct hm_host_state *s, const void *key)
{
	const struct hm_host_pair *end = key;
	struct hm_addr a, b;

	memcpy(a.b, &end->a, 16);
	memcpy(b.b, &end->b, 16);
	return hm_table_find(&s->model->table, hm_addr_is_any(&b) ? HM_ITEM_INNER : HM_ITEM_PAIR,
	                     &a, &b);
}

/* --- ways ------------------------------------------------------------------------------------ */

struct ways {
	unsigned n;
	struct hm_host_addr keys[HM_HOST_WAYS];
	struct hm_host_way of[HM_HOST_WAYS];
};

static void want_way(struct ways *w, const uint8_t source[16], const struct hm_tunnel_entry *e,
                     unsigned first)
{
	struct hm_host_addr key = addr(source);
	struct hm_host_way *way = &w->of[w->n];

	for (unsigned i = 0; i < w->n; i++)
		if (memcmp(&w->keys[i], &key, sizeof key) == 0)
			return;
	if (w->n == HM_HOST_WAYS)
		return;
	*way = (struct hm_host_way){ .is_home = first == 0, .n_hops = e->n_hops - first };
	for (unsigned i = first; i < e->n_hops; i++)
		way->hops[i - first] =
		        (struct hm_host_hop){ addr(e->hops[i].local), addr(e->hops[i].remote) };
	w->keys[w->n++] = key;
}

/* A home address is the source of more than what goes through its tunnels: a regional care-of
 * address sends through those outside of it. */
static void want_ways(const struct hm_host_state *s, struct ways *w)
{
	const struct hm_path *p = s->model;

	w->n = 0;
	for (uint32_t i = 0; i < p->n_home; i++)
		want_way(w, p->homes[i]->entry->match, p->homes[i]->entry, 0);
	for (uint32_t i = 0; i < p->n_home; i++) {
		const struct hm_tunnel_entry *e = p->homes[i]->entry;

		for (unsigned hop = 0; hop + 1u < e->n_hops; hop++)
			want_way(w, e->hops[hop].local, e, hop + 1);
	}
}

static bool way_wanted(const struct hm_host_state *s, const void *key)
{
	struct ways w;

	want_ways(s, &w);
	for (unsigned i = 0; i < w.n; i++)
		if (memcmp(&w.keys[i], key, sizeof w.keys[i]) == 0)
			return true;
	return false;
}

/* --- maps as a whole ------------------------------------------------------------------------- */

/* Deletes what is not to be there. */
static void prune(struct hm_host_state *s, int fd,
                  bool (*wanted)(const struct hm_host_state *, const void *))
{
	uint64_t key[KEY_MAX / 8], next[KEY_MAX / 8];
	bool more = bpf_map_get_next_key(fd, NULL, key) == 0;

	while (more) {
		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (!wanted(s, key))
			(void)bpf_map_delete_elem(fd, key);
		memcpy(key, next, sizeof key);
	}
}

static bool own_wanted(const struct hm_host_state *s, const void *key)
{
	struct hm_host_own own;

	return bpf_map_lookup_elem(FD(s, owns), key, &own) == 0 && own.epoch == s->conf.epoch;
}

static bool peer_wanted(const struct hm_host_state *s, const void *key)
{
	struct hm_host_peer peer;

	return bpf_map_lookup_elem(FD(s, peers), key, &peer) == 0 && peer.epoch == s->conf.epoch;
}

static bool count_wanted(const struct hm_host_state *s, const void *key)
{
	const struct hm_host_key *k = key;
	struct hm_host_pair pair = { k->a, k->b };
	struct hm_host_way way;

	switch (k->kind) {
	case HM_TUNNEL_HOME:
		return bpf_map_lookup_elem(FD(s, ways), &k->a, &way) == 0 && way.is_home;
	case HM_TUNNEL_OWN:
		return own_wanted(s, &pair);
	default:
		return peer_wanted(s, &k->a);
	}
}

static bool mtu_wanted(const struct hm_host_state *s, const void *key)
{
	const struct hm_addr remote = hm_addr_of(key);

	return hm_path_get_mtu(s->model, &remote) > 0;
}

static void sync_ways(struct hm_host_state *s)
{
	struct ways w;

	want_ways(s, &w);
	for (unsigned i = 0; i < w.n; i++)
		if (!update(FD(s, ways), &w.keys[i], &w.of[i]))
			s->refused++;
	if (!s->adopting)
		prune(s, FD(s, ways), way_wanted);
}

/* --- entries --------------------------------------------------------------------------------- */

static struct hm_host_key count_key(const struct hm_tunnel_entry *e)
{
	struct hm_host_key key = { .kind = e->kind, .a = addr(e->match) };

	if (e->kind == HM_TUNNEL_OWN)
		key.b = addr(e->home);
	return key;
}

static bool put_own(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_host_pair key = { addr(e->match), addr(e->home) };
	struct hm_host_own own = { .local = addr(e->local),
		                   .n_hops = e->n_hops,
		                   .epoch = s->conf.epoch,
		                   .hop = { addr(e->hops[0].local), addr(e->hops[0].remote) } };

	return update(FD(s, owns), &key, &own);
}

/* Entries of a mobile host: what is new is accepted before it is used, what is old until after. */
static bool put_own_or_home(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_tunnel_entry before = { .n_hops = 0 };
	struct hm_item *item = hm_entries_find(s->model, e);
	struct hm_entry_change change;
	bool is_new = !item, ok = true;

	if (item)
		before = *item->entry;
	if (hm_entries_put(s->model, e, &change) != HM_PLUGIN_OK)
		return false;
	sync_ends(s, e);
	if (e->kind == HM_TUNNEL_HOME)
		sync_ways(s);
	else
		ok = put_own(s, e);
	s->n_owns += is_new && e->kind == HM_TUNNEL_OWN;
	sync_ends(s, &before);
	return ok;
}

static bool put_peer(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_host_addr key = addr(e->match);
	struct hm_host_peer peer = { .local = addr(e->local),
		                     .remote = addr(e->remote),
		                     .epoch = s->conf.epoch },
	                    before;
	bool is_new = bpf_map_lookup_elem(FD(s, peers), &key, &before) != 0 ||
	              before.epoch != s->conf.epoch;

	if (!update(FD(s, peers), &key, &peer))
		return false;
	s->n_peers += is_new;
	return true;
}

void hm_host_state_put(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	static const struct hm_host_count zero;
	struct hm_host_key key = count_key(e);
	bool ok = e->kind == HM_TUNNEL_PEER ? put_peer(s, e) : put_own_or_home(s, e);

	if (!ok) {
		hm_host_state_del(s, e);
		s->refused++;
		return;
	}
	(void)bpf_map_update_elem(FD(s, counts), &key, &zero, BPF_NOEXIST);
}

static void del_peer(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_host_addr key = addr(e->match);
	bool was = peer_wanted(s, &key);

	(void)bpf_map_delete_elem(FD(s, peers), &key);
	s->n_peers -= was;
}

static void del_own_or_home(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_host_pair key = { addr(e->match), addr(e->home) };
	struct hm_item *item = hm_entries_find(s->model, e);
	struct hm_tunnel_entry before = { .n_hops = 0 };
	struct hm_entry_change change;

	if (item)
		before = *item->entry;
	hm_entries_del(s->model, e, &change);
	if (e->kind == HM_TUNNEL_OWN) {
		(void)bpf_map_delete_elem(FD(s, owns), &key);
		s->n_owns -= item != NULL;
	} else {
		(void)bpf_map_delete_elem(FD(s, ways), &key.a);
		sync_ways(s);
	}
	sync_ends(s, &before);
}

void hm_host_state_del(struct hm_host_state *s, const struct hm_tunnel_entry *e)
{
	struct hm_host_key key = count_key(e);

	if (e->kind == HM_TUNNEL_PEER)
		del_peer(s, e);
	else
		del_own_or_home(s, e);
	(void)bpf_map_delete_elem(FD(s, counts), &key);
}

void hm_host_state_sweep(struct hm_host_state *s)
{
	s->adopting = false;
	prune(s, FD(s, ways), way_wanted);
	prune(s, FD(s, owns), own_wanted);
	prune(s, FD(s, peers), peer_wanted);
	prune(s, FD(s, ends), end_wanted);
	prune(s, FD(s, counts), count_wanted);
}

bool hm_host_state_is_used(const struct hm_host_state *s)
{
	return s->adopting || s->model->n_home + s->n_owns + s->n_peers > 0;
}

void hm_host_state_plain(struct hm_host_state *s, uint32_t ifindex, bool plain)
{
	uint32_t one = 1;

	if (plain)
		(void)update(FD(s, plain), &ifindex, &one);
	else
		(void)bpf_map_delete_elem(FD(s, plain), &ifindex);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void write_conf(struct hm_host_state *s, bool has_mtus)
{
	uint32_t first = 0;

	s->conf.has_mtus = has_mtus;
	(void)update(FD(s, conf), &first, &s->conf);
}

void hm_host_state_path_mtu(struct hm_host_state *s, const uint8_t remote[16], uint32_t mtu)
{
	const struct hm_addr to = hm_addr_of(remote);
	uint32_t value;

	hm_path_set_mtu(s->model, &to, mtu);
	value = hm_path_get_mtu(s->model, &to);
	if (update(FD(s, mtus), remote, &value) && !s->conf.has_mtus)
		write_conf(s, true);
}

/* How old a former run's are is not known: they start anew. */
static void adopt_mtus(struct hm_host_state *s)
{
	uint64_t key[2], next[2];
	int fd = FD(s, mtus);

	for (bool more = bpf_map_get_next_key(fd, NULL, key) == 0; more;) {
		struct hm_addr to;
		uint32_t mtu;

		more = bpf_map_get_next_key(fd, key, next) == 0;
		memcpy(to.b, key, sizeof to.b);
		if (bpf_map_lookup_elem(fd, key, &mtu) == 0)
			hm_path_set_mtu(s->model, &to, mtu);
		memcpy(key, next, sizeof key);
	}
}

static void drain_seen(struct hm_host_state *s, const struct hm_host_api *api)
{
	struct hm_host_key key;
	int fd = FD(s, seen);

	for (unsigned i = 0; i < HM_HOST_SEEN && bpf_map_get_next_key(fd, NULL, &key) == 0; i++) {
		uint8_t home[16], peer[16];

		(void)bpf_map_delete_elem(fd, &key);
		memcpy(home, &key.a, sizeof home);
		memcpy(peer, &key.b, sizeof peer);
		api->seen(api->host, (int)key.kind, home, peer);
	}
}

void hm_host_state_tick(struct hm_host_state *s, const struct hm_host_api *api)
{
	struct hm_host_addr key;

	s->model->now_ms = api->now_ms(api->host);
	drain_seen(s, api);
	if (!s->conf.has_mtus)
		return;
	prune(s, FD(s, mtus), mtu_wanted);
	if (bpf_map_get_next_key(FD(s, mtus), NULL, &key) != 0)
		write_conf(s, false);
}

void hm_host_state_count(const struct hm_host_state *s, const struct hm_tunnel_entry *e,
                         struct hm_tunnel_count *io)
{
	struct hm_host_key key = count_key(e);
	struct hm_host_count c;

	if (bpf_map_lookup_elem(FD(s, counts), &key, &c) != 0)
		return;
	io->packets_in += c.packets_in;
	io->octets_in += c.octets_in;
	io->packets_out += c.packets_out;
	io->octets_out += c.octets_out;
}

uint64_t hm_host_state_stat(const struct hm_host_state *s, enum hm_host_stat which)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *each = cpus > 0 ? calloc((size_t)cpus, sizeof *each) : NULL, sum = 0;
	uint32_t key = which;

	if (each && bpf_map_lookup_elem(FD(s, stats), &key, each) == 0)
		for (int i = 0; i < cpus; i++)
			sum += each[i];
	free(each);
	return sum;
}

bool hm_host_state_init(struct hm_host_state *s, const struct hm_host_bpf *skel, bool adopting,
                        const struct hm_host_api *api)
{
	uint64_t seed[5];
	uint32_t first = 0;

	*s = (struct hm_host_state){ .skel = skel, .adopting = adopting };
	s->model = calloc(1, sizeof *s->model);
	if (!s->model)
		return false;
	api->random(api->host, seed, sizeof seed);
	s->model->now_ms = api->now_ms(api->host);
	if (!hm_table_init(&s->model->table, seed)) {
		free(s->model);
		s->model = NULL;
		return false;
	}
	(void)bpf_map_lookup_elem(FD(s, conf), &first, &s->conf);
	s->conf.epoch++;
	adopt_mtus(s);
	write_conf(s, s->conf.has_mtus);
	return true;
}

void hm_host_state_finish(struct hm_host_state *s)
{
	if (!s->model)
		return;
	hm_table_finish(&s->model->table);
	free(s->model);
	s->model = NULL;
}
