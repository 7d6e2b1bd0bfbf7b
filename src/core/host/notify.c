#include "host/notify.h"
#include "base/err.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int hm_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;
	ssize_t n;
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return HM_ENOTFOUND;
	if (strlen(path) >= sizeof to.sun_path)
		return HM_ETOOBIG;
	memcpy(to.sun_path, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return HM_EIO;
	n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	close(fd);
	return n < 0 ? HM_EIO : HM_OK;
}
