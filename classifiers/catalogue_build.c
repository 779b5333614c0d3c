/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/catalogue_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define SERVICES_MAX 65534 /* SERVICE_NONE is 65,535 */
#define INDEX_START 64

struct catalogue_builder *catalogue_builder_new(void)
{
	struct catalogue_builder *builder = calloc(1, sizeof(*builder));

	if (builder && getrandom(&builder->key, sizeof(builder->key), 0) != sizeof(builder->key)) {
		free(builder);
		return NULL;
	}
	return builder;
}

void catalogue_builder_free(struct catalogue_builder *builder)
{
	if (!builder)
		return;
	free(builder->prefixes_index.slots);
	free(builder->names_index.slots);
	free(builder->protocols);
	free(builder->prefixes);
	free(builder->names);
	free(builder->services);
	free(builder->patterns);
	free(builder->text);
	free(builder);
}

bool catalogue_reserve(void *array, uint32_t *capacity, uint32_t count, uint32_t more, size_t size)
{
	uint64_t wanted = (uint64_t)count + more, room = *capacity;
	void *old, *grown;

	if (wanted <= room)
		return true;
	if (wanted >= UINT32_MAX)
		return false;
	room = room * 2 > wanted ? room * 2 : wanted + 16;
	if (room > UINT32_MAX)
		room = UINT32_MAX;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, room * size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*capacity = (uint32_t)room;
	/* cppcheck-suppress memleak -- array holds it now, as a pointer of whichever type */
	return true;
}

static bool append(char **text, uint32_t *length, uint32_t *capacity, const char *more, size_t n,
		   uint32_t *offset)
{
	if (n > UINT32_MAX || !catalogue_reserve(text, capacity, *length, (uint32_t)n, 1))
		return false;
	*offset = *length;
	memcpy(*text + *offset, more, n);
	*length += (uint32_t)n;
	return true;
}

static bool add_string(struct catalogue_builder *builder, const char *string, uint32_t *offset)
{
	return append(&builder->text, &builder->text_length, &builder->text_capacity, string,
		      strlen(string) + 1, offset);
}

static void index_put(struct built_index *index, uint32_t tag, uint32_t item)
{
	uint32_t i = tag & (index->capacity - 1);

	while (index->slots[i].item != CATALOGUE_NONE)
		i = (i + 1) & (index->capacity - 1);
	index->slots[i] = (struct built_index_slot){.tag = tag, .item = item};
}

static bool index_grow(struct built_index *index)
{
	struct built_index old = *index;
	uint64_t capacity = old.capacity ? (uint64_t)old.capacity * 2 : INDEX_START;

	if (capacity > UINT32_MAX)
		return false;
	index->slots = malloc(capacity * sizeof(*index->slots));
	if (!index->slots) {
		*index = old;
		return false;
	}
	memset(index->slots, 0xff, capacity * sizeof(*index->slots));
	index->capacity = (uint32_t)capacity;
	for (uint32_t i = 0; i < old.capacity; i++)
		if (old.slots[i].item != CATALOGUE_NONE)
			index_put(index, old.slots[i].tag, old.slots[i].item);
	free(old.slots);
	return true;
}

static bool index_add(struct built_index *index, uint32_t tag, uint32_t item)
{
	if (index->used >= index->capacity / 2 && !index_grow(index))
		return false;
	index_put(index, tag, item);
	index->used++;
	return true;
}

/* The items with this tag, one after the other; *cursor starts as the tag. */
static uint32_t index_next(const struct built_index *index, uint32_t tag, uint32_t *cursor)
{
	const struct built_index_slot *slot;

	while (index->capacity) {
		slot = &index->slots[(*cursor)++ & (index->capacity - 1)];
		if (slot->item == CATALOGUE_NONE || slot->tag == tag)
			return slot->item;
	}
	return CATALOGUE_NONE;
}

static enum catalogue_error clash(struct catalogue_conflict *conflict, uint16_t service,
				  uint16_t there, uint32_t place)
{
	conflict->service = there;
	conflict->place = place;
	return there == service ? CATALOGUE_DUPLICATE : CATALOGUE_CONFLICT;
}

enum catalogue_error catalogue_add_service(struct catalogue_builder *builder, const char *vendor,
					   const char *service, uint16_t field, bool permitted,
					   uint16_t *index)
{
	struct built_service built = {.field = field, .permitted = permitted};

	if (builder->services_count >= SERVICES_MAX ||
	    !catalogue_reserve(&builder->services, &builder->services_capacity,
			       builder->services_count, 1, sizeof(*builder->services)) ||
	    !add_string(builder, vendor, &built.vendor) ||
	    !add_string(builder, service, &built.service))
		return CATALOGUE_FULL;
	*index = (uint16_t)builder->services_count;
	builder->services[builder->services_count++] = built;
	return CATALOGUE_OK;
}

static uint32_t name_tag(uint64_t hash, enum pattern_scope scope)
{
	return (uint32_t)(hash >> 32) + (uint32_t)scope * UINT32_C(0x9e3779b1);
}

static const struct built_name *name_there(const struct catalogue_builder *builder,
					   const struct pattern *pattern, uint32_t tag)
{
	const struct built_name *name;
	uint32_t cursor = tag, item;

	while ((item = index_next(&builder->names_index, tag, &cursor)) != CATALOGUE_NONE) {
		name = &builder->names[item];
		if (name->length == pattern->length &&
		    memcmp(builder->patterns + name->text, pattern->text, name->length) == 0)
			return name;
	}
	return NULL;
}

enum catalogue_error catalogue_add_name(struct catalogue_builder *builder, uint16_t service,
					const char *text, size_t length, uint32_t place,
					struct catalogue_conflict *conflict)
{
	struct pattern pattern;
	struct built_name name = {.place = place, .service = service};
	const struct built_name *there;
	size_t marker;
	uint32_t tag;

	assert(service < builder->services_count);
	conflict->pattern_error = (int)pattern_parse(text, length, &pattern);
	if (conflict->pattern_error != PATTERN_OK)
		return CATALOGUE_BAD_PATTERN;
	marker = pattern_marker(pattern.scope);
	name.hash = catalogue_hash(&builder->key, pattern.text + marker, pattern.length - marker);
	name.length = pattern.length;
	name.scope = (uint8_t)pattern.scope;
	name.labels = pattern.labels;
	name.wild = pattern.wild;
	tag = name_tag(name.hash, pattern.scope);
	there = name_there(builder, &pattern, tag);
	if (there)
		return clash(conflict, service, there->service, there->place);
	if (!catalogue_reserve(&builder->names, &builder->names_capacity, builder->names_count, 1,
			       sizeof(*builder->names)) ||
	    !append(&builder->patterns, &builder->patterns_length, &builder->patterns_capacity,
		    pattern.text, pattern.length, &name.text) ||
	    !index_add(&builder->names_index, tag, builder->names_count))
		return CATALOGUE_FULL;
	builder->names[builder->names_count++] = name;
	return CATALOGUE_OK;
}

static uint32_t prefix_tag(const struct catalogue_builder *builder, const struct prefix *prefix)
{
	struct siphash state = siphash_new(&builder->key);

	siphash_bytes(&state, prefix->address.bytes, sizeof(prefix->address.bytes));
	siphash_word(&state, (uint64_t)prefix->address.family << 8 | prefix->length);
	return (uint32_t)siphash_value(&state);
}

static const struct built_prefix *prefix_there(const struct catalogue_builder *builder,
					       const struct prefix *prefix, uint32_t tag)
{
	const struct built_prefix *there;
	uint32_t cursor = tag, item;

	while ((item = index_next(&builder->prefixes_index, tag, &cursor)) != CATALOGUE_NONE) {
		there = &builder->prefixes[item];
		if (there->prefix.length == prefix->length &&
		    address_equal(&there->prefix.address, &prefix->address))
			return there;
	}
	return NULL;
}

enum catalogue_error catalogue_add_prefix(struct catalogue_builder *builder, uint16_t service,
					  const struct prefix *prefix, uint32_t place,
					  struct catalogue_conflict *conflict)
{
	uint32_t tag = prefix_tag(builder, prefix);
	const struct built_prefix *there = prefix_there(builder, prefix, tag);

	assert(service < builder->services_count);
	if (there)
		return clash(conflict, service, there->service, there->place);
	if (!catalogue_reserve(&builder->prefixes, &builder->prefixes_capacity,
			       builder->prefixes_count, 1, sizeof(*builder->prefixes)) ||
	    !index_add(&builder->prefixes_index, tag, builder->prefixes_count))
		return CATALOGUE_FULL;
	builder->prefixes[builder->prefixes_count++] =
		(struct built_prefix){.prefix = *prefix, .service = service, .place = place};
	return CATALOGUE_OK;
}

enum catalogue_error catalogue_add_protocol(struct catalogue_builder *builder, uint16_t service,
					    const char *protocol, uint32_t place,
					    struct catalogue_conflict *conflict)
{
	struct built_protocol built = {.service = service, .place = place};
	const struct built_protocol *there;

	assert(service < builder->services_count);
	for (uint32_t i = 0; i < builder->protocols_count; i++) {
		there = &builder->protocols[i];
		if (strcasecmp(builder->text + there->text, protocol) == 0)
			return clash(conflict, service, there->service, there->place);
	}
	if (!catalogue_reserve(&builder->protocols, &builder->protocols_capacity,
			       builder->protocols_count, 1, sizeof(*builder->protocols)) ||
	    !add_string(builder, protocol, &built.text))
		return CATALOGUE_FULL;
	builder->protocols[builder->protocols_count++] = built;
	return CATALOGUE_OK;
}
