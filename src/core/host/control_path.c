#include "host/control_path.h"
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* 0: nobody listens at the address, and nothing is in the way any more. */
static int clear_stale(const struct sockaddr_un *at, char *ret_why, size_t why_len)
{
	int fd, err;
	struct stat st;

	if (lstat(at->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(ret_why, why_len, "%s is there and no socket", at->sun_path);
		return HM_EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return HM_EIO;
	err = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 ? 0 : errno;
	close(fd);
	if (err != ECONNREFUSED && err != ENOENT) {
		snprintf(ret_why, why_len, "another daemon listens at %s", at->sun_path);
		return HM_EBUSY;
	}
	unlink(at->sun_path);
	return 0;
}

/* The directory of the socket, when it alone is missing. */
static void make_dir(const char *path)
{
	char dir[sizeof((struct sockaddr_un *)NULL)->sun_path];
	char *slash;

	snprintf(dir, sizeof dir, "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	mkdir(dir, 0755); /* binding tells whether it is there */
}

int hm_control_path_clear(const char *path, char *ret_why, size_t why_len)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof at.sun_path) {
		snprintf(ret_why, why_len, "%s is too long for a socket", path);
		return HM_ECONFIG;
	}
	memcpy(at.sun_path, path, strlen(path));
	make_dir(path);
	return clear_stale(&at, ret_why, why_len);
}
