/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/indicators.h"

#include <errno.h>
#include <string.h>

#include "classifiers/catalogue.h"
#include "classifiers/evidence.h"
#include "classifiers/pattern.h"
#include "daemon/settings/names.h"
#include "daemon/settings/value.h"

/* Registries give no vendor more at once. */
#define PREFIX_LEAST_V4 8
#define PREFIX_LEAST_V6 19

struct indicator {
	enum indicator_kind kind;
	uint16_t service;
	bool verified;
	const char *text;
	struct prefix prefix;
};

struct indicator_list {
	uint16_t service;
	bool verified;
	const struct text *text;
	uint32_t lines_before; /* of the lists before it: numbers the places */
};

struct indicators {
	struct indicator *items;
	size_t count;
	struct indicator_list *lists;
	size_t lists_count;
	uint32_t lines;
};

void indicators_begin(struct loader *loader)
{
	loader->settings->indicators = arena_alloc(loader->arena, sizeof(struct indicators));
}

static void make_room(struct loader *loader, struct indicators *all)
{
	size_t n = all->count, room = n ? 2 * n : 64;

	if (n > 0 && (n < 64 || (n & (n - 1)) != 0))
		return;
	all->items = arena_grow(loader->arena, all->items, n, room, sizeof(all->items[0]));
	loader->indicator_places = arena_grow(loader->scratch, loader->indicator_places, n, room,
					      sizeof(loader->indicator_places[0]));
}

void indicators_add(struct loader *loader, size_t service, enum indicator_kind kind, bool verified,
		    const struct yaml_node *node)
{
	struct indicators *all = loader->settings->indicators;
	struct indicator item = {.kind = kind, .service = (uint16_t)service, .verified = verified};
	const char *text;

	if (kind == INDICATOR_PREFIX && !value_prefix(loader, node, &item.prefix))
		return;
	text = value_text(loader, node, "an indicator");
	if (!text)
		return;
	item.text = arena_string(loader->arena, text);
	make_room(loader, all);
	loader->indicator_places[all->count] = yaml_place(node);
	all->items[all->count++] = item;
}

static uint32_t count_lines(const struct text *text)
{
	const char *at = text->bytes, *end = at + text->length;
	uint32_t lines = 1;

	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		lines++;
		at++;
	}
	return lines;
}

void indicators_add_list(struct loader *loader, size_t service, bool verified,
			 const struct text *list)
{
	struct indicators *all = loader->settings->indicators;
	size_t n = all->lists_count;

	all->lists = arena_grow(loader->arena, all->lists, n, n + 1, sizeof(all->lists[0]));
	all->lists[n] = (struct indicator_list){(uint16_t)service, verified, list, all->lines};
	all->lists_count = n + 1;
	all->lines += count_lines(list);
}

/* ---- the catalogue ---- */

static enum catalogue_error add_item(struct catalogue_builder *builder,
				     const struct indicator *item, uint32_t place,
				     struct catalogue_conflict *conflict)
{
	switch (item->kind) {
	case INDICATOR_NAME:
		return catalogue_add_name(builder, item->service, item->text, strlen(item->text),
					  place, conflict);
	case INDICATOR_PREFIX:
		return catalogue_add_prefix(builder, item->service, &item->prefix, place, conflict);
	case INDICATOR_PROTOCOL:
		return catalogue_add_protocol(builder, item->service, item->text, place, conflict);
	}
	return CATALOGUE_OK;
}

/* Places are numbered: the items first, then the lines of the lists. */
static struct place find_place(const struct loader *loader, uint32_t number)
{
	const struct indicators *all = loader->settings->indicators;
	size_t list = all->lists_count;

	if (number < all->count)
		return loader->indicator_places[number];
	number -= (uint32_t)all->count;
	while (list-- > 1 && all->lists[list].lines_before > number)
		;
	return (struct place){
		.file = all->lists[list].text->path,
		.line = number - all->lists[list].lines_before + 1,
		.column = 1,
	};
}

static void complain_catalogue(struct loader *loader, const struct place *place,
			       enum catalogue_error error, const char *text, size_t length,
			       const struct catalogue_conflict *conflict)
{
	struct complaints *complaints = loader->complaints;
	struct place first;

	switch (error) {
	case CATALOGUE_OK:
		return;
	case CATALOGUE_BAD_PATTERN:
		complain(complaints, place, "`%.*s`: %s", (int)length, text,
			 pattern_error_text((enum pattern_error)conflict->pattern_error));
		return;
	case CATALOGUE_DUPLICATE:
		first = find_place(loader, conflict->place);
		complain(complaints, place,
			 "`%.*s` stands twice in %s (first at %s:%u); take one of the two out",
			 (int)length, text, loader->service_names[conflict->service], first.file,
			 first.line);
		return;
	case CATALOGUE_CONFLICT:
		first = find_place(loader, conflict->place);
		complain(
			complaints, place,
			"`%.*s` stands in %s already (%s:%u); one service can have it, take one of "
			"the two out",
			(int)length, text, loader->service_names[conflict->service], first.file,
			first.line);
		return;
	case CATALOGUE_FULL:
		complain(complaints, place, "the catalogue is full; take names out");
		return;
	}
}

/* Labels of a name pattern that are not wildcards alone. */
static size_t literal_labels(const char *pattern)
{
	size_t labels = 0;

	for (; *pattern; pattern += strcspn(pattern, "."), pattern += *pattern == '.')
		labels += strcspn(pattern, ".") != strspn(pattern, "*");
	return labels;
}

/* What no vendor has alone: cut, it takes strangers along. */
static void warn_of_breadth(struct loader *loader, const struct indicator *item,
			    const struct place *place)
{
	uint8_t least =
		item->prefix.address.family == FAMILY_V6 ? PREFIX_LEAST_V6 : PREFIX_LEAST_V4;

	if (!loader->settings->standings[item->service].cut)
		return;
	if (item->kind == INDICATOR_NAME && literal_labels(item->text) < 2)
		complain_warning(loader->complaints, place,
				 "`%s` takes in a whole top-level domain, and %s is cut; name the "
				 "vendor's own domains",
				 item->text, loader->service_names[item->service]);
	if (item->kind == INDICATOR_PREFIX && item->prefix.length < least)
		complain_warning(loader->complaints, place,
				 "`%s` is wider than any vendor's network, and %s is cut; name the "
				 "vendor's own prefixes",
				 item->text, loader->service_names[item->service]);
}

static void check_items(struct loader *loader, struct catalogue_builder *builder)
{
	const struct indicators *all = loader->settings->indicators;
	struct catalogue_conflict conflict;

	for (size_t i = 0; i < all->count; i++) {
		const struct indicator *item = &all->items[i];
		enum catalogue_error error = add_item(builder, item, (uint32_t)i, &conflict);

		complain_catalogue(loader, &loader->indicator_places[i], error, item->text,
				   strlen(item->text), &conflict);
		if (error == CATALOGUE_OK)
			warn_of_breadth(loader, item, &loader->indicator_places[i]);
	}
}

static void check_list(struct loader *loader, struct catalogue_builder *builder,
		       const struct indicator_list *list)
{
	size_t before = loader->settings->indicators->count + list->lines_before;
	struct names_cursor cursor = names_begin(list->text);
	struct catalogue_conflict conflict;
	struct place place;

	while (names_next(&cursor)) {
		enum catalogue_error error =
			catalogue_add_name(builder, list->service, cursor.pattern, cursor.length,
					   (uint32_t)(before + cursor.line - 1), &conflict);

		if (error == CATALOGUE_OK)
			continue;
		place = text_place(list->text, cursor.offset, cursor.line);
		complain_catalogue(loader, &place, error, cursor.pattern, cursor.length, &conflict);
		if (error == CATALOGUE_FULL)
			return;
	}
}

void indicators_check(struct loader *loader)
{
	const struct policy_source *policy = &loader->settings->policy;
	struct catalogue_builder *builder = catalogue_builder_new();
	struct indicators *all = loader->settings->indicators;
	const struct place whole = {.file = loader->settings->path};
	uint16_t index;

	if (!builder) {
		complain(loader->complaints, &whole,
			 "memory is out; make the lists of names shorter");
		return;
	}
	for (size_t i = 0; i < policy->services_count; i++)
		if (catalogue_add_service(builder, policy->services[i].vendor,
					  policy->services[i].service, FIELD_OTHER, false,
					  &index) != CATALOGUE_OK)
			goto out;
	check_items(loader, builder);
	for (size_t i = 0; i < all->lists_count; i++)
		check_list(loader, builder, &all->lists[i]);
out:
	catalogue_builder_free(builder);
}

/* Nothing is cut by what nobody verified, unless the policy says so; to know a service by it that
 * is not cut, or to permit it, does no harm. */
static bool is_used(const struct settings *settings, uint16_t service, bool verified)
{
	return verified || settings->unverified || !settings->standings[service].cut;
}

static enum catalogue_error add_services(const struct settings *settings,
					 const struct policy *policy,
					 struct catalogue_builder *builder)
{
	enum catalogue_error error = CATALOGUE_OK;
	uint16_t index;

	for (size_t i = 0; i < settings->policy.services_count && error == CATALOGUE_OK; i++) {
		const struct policy_service *service = &settings->policy.services[i];
		const struct policy_class *class =
			policy_class_by_name(policy, service->vendor, service->service);

		error = catalogue_add_service(builder, service->vendor, service->service,
					      class ? class->number : FIELD_OTHER,
					      settings->standings[i].permitted, &index);
	}
	return error;
}

static enum catalogue_error add_list(struct catalogue_builder *builder,
				     const struct indicator_list *list)
{
	struct names_cursor cursor = names_begin(list->text);
	enum catalogue_error error = CATALOGUE_OK;
	struct catalogue_conflict conflict;

	while (error == CATALOGUE_OK && names_next(&cursor))
		error = catalogue_add_name(builder, list->service, cursor.pattern, cursor.length, 0,
					   &conflict);
	return error;
}

int settings_catalogue(const struct settings *settings, const struct policy *policy)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	const struct indicators *all = settings->indicators;
	struct catalogue_conflict conflict;
	enum catalogue_error error;
	int fd = -EINVAL;

	if (!builder)
		return -ENOMEM;
	error = add_services(settings, policy, builder);
	for (size_t i = 0; i < all->count && error == CATALOGUE_OK; i++)
		if (is_used(settings, all->items[i].service, all->items[i].verified))
			error = add_item(builder, &all->items[i], 0, &conflict);
	for (size_t i = 0; i < all->lists_count && error == CATALOGUE_OK; i++)
		if (is_used(settings, all->lists[i].service, all->lists[i].verified))
			error = add_list(builder, &all->lists[i]);
	if (error == CATALOGUE_OK)
		fd = catalogue_seal(builder);
	catalogue_builder_free(builder);
	return fd;
}

static size_t count_names(const struct text *list)
{
	struct names_cursor cursor = names_begin(list);
	size_t n = 0;

	while (names_next(&cursor))
		n++;
	return n;
}

void indicators_count(const struct settings *settings, size_t service,
		      size_t counts[INDICATOR_KINDS], size_t *left_out)
{
	const struct indicators *all = settings->indicators;

	memset(counts, 0, INDICATOR_KINDS * sizeof(counts[0]));
	*left_out = 0;
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].service != service)
			continue;
		counts[all->items[i].kind]++;
		*left_out += !is_used(settings, (uint16_t)service, all->items[i].verified);
	}
	for (size_t i = 0; i < all->lists_count; i++) {
		size_t names;

		if (all->lists[i].service != service)
			continue;
		names = count_names(all->lists[i].text);
		counts[INDICATOR_NAME] += names;
		if (!is_used(settings, (uint16_t)service, all->lists[i].verified))
			*left_out += names;
	}
}
