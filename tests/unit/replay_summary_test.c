/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/replay_summary.h"

#define TEXT 4096

static void print(const struct sensor_counters *counters, char text[TEXT])
{
	struct replay_summary *summary = replay_summary_new();
	FILE *out = fmemopen(text, TEXT, "w");

	assert_non_null(out);
	replay_summary_print(summary, counters, out);
	assert_int_equal(fclose(out), 0);
	replay_summary_free(summary);
}

static void test_what_was_given_up_is_named(void **state)
{
	static const struct {
		const char *what;
		struct sensor_counters counters;
		const char *want; /* NULL: nothing was given up */
	} cases[] = {
		{"nothing", {.packets = 2, .decoded = {2}}, NULL},
		{"a packet that is no IP",
		 {.packets = 2, .decoded = {[DECODE_OK] = 1, [DECODE_NOT_IP] = 1}},
		 "not-ip: 1\n"},
		{"a full pool",
		 {.packets = 2, .decoded = {2}, .reassembly_full = 3},
		 "reassembly-full: 3\n"},
		{"want of memory alone",
		 {.packets = 2, .decoded = {2}, .no_memory = 4},
		 "no-memory: 4\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[TEXT];
		const char *found;

		print(&cases[i].counters, text);
		found = strstr(text, "not looked into, or given up:\n");
		if (cases[i].want ? !found || !strstr(found, cases[i].want) : found != NULL)
			fail_msg("%s: %s", cases[i].what, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_given_up_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
