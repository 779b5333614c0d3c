/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form of the catalogue's block: a header and sections, found by offset, so that it is good
 * at whatever address it is mapped. Written by catalogue_seal.c, read by catalogue.c and
 * catalogue_find.c, and by nobody else.
 *
 * Literal patterns stand in a table of buckets, keyed by the hash of their body; a lookup asks it
 * once for each suffix of the name. A bucket holds its records with their text, so that a name
 * found costs one place of far memory, and a small filter, so that most others cost none. Patterns
 * with wildcards inside a label ("globs") hang on their longest literal suffix, their anchor, which
 * stands in the same table; below an anchor they form a radix tree over their text from right to
 * left. Prefixes are flattened into disjoint ranges.
 */
#ifndef CUTOFFD_CATALOGUE_FORMAT_H
#define CUTOFFD_CATALOGUE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/pattern.h"
#include "classifiers/siphash.h"

#define CATALOGUE_MAGIC UINT64_C(0x31676f6c61746163) /* "catalog1" */
#define CATALOGUE_VERSION 1
#define CATALOGUE_NONE UINT32_MAX

enum catalogue_section_kind {
	SECTION_TEXT,
	SECTION_SERVICES,
	SECTION_BUCKETS,
	SECTION_RECORDS,
	SECTION_ANCHORS,
	SECTION_GLOBS,
	SECTION_NODES,
	SECTION_PREFIXES,
	SECTION_RANGES_V4,
	SECTION_RANGES_V6,
	SECTION_PROTOCOLS,
	SECTIONS,
};

struct catalogue_section {
	uint64_t offset;
	uint64_t count; /* elements */
};

struct catalogue_header {
	uint64_t magic;
	uint32_t version;
	uint32_t labels_max;  /* the longest key in the table has so many labels */
	uint64_t size;	      /* of the whole block */
	uint32_t root_anchor; /* globs without a literal suffix, or CATALOGUE_NONE */
	uint32_t unused;
	uint64_t labels_present[2]; /* bit n: the table has keys of n labels */
	struct siphash_key key;
	struct catalogue_section sections[SECTIONS];
};

struct catalogue_text_service {
	uint32_t vendor, service; /* NUL-terminated strings in the text */
	uint16_t field;
	uint16_t permitted;
};

#define KEYS_IN_A_BUCKET 4 /* on average */

/* Its records lie from here up to the next bucket's; the last bucket is only an end. filter: three
 * bits for each key, so that one stranger in 30 gets through. */
struct catalogue_bucket {
	uint32_t records;
	uint32_t filter;
};

/* What a record is, beside enum pattern_scope. */
#define RECORD_ANCHOR 4

/* Stands in SECTION_RECORDS at any byte; its text (the pattern's body) follows, and for an anchor
 * the number of its struct catalogue_anchor. */
struct catalogue_record {
	uint8_t length;
	uint8_t kind;
	uint16_t service;
};

struct catalogue_anchor {
	uint32_t globs, globs_count;
	uint32_t node; /* the radix tree's root */
	uint32_t length;
};

struct catalogue_glob {
	uint32_t text;
	uint32_t rank; /* the smallest that matches wins */
	uint16_t service;
	uint8_t length;
	uint8_t scope;
};

/* Stands for the characters [its parent's end, end) of its globs' text, read from the anchor to
 * the left. Its children lie together, in the order of their first characters. */
struct catalogue_node {
	uint32_t glob; /* the first one below it; the globs that end at its end come first */
	uint32_t children;
	uint8_t children_count;
	uint8_t token; /* its first character */
	uint8_t end;
	uint8_t globs_count; /* how many end here: one for each scope at most */
};

struct catalogue_text_prefix {
	uint8_t bytes[16];
	uint16_t service;
	uint8_t family, length;
};

/* From start up to the next range's start. owner: a prefix, or CATALOGUE_NONE. */
struct catalogue_range_v4 {
	uint32_t start;
	uint32_t owner;
};

struct catalogue_range_v6 {
	uint64_t high, low;
	uint32_t owner;
	uint32_t unused;
};

struct catalogue_text_protocol {
	uint32_t text; /* NUL-terminated */
	uint16_t service;
	uint16_t unused;
};

/* Fills offsets and size from the counts. */
void catalogue_layout(struct catalogue_header *header);
/* Whether a header read from a block of size bytes can be followed without leaving it. */
bool catalogue_header_sane(const struct catalogue_header *header, uint64_t size);

/* The hash of a name's labels, from the last to the first. */
static inline uint64_t catalogue_hash(const struct siphash_key *key, const char *name,
				      size_t length)
{
	struct siphash state = siphash_new(key);
	size_t start;

	for (;;) {
		for (start = length; start > 0 && name[start - 1] != '.'; start--)
			;
		siphash_bytes(&state, name + start, length - start);
		if (start == 0)
			return siphash_value(&state);
		length = start - 1;
	}
}

static inline uint32_t catalogue_bucket_of(uint64_t hash, uint32_t buckets)
{
	return (uint32_t)((hash >> 32) * buckets >> 32);
}

static inline uint32_t catalogue_filter_bits(uint64_t hash)
{
	return UINT32_C(1) << (hash & 31) | UINT32_C(1) << (hash >> 5 & 31) |
	       UINT32_C(1) << (hash >> 10 & 31);
}

#endif
