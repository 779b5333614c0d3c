/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/escape.h"

#include <stdint.h>
#include <string.h>

/* Control codes and what makes a text look like another one. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{0x80, 0x9f},	  {0xad, 0xad},	    {0x200b, 0x200f}, {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
};

static bool is_hidden(uint32_t code)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

/* How many bytes the sequence that begins with this byte has (RFC 3629 §4); 0: none does. */
static size_t sequence_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* How many of the bytes are one printable character; 0: the first one is to be escaped. */
static size_t printable(const char *bytes, size_t left)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = (uint8_t)bytes[0];
	size_t length = sequence_length(first);
	uint32_t code;

	if (length == 1)
		return first >= 0x20 && first < 0x7f;
	if (length == 0 || length > left)
		return 0;
	code = first & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		uint8_t next = (uint8_t)bytes[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3fu);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return is_hidden(code) ? 0 : length;
}

size_t escape_text(const char *bytes, size_t length, enum escape_backslash backslash, char *out)
{
	static const char hex[] = "0123456789abcdef";
	char *end = out;

	for (size_t i = 0; i < length;) {
		size_t n = printable(bytes + i, length - i);

		if (n > 0 && (bytes[i] != '\\' || backslash == KEEP_BACKSLASH)) {
			memcpy(end, bytes + i, n);
			end += n;
			i += n;
			continue;
		}
		*end++ = '\\';
		*end++ = 'x';
		*end++ = hex[(uint8_t)bytes[i] >> 4];
		*end++ = hex[(uint8_t)bytes[i] & 15];
		i++;
	}
	*end = '\0';
	return (size_t)(end - out);
}
