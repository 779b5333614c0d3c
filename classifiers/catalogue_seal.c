/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/catalogue_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3, <linux/memfd.h> */
#endif

/* Slots for each key: 5/3 make 20 bytes a key, and short walks on a miss. */
#define SLOTS_OF(keys) ((keys) + (keys)*2 / 3 + 1)

struct sealing {
	const struct catalogue_builder *builder;
	struct built_globs globs;
	struct built_ranges ranges_v4, ranges_v6;
	struct catalogue_header header;
	uint8_t *block;
};

static uint32_t literals_count(const struct catalogue_builder *builder)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < builder->names_count; i++)
		count += !builder->names[i].wild;
	return count;
}

static int count_sections(struct sealing *sealing)
{
	const struct catalogue_builder *builder = sealing->builder;
	struct catalogue_section *sections = sealing->header.sections;
	uint64_t keys = (uint64_t)literals_count(builder) + sealing->globs.anchors_count;

	sections[SECTION_TEXT].count = builder->text_length;
	sections[SECTION_SERVICES].count = builder->services_count;
	sections[SECTION_SLOTS].count = keys ? SLOTS_OF(keys) : 0;
	sections[SECTION_ANCHORS].count = sealing->globs.anchors_count;
	sections[SECTION_GLOBS].count = sealing->globs.globs_count;
	sections[SECTION_NODES].count = sealing->globs.nodes_count;
	sections[SECTION_PREFIXES].count = builder->prefixes_count;
	sections[SECTION_RANGES_V4].count = sealing->ranges_v4.count;
	sections[SECTION_RANGES_V6].count = sealing->ranges_v6.count;
	sections[SECTION_PROTOCOLS].count = builder->protocols_count;
	/* an indicator is one number over all of these */
	if (sections[SECTION_SLOTS].count + sections[SECTION_GLOBS].count +
		    sections[SECTION_PREFIXES].count + sections[SECTION_PROTOCOLS].count >=
	    UINT32_MAX)
		return -EFBIG;
	catalogue_layout(&sealing->header);
	return 0;
}

static void *section(const struct sealing *sealing, enum catalogue_section_kind kind)
{
	return sealing->block + sealing->header.sections[kind].offset;
}

static void slot_put(struct sealing *sealing, uint64_t hash, struct catalogue_slot slot)
{
	struct catalogue_slot *slots = section(sealing, SECTION_SLOTS);
	uint64_t count = sealing->header.sections[SECTION_SLOTS].count;
	uint64_t i = catalogue_slot_of(hash, count);

	while (slots[i].kind != SLOT_EMPTY)
		i = i + 1 == count ? 0 : i + 1;
	slot.tag = (uint32_t)hash;
	slots[i] = slot;
}

static void labels_seen(struct sealing *sealing, uint32_t labels)
{
	if (labels > sealing->header.labels_max)
		sealing->header.labels_max = labels;
}

/* In the order in which slots of one body win: a reader takes the first that applies. */
static unsigned int precedence(const struct catalogue_builder *builder,
			       const struct built_name *name)
{
	if (name->scope == PATTERN_HOST)
		return 0;
	return builder->services[name->service].permitted ? 1 : 2;
}

static void write_literals(struct sealing *sealing)
{
	const struct catalogue_builder *builder = sealing->builder;
	const struct built_name *name;

	for (unsigned int turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < builder->names_count; i++) {
			name = &builder->names[i];
			if (name->wild || precedence(builder, name) != turn)
				continue;
			labels_seen(sealing, name->labels);
			slot_put(sealing, name->hash,
				 (struct catalogue_slot){
					 .text = name->text,
					 .service = name->service,
					 .length = name->length,
					 .kind = name->scope,
				 });
		}
	}
}

static void write_anchors(struct sealing *sealing)
{
	const struct catalogue_anchor *anchor;
	const char *text;
	uint32_t labels;

	for (uint32_t i = 0; i < sealing->globs.anchors_count; i++) {
		anchor = &sealing->globs.anchors[i];
		if (anchor->length == 0) {
			sealing->header.root_anchor = i;
			continue;
		}
		text = sealing->builder->text + anchor->text;
		labels = 1;
		for (uint32_t k = 0; k < anchor->length; k++)
			labels += text[k] == '.';
		labels_seen(sealing, labels);
		slot_put(sealing, catalogue_hash(&sealing->builder->key, text, anchor->length),
			 (struct catalogue_slot){
				 .text = i,
				 .length = (uint8_t)anchor->length,
				 .kind = SLOT_ANCHOR,
			 });
	}
}

static void write_services(struct sealing *sealing)
{
	struct catalogue_text_service *services = section(sealing, SECTION_SERVICES);
	const struct built_service *built;

	for (uint32_t i = 0; i < sealing->builder->services_count; i++) {
		built = &sealing->builder->services[i];
		services[i] = (struct catalogue_text_service){
			.vendor = built->vendor,
			.service = built->service,
			.field = built->field,
			.permitted = built->permitted,
		};
	}
}

static void write_prefixes(struct sealing *sealing)
{
	struct catalogue_text_prefix *prefixes = section(sealing, SECTION_PREFIXES);
	struct catalogue_range_v4 *v4 = section(sealing, SECTION_RANGES_V4);
	struct catalogue_range_v6 *v6 = section(sealing, SECTION_RANGES_V6);
	const struct built_prefix *built;
	const struct built_range *range;

	for (uint32_t i = 0; i < sealing->builder->prefixes_count; i++) {
		built = &sealing->builder->prefixes[i];
		prefixes[i].service = built->service;
		prefixes[i].family = built->prefix.address.family;
		prefixes[i].length = built->prefix.length;
		memcpy(prefixes[i].bytes, built->prefix.address.bytes, sizeof(prefixes[i].bytes));
	}
	for (uint32_t i = 0; i < sealing->ranges_v4.count; i++) {
		range = &sealing->ranges_v4.ranges[i];
		v4[i].start = (uint32_t)range->start;
		v4[i].owner = range->owner;
	}
	for (uint32_t i = 0; i < sealing->ranges_v6.count; i++) {
		range = &sealing->ranges_v6.ranges[i];
		v6[i].high = (uint64_t)(range->start >> 64);
		v6[i].low = (uint64_t)range->start;
		v6[i].owner = range->owner;
	}
}

static void write_protocols(struct sealing *sealing)
{
	struct catalogue_text_protocol *protocols = section(sealing, SECTION_PROTOCOLS);

	for (uint32_t i = 0; i < sealing->builder->protocols_count; i++) {
		protocols[i].text = sealing->builder->protocols[i].text;
		protocols[i].service = sealing->builder->protocols[i].service;
	}
}

static void write_array(struct sealing *sealing, enum catalogue_section_kind kind,
			const void *items, size_t size)
{
	size_t count = sealing->header.sections[kind].count;

	if (count > 0)
		memcpy(section(sealing, kind), items, count * size);
}

static void write_block(struct sealing *sealing)
{
	write_array(sealing, SECTION_TEXT, sealing->builder->text, 1);
	write_array(sealing, SECTION_ANCHORS, sealing->globs.anchors,
		    sizeof(*sealing->globs.anchors));
	write_array(sealing, SECTION_GLOBS, sealing->globs.globs, sizeof(*sealing->globs.globs));
	write_array(sealing, SECTION_NODES, sealing->globs.nodes, sizeof(*sealing->globs.nodes));
	write_services(sealing);
	write_literals(sealing);
	write_anchors(sealing);
	write_prefixes(sealing);
	write_protocols(sealing);
	memcpy(sealing->block, &sealing->header, sizeof(sealing->header));
}

/* The memory is taken here, so that writing cannot meet its lack as a SIGBUS. */
static int block_open(uint64_t size)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("cutoffd-catalogue", flags | MFD_NOEXEC_SEAL), error;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("cutoffd-catalogue", flags);
	if (fd < 0)
		return -errno;
	do {
		error = fallocate(fd, 0, 0, (off_t)size) < 0 ? errno : 0;
	} while (error == EINTR);
	if (error) {
		close(fd);
		return -error;
	}
	return fd;
}

static int block_write(struct sealing *sealing)
{
	int fd = block_open(sealing->header.size), error;

	if (fd < 0)
		return fd;
	sealing->block =
		mmap(NULL, sealing->header.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sealing->block == MAP_FAILED)
		goto fail;
	write_block(sealing);
	munmap(sealing->block, sealing->header.size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		goto fail;
	return fd;
fail:
	error = errno;
	close(fd);
	return -error;
}

int catalogue_seal(const struct catalogue_builder *builder)
{
	struct sealing sealing = {
		.builder = builder,
		.header = {.magic = CATALOGUE_MAGIC,
			   .version = CATALOGUE_VERSION,
			   .root_anchor = CATALOGUE_NONE,
			   .key = builder->key},
	};
	int result = -ENOMEM;

	if (!catalogue_globs_build(builder, &sealing.globs) ||
	    !catalogue_ranges_build(builder, FAMILY_V4, &sealing.ranges_v4) ||
	    !catalogue_ranges_build(builder, FAMILY_V6, &sealing.ranges_v6))
		goto out;
	result = count_sections(&sealing);
	if (result == 0)
		result = block_write(&sealing);
out:
	catalogue_ranges_free(&sealing.ranges_v6);
	catalogue_ranges_free(&sealing.ranges_v4);
	catalogue_globs_free(&sealing.globs);
	return result;
}
