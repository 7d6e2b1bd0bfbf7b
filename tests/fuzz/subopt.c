/* The option walker and the reader of sub-options, on their own: the first octet says where in its
 * header the body starts. */
#include "fuzz.h"

#include "wire/dstopt.h"
#include "wire/subopt.h"

static void walk(const uint8_t *data, size_t size, size_t at)
{
	struct hm_opt_walk walk = hm_opt_walk(hm_rd(data, size), at);
	struct hm_opt opt;
	size_t end = at;

	while (hm_opt_next(&walk, &opt)) {
		FUZZ_CHECK(opt.at >= end && opt.type > HM_OPT_PADN);
		end = opt.at + HM_OPT_HEAD + opt.body.left;
		FUZZ_CHECK(end <= at + size && data[opt.at - at] == opt.type);
	}
	FUZZ_CHECK(walk.rest.bad || walk.at == at + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_subopts subs, back;
	uint8_t octets[FUZZ_MAX];
	struct hm_wr w = hm_wr(octets, sizeof octets);
	size_t at;

	if (size < 1)
		return 0;
	at = data[0] % 32;
	walk(data + 1, size - 1, at);
	if (hm_subopts_read(hm_rd(data + 1, size - 1), at, &subs))
		return 0;
	memset(subs.auth.mac, 0, sizeof subs.auth.mac);
	hm_wr_zero(&w, at);
	hm_subopts_write(&w, 0, &subs);
	FUZZ_CHECK(!w.bad);
	FUZZ_CHECK(!hm_subopts_read(hm_rd(octets + at, w.len - at), at, &back));
	FUZZ_CHECK(back.mac_at == subs.mac_at && back.auth.epoch == subs.auth.epoch);
	FUZZ_CHECK(hm_addr_eq(&back.prev_ms, &subs.prev_ms) &&
	           hm_addr_eq(&back.new_gcoa, &subs.new_gcoa) &&
	           hm_addr_eq(&back.alt_coa, &subs.alt_coa) && back.unique_id == subs.unique_id);
	return 0;
}
