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

#include "daemon/recorder/event_file.h"

struct place {
	char folder[32];
	char path[64], old[64];
};

static void place_new(struct place *place)
{
	snprintf(place->folder, sizeof(place->folder), "%s", "/tmp/events.XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/events", place->folder);
	snprintf(place->old, sizeof(place->old), "%s/events.1", place->folder);
}

static void place_free(struct place *place)
{
	unlink(place->path);
	unlink(place->old);
	rmdir(place->folder);
}

static void put(struct event_file *file, const char *line)
{
	event_file_write(file, line, strlen(line));
}

static void assert_content(const char *path, const char *want)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	close(fd);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void test_appends(void **state)
{
	struct event_file *file;
	struct place place;
	struct stat status;
	mode_t mask = umask(0);

	(void)state;
	place_new(&place);
	assert_int_equal(event_file_open(&file, place.path), 0);
	umask(mask);
	put(file, "{\"a\":1}\n");
	assert_content(place.path, ""); /* it waits */
	assert_true(event_file_flush(file));
	put(file, "{\"a\":2}\n");
	event_file_close(file);
	assert_content(place.path, "{\"a\":1}\n{\"a\":2}\n");
	assert_int_equal(stat(place.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);

	assert_int_equal(event_file_open(&file, place.path), 0);
	put(file, "{\"a\":3}\n");
	assert_int_equal(event_file_counters(file).written, 0);
	assert_true(event_file_flush(file));
	assert_int_equal(event_file_counters(file).written, 1);
	event_file_close(file);
	assert_content(place.path, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
	place_free(&place);
}

static void test_writes_when_much_waits(void **state)
{
	char line[1024];
	struct event_file *file;
	struct place place;
	struct stat status;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	place_new(&place);
	assert_int_equal(event_file_open(&file, place.path), 0);
	for (size_t i = 0; i < EVENT_FILE_FLUSH / sizeof(line); i++)
		event_file_write(file, line, sizeof(line));
	assert_int_equal(stat(place.path, &status), 0);
	assert_int_equal(status.st_size, EVENT_FILE_FLUSH);
	event_file_close(file);
	place_free(&place);
}

static void test_rotation(void **state)
{
	struct event_file *file;
	struct place place;

	(void)state;
	place_new(&place);
	assert_int_equal(event_file_open(&file, place.path), 0);
	put(file, "one\n");
	assert_int_equal(rename(place.path, place.old), 0);
	put(file, "two\n");
	assert_int_equal(event_file_reopen(file), 0);
	put(file, "three\n");
	event_file_close(file);
	assert_content(place.old, "one\ntwo\n");
	assert_content(place.path, "three\n");
	place_free(&place);
}

static void test_rotation_fails(void **state)
{
	struct event_file *file;
	struct place place;

	(void)state;
	place_new(&place);
	assert_int_equal(event_file_open(&file, place.path), 0);
	assert_int_equal(rename(place.path, place.old), 0);
	assert_int_equal(mkdir(place.path, 0700), 0);
	assert_int_equal(event_file_reopen(file), -EISDIR);
	put(file, "one\n");
	event_file_close(file);
	assert_content(place.old, "one\n");
	rmdir(place.path);
	place_free(&place);
}

static void test_line_that_an_earlier_run_left_torn(void **state)
{
	struct event_file *file;
	struct place place;
	int fd;

	(void)state;
	place_new(&place);
	fd = open(place.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "{\"torn\":", 8), 8);
	close(fd);
	assert_int_equal(event_file_open(&file, place.path), 0);
	put(file, "{}\n");
	event_file_close(file);
	assert_content(place.path, "{\"torn\":\n{}\n");
	place_free(&place);
}

static void test_full_disk(void **state)
{
	char line[1024];
	struct event_file *file;
	struct event_file_counters counters;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(event_file_open(&file, "/dev/full"), 0);
	for (size_t i = 0; i < EVENT_FILE_WAITING / sizeof(line) + 7; i++)
		event_file_write(file, line, sizeof(line));
	assert_false(event_file_flush(file));
	counters = event_file_counters(file);
	assert_int_equal(counters.error, ENOSPC);
	assert_int_equal(counters.written, 0);
	assert_int_equal(counters.lost, 7);
	event_file_close(file);
}

/* A pipe takes lines piece by piece: none may be torn or doubled, and a reader that sleeps costs
 * what does not fit, not time. */
static void test_slow_reader(void **state)
{
	char path[32], line[1000], text[1000];
	struct event_file *file;
	unsigned int whole = 0;
	int pair[2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pair[1]);
	assert_int_equal(event_file_open(&file, path), 0);
	for (int i = 0; i < 2000; i++)
		event_file_write(file, line, sizeof(line));
	assert_int_equal(event_file_counters(file).error, EAGAIN);
	for (int turn = 0; turn < 2000; turn++) {
		ssize_t n = read(pair[0], text, sizeof(text));

		if (n > 0) {
			assert_int_equal(n, sizeof(text));
			assert_memory_equal(text, line, sizeof(text));
			whole++;
		}
		event_file_flush(file);
	}
	assert_int_equal(whole, event_file_counters(file).written);
	assert_int_equal(whole + event_file_counters(file).lost, 2000);
	assert_true(whole > EVENT_FILE_WAITING / sizeof(line));
	event_file_close(file);
	close(pair[0]);
	close(pair[1]);
}

/* What a full file does not take waits, and is counted as lost only at the end. */
static void test_what_waits_at_the_end_is_counted(void **state)
{
	struct event_file *file;

	(void)state;
	assert_int_equal(event_file_open(&file, "/dev/full"), 0);
	put(file, "one\n");
	put(file, "two\n");
	assert_false(event_file_flush(file));
	assert_int_equal(event_file_counters(file).waiting, 2);
	assert_int_equal(event_file_counters(file).error, ENOSPC);
	assert_int_equal(event_file_counters(file).lost, 0);
	event_file_give_up(file);
	assert_int_equal(event_file_counters(file).waiting, 0);
	assert_int_equal(event_file_counters(file).lost, 2);
	event_file_close(file);
}

/* The old file ends within a line; the new one does not begin with its rest. */
static void test_rotation_within_a_line(void **state)
{
	char target[32], line[1000];
	struct event_file *file;
	struct place place;
	int pair[2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	place_new(&place);
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", pair[1]);
	assert_int_equal(symlink(target, place.path), 0);
	assert_int_equal(event_file_open(&file, place.path), 0);
	for (int i = 0; i < 66; i++) /* a pipe holds 65 and a half */
		event_file_write(file, line, sizeof(line));
	put(file, "whole\n");
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(event_file_reopen(file), 0);
	assert_int_equal(event_file_counters(file).written, 65);
	assert_int_equal(event_file_counters(file).lost, 1);
	event_file_close(file);
	assert_content(place.path, "whole\n");
	close(pair[0]);
	close(pair[1]);
	place_free(&place);
}

static void test_no_such_folder(void **state)
{
	struct event_file *file;

	(void)state;
	assert_int_equal(event_file_open(&file, "/nonexistent/events"), -ENOENT);
	assert_null(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_writes_when_much_waits),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_rotation_fails),
		cmocka_unit_test(test_line_that_an_earlier_run_left_torn),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_rotation_within_a_line),
		cmocka_unit_test(test_what_waits_at_the_end_is_counted),
		cmocka_unit_test(test_no_such_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
