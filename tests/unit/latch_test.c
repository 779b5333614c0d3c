/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/enforcer/latch.h"
#include "daemon/enforcer/latch_file.h"

static struct wall seconds(int64_t s)
{
	return (struct wall){s * CLOCK_SECOND};
}

static struct latch_entry entry(uint32_t number, int64_t since, int64_t seen)
{
	return (struct latch_entry){.number = number,
				    .since = seconds(since),
				    .seen = seconds(seen),
				    .name = "m/s v.s all"};
}

/* "3 5? 9": what is latched, in order; a suspect with a question mark. */
static const char *list(const struct latch *latch, char text[128])
{
	size_t count, n = 0;
	const struct latch_entry *entries = latch_entries(latch, &count);

	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(text + n, 128 - n, "%s%u%s", i ? " " : "", entries[i].number,
				      entries[i].suspect ? "?" : "");
	return text;
}

static void assert_list(const char *what, const struct latch *latch, const char *want)
{
	char got[128];

	if (strcmp(list(latch, got), want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", what, got, want);
}

/* ---- what is latched ---- */

static void test_take(void **state)
{
	static const struct {
		const char *what;
		int64_t mark, since, now;
		bool believed;
		const char *want;
	} cases[] = {
		{"its time has come", 0, 1000, 1000, true, "3"},
		{"it has not", 0, 1000, 999, true, "3?"},
		{"a clock in doubt says so", 0, 1000, 1000, false, "3?"},
		{"but a good one did before", 1000, 1000, 1000, false, "3"},
		{"and is set back now", 1000, 1000, 5, false, "3"},
		{"a mark that does not reach it", 999, 1000, 5, true, "3?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct latch *latch = latch_new();
		struct latch_entry e = entry(3, cases[i].since, cases[i].now);

		latch_move_mark(latch, seconds(cases[i].mark));
		assert_true(latch_take(latch, &e, cases[i].believed));
		assert_list(cases[i].what, latch, cases[i].want);
		assert_false(latch_take(latch, &e, !cases[i].believed));
		assert_list(cases[i].what, latch, cases[i].want);
		latch_free(latch);
	}
}

static void test_suspects(void **state)
{
	static const uint32_t held[] = {9, 3};
	struct latch *latch = latch_new();
	const struct latch_entry entries[] = {entry(3, 1000, 5), entry(5, 2000, 5),
					      entry(9, 3000, 5)};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(latch_take(latch, &entries[i], false));
	assert_list("all", latch, "3? 5? 9?");
	assert_int_equal(latch_confirm(latch, seconds(2500), false), 0);
	assert_int_equal(latch_confirm(latch, seconds(1500), true), 1);
	assert_list("the first has come", latch, "3 5? 9?");
	latch_forget_suspects(latch, held, 2);
	assert_list("the kernel lost one", latch, "3 9?");
	latch_forget_suspects(latch, NULL, 0);
	assert_list("a latch is none of them", latch, "3");
	latch_free(latch);
}

struct made {
	struct policy policy;
	struct policy_stage stages[2];
	struct policy_waiver waivers[1];
	struct numbers *numbers;
};

/* Numbers 1 and 2 are stages, 3 is a waiver. */
static void make(struct made *made, int64_t first, int64_t second, int64_t waiver)
{
	*made = (struct made){.numbers = numbers_new()};
	assert_int_equal(numbers_stage(made->numbers, "m/a v.s all"), 1);
	assert_int_equal(numbers_stage(made->numbers, "m/b v.s all"), 2);
	assert_int_equal(numbers_stage(made->numbers, "waiver w"), 3);
	made->stages[0] = (struct policy_stage){.number = 1, .cutoff = seconds(first)};
	made->stages[1] = (struct policy_stage){.number = 2, .cutoff = seconds(second)};
	made->waivers[0] = (struct policy_waiver){.number = 3, .until = seconds(waiver)};
	made->policy = (struct policy){.stages = made->stages,
				       .stages_count = 2,
				       .waivers = made->waivers,
				       .waivers_count = 1};
}

static void test_by_mark(void **state)
{
	static const struct {
		const char *what;
		int64_t mark, first, second, waiver;
		const char *want;
	} cases[] = {
		{"no mark yet", 0, 1, 1, 1, ""},
		{"all to come", 999, 1000, 1001, 1002, ""},
		{"the first, to the second", 1000, 1000, 1001, 1002, "1"},
		{"a waiver's end", 1000, 1001, 1002, 900, "3"},
		{"all", 5000, 1000, 1001, 1002, "1 2 3"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct latch *latch = latch_new();
		struct made made;

		make(&made, cases[i].first, cases[i].second, cases[i].waiver);
		latch_move_mark(latch, seconds(cases[i].mark));
		latch_by_mark(latch, &made.policy, made.numbers);
		assert_list(cases[i].what, latch, cases[i].want);
		assert_int_equal(latch_by_mark(latch, &made.policy, made.numbers), 0);
		latch_free(latch);
		numbers_free(made.numbers);
	}
}

static void test_by_mark_confirms(void **state)
{
	struct latch *latch = latch_new();
	const struct latch_entry e = entry(1, 1000, 5);
	struct made made;

	(void)state;
	make(&made, 1000, 2000, 3000);
	assert_true(latch_take(latch, &e, false));
	latch_move_mark(latch, seconds(1500));
	assert_int_equal(latch_by_mark(latch, &made.policy, made.numbers), 1);
	assert_list("no suspect any more", latch, "1");
	assert_true(latch_changed(latch));
	latch_free(latch);
	numbers_free(made.numbers);
}

static void test_amend(void **state)
{
	static const struct {
		const char *what;
		int64_t first, waiver;
		const char *want, *lifted;
		int64_t since; /* of the first then */
	} cases[] = {
		{"nothing moves", 1000, 3000, "1 3 7", "", 1000},
		{"later", 1001, 3000, "3 7", "1", 0},
		{"earlier", 900, 3000, "1 3 7", "", 900},
		{"a waiver is prolonged", 1000, 3001, "1 7", "3", 1000},
		{"both", 1001, 3001, "7", "1 3", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct latch_entry entries[] = {entry(1, 1000, 5000), entry(3, 3000, 5000),
						      entry(7, 4000, 5000)};
		struct latch *latch = latch_new(), *lifted = latch_new();
		struct made made;

		for (size_t j = 0; j < 3; j++)
			assert_true(latch_take(latch, &entries[j], true));
		make(&made, cases[i].first, 2000, cases[i].waiver);
		latch_amend(latch, &made.policy, lifted);
		assert_list(cases[i].what, latch, cases[i].want);
		assert_list(cases[i].what, lifted, cases[i].lifted);
		if (cases[i].since)
			assert_int_equal(latch_find(latch, 1)->since.ns,
					 cases[i].since * CLOCK_SECOND);
		latch_free(latch);
		latch_free(lifted);
		numbers_free(made.numbers);
	}
}

static void test_lift_and_mark_back(void **state)
{
	const struct latch_entry e = entry(4, 1000, 5000);
	struct latch *latch = latch_new(), *lifted = latch_new();

	(void)state;
	assert_true(latch_take(latch, &e, true));
	latch_lift(latch, 5, lifted);
	assert_list("another", lifted, "");
	latch_lift(latch, 4, lifted);
	assert_list("lifted", lifted, "4");
	assert_list("lifted", latch, "");
	latch_move_mark(latch, seconds(700));
	latch_move_mark(latch, seconds(600));
	assert_int_equal(latch_mark(latch).ns, seconds(700).ns);
	latch_set_mark_back(latch, seconds(800));
	assert_int_equal(latch_mark(latch).ns, seconds(700).ns);
	latch_set_mark_back(latch, seconds(500));
	assert_int_equal(latch_mark(latch).ns, seconds(500).ns);
	latch_free(latch);
	latch_free(lifted);
}

static void test_is_called(void **state)
{
	static const struct {
		const char *name, *text;
		bool want;
	} cases[] = {
		{"m/s v.u lan", "12", true},	      {"m/s v.u lan", "1", false},
		{"m/s v.u lan", "m/s", true},	      {"m/s v.u lan", "m/s/v.u", true},
		{"m/s v.u lan", "m/s/v.u/lan", true}, {"m/s v.u lan", "m", false},
		{"m/s v.u lan", "m/", false},	      {"m/s v.u lan", "m/s/", false},
		{"m/s v.u lan", "m/s/v", false},      {"m/s v.u lan", "m/s/v.u/lan/x", false},
		{"m/stage v.u lan", "m/s", false},    {"m/s v.u lan", "", false},
		{"waiver w1", "waiver/w1", true},     {"waiver w1", "waiver", false},
		{"waiver w12", "waiver/w1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct latch_entry e = {.number = 12, .name = cases[i].name};

		if (latch_is_called(&e, cases[i].text) != cases[i].want)
			fail_msg("%s: %s", cases[i].name, cases[i].text);
	}
}

/* ---- text and file ---- */

struct fixture {
	char folder[32], path[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->folder, sizeof(f->folder), "/tmp/latch-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/latched", f->folder);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"latched", "latched.new", "latched.damaged"};
	struct fixture *f = *state;
	char path[96];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct latch *filled(void)
{
	struct latch *latch = latch_new();
	struct latch_entry e = entry(3, 1000, 2000);

	assert_true(latch_take(latch, &e, true));
	e = entry(1, -7, 2000);
	e.name = "waiver a name";
	assert_true(latch_take(latch, &e, true));
	e = entry(70000, 9000, 2000);
	assert_true(latch_take(latch, &e, true));
	latch_move_mark(latch, seconds(2000));
	latch_set_reference(latch, "a-boot", -12345);
	return latch;
}

static void assert_filled(const struct latch *latch)
{
	int64_t reference;

	assert_list("as it was", latch, "1 3 70000?");
	assert_string_equal(latch_find(latch, 1)->name, "waiver a name");
	assert_int_equal(latch_find(latch, 1)->since.ns, seconds(-7).ns);
	assert_int_equal(latch_find(latch, 3)->seen.ns, seconds(2000).ns);
	assert_int_equal(latch_mark(latch).ns, seconds(2000).ns);
	assert_true(latch_reference(latch, "a-boot", &reference));
	assert_int_equal(reference, -12345);
	assert_false(latch_reference(latch, "another", &reference));
}

static void test_save_and_load(void **state)
{
	struct fixture *f = *state;
	struct latch *latch = filled(), *copy = latch_copy(latch), *loaded = latch_new();
	struct stat status;
	unsigned int line;

	assert_int_equal(latch_load(loaded, f->path, &line), 0); /* none yet */
	assert_list("none", loaded, "");
	assert_filled(copy);
	assert_true(latch_changed(copy));
	assert_int_equal(latch_save(copy, f->path), 0);
	assert_false(latch_dirty(copy));
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(latch_load(loaded, f->path, &line), 0);
	assert_filled(loaded);
	assert_false(latch_dirty(loaded));
	latch_free(latch);
	latch_free(copy);
	latch_free(loaded);
}

/* A minute's worth of time is worth a write, less only at the end. */
static void test_changed(void **state)
{
	struct fixture *f = *state;
	struct latch *latch = filled();

	assert_int_equal(latch_save(latch, f->path), 0);
	latch_move_mark(latch, seconds(2059));
	assert_false(latch_changed(latch));
	assert_true(latch_dirty(latch));
	latch_move_mark(latch, seconds(2060));
	assert_true(latch_changed(latch));
	assert_int_equal(latch_save(latch, f->path), 0);
	latch_set_reference(latch, "a-boot", -12345 + CLOCK_SECOND - 1);
	assert_false(latch_dirty(latch));
	latch_set_reference(latch, "a-boot", -12345 - CLOCK_SECOND);
	assert_true(latch_changed(latch));
	latch_free(latch);
}

static char *text_of(const char *path, size_t *length)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(65536);

	assert_non_null(file);
	*length = fread(text, 1, 65536, file);
	fclose(file);
	return text;
}

/* Whatever byte is another: damaged, and nothing is taken from it. */
static void test_every_damage_is_seen(void **state)
{
	struct fixture *f = *state;
	struct latch *latch = filled();
	unsigned int line;
	size_t length;
	char *text;

	assert_int_equal(latch_save(latch, f->path), 0);
	text = text_of(f->path, &length);
	for (size_t i = 0; i < length; i++) {
		text[i] ^= 1;
		assert_int_equal(latch_parse(latch, text, length, &line), -EBADMSG);
		assert_true(line > 0);
		assert_list("nothing", latch, "");
		assert_int_equal(latch_mark(latch).ns, 0);
		text[i] ^= 1;
		if (i > 0)
			assert_int_equal(latch_parse(latch, text, i, &line), -EBADMSG);
	}
	assert_int_equal(latch_parse(latch, text, length, &line), 0);
	assert_filled(latch);
	free(text);
	latch_free(latch);
}

static void test_damaged_file_is_put_aside(void **state)
{
	struct fixture *f = *state;
	struct latch *latch = latch_new();
	char aside[96];
	bool damaged;
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "latch\n", 6), 6);
	close(fd);
	assert_int_equal(latch_file_load(latch, f->folder, false, &damaged), 0);
	assert_true(damaged);
	snprintf(aside, sizeof(aside), "%s.damaged", f->path);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_not_equal(access(f->path, F_OK), 0);
	assert_int_equal(latch_file_load(latch, f->folder, false, &damaged), 0);
	assert_false(damaged);
	latch_free(latch);
}

static void test_rehearsals_are_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct latch *latch = filled(), *loaded = latch_new();
	char path[96];
	bool damaged;

	assert_int_equal(latch_file_save(latch, f->folder, true), 0);
	assert_int_equal(latch_file_load(loaded, f->folder, false, &damaged), 0);
	assert_list("the real one", loaded, "");
	assert_int_equal(latch_file_load(loaded, f->folder, true, &damaged), 0);
	assert_filled(loaded);
	latch_file_end_rehearsal(f->folder);
	snprintf(path, sizeof(path), "%s/rehearsal", f->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	latch_free(latch);
	latch_free(loaded);
}

static void test_save_that_fails_changes_nothing(void **state)
{
	struct latch *latch = filled();

	(void)state;
	assert_int_equal(latch_save(latch, "/nonexistent/folder/latched"), -ENOENT);
	assert_true(latch_changed(latch));
	latch_free(latch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_by_mark),
		cmocka_unit_test(test_by_mark_confirms),
		cmocka_unit_test(test_amend),
		cmocka_unit_test(test_lift_and_mark_back),
		cmocka_unit_test(test_is_called),
		cmocka_unit_test_setup_teardown(test_save_and_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_damage_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_file_is_put_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rehearsals_are_kept_apart, setup, teardown),
		cmocka_unit_test(test_save_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
