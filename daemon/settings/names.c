/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/names.h"

#include <string.h>

struct names_cursor names_begin(const struct text *text)
{
	return (struct names_cursor){.text = text};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t find_comment(const char *line, size_t length)
{
	for (const char *at = line; (at = memchr(at, '#', length - (size_t)(at - line))); at++)
		if (at == line || is_blank(at[-1]))
			return (size_t)(at - line);
	return length;
}

static bool read_line(struct names_cursor *cursor, size_t begin, size_t end)
{
	const char *bytes = cursor->text->bytes;

	while (begin < end && is_blank(bytes[begin]))
		begin++;
	end = begin + find_comment(bytes + begin, end - begin);
	while (end > begin && is_blank(bytes[end - 1]))
		end--;
	cursor->offset = begin;
	cursor->pattern = bytes + begin;
	cursor->length = end - begin;
	return end > begin;
}

bool names_next(struct names_cursor *cursor)
{
	const struct text *text = cursor->text;

	while (cursor->next < text->length) {
		size_t begin = cursor->next;
		const char *newline = memchr(text->bytes + begin, '\n', text->length - begin);
		size_t end = newline ? (size_t)(newline - text->bytes) : text->length;

		cursor->next = newline ? end + 1 : end;
		cursor->line++;
		if (read_line(cursor, begin, end))
			return true;
	}
	return false;
}
