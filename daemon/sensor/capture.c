/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sensor/capture_source.h"

static const struct capture_kind *const file_kinds[] = {&capture_savefile, &capture_pcapng};

int capture_fail(struct capture *capture, int error, const char *format, ...)
{
	size_t size = sizeof(capture->error);
	va_list args;
	int n;

	/* A path may be longer than the text; what went wrong must not be pushed out by it. */
	n = snprintf(capture->error, size, "%.255s: ", capture->name);
	va_start(args, format);
	vsnprintf(capture->error + n, size - (size_t)n, format, args);
	va_end(args);
	return error;
}

int capture_cut(struct capture *capture, const char *what)
{
	int error = capture_input_error(capture->input);
	unsigned long long at = capture_input_position(capture->input);

	if (error < 0)
		return capture_fail(capture, error, "cannot be read on from byte %llu: %s", at,
				    strerror(-error));
	return capture_fail(capture, -EBADMSG, "cut short inside %s at byte %llu", what, at);
}

struct capture *capture_new(const struct capture_kind *kind, const char *name)
{
	struct capture *capture = calloc(1, kind->size);

	if (!capture)
		return NULL;
	capture->kind = kind;
	capture->name = strdup(name);
	if (!capture->name) {
		capture_free(capture);
		return NULL;
	}
	return capture;
}

/* What the file is. NULL: why not stands in error. */
static const struct capture_kind *recognise(struct capture_input *input, const char *name,
					    char error[CAPTURE_ERROR])
{
	const uint8_t *magic = capture_input_peek(input, 4);
	const char *what = "not a pcap or pcapng file; `editcap -F pcapng` converts others";

	if (!magic)
		what = "empty, or too short to be a capture file";
	if (capture_input_error(input))
		what = strerror(-capture_input_error(input));
	for (size_t i = 0; magic && i < sizeof(file_kinds) / sizeof(file_kinds[0]); i++) {
		if (file_kinds[i]->recognise(magic))
			return file_kinds[i];
	}
	if (magic && magic[0] == 0x1f && magic[1] == 0x8b)
		what = "compressed by gzip; give it through `zcat FILE |`, and - as its name";
	snprintf(error, CAPTURE_ERROR, "%.255s: %s", name, what);
	return NULL;
}

struct capture *capture_open_fd(int fd, const char *name, char error[CAPTURE_ERROR])
{
	struct capture_input *input = capture_input_new(fd);
	const struct capture_kind *kind;
	struct capture *capture = NULL;

	snprintf(error, CAPTURE_ERROR, "%.255s: out of memory", name);
	kind = input ? recognise(input, name, error) : NULL;
	if (kind)
		capture = capture_new(kind, name);
	if (!capture) {
		capture_input_free(input);
		return NULL;
	}
	capture->input = input;
	if (kind->start(capture) < 0) {
		memcpy(error, capture->error, CAPTURE_ERROR);
		capture_free(capture);
		return NULL;
	}
	return capture;
}

struct capture *capture_open_file(const char *path, char error[CAPTURE_ERROR])
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
			  : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		snprintf(error, CAPTURE_ERROR, "%.255s: cannot be opened: %s", name,
			 strerror(errno));
		return NULL;
	}
	return capture_open_fd(fd, name, error);
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	if (capture->kind && capture->kind->stop)
		capture->kind->stop(capture);
	capture_input_free(capture->input);
	free(capture->name);
	free(capture);
}

int capture_next(struct capture *capture, struct capture_packet *packet)
{
	int result;

	if (capture->failed)
		return capture->failed;
	result = capture->kind->next(capture, packet);
	if (result < 0)
		capture->failed = result;
	return result;
}

const char *capture_error(const struct capture *capture)
{
	return capture->error;
}

int capture_fd(const struct capture *capture)
{
	return capture->kind->fd ? capture->kind->fd(capture) : -1;
}

void capture_progress(const struct capture *capture, uint64_t *read, uint64_t *total)
{
	*read = capture->input ? capture_input_position(capture->input) : 0;
	*total = capture->input ? capture_input_size(capture->input) : 0;
}

uint64_t capture_dropped(struct capture *capture)
{
	return capture->kind->dropped ? capture->kind->dropped(capture) : 0;
}
