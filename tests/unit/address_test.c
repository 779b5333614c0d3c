/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/address.h"

static void test_prefix_parse(void **state)
{
	static const struct {
		const char *in;
		enum prefix_error error;
		const char *canonical;
	} cases[] = {
		{"10.0.0.0/8", PREFIX_OK, "10.0.0.0/8"},
		{"10.0.0.1", PREFIX_OK, "10.0.0.1/32"},
		{"10.0.0.1/8", PREFIX_HOST_BITS, "10.0.0.0/8"},
		{"77.74.183.255/21", PREFIX_HOST_BITS, "77.74.176.0/21"},
		{"0.0.0.0/0", PREFIX_OK, "0.0.0.0/0"},
		{"2A03:2480::/32", PREFIX_OK, "2a03:2480::/32"},
		{"2a03:2480::1/33", PREFIX_HOST_BITS, "2a03:2480::/33"},
		{"::1", PREFIX_OK, "::1/128"},
		{"10.0.0.0/33", PREFIX_BAD_LENGTH, NULL},
		{"10.0.0.0/", PREFIX_BAD_LENGTH, NULL},
		{"10.0.0.0/8x", PREFIX_BAD_LENGTH, NULL},
		{"10.0.0.0/-1", PREFIX_BAD_LENGTH, NULL},
		{"10.0.0.0/0008", PREFIX_BAD_LENGTH, NULL},
		{"::/129", PREFIX_BAD_LENGTH, NULL},
		{"10.0.0", PREFIX_NOT_AN_ADDRESS, NULL},
		{"host.example/8", PREFIX_NOT_AN_ADDRESS, NULL},
		{"", PREFIX_NOT_AN_ADDRESS, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix prefix;
		char text[PREFIX_TEXT];

		print_message("%s\n", cases[i].in);
		assert_int_equal(prefix_parse(cases[i].in, &prefix), cases[i].error);
		if (cases[i].canonical)
			assert_string_equal(prefix_format(&prefix, text), cases[i].canonical);
	}
}

static void test_prefix_contains(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool want;
	} cases[] = {
		{"77.74.176.0/21", "77.74.183.255", true},
		{"77.74.176.0/21", "77.74.184.0", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "10.0.0.1", false},
		{"2a03:2480::/32", "2a03:2480:ffff::1", true},
		{"2a03:2480::/32", "2a03:2481::1", false},
		{"10.0.0.1/32", "10.0.0.1", true},
		{"10.0.0.1/32", "10.0.0.2", false},
		{"10.0.0.0/31", "10.0.0.1", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix prefix;
		struct address address;

		print_message("%s %s\n", cases[i].prefix, cases[i].address);
		assert_int_equal(prefix_parse(cases[i].prefix, &prefix), PREFIX_OK);
		assert_true(address_parse(cases[i].address, &address));
		assert_int_equal(prefix_contains(&prefix, &address), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_prefix_contains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
