/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Long lists of names in plain files: one pattern a line. A `#` at a line's begin or behind a blank
 * begins a comment (elsewhere it is a digit of the pattern); blanks around a pattern and a carriage
 * return at the end are ignored. Pure; made for millions of lines.
 */
#ifndef CUTOFFD_NAMES_H
#define CUTOFFD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/settings/text.h"

struct names_cursor {
	const struct text *text;
	size_t next;	     /* the offset behind the line that was read last */
	unsigned int line;   /* of the pattern, from 1 */
	size_t offset;	     /* of the pattern */
	const char *pattern; /* not ended by a NUL */
	size_t length;
};

struct names_cursor names_begin(const struct text *text);
/* The next pattern; false at the end. */
bool names_next(struct names_cursor *cursor);

#endif
