/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: pattern, newline, pattern, …, and after an empty line a name of any bytes. What a
 * catalogue of these patterns finds must be one of them, and must match by itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classifiers/catalogue.h"
#include "classifiers/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static size_t fold(char *to, const char *name, size_t length)
{
	if (length > 0 && name[length - 1] == '.')
		length--;
	for (size_t i = 0; i < length; i++)
		to[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	return length;
}

static void check_name(const struct catalogue *catalogue, const char *name, size_t length)
{
	struct catalogue_match match;
	struct pattern pattern;
	char text[PATTERN_MAX + 1], *folded;
	size_t marker, folded_length;

	if (!catalogue_find_name(catalogue, name, length, &match))
		return;
	catalogue_indicator(catalogue, match.indicator, text, sizeof(text));
	demand(pattern_parse(text, strlen(text), &pattern) == PATTERN_OK);
	demand(strcmp(text, pattern.text) == 0);
	folded = malloc(length + 1);
	demand(folded != NULL);
	folded_length = fold(folded, name, length);
	marker = pattern_marker(pattern.scope);
	demand(pattern_matches(text + marker, pattern.length - marker, pattern.scope, folded,
			       folded_length));
	free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	struct catalogue_conflict conflict;
	struct catalogue *catalogue;
	const char *at = (const char *)data, *end = at + size, *newline;
	uint16_t service;
	int fd;

	demand(builder &&
	       catalogue_add_service(builder, "v", "s", 16, false, &service) == CATALOGUE_OK);
	while (at < end && *at != '\n') {
		newline = memchr(at, '\n', (size_t)(end - at));
		newline = newline ? newline : end;
		catalogue_add_name(builder, service, at, (size_t)(newline - at), 0, &conflict);
		at = newline < end ? newline + 1 : end;
	}
	fd = catalogue_seal(builder);
	demand(fd >= 0);
	catalogue = catalogue_map(fd);
	demand(catalogue != NULL);
	if (at < end)
		check_name(catalogue, at + 1, (size_t)(end - at - 1));
	catalogue_free(catalogue);
	close(fd);
	catalogue_builder_free(builder);
	return 0;
}
