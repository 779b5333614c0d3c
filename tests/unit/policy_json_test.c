/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/policy/policy.h"

/* One of everything, in the canonical form: what policy_to_json writes is this text again. */
static const char good[] =
	"{\"mode\": \"enforce\", \"offset_ns\": -5, \"classes\": ["
	"{\"number\": 16, \"vendor\": \"kaspersky\", \"service\": \"updates\"}, "
	"{\"number\": 18, \"vendor\": \"kaspersky\", \"service\": \"telemetry\"}], \"scopes\": ["
	"{\"name\": \"any\", \"sources\": [\"0.0.0.0/0\", \"::/0\"], \"fail\": \"open\", "
	"\"midstream\": \"pass\"}, "
	"{\"name\": \"lan\", \"sources\": [\"192.168.0.0/16\"], \"fail\": \"closed\", "
	"\"midstream\": \"reset\"}], \"stages\": ["
	"{\"number\": 3, \"class\": 16, \"scope\": 1, \"measure\": \"m\", \"stage\": \"s\", "
	"\"cutoff\": 1727582400000000000, \"until\": null, \"action\": \"drop\", "
	"\"counts\": \"legal\", \"verified\": true}, "
	"{\"number\": 1, \"class\": 16, \"scope\": 0, \"measure\": \"m\", \"stage\": \"t\", "
	"\"cutoff\": -9, \"until\": 5, \"action\": \"reject\", \"counts\": \"vendor\", "
	"\"verified\": false}], \"waivers\": ["
	"{\"number\": 2, \"id\": \"w\", \"reason\": \"why\", \"approver\": \"who\", "
	"\"hosts\": [\"192.168.3.4/32\"], \"classes\": [16, 18], \"until\": 7}], "
	"\"never\": [\"203.0.113.0/24\"]}";

/* The good text with the first occurrence of one text turned to another; a new reference. */
static json_t *load(const char *from, const char *to)
{
	const char *found = strstr(good, from);
	char text[4096];
	json_t *json;

	assert_non_null(found);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(found - good), good, to,
		 found + strlen(from));
	json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_non_null(json);
	return json;
}

static void test_round_trip(void **state)
{
	char error[POLICY_ERROR] = "";
	json_t *json = load("", "");
	struct policy *policy = policy_from_json(json, error);
	json_t *again;
	char *text;

	(void)state;
	assert_string_equal(error, "");
	again = policy_to_json(policy);
	text = json_dumps(again, 0);
	assert_string_equal(text, good);
	free(text);
	json_decref(again);
	json_decref(json);
	policy_free(policy);
}

static void test_values(void **state)
{
	char error[POLICY_ERROR] = "";
	json_t *json = load("", "");
	struct policy *policy = policy_from_json(json, error);

	(void)state;
	json_decref(json); /* the policy keeps nothing of it */
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_int_equal(policy->offset_ns, -5);
	assert_int_equal(policy->classes[1].number, 18);
	assert_string_equal(policy->classes[1].service, "telemetry");
	assert_true(policy->scopes[0].any);
	assert_false(policy->scopes[1].any);
	assert_int_equal(policy->scopes[1].fail, FAIL_CLOSED);
	assert_int_equal(policy->scopes[1].midstream, MIDSTREAM_RESET);
	assert_int_equal(policy->stages[0].number, 3);
	assert_int_equal(policy->stages[0].action, ACTION_DROP);
	assert_int_equal(policy->stages[0].until.ns, WALL_NEVER.ns);
	assert_true(policy->stages[0].verified);
	assert_int_equal(policy->stages[1].cutoff.ns, -9);
	assert_int_equal(policy->stages[1].counts, COUNTS_VENDOR);
	assert_string_equal(policy->waivers[0].approver, "who");
	assert_int_equal(policy->waivers[0].hosts[0].length, 32);
	assert_int_equal(policy->waivers[0].classes[1], 18);
	assert_int_equal(policy->never[0].length, 24);
	policy_free(policy);
}

static void test_nothing_is_trusted(void **state)
{
	static const struct {
		const char *what, *from, *to, *error;
	} cases[] = {
		{"no object", good, "[]", "mode: none of its words"},
		{"a number", good, "7", "mode: none of its words"},
		{"unknown mode", "enforce", "enforced", "mode: none of its words"},
		{"offset is a text", "-5", "\"-5\"", "offset_ns: not an integer in its range"},
		{"offset is a fraction", "-5", "-5.0", "offset_ns: not an integer in its range"},
		{"no list of classes", "\"classes\"", "\"klasses\"", "classes: not a list"},
		{"class is no object",
		 "{\"number\": 16, \"vendor\": \"kaspersky\", \"service\": "
		 "\"updates\"}",
		 "16", "classes[0].number: not an integer in its range"},
		{"class below the first", "\"number\": 16", "\"number\": 15",
		 "classes[0].number: not an integer in its range"},
		{"class above the last", "\"number\": 18", "\"number\": 4096",
		 "classes[1].number: not an integer in its range"},
		{"class that wraps to a good one", "\"number\": 18", "\"number\": 65554",
		 "classes[1].number: not an integer in its range"},
		{"classes descend", "\"number\": 18", "\"number\": 16",
		 "classes[1].number: not in ascending order"},
		{"vendor is missing", "\"vendor\"", "\"seller\"", "classes[0].vendor: not a text"},
		{"NUL in a text", "\"updates\"", "\"up\\u0000dates\"",
		 "classes[0].service: not a text"},
		{"scopes are no list", "\"scopes\": [", "\"scopes\": 0, \"x\": [",
		 "scopes: not a list"},
		{"no prefix", "192.168.0.0/16", "192.168.0.0/33",
		 "scopes[1].sources: not a list of prefixes"},
		{"bits beyond the prefix", "192.168.0.0/16", "192.168.0.1/16",
		 "scopes[1].sources: not a list of prefixes"},
		{"prefix is a number", "\"192.168.0.0/16\"", "3232235520",
		 "scopes[1].sources: not a list of prefixes"},
		{"sources are no list", "[\"192.168.0.0/16\"]", "\"192.168.0.0/16\"",
		 "scopes[1].sources: not a list"},
		{"unknown fail mode", "\"closed\"", "null", "scopes[1].fail: none of its words"},
		{"unknown midstream", "\"reset\"", "\"rst\"",
		 "scopes[1].midstream: none of its words"},
		{"stage zero", "\"number\": 3", "\"number\": 0",
		 "stages[0].number: not an integer in its range"},
		{"stage beyond 32 bits", "\"number\": 3", "\"number\": 4294967297",
		 "stages[0].number: not an integer in its range"},
		{"class that there is not", "\"class\": 16", "\"class\": 17",
		 "stages[0].class: no such class"},
		{"class that is none", "\"class\": 16", "\"class\": 7",
		 "stages[0].class: not an integer in its range"},
		{"scope that there is not", "\"scope\": 1", "\"scope\": 2",
		 "stages[0].scope: no such scope"},
		{"scope below zero", "\"scope\": 1", "\"scope\": -1",
		 "stages[0].scope: not an integer in its range"},
		{"cutoff is null", "1727582400000000000", "null",
		 "stages[0].cutoff: not an integer in its range"},
		{"until is missing", "\"until\": null", "\"end\": null",
		 "stages[0].until: not an integer in its range"},
		{"unknown action", "\"reject\"", "\"refuse\"",
		 "stages[1].action: none of its words"},
		{"unknown counts", "\"legal\"", "\"law\"", "stages[0].counts: none of its words"},
		{"verified is a number", "\"verified\": true", "\"verified\": 1",
		 "stages[0].verified: neither true nor false"},
		{"reject before drop", "\"drop\"", "\"reject\"",
		 "stages[1].number: not in the order of being asked"},
		{"waiver's class that there is not", "[16, 18]", "[16, 17]",
		 "waivers[0].classes: not a list of classes in ascending order"},
		{"waiver's class wraps to a good one", "[16, 18]", "[16, 65554]",
		 "waivers[0].classes: not a list of classes in ascending order"},
		{"waiver's classes twice", "[16, 18]", "[16, 16]",
		 "waivers[0].classes: not a list of classes in ascending order"},
		{"waiver's hosts", "\"192.168.3.4/32\"", "\"host.example\"",
		 "waivers[0].hosts: not a list of prefixes"},
		{"never is missing", "\"never\"", "\"ever\"", "never: not a list"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *json = load(cases[i].from, cases[i].to);
		char error[POLICY_ERROR] = "";

		print_message("%s\n", cases[i].what);
		assert_null(policy_from_json(json, error));
		assert_string_equal(error, cases[i].error);
		json_decref(json);
	}
}

static void test_no_json(void **state)
{
	char error[POLICY_ERROR] = "";

	(void)state;
	assert_null(policy_from_json(NULL, error));
	assert_string_equal(error, "mode: none of its words");
}

static void test_text_that_is_not_utf8(void **state)
{
	char error[POLICY_ERROR] = "";
	json_t *json = load("", "");
	struct policy *policy = policy_from_json(json, error);
	struct policy_waiver waiver = policy->waivers[0];

	(void)state;
	waiver.reason = "\xff";
	policy->waivers = &waiver;
	assert_null(policy_to_json(policy));
	policy_free(policy);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nothing_is_trusted),
		cmocka_unit_test(test_no_json),
		cmocka_unit_test(test_text_that_is_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
