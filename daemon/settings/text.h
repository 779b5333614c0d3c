/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of one settings file, read whole, and places in it. Knows no format.
 */
#ifndef CUTOFFD_TEXT_H
#define CUTOFFD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/arena.h"
#include "daemon/settings/complaint.h"

/* Open: plain values, in the arena that they were made in. */
struct text {
	const char *path;
	const char *bytes; /* a NUL behind the last, a byte order mark taken away */
	size_t length;
};

/* Reads a file of at most limit bytes. NULL after a complaint: missing (asked_by says what names
 * it, or NULL), unreadable, a directory, too long. */
const struct text *text_read(struct complaints *complaints, struct arena *arena, const char *path,
			     size_t limit, const struct place *asked_by);
/* The same over bytes that are in memory; they are copied. */
const struct text *text_from_memory(struct arena *arena, const char *path, const char *bytes,
				    size_t length);

/* Where the byte at offset stands. line: its number, counted by the caller. */
struct place text_place(const struct text *text, size_t offset, unsigned int line);

/* Whether it is UTF-8 without control characters but tabs and line ends; otherwise a complaint. */
bool text_check(struct complaints *complaints, const struct text *text);

#endif
