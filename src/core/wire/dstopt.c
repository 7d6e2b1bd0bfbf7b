#include "wire/dstopt.h"

bool hm_opt_next(struct hm_opt_walk *walk, struct hm_opt *ret_opt)
{
	while (!walk->rest.bad && walk->rest.left > 0) {
		struct hm_opt opt = { .at = walk->at };
		size_t len;

		opt.type = hm_rd_u8(&walk->rest);
		if (opt.type == HM_OPT_PAD1) {
			walk->at++;
			continue;
		}
		len = hm_rd_u8(&walk->rest);
		opt.body = hm_rd_sub(&walk->rest, len);
		if (opt.body.bad)
			return false;
		walk->at += HM_OPT_HEAD + len;
		if (opt.type == HM_OPT_PADN)
			continue;
		*ret_opt = opt;
		return true;
	}
	return false;
}

void hm_opt_pad(struct hm_wr *w, size_t n)
{
	if (n == 0)
		return;
	if (n == 1) {
		hm_wr_u8(w, HM_OPT_PAD1);
		return;
	}
	hm_wr_u8(w, HM_OPT_PADN);
	hm_wr_u8(w, (uint8_t)(n - HM_OPT_HEAD));
	hm_wr_zero(w, n - HM_OPT_HEAD);
}

size_t hm_opt_begin(struct hm_wr *w, size_t header_at, uint8_t type, unsigned x, unsigned y)
{
	size_t at;

	hm_opt_pad(w, (x + y - (w->len - header_at) % x) % x);
	at = w->len;
	hm_wr_u8(w, type);
	hm_wr_u8(w, 0);
	return at;
}

void hm_opt_end(struct hm_wr *w, size_t at)
{
	size_t len = w->len - at - HM_OPT_HEAD;
	uint8_t field = (uint8_t)len;

	if (len > UINT8_MAX)
		w->bad = true;
	hm_wr_patch(w, at + 1, &field, 1);
}

size_t hm_dstopts_begin(struct hm_wr *w, uint8_t next)
{
	size_t at = w->len;

	hm_wr_u8(w, next);
	hm_wr_u8(w, 0);
	return at;
}

void hm_dstopts_end(struct hm_wr *w, size_t header_at)
{
	uint8_t units;

	hm_opt_pad(w, (8 - (w->len - header_at) % 8) % 8);
	units = (uint8_t)((w->len - header_at) / 8 - 1);
	hm_wr_patch(w, header_at + 1, &units, 1);
}

void hm_home_write(struct hm_wr *w, size_t header_at, const struct hm_addr *home)
{
	size_t at = hm_opt_begin(w, header_at, HM_OPT_HOME, 8, 6);

	hm_wr_addr(w, home);
	hm_opt_end(w, at);
}
