/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/clock.h"

static void test_parse(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		int64_t ns;
	} cases[] = {
		{"2024-09-29T04:00:00Z", true, 1727582400 * CLOCK_SECOND},
		{"2024-09-29T00:00:00-04:00", true, 1727582400 * CLOCK_SECOND},
		{"2024-09-29T06:00:00+0200", true, 1727582400 * CLOCK_SECOND},
		{"2024-09-29 04:00:00.5z", true, 1727582400 * CLOCK_SECOND + CLOCK_SECOND / 2},
		{"1969-12-31T23:59:59.999999999Z", true, -1},
		{"2024-02-29T00:00:00Z", true, 1709164800 * CLOCK_SECOND},
		{"2023-02-29T00:00:00Z", false, 0},
		{"2024-09-29T24:00:00Z", false, 0},
		{"2024-09-29T04:00:60Z", false, 0},
		{"2024-09-29T04:00:00", false, 0},
		{"2024-09-29T04:00:00.Z", false, 0},
		{"2024-09-29T04:00:00Zx", false, 0},
		{"2024-09-29", false, 0},
		{"9999-09-29T04:00:00Z", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wall at = {0};

		print_message("%s\n", cases[i].in);
		assert_int_equal(wall_parse(cases[i].in, &at), cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(at.ns, cases[i].ns);
	}
}

static void test_format(void **state)
{
	char text[WALL_TEXT];
	struct wall cutoff = {1727582400 * CLOCK_SECOND + 1500};

	(void)state;
	assert_string_equal(wall_format(cutoff, text), "2024-09-29T04:00:00Z");
	assert_string_equal(wall_format_event(cutoff, text), "2024-09-29T04:00:00.000001+0000");
	assert_string_equal(wall_format(WALL_NEVER, text), "never");
	assert_string_equal(wall_format_event((struct wall){-1}, text),
			    "1969-12-31T23:59:59.999999+0000");
}

static void test_add_stops_at_the_ends(void **state)
{
	(void)state;
	assert_int_equal(wall_add((struct wall){1}, 2).ns, 3);
	assert_int_equal(wall_add((struct wall){INT64_MAX - 1}, 5).ns, INT64_MAX);
	assert_int_equal(wall_add((struct wall){INT64_MIN + 1}, -5).ns, INT64_MIN);
	assert_int_equal(wall_add(WALL_NEVER, -5).ns, INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_add_stops_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
