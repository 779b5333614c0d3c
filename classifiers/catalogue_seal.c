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

struct sealing {
	const struct catalogue_builder *builder;
	struct built_globs globs;
	struct built_ranges ranges_v4, ranges_v6;
	struct catalogue_header header;
	uint32_t keys;
	uint8_t *block;
};

/* A literal pattern or an anchor, on its way into the table. */
struct key {
	uint64_t hash;
	const char *text;
	struct catalogue_record record;
	uint32_t anchor;
};

/* In the order in which records of one body win: a reader takes the first that applies. */
static unsigned int precedence(const struct catalogue_builder *builder,
			       const struct built_name *name)
{
	if (name->scope == PATTERN_HOST)
		return 0;
	return builder->services[name->service].permitted ? 1 : 2;
}

static struct key key_of_name(const struct catalogue_builder *builder,
			      const struct built_name *name)
{
	struct key key = {.hash = name->hash};
	size_t length;

	key.text = built_body(builder, name, &length);
	key.record.length = (uint8_t)length;
	key.record.kind = name->scope;
	key.record.service = name->service;
	return key;
}

static struct key key_of_anchor(const struct sealing *sealing, uint32_t number)
{
	const struct built_anchor *anchor = &sealing->globs.anchor_texts[number];
	struct key key = {.anchor = number};

	key.text = sealing->builder->patterns + anchor->text;
	key.hash = catalogue_hash(&sealing->builder->key, key.text, anchor->length);
	key.record.length = (uint8_t)anchor->length;
	key.record.kind = RECORD_ANCHOR;
	return key;
}

/* Calls take for each key of the table, in the order that their records shall have. */
static void each_key(struct sealing *sealing,
		     void (*take)(struct sealing *sealing, const struct key *key))
{
	const struct catalogue_builder *builder = sealing->builder;
	const struct built_name *name;
	struct key key;

	for (unsigned int turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < builder->names_count; i++) {
			name = &builder->names[i];
			if (name->wild || precedence(builder, name) != turn)
				continue;
			key = key_of_name(builder, name);
			take(sealing, &key);
		}
	}
	for (uint32_t i = 0; i < sealing->globs.anchors_count; i++) {
		key = key_of_anchor(sealing, i);
		if (key.record.length > 0)
			take(sealing, &key);
		else
			sealing->header.root_anchor = i;
	}
}

static size_t record_size(const struct catalogue_record *record)
{
	return sizeof(*record) + record->length +
	       (record->kind == RECORD_ANCHOR ? sizeof(uint32_t) : 0);
}

static void count_key(struct sealing *sealing, const struct key *key)
{
	struct catalogue_header *header = &sealing->header;
	unsigned int labels = 1;

	sealing->keys++;
	header->sections[SECTION_RECORDS].count += record_size(&key->record);
	for (unsigned int i = 0; i < key->record.length; i++)
		labels += key->text[i] == '.';
	header->labels_present[labels / 64] |= UINT64_C(1) << labels % 64;
	if (labels > header->labels_max)
		header->labels_max = labels;
}

static int count_sections(struct sealing *sealing)
{
	const struct catalogue_builder *builder = sealing->builder;
	struct catalogue_section *sections = sealing->header.sections;

	each_key(sealing, count_key);
	sections[SECTION_TEXT].count = (uint64_t)builder->text_length + sealing->globs.text_length;
	sections[SECTION_SERVICES].count = builder->services_count;
	if (sealing->keys > 0)
		sections[SECTION_BUCKETS].count = sealing->keys / KEYS_IN_A_BUCKET + 2;
	sections[SECTION_ANCHORS].count = sealing->globs.anchors_count;
	sections[SECTION_GLOBS].count = sealing->globs.globs_count;
	sections[SECTION_NODES].count = sealing->globs.nodes_count;
	sections[SECTION_PREFIXES].count = builder->prefixes_count;
	sections[SECTION_RANGES_V4].count = sealing->ranges_v4.count;
	sections[SECTION_RANGES_V6].count = sealing->ranges_v6.count;
	sections[SECTION_PROTOCOLS].count = builder->protocols_count;
	/* an indicator is one number over all of these */
	if (sections[SECTION_RECORDS].count + sections[SECTION_GLOBS].count +
			    sections[SECTION_PREFIXES].count + sections[SECTION_PROTOCOLS].count >=
		    UINT32_MAX ||
	    sections[SECTION_TEXT].count >= UINT32_MAX)
		return -EFBIG;
	catalogue_layout(&sealing->header);
	return 0;
}

static void *section(const struct sealing *sealing, enum catalogue_section_kind kind)
{
	return sealing->block + sealing->header.sections[kind].offset;
}

static struct catalogue_bucket *bucket_of(const struct sealing *sealing, const struct key *key)
{
	uint32_t count = (uint32_t)sealing->header.sections[SECTION_BUCKETS].count - 1;

	return (struct catalogue_bucket *)section(sealing, SECTION_BUCKETS) +
	       catalogue_bucket_of(key->hash, count);
}

static void size_bucket(struct sealing *sealing, const struct key *key)
{
	bucket_of(sealing, key)->records += (uint32_t)record_size(&key->record);
}

/* While records are written, a bucket says where its next record goes. */
static void write_key(struct sealing *sealing, const struct key *key)
{
	struct catalogue_bucket *bucket = bucket_of(sealing, key);
	uint8_t *to = (uint8_t *)section(sealing, SECTION_RECORDS) + bucket->records;

	memcpy(to, &key->record, sizeof(key->record));
	to += sizeof(key->record);
	memcpy(to, key->text, key->record.length);
	if (key->record.kind == RECORD_ANCHOR)
		memcpy(to + key->record.length, &key->anchor, sizeof(key->anchor));
	bucket->records += (uint32_t)record_size(&key->record);
	bucket->filter |= catalogue_filter_bits(key->hash);
}

/* Sizes, then starts; writing moves each start to the next bucket's, and back it goes. */
static void write_table(struct sealing *sealing)
{
	struct catalogue_bucket *buckets = section(sealing, SECTION_BUCKETS);
	size_t count = sealing->header.sections[SECTION_BUCKETS].count;
	uint32_t start = 0, size;

	if (count == 0)
		return;
	each_key(sealing, size_bucket);
	for (size_t i = 0; i < count; i++) {
		size = buckets[i].records;
		buckets[i].records = start;
		start += size;
	}
	each_key(sealing, write_key);
	for (size_t i = count - 1; i > 0; i--)
		buckets[i].records = buckets[i - 1].records;
	buckets[0].records = 0;
}

static void write_text(struct sealing *sealing)
{
	const struct catalogue_builder *builder = sealing->builder;
	char *text = section(sealing, SECTION_TEXT);

	if (builder->text_length > 0)
		memcpy(text, builder->text, builder->text_length);
	memcpy(text + builder->text_length, sealing->globs.text, sealing->globs.text_length);
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
	write_text(sealing);
	write_array(sealing, SECTION_ANCHORS, sealing->globs.anchors,
		    sizeof(*sealing->globs.anchors));
	write_array(sealing, SECTION_GLOBS, sealing->globs.globs, sizeof(*sealing->globs.globs));
	write_array(sealing, SECTION_NODES, sealing->globs.nodes, sizeof(*sealing->globs.nodes));
	write_services(sealing);
	write_table(sealing);
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
