/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Untrusted bytes → text that is valid UTF-8, safe to show on a terminal, and from which the bytes
 * can be had back: what is not printable, and what could mislead a reader (zero width, right to
 * left), becomes \xHH, a byte each. Pure.
 */
#ifndef CUTOFFD_ESCAPE_H
#define CUTOFFD_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that the text of length bytes takes at most, with its NUL. */
#define ESCAPE_SIZE(length) (4 * (length) + 1)

enum escape_backslash {
	ESCAPE_BACKSLASH, /* a backslash is \x5c, so that every \xHH is ours */
	KEEP_BACKSLASH,	  /* sentences, and names that are in RFC 4343's \DDD form already */
};

/* out has room for ESCAPE_SIZE(length). Returns the length of the text. */
size_t escape_text(const char *bytes, size_t length, enum escape_backslash backslash, char *out);

#endif
