/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/recorder/event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct event_file {
	char *path;
	int fd;
	bool is_regular;
	bool torn; /* the file ends within the line with which the buffer begins */
	size_t start, length;
	struct event_file_counters counters;
	char buffer[EVENT_FILE_WAITING];
};

static uint64_t count_lines(const char *bytes, size_t length)
{
	uint64_t lines = 0;

	for (const char *end = bytes + length; (bytes = memchr(bytes, '\n', (size_t)(end - bytes)));
	     bytes++)
		lines++;
	return lines;
}

/* Where a full disk has cut the last line of an earlier run, the next one begins on its own. */
static void end_old_line(int fd, off_t size)
{
	char last;

	if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n' &&
	    write(fd, "\n", 1) != 1)
		return; /* still full: the next line ends it */
}

static int open_path(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			  0640);
	return fd < 0 ? -errno : fd;
}

static int use_descriptor(struct event_file *file, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	if (file->fd >= 0)
		close(file->fd);
	file->fd = fd;
	file->is_regular = S_ISREG(status.st_mode);
	if (file->is_regular)
		end_old_line(fd, status.st_size);
	return 0;
}

int event_file_open(struct event_file **out, const char *path)
{
	struct event_file *file = malloc(sizeof(*file));
	int error = -ENOMEM, fd;

	*out = NULL;
	if (!file)
		return -ENOMEM;
	memset(file, 0, offsetof(struct event_file, buffer));
	file->fd = -1;
	file->path = strdup(path);
	if (!file->path)
		goto out;
	error = fd = open_path(path);
	if (fd >= 0)
		error = use_descriptor(file, fd);
	if (error < 0)
		goto out;
	*out = file;
	return 0;
out:
	event_file_close(file);
	return error;
}

void event_file_close(struct event_file *file)
{
	if (!file)
		return;
	if (file->fd >= 0) {
		event_file_flush(file);
		close(file->fd);
	}
	free(file->path);
	free(file);
}

/* A pipe or terminal takes so much without a wait when it is writable; the descriptor itself is
 * shared with others and stays as it is. */
static ssize_t write_some(struct event_file *file)
{
	struct pollfd ready = {.fd = file->fd, .events = POLLOUT};
	size_t length = file->length;

	if (!file->is_regular) {
		if (poll(&ready, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		length = length < PIPE_BUF ? length : PIPE_BUF;
	}
	return write(file->fd, file->buffer + file->start, length);
}

static void drop_front(struct event_file *file, size_t length)
{
	file->length -= length;
	file->start = file->length > 0 ? file->start + length : 0;
}

bool event_file_flush(struct event_file *file)
{
	while (file->length > 0) {
		ssize_t n = write_some(file);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			file->counters.error = n < 0 ? errno : EIO;
			return false;
		}
		file->counters.error = 0;
		file->counters.written += count_lines(file->buffer + file->start, (size_t)n);
		file->torn = file->buffer[file->start + (size_t)n - 1] != '\n';
		drop_front(file, (size_t)n);
	}
	return true;
}

void event_file_write(struct event_file *file, const char *line, size_t length)
{
	if (length > sizeof(file->buffer) - file->length) {
		file->counters.lost++;
		return;
	}
	if (length > sizeof(file->buffer) - file->start - file->length) {
		memmove(file->buffer, file->buffer + file->start, file->length);
		file->start = 0;
	}
	memcpy(file->buffer + file->start + file->length, line, length);
	file->length += length;
	/* while the file takes nothing, the timer tries again, not each line */
	if (file->length >= EVENT_FILE_FLUSH && file->counters.error == 0)
		event_file_flush(file);
}

void event_file_give_up(struct event_file *file)
{
	if (event_file_flush(file))
		return;
	file->counters.lost += count_lines(file->buffer + file->start, file->length);
	file->start = file->length = 0;
}

/* The rest of a line whose beginning is in the old file means nothing in the new one. */
static void drop_torn_line(struct event_file *file)
{
	const char *start = file->buffer + file->start;
	const char *end = memchr(start, '\n', file->length);

	if (!file->torn || !end)
		return;
	drop_front(file, (size_t)(end - start) + 1);
	file->counters.lost++;
	file->torn = false;
}

int event_file_reopen(struct event_file *file)
{
	int fd;

	event_file_flush(file);
	if (strcmp(file->path, "-") == 0)
		return 0;
	fd = open_path(file->path);
	if (fd < 0)
		return fd;
	drop_torn_line(file);
	return use_descriptor(file, fd);
}

struct event_file_counters event_file_counters(const struct event_file *file)
{
	struct event_file_counters counters = file->counters;

	counters.waiting = count_lines(file->buffer + file->start, file->length);
	return counters;
}
