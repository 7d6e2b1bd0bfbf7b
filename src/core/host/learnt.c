/* Keys that the auth plugin obtained from elsewhere (draft 5.2): kept in the store, given back at
 * the next start, and what waits for them. */
#include "host/daemon.h"

#include "base/text.h"

#define ORIGIN "aaa"

static void tell(const char *what, const struct hm_auth_key *key)
{
	char home[HM_ADDR_TEXT_MAX], peer[HM_ADDR_TEXT_MAX];
	struct hm_addr home_addr, peer_addr;

	memcpy(home_addr.b, key->home, sizeof home_addr.b);
	memcpy(peer_addr.b, key->peer, sizeof peer_addr.b);
	hm_log(HM_LOG_INFO, "%s key spi=0x%x use=%s home=%s peer=%s", what, key->spi,
	       hm_use_text((enum hm_use)key->use),
	       key->has_home ? hm_addr_text(&home_addr, home) : "any",
	       key->has_peer ? hm_addr_text(&peer_addr, peer) : "any");
}

void hm_daemon_on_learnt(void *arg, const struct hm_auth_key *key)
{
	struct hm_daemon *d = arg;
	struct hm_key_row row = { .spi = key->spi,
		                  .use = (enum hm_use)key->use,
		                  .has_peer = key->has_peer,
		                  .has_home = key->has_home,
		                  .peer.plen = key->peer_plen,
		                  .not_before_s = key->not_before_s,
		                  .not_after_s = key->not_after_s,
		                  .origin = ORIGIN,
		                  .secret = key->secret,
		                  .secret_len = key->secret_len };
	int err = HM_ESTORE;

	memcpy(row.peer.addr.b, key->peer, sizeof row.peer.addr.b);
	memcpy(row.home.b, key->home, sizeof row.home.b);
	if (d->store)
		err = hm_store_key_put(d->store, &row, 0);
	if (err)
		hm_log(HM_LOG_WARNING, "store key failed spi=0x%x reason=\"%s\"", key->spi,
		       hm_err_text(err));
	tell("learn", key);
	if (d->outq)
		hm_outq_wake(d->outq, hm_services_now_ms());
}

/* Of all stored keys those that the plugin told of and that are still valid. */
static void give_back(void *arg, const struct hm_key_row *row)
{
	const struct hm_daemon *d = arg;
	struct hm_auth_key key = { .size = sizeof key,
		                   .use = (uint32_t)row->use,
		                   .spi = row->spi,
		                   .has_home = row->has_home,
		                   .peer_plen = row->peer.plen,
		                   .has_peer = row->has_peer,
		                   .not_before_s = row->not_before_s,
		                   .not_after_s = row->not_after_s,
		                   .secret = row->secret,
		                   .secret_len = row->secret_len };
	int err;

	if (strcmp(row->origin, ORIGIN) != 0 || !row->secret ||
	    (row->not_after_s != 0 && row->not_after_s < hm_daemon_auth_now().wall_s))
		return;
	memcpy(key.home, row->home.b, sizeof key.home);
	memcpy(key.peer, row->peer.addr.b, sizeof key.peer);
	err = d->auth.plugin->auth->key_restore(d->auth.self, &key);
	if (err)
		hm_log(HM_LOG_WARNING, "restore key failed spi=0x%x reason=\"%s\"", row->spi,
		       hm_err_text(err));
	else
		tell("restore", &key);
}

int hm_daemon_restore_keys(struct hm_daemon *d)
{
	if (!d->auth.plugin || !HM_PLUGIN_HAS(d->auth.plugin->auth, key_restore))
		return HM_OK;
	return hm_store_load_keys(d->store, give_back, d);
}
