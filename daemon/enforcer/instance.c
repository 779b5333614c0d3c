/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/channel.h"

#define LOCK "cutoffd.lock"
#define DISARMED "disarmed"
#define BACKLOG 16

static int path_in(char path[PATH_MAX], const char *directory, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", directory, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Whoever may write there could put a lock, a socket or a state of his own in our place. */
static int check_directory(const char *path, const char *key, char error[INSTANCE_ERROR])
{
	struct stat status;

	if (stat(path, &status) != 0) {
		int failure = -errno;

		snprintf(error, INSTANCE_ERROR, "%s: %s", path, strerror(-failure));
		return failure;
	}
	if (!S_ISDIR(status.st_mode))
		snprintf(error, INSTANCE_ERROR, "%s: not a directory; name one by `%s:`", path,
			 key);
	else if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
		snprintf(error, INSTANCE_ERROR,
			 "%s: others may write there; give it to root, mode 0755, or name another "
			 "by "
			 "`%s:`",
			 path, key);
	else
		return 0;
	return -EPERM;
}

/* The directory itself, not those above it: a mistyped path is better refused than made. */
static int make_directory(const char *path, const char *key, char error[INSTANCE_ERROR])
{
	int r;

	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return check_directory(path, key, error);
	r = -errno;
	snprintf(error, INSTANCE_ERROR,
		 "%s: the directory cannot be made: %s; make it, or name another by `%s:`", path,
		 strerror(-r), key);
	return r;
}

static int open_lock(const char *runtime, int flags)
{
	char path[PATH_MAX];
	int r = path_in(path, runtime, LOCK);

	if (r != 0)
		return r;
	r = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	return r < 0 ? -errno : r;
}

int instance_take(const char *runtime, const char *state, char error[INSTANCE_ERROR])
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd, r = make_directory(runtime, "runtime", error);

	if (r == 0)
		r = make_directory(state, "state", error);
	if (r != 0)
		return r;
	fd = open_lock(runtime, O_RDWR | O_CREAT);
	if (fd < 0) {
		snprintf(error, INSTANCE_ERROR, "%s/" LOCK ": %s", runtime, strerror(-fd));
		return fd;
	}
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0; /* the descriptor stays open: closing it would give the lock up */
	close(fd);
	snprintf(error, INSTANCE_ERROR,
		 "another cutoffd (process %d) runs with runtime directory %s; stop it first, or "
		 "name another directory by `runtime:`",
		 (int)instance_holder(runtime), runtime);
	return -EBUSY;
}

pid_t instance_holder(const char *runtime)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open_lock(runtime, O_RDWR);
	pid_t holder = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		holder = lock.l_pid;
	close(fd);
	return holder;
}

static int listen_at(const struct sockaddr_un *address)
{
	const struct group *group = getgrnam("cutoffd");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return -errno;
	mask = umask(0117); /* never open to others, not even for a moment */
	r = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (r == 0 && group)
		r = chown(address->sun_path, 0, group->gr_gid);
	if (r == 0)
		r = listen(fd, BACKLOG);
	if (r == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

int instance_control_socket(const char *runtime, char error[INSTANCE_ERROR])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[PATH_MAX];
	int fd = path_in(path, runtime, CHANNEL_CONTROL_SOCKET);

	if (fd == 0 && strlen(path) >= sizeof(address.sun_path))
		fd = -ENAMETOOLONG;
	if (fd == 0) {
		memcpy(address.sun_path, path, strlen(path));
		unlink(path); /* we hold the lock: whose it was is gone */
		fd = listen_at(&address);
	}
	if (fd < 0)
		snprintf(error, INSTANCE_ERROR, "%s/" CHANNEL_CONTROL_SOCKET ": %s", runtime,
			 strerror(-fd));
	return fd;
}

int instance_disarm(const char *state)
{
	char path[PATH_MAX];
	int fd, r = path_in(path, state, DISARMED);

	if (r != 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

int instance_arm(const char *state)
{
	char path[PATH_MAX];
	int r = path_in(path, state, DISARMED);

	if (r == 0 && unlink(path) != 0 && errno != ENOENT)
		r = -errno;
	return r;
}

bool instance_is_disarmed(const char *state)
{
	char path[PATH_MAX];

	return path_in(path, state, DISARMED) == 0 && access(path, F_OK) == 0;
}
