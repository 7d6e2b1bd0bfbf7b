/* What roles ask for, done in the order they ask. */
#include "host/daemon.h"

#include "engine/show.h"

#define SHOW_MAX 512

static void log_line(enum hm_log_level level, const struct hm_daemon *d, unsigned role,
                     const char *mark, const char *text)
{
	hm_log(level, "role=%s %s%s", hm_pump_role(d->pump, role)->role->name, mark, text);
}

/* Who can make us refuse can make us do so at any rate; who debugs wants every line. */
static bool may_say(struct hm_quiet *quiet, const struct hm_addr *peer, struct hm_text *t)
{
	unsigned held = 0;

	if (hm_log_wants(HM_LOG_DEBUG))
		return true;
	if (!hm_quiet_may_say(quiet, peer, hm_services_now_ms(), &held))
		return false;
	if (held > 0) {
		hm_text_str(t, "suppressed=");
		hm_text_u64(t, held);
		hm_text_str(t, " ");
	}
	return true;
}

static void show_effect(struct hm_daemon *d, unsigned role, const struct hm_effect *e)
{
	enum hm_log_level level = e->kind == HM_FX_NOTE ? HM_LOG_INFO : HM_LOG_DEBUG;
	char line[SHOW_MAX];
	struct hm_text t = hm_text(line, sizeof line);

	if (!hm_log_wants(level))
		return;
	if (e->kind == HM_FX_NOTE && e->note.note == HM_NOTE_REFUSED &&
	    !may_say(&d->refusals, &e->note.home, &t))
		return;
	hm_effect_show(&t, e);
	log_line(level, d, role, "< ", line);
}

static void warn_effect(struct hm_daemon *d, unsigned role, const struct hm_effect *e, int err)
{
	char line[SHOW_MAX];
	struct hm_text t = hm_text(line, sizeof line);

	if (!may_say(&d->failures, e->kind == HM_FX_SEND ? &e->send.packet.dst : &hm_addr_any, &t))
		return;
	hm_effect_show(&t, e);
	hm_text_str(&t, " failed: ");
	hm_text_str(&t, hm_err_text(err));
	log_line(HM_LOG_WARNING, d, role, "< ", line);
}

/* Chooses the key, since the MAC covers its SPI. */
static int choose_key(struct hm_daemon *d, enum hm_use use, struct hm_packet *packet)
{
	struct hm_auth_parties parties;

	packet->auth.present = false;
	if (use == HM_USE_NONE || d->settings->config.common.auth_none)
		return HM_OK;
	parties = hm_authq_sending(use, packet);
	packet->auth.present = true;
	if (packet->auth.spi != 0)
		return HM_OK;
	return hm_authq_spi(d->authq, &parties, hm_daemon_auth_now(), &packet->auth.spi);
}

static int send_packet(struct hm_daemon *d, enum hm_use use, const struct hm_packet *wanted)
{
	uint8_t room[HM_PACKET_MAX];
	struct hm_wr w = hm_wr(room, sizeof room);
	struct hm_packet packet = *wanted;
	struct hm_signed_part part;
	int err = choose_key(d, use, &packet);

	err = err ? err : hm_packet_write(&packet, &d->numbers, &w, &part);
	if (!err && packet.auth.present) {
		const struct hm_auth_parties parties = hm_authq_sending(use, &packet);

		err = hm_authq_sign(d->authq, &parties, packet.auth.spi, &w, &part,
		                    hm_daemon_auth_now());
	}
	return err ? err : hm_tx_send(&d->tx, (struct hm_span){ room, w.len }, packet.ifindex);
}

int hm_daemon_send(void *arg, unsigned role, const struct hm_effect *effect)
{
	(void)role;
	return send_packet(arg, effect->send.use, &effect->send.packet);
}

void hm_daemon_sent(void *arg, unsigned role, const struct hm_effect *e, int err)
{
	struct hm_event failed = { .kind = HM_EV_SEND_FAILED };
	struct hm_daemon *d = arg;

	if (!err) {
		hm_pump_counters(d->pump)->n[HM_COUNT_TX]++;
		return;
	}
	hm_pump_counters(d->pump)->n[HM_COUNT_TX_FAILED]++;
	warn_effect(d, role, e, err);
	if (e->send.ticket == 0)
		return;
	failed.done.ticket = e->send.ticket;
	failed.done.err = err;
	hm_pump_post(d->pump, role, &failed);
}

static void do_send(struct hm_daemon *d, unsigned role, const struct hm_effect *e)
{
	int err = hm_daemon_send(d, role, e);

	if (err == HM_PENDING) {
		err = hm_outq_hold(d->outq, role, e, hm_services_now_ms());
		if (!err) {
			hm_pump_counters(d->pump)->n[HM_COUNT_TX_WAITED]++;
			return;
		}
	}
	hm_daemon_sent(d, role, e, err);
}

/* An address that could not be added is one that is gone. */
static void do_address(struct hm_daemon *d, unsigned role, const struct hm_effect *e)
{
	struct hm_event gone = { .kind = HM_EV_ADDRESS };
	int err = hm_kernel_address(d->kernel, e->address.op, e->address.ifindex, &e->address.addr,
	                            e->address.plen);

	if (!err || (e->address.op != HM_ADDRESS_ADD && e->address.op != HM_ADDRESS_ADD_NODAD))
		return;
	gone.address.ifindex = e->address.ifindex;
	gone.address.addr = e->address.addr;
	gone.address.state = HM_ADDRESS_GONE;
	hm_pump_post(d->pump, role, &gone);
}

static void do_relay(struct hm_daemon *d, unsigned role, const struct hm_effect *e, hm_ms now_ms)
{
	int err = hm_relay_send(&d->relay, &d->tx, e, now_ms);

	if (err == HM_OK)
		hm_pump_counters(d->pump)->n[HM_COUNT_ERROR_RELAYED]++;
	else if (err == HM_EFULL)
		hm_pump_counters(d->pump)->n[HM_COUNT_RATE_LIMITED]++;
	else if (err != HM_EUNSUPPORTED) /* an error about an error: nothing is to be sent */
		warn_effect(d, role, e, err);
}

void hm_daemon_effect(void *arg, unsigned role, const struct hm_effect *effect)
{
	struct hm_daemon *d = arg;
	hm_ms now_ms = hm_services_now_ms();
	int err = HM_OK;

	show_effect(d, role, effect);
	/* The store is closing and the kernel is given back: only words may still leave. */
	if (d->stopping && effect->kind != HM_FX_SEND && effect->kind != HM_FX_NOTE)
		return;
	switch (effect->kind) {
	case HM_FX_SEND:
		do_send(d, role, effect);
		break;
	case HM_FX_BIND:
		hm_dataplane_bind(d->dataplane, role, effect);
		break;
	case HM_FX_UNBIND:
		hm_dataplane_unbind(d->dataplane, effect, now_ms);
		break;
	case HM_FX_STORE:
		err = hm_store_put(d->store, &effect->record, 0);
		break;
	case HM_FX_FORGET:
		err = hm_store_del(d->store, &effect->record, 0);
		break;
	case HM_FX_ADDRESS:
		do_address(d, role, effect);
		break;
	case HM_FX_GATEWAY:
		(void)hm_kernel_gateway(d->kernel, effect->gateway.ifindex,
		                        &effect->gateway.router);
		break;
	case HM_FX_RELAY:
		do_relay(d, role, effect, now_ms);
		break;
	case HM_FX_NOTE:
		if (d->control)
			hm_control_note(d->control, hm_pump_role(d->pump, role)->role->id, effect);
		break;
	}
	if (err)
		warn_effect(d, role, effect, err);
}

void hm_daemon_trace(void *arg, unsigned role, const struct hm_event *event)
{
	char line[SHOW_MAX];
	struct hm_text t = hm_text(line, sizeof line);

	if (!hm_log_wants(HM_LOG_DEBUG))
		return;
	hm_event_show(&t, event);
	log_line(HM_LOG_DEBUG, arg, role, "> ", line);
}
