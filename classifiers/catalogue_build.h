/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a catalogue's builder holds, for the files that build it: catalogue_build.c takes what is
 * added, catalogue_globs.c and catalogue_ranges.c order it, catalogue_seal.c writes the block.
 */
#ifndef CUTOFFD_CATALOGUE_BUILD_H
#define CUTOFFD_CATALOGUE_BUILD_H

#include "classifiers/catalogue.h"
#include "classifiers/catalogue_format.h"

struct built_service {
	uint32_t vendor, service; /* in text, NUL-terminated */
	uint16_t field;
	bool permitted;
};

struct built_name {
	uint64_t hash; /* of the body */
	uint32_t text; /* in patterns, canonical */
	uint32_t place;
	uint16_t service;
	uint8_t length;
	uint8_t scope; /* enum pattern_scope */
	uint8_t labels;
	bool wild;
};

struct built_prefix {
	struct prefix prefix;
	uint16_t service;
	uint32_t place;
};

struct built_protocol {
	uint32_t text; /* NUL-terminated */
	uint16_t service;
	uint32_t place;
};

/* Hash → number of an item; whoever asks compares the items. */
struct built_index {
	struct built_index_slot {
		uint32_t tag, item;
	} * slots;
	uint32_t capacity, used;
};

struct catalogue_builder {
	struct siphash_key key;
	char *text;	/* of services and protocols */
	char *patterns; /* the names' text */
	struct built_service *services;
	struct built_name *names;
	struct built_prefix *prefixes;
	struct built_protocol *protocols;
	uint32_t text_length, text_capacity;
	uint32_t patterns_length, patterns_capacity;
	uint32_t services_count, services_capacity;
	uint32_t names_count, names_capacity;
	uint32_t prefixes_count, prefixes_capacity;
	uint32_t protocols_count, protocols_capacity;
	struct built_index names_index, prefixes_index;
};

/* Room for more elements of size bytes in an array; false when memory or 32 bits are out. */
bool catalogue_reserve(void *array, uint32_t *capacity, uint32_t count, uint32_t more, size_t size);

static inline const char *built_body(const struct catalogue_builder *builder,
				     const struct built_name *name, size_t *length)
{
	size_t marker = pattern_marker((enum pattern_scope)name->scope);

	*length = name->length - marker;
	return builder->patterns + name->text + marker;
}

/* An anchor's text, in the builder's patterns. */
struct built_anchor {
	uint32_t text, length;
};

/* Globs in the order that the block wants them: by anchor, then by text from right to left. Their
 * text follows the builder's. */
struct built_globs {
	struct catalogue_glob *globs;
	struct catalogue_anchor *anchors;
	struct built_anchor *anchor_texts;
	struct catalogue_node *nodes;
	char *text;
	uint32_t text_length;
	uint32_t globs_count;
	uint32_t anchors_count, anchors_capacity, anchor_texts_capacity;
	uint32_t nodes_count, nodes_capacity;
};

bool catalogue_globs_build(const struct catalogue_builder *builder, struct built_globs *built);
void catalogue_globs_free(struct built_globs *built);

/* Disjoint ranges of one family, from address zero on; none when it has no prefix. */
struct built_range {
	unsigned __int128 start;
	uint32_t owner;
};

struct built_ranges {
	struct built_range *ranges;
	uint32_t count, capacity;
};

bool catalogue_ranges_build(const struct catalogue_builder *builder, enum family family,
			    struct built_ranges *built);
void catalogue_ranges_free(struct built_ranges *built);

#endif
