#include "kernel.h"

static bool same_rule(const struct hm_net_rule *a, const struct hm_net_rule *b)
{
	return a->pref == b->pref && a->table == b->table && hm_addr_eq(&a->from, &b->from) &&
	       a->use_mark == b->use_mark && a->not_mark == b->not_mark &&
	       a->no_default == b->no_default && (!a->use_mark || a->mark == b->mark);
}

static bool has_rule(const struct hm_kernel *k, const struct hm_net_rule *rule)
{
	for (unsigned i = 0; i < k->n_rules; i++)
		if (same_rule(&k->rules[i], rule))
			return true;
	return false;
}

static bool has_addr(const struct hm_kernel *k, const struct hm_net_addr *a)
{
	for (unsigned i = 0; i < k->n_addrs; i++)
		if (hm_addr_eq(&k->addrs[i].addr, &a->addr))
			return true;
	return false;
}

static void want_rule(struct hm_kernel *k, struct hm_net_rule rule)
{
	if (k->n_rules < HM_KERNEL_RULES && !has_rule(k, &rule))
		k->rules[k->n_rules++] = rule;
}

static void want_addr(struct hm_kernel *k, const uint8_t b[16], bool deprecated)
{
	struct hm_net_addr a = { hm_addr_of(b), deprecated };

	if (k->n_addrs < HM_KERNEL_ADDRS && !has_addr(k, &a))
		k->addrs[k->n_addrs++] = a;
}

static bool is_routed(const struct hm_kernel *k, const uint8_t home[16])
{
	const struct hm_carried *c = &k->path->carried;

	return c->any && c->routed && memcmp(c->home.b, home, sizeof c->home.b) == 0;
}

/* Of what the kernel carries, or is about to: with what the entry wants, so that both ways are
 * there while one becomes the other. */
static void want_carried(struct hm_kernel *k, const struct hm_carried *c)
{
	want_addr(k, c->home.b, false);
	for (unsigned i = 0; i < c->n_pairs; i++) {
		const struct hm_carried_pair *p = &c->pairs[i];

		if (p->within)
			want_addr(k, p->local.b, true);
		if (p->within && p->table && c->routed)
			want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_FROM_HOME,
			                                   .table = p->table,
			                                   .from = p->local });
	}
	want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_CARE_OF,
	                                   .table = HM_NET_TABLE_MAIN,
	                                   .from = c->pairs[c->n_hops - 1].local });
	if (c->routed)
		want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_FROM_HOME,
		                                   .table = HM_NET_TABLE_CARRIED,
		                                   .from = c->home });
}

static void want_home(struct hm_kernel *k, const struct hm_tunnel_entry *e)
{
	if (!is_routed(k, e->match))
		want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_FROM_HOME,
		                                   .table = HM_NET_TABLE_HOME,
		                                   .from = hm_addr_of(e->match) });
	want_addr(k, e->match, false);
	for (unsigned i = 0; i + 1 < e->n_hops; i++)
		want_addr(k, e->hops[i].local, true);
	if (e->n_hops > 0)
		want_rule(k,
		          (struct hm_net_rule){ .pref = HM_PREF_CARE_OF,
		                                .table = HM_NET_TABLE_MAIN,
		                                .from = hm_addr_of(e->hops[e->n_hops - 1].local) });
}

static bool shares_prefix(const struct hm_kernel *k)
{
	for (uint32_t i = 0; i < k->path->n_prefixes; i++)
		if (k->path->prefixes[i].on_link)
			return true;
	return false;
}

/* Fills the lists of k with what is to be there. */
static void want_all(struct hm_kernel *k)
{
	const struct hm_carried *c = &k->path->carried;

	k->n_rules = 0;
	k->n_addrs = 0;
	if (k->n_attract > 0 || shares_prefix(k))
		want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_ATTRACT,
		                                   .table = HM_NET_TABLE_ATTRACT,
		                                   .mark = k->mark,
		                                   .use_mark = true,
		                                   .not_mark = true });
	if (k->path->n_home == 0 && !c->any)
		return;
	want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_MARKED,
	                                   .table = HM_NET_TABLE_MAIN,
	                                   .mark = k->mark,
	                                   .use_mark = true });
	for (uint32_t i = 0; i < k->path->n_home; i++)
		want_home(k, k->path->homes[i]->entry);
	if (c->any)
		want_carried(k, c);
	want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_ON_LINK,
	                                   .table = HM_NET_TABLE_MAIN,
	                                   .no_default = true });
	want_rule(k, (struct hm_net_rule){ .pref = HM_PREF_DEFAULT,
	                                   .table = c->any && c->routed ? HM_NET_TABLE_CARRIED
	                                                                : HM_NET_TABLE_HOME,
	                                   .mark = k->mark,
	                                   .use_mark = true,
	                                   .not_mark = true });
}

static void first(int *err, int now)
{
	if (*err == 0)
		*err = now;
}

/* The default of the mobile host's table; only ever asked for by its rules. */
static int home_default(struct hm_kernel *k, bool add)
{
	struct hm_net_route all = { .table = HM_NET_TABLE_HOME };

	return hm_net_route(&k->net, &all, add);
}

int hm_kernel_sync(struct hm_kernel *k)
{
	struct hm_kernel before = *k;
	int err = 0;

	want_all(k);
	if (k->n_addrs > 0 && before.n_addrs == 0)
		first(&err, home_default(k, true));
	for (unsigned i = 0; i < k->n_addrs; i++)
		if (!has_addr(&before, &k->addrs[i]))
			first(&err, hm_net_addr(&k->net, &k->addrs[i], true));
	for (unsigned i = 0; i < k->n_rules; i++)
		if (!has_rule(&before, &k->rules[i]))
			first(&err, hm_net_rule(&k->net, &k->rules[i], true));
	for (unsigned i = before.n_rules; i-- > 0;)
		if (!has_rule(k, &before.rules[i]))
			first(&err, hm_net_rule(&k->net, &before.rules[i], false));
	for (unsigned i = 0; i < before.n_addrs; i++)
		if (!has_addr(k, &before.addrs[i]))
			first(&err, hm_net_addr(&k->net, &before.addrs[i], false));
	if (k->n_addrs == 0 && before.n_addrs > 0)
		first(&err, home_default(k, false));
	return err;
}

int hm_kernel_attract(struct hm_kernel *k, const struct hm_addr *host, const struct hm_addr *src,
                      bool add)
{
	struct hm_net_route route = {
		.table = HM_NET_TABLE_ATTRACT, .dst = *host, .plen = 128, .src = *src
	};
	int err = hm_net_route(&k->net, &route, add);

	if (add)
		k->n_attract++;
	else if (k->n_attract > 0)
		k->n_attract--;
	if (k->n_attract <= 1)
		first(&err, hm_kernel_sync(k));
	return err;
}

int hm_kernel_optimised(struct hm_kernel *k, const struct hm_addr *peer, bool add)
{
	const struct hm_net_route route = { .table = HM_NET_TABLE_CARRIED,
		                            .dst = *peer,
		                            .plen = 128 };

	return hm_net_route(&k->net, &route, add);
}

static struct hm_addr masked(const struct hm_tunnel_prefix *prefix)
{
	struct hm_addr head = hm_addr_of(prefix->prefix);

	return hm_addr_join(&head, prefix->plen, &hm_addr_any);
}

/* What is not bound in a prefix that others live in is sent on by us, marked, and must not come
 * back: that takes a rule, and the rule's table. */
static struct hm_net_route prefix_route(const struct hm_tunnel_prefix *prefix, bool shared)
{
	return (struct hm_net_route){ .table = shared ? HM_NET_TABLE_ATTRACT : HM_NET_TABLE_MAIN,
		                      .metric = shared ? 0 : HM_NET_METRIC_PREFIX,
		                      .dst = masked(prefix),
		                      .plen = prefix->plen };
}

int hm_kernel_prefix(struct hm_kernel *k, const struct hm_tunnel_prefix *prefix, bool add)
{
	const struct hm_net_route here = prefix_route(prefix, prefix->on_link),
	                          there = prefix_route(prefix, !prefix->on_link);
	int err = hm_net_route(&k->net, &here, add);

	first(&err, hm_kernel_sync(k));
	/* It may have been of the other kind. */
	first(&err, hm_net_route(&k->net, &there, false));
	return err;
}

static bool wants_prefix(const struct hm_kernel *k, const struct hm_net_route *route)
{
	bool shared = route->table == HM_NET_TABLE_ATTRACT;

	for (uint32_t i = 0; i < k->path->n_prefixes; i++) {
		const struct hm_tunnel_prefix *prefix = &k->path->prefixes[i];
		struct hm_addr dst = masked(prefix);

		if (prefix->on_link == shared && prefix->plen == route->plen &&
		    hm_addr_eq(&dst, &route->dst))
			return true;
	}
	return false;
}

static bool addr_wanted(void *arg, const struct hm_net_addr *a)
{
	return has_addr(arg, a);
}

static bool rule_wanted(void *arg, const struct hm_net_rule *rule)
{
	return has_rule(arg, rule);
}

static bool route_wanted(void *arg, const struct hm_net_route *route)
{
	const struct hm_kernel *k = arg;

	if (route->table == HM_NET_TABLE_HOME)
		return k->path->n_home > 0;
	if (route->table == HM_NET_TABLE_CARRIED)
		return k->path->carried.any && hm_entries_optimised(k->path, &route->dst);
	if (route->table != HM_NET_TABLE_ATTRACT)
		return route->table == HM_NET_TABLE_MAIN && wants_prefix(k, route);
	return wants_prefix(k, route) ||
	       (route->plen == 128 && hm_entries_attract(k->path, &route->dst));
}

int hm_kernel_sweep(struct hm_kernel *k)
{
	const struct hm_net_wanted wanted = { addr_wanted, route_wanted, rule_wanted, k };

	return hm_net_sweep(&k->net, &wanted);
}

static bool unwanted_rule(void *arg, const struct hm_net_rule *rule)
{
	(void)arg;
	(void)rule;
	return false;
}

static bool any_addr(void *arg, const struct hm_net_addr *a)
{
	(void)arg;
	(void)a;
	return true;
}

static bool any_route(void *arg, const struct hm_net_route *route)
{
	(void)arg;
	(void)route;
	return true;
}

void hm_kernel_flush(struct hm_kernel *k)
{
	const struct hm_net_wanted none = { any_addr, any_route, unwanted_rule, NULL };

	(void)hm_net_sweep(&k->net, &none);
}
