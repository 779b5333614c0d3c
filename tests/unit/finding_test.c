/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bytes.h"

static bool add(struct finding *finding, enum evidence_kind kind, const char *name)
{
	return finding_add_name(finding, kind, (const uint8_t *)name, strlen(name));
}

static void test_canonical_form(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"a.example", "dns:a.example"},
		{"A.ExAmPlE", "dns:a.example"},
		{"a.example.", "dns:a.example"},
		{"a.example..", "dns:a.example."},
		{".", ""},
		{"", ""},
		{"\xc3\x84@[`{", "dns:\xc3\x84@[`{"},
	};
	static struct finding finding;
	char text[NAMES_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		finding_reset(&finding, CARRIER_DNS);
		assert_true(add(&finding, EVIDENCE_DNS, cases[i].in));
		assert_string_equal(names_text(&finding, text), cases[i].want);
	}
}

static void test_no_name_twice(void **state)
{
	static struct finding finding;
	char text[NAMES_TEXT];

	(void)state;
	finding_reset(&finding, CARRIER_HTTP);
	assert_true(add(&finding, EVIDENCE_HTTP_CONNECT, "a"));
	assert_true(add(&finding, EVIDENCE_HTTP_HOST, "A"));
	assert_true(add(&finding, EVIDENCE_HTTP_HOST, "a."));
	assert_true(add(&finding, EVIDENCE_HTTP_HOST, "ab"));
	assert_string_equal(names_text(&finding, text), "http-connect:a http-host:a http-host:ab");
	assert_int_equal(finding.text_length, 4);
}

static void test_room_for_names(void **state)
{
	static struct finding finding;
	char name[16];

	(void)state;
	finding_reset(&finding, CARRIER_DNS);
	for (unsigned int i = 0; i < FINDING_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(add(&finding, EVIDENCE_DNS, name));
	}
	assert_false(finding.truncated);
	assert_true(add(&finding, EVIDENCE_DNS, "n0"));
	assert_false(add(&finding, EVIDENCE_DNS, "one more"));
	assert_true(finding.truncated);
	assert_int_equal(finding.names_count, FINDING_NAMES);
	finding_reset(&finding, CARRIER_DNS);
	assert_false(finding.truncated);
	assert_int_equal(finding.names_count, 0);
}

static void test_room_for_text(void **state)
{
	static struct finding finding;
	static char name[FINDING_TEXT + 1];

	(void)state;
	memset(name, 'a', FINDING_TEXT);
	finding_reset(&finding, CARRIER_TLS);
	assert_true(add(&finding, EVIDENCE_TLS_SNI, name));
	assert_int_equal(finding.text_length, FINDING_TEXT);
	assert_false(add(&finding, EVIDENCE_TLS_SNI, "b"));
	assert_true(finding.truncated);
	assert_int_equal(finding.names_count, 1);
}

static void test_evidence_words(void **state)
{
	(void)state;
	assert_string_equal(evidence_kind_name(EVIDENCE_TLS_SNI), "tls-sni");
	for (int kind = EVIDENCE_NONE; kind <= EVIDENCE_NDPI; kind++)
		for (int other = EVIDENCE_NONE; other < kind; other++)
			assert_string_not_equal(evidence_kind_name((enum evidence_kind)kind),
						evidence_kind_name((enum evidence_kind)other));
}

static void test_registry(void **state)
{
	static struct finding finding;
	size_t rows = 0, consumed;

	(void)state;
	for (; stream_classifiers[rows].name; rows++)
		assert_int_equal(stream_classifiers[rows].extract(NULL, 0, &finding, &consumed),
				 ANSWER_MORE);
	assert_int_equal(rows, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_form), cmocka_unit_test(test_no_name_twice),
		cmocka_unit_test(test_room_for_names), cmocka_unit_test(test_room_for_text),
		cmocka_unit_test(test_evidence_words), cmocka_unit_test(test_registry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
