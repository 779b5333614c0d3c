/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/policy/numbers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/evidence.h"
#include "daemon/arena.h"
#include "daemon/statefile.h"

#define FILE_MAX (16 * 1024 * 1024)

struct number {
	uint32_t number;
	const char *name;
};

/* One kind of numbers, ascending; by_name holds the same for a binary search. */
struct table {
	const char *word; /* a line's first */
	uint32_t first, last;
	struct number **by_number, **by_name;
	size_t count, room;
};

struct numbers {
	struct table classes, stages;
	bool changed;
	struct arena *arena;
};

static void reset(struct numbers *numbers)
{
	arena_free(numbers->arena);
	*numbers = (struct numbers){
		.classes = {.word = "class", .first = FIELD_CLASS, .last = FIELD_MAX},
		.stages = {.word = "stage", .first = 1, .last = INT32_MAX},
		.arena = arena_new(),
	};
}

struct numbers *numbers_new(void)
{
	struct numbers *numbers = calloc(1, sizeof(*numbers));

	if (!numbers)
		abort();
	reset(numbers);
	return numbers;
}

void numbers_free(struct numbers *numbers)
{
	if (!numbers)
		return;
	arena_free(numbers->arena);
	free(numbers);
}

/* ---- tables ---- */

/* The first in by_name that does not come before name; count: all do. */
static size_t table_find(const struct table *table, const char *name, bool *found)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < table->count && strcmp(table->by_name[low]->name, name) == 0;
	return low;
}

static void table_make_room(struct table *table, struct arena *arena)
{
	size_t room = table->room ? table->room * 2 : 64;

	if (table->count < table->room)
		return;
	table->by_number =
		arena_grow(arena, table->by_number, table->count, room, sizeof(struct number *));
	table->by_name =
		arena_grow(arena, table->by_name, table->count, room, sizeof(struct number *));
	table->room = room;
}

/* number is greater than all in the table; at: as table_find says. */
static void table_insert(struct table *table, struct arena *arena, size_t at, uint32_t number,
			 const char *name)
{
	struct number *added = arena_alloc(arena, sizeof(*added));

	table_make_room(table, arena);
	added->number = number;
	added->name = arena_string(arena, name);
	memmove(&table->by_name[at + 1], &table->by_name[at],
		(table->count - at) * sizeof(struct number *));
	table->by_name[at] = added;
	table->by_number[table->count++] = added;
}

/* The least number that may be allotted next. */
static uint32_t table_next(const struct table *table)
{
	return table->count ? table->by_number[table->count - 1]->number + 1 : table->first;
}

static bool name_valid(const char *name)
{
	if (name[0] == '\0')
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	return true;
}

static uint32_t allot(struct numbers *numbers, struct table *table, const char *name)
{
	bool found;
	size_t at = table_find(table, name, &found);
	uint32_t number = table_next(table);

	if (found)
		return table->by_name[at]->number;
	if (number > table->last || !name_valid(name))
		return 0;
	table_insert(table, numbers->arena, at, number, name);
	numbers->changed = true;
	return number;
}

uint16_t numbers_class(struct numbers *numbers, const char *vendor, const char *service)
{
	char name[1024];
	int n = snprintf(name, sizeof(name), "%s.%s", vendor, service);

	if (n < 0 || (size_t)n >= sizeof(name))
		return 0;
	return (uint16_t)allot(numbers, &numbers->classes, name);
}

uint32_t numbers_stage(struct numbers *numbers, const char *name)
{
	return allot(numbers, &numbers->stages, name);
}

static int compare_number(const void *key, const void *element)
{
	const struct number *const *at = element;
	uint32_t number = *(const uint32_t *)key;

	return (number > (*at)->number) - (number < (*at)->number);
}

const char *numbers_stage_name(const struct numbers *numbers, uint32_t number)
{
	const struct table *table = &numbers->stages;
	struct number **found = NULL;

	if (table->count > 0)
		found = bsearch(&number, table->by_number, table->count, sizeof(struct number *),
				compare_number);
	return found ? (*found)->name : NULL;
}

size_t numbers_classes(const struct numbers *numbers, uint16_t *out, size_t max)
{
	for (size_t i = 0; i < numbers->classes.count && i < max; i++)
		out[i] = (uint16_t)numbers->classes.by_number[i]->number;
	return numbers->classes.count;
}

bool numbers_changed(const struct numbers *numbers)
{
	return numbers->changed;
}

/* ---- text ---- */

/* "WORD NUMBER NAME" into the table of this word; numbers must ascend and names differ. */
static bool take_line(struct numbers *numbers, struct table *table, const char *line)
{
	size_t word = strlen(table->word), at;
	unsigned long number;
	bool found;
	char *end;

	if (strncmp(line, table->word, word) != 0 || line[word] != ' ' || line[word + 1] < '1' ||
	    line[word + 1] > '9')
		return false;
	errno = 0;
	number = strtoul(line + word + 1, &end, 10);
	if (errno != 0 || *end != ' ' || number < table_next(table) || number > table->last ||
	    !name_valid(end + 1))
		return false;
	at = table_find(table, end + 1, &found);
	if (found)
		return false;
	table_insert(table, numbers->arena, at, (uint32_t)number, end + 1);
	return true;
}

/* *line: the first bad one, or how many there are. */
static bool take_lines(struct numbers *numbers, const char *text, size_t length, unsigned int *line)
{
	const char *next = text, *end;

	for (*line = 0; next < text + length; next = end + 1) {
		size_t left = length - (size_t)(next - text);
		char *copy;

		++*line;
		end = memchr(next, '\n', left);
		if (!end)
			return false;
		copy = arena_string_n(numbers->arena, next, (size_t)(end - next));
		if (strlen(copy) != (size_t)(end - next) ||
		    (!take_line(numbers, &numbers->classes, copy) &&
		     !take_line(numbers, &numbers->stages, copy)))
			return false;
	}
	return true;
}

int numbers_parse(struct numbers *numbers, const char *text, size_t length, unsigned int *line)
{
	size_t body = length < STATEFILE_SUM ? 0 : length - STATEFILE_SUM;

	reset(numbers);
	if (take_lines(numbers, text, body, line)) {
		++*line;
		if (statefile_sum_right(text, length))
			return 0;
	}
	reset(numbers);
	return -EBADMSG;
}

static void print_table(const struct table *table, FILE *out)
{
	for (size_t i = 0; i < table->count; i++)
		fprintf(out, "%s %u %s\n", table->word, table->by_number[i]->number,
			table->by_number[i]->name);
}

/* To free(); NULL: memory is out. */
static char *format(const struct numbers *numbers, size_t *length)
{
	char line[STATEFILE_SUM + 1], *text = NULL;
	FILE *out = open_memstream(&text, length);
	bool failed;

	if (!out)
		return NULL;
	print_table(&numbers->classes, out);
	print_table(&numbers->stages, out);
	if (fflush(out) == 0) {
		statefile_sum(text, *length, line);
		fputs(line, out);
	}
	failed = ferror(out);
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}

/* ---- files ---- */

int numbers_load(struct numbers *numbers, const char *path, unsigned int *line)
{
	char *text = NULL;
	size_t length = 0;
	int error;

	*line = 0;
	reset(numbers);
	error = statefile_read(path, FILE_MAX, &text, &length);
	if (error == -ENOENT)
		return 0;
	if (!error)
		error = numbers_parse(numbers, text, length, line);
	free(text);
	return error;
}

int numbers_save(struct numbers *numbers, const char *path)
{
	size_t length = 0;
	char *text = format(numbers, &length);
	int error = text ? statefile_save(path, text, length) : -ENOMEM;

	if (!error)
		numbers->changed = false;
	free(text);
	return error;
}
