/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/settings/complaint.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/arena.h"

/* A line is shown up to its column and this much further. */
#define SHOWN_BEFORE 120
#define SHOWN_AFTER 60
#define MESSAGE_BYTES 1024

enum severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING,
};

struct complaint {
	enum severity severity;
	size_t file; /* index: the order in which files were read */
	size_t order;
	unsigned int line, column;
	const char *message, *text;
};

struct complaints {
	struct arena *arena;
	const char **files;
	size_t files_count;
	struct complaint kept[2 * COMPLAINTS_KEPT];
	size_t kept_count;
	size_t counts[2]; /* by severity, those that are not kept included */
};

struct complaints *complaints_new(void)
{
	struct arena *arena = arena_new();
	struct complaints *complaints = arena_alloc(arena, sizeof(*complaints));

	complaints->arena = arena;
	return complaints;
}

void complaints_free(struct complaints *complaints)
{
	if (complaints)
		arena_free(complaints->arena);
}

static size_t file_index(struct complaints *complaints, const char *file)
{
	size_t n = complaints->files_count;

	for (size_t i = 0; i < n; i++)
		if (strcmp(complaints->files[i], file) == 0)
			return i;
	complaints->files =
		arena_grow(complaints->arena, complaints->files, n, n + 1, sizeof(const char *));
	complaints->files[n] = arena_string(complaints->arena, file);
	complaints->files_count = n + 1;
	return n;
}

void complaints_file(struct complaints *complaints, const char *file)
{
	file_index(complaints, file);
}

/* What a terminal would obey is not repeated to it. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 ? *text != '\t' : *text == 0x7f)
			*text = '?';
}

__attribute__((format(printf, 4, 0))) static void add(struct complaints *complaints,
						      enum severity severity,
						      const struct place *place, const char *format,
						      va_list arguments)
{
	char message[MESSAGE_BYTES];
	struct complaint *c;

	if (complaints->counts[severity]++ >= COMPLAINTS_KEPT)
		return;
	vsnprintf(message, sizeof(message), format, arguments);
	make_printable(message);
	c = &complaints->kept[complaints->kept_count];
	*c = (struct complaint){
		.severity = severity,
		.file = file_index(complaints, place->file),
		.order = complaints->kept_count++,
		.line = place->line,
		.column = place->column,
		.message = arena_string(complaints->arena, message),
	};
	if (place->text) {
		char *text = arena_string_n(complaints->arena, place->text,
					    strcspn(place->text, "\r\n"));

		make_printable(text);
		c->text = text;
	}
}

void complain(struct complaints *complaints, const struct place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(complaints, SEVERITY_ERROR, place, format, arguments);
	va_end(arguments);
}

void complain_warning(struct complaints *complaints, const struct place *place, const char *format,
		      ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(complaints, SEVERITY_WARNING, place, format, arguments);
	va_end(arguments);
}

size_t complaints_errors(const struct complaints *complaints)
{
	return complaints->counts[SEVERITY_ERROR];
}

size_t complaints_warnings(const struct complaints *complaints)
{
	return complaints->counts[SEVERITY_WARNING];
}

static int compare(const void *left, const void *right)
{
	const struct complaint *a = left, *b = right;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static bool character_begins(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The byte at which the column-th character begins, or the end. */
static size_t column_offset(const char *text, unsigned int column)
{
	size_t i = 0;

	for (unsigned int n = 1; text[i]; i++)
		if (character_begins(text[i]) && n++ == column)
			break;
	return i;
}

static void print_line(const struct complaint *c, FILE *out)
{
	size_t at = column_offset(c->text, c->column);
	size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
	size_t length = strlen(c->text), to = length - at > SHOWN_AFTER ? at + SHOWN_AFTER : length;

	while (from < at && !character_begins(c->text[from]))
		from++;
	while (to < length && !character_begins(c->text[to]))
		to++;
	fprintf(out, "    %s%.*s%s\n    %s", from > 0 ? "…" : "", (int)(to - from), c->text + from,
		to < length ? "…" : "", from > 0 ? " " : "");
	for (size_t i = from; i < at; i++)
		if (character_begins(c->text[i]))
			fputc(c->text[i] == '\t' ? '\t' : ' ', out);
	fputs("^\n", out);
}

static void print_one(const struct complaints *complaints, const struct complaint *c, FILE *out)
{
	fputs(complaints->files[c->file], out);
	if (c->line > 0)
		fprintf(out, ":%u:%u", c->line, c->column);
	fprintf(out, ": %s: %s\n", c->severity == SEVERITY_ERROR ? "error" : "warning", c->message);
	if (c->text)
		print_line(c, out);
}

static void print_more(size_t count, const char *what, FILE *out)
{
	if (count > COMPLAINTS_KEPT)
		fprintf(out, "and %zu more %s%s\n", count - COMPLAINTS_KEPT, what,
			count == COMPLAINTS_KEPT + 1 ? "" : "s");
}

void complaints_print(const struct complaints *complaints, FILE *out)
{
	struct complaint sorted[2 * COMPLAINTS_KEPT];
	size_t n = complaints->kept_count;

	memcpy(sorted, complaints->kept, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	for (size_t i = 0; i < n; i++)
		print_one(complaints, &sorted[i], out);
	print_more(complaints->counts[SEVERITY_ERROR], "error", out);
	print_more(complaints->counts[SEVERITY_WARNING], "warning", out);
}
