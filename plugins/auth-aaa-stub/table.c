#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELDS 5
#define LINE_MAX_LEN 512
#define FILE_MAX (4 << 20)
#define BLANKS " \t\r\n"

static const char *const uses[] = {
	[HM_KEY_MH_MS] = "mh-ms", [HM_KEY_MH_HA] = "mh-ha", [HM_KEY_MH_CH] = "mh-ch",
	[HM_KEY_MS_MS] = "ms-ms", [HM_KEY_MS_RA] = "ms-ra",
};

static bool read_use(const char *text, uint32_t *ret_use)
{
	for (uint32_t use = HM_KEY_MH_MS; use <= HM_KEY_MS_RA; use++) {
		if (strcmp(text, uses[use]) != 0)
			continue;
		*ret_use = use;
		return true;
	}
	return false;
}

static bool read_number(const char *text, uint32_t *ret_number)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno || *end || n > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)n;
	return true;
}

static bool read_home(const char *text, struct hm_auth_key *key)
{
	key->has_home = strcmp(text, "-") != 0;
	return !key->has_home || inet_pton(AF_INET6, text, key->home) == 1;
}

/* An address or a prefix. */
static bool read_peer(char *text, struct hm_auth_key *key)
{
	char *slash = strchr(text, '/');
	uint32_t plen = 128;

	key->has_peer = strcmp(text, "-") != 0;
	if (!key->has_peer)
		return true;
	if (slash) {
		*slash = '\0';
		if (!read_number(slash + 1, &plen) || plen > 128)
			return false;
	}
	key->peer_plen = (uint8_t)plen;
	return inet_pton(AF_INET6, text, key->peer) == 1;
}

static const char *why_not_row(struct keys *keys, char *field[FIELDS])
{
	struct hm_auth_key key = { .size = sizeof key };
	uint8_t secret[64];
	const char *end;
	bool unlocked, sound;

	if (!read_use(field[0], &key.use))
		return "no such use";
	if (!read_number(field[1], &key.spi))
		return "the SPI is no number";
	if (!read_home(field[2], &key))
		return "the home address is none";
	if (!read_peer(field[3], &key))
		return "the peer is no address or prefix";
	sound = sodium_hex2bin(secret, sizeof secret, field[4], strlen(field[4]), NULL,
	                       &key.secret_len, &end) == 0 &&
	        *end == '\0';
	key.secret = secret;
	sound = sound && keys_put(keys, &key, &unlocked) == HM_PLUGIN_OK;
	sodium_memzero(secret, sizeof secret);
	return sound ? NULL : "SPIs are 256 or more, secrets 16 to 64 octets in hexadecimal";
}

/* NULL: the line is fine, or empty. */
static const char *why_not_line(struct keys *keys, char *line)
{
	char *field[FIELDS], *rest = line;
	unsigned n = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *word; (word = strtok_r(rest, BLANKS, &rest)); n++) {
		if (n == FIELDS)
			return "more than five fields";
		field[n] = word;
	}
	if (n == 0)
		return NULL;
	return n == FIELDS ? why_not_row(keys, field) : "five fields are needed";
}

/* As for every file that holds a secret. */
static const char *why_not_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
		return "holds secrets and is open to others: chmod 600 it";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "belongs to somebody else";
	return st.st_size > FILE_MAX ? "is too large" : NULL;
}

static bool read_lines(FILE *f, struct keys *keys, const char *path, char *ret_why, size_t why_len)
{
	char line[LINE_MAX_LEN];
	const char *reason = NULL;

	for (unsigned n = 1; !reason && fgets(line, sizeof line, f); n++) {
		reason = strlen(line) == sizeof line - 1 ? "too long" : why_not_line(keys, line);
		if (reason)
			snprintf(ret_why, why_len, "%s:%u: %s", path, n, reason);
	}
	sodium_memzero(line, sizeof line);
	return !reason;
}

struct keys *table_read(const char *path, char *ret_why, size_t why_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *reason = fd < 0 ? strerror(errno) : why_not_file(fd);
	FILE *f = reason ? NULL : fdopen(fd, "r");
	struct keys *keys = f ? keys_create() : NULL;

	if (!keys)
		snprintf(ret_why, why_len, "%s: %s", path, reason ? reason : "out of memory");
	if (keys && !read_lines(f, keys, path, ret_why, why_len)) {
		keys_destroy(keys);
		keys = NULL;
	}
	if (f)
		(void)fclose(f);
	else if (fd >= 0)
		(void)close(fd);
	return keys;
}
