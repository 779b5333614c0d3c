/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/catalogue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "classifiers/catalogue_read.h"

/* A block that could still shrink or change is none of ours, and would be a SIGBUS later. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS), wanted = F_SEAL_SHRINK | F_SEAL_WRITE;

	return seals >= 0 && (seals & wanted) == wanted;
}

static const void *section(const struct catalogue_header *header, enum catalogue_section_kind kind)
{
	return (const uint8_t *)header + header->sections[kind].offset;
}

static void find_sections(struct catalogue *catalogue, const struct catalogue_header *header)
{
	catalogue->header = header;
	catalogue->text = section(header, SECTION_TEXT);
	catalogue->services = section(header, SECTION_SERVICES);
	catalogue->buckets = section(header, SECTION_BUCKETS);
	catalogue->records = section(header, SECTION_RECORDS);
	catalogue->anchors = section(header, SECTION_ANCHORS);
	catalogue->globs = section(header, SECTION_GLOBS);
	catalogue->nodes = section(header, SECTION_NODES);
	catalogue->prefixes = section(header, SECTION_PREFIXES);
	catalogue->ranges_v4 = section(header, SECTION_RANGES_V4);
	catalogue->ranges_v6 = section(header, SECTION_RANGES_V6);
	catalogue->protocols = section(header, SECTION_PROTOCOLS);
}

struct catalogue *catalogue_map(int fd)
{
	struct catalogue *catalogue = NULL;
	const struct catalogue_header *header;
	struct stat status;
	size_t size;
	int error = EINVAL;

	if (fstat(fd, &status) < 0)
		return NULL;
	size = (size_t)status.st_size;
	if (size < sizeof(*header) || !is_sealed(fd)) {
		errno = EINVAL;
		return NULL;
	}
	header = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED)
		return NULL;
	if (header->version != CATALOGUE_VERSION || !catalogue_header_sane(header, size))
		goto fail;
	catalogue = calloc(1, sizeof(*catalogue));
	error = ENOMEM;
	if (!catalogue)
		goto fail;
	find_sections(catalogue, header);
	return catalogue;
fail:
	munmap((void *)header, size);
	errno = error;
	return NULL;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (!catalogue)
		return;
	munmap((void *)catalogue->header, catalogue->header->size);
	free(catalogue);
}

/* Indicators are numbered through: bytes of records, globs, prefixes, protocols. */
static uint32_t first_prefix(const struct catalogue *catalogue)
{
	return catalogue_count(catalogue, SECTION_RECORDS) +
	       catalogue_count(catalogue, SECTION_GLOBS);
}

static uint32_t first_protocol(const struct catalogue *catalogue)
{
	return first_prefix(catalogue) + catalogue_count(catalogue, SECTION_PREFIXES);
}

/* The last range that begins at or before the address. Ranges begin at zero, so there is one. */
static uint32_t owner_v4(const struct catalogue *catalogue, const uint8_t bytes[4])
{
	const struct catalogue_range_v4 *range = catalogue->ranges_v4;
	uint32_t address = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
			   (uint32_t)bytes[2] << 8 | bytes[3];
	uint32_t count = catalogue_count(catalogue, SECTION_RANGES_V4), half;

	if (count == 0)
		return CATALOGUE_NONE;
	for (; count > 1; count -= half) {
		half = count / 2;
		if (range[half].start <= address)
			range += half;
	}
	return range->owner;
}

static uint64_t read_u64(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static uint32_t owner_v6(const struct catalogue *catalogue, const uint8_t bytes[16])
{
	const struct catalogue_range_v6 *range = catalogue->ranges_v6;
	uint64_t high = read_u64(bytes), low = read_u64(bytes + 8);
	uint32_t count = catalogue_count(catalogue, SECTION_RANGES_V6), half;

	if (count == 0)
		return CATALOGUE_NONE;
	for (; count > 1; count -= half) {
		half = count / 2;
		if (range[half].high < high || (range[half].high == high && range[half].low <= low))
			range += half;
	}
	return range->owner;
}

bool catalogue_find_address(const struct catalogue *catalogue, const struct address *address,
			    struct catalogue_match *match)
{
	uint32_t owner = CATALOGUE_NONE;

	if (address->family == FAMILY_V4)
		owner = owner_v4(catalogue, address->bytes);
	else if (address->family == FAMILY_V6)
		owner = owner_v6(catalogue, address->bytes);
	if (owner == CATALOGUE_NONE)
		return false;
	match->service = catalogue->prefixes[owner].service;
	match->indicator = first_prefix(catalogue) + owner;
	return true;
}

bool catalogue_find_protocol(const struct catalogue *catalogue, const char *protocol,
			     struct catalogue_match *match)
{
	uint32_t count = catalogue_count(catalogue, SECTION_PROTOCOLS);

	for (uint32_t i = 0; i < count; i++) {
		if (strcasecmp(catalogue->text + catalogue->protocols[i].text, protocol) != 0)
			continue;
		match->service = catalogue->protocols[i].service;
		match->indicator = first_protocol(catalogue) + i;
		return true;
	}
	return false;
}

uint16_t catalogue_service_count(const struct catalogue *catalogue)
{
	return (uint16_t)catalogue_count(catalogue, SECTION_SERVICES);
}

struct catalogue_service catalogue_service(const struct catalogue *catalogue, uint16_t index)
{
	const struct catalogue_text_service *service = &catalogue->services[index];

	assert(index < catalogue_service_count(catalogue));
	return (struct catalogue_service){
		.vendor = catalogue->text + service->vendor,
		.service = catalogue->text + service->service,
		.field = service->field,
		.permitted = service->permitted,
	};
}

static void format_prefix(const struct catalogue_text_prefix *stored, char *text, size_t size)
{
	struct prefix prefix = {.address.family = stored->family, .length = stored->length};
	char full[PREFIX_TEXT];

	memcpy(prefix.address.bytes, stored->bytes, sizeof(prefix.address.bytes));
	snprintf(text, size, "%s", prefix_format(&prefix, full));
}

static void format_record(const struct catalogue *catalogue, uint32_t offset, char *text,
			  size_t size)
{
	static const char *const markers[] = {
		[PATTERN_HOST] = "", [PATTERN_UNDER] = "*.", [PATTERN_TREE] = "**."};
	struct catalogue_record record;

	memcpy(&record, catalogue->records + offset, sizeof(record));
	snprintf(text, size, "%s%.*s", markers[record.kind], record.length,
		 (const char *)catalogue->records + offset + sizeof(record));
}

const char *catalogue_indicator(const struct catalogue *catalogue, uint32_t indicator, char *text,
				size_t size)
{
	uint32_t globs = catalogue_count(catalogue, SECTION_RECORDS);
	uint32_t prefixes = first_prefix(catalogue), protocols = first_protocol(catalogue);
	const struct catalogue_glob *glob;

	if (indicator < globs) {
		format_record(catalogue, indicator, text, size);
	} else if (indicator < prefixes) {
		glob = &catalogue->globs[indicator - globs];
		snprintf(text, size, "%.*s", glob->length, catalogue->text + glob->text);
	} else if (indicator < protocols) {
		format_prefix(&catalogue->prefixes[indicator - prefixes], text, size);
	} else {
		assert(indicator - protocols < catalogue_count(catalogue, SECTION_PROTOCOLS));
		snprintf(text, size, "%s",
			 catalogue->text + catalogue->protocols[indicator - protocols].text);
	}
	return text;
}
