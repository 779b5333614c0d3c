/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/policy/stage.h"

#define HOUR (3600 * CLOCK_SECOND)

/* The cutoff is at 100 h. */
static void test_began_between(void **state)
{
	static const struct {
		const char *what;
		int64_t offset, after, until; /* hours */
		bool want;
	} cases[] = {
		{"before it", 0, 90, 99, false},
		{"across it", 0, 99, 101, true},
		{"up to its instant", 0, 99, 100, true},
		{"from its instant on: told of already", 0, 100, 101, false},
		{"long after it", 0, 101, 110, false},
		{"a rehearsal brings it forward", 60, 39, 40, true},
		{"a rehearsal: the real instant is not its", 60, 99, 101, false},
		{"a rehearsal puts it off", -60, 159, 160, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_stage stage = {.cutoff = {100 * HOUR}};
		bool got = stage_began_between(&stage, cases[i].offset * HOUR,
					       (struct wall){cases[i].after * HOUR},
					       (struct wall){cases[i].until * HOUR});

		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].what, got);
	}
}

/* What was told of while it was rehearsed is told of again when it comes. */
static void test_ended_rehearsal_hides_no_cutoff(void **state)
{
	const struct policy_stage stage = {.cutoff = {100 * HOUR}};
	const struct wall rehearsed = {41 * HOUR}, real = {100 * HOUR};

	(void)state;
	assert_true(stage_began_between(&stage, 60 * HOUR, (struct wall){39 * HOUR}, rehearsed));
	assert_true(stage_began_between(&stage, 0, rehearsed, real));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_began_between),
		cmocka_unit_test(test_ended_rehearsal_hides_no_cutoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
