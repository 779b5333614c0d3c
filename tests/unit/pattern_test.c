/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "classifiers/pattern.h"

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61
#define LABEL_61 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffz"

static void test_accepted(void **state)
{
	static const struct {
		const char *in, *want;
		enum pattern_scope scope;
		bool wild;
		uint8_t labels;
	} rows[] = {
		{"host.example", "host.example", PATTERN_HOST, false, 2},
		{"Host.EXAMPLE.", "host.example", PATTERN_HOST, false, 2},
		{"example", "example", PATTERN_HOST, false, 1},
		{"*.example", "*.example", PATTERN_UNDER, false, 1},
		{"**.Example", "**.example", PATTERN_TREE, false, 1},
		{"ksn-*-geo.kaspersky-labs.com", "ksn-*-geo.kaspersky-labs.com", PATTERN_HOST, true,
		 3},
		{"s##.upd.kaspersky.com", "s##.upd.kaspersky.com", PATTERN_HOST, true, 4},
		{"*.s#.example", "*.s#.example", PATTERN_UNDER, true, 2},
		{"*.*.example", "*.*.example", PATTERN_UNDER, true, 2},
		{"a.*.example", "a.*.example", PATTERN_HOST, true, 3},
		{"kaspersky.*", "kaspersky.*", PATTERN_HOST, true, 2},
		{"_dmarc.example", "_dmarc.example", PATTERN_HOST, false, 2},
		{"xn--kxawhku.example", "xn--kxawhku.example", PATTERN_HOST, false, 2},
		{"*ads*.example", "*ads*.example", PATTERN_HOST, true, 2},
		{"1.2.3.example", "1.2.3.example", PATTERN_HOST, false, 4},
		{LABEL_63 ".example", LABEL_63 ".example", PATTERN_HOST, false, 2},
		{NAME_253, NAME_253, PATTERN_HOST, false, 4},
		{NAME_253 ".", NAME_253, PATTERN_HOST, false, 4},
	};
	struct pattern pattern;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(pattern_parse(rows[i].in, strlen(rows[i].in), &pattern),
				 PATTERN_OK);
		assert_string_equal(pattern.text, rows[i].want);
		assert_int_equal(pattern.length, strlen(rows[i].want));
		assert_int_equal(pattern.scope, rows[i].scope);
		assert_int_equal(pattern.wild, rows[i].wild);
		assert_int_equal(pattern.labels, rows[i].labels);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *in;
		enum pattern_error want;
		const char *remedy;
	} rows[] = {
		{"", PATTERN_EMPTY, "write a name"},
		{".", PATTERN_EMPTY_LABEL, "one dot between labels"},
		{"*", PATTERN_TOO_WIDE, "name at least one domain"},
		{"**", PATTERN_TOO_WIDE, "name at least one domain"},
		{"*.*", PATTERN_TOO_WIDE, "name at least one domain"},
		{"*.#*", PATTERN_TOO_WIDE, "name at least one domain"},
		{"*.", PATTERN_TOO_WIDE, "name at least one domain"},
		{".example", PATTERN_EMPTY_LABEL, "one dot between labels"},
		{"a..example", PATTERN_EMPTY_LABEL, "one dot between labels"},
		{"a.example..", PATTERN_EMPTY_LABEL, "one dot between labels"},
		{"*..example", PATTERN_EMPTY_LABEL, "one dot between labels"},
		{"x" LABEL_63 ".example", PATTERN_LABEL_LONG, "63"},
		{"x" NAME_253, PATTERN_LONG, "253"},
		{"k\xc3\xa4sperski.example", PATTERN_UNICODE, "xn--"},
		{"a b.example", PATTERN_CHARACTER, "leave out scheme"},
		{"https://a.example", PATTERN_CHARACTER, "leave out scheme"},
		{"a.example:443", PATTERN_CHARACTER, "leave out scheme"},
		{"10.0.0.0/8", PATTERN_CHARACTER, "prefixes"},
		{"a.**.example", PATTERN_DOUBLE_STAR, "first label"},
		{"a**b.example", PATTERN_DOUBLE_STAR, "first label"},
		{"**a.example", PATTERN_DOUBLE_STAR, "first label"},
		{"**.**.example", PATTERN_DOUBLE_STAR, "first label"},
		{"10.0.0.1", PATTERN_ADDRESS, "prefixes"},
		{"*.##", PATTERN_TOO_WIDE, "name at least one domain"},
		{"a.1##", PATTERN_ADDRESS, "prefixes"},
	};
	struct pattern pattern;
	enum pattern_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		error = pattern_parse(rows[i].in, strlen(rows[i].in), &pattern);
		assert_int_equal(error, rows[i].want);
		assert_non_null(strstr(pattern_error_text(error), rows[i].remedy));
	}
	assert_int_equal(pattern_parse("a\0b.example", 11, &pattern), PATTERN_CHARACTER);
}

static void test_length_counts_not_the_end(void **state)
{
	struct pattern pattern;

	(void)state;
	assert_int_equal(pattern_parse("a.example!!", 9, &pattern), PATTERN_OK);
	assert_string_equal(pattern.text, "a.example");
}

static void test_matches(void **state)
{
	static const struct {
		const char *body, *name;
		bool host, under, tree;
	} rows[] = {
		{"a.example", "a.example", true, false, true},
		{"a.example", "b.a.example", false, true, true},
		{"a.example", "ba.example", false, false, false},
		{"a.example", "example", false, false, false},
		{"s##.x", "s07.x", true, false, true},
		{"s##.x", "s7.x", false, false, false},
		{"s##.x", "sab.x", false, false, false},
		{"s##.x", "q.s42.x", false, true, true},
		{"ksn-*-geo.x", "ksn-eu-geo.x", true, false, true},
		{"ksn-*-geo.x", "ksn--geo.x", true, false, true},
		{"ksn-*-geo.x", "ksn-a-b-geo.x", true, false, true},
		{"ksn-*-geo.x", "ksn-geo.x", false, false, false},
		{"ksn-*-geo.x", "ksn-a.b-geo.x", false, false, false},
		{"*a*b.x", "aab.x", true, false, true},
		{"*a*b.x", "abab.x", true, false, true},
		{"*a*b.x", "abac.x", false, false, false},
		{"a.*.x", "a.b.x", true, false, true},
		{"a.*.x", "a.b.c.x", false, false, false},
		{"a.*.x", "a..x", true, false, true},
		{"x.*", "x.com", true, false, true},
		{"x.*", "x.co.uk", false, false, false},
		{"x", "..x", false, true, true},
	};
	const char *body, *name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		body = rows[i].body;
		name = rows[i].name;
		assert_int_equal(
			pattern_matches(body, strlen(body), PATTERN_HOST, name, strlen(name)),
			rows[i].host);
		assert_int_equal(
			pattern_matches(body, strlen(body), PATTERN_UNDER, name, strlen(name)),
			rows[i].under);
		assert_int_equal(
			pattern_matches(body, strlen(body), PATTERN_TREE, name, strlen(name)),
			rows[i].tree);
	}
}

static void test_wild_length(void **state)
{
	static const struct {
		const char *body;
		size_t want;
	} rows[] = {
		{"ksn-*-geo.x.example", 9},
		{"a.b#.c.example", 4},
		{"s##.x", 3},
		{"x.*", 3},
		{"a*.b*.c", 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pattern_wild_length(rows[i].body, strlen(rows[i].body)),
				 rows[i].want);
}

/* Each row from the most to the least specific. */
static void test_compare(void **state)
{
	static const char *const rows[][6] = {
		{"a.b.c", "b.c", "c"},
		{"s07.x", "s0#.x", "s##.x", "s*.x"},
		{"ab*.x", "a#*.x", "a*.x", "#*.x", "*.x"},
		{"a*.b.x", "a.b*.x"},
		{"a.#.x", "b.*.x"},
	};
	const char *const *row;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (row = rows[i]; row[1]; row++) {
			assert_true(pattern_compare(row[0], strlen(row[0]), row[1],
						    strlen(row[1])) < 0);
			assert_true(pattern_compare(row[1], strlen(row[1]), row[0],
						    strlen(row[0])) > 0);
		}
	}
	assert_int_equal(pattern_compare("s#.x", 4, "t#.x", 4), 0);
	assert_int_equal(pattern_compare("ab.x", 4, "c.x", 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_length_counts_not_the_end),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_wild_length),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
