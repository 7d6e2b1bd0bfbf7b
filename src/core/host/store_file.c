#include "host/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "hmipd.lock"
#define DB_NAME "hmipd.db"

static int join(const char *dir, const char *name, char ret_path[HM_PATH_MAX], char *ret_why,
                size_t why_len)
{
	int n = snprintf(ret_path, HM_PATH_MAX, "%s/%s", dir, name);

	if (n > 0 && n < HM_PATH_MAX)
		return HM_OK;
	snprintf(ret_why, why_len, "%s: the name is too long", dir);
	return HM_ESTORE;
}

static int fail(const char *path, const char *what, char *ret_why, size_t why_len)
{
	snprintf(ret_why, why_len, "%s: %s: %s", path, what, strerror(errno));
	return HM_ESTORE;
}

static int name_the_holder(int fd, const char *path, char *ret_why, size_t why_len)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	snprintf(ret_why, why_len, "%s: another hmipd uses this state directory (process %ld)",
	         path, n > 0 ? atol(pid) : 0);
	return HM_EBUSY;
}

/* The lock is the open file's: it goes with the process, however that ends. */
int hm_store_lock(const char *state_dir, int *ret_fd, char *ret_why, size_t why_len)
{
	char path[HM_PATH_MAX], pid[24];
	int err = join(state_dir, LOCK_NAME, path, ret_why, why_len), fd, n;

	if (err)
		return err;
	if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
		return fail(state_dir, "cannot make the state directory", ret_why, why_len);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(path, "cannot open", ret_why, why_len);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err = errno == EWOULDBLOCK ? name_the_holder(fd, path, ret_why, why_len)
		                           : fail(path, "cannot lock", ret_why, why_len);
		close(fd);
		return err;
	}
	/* Whose it is helps people only; a disk that is full must not keep a daemon from starting.
	 */
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) != n)
		(void)ftruncate(fd, 0);
	*ret_fd = fd;
	return HM_OK;
}

/* Nobody but the owner may read it: keys are in it (contract: configuration). */
static int check_mode(const char *path, const struct stat *st, char *ret_why, size_t why_len)
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(ret_why, why_len, "%s: is not a regular file", path);
		return HM_ESTORE;
	}
	if ((st->st_mode & 077) == 0)
		return HM_OK;
	snprintf(ret_why, why_len,
	         "%s: mode %04o lets others in, and it holds secrets (chmod 600 it)", path,
	         (unsigned)st->st_mode & 07777);
	return HM_ECONFIG;
}

static int check_beside(const char *db_path, const char *suffix, char *ret_why, size_t why_len)
{
	char path[HM_PATH_MAX];
	struct stat st;
	int err = HM_OK, n = snprintf(path, sizeof path, "%s%s", db_path, suffix);

	if (n < 0 || n >= (int)sizeof path) {
		snprintf(ret_why, why_len, "%s: the name is too long", db_path);
		return HM_ESTORE;
	}
	if (lstat(path, &st) == 0)
		err = check_mode(path, &st, ret_why, why_len);
	return err;
}

static void sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* Makes the file before SQLite does, which would give it 0644; -wal and -shm take its mode. */
int hm_store_file(const char *state_dir, char ret_path[HM_PATH_MAX], char *ret_why, size_t why_len)
{
	struct stat st;
	int err = join(state_dir, DB_NAME, ret_path, ret_why, why_len), fd;

	if (err)
		return err;
	fd = open(ret_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return fail(ret_path, "cannot open for reading and writing", ret_why, why_len);
	err = fstat(fd, &st) == 0 ? check_mode(ret_path, &st, ret_why, why_len)
	                          : fail(ret_path, "cannot examine", ret_why, why_len);
	/* Before SQLite has it open: closing any descriptor of a file drops SQLite's locks on it.
	 */
	close(fd);
	if (!err && st.st_size == 0)
		sync_dir(state_dir);
	if (!err)
		err = check_beside(ret_path, "-wal", ret_why, why_len);
	if (!err)
		err = check_beside(ret_path, "-shm", ret_why, why_len);
	return err;
}
