/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "daemon/policy/numbers.h"

/* The sums were made by sha256sum. */
#define SUM_OF_NOTHING "sum e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
#define BODY                                                                                       \
	"class 16 kaspersky.updates\nclass 17 kaspersky.telemetry\n"                               \
	"stage 1 us-kaspersky-2024/updates kaspersky.updates any\nstage 2 waiver hospital-7\n"
#define SUM_OF_BODY "sum 62b83bfdec06e08d43307f903fd5b1c359487ad1608727f20781a4f19c6e42b6\n"

struct files {
	char folder[64], path[96], fresh[96];
};

static int make_folder(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	snprintf(files->folder, sizeof(files->folder), "/tmp/numbers_test.XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->path, sizeof(files->path), "%s/numbers", files->folder);
	snprintf(files->fresh, sizeof(files->fresh), "%s/numbers.new", files->folder);
	*state = files;
	return 0;
}

static int remove_folder(void **state)
{
	struct files *files = *state;

	unlink(files->path);
	unlink(files->fresh);
	rmdir(files->folder);
	free(files);
	return 0;
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static char *read_text(const char *path)
{
	char *text = calloc(1, 4096);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, 4095, file) > 0);
	fclose(file);
	return text;
}

static void test_allots_once(void **state)
{
	struct numbers *numbers = numbers_new();
	uint16_t classes[2] = {0};

	(void)state;
	assert_false(numbers_changed(numbers));
	assert_int_equal(numbers_class(numbers, "kaspersky", "updates"), 16);
	assert_int_equal(numbers_class(numbers, "kaspersky", "telemetry"), 17);
	assert_int_equal(numbers_class(numbers, "acme", "updates"), 18);
	assert_int_equal(numbers_class(numbers, "kaspersky", "updates"), 16);
	assert_int_equal(numbers_stage(numbers, "kaspersky.updates"), 1);
	assert_int_equal(numbers_stage(numbers, "b"), 2);
	assert_int_equal(numbers_stage(numbers, "a"), 3);
	assert_int_equal(numbers_stage(numbers, "b"), 2);
	assert_true(numbers_changed(numbers));
	assert_int_equal(numbers_classes(numbers, classes, 2), 3);
	assert_int_equal(classes[0], 16);
	assert_int_equal(classes[1], 17);
	assert_int_equal(numbers_classes(numbers, NULL, 0), 3);
	numbers_free(numbers);
	numbers_free(NULL);
}

static void test_names_that_no_line_holds(void **state)
{
	struct numbers *numbers = numbers_new();
	char longest[2048];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(numbers_stage(numbers, ""), 0);
	assert_int_equal(numbers_stage(numbers, "a\nstage 9 b"), 0);
	assert_int_equal(numbers_class(numbers, "tab\t", "updates"), 0);
	assert_int_equal(numbers_class(numbers, longest, "updates"), 0);
	assert_false(numbers_changed(numbers));
	assert_int_equal(numbers_stage(numbers, "schön gemacht"), 1);
	numbers_free(numbers);
}

static void test_classes_run_out(void **state)
{
	struct numbers *numbers = numbers_new();
	uint16_t classes[4096];
	char service[16];

	(void)state;
	for (int i = 16; i <= 4095; i++) {
		snprintf(service, sizeof(service), "s%d", i * 7919 % 4096);
		assert_int_equal(numbers_class(numbers, "vendor", service), i);
	}
	assert_int_equal(numbers_class(numbers, "vendor", "one-more"), 0);
	snprintf(service, sizeof(service), "s%d", 4095 * 7919 % 4096);
	assert_int_equal(numbers_class(numbers, "vendor", service), 4095);
	assert_int_equal(numbers_classes(numbers, classes, 4096), 4080);
	for (int i = 0; i < 4080; i++)
		assert_int_equal(classes[i], 16 + i);
	numbers_free(numbers);
}

static void test_parse(void **state)
{
	static const struct {
		const char *what, *text;
		int want;
		unsigned int line;
	} cases[] = {
		{"nothing allotted yet", SUM_OF_NOTHING, 0, 1},
		{"classes and stages", BODY SUM_OF_BODY, 0, 5},
		{"empty file", "", -EBADMSG, 1},
		{"no sum", BODY, -EBADMSG, 3},
		{"another sum", BODY SUM_OF_NOTHING, -EBADMSG, 5},
		{"a line changed", "class 16 kaspersky.updates\n" SUM_OF_BODY, -EBADMSG, 2},
		{"something behind the sum", BODY SUM_OF_BODY "class 18 a.b\n", -EBADMSG, 5},
		{"a word that is none", "clas 16 a.b\n" SUM_OF_BODY, -EBADMSG, 1},
		{"no name", "class 16 \n" SUM_OF_BODY, -EBADMSG, 1},
		{"no number", "class x a.b\n" SUM_OF_BODY, -EBADMSG, 1},
		{"a sign", "class +16 a.b\n" SUM_OF_BODY, -EBADMSG, 1},
		{"zero", "stage 0 a\n" SUM_OF_BODY, -EBADMSG, 1},
		{"below the first class", "class 15 a.b\n" SUM_OF_BODY, -EBADMSG, 1},
		{"above the last class", "class 4096 a.b\n" SUM_OF_BODY, -EBADMSG, 1},
		{"above the last stage", "stage 2147483648 a\n" SUM_OF_BODY, -EBADMSG, 1},
		{"above every number", "stage 99999999999999999999 a\n" SUM_OF_BODY, -EBADMSG, 1},
		{"number twice", "class 16 a.b\nclass 16 a.c\n" SUM_OF_BODY, -EBADMSG, 2},
		{"descending", "stage 2 a\nstage 1 b\n" SUM_OF_BODY, -EBADMSG, 2},
		{"name twice", "stage 1 a\nstage 2 a\n" SUM_OF_BODY, -EBADMSG, 2},
		{"control character", "stage 1 a\tb\n" SUM_OF_BODY, -EBADMSG, 1},
		{"empty line", "\n" SUM_OF_BODY, -EBADMSG, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct numbers *numbers = numbers_new();
		unsigned int line = 0;

		print_message("%s\n", cases[i].what);
		assert_int_equal(numbers_stage(numbers, "forgotten"), 1);
		assert_int_equal(
			numbers_parse(numbers, cases[i].text, strlen(cases[i].text), &line),
			cases[i].want);
		assert_int_equal(line, cases[i].line);
		assert_false(numbers_changed(numbers));
		if (cases[i].want != 0)
			assert_int_equal(numbers_classes(numbers, NULL, 0), 0);
		numbers_free(numbers);
	}
}

static void test_parse_nul_in_line(void **state)
{
	struct numbers *numbers = numbers_new();
	char text[] = BODY SUM_OF_BODY;
	unsigned int line;

	(void)state;
	*strchr(text, 'k') = '\0';
	assert_int_equal(numbers_parse(numbers, text, sizeof(text) - 1, &line), -EBADMSG);
	assert_int_equal(line, 1);
	numbers_free(numbers);
}

static void test_gaps_are_not_filled(void **state)
{
	struct files *files = *state;
	struct numbers *numbers = numbers_new();
	unsigned int line;

	assert_int_equal(numbers_class(numbers, "kaspersky", "updates"), 16);
	assert_int_equal(numbers_class(numbers, "kaspersky", "telemetry"), 17);
	assert_int_equal(numbers_stage(numbers, "us-kaspersky-2024/updates kaspersky.updates any"),
			 1);
	assert_int_equal(numbers_stage(numbers, "waiver hospital-7"), 2);
	assert_int_equal(numbers_save(numbers, files->path), 0);
	assert_int_equal(numbers_load(numbers, files->path, &line), 0);
	assert_int_equal(numbers_class(numbers, "acme", "updates"), 18);
	assert_int_equal(numbers_stage(numbers, "new"), 3);
	assert_int_equal(numbers_stage(numbers, "waiver hospital-7"), 2);
	numbers_free(numbers);
}

static void test_save_and_load(void **state)
{
	struct files *files = *state;
	struct numbers *numbers = numbers_new();
	unsigned int line = 7;
	struct stat status;
	char *text;

	umask(0077);
	write_text(files->fresh, "left over from a crash");
	assert_int_equal(numbers_class(numbers, "kaspersky", "updates"), 16);
	assert_int_equal(numbers_stage(numbers, "us-kaspersky-2024/updates kaspersky.updates any"),
			 1);
	assert_int_equal(numbers_class(numbers, "kaspersky", "telemetry"), 17);
	assert_int_equal(numbers_stage(numbers, "waiver hospital-7"), 2);
	assert_int_equal(numbers_save(numbers, files->path), 0);
	assert_false(numbers_changed(numbers));
	text = read_text(files->path);
	assert_string_equal(text, BODY SUM_OF_BODY);
	free(text);
	assert_int_equal(stat(files->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(access(files->fresh, F_OK), -1);
	numbers_free(numbers);

	numbers = numbers_new();
	assert_int_equal(numbers_load(numbers, files->path, &line), 0);
	assert_int_equal(numbers_stage(numbers, "waiver hospital-7"), 2);
	assert_int_equal(numbers_class(numbers, "kaspersky", "telemetry"), 17);
	assert_false(numbers_changed(numbers));
	numbers_free(numbers);
}

static void test_load_what_is_not_there(void **state)
{
	struct files *files = *state;
	struct numbers *numbers = numbers_new();
	unsigned int line = 7;

	unlink(files->path);
	assert_int_equal(numbers_load(numbers, files->path, &line), 0);
	assert_int_equal(line, 0);
	assert_int_equal(numbers_class(numbers, "kaspersky", "updates"), 16);
	assert_int_equal(numbers_load(numbers, files->folder, &line), -EBADMSG);
	numbers_free(numbers);
}

static void test_load_damaged(void **state)
{
	struct files *files = *state;
	struct numbers *numbers = numbers_new();
	unsigned int line;

	write_text(files->path, BODY "sum 0\n");
	assert_int_equal(numbers_load(numbers, files->path, &line), -EBADMSG);
	assert_int_not_equal(line, 0);
	write_text(files->path, "");
	assert_int_equal(numbers_load(numbers, files->path, &line), -EBADMSG);
	numbers_free(numbers);
}

static void test_save_that_fails_changes_nothing(void **state)
{
	struct files *files = *state;
	struct numbers *numbers = numbers_new();
	char *text;

	write_text(files->path, BODY SUM_OF_BODY);
	assert_int_equal(numbers_stage(numbers, "a"), 1);
	assert_int_equal(mkdir(files->fresh, 0700), 0);
	assert_int_equal(numbers_save(numbers, files->path), -EISDIR);
	assert_int_equal(rmdir(files->fresh), 0);
	assert_true(numbers_changed(numbers));
	text = read_text(files->path);
	assert_string_equal(text, BODY SUM_OF_BODY);
	free(text);
	assert_int_equal(numbers_save(numbers, "/nonexistent/numbers"), -ENOENT);
	numbers_free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allots_once),
		cmocka_unit_test(test_names_that_no_line_holds),
		cmocka_unit_test(test_classes_run_out),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_nul_in_line),
		cmocka_unit_test(test_gaps_are_not_filled),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_load_what_is_not_there),
		cmocka_unit_test(test_load_damaged),
		cmocka_unit_test(test_save_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
