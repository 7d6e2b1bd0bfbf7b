#include "wire/routeopt.h"

#include "base/err.h"
#include "wire/dstopt.h"
#include "wire/ip6.h"

#define ROUTING_TYPE_HOME 2
#define ROUTING_TYPE_DRAFT 0 /* that of draft-12 for the same; RFC 5095 withdrew it */

void hm_ro_home_header(uint8_t to[HM_RO_LEN], uint8_t next, const struct hm_addr *home)
{
	static const uint8_t head[8] = { HM_NH_NONE, 2, HM_OPT_PADN, 2, 0, 0, HM_OPT_HOME, 16 };

	memcpy(to, head, sizeof head);
	to[0] = next;
	memcpy(to + sizeof head, home->b, sizeof home->b);
}

void hm_ro_routing_header(uint8_t to[HM_RO_LEN], uint8_t next, const struct hm_addr *home)
{
	static const uint8_t head[8] = { HM_NH_NONE, 2, ROUTING_TYPE_HOME, 1 };

	memcpy(to, head, sizeof head);
	to[0] = next;
	memcpy(to + sizeof head, home->b, sizeof home->b);
}

/* A place among the headers of a packet. */
struct place {
	size_t at;
	size_t next_at; /* where the number of the header at `at` stands */
	uint8_t next;
};

/* Where a header goes that belongs behind hop-by-hop options and routing headers. */
static int place_of(struct hm_span packet, uint8_t next, struct place *ret_place,
                    bool *ret_has_routing)
{
	struct hm_ext_walk walk = hm_ext_walk(packet, next);
	struct place place = { HM_IP6_LEN, HM_IP6_AT_NEXT, next };
	struct hm_ext ext;

	*ret_has_routing = false;
	while (hm_ext_next(&walk, &ext)) {
		if (ext.type == HM_NH_DSTOPTS)
			continue;
		place = (struct place){ ext.at + ext.len, ext.at, ext.next };
		*ret_has_routing |= ext.type == HM_NH_ROUTING;
	}
	if (walk.rest.bad)
		return HM_EMALFORMED;
	*ret_place = place;
	return HM_OK;
}

/* Writes the packet with a header put in. */
static int insert(struct hm_span packet, const struct place *place, uint8_t type,
                  const uint8_t header[HM_RO_LEN], struct hm_wr *w)
{
	size_t start = w->len;

	hm_wr_bytes(w, packet.p, place->at);
	hm_wr_patch(w, start + place->next_at, &type, 1);
	hm_wr_bytes(w, header, HM_RO_LEN);
	hm_wr_bytes(w, packet.p + place->at, packet.len - place->at);
	return hm_ip6_end(w, start);
}

int hm_ro_home_write(const uint8_t *packet, size_t len, const struct hm_addr *care_of,
                     struct hm_wr *w)
{
	struct hm_span whole = { packet, len };
	uint8_t header[HM_RO_LEN];
	struct hm_ip6 ip6;
	struct place place;
	struct hm_ro ro;
	bool has_routing;
	size_t start = w->len;
	int err = hm_ip6_read_whole(whole, &ip6, &whole);

	if (!err)
		err = place_of(whole, ip6.next, &place, &has_routing);
	if (err)
		return err;
	if (hm_ro_read(packet, len, &ro) == HM_OK && ro.has_home)
		return HM_EEXIST;
	hm_ro_home_header(header, place.next, &ip6.src);
	err = insert(whole, &place, HM_NH_DSTOPTS, header, w);
	hm_wr_patch(w, start + HM_IP6_AT_SRC, care_of->b, sizeof care_of->b);
	return err;
}

int hm_ro_routing_write(const uint8_t *packet, size_t len, const struct hm_addr *care_of,
                        struct hm_wr *w)
{
	struct hm_span whole = { packet, len };
	uint8_t header[HM_RO_LEN];
	struct hm_ip6 ip6;
	struct place place;
	bool has_routing;
	size_t start = w->len;
	int err = hm_ip6_read_whole(whole, &ip6, &whole);

	if (!err)
		err = place_of(whole, ip6.next, &place, &has_routing);
	if (err)
		return err;
	if (has_routing)
		return HM_EEXIST;
	hm_ro_routing_header(header, place.next, &ip6.dst);
	err = insert(whole, &place, HM_NH_ROUTING, header, w);
	hm_wr_patch(w, start + HM_IP6_AT_DST, care_of->b, sizeof care_of->b);
	return err;
}

/* Looks for a Home Address option. *ret_others: the header holds other options as well. */
static int home_of(const struct hm_ext *ext, struct hm_ro *ro, size_t *ret_at, bool *ret_others)
{
	struct hm_opt_walk walk = hm_opt_walk(ext->body, HM_OPT_HEAD);
	struct hm_opt opt;

	*ret_at = 0;
	*ret_others = false;
	while (hm_opt_next(&walk, &opt)) {
		if (opt.type != HM_OPT_HOME) {
			*ret_others = true;
			continue;
		}
		if (ro->has_home || opt.body.left != sizeof ro->home.b ||
		    !hm_opt_aligned(opt.at, 8, 6))
			return HM_EMALFORMED;
		ro->has_home = true;
		ro->home = hm_rd_addr(&opt.body);
		*ret_at = ext->at + opt.at;
	}
	return walk.rest.bad ? HM_EMALFORMED : HM_OK;
}

/* RFC 6275 6.4.1: one address, one segment left. Another type is somebody else's. */
static int routing_of(const struct hm_ext *ext, bool accept_rh0, struct hm_ro *ro)
{
	struct hm_rd body = ext->body;
	uint8_t type = hm_rd_u8(&body);

	if (type != ROUTING_TYPE_HOME && (type != ROUTING_TYPE_DRAFT || !accept_rh0))
		return HM_OK;
	if (ro->has_routing || ext->len != HM_RO_LEN || hm_rd_u8(&body) != 1)
		return HM_EMALFORMED;
	hm_rd_skip(&body, 4);
	ro->has_routing = true;
	ro->routing = hm_rd_addr(&body);
	return HM_OK;
}

int hm_ro_read(const uint8_t *packet, size_t len, struct hm_ro *ret_ro)
{
	struct hm_span whole = { packet, len };
	struct hm_ro ro = { .has_home = false };
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;
	int err = hm_ip6_read_whole(whole, &ip6, &whole);
	size_t at;
	bool others;

	if (err)
		return err;
	walk = hm_ext_walk(whole, ip6.next);
	while (!err && hm_ext_next(&walk, &ext)) {
		if (ext.type == HM_NH_DSTOPTS)
			err = home_of(&ext, &ro, &at, &others);
		else if (ext.type == HM_NH_ROUTING)
			err = routing_of(&ext, false, &ro);
	}
	if (err || walk.rest.bad || (ro.has_home && !hm_addr_is_global(&ro.home)) ||
	    (ro.has_routing && !hm_addr_is_global(&ro.routing)))
		return HM_EMALFORMED;
	if (!ro.has_home && !ro.has_routing)
		return HM_ENOTFOUND;
	ro.src = ip6.src;
	ro.dst = ip6.dst;
	*ret_ro = ro;
	return HM_OK;
}

/* A header that is route optimisation's alone. */
static bool read_alone(const struct hm_ext *ext, bool accept_rh0, struct hm_ro *ret_ro)
{
	bool others = false;
	size_t at;

	if (ext->type == HM_NH_ROUTING)
		return !routing_of(ext, accept_rh0, ret_ro) && ret_ro->has_routing;
	return ext->type == HM_NH_DSTOPTS && !home_of(ext, ret_ro, &at, &others) &&
	       ret_ro->has_home && !others;
}

int hm_ro_front(struct hm_span packet, bool accept_rh0, struct hm_ro_front *ret_front)
{
	struct hm_ro_front f = { .len = 0 };
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;

	if (hm_ip6_read(packet, &ip6))
		return HM_EMALFORMED;
	f.ro.src = ip6.src;
	f.ro.dst = ip6.dst;
	walk = hm_ext_walk(packet, ip6.next);
	for (unsigned i = 0; i < 2 && hm_ext_next(&walk, &ext); i++) {
		struct hm_ro one = { .has_home = false };

		if (!read_alone(&ext, accept_rh0, &one) || (one.has_home && f.ro.has_home) ||
		    (one.has_routing && f.ro.has_routing))
			return HM_ENOTFOUND;
		if (one.has_home)
			f.ro.home = one.home;
		else
			f.ro.routing = one.routing;
		f.ro.has_home |= one.has_home;
		f.ro.has_routing |= one.has_routing;
		f.len += ext.len;
	}
	if (walk.rest.bad || f.len == 0)
		return HM_ENOTFOUND;
	f.next = walk.next;
	*ret_front = f;
	return HM_OK;
}

/* Whether the header goes as a whole; otherwise a Home Address option in it becomes padding. */
static bool goes(const struct hm_ext *ext, const struct hm_ro *ro, size_t *ret_pad_at)
{
	struct hm_ro found = { .has_home = false };
	bool others = false;

	*ret_pad_at = 0;
	if (ext->type == HM_NH_ROUTING)
		return ro->has_routing && !routing_of(ext, false, &found) && found.has_routing;
	if (ext->type != HM_NH_DSTOPTS || !ro->has_home ||
	    home_of(ext, &found, ret_pad_at, &others) || !found.has_home)
		return false;
	return !others;
}

int hm_ro_strip(const uint8_t *packet, size_t len, const struct hm_ro *ro, struct hm_wr *w)
{
	static const uint8_t padding[18] = { HM_OPT_PADN, 16 };
	struct hm_span whole = { packet, len };
	size_t start = w->len, next_at = start + HM_IP6_AT_NEXT, pad_at;
	struct hm_ip6 ip6;
	struct hm_ext_walk walk;
	struct hm_ext ext;

	if (hm_ip6_read_whole(whole, &ip6, &whole))
		return HM_EMALFORMED;
	walk = hm_ext_walk(whole, ip6.next);
	ip6.src = ro->has_home ? ro->home : ip6.src;
	ip6.dst = ro->has_routing ? ro->routing : ip6.dst;
	hm_ip6_write(w, &ip6);
	while (hm_ext_next(&walk, &ext)) {
		if (goes(&ext, ro, &pad_at))
			continue;
		hm_wr_patch(w, next_at, &ext.type, 1);
		next_at = w->len;
		hm_wr_bytes(w, whole.p + ext.at, ext.len);
		if (pad_at > 0)
			hm_wr_patch(w, next_at + pad_at - ext.at, padding, sizeof padding);
	}
	if (walk.rest.bad)
		return HM_EMALFORMED;
	hm_wr_patch(w, next_at, &walk.next, 1);
	hm_wr_bytes(w, walk.rest.p, walk.rest.left);
	return hm_ip6_end(w, start);
}
