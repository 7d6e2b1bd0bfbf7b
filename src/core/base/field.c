#include "base/field.h"

#include "base/clock.h"

void hm_field_str(struct hm_text *t, const char *key, const char *value)
{
	hm_text_str(t, " ");
	hm_text_str(t, key);
	hm_text_str(t, "=");
	hm_text_str(t, value);
}

void hm_field_num(struct hm_text *t, const char *key, uint64_t v)
{
	hm_field_str(t, key, "");
	hm_text_u64(t, v);
}

void hm_field_addr(struct hm_text *t, const char *key, const struct hm_addr *a)
{
	hm_field_str(t, key, "");
	hm_text_addr(t, a);
}

void hm_field_hex(struct hm_text *t, const char *key, const uint8_t *p, size_t len)
{
	hm_field_str(t, key, "");
	for (size_t i = 0; i < len; i++)
		hm_text_hex(t, p[i], 2);
}

void hm_field_life(struct hm_text *t, uint32_t lifetime_s)
{
	if (lifetime_s == HM_LIFETIME_INFINITE)
		hm_field_str(t, "life", "infinite");
	else
		hm_field_num(t, "life", lifetime_s);
}

void hm_field_opt_num(struct hm_text *t, const char *key, uint64_t v)
{
	if (v != 0)
		hm_field_num(t, key, v);
}

void hm_field_opt_addr(struct hm_text *t, const char *key, const struct hm_addr *a)
{
	if (!hm_addr_is_any(a))
		hm_field_addr(t, key, a);
}

void hm_field_flag(struct hm_text *t, const char *name, bool set)
{
	if (!set)
		return;
	hm_text_str(t, " ");
	hm_text_str(t, name);
}
