#include "base/text.h"

struct hm_text hm_text(char *p, size_t cap)
{
	p[0] = '\0';
	return (struct hm_text){ .p = p, .cap = cap };
}

static void put(struct hm_text *t, char c)
{
	if (t->len + 1 >= t->cap) {
		t->cut = true;
		return;
	}
	t->p[t->len++] = c;
	t->p[t->len] = '\0';
}

void hm_text_str(struct hm_text *t, const char *s)
{
	while (*s)
		put(t, *s++);
}

/* Writes the digits of v, least first, and returns how many. */
static unsigned digits_of(uint64_t v, unsigned base, char ret_digits[20])
{
	unsigned n = 0;

	do {
		ret_digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	return n;
}

void hm_text_u64(struct hm_text *t, uint64_t v)
{
	char digits[20];
	unsigned n = digits_of(v, 10, digits);

	while (n > 0)
		put(t, digits[--n]);
}

void hm_text_i64(struct hm_text *t, int64_t v)
{
	if (v < 0)
		put(t, '-');
	hm_text_u64(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void hm_text_hex(struct hm_text *t, uint64_t v, unsigned digits)
{
	char buf[20];
	unsigned n = digits_of(v, 16, buf);

	for (unsigned i = n; i < digits; i++)
		put(t, '0');
	while (n > 0)
		put(t, buf[--n]);
}

/* The longest run of two or more zero groups, the first of equals (RFC 5952 4.2). */
static unsigned longest_zero_run(const uint16_t g[8], unsigned *ret_len)
{
	unsigned best = 8, best_len = 1;

	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && g[i + n] == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
		i += n;
	}
	*ret_len = best_len;
	return best;
}

void hm_text_addr(struct hm_text *t, const struct hm_addr *a)
{
	uint16_t g[8];
	unsigned run_len, run;

	for (unsigned i = 0; i < 8; i++)
		g[i] = (uint16_t)(a->b[2 * i] << 8 | a->b[2 * i + 1]);
	run = longest_zero_run(g, &run_len);
	for (unsigned i = 0; i < 8; i++) {
		if (i == run) {
			hm_text_str(t, "::");
			i += run_len - 1;
			continue;
		}
		if (i > 0 && i != run + run_len)
			put(t, ':');
		hm_text_hex(t, g[i], 1);
	}
}

const char *hm_addr_text(const struct hm_addr *a, char ret_text[HM_ADDR_TEXT_MAX])
{
	struct hm_text t = hm_text(ret_text, HM_ADDR_TEXT_MAX);

	hm_text_addr(&t, a);
	return ret_text;
}
