/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of settings/: durations, nearest words, lists of names, complaints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/settings/complaint.h"
#include "daemon/settings/duration.h"
#include "daemon/settings/names.h"
#include "daemon/settings/nearest.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define S INT64_C(1000000000)

static void test_durations(void **state)
{
	static const struct {
		const char *what, *in;
		bool good;
		int64_t want;
		const char *canonical;
	} table[] = {
		{"seconds", "90s", true, 90 * S, "1m30s"},
		{"all units", "1d2h3m4s5ms", true, (86400 + 7200 + 180 + 4) * S + 5000000,
		 "1d2h3m4.005s"},
		{"back", "-30d12h", true, -(30 * 86400 + 12 * 3600) * S, "-30d12h"},
		{"ahead", "+1h", true, 3600 * S, "1h"},
		{"nothing", "0s", true, 0, "0s"},
		{"fraction", "1.5s", true, 1500000000, "1.5s"},
		{"fraction of a day", "0.25d", true, 21600 * S, "6h"},
		{"a nanosecond", "0.000000001s", true, 1, "0.000000001s"},
		{"a hundred years", "36500d", true, 36500 * (86400 * S), "36500d"},
		{"leading zeros", "007s", true, 7 * S, "7s"},
		{"more than a hundred years", "36500d1s", false, 0, NULL},
		{"beyond 64 bits", "99999999999999999999s", false, 0, NULL},
		{"beyond 64 bits by its unit", "3153600000000d", false, 0, NULL},
		{"less than a nanosecond", "0.0000000001s", false, 0, NULL},
		{"empty", "", false, 0, NULL},
		{"sign alone", "-", false, 0, NULL},
		{"two signs", "--1s", false, 0, NULL},
		{"no unit", "90", false, 0, NULL},
		{"no number", "d", false, 0, NULL},
		{"months", "3mo", false, 0, NULL},
		{"years", "1y", false, 0, NULL},
		{"unit twice", "1h1h", false, 0, NULL},
		{"wrong order", "1m1h", false, 0, NULL},
		{"fraction not last", "1.5h3m", false, 0, NULL},
		{"point without digits", "1.s", false, 0, NULL},
		{"blank", "1 h", false, 0, NULL},
		{"rubbish behind", "1h!", false, 0, NULL},
	};
	char text[DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		int64_t got = 0;

		print_message("# %s\n", table[i].what);
		assert_int_equal(duration_parse(table[i].in, &got), table[i].good);
		assert_int_equal(got, table[i].want);
		if (table[i].good)
			assert_string_equal(duration_format(got, text), table[i].canonical);
	}
}

static void test_distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t want;
	} table[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"mode", "mode", 0},
		{"mode", "MODE", 0},
		{"mode", "moed", 1},
		{"mode", "mod", 1},
		{"mode", "modes", 1},
		{"mode", "node", 1},
		{"kitten", "sitting", 3},
		{"scopes", "socpes", 1},
		{"flaw", "lawn", 2},
		{"ca", "abc", 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(nearest_distance(table[i].a, table[i].b), table[i].want);
		assert_int_equal(nearest_distance(table[i].b, table[i].a), table[i].want);
	}
}

static void test_distance_of_long_words(void **state)
{
	char longest[64], longer[65];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[63] = '\0';
	memset(longer, 'a', sizeof(longer));
	longer[64] = '\0';
	assert_int_equal(nearest_distance(longest, longest), 0);
	assert_int_equal(nearest_distance(longest, longer), 64);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"mode", "capture", "interfaces", "packs", "mask"};
	static const struct {
		const char *in, *want;
	} table[] = {
		{"moed", "mode"},  {"interface", "interfaces"},
		{"pack", "packs"}, {"Mask", "mask"},
		{"capt", NULL},	   {"x", NULL},
		{"", NULL},	   {"banana", NULL},
		{"maks", "mask"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *got = nearest_word(table[i].in, words, COUNT(words));

		print_message("# %s\n", table[i].in);
		if (table[i].want)
			assert_string_equal(got, table[i].want);
		else
			assert_null(got);
	}
	assert_null(nearest_word("mode", NULL, 0));
}

static void test_names(void **state)
{
	static const struct {
		const char *what, *in;
		const char *want; /* LINE:PATTERN, each followed by a blank */
	} table[] = {
		{"empty", "", ""},
		{"one", "a.example", "1:a.example "},
		{"one with its end", "a.example\n", "1:a.example "},
		{"carriage returns", "a\r\nb\r\n", "1:a 2:b "},
		{"empty lines", "\n\na\n\n\nb", "3:a 6:b "},
		{"blanks around", " \ta\t \n", "1:a "},
		{"comments", "# all\n#\na # of it\n  # b\n", "3:a "},
		{"a digit is no comment", "s##.a\na#b # c\n", "1:s##.a 2:a#b "},
		{"blanks only", "  \n\t\r\n", ""},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		const struct text *text =
			text_from_memory(arena, "list", table[i].in, strlen(table[i].in));
		struct names_cursor cursor = names_begin(text);
		char got[256] = "";

		print_message("# %s\n", table[i].what);
		while (names_next(&cursor))
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u:%.*s ",
				 cursor.line, (int)cursor.length, cursor.pattern);
		assert_string_equal(got, table[i].want);
	}
	arena_free(arena);
}

static char *printed(const struct complaints *complaints)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	complaints_print(complaints, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_complaints_in_order(void **state)
{
	const struct place b = {"b", 0, 0, NULL}, a9 = {"a", 9, 2, "\xc3\xa9x"},
			   a2 = {"a", 2, 3, "\tkey\nnext line"};
	struct complaints *complaints = complaints_new();
	char *text;

	(void)state;
	complaints_file(complaints, "a");
	complain(complaints, &b, "third");
	complain_warning(complaints, &a9, "second");
	complain(complaints, &a2, "first\x1b[31m %d", 1);
	text = printed(complaints);
	assert_string_equal(text, "a:2:3: error: first?[31m 1\n    \tkey\n    \t ^\n"
				  "a:9:2: warning: second\n    \xc3\xa9x\n     ^\n"
				  "b: error: third\n");
	assert_int_equal(complaints_errors(complaints), 2);
	assert_int_equal(complaints_warnings(complaints), 1);
	free(text);
	complaints_free(complaints);
}

static void test_complaints_are_bounded(void **state)
{
	struct complaints *complaints = complaints_new();
	char *text, *line;
	size_t lines = 1;

	(void)state;
	for (unsigned int i = 1; i <= 1000000; i++) {
		const struct place place = {"list", i, 1, NULL};

		complain(complaints, &place, "bad");
	}
	assert_int_equal(complaints_errors(complaints), 1000000);
	text = printed(complaints);
	for (line = text; (line = strchr(line, '\n')) && line[1]; line++)
		lines++;
	assert_int_equal(lines, COMPLAINTS_KEPT + 1);
	assert_non_null(strstr(text, "list:100:1: error: bad\nand 999900 more errors\n"));
	free(text);
	complaints_free(complaints);
}

static void test_nothing_freed(void **state)
{
	(void)state;
	complaints_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_distance_of_long_words),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_complaints_in_order),
		cmocka_unit_test(test_complaints_are_bounded),
		cmocka_unit_test(test_nothing_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
