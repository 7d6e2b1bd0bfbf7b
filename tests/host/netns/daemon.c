/* The host layer with a role that does one of each: what it hears is in the debug log. */
#include "host/daemon.h"

#include "lib/addr.h"
#include "roles/role.h"

struct fake {
	const struct hm_config *config;
	bool done;
};

static size_t size(const struct hm_config *config)
{
	(void)config;
	return sizeof(struct fake);
}

static void init(void *state, const struct hm_config *config, uint64_t seed)
{
	struct fake *f = state;

	(void)seed;
	f->config = config;
}

static void act(const struct hm_link *link, struct hm_fx *fx)
{
	const struct hm_addr lcoa = addr("2001:db8:77::1");
	struct hm_effect *e = hm_fx_add(fx, HM_FX_SEND);

	e->send.packet.kind = HM_MSG_NS;
	e->send.packet.dst = hm_addr_solicited_node(&lcoa);
	e->send.packet.ifindex = link->ifindex;
	e->send.packet.hop_limit = 255;
	e->send.packet.ns.target = lcoa;
	e = hm_fx_add(fx, HM_FX_ADDRESS);
	e->address.op = HM_ADDRESS_ADD;
	e->address.ifindex = link->ifindex;
	e->address.addr = lcoa;
	e->address.plen = 64;
	e = hm_fx_add(fx, HM_FX_GATEWAY);
	e->gateway.ifindex = link->ifindex;
	e->gateway.router = addr("fe80::99");
	e = hm_fx_add(fx, HM_FX_BIND);
	e->bind.ticket = 7;
	e->bind.has_row = e->bind.has_path = true;
	e->bind.row.home = addr("2001:db8:1::aa");
	e->bind.row.gcoa = addr("2001:db8:f1::aa");
	e->bind.row.coa = lcoa;
	e->bind.row.lifetime_s = 600;
	e->bind.row.expires_ms = HM_NEVER;
	e->bind.path.match = e->bind.row.gcoa;
}

static void step(void *state, const struct hm_event *event, struct hm_fx *fx)
{
	struct fake *f = state;

	if (event->kind != HM_EV_LINK || f->done || !event->link.up ||
	    strcmp(event->link.name, f->config->mh.interfaces.name[0]) != 0)
		return;
	f->done = true;
	act(&event->link, fx);
}

static hm_ms deadline(const void *state)
{
	(void)state;
	return HM_NEVER;
}

static void reload(void *state, const struct hm_config *config, hm_ms now_ms)
{
	struct fake *f = state;

	(void)now_ms;
	f->config = config;
}

static const struct hm_role fake = { .id = HM_ROLE_MS,
	                             .name = "fake",
	                             .size = size,
	                             .init = init,
	                             .step = step,
	                             .deadline = deadline,
	                             .reload = reload };

const struct hm_role *hm_role_by_id(enum hm_role_id id)
{
	(void)id;
	return &fake;
}

static struct hm_settings *load(void *file)
{
	const struct hm_settings_override none = { 0 };
	struct hm_settings *settings = NULL;

	return hm_settings_load(file, &none, stderr, &settings) ? NULL : settings;
}

int main(int argc, char **argv)
{
	static const struct hm_role *const roles[] = { &fake };
	struct hm_settings *settings = argc > 1 ? load(argv[1]) : NULL;

	if (!settings)
		return HM_EXIT_CONFIG;
	if (argc > 2) {
		int status = hm_check_system(settings, stdout);

		hm_settings_destroy(settings);
		return status;
	}
	hm_log_set_level(HM_LOG_DEBUG);
	return hm_run_roles(settings, roles, 1, load, argv[1]);
}
