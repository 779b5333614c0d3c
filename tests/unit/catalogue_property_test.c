/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random catalogues over a tiny alphabet, against a matcher that tries every pattern in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "classifiers/catalogue.h"
#include "classifiers/pattern.h"

#define SERVICES 3 /* the last one is permitted */
#define PATTERNS_MAX 4000

struct item {
	char text[32];
	uint16_t service;
};

struct list {
	unsigned int count;
	struct item items[PATTERNS_MAX];
};

static uint64_t random_next(uint64_t *seed)
{
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = *seed;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static unsigned int random_below(uint64_t *seed, unsigned int limit)
{
	return (unsigned int)(random_next(seed) % limit);
}

/* ---- the reference: one recursive rule for each token, one comparison for each rule ---- */

static bool naive_glob(const char *glob, const char *text)
{
	if (!*glob)
		return !*text;
	if (*glob == '*')
		return naive_glob(glob + 1, text) ||
		       (*text && *text != '.' && naive_glob(glob, text + 1));
	if (*glob == '#' ? strchr("0123456789", *text) && *text : *glob == *text)
		return naive_glob(glob + 1, text + 1);
	return false;
}

static const char *naive_body(const char *pattern)
{
	if (strncmp(pattern, "**.", 3) == 0)
		return pattern + 3;
	return strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern;
}

static bool naive_matches(const char *pattern, const char *name)
{
	const char *body = naive_body(pattern), *dot;

	if (body - pattern != 2 && naive_glob(body, name))
		return true;
	for (dot = strchr(name, '.'); body != pattern && dot; dot = strchr(dot + 1, '.'))
		if (naive_glob(body, dot + 1))
			return true;
	return false;
}

static unsigned int count_of(const char *text, char c)
{
	unsigned int count = 0;

	for (; *text; text++)
		count += *text == c;
	return count;
}

/* A label's place: wildcards first, then how many fixed characters. */
static int naive_label_value(const char *label)
{
	int fixed = (int)strspn(label, "ab12-");
	int stars = (int)count_of(label, '*'), digits = (int)count_of(label, '#');

	if (!stars && !digits)
		return 1000000;
	fixed = (int)strlen(label) - stars - digits;
	return (stars ? 0 : 100000) + fixed * 100 + digits;
}

/* > 0: a is the more specific. */
static int naive_compare_labels(const char *a, const char *b)
{
	char left[32], right[32], *a_label, *b_label;
	int difference;

	strcpy(left, naive_body(a));
	strcpy(right, naive_body(b));
	while (left[0] && right[0]) {
		a_label = strrchr(left, '.') ? strrchr(left, '.') + 1 : left;
		b_label = strrchr(right, '.') ? strrchr(right, '.') + 1 : right;
		difference = naive_label_value(a_label) - naive_label_value(b_label);
		if (difference)
			return difference;
		*(a_label > left ? a_label - 1 : left) = '\0';
		*(b_label > right ? b_label - 1 : right) = '\0';
	}
	return 0;
}

static bool naive_exact(const char *pattern, const char *name)
{
	return !strpbrk(pattern, "*#") && strcmp(pattern, name) == 0;
}

static bool naive_beats(const struct item *a, const struct item *b, const char *name)
{
	bool a_exact = naive_exact(a->text, name), b_exact = naive_exact(b->text, name);
	unsigned int a_labels = count_of(naive_body(a->text), '.');
	unsigned int b_labels = count_of(naive_body(b->text), '.');
	int difference = naive_compare_labels(a->text, b->text);

	if (a_exact != b_exact)
		return a_exact;
	if (a_labels != b_labels)
		return a_labels > b_labels;
	if (difference)
		return difference > 0;
	return a->service == SERVICES - 1 && b->service != SERVICES - 1;
}

static const struct item *naive_find(const struct list *list, const char *name)
{
	const struct item *best = NULL;

	for (unsigned int i = 0; i < list->count; i++)
		if (naive_matches(list->items[i].text, name) &&
		    (!best || naive_beats(&list->items[i], best, name)))
			best = &list->items[i];
	return best;
}

/* ---- random catalogues ---- */

static void random_text(uint64_t *seed, const char *alphabet, unsigned int length, char *text)
{
	for (unsigned int i = 0; i < length; i++)
		text[i] = alphabet[random_below(seed, (unsigned int)strlen(alphabet))];
	text[length] = '\0';
}

static void random_pattern(uint64_t *seed, const char *alphabet, char text[32])
{
	static const char *const markers[] = {"", "", "*.", "**."};
	const char *marker = markers[random_below(seed, 4)];

	strcpy(text, marker);
	random_text(seed, alphabet, 1 + random_below(seed, 9), text + strlen(marker));
	if (text[strlen(text) - 1] == '.')
		text[strlen(text) - 1] = 'a';
}

static struct catalogue_builder *new_builder(void)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	uint16_t index;

	assert_non_null(builder);
	for (unsigned int i = 0; i < SERVICES; i++)
		assert_int_equal(
			catalogue_add_service(builder, "v", "s", 16, i == SERVICES - 1, &index),
			CATALOGUE_OK);
	return builder;
}

static struct catalogue *sealed(struct catalogue_builder *builder)
{
	int fd = catalogue_seal(builder);
	struct catalogue *catalogue = catalogue_map(fd);

	assert_non_null(catalogue);
	close(fd);
	catalogue_builder_free(builder);
	return catalogue;
}

static struct catalogue *random_names(uint64_t *seed, const char *alphabet, unsigned int tries,
				      struct list *list)
{
	struct catalogue_builder *builder = new_builder();
	struct catalogue_conflict conflict;
	struct item *item;

	list->count = 0;
	for (unsigned int i = 0; i < tries; i++) {
		item = &list->items[list->count];
		random_pattern(seed, alphabet, item->text);
		item->service = (uint16_t)random_below(seed, SERVICES);
		if (catalogue_add_name(builder, item->service, item->text, strlen(item->text), i,
				       &conflict) == CATALOGUE_OK)
			list->count++;
	}
	return sealed(builder);
}

static void expect_same(const struct catalogue *catalogue, const struct list *list,
			const char *name)
{
	const struct item *want = naive_find(list, name);
	struct catalogue_match match;
	char spelled[40], text[64] = "-";

	/* case and a final dot must not matter */
	snprintf(spelled, sizeof(spelled), "%s%s", name, strlen(name) % 2 ? "." : "");
	for (char *c = spelled; *c; c += 2) {
		if (*c == 'a' || *c == 'b')
			*c = (char)(*c - 'a' + 'A');
		if (!c[1])
			break;
	}
	if (catalogue_find_name(catalogue, spelled, strlen(spelled), &match)) {
		catalogue_indicator(catalogue, match.indicator, text, sizeof(text));
		assert_non_null(want);
		assert_int_equal(match.service, want->service);
	}
	if (strcmp(text, want ? want->text : "-") != 0)
		fail_msg("%s: found %s, want %s", name, text, want ? want->text : "-");
}

static void run_names(uint64_t seed, const char *alphabet, unsigned int catalogues,
		      unsigned int patterns, unsigned int names)
{
	struct list *list = malloc(sizeof(*list));
	struct catalogue *catalogue;
	unsigned int found = 0;
	char name[32];

	assert_non_null(list);
	for (unsigned int i = 0; i < catalogues; i++) {
		catalogue = random_names(&seed, alphabet, patterns, list);
		for (unsigned int k = 0; k < names; k++) {
			random_text(&seed, "aaab12..*#", 1 + random_below(&seed, 14), name);
			if (name[strlen(name) - 1] == '.')
				continue;
			found += naive_find(list, name) != NULL;
			expect_same(catalogue, list, name);
		}
		catalogue_free(catalogue);
	}
	free(list);
	/* the cases are worth nothing if hardly any name is in the lists */
	assert_true(found > catalogues * names / 20);
}

static void test_small_catalogues(void **state)
{
	(void)state;
	run_names(1, "aab1.*#", 2000, 12, 30);
}

static void test_literal_catalogues(void **state)
{
	(void)state;
	run_names(2, "ab.", 300, 60, 60);
}

static void test_crowded_suffixes(void **state)
{
	(void)state;
	run_names(3, "aab12..*#", 40, 600, 200);
}

/* So many globs that overlap that no set of places in the tree holds them. */
static void test_more_globs_than_places(void **state)
{
	(void)state;
	run_names(4, "aab1**", 4, 3900, 200);
	run_names(5, "ab1.**", 4, 3900, 200);
}

/* ---- prefixes ---- */

static bool naive_contains(const struct prefix *prefix, const struct address *address)
{
	if (prefix->address.family != address->family)
		return false;
	for (unsigned int bit = 0; bit < prefix->length; bit++) {
		unsigned int mask = 0x80u >> bit % 8;

		if ((prefix->address.bytes[bit / 8] ^ address->bytes[bit / 8]) & mask)
			return false;
	}
	return true;
}

/* Few different bytes, so that prefixes nest and addresses fall on their edges. */
static struct address random_address(uint64_t *seed)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct address address = {.family = random_below(seed, 2) ? FAMILY_V4 : FAMILY_V6};

	for (size_t i = 0; i < address_size(&address); i++)
		address.bytes[i] = values[random_below(seed, sizeof(values))];
	return address;
}

static struct prefix random_prefix(uint64_t *seed)
{
	struct prefix prefix = {.address = random_address(seed)};
	unsigned int bits = (unsigned int)address_size(&prefix.address) * 8;

	prefix.length = (uint8_t)random_below(seed, bits + 1);
	for (unsigned int bit = prefix.length; bit < bits; bit++)
		prefix.address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return prefix;
}

static void expect_same_address(const struct catalogue *catalogue, const struct prefix *prefixes,
				unsigned int count, const struct address *address)
{
	const struct prefix *best = NULL;
	struct catalogue_match match;
	char want[PREFIX_TEXT] = "-", text[PREFIX_TEXT] = "-";

	for (unsigned int i = 0; i < count; i++)
		if (naive_contains(&prefixes[i], address) &&
		    (!best || prefixes[i].length > best->length))
			best = &prefixes[i];
	if (best)
		prefix_format(best, want);
	if (catalogue_find_address(catalogue, address, &match))
		catalogue_indicator(catalogue, match.indicator, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_prefixes(void **state)
{
	struct prefix prefixes[200];
	struct catalogue_builder *builder;
	struct catalogue_conflict conflict;
	struct catalogue *catalogue;
	struct address address;
	unsigned int count;
	uint64_t seed = 6;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		builder = new_builder();
		count = 0;
		for (unsigned int k = 0; k < 1 + i % 200; k++) {
			prefixes[count] = random_prefix(&seed);
			if (catalogue_add_prefix(builder, 0, &prefixes[count], k, &conflict) ==
			    CATALOGUE_OK)
				count++;
		}
		catalogue = sealed(builder);
		for (unsigned int k = 0; k < 100; k++) {
			address = random_address(&seed);
			expect_same_address(catalogue, prefixes, count, &address);
		}
		catalogue_free(catalogue);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_catalogues),
		cmocka_unit_test(test_literal_catalogues),
		cmocka_unit_test(test_crowded_suffixes),
		cmocka_unit_test(test_more_globs_than_places),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
