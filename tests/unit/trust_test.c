/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "daemon/enforcer/trust.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define BUILD 1700000000
#define NOW 1750000000

/* What a clock shows, one reading after the other, in seconds. */
struct reading {
	int64_t wall, mono;
	bool synchronised;
	const char *want; /* letters: build, mark, stepped, unsynchronised */
};

#define READINGS 8

static void letters(const struct doubt *doubt, char text[5])
{
	size_t n = 0;

	if (doubt->before_build)
		text[n++] = 'b';
	if (doubt->before_mark)
		text[n++] = 'm';
	if (doubt->stepped)
		text[n++] = 's';
	if (doubt->unsynchronised)
		text[n++] = 'u';
	text[n] = '\0';
}

static void test_judge(void **state)
{
	static const struct {
		const char *what;
		int64_t mark;
		struct reading readings[READINGS];
	} cases[] = {
		{"a good clock", 0, {{NOW, 10, true, ""}, {NOW + DAY, 10 + DAY, true, ""}}},
		{"nobody synchronises it: no doubt", 0, {{NOW, 10, false, "u"}}},
		{"earlier than the program", 0, {{BUILD - 1, 10, true, "b"}}},
		{"earlier than the mark", NOW + 2, {{NOW, 10, true, "m"}}},
		{"by no more than a second", NOW + 1, {{NOW, 10, true, ""}}},
		{"a battery is missing", NOW, {{0, 10, false, "bmu"}}},
		{"... and a time daemon comes",
		 NOW,
		 {{0, 10, false, "bmu"}, {NOW + HOUR, 20, true, ""}}},
		{"... or somebody sets it by hand, until a time daemon agrees",
		 NOW,
		 {{0, 10, false, "bmu"},
		  {NOW + HOUR, 20, false, "su"},
		  {NOW + HOUR, 30, true, ""}}},
		{"an hour forward is no step",
		 0,
		 {{NOW, 10, true, ""}, {NOW + HOUR + MINUTE, 10 + MINUTE, true, ""}}},
		{"more is, whoever set it",
		 0,
		 {{NOW, 10, true, ""},
		  {NOW + HOUR + MINUTE + 1, 10 + MINUTE, true, "s"},
		  {NOW + HOUR + 2 * MINUTE + 1, 10 + 2 * MINUTE, false, "su"}}},
		{"a step that is taken back",
		 0,
		 {{NOW, 10, true, ""}, {NOW + DAY, 20, true, "s"}, {NOW + 20, 30, true, ""}}},
		{"a step that a time daemon holds for a day",
		 0,
		 {{NOW, 10, true, ""},
		  {NOW + 9 * DAY, 20, true, "s"},
		  {NOW + 10 * DAY - 1, 20 + DAY - 1, true, "s"},
		  {NOW + 10 * DAY, 20 + DAY, true, ""},
		  {NOW + 11 * DAY, 20 + 2 * DAY, false, "u"}}},
		{"... but not all of the day",
		 0,
		 {{NOW, 10, true, ""},
		  {NOW + 9 * DAY, 20, true, "s"},
		  {NOW + 9 * DAY + HOUR, 20 + HOUR, false, "su"},
		  {NOW + 10 * DAY, 20 + DAY, true, "s"},
		  {NOW + 10 * DAY + HOUR, 20 + DAY + HOUR, true, ""}}},
		{"nobody synchronises it, ever",
		 0,
		 {{NOW, 10, false, "u"},
		  {NOW + 9 * DAY, 20, false, "su"},
		  {NOW + 99 * DAY, 20 + 90 * DAY, false, "su"}}},
		{"back and forward again to where it was",
		 0,
		 {{NOW, 10, true, ""}, {NOW - 9 * DAY, 20, true, ""}, {NOW + 20, 30, true, ""}}},
		{"back before the program, and forward again",
		 0,
		 {{NOW, 10, true, ""}, {0, 20, false, "bu"}, {NOW + 20, 30, false, "u"}}},
		{"the time asleep counts", 0, {{NOW, 10, true, ""}, {NOW + DAY, DAY, true, ""}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust trust = {0};

		for (size_t j = 0; j < READINGS && cases[i].readings[j].want; j++) {
			const struct reading *r = &cases[i].readings[j];
			struct clock_reading reading = {{r->wall * CLOCK_SECOND},
							{r->mono * CLOCK_SECOND},
							r->synchronised};
			struct doubt doubt =
				trust_judge(&trust, &reading, reading.wall,
					    (struct wall){cases[i].mark * CLOCK_SECOND},
					    (struct wall){BUILD * CLOCK_SECOND});
			char got[5];

			letters(&doubt, got);
			if (strcmp(got, r->want) != 0)
				fail_msg("%s, reading %zu: \"%s\", not \"%s\"", cases[i].what, j,
					 got, r->want);
			assert_int_equal(doubt_any(&doubt), strpbrk(got, "bms") != NULL);
		}
	}
}

/* What another process of this boot knew before it ended. */
static void test_reference_outlives_the_process(void **state)
{
	struct trust trust = {.has_reference = true, .reference = (NOW - 10) * CLOCK_SECOND};
	struct clock_reading reading = {{(NOW + DAY) * CLOCK_SECOND}, {20 * CLOCK_SECOND}, true};
	struct doubt doubt =
		trust_judge(&trust, &reading, reading.wall, (struct wall){0}, (struct wall){0});

	(void)state;
	assert_true(doubt.stepped);
	assert_int_equal(doubt.step_ns, (DAY - 10) * CLOCK_SECOND);
}

static void test_format(void **state)
{
	static const struct {
		struct doubt doubt;
		const char *want;
	} cases[] = {
		{{0}, ""},
		{{.unsynchronised = true}, "nobody synchronises it"},
		{{.before_build = true, .before_mark = true},
		 "it is earlier than this program; it is earlier than it has been"},
		{{.stepped = true, .step_ns = 90 * MINUTE * CLOCK_SECOND, .unsynchronised = true},
		 "it was stepped forward by 90 minutes; nobody synchronises it"},
		{{.stepped = true}, "it was set from a time that was none"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[DOUBT_TEXT];

		assert_string_equal(doubt_format(&cases[i].doubt, text), cases[i].want);
	}
}

/* No arithmetic of a clock's overflows. */
static void test_extremes(void **state)
{
	static const int64_t ends[] = {INT64_MIN / 2, -1, 0, 1, INT64_MAX / 2};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct trust trust = {.has_reference = true, .reference = INT64_MIN};

		for (size_t j = 0; j < 5; j++) {
			struct clock_reading reading = {{ends[i]}, {ends[j] / 2}, true};

			trust_judge(&trust, &reading, (struct wall){ends[j]},
				    (struct wall){ends[i]}, (struct wall){INT64_MIN});
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_reference_outlives_the_process),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
