/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/compiled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "daemon/statefile.h"
#include "tests/ruleset/sample_policy.h"

static void fill(struct sample *sample)
{
	sample_fill(sample, MODE_ENFORCE, (struct wall){1727582400 * CLOCK_SECOND},
		    (struct wall){1735689600 * CLOCK_SECOND});
	sample_complete(sample);
	sample->policy.offset_ns = -86400 * CLOCK_SECOND;
}

static char *format_sample(size_t *length)
{
	struct sample sample;
	char *text;

	fill(&sample);
	text = compiled_format(&sample.policy, &sample_options, "/run/cutoffd", length);
	assert_non_null(text);
	return text;
}

static char *print(const struct policy *policy, const struct ruleset_options *options)
{
	struct ruleset *ruleset = ruleset_compile(policy, options);
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ruleset_print(ruleset, out);
	fclose(out);
	ruleset_free(ruleset);
	return text;
}

static void test_the_very_same_ruleset(void **state)
{
	char error[COMPILED_ERROR] = "", *text, *before, *after;
	struct compiled *compiled;
	struct sample sample;
	size_t length;

	(void)state;
	fill(&sample);
	text = format_sample(&length);
	compiled = compiled_parse(text, length, error);
	assert_string_equal(error, "");
	before = print(&sample.policy, &sample_options);
	after = print(compiled->policy, &compiled->options);
	assert_string_equal(after, before);
	assert_int_equal(compiled->options.mask, SAMPLE_MASK);
	assert_int_equal(compiled->options.told, SAMPLE_TOLD);
	assert_int_equal(compiled->options.classes_allotted_count, 3);
	assert_memory_equal(compiled->options.classes_allotted, sample_allotted,
			    sizeof(sample_allotted));
	assert_int_equal(compiled->policy->offset_ns, sample.policy.offset_ns);
	assert_string_equal(compiled->runtime, "/run/cutoffd");
	compiled_free(compiled);
	free(after);
	free(before);
	free(text);
}

/* Whatever byte is another, and wherever the file ends. */
static void test_damage_is_found(void **state)
{
	static const unsigned char flips[] = {0x01, 0x20, 0x80, 0xff};
	char error[COMPILED_ERROR], *text;
	size_t length;

	(void)state;
	text = format_sample(&length);
	for (size_t at = 0; at < length; at++) {
		for (size_t i = 0; i < sizeof(flips); i++) {
			text[at] = (char)(text[at] ^ flips[i]);
			error[0] = '\0';
			assert_null(compiled_parse(text, length, error));
			assert_string_equal(error, "damaged: its sum is another");
			text[at] = (char)(text[at] ^ flips[i]);
		}
		assert_null(compiled_parse(text, at, error));
	}
	free(text);
}

/* The sample's text with the first occurrence of one text turned to another, and a right sum. */
static char *altered(const char *from, const char *to, size_t *length)
{
	char *text = format_sample(length), *found = strstr(text, from), *other;
	size_t size = *length + strlen(to) + 1;

	assert_non_null(found);
	other = calloc(1, size + STATEFILE_SUM);
	text[*length - STATEFILE_SUM] = '\0';
	snprintf(other, size, "%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
	*length = strlen(other);
	statefile_sum(other, *length, other + *length);
	*length += STATEFILE_SUM;
	free(text);
	return other;
}

static void test_nothing_is_trusted(void **state)
{
	static const char marks[] = "mask, told: not what the policy allows";
	static const char classes[] = "classes: not numbers of classes in ascending order";
	static const struct {
		const char *what, *from, *to, *error;
	} cases[] = {
		{"no JSON", "{\"form\"", "(\"form\"", "not JSON"},
		{"no object", "{\"form\":1,", "[1]{", "not JSON"},
		{"later form", "\"form\":1", "\"form\":2", "of another version of cutoffd"},
		{"no form", "\"form\"", "\"from\"", "of another version of cutoffd"},
		{"form is a text", "\"form\":1", "\"form\":\"1\"", "of another version of cutoffd"},
		{"key twice", "\"form\":1", "\"form\":1,\"form\":1", "not JSON"},
		{"mask of nothing", "\"mask\":268369920", "\"mask\":0", marks},
		{"mask with a hole", "\"mask\":268369920", "\"mask\":268365824", marks},
		{"mask too wide", "\"mask\":268369920", "\"mask\":268402688", marks},
		{"mask over the end", "\"mask\":268369920", "\"mask\":17587891077120", marks},
		{"mask below zero", "\"mask\":268369920", "\"mask\":-1", marks},
		{"mask is no number", "\"mask\":268369920", "\"mask\":null", marks},
		{"two bits told", "\"told\":268435456", "\"told\":805306368", marks},
		{"told in the mask", "\"told\":268435456", "\"told\":65536", marks},
		{"told is nothing", "\"told\":268435456", "\"told\":0", marks},
		{"class twice", "[16,17,18]", "[16,17,17]", classes},
		{"classes descend", "[16,17,18]", "[17,16,18]", classes},
		{"below the classes", "[16,17,18]", "[15,17,18]", classes},
		{"above the classes", "[16,17,18]", "[16,17,4096]", classes},
		{"class is no number", "[16,17,18]", "[16,17,\"18\"]", classes},
		{"no list of classes", "[16,17,18]", "16", classes},
		{"runtime is nothing", "\"/run/cutoffd\"", "\"\"", "runtime: not a path"},
		{"runtime with a NUL", "\"/run/cutoffd\"", "\"/run\\u0000\"", "not JSON"},
		{"runtime is no text", "\"/run/cutoffd\"", "7", "runtime: not a path"},
		{"policy is wrong", "\"mode\":\"enforce\"", "\"mode\":\"enforced\"",
		 "mode: none of its words"},
		{"no policy", "\"policy\"", "\"police\"", "mode: none of its words"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[COMPILED_ERROR] = "", *text;
		size_t length;

		text = altered(cases[i].from, cases[i].to, &length);
		if (compiled_parse(text, length, error))
			fail_msg("%s: taken", cases[i].what);
		if (strcmp(error, cases[i].error) != 0)
			fail_msg("%s: %s", cases[i].what, error);
		free(text);
	}
}

static void test_alteration_alone_does_no_harm(void **state)
{
	char error[COMPILED_ERROR] = "", *text;
	struct compiled *compiled;
	size_t length;

	(void)state;
	text = altered("\"why\"", "\"another reason\"", &length);
	compiled = compiled_parse(text, length, error);
	assert_non_null(compiled);
	assert_string_equal(compiled->policy->waivers[0].reason, "another reason");
	compiled_free(compiled);
	free(text);
}

/* ---- files ---- */

struct files {
	char folder[64], path[96], fresh[112];
};

static int make_folder(void **state)
{
	struct files *files = calloc(1, sizeof(*files));

	snprintf(files->folder, sizeof(files->folder), "/tmp/compiled_test.XXXXXX");
	assert_non_null(mkdtemp(files->folder));
	snprintf(files->path, sizeof(files->path), "%s/compiled", files->folder);
	snprintf(files->fresh, sizeof(files->fresh), "%s.new", files->path);
	*state = files;
	return 0;
}

static int remove_folder(void **state)
{
	struct files *files = *state;

	unlink(files->path);
	rmdir(files->fresh);
	assert_return_code(rmdir(files->folder), errno);
	free(files);
	return 0;
}

static int save(const struct files *files, const char *runtime)
{
	struct sample sample;

	fill(&sample);
	return compiled_save(files->folder, &sample.policy, &sample_options, runtime);
}

static void test_saved_and_loaded(void **state)
{
	struct files *files = *state;
	char error[COMPILED_ERROR] = "";
	struct compiled *compiled;
	struct stat status;

	assert_int_equal(save(files, "/run/one"), 0);
	assert_int_equal(save(files, "/run/other"), 0);
	assert_return_code(stat(files->path, &status), errno);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(access(files->fresh, F_OK), -1);
	compiled = compiled_load(files->folder, error);
	assert_string_equal(error, "");
	assert_string_equal(compiled->runtime, "/run/other");
	compiled_free(compiled);
}

static void test_none_is_named(void **state)
{
	char error[COMPILED_ERROR] = "", want[COMPILED_ERROR];
	struct files *files = *state;

	snprintf(want, sizeof(want), "%s: No such file or directory", files->path);
	assert_null(compiled_load(files->folder, error));
	assert_string_equal(error, want);
	assert_int_equal(compiled_forget(files->folder), 0);
	assert_int_equal(save(files, "/run"), 0);
	assert_int_equal(compiled_forget(files->folder), 0);
	assert_null(compiled_load(files->folder, error));
	assert_string_equal(error, want);
}

static void test_what_cannot_be_saved_leaves_nothing_old(void **state)
{
	struct files *files = *state;

	assert_int_equal(save(files, "/run"), 0);
	assert_return_code(mkdir(files->fresh, 0755), errno);
	assert_int_equal(save(files, "/run"), -EISDIR);
	assert_int_equal(access(files->path, F_OK), -1);
}

static void test_a_path_that_is_too_long(void **state)
{
	char *folder = malloc(5000), error[COMPILED_ERROR];

	(void)state;
	memset(folder, 'x', 4999);
	folder[4999] = '\0';
	assert_null(compiled_load(folder, error));
	assert_non_null(strstr(error, "/compiled: File name too long"));
	assert_int_equal(compiled_forget(folder), -ENAMETOOLONG);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_very_same_ruleset),
		cmocka_unit_test(test_damage_is_found),
		cmocka_unit_test(test_nothing_is_trusted),
		cmocka_unit_test(test_alteration_alone_does_no_harm),
		cmocka_unit_test_setup_teardown(test_saved_and_loaded, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_none_is_named, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_saved_leaves_nothing_old,
						make_folder, remove_folder),
		cmocka_unit_test(test_a_path_that_is_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
