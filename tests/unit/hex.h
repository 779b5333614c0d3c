/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames in test tables are hexadecimal, with blanks wherever they help the reader.
 */
#ifndef CUTOFFD_TESTS_HEX_H
#define CUTOFFD_TESTS_HEX_H

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How many bytes text stands for; at most size are written. */
static inline size_t hex_bytes(const char *text, uint8_t *bytes, size_t size)
{
	size_t count = 0;
	unsigned int byte;

	for (; *text; text++) {
		if (isspace((unsigned char)*text))
			continue;
		if (sscanf(text, "%2x", &byte) == 1 && count < size)
			bytes[count] = (uint8_t)byte;
		count++;
		text++;
	}
	return count;
}

#endif
