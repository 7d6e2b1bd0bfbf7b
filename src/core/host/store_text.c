#include "host/store_internal.h"

static const char *const binding_states[] = { "active", "forwarding" };
static const char *const registration_states[] = { "pending", "active", "refused" };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *hm_binding_state_text(enum hm_binding_state state)
{
	return (unsigned)state < COUNT(binding_states) ? binding_states[state] : NULL;
}

const char *hm_registration_state_text(enum hm_registration_state state)
{
	return (unsigned)state < COUNT(registration_states) ? registration_states[state] : NULL;
}

static int find(const char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; text && i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return (int)i;
	return -1;
}

int hm_binding_state_parse(const char *text)
{
	return find(binding_states, COUNT(binding_states), text);
}

int hm_registration_state_parse(const char *text)
{
	return find(registration_states, COUNT(registration_states), text);
}

int hm_role_parse(const char *text)
{
	for (int i = 0; text && i < HM_ROLES; i++)
		if (strcmp(hm_role_text((enum hm_role_id)i), text) == 0)
			return i;
	return -1;
}

int hm_use_parse(const char *text)
{
	for (int i = 0; text && i < HM_USES; i++)
		if (strcmp(hm_use_text((enum hm_use)i), text) == 0)
			return i;
	return -1;
}
