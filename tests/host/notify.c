#include "host/notify.h"
#include "base/err.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A service manager at that path ('@': abstract) hears what hm_notify() says. */
static void expect_heard(const char *path, const char *state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char got[64] = "";

	memcpy(at.sun_path, path, strlen(path));
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (struct sockaddr *)&at,
	                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
	             0);
	setenv("NOTIFY_SOCKET", path, 1);
	cr_assert_eq(hm_notify(state), HM_OK);
	cr_assert_eq(read(fd, got, sizeof got - 1), (ssize_t)strlen(state));
	cr_assert_str_eq(got, state);
	close(fd);
}

Test(notify, the_service_manager_hears_of_it_by_path_and_in_the_abstract_namespace)
{
	char path[64];

	snprintf(path, sizeof path, "/tmp/hmipd-notify-%d", (int)getpid());
	expect_heard(path, "READY=1");
	unlink(path);
	snprintf(path, sizeof path, "@hmipd-notify-%d", (int)getpid());
	expect_heard(path, "STOPPING=1");
}

Test(notify, without_a_service_manager_nothing_is_said)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(hm_notify("READY=1"), HM_ENOTFOUND);
	setenv("NOTIFY_SOCKET", "/tmp/hmipd-notify-nobody", 1);
	cr_assert_eq(hm_notify("READY=1"), HM_EIO);
}
