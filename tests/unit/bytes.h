/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the extractors share: bytes written as hex, findings written as text, and
 * prefixes in memory of exactly their length, so that a sanitizer sees every byte read too far.
 */
#ifndef CUTOFFD_TESTS_BYTES_H
#define CUTOFFD_TESTS_BYTES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/classifier.h"

#define NAMES_TEXT (2 * FINDING_TEXT)

/* Blanks in hex are skipped. Returns the number of bytes. */
static inline size_t bytes_from_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		if (n == size || sscanf(hex, "%2hhx", &out[n++]) != 1)
			abort();
		hex++;
	}
	return n;
}

/* To be freed. */
static inline uint8_t *bytes_copy(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);

	if (!copy)
		abort();
	if (length > 0)
		memcpy(copy, bytes, length);
	return copy;
}

/* "kind:name kind:name", in their order. Returns text. */
static inline const char *names_text(const struct finding *finding, char text[NAMES_TEXT])
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < finding->names_count; i++) {
		size_t length;
		const char *name = finding_name(finding, i, &length);

		n += (size_t)snprintf(text + n, NAMES_TEXT - n, "%s%s:%.*s", i > 0 ? " " : "",
				      evidence_kind_name(finding->names[i].kind), (int)length,
				      name);
	}
	return text;
}

/* Numbers that look random, the same in each run. */
static inline uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
