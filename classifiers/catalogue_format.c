/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/catalogue_format.h"

#define SECTION_ALIGNMENT 64

static const size_t element_sizes[SECTIONS] = {
	[SECTION_TEXT] = 1,
	[SECTION_SERVICES] = sizeof(struct catalogue_text_service),
	[SECTION_BUCKETS] = sizeof(struct catalogue_bucket),
	[SECTION_RECORDS] = 1,
	[SECTION_ANCHORS] = sizeof(struct catalogue_anchor),
	[SECTION_GLOBS] = sizeof(struct catalogue_glob),
	[SECTION_NODES] = sizeof(struct catalogue_node),
	[SECTION_PREFIXES] = sizeof(struct catalogue_text_prefix),
	[SECTION_RANGES_V4] = sizeof(struct catalogue_range_v4),
	[SECTION_RANGES_V6] = sizeof(struct catalogue_range_v6),
	[SECTION_PROTOCOLS] = sizeof(struct catalogue_text_protocol),
};

static uint64_t align(uint64_t offset)
{
	return (offset + SECTION_ALIGNMENT - 1) / SECTION_ALIGNMENT * SECTION_ALIGNMENT;
}

void catalogue_layout(struct catalogue_header *header)
{
	uint64_t offset = align(sizeof(*header));

	for (int i = 0; i < SECTIONS; i++) {
		header->sections[i].offset = offset;
		offset = align(offset + header->sections[i].count * element_sizes[i]);
	}
	header->size = offset;
}

bool catalogue_header_sane(const struct catalogue_header *header, uint64_t size)
{
	struct catalogue_header expected = *header;

	if (header->magic != CATALOGUE_MAGIC || header->size != size)
		return false;
	for (int i = 0; i < SECTIONS; i++)
		if (header->sections[i].count > UINT32_MAX)
			return false;
	catalogue_layout(&expected);
	for (int i = 0; i < SECTIONS; i++)
		if (header->sections[i].offset != expected.sections[i].offset)
			return false;
	return expected.size == size;
}
