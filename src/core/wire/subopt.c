#include "wire/subopt.h"

#include "wire/dstopt.h"

#define AUTH_MAC_AT 8 /* within the data of Authentication Data */

struct rule {
	uint8_t type, len;
	uint8_t x, y; /* alignment xn+y */
};

static const struct rule rules[] = {
	{ HM_SUB_UNIQUE_ID, 2, 2, 0 }, { HM_SUB_ALT_COA, 16, 8, 6 },  { HM_SUB_AUTH, 24, 8, 6 },
	{ HM_SUB_PREV_MS, 18, 8, 4 },  { HM_SUB_NEW_GCOA, 18, 8, 4 },
};

static const struct rule *rule_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

/* Two octets of zeros stand before the address of an HMIP sub-option (draft 4.2.1, 4.3.6). */
static struct hm_addr padded_addr(struct hm_rd *r)
{
	hm_rd_skip(r, 2);
	return hm_rd_addr(r);
}

static void auth_read(struct hm_opt *opt, struct hm_subopts *subs)
{
	const uint8_t *mac;

	subs->auth.spi = hm_rd_u32(&opt->body);
	subs->auth.epoch = hm_rd_u32(&opt->body);
	mac = hm_rd_bytes(&opt->body, HM_MAC_LEN);
	if (mac)
		memcpy(subs->auth.mac, mac, HM_MAC_LEN);
	subs->mac_at = opt->at + HM_OPT_HEAD + AUTH_MAC_AT;
}

/* Takes one known sub-option; false: there was one of its kind already. */
static bool take(struct hm_opt *opt, struct hm_subopts *subs)
{
	bool *has = opt->type == HM_SUB_UNIQUE_ID ? &subs->has_unique_id
	            : opt->type == HM_SUB_ALT_COA ? &subs->has_alt_coa
	            : opt->type == HM_SUB_PREV_MS ? &subs->has_prev_ms
	            : opt->type == HM_SUB_AUTH    ? &subs->auth.present
	                                          : &subs->has_new_gcoa;

	if (*has)
		return false;
	*has = true;
	if (opt->type == HM_SUB_UNIQUE_ID)
		subs->unique_id = hm_rd_u16(&opt->body);
	else if (opt->type == HM_SUB_ALT_COA)
		subs->alt_coa = hm_rd_addr(&opt->body);
	else if (opt->type == HM_SUB_PREV_MS)
		subs->prev_ms = padded_addr(&opt->body);
	else if (opt->type == HM_SUB_AUTH)
		auth_read(opt, subs);
	else
		subs->new_gcoa = padded_addr(&opt->body);
	return true;
}

enum hm_drop hm_subopts_read(struct hm_rd body, size_t at, struct hm_subopts *ret_subs)
{
	struct hm_subopts subs = { .mac_at = 0 };
	struct hm_opt_walk walk = hm_opt_walk(body, at);
	struct hm_opt opt;

	while (hm_opt_next(&walk, &opt)) {
		const struct rule *rule = rule_of(opt.type);

		if (subs.auth.present && opt.type != HM_SUB_AUTH)
			return HM_DROP_MALFORMED;
		if (!rule)
			continue;
		if (opt.body.left != rule->len)
			return HM_DROP_BAD_LENGTH;
		if (!hm_opt_aligned(opt.at, rule->x, rule->y))
			return HM_DROP_MISALIGNED;
		if (!take(&opt, &subs))
			return HM_DROP_DUPLICATE_OPTION;
	}
	if (walk.rest.bad)
		return HM_DROP_TRUNCATED;
	*ret_subs = subs;
	return HM_DROP_NONE;
}

static void addr_write(struct hm_wr *w, size_t header_at, uint8_t type, const struct hm_addr *addr)
{
	const struct rule *rule = rule_of(type);
	size_t at = hm_opt_begin(w, header_at, type, rule->x, rule->y);

	hm_wr_zero(w, rule->len - sizeof addr->b);
	hm_wr_addr(w, addr);
	hm_opt_end(w, at);
}

void hm_subopts_write(struct hm_wr *w, size_t header_at, struct hm_subopts *subs)
{
	size_t at;

	if (subs->has_unique_id) {
		at = hm_opt_begin(w, header_at, HM_SUB_UNIQUE_ID, 2, 0);
		hm_wr_u16(w, subs->unique_id);
		hm_opt_end(w, at);
	}
	if (subs->has_prev_ms)
		addr_write(w, header_at, HM_SUB_PREV_MS, &subs->prev_ms);
	if (subs->has_new_gcoa)
		addr_write(w, header_at, HM_SUB_NEW_GCOA, &subs->new_gcoa);
	if (subs->has_alt_coa)
		addr_write(w, header_at, HM_SUB_ALT_COA, &subs->alt_coa);
	if (!subs->auth.present)
		return;
	at = hm_opt_begin(w, header_at, HM_SUB_AUTH, 8, 6);
	hm_wr_u32(w, subs->auth.spi);
	hm_wr_u32(w, subs->auth.epoch);
	subs->mac_at = w->len - header_at;
	hm_wr_zero(w, HM_MAC_LEN);
	hm_opt_end(w, at);
}
