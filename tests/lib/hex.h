/* Packets in tests are written in hexadecimal: blanks are free, `#` starts a comment. A typing
 * error ends the test. */
#ifndef HM_TESTS_LIB_HEX_H
#define HM_TESTS_LIB_HEX_H

#include "base/cursor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct hex {
	uint8_t b[4096];
	size_t len;
};

static inline int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline struct hex hex(const char *text)
{
	struct hex out = { .len = 0 };

	while (*text) {
		if (*text == '#') {
			while (*text && *text != '\n')
				text++;
			continue;
		}
		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0 || out.len == sizeof out.b) {
			fprintf(stderr, "test error: no hexadecimal at '%.16s'\n", text);
			abort();
		}
		out.b[out.len++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	return out;
}

static inline struct hm_span hex_span(const struct hex *h)
{
	return (struct hm_span){ h->b, h->len };
}

/* The octets as text, for messages; the caller prints it before the next call. */
static inline const char *hex_text(const uint8_t *p, size_t len)
{
	static char text[2 * 4096 + 4096 / 4 + 1];
	size_t at = 0;

	for (size_t i = 0; i < len && i < 4096; i++)
		at += (size_t)snprintf(&text[at], sizeof text - at, "%s%02x",
		                       i > 0 && i % 4 == 0 ? " " : "", p[i]);
	text[at] = '\0';
	return text;
}

#endif
