#include "wire/haad.h"

enum hm_drop hm_haad_read(struct hm_rd body, struct hm_packet *packet)
{
	struct hm_haad haad = { .id = hm_rd_u16(&body) };

	hm_rd_skip(&body, 2);
	while (packet->kind == HM_MSG_HAAD_REPLY && !body.bad && body.left > 0) {
		struct hm_addr agent = hm_rd_addr(&body);

		if (!body.bad && hm_addr_is_global(&agent) && haad.n_agents < HM_HAAD_AGENTS_MAX)
			haad.agents[haad.n_agents++] = agent;
	}
	if (body.bad)
		return HM_DROP_TRUNCATED;
	packet->haad = haad;
	return HM_DROP_NONE;
}

void hm_haad_write(struct hm_wr *w, const struct hm_packet *packet)
{
	const struct hm_haad *haad = &packet->haad;

	hm_wr_u16(w, haad->id);
	hm_wr_u16(w, 0);
	for (unsigned i = 0; packet->kind == HM_MSG_HAAD_REPLY && i < haad->n_agents; i++)
		hm_wr_addr(w, &haad->agents[i]);
}
