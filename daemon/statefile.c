/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM_HEX 64

_Static_assert(STATEFILE_SUM == sizeof("sum ") - 1 + SUM_HEX + 1, "the form of the last line");

void statefile_sum(const char *text, size_t length, char line[STATEFILE_SUM + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	int n = snprintf(line, STATEFILE_SUM, "sum ");

	if (!EVP_Digest(text, length, hash, &size, EVP_sha256(), NULL) || size * 2 != SUM_HEX)
		abort(); /* a libcrypto without SHA-256 */
	for (unsigned int i = 0; i < size; i++)
		n += snprintf(line + n, 3, "%02x", hash[i]);
	snprintf(line + n, 2, "\n");
}

bool statefile_sum_right(const char *text, size_t length)
{
	char line[STATEFILE_SUM + 1];

	if (length < STATEFILE_SUM)
		return false;
	statefile_sum(text, length - STATEFILE_SUM, line);
	return memcmp(text + length - STATEFILE_SUM, line, STATEFILE_SUM) == 0;
}

static int read_open(int fd, size_t max, char **text, size_t *length)
{
	struct stat status;
	ssize_t n = 0;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (size_t)status.st_size > max)
		return -EBADMSG;
	*text = malloc((size_t)status.st_size + 1);
	if (!*text)
		return -ENOMEM;
	for (*length = 0; *length < (size_t)status.st_size; *length += (size_t)n) {
		n = read(fd, *text + *length, (size_t)status.st_size - *length);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
	}
	return 0;
}

int statefile_read(const char *path, size_t max, char **text, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error;

	*text = NULL;
	*length = 0;
	if (fd < 0)
		return -errno;
	error = read_open(fd, max, text, length);
	close(fd);
	if (error) {
		free(*text);
		*text = NULL;
	}
	return error;
}

static int write_all(int fd, const char *text, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = write(fd, text + done, length - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

/* A new file whose bytes are on the disk when this comes back. */
static int write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int error;

	if (fd < 0)
		return -errno;
	error = write_all(fd, text, length);
	if (!error && (fchmod(fd, 0640) < 0 || fsync(fd) < 0))
		error = -errno;
	if (close(fd) < 0 && !error)
		error = -errno;
	return error;
}

/* Without it a rename may be undone by a loss of power. */
static int sync_folder_of(const char *path)
{
	char *copy = strdup(path);
	int fd, error = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return error;
}

int statefile_save(const char *path, const char *text, size_t length)
{
	char *fresh = NULL;
	int error;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	error = write_file(fresh, text, length);
	if (!error && rename(fresh, path) < 0)
		error = -errno;
	if (error)
		unlink(fresh);
	else
		error = sync_folder_of(path);
	free(fresh);
	return error;
}
