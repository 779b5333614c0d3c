/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "classifiers/evidence.h"
#include "daemon/enforcer/ruleset_build.h"

static struct set *add_set(struct build *build, struct set set)
{
	struct ruleset *r = build->ruleset;

	r->sets[r->sets_count] = set;
	return &r->sets[r->sets_count++];
}

/* The next key; false after the last one. */
static bool successor(uint8_t key[16], size_t size)
{
	while (size > 0)
		if (++key[--size] != 0)
			return true;
	return false;
}

static struct element interval_of(const struct prefix *prefix, size_t size)
{
	struct element e = {0};

	memcpy(e.key, prefix->address.bytes, size);
	memcpy(e.last, prefix->address.bytes, size);
	for (size_t bit = prefix->length; bit < 8 * size; bit++)
		e.last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return e;
}

/* Whether b, which does not begin before a, overlaps a or begins right behind it. */
static bool touches(const struct element *a, const struct element *b, size_t size)
{
	uint8_t next[16];

	memcpy(next, a->last, sizeof(next));
	return !successor(next, size) || memcmp(b->key, next, size) <= 0;
}

/* The kernel refuses intervals that overlap, and touching ones could not be told apart in a dump
 * by who reads only their ends. */
static size_t merge(struct element *elements, size_t count, size_t size)
{
	size_t kept = 0;

	qsort(elements, count, sizeof(*elements), element_compare);
	for (size_t i = 1; i < count; i++) {
		struct element *before = &elements[kept];

		if (!touches(before, &elements[i], size))
			elements[++kept] = elements[i];
		else if (memcmp(elements[i].last, before->last, size) > 0)
			memcpy(before->last, elements[i].last, size);
	}
	return count > 0 ? kept + 1 : 0;
}

static const char *add_prefixes(struct build *build, const char *stem, enum family family,
				const struct prefix *prefixes, size_t count)
{
	struct arena *arena = build->ruleset->arena;
	size_t size = family == FAMILY_V4 ? 4 : 16, n = 0;
	struct set set = {.key = family == FAMILY_V4 ? SET_KEY_V4 : SET_KEY_V6, .interval = true};

	for (size_t i = 0; i < count; i++)
		n += prefixes[i].address.family == family;
	if (n == 0)
		return NULL;
	set.name = arena_printf(arena, "%s_v%d", stem, family);
	set.elements = arena_array(arena, n, sizeof(*set.elements));
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].address.family == family)
			set.elements[set.count++] = interval_of(&prefixes[i], size);
	set.count = merge(set.elements, set.count, size);
	return add_set(build, set)->name;
}

static struct set_pair add_pair(struct build *build, const char *stem,
				const struct prefix *prefixes, size_t count)
{
	struct set_pair pair;

	pair.v4 = add_prefixes(build, stem, FAMILY_V4, prefixes, count);
	pair.v6 = add_prefixes(build, stem, FAMILY_V6, prefixes, count);
	return pair;
}

static void add_scopes(struct build *build)
{
	const struct policy *policy = build->policy;
	struct arena *arena = build->ruleset->arena;
	const char **texts = arena_array(arena, policy->scopes_count, sizeof(*texts));
	uint32_t *numbers = arena_array(arena, policy->scopes_count, sizeof(*numbers));
	const char **names;

	for (size_t i = 0; i < policy->scopes_count; i++) {
		texts[i] = arena_printf(arena, "scope_%s", policy->scopes[i].name);
		numbers[i] = (uint32_t)i;
	}
	names = ruleset_names(arena, texts, numbers, policy->scopes_count);
	build->scopes = arena_array(arena, policy->scopes_count, sizeof(*build->scopes));
	for (size_t i = 0; i < policy->scopes_count; i++)
		if (!policy->scopes[i].any)
			build->scopes[i] = add_pair(build, names[i], policy->scopes[i].sources,
						    policy->scopes[i].sources_count);
}

static void add_waivers(struct build *build)
{
	const struct policy *policy = build->policy;
	struct arena *arena = build->ruleset->arena;

	build->waivers = arena_array(arena, policy->waivers_count, sizeof(*build->waivers));
	for (size_t i = 0; i < policy->waivers_count; i++) {
		const struct policy_waiver *waiver = &policy->waivers[i];
		const char *stem = arena_printf(arena, "waiver_%u", waiver->number);

		build->waivers[i] = add_pair(build, stem, waiver->hosts, waiver->hosts_count);
	}
}

static struct element mark_element(uint32_t mark)
{
	struct element e = {0};

	memcpy(e.key, &mark, sizeof(mark));
	memcpy(e.last, &mark, sizeof(mark));
	return e;
}

static int64_t since_1970(struct wall at)
{
	return at.ns > 0 ? at.ns : 0;
}

static void add_instants(struct build *build)
{
	const struct policy *policy = build->policy;
	size_t most = policy->stages_count + policy->waivers_count + 1;
	struct set set = {
		.name = RULESET_INSTANT_OF, .key = SET_KEY_MARK, .data = SET_DATA_INSTANT};

	set.elements = arena_array(build->ruleset->arena, most, sizeof(*set.elements));
	for (size_t i = 0; i < policy->stages_count; i++) {
		set.elements[set.count] = mark_element(policy->stages[i].number);
		set.elements[set.count++].instant = since_1970(policy->stages[i].cutoff);
	}
	for (size_t i = 0; i < policy->waivers_count; i++) {
		set.elements[set.count] = mark_element(policy->waivers[i].number);
		set.elements[set.count++].instant = since_1970(policy->waivers[i].until);
	}
	if (build->ruleset->rehearsal) {
		set.elements[set.count] = mark_element(RULESET_REHEARSAL);
		set.elements[set.count++].instant = 1;
	}
	qsort(set.elements, set.count, sizeof(*set.elements), element_compare);
	add_set(build, set);
}

static void add_latched(struct build *build)
{
	const struct ruleset_options *options = build->options;
	struct set latched = {
		.name = RULESET_LATCHED, .key = SET_KEY_MARK, .dynamic = true, .kept = true};

	latched.elements = arena_array(build->ruleset->arena, options->latched_count,
				       sizeof(*latched.elements));
	for (size_t i = 0; i < options->latched_count; i++)
		latched.elements[latched.count++] = mark_element(options->latched[i]);
	if (latched.count > 0)
		qsort(latched.elements, latched.count, sizeof(*latched.elements), element_compare);
	add_set(build, latched);
}

static void add_kept(struct build *build)
{
	struct set cut = {.timeout = true, .kept = true};

	add_latched(build);
	cut.name = SET_CUT_V4;
	cut.key = SET_KEY_TUPLE_V4;
	add_set(build, cut);
	cut.name = SET_CUT_V6;
	cut.key = SET_KEY_TUPLE_V6;
	add_set(build, cut);
}

void ruleset_build_sets(struct build *build)
{
	const struct policy *policy = build->policy;
	size_t most = 5 + 2 * (policy->scopes_count + policy->waivers_count + 1);

	build->ruleset->sets =
		arena_array(build->ruleset->arena, most, sizeof(*build->ruleset->sets));
	add_kept(build);
	add_instants(build);
	build->never = add_pair(build, "never", policy->never, policy->never_count);
	add_scopes(build);
	add_waivers(build);
}

static int by_number(const void *number, const void *class)
{
	return *(const uint16_t *)number - ((const struct policy_class *)class)->number;
}

static bool has_class(const struct policy *policy, uint16_t number)
{
	return policy->classes_count > 0 && bsearch(&number, policy->classes, policy->classes_count,
						    sizeof(*policy->classes), by_number);
}

/* Every number ever allotted is there: lifting a measure must not kill the flows that carry it. */
void ruleset_build_class_of(struct build *build)
{
	static const uint16_t accepted[] = {FIELD_CLEAN, FIELD_UNKNOWN, FIELD_OTHER};
	const size_t accepted_count = sizeof(accepted) / sizeof(accepted[0]);
	const struct policy *policy = build->policy;
	const struct ruleset_options *options = build->options;
	size_t most = accepted_count + policy->classes_count + options->classes_allotted_count;
	struct set set = {.name = RULESET_CLASS_OF, .key = SET_KEY_MARK, .data = SET_DATA_VERDICT};

	set.elements = arena_array(build->ruleset->arena, most, sizeof(*set.elements));
	for (size_t i = 0; i < accepted_count; i++)
		set.elements[set.count++] = mark_element(build_mark(build, accepted[i]));
	for (size_t i = 0; i < policy->classes_count; i++) {
		set.elements[set.count] =
			mark_element(build_mark(build, policy->classes[i].number));
		set.elements[set.count++].chain = build->class_chains[i];
	}
	for (size_t i = 0; i < options->classes_allotted_count; i++) {
		if (has_class(policy, options->classes_allotted[i]))
			continue;
		set.elements[set.count] =
			mark_element(build_mark(build, options->classes_allotted[i]));
		set.elements[set.count++].chain = CHAIN_NO_STAGE;
	}
	qsort(set.elements, set.count, sizeof(*set.elements), element_compare);
	add_set(build, set);
}
