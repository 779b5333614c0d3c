/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prefixes → disjoint ranges: nested prefixes sorted by start and length are walked once with a
 * stack of those that are open, so a lookup is one binary search whatever the nesting.
 */
#include "classifiers/catalogue_build.h"

#include <stdlib.h>

#define NESTED_MAX 129 /* lengths 0 to 128 */

struct span {
	unsigned __int128 first, last;
	uint32_t owner;
};

struct open_spans {
	const struct span *spans[NESTED_MAX];
	unsigned int count;
};

static struct span span_of(const struct prefix *prefix, uint32_t owner)
{
	size_t size = address_size(&prefix->address);
	unsigned int host_bits = (unsigned int)size * 8 - prefix->length;
	struct span span = {.owner = owner};

	for (size_t i = 0; i < size; i++)
		span.first = span.first << 8 | prefix->address.bytes[i];
	span.last = span.first |
		    (host_bits < 128 ? ((unsigned __int128)1 << host_bits) - 1 : ~span.first);
	return span;
}

static int span_compare(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	return 0;
}

static struct span *spans_sorted(const struct catalogue_builder *builder, enum family family,
				 uint32_t *count)
{
	struct span *spans = calloc((size_t)builder->prefixes_count + 1, sizeof(*spans));
	const struct prefix *prefix;

	*count = 0;
	if (!spans)
		return NULL;
	for (uint32_t i = 0; i < builder->prefixes_count; i++) {
		prefix = &builder->prefixes[i].prefix;
		if (prefix->address.family == family)
			spans[(*count)++] = span_of(prefix, i);
	}
	qsort(spans, *count, sizeof(*spans), span_compare);
	return spans;
}

/* From start on the owner is another; a later word on the same start replaces an earlier one. */
static void range_put(struct built_ranges *built, unsigned __int128 start, uint32_t owner)
{
	if (built->count > 0 && built->ranges[built->count - 1].start == start)
		built->count--;
	built->ranges[built->count++] = (struct built_range){.start = start, .owner = owner};
}

/* Ends the innermost open span. One that reaches the family's last address has nothing behind. */
static void span_close(struct built_ranges *built, struct open_spans *open,
		       unsigned __int128 family_last)
{
	const struct span *closed = open->spans[--open->count];

	if (closed->last == family_last)
		return;
	range_put(built, closed->last + 1,
		  open->count > 0 ? open->spans[open->count - 1]->owner : CATALOGUE_NONE);
}

bool catalogue_ranges_build(const struct catalogue_builder *builder, enum family family,
			    struct built_ranges *built)
{
	unsigned __int128 family_last = family == FAMILY_V4 ? UINT32_MAX : ~(unsigned __int128)0;
	struct open_spans open = {.count = 0};
	uint32_t count;
	struct span *spans = spans_sorted(builder, family, &count);
	bool done = false;

	if (!spans || count == 0) {
		done = spans != NULL;
		goto out;
	}
	if (count >= UINT32_MAX / 2 || !catalogue_reserve(&built->ranges, &built->capacity, 0,
							  2 * count + 1, sizeof(*built->ranges)))
		goto out;
	range_put(built, 0, CATALOGUE_NONE);
	for (uint32_t i = 0; i < count; i++) {
		while (open.count > 0 && open.spans[open.count - 1]->last < spans[i].first)
			span_close(built, &open, family_last);
		range_put(built, spans[i].first, spans[i].owner);
		open.spans[open.count++] = &spans[i];
	}
	while (open.count > 0)
		span_close(built, &open, family_last);
	done = true;
out:
	free(spans);
	return done;
}

void catalogue_ranges_free(struct built_ranges *built)
{
	free(built->ranges);
}
