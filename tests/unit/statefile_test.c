/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/statefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

struct files {
	char folder[64], path[96], fresh[112];
};

static int make_folder(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	snprintf(files->folder, sizeof(files->folder), "/tmp/statefile_test.XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->path, sizeof(files->path), "%s/file", files->folder);
	snprintf(files->fresh, sizeof(files->fresh), "%s.new", files->path);
	*state = files;
	return 0;
}

static int remove_folder(void **state)
{
	struct files *files = *state;

	unlink(files->path);
	assert_return_code(rmdir(files->folder), errno); /* nothing else was left */
	free(files);
	return 0;
}

/* The sums were made by sha256sum. */
static void test_sum(void **state)
{
	static const struct {
		const char *what, *text;
		bool want;
	} cases[] = {
		{"of nothing",
		 "sum e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n", true},
		{"of abc",
		 "abcsum ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", true},
		{"another text",
		 "abdsum ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n",
		 false},
		{"no end of line",
		 "abcsum ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ", false},
		{"in capitals",
		 "abcsum BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n",
		 false},
		{"too short for one", "sum ", false},
		{"empty", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (statefile_sum_right(cases[i].text, strlen(cases[i].text)) != cases[i].want)
			fail_msg("%s", cases[i].what);
}

static void test_what_was_saved_is_read(void **state)
{
	static const char text[] = "with\0a NUL\n";
	struct files *files = *state;
	size_t length;
	char *got;

	assert_int_equal(statefile_save(files->path, "the one before, which is longer", 31), 0);
	assert_int_equal(statefile_save(files->path, text, sizeof(text)), 0);
	assert_int_equal(access(files->fresh, F_OK), -1);
	assert_int_equal(statefile_read(files->path, sizeof(text), &got, &length), 0);
	assert_int_equal(length, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
	free(got);
	assert_int_equal(statefile_save(files->path, "", 0), 0);
	assert_int_equal(statefile_read(files->path, 0, &got, &length), 0);
	assert_int_equal(length, 0);
	free(got);
}

static void test_what_is_no_such_file(void **state)
{
	struct files *files = *state;
	size_t length;
	char *got;

	assert_int_equal(statefile_read(files->path, 100, &got, &length), -ENOENT);
	assert_null(got);
	assert_int_equal(statefile_read(files->folder, 1 << 20, &got, &length), -EBADMSG);
	assert_null(got);
	assert_int_equal(statefile_save(files->path, "too long", 8), 0);
	assert_int_equal(statefile_read(files->path, 7, &got, &length), -EBADMSG);
	assert_null(got);
	assert_int_equal(length, 0);
}

static void test_a_save_that_fails_leaves_the_old(void **state)
{
	struct files *files = *state;
	size_t length;
	char *got;

	assert_int_equal(statefile_save(files->path, "old", 3), 0);
	assert_return_code(symlink("elsewhere", files->fresh), errno);
	assert_int_equal(statefile_save(files->path, "new", 3), -ELOOP);
	assert_int_equal(statefile_read(files->path, 3, &got, &length), 0);
	assert_memory_equal(got, "old", 3);
	free(got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		TEST(test_what_was_saved_is_read),
		TEST(test_what_is_no_such_file),
		TEST(test_a_save_that_fails_leaves_the_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
