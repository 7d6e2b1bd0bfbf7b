/* Addresses in tests are written as text; a typing error ends the test. */
#ifndef HM_TESTS_LIB_ADDR_H
#define HM_TESTS_LIB_ADDR_H

#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static inline struct hm_addr addr(const char *text)
{
	struct hm_addr a;

	if (inet_pton(AF_INET6, text, a.b) != 1) {
		fprintf(stderr, "test error: %s is no IPv6 address\n", text);
		abort();
	}
	return a;
}

#endif
