/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mapped catalogue, for the files that read it: catalogue.c maps and answers for addresses and
 * protocols, catalogue_find.c for names, catalogue_walk.c for names below an anchor.
 */
#ifndef CUTOFFD_CATALOGUE_READ_H
#define CUTOFFD_CATALOGUE_READ_H

#include "classifiers/catalogue.h"
#include "classifiers/catalogue_format.h"

struct catalogue {
	const struct catalogue_header *header;
	const char *text;
	const struct catalogue_text_service *services;
	const struct catalogue_bucket *buckets;
	const uint8_t *records;
	const struct catalogue_anchor *anchors;
	const struct catalogue_glob *globs;
	const struct catalogue_node *nodes;
	const struct catalogue_text_prefix *prefixes;
	const struct catalogue_range_v4 *ranges_v4;
	const struct catalogue_range_v6 *ranges_v6;
	const struct catalogue_text_protocol *protocols;
};

static inline uint32_t catalogue_count(const struct catalogue *catalogue,
				       enum catalogue_section_kind kind)
{
	return (uint32_t)catalogue->header->sections[kind].count;
}

/* The best glob below an anchor for a name in lower case, or CATALOGUE_NONE. rest: the length of
 * what stands left of the anchor and its dot. cut: the name goes on to the left of its bytes. */
uint32_t catalogue_walk(const struct catalogue *catalogue, const struct catalogue_anchor *anchor,
			const char *name, size_t length, size_t rest, bool cut);

#endif
