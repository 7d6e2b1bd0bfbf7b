#include "lib/rig.h"

#include "engine/show.h"
#include "lib/addr.h"

#include <criterion/criterion.h>

static void add_line(struct rig *r, const char *mark, const char *text)
{
	size_t room = RIG_LOG_MAX - r->log_len;
	int n = snprintf(r->log + r->log_len, room, "%6lld %s %s\n", (long long)r->now, mark, text);

	cr_assert(n > 0 && (size_t)n < room, "the transcript is too long");
	r->log_len += (size_t)n;
}

static void note_effect(struct rig *r, const struct hm_effect *e)
{
	char line[1024];
	struct hm_text t = hm_text(line, sizeof line);

	hm_effect_show(&t, e);
	add_line(r, "<", line);
	if (e->kind == HM_FX_BIND && e->bind.ticket != 0)
		r->bind_ticket = e->bind.ticket;
	r->binds += e->kind == HM_FX_BIND;
	r->unbinds += e->kind == HM_FX_UNBIND;
	r->sends += e->kind == HM_FX_SEND;
	if (r->watch)
		r->watch(r->watch_arg, e);
}

void rig_init(struct rig *r, const struct hm_role *role, const struct hm_config *config)
{
	size_t size;

	memset(r, 0, sizeof *r);
	r->role = role;
	r->config = *config;
	size = role->size(&r->config);
	cr_assert_gt(size, 0);
	r->state = calloc(1, size);
	r->log = malloc(RIG_LOG_MAX);
	cr_assert(r->state && r->log);
	r->log[0] = '\0';
	role->init(r->state, &r->config, 1);
}

void rig_free(struct rig *r)
{
	free(r->state);
	free(r->log);
	r->state = NULL;
	r->log = NULL;
}

hm_ms rig_deadline(const struct rig *r)
{
	return r->role->deadline(r->state);
}

void rig_step(struct rig *r, struct hm_event *ev)
{
	char line[1024];
	struct hm_text t = hm_text(line, sizeof line);

	ev->now_ms = r->now;
	ev->wall_ms = RIG_WALL_MS + r->now;
	if (r->verbose) {
		hm_event_show(&t, ev);
		add_line(r, ">", line);
	}
	r->fx.n = 0;
	r->fx.counters = &r->counters;
	r->role->step(r->state, ev, &r->fx);
	r->steps++;
	cr_assert_eq(r->counters.n[HM_COUNT_EFFECTS_LOST], 0);
	for (unsigned i = 0; i < r->fx.n; i++)
		note_effect(r, &r->fx.e[i]);
}

void rig_tick(struct rig *r)
{
	rig_step(r, &(struct hm_event){ .kind = HM_EV_TICK });
}

void rig_until(struct rig *r, hm_ms at)
{
	unsigned idle = 0;

	while (rig_deadline(r) <= at) {
		hm_ms due = rig_deadline(r);

		if (due > r->now)
			r->now = due;
		rig_tick(r);
		idle = r->fx.n == 0 && rig_deadline(r) == due ? idle + 1 : 0;
		/* The mobile host may look again after it changed its mind without a word. */
		cr_assert_leq(idle, 1, "ticks at %lld do nothing and ask for more", (long long)due);
	}
	cr_assert_geq(at, r->now, "the clock cannot go back to %lld", (long long)at);
	r->now = at;
}

void rig_start(struct rig *r)
{
	rig_step(r, &(struct hm_event){ .kind = HM_EV_START });
}

void rig_stop(struct rig *r, hm_ms at)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_STOP });
}

void rig_restore(struct rig *r, const struct hm_record *record)
{
	rig_step(r, &(struct hm_event){ .kind = HM_EV_RESTORE, .restore = *record });
}

void rig_packet(struct rig *r, hm_ms at, const struct hm_packet *packet, enum hm_verdict verdict)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_PACKET,
	                                .rx = { .packet = *packet, .verdict = verdict } });
}

void rig_signed(struct rig *r, hm_ms at, const struct hm_packet *packet, enum hm_use use)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){
	                    .kind = HM_EV_PACKET,
	                    .rx = { .packet = *packet, .verdict = HM_VERDICT_OK, .use = use } });
}

void rig_link(struct rig *r, hm_ms at, const struct hm_link *link)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_LINK, .link = *link });
}

void rig_address(struct rig *r, hm_ms at, uint32_t ifindex, const char *address,
                 enum hm_address_state state)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_ADDRESS,
	                                .address = { ifindex, addr(address), state } });
}

void rig_bind_done_ticket(struct rig *r, hm_ms at, hm_ticket ticket, int err)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_BIND_DONE, .done = { ticket, err } });
}

void rig_bind_done(struct rig *r, hm_ms at, int err)
{
	/* It may be asked for on the way. */
	rig_until(r, at);
	rig_bind_done_ticket(r, at, r->bind_ticket, err);
}

void rig_send_failed(struct rig *r, hm_ms at, hm_ticket ticket, int err)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_SEND_FAILED, .done = { ticket, err } });
}

void rig_traffic(struct rig *r, hm_ms at, enum hm_traffic_kind kind, const char *home,
                 const char *peer, bool has_key)
{
	rig_until(r, at);
	rig_step(r, &(struct hm_event){ .kind = HM_EV_TRAFFIC,
	                                .traffic = { kind, addr(home), addr(peer), has_key } });
}

void rig_clear(struct rig *r)
{
	r->log_len = 0;
	r->log[0] = '\0';
}

void rig_expect_at(struct rig *r, const char *want, const char *file, int line)
{
	cr_assert(strcmp(r->log, want) == 0, "%s:%d: the transcript is\n%sand should be\n%s", file,
	          line, r->log, want);
	rig_clear(r);
}

unsigned rig_count(const struct rig *r, enum hm_effect_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->fx.n; i++)
		n += r->fx.e[i].kind == kind;
	return n;
}

const struct hm_effect *rig_effect(const struct rig *r, enum hm_effect_kind kind, unsigned index)
{
	for (unsigned i = 0; i < r->fx.n; i++)
		if (r->fx.e[i].kind == kind && index-- == 0)
			return &r->fx.e[i];
	cr_assert(false, "the last step asked for no such effect; the transcript is\n%s", r->log);
	return NULL;
}

struct hm_link rig_link_up(const char *name, uint32_t ifindex)
{
	struct hm_link link = {
		.ifindex = ifindex,
		.present = true,
		.up = true,
		.mtu = 1500,
		.lladdr = { true, { 0x02, 0, 0, 0, 0, (uint8_t)ifindex } },
		.link_local = { { 0xfe, 0x80, [15] = (uint8_t)ifindex } },
	};

	memcpy(link.name, name, strnlen(name, sizeof link.name - 1));
	return link;
}
