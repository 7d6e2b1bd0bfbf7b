#include "host/settings_load.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool hm_load_private(struct hm_load *load, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return hm_load_error(load, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return hm_load_error(load, "%s is not a file", path);
	if (st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
		return hm_load_error(
		        load, "%s holds a secret and is open to others (mode %04o): chmod 600 it",
		        path, st.st_mode & 07777);
	return true;
}

/* Copies what is in bytes to locked memory. */
static bool keep(struct hm_load *load, struct hm_key_setting *key, const uint8_t *bytes, size_t len)
{
	if (key->secret)
		return hm_load_error(load, "the key has a secret already");
	if (len < HM_SECRET_MIN || len > HM_SECRET_MAX)
		return hm_load_error(load, "a secret has %d to %d octets, this one %zu",
		                     HM_SECRET_MIN, HM_SECRET_MAX, len);
	key->secret = hm_load_secret_room(load);
	if (!key->secret)
		return hm_load_error(load, "out of locked memory");
	memcpy(key->secret, bytes, len);
	key->secret_len = len;
	return true;
}

/* Two digits per octet and nothing else. */
static bool from_hex(const char *text, size_t text_len, uint8_t *bytes, size_t cap, size_t *ret_len)
{
	const char *end;

	return text_len > 0 &&
	       sodium_hex2bin(bytes, cap, text, text_len, NULL, ret_len, &end) == 0 &&
	       end == text + text_len;
}

bool hm_read_secret(struct hm_load *load, const struct hm_setting *setting, const char *text,
                    void *base)
{
	uint8_t bytes[HM_SECRET_MAX];
	size_t len;
	bool ok;

	(void)setting;
	load->secret_line = load->line;
	if (strlen(text) > 2 * sizeof bytes)
		return hm_load_error(load, "longer than %d octets", HM_SECRET_MAX);
	ok = from_hex(text, strlen(text), bytes, sizeof bytes, &len);
	if (!ok)
		hm_load_error(load, "not hexadecimal: two digits per octet are needed");
	ok = ok && keep(load, base, bytes, len);
	sodium_memzero(bytes, sizeof bytes);
	return ok;
}

/* PATH, or relative to the directory of the configuration file. */
static bool beside(struct hm_load *load, const char *path, char *ret_path, size_t len)
{
	const char *slash = strrchr(load->file, '/');
	int dir = path[0] == '/' || !slash ? 0 : (int)(slash - load->file) + 1;

	if ((size_t)snprintf(ret_path, len, "%.*s%s", dir, load->file, path) >= len)
		return hm_load_error(load, "the path is too long");
	return true;
}

/* Hexadecimal text with white space behind it, else the octets as they are. */
static bool keep_file(struct hm_load *load, struct hm_key_setting *key, int fd, const char *path)
{
	uint8_t *raw = sodium_malloc(2 * HM_SECRET_MAX + 8), bytes[HM_SECRET_MAX];
	size_t text_len, len;
	ssize_t n;
	bool ok;

	if (!raw)
		return hm_load_error(load, "out of locked memory");
	n = read(fd, raw, 2 * HM_SECRET_MAX + 8);
	if (n < 0) {
		sodium_free(raw);
		return hm_load_error(load, "%s: %s", path, strerror(errno));
	}
	text_len = (size_t)n;
	while (text_len > 0 && strchr(" \t\r\n", raw[text_len - 1]) && raw[text_len - 1])
		text_len--;
	if (from_hex((const char *)raw, text_len, bytes, sizeof bytes, &len))
		ok = keep(load, key, bytes, len);
	else
		ok = keep(load, key, raw, (size_t)n);
	sodium_memzero(bytes, sizeof bytes);
	sodium_free(raw);
	return ok;
}

bool hm_read_secret_file(struct hm_load *load, const struct hm_setting *setting, const char *text,
                         void *base)
{
	char path[HM_PATH_MAX];
	bool ok;
	int fd;

	(void)setting;
	if (!beside(load, text, path, sizeof path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return hm_load_error(load, "%s: %s", path, strerror(errno));
	ok = hm_load_private(load, fd, path) && keep_file(load, base, fd, path);
	close(fd);
	return ok;
}

/* RFC 3339 in UTC: 2026-01-01T00:00:00Z. */
bool hm_read_date(struct hm_load *load, const struct hm_setting *setting, const char *text,
                  void *base)
{
	struct tm tm = { 0 }, back;
	int64_t at;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t t;

	if (!end || *end || strlen(text) != 20)
		return hm_load_error(load, "\"%s\" is no date like 2026-01-01T00:00:00Z", text);
	back = tm;
	t = timegm(&back);
	if (back.tm_mday != tm.tm_mday || back.tm_sec != tm.tm_sec)
		return hm_load_error(load, "there is no %s", text);
	at = (int64_t)t;
	if (at <= 0)
		return hm_load_error(load, "%s is before 1970", text);
	memcpy((char *)base + setting->offset, &at, sizeof at);
	return true;
}
