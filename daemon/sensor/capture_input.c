/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sensor/capture_source.h"

/* So much is read at a time, so that the bytes are still in the processor's cache when decoded. */
#define INPUT_CHUNK (128u << 10)

struct capture_input {
	int fd;
	int error;
	bool ended;	   /* read(2) said so */
	size_t start, end; /* of the bytes in buffer that were not taken yet */
	uint64_t position; /* of start, in the file */
	uint64_t size;
	uint8_t *buffer;
	size_t room;
};

static uint64_t size_of_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return 0;
	return (uint64_t)st.st_size;
}

struct capture_input *capture_input_new(int fd)
{
	struct capture_input *input = calloc(1, sizeof(*input));

	if (!input) {
		close(fd);
		return NULL;
	}
	input->fd = fd;
	input->size = size_of_file(fd);
	return input;
}

void capture_input_free(struct capture_input *input)
{
	if (!input)
		return;
	close(input->fd);
	free(input->buffer);
	free(input);
}

/* Two chunks are enough but for rare records. */
static bool make_room(struct capture_input *input, size_t length)
{
	size_t room = length > 2 * INPUT_CHUNK ? CAPTURE_RECORD_MAX : 2 * INPUT_CHUNK;
	uint8_t *larger;

	if (length <= input->room)
		return true;
	larger = realloc(input->buffer, room);
	if (!larger) {
		input->error = -ENOMEM;
		return false;
	}
	input->buffer = larger;
	input->room = room;
	return true;
}

static bool read_some(struct capture_input *input, size_t length)
{
	size_t room = input->room - input->end;
	size_t want = length > INPUT_CHUNK ? length : INPUT_CHUNK;
	ssize_t n;

	do
		n = read(input->fd, input->buffer + input->end, want < room ? want : room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		input->error = -errno;
	if (n <= 0) {
		input->ended = true;
		return false;
	}
	input->end += (size_t)n;
	return true;
}

const uint8_t *capture_input_peek(struct capture_input *input, size_t length)
{
	if (length > CAPTURE_RECORD_MAX || !make_room(input, length))
		return NULL;
	if (input->end - input->start < length) {
		memmove(input->buffer, input->buffer + input->start, input->end - input->start);
		input->end -= input->start;
		input->start = 0;
	}
	while (input->end - input->start < length) {
		if (input->ended || !read_some(input, length - (input->end - input->start)))
			return NULL;
	}
	return input->buffer + input->start;
}

const uint8_t *capture_input_take(struct capture_input *input, size_t length)
{
	const uint8_t *bytes = capture_input_peek(input, length);

	if (bytes) {
		input->start += length;
		input->position += length;
	}
	return bytes;
}

bool capture_input_skip(struct capture_input *input, uint64_t length)
{
	while (length > 0) {
		size_t step = length < INPUT_CHUNK ? (size_t)length : INPUT_CHUNK;

		if (!capture_input_take(input, step))
			return false;
		length -= step;
	}
	return true;
}

bool capture_input_ended(struct capture_input *input)
{
	return !capture_input_peek(input, 1);
}

int capture_input_error(const struct capture_input *input)
{
	return input->error;
}

uint64_t capture_input_position(const struct capture_input *input)
{
	return input->position;
}

uint64_t capture_input_size(const struct capture_input *input)
{
	return input->size;
}

uint16_t capture_u16(struct cursor *cursor, bool little)
{
	uint16_t value = cursor_u16(cursor);

	return little ? __builtin_bswap16(value) : value;
}

uint32_t capture_u32(struct cursor *cursor, bool little)
{
	uint32_t value = cursor_u32(cursor);

	return little ? __builtin_bswap32(value) : value;
}
