/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 65536
#define SHOWN_BYTES 512

static void complain_file(struct complaints *complaints, const char *path,
			  const struct place *asked_by, int error)
{
	const struct place whole = {.file = path};

	if (asked_by)
		complain(complaints, asked_by, "`%s` cannot be read: %s; mend the path or the file",
			 path, strerror(error));
	else if (error == ENOENT)
		complain(complaints, &whole, "no such file; name one with `-c FILE`");
	else
		complain(complaints, &whole,
			 "cannot be read: %s; it must be a file that root reads", strerror(error));
}

/* Not by the size that fstat says: a pipe has none. 0 or -errno. */
static int read_all(int fd, struct arena *arena, size_t limit, char **bytes, size_t *length)
{
	size_t room = READ_BYTES;
	struct stat status;
	ssize_t n;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0 &&
	    (uintmax_t)status.st_size < limit)
		room = (size_t)status.st_size + 1;
	*bytes = arena_alloc(arena, room + 1);
	*length = 0;
	while ((n = read(fd, *bytes + *length, room - *length)) != 0) {
		if (n < 0)
			return -errno;
		*length += (size_t)n;
		if (*length > limit)
			return -EFBIG;
		if (*length == room) {
			*bytes = arena_grow(arena, *bytes, room, 2 * room + 1, 1);
			room *= 2;
		}
	}
	(*bytes)[*length] = '\0';
	return 0;
}

static void skip_byte_order_mark(struct text *text)
{
	if (text->length >= 3 && memcmp(text->bytes, "\xef\xbb\xbf", 3) == 0) {
		text->bytes += 3;
		text->length -= 3;
	}
}

const struct text *text_read(struct complaints *complaints, struct arena *arena, const char *path,
			     size_t limit, const struct place *asked_by)
{
	struct text *text = arena_alloc(arena, sizeof(*text));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *bytes;
	int error;

	if (fd < 0) {
		complain_file(complaints, path, asked_by, errno);
		return NULL;
	}
	complaints_file(complaints, path);
	error = read_all(fd, arena, limit, &bytes, &text->length);
	close(fd);
	if (error != 0) {
		complain_file(complaints, path, asked_by, -error);
		return NULL;
	}
	text->path = arena_string(arena, path);
	text->bytes = bytes;
	skip_byte_order_mark(text);
	return text;
}

const struct text *text_from_memory(struct arena *arena, const char *path, const char *bytes,
				    size_t length)
{
	struct text *text = arena_alloc(arena, sizeof(*text));

	text->path = arena_string(arena, path);
	text->bytes = arena_string_n(arena, bytes, length);
	text->length = length;
	skip_byte_order_mark(text);
	return text;
}

struct place text_place(const struct text *text, size_t offset, unsigned int line)
{
	struct place place = {.file = text->path, .line = line, .column = 1};
	size_t begin = offset < text->length ? offset : text->length;

	while (begin > 0 && text->bytes[begin - 1] != '\n')
		begin--;
	for (size_t i = begin; i < offset && i < text->length; i++)
		place.column += ((unsigned char)text->bytes[i] & 0xc0) != 0x80;
	place.text = text->bytes + begin;
	return place;
}

/* The length of the UTF-8 sequence at bytes (RFC 3629), 0 when it is none. */
static size_t sequence_length(const unsigned char *bytes, size_t left)
{
	static const struct {
		unsigned char first, last, second_first, second_last;
		size_t length;
	} forms[] = {
		{0x00, 0x7f, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t form = 0;

	while (form < 9 && (bytes[0] < forms[form].first || bytes[0] > forms[form].last))
		form++;
	if (form == 9 || forms[form].length > left)
		return 0;
	for (size_t i = 1; i < forms[form].length; i++) {
		unsigned char first = i == 1 ? forms[form].second_first : 0x80;
		unsigned char last = i == 1 ? forms[form].second_last : 0xbf;

		if (bytes[i] < first || bytes[i] > last)
			return 0;
	}
	return forms[form].length;
}

static void complain_byte(struct complaints *complaints, const struct text *text, size_t offset,
			  unsigned int line)
{
	struct place place = text_place(text, offset, line);
	size_t before = (size_t)(text->bytes + offset - place.text);
	char shown[SHOWN_BYTES];

	/* What is no text is not repeated. */
	snprintf(shown, sizeof(shown), "%.*s?", (int)before, place.text);
	place.text = before < sizeof(shown) - 1 ? shown : NULL;
	complain(complaints, &place, "byte 0x%02x is no text; save the file as UTF-8",
		 (unsigned char)text->bytes[offset]);
}

bool text_check(struct complaints *complaints, const struct text *text)
{
	const unsigned char *bytes = (const unsigned char *)text->bytes;
	unsigned int line = 1;
	size_t length;

	for (size_t i = 0; i < text->length; i += length) {
		length = sequence_length(bytes + i, text->length - i);
		if (length == 0 || bytes[i] == 0x7f ||
		    (bytes[i] < 0x20 && !memchr("\t\r\n", bytes[i], 3))) {
			complain_byte(complaints, text, i, line);
			return false;
		}
		line += bytes[i] == '\n';
	}
	return true;
}
