/* The data plane against a plugin and a store made of text: what was asked of them, in order. */
#include "host/dataplane.h"

#include "lib/addr.h"

#include <criterion/criterion.h>

struct world {
	struct hm_dataplane *dp;
	char story[1024];
	int put_answer, del_answer, store_answer;
	uint64_t put_ticket, del_ticket, cookie;
};

static void tell(struct world *w, const char *what, const uint8_t *last_octet, int number)
{
	size_t n = strlen(w->story);

	(void)snprintf(w->story + n, sizeof w->story - n, "%s", what);
	n = strlen(w->story);
	if (last_octet)
		(void)snprintf(w->story + n, sizeof w->story - n, " %02x; ", *last_octet);
	else
		(void)snprintf(w->story + n, sizeof w->story - n, " %d; ", number);
}

static int put(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	struct world *w = self;

	w->put_ticket = ticket;
	tell(w, "put", &entry->remote[15], 0);
	return w->put_answer;
}

static int del(void *self, uint64_t ticket, const struct hm_tunnel_entry *entry)
{
	struct world *w = self;

	w->del_ticket = ticket;
	tell(w, "del", &entry->match[15], 0);
	return w->del_answer;
}

static int store_put(void *arg, const struct hm_record *record, uint64_t cookie)
{
	struct world *w = arg;

	w->cookie = cookie;
	tell(w, "store", &record->binding.coa.b[15], 0);
	return w->store_answer;
}

static int store_del(void *arg, const struct hm_record *record, uint64_t cookie)
{
	struct world *w = arg;

	(void)cookie;
	tell(w, "forget", &record->binding.home.b[15], 0);
	return w->store_answer;
}

static void done(void *arg, unsigned role, hm_ticket ticket, int err)
{
	struct world *w = arg;

	(void)role;
	tell(w, ticket == 1 ? "done1" : "done2", NULL, err);
}

static const struct hm_tunnel_ops ops = { .size = sizeof ops, .put = put, .del = del };

static void open_world(struct world *w, unsigned pending_max)
{
	const struct hm_dataplane_options options = { .tunnel = &ops,
		                                      .self = w,
		                                      .store_put = store_put,
		                                      .store_del = store_del,
		                                      .done = done,
		                                      .arg = w,
		                                      .pending_max = pending_max,
		                                      .retries_max = 4 };

	memset(w, 0, sizeof *w);
	w->dp = hm_dataplane_create(&options);
	cr_assert(w->dp);
}

/* The binding of home ::aa, at care-of address ::coa. */
static struct hm_effect binding(enum hm_effect_kind kind, hm_ticket ticket, uint8_t coa)
{
	struct hm_effect e = { .kind = kind };

	e.bind.ticket = ticket;
	e.bind.has_row = e.bind.has_path = true;
	e.bind.row.home = addr("2001:db8:1::aa");
	e.bind.row.coa = addr("2001:db8:a::");
	e.bind.row.coa.b[15] = coa;
	e.bind.path.match = addr("2001:db8:f1::aa");
	e.bind.path.remote = e.bind.row.coa;
	return e;
}

static void bind_at(struct world *w, hm_ticket ticket, uint8_t coa)
{
	const struct hm_effect e = binding(HM_FX_BIND, ticket, coa);

	hm_dataplane_bind(w->dp, 0, &e);
}

static void unbind(struct world *w, hm_ms now_ms)
{
	const struct hm_effect e = binding(HM_FX_UNBIND, 0, 1);

	hm_dataplane_unbind(w->dp, &e, now_ms);
}

static void expect(struct world *w, const char *story)
{
	cr_expect_str_eq(w->story, story);
	w->story[0] = '\0';
}

Test(dataplane, a_binding_is_done_when_path_and_row_are_there)
{
	struct world w;

	open_world(&w, 8);
	bind_at(&w, 1, 5);
	expect(&w, "put 05; store 05; ");
	hm_dataplane_stored(w.dp, w.cookie, HM_OK);
	expect(&w, "done1 0; ");
	hm_dataplane_stored(w.dp, w.cookie, HM_OK);
	expect(&w, "");
	cr_expect_eq(hm_dataplane_pending(w.dp), 0);
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_plugin_that_answers_later_holds_up_the_row)
{
	struct world w;

	open_world(&w, 8);
	w.put_answer = HM_PENDING;
	bind_at(&w, 1, 5);
	expect(&w, "put 05; ");
	hm_dataplane_tunnel_done(w.dp, w.put_ticket, HM_OK, 0);
	expect(&w, "store 05; ");
	hm_dataplane_stored(w.dp, w.cookie, HM_OK);
	expect(&w, "done1 0; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, what_the_plugin_refuses_is_not_stored)
{
	struct world w;

	open_world(&w, 8);
	w.put_answer = HM_EFULL;
	bind_at(&w, 1, 5);
	expect(&w, "put 05; done1 -3; ");
	w.put_answer = HM_PENDING;
	bind_at(&w, 2, 6);
	hm_dataplane_tunnel_done(w.dp, w.put_ticket, HM_EIO, 0);
	expect(&w, "put 06; done2 -5; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_path_whose_row_cannot_be_stored_is_taken_back)
{
	struct world w;

	open_world(&w, 8);
	w.store_answer = HM_EFULL;
	bind_at(&w, 1, 5);
	expect(&w, "put 05; store 05; del aa; done1 -3; ");
	w.store_answer = HM_OK;
	bind_at(&w, 2, 6);
	hm_dataplane_stored(w.dp, w.cookie, HM_ESTORE);
	expect(&w, "put 06; store 06; del aa; done2 -11; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_failing_row_leaves_the_path_of_a_newer_binding_alone)
{
	struct world w;
	uint64_t first;

	open_world(&w, 8);
	bind_at(&w, 1, 5);
	first = w.cookie;
	bind_at(&w, 2, 6);
	hm_dataplane_stored(w.dp, first, HM_ESTORE);
	hm_dataplane_stored(w.dp, w.cookie, HM_OK);
	expect(&w, "put 05; store 05; put 06; store 06; done1 -11; done2 0; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_binding_overtaken_while_it_is_installed_is_not_stored)
{
	struct world w;
	uint64_t first;

	open_world(&w, 8);
	w.put_answer = HM_PENDING;
	bind_at(&w, 1, 5);
	first = w.put_ticket;
	bind_at(&w, 2, 6);
	hm_dataplane_tunnel_done(w.dp, first, HM_OK, 0);
	hm_dataplane_tunnel_done(w.dp, w.put_ticket, HM_OK, 0);
	hm_dataplane_stored(w.dp, w.cookie, HM_OK);
	expect(&w, "put 05; put 06; done1 -7; store 06; done2 0; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_binding_removed_while_it_is_installed_is_not_stored)
{
	struct world w;

	open_world(&w, 8);
	w.put_answer = HM_PENDING;
	bind_at(&w, 1, 5);
	unbind(&w, 0);
	hm_dataplane_tunnel_done(w.dp, w.put_ticket, HM_OK, 0);
	expect(&w, "put 05; del aa; forget aa; done1 -7; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_removal_is_retried_with_growing_pauses)
{
	struct world w;

	open_world(&w, 8);
	w.del_answer = HM_EIO;
	unbind(&w, 100);
	expect(&w, "del aa; forget aa; ");
	cr_expect_eq(hm_dataplane_deadline(w.dp), 1100);
	hm_dataplane_tick(w.dp, 1099);
	expect(&w, "");
	hm_dataplane_tick(w.dp, 1100);
	expect(&w, "del aa; ");
	cr_expect_eq(hm_dataplane_deadline(w.dp), 3100);
	w.del_answer = HM_OK;
	hm_dataplane_tick(w.dp, 3100);
	expect(&w, "del aa; ");
	cr_expect_eq(hm_dataplane_deadline(w.dp), HM_NEVER);
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_removal_that_fails_late_is_retried_unless_bound_again)
{
	struct world w;

	open_world(&w, 8);
	w.del_answer = HM_PENDING;
	unbind(&w, 0);
	hm_dataplane_tunnel_done(w.dp, w.del_ticket, HM_EIO, 50);
	cr_expect_eq(hm_dataplane_deadline(w.dp), 1050);
	bind_at(&w, 1, 5);
	cr_expect_eq(hm_dataplane_deadline(w.dp), HM_NEVER);
	expect(&w, "del aa; forget aa; put 05; store 05; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, refuses_at_its_ceiling)
{
	struct world w;

	open_world(&w, 1);
	bind_at(&w, 1, 5);
	bind_at(&w, 2, 6);
	expect(&w, "put 05; store 05; done2 -3; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, an_old_ticket_finds_nobody)
{
	struct world w;
	uint64_t old;

	open_world(&w, 1);
	w.put_answer = HM_PENDING;
	bind_at(&w, 1, 5);
	old = w.put_ticket;
	hm_dataplane_tunnel_done(w.dp, old, HM_EIO, 0);
	bind_at(&w, 2, 6);
	hm_dataplane_tunnel_done(w.dp, old, HM_OK, 0);
	expect(&w, "put 05; done1 -5; put 06; ");
	hm_dataplane_destroy(w.dp);
}

Test(dataplane, a_path_is_handed_over_whole)
{
	const struct hm_forward path = {
		.kind = HM_FORWARD_HOME,
		.match = addr("2001:db8:1::aa"),
		.attract = true,
		.n_hops = 2,
		.hops = { { addr("2001:db8:f1::aa"), addr("2001:db8:1::1") },
		          { addr("2001:db8:a::9"), addr("2001:db8:f1::1") } },
		.n_accept = 1,
		.accept = { { addr("2001:db8:b::9"), addr("::") } }
	};
	struct hm_tunnel_entry e;

	hm_dataplane_entry(&path, &e);
	cr_expect_eq(e.size, sizeof e);
	cr_expect_eq(e.kind, HM_TUNNEL_HOME);
	cr_expect_eq(e.n_hops, 2);
	cr_expect_eq(e.attract, 1);
	cr_expect_eq(e.n_accept, 1);
	cr_expect_eq(memcmp(e.match, path.match.b, 16), 0);
	cr_expect_eq(memcmp(e.hops[1].remote, path.hops[1].remote.b, 16), 0);
	cr_expect_eq(memcmp(e.accept[0].local, path.accept[0].local.b, 16), 0);
}
