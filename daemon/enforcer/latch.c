/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/latch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/arena.h"
#include "daemon/statefile.h"

#define FILE_MAX (16 * 1024 * 1024)
#define MARK_STEP (60 * CLOCK_SECOND)

struct latch {
	struct arena *arena;
	struct latch_entry *entries; /* ascending */
	size_t count, room;
	struct wall mark, mark_saved;
	char boot[CLOCK_BOOT]; /* "": no reference */
	int64_t reference;
	bool changed;
};

static void reset(struct latch *latch)
{
	arena_free(latch->arena);
	*latch = (struct latch){.arena = arena_new()};
}

struct latch *latch_new(void)
{
	struct latch *latch = calloc(1, sizeof(*latch));

	if (!latch)
		abort();
	reset(latch);
	return latch;
}

void latch_free(struct latch *latch)
{
	if (!latch)
		return;
	arena_free(latch->arena);
	free(latch);
}

/* ---- entries ---- */

/* Where the number is or would be. */
static size_t place_of(const struct latch *latch, uint32_t number)
{
	size_t low = 0, high = latch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (latch->entries[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct latch_entry *find(const struct latch *latch, uint32_t number)
{
	size_t at = place_of(latch, number);

	return at < latch->count && latch->entries[at].number == number ? &latch->entries[at]
									: NULL;
}

static void insert(struct latch *latch, const struct latch_entry *entry)
{
	size_t at = place_of(latch, entry->number);

	if (latch->count == latch->room) {
		latch->room = latch->room ? 2 * latch->room : 16;
		latch->entries = arena_grow(latch->arena, latch->entries, latch->count, latch->room,
					    sizeof(*latch->entries));
	}
	memmove(&latch->entries[at + 1], &latch->entries[at],
		(latch->count - at) * sizeof(*latch->entries));
	latch->entries[at] = *entry;
	latch->entries[at].name = arena_string(latch->arena, entry->name);
	latch->count++;
	latch->changed = true;
}

static void take_out(struct latch *latch, size_t at)
{
	memmove(&latch->entries[at], &latch->entries[at + 1],
		(latch->count - at - 1) * sizeof(*latch->entries));
	latch->count--;
	latch->changed = true;
}

struct latch *latch_copy(const struct latch *latch)
{
	struct latch *copy = latch_new();

	for (size_t i = 0; i < latch->count; i++)
		insert(copy, &latch->entries[i]);
	copy->mark = latch->mark;
	copy->mark_saved = latch->mark_saved;
	memcpy(copy->boot, latch->boot, sizeof(copy->boot));
	copy->reference = latch->reference;
	copy->changed = latch->changed;
	return copy;
}

const struct latch_entry *latch_entries(const struct latch *latch, size_t *count)
{
	*count = latch->count;
	return latch->entries;
}

uint32_t *latch_numbers(const struct latch *latch, bool suspects, size_t *count)
{
	uint32_t *numbers = calloc(latch->count + 1, sizeof(*numbers));

	if (!numbers)
		abort();
	*count = 0;
	for (size_t i = 0; i < latch->count; i++)
		if (suspects || !latch->entries[i].suspect)
			numbers[(*count)++] = latch->entries[i].number;
	return numbers;
}

const struct latch_entry *latch_find(const struct latch *latch, uint32_t number)
{
	return find(latch, number);
}

/* ---- time ---- */

struct wall latch_mark(const struct latch *latch)
{
	return latch->mark;
}

void latch_move_mark(struct latch *latch, struct wall now)
{
	if (wall_before(latch->mark, now))
		latch->mark = now;
}

void latch_set_mark_back(struct latch *latch, struct wall now)
{
	if (!wall_before(now, latch->mark))
		return;
	latch->mark = now;
	latch->changed = true;
}

bool latch_reference(const struct latch *latch, const char *boot, int64_t *difference)
{
	*difference = latch->reference;
	return *boot && strcmp(latch->boot, boot) == 0;
}

/* The clock runs on against the other one by a little, always: a second is worth a line. */
void latch_set_reference(struct latch *latch, const char *boot, int64_t difference)
{
	if (strcmp(latch->boot, boot) == 0 && llabs(difference - latch->reference) < CLOCK_SECOND)
		return;
	snprintf(latch->boot, sizeof(latch->boot), "%s", boot);
	latch->reference = difference;
	latch->changed = true;
}

/* ---- what is latched ---- */

static bool has_come(const struct latch *latch, struct wall since, struct wall now, bool believed)
{
	return !wall_before(latch->mark, since) || (believed && !wall_before(now, since));
}

bool latch_take(struct latch *latch, const struct latch_entry *entry, bool believed)
{
	struct latch_entry taken = *entry;

	if (find(latch, entry->number))
		return false;
	taken.suspect = !has_come(latch, entry->since, entry->seen, believed);
	insert(latch, &taken);
	return true;
}

/* Whether this is news. */
static bool take_by_mark(struct latch *latch, const struct numbers *numbers, uint32_t number,
			 struct wall since)
{
	struct latch_entry *known = find(latch, number);
	const struct latch_entry entry = {
		.number = number,
		.since = since,
		.seen = latch->mark,
		.name = numbers_stage_name(numbers, number),
	};

	if (wall_before(latch->mark, since) || (known && !known->suspect) || !entry.name)
		return false;
	if (known)
		known->suspect = false;
	else
		insert(latch, &entry);
	latch->changed = true;
	return true;
}

size_t latch_by_mark(struct latch *latch, const struct policy *policy,
		     const struct numbers *numbers)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->stages_count && latch->mark.ns > 0; i++)
		n += take_by_mark(latch, numbers, policy->stages[i].number,
				  policy->stages[i].cutoff);
	for (size_t i = 0; i < policy->waivers_count && latch->mark.ns > 0; i++)
		n += take_by_mark(latch, numbers, policy->waivers[i].number,
				  policy->waivers[i].until);
	return n;
}

size_t latch_confirm(struct latch *latch, struct wall now, bool believed)
{
	size_t n = 0;

	for (size_t i = 0; i < latch->count; i++) {
		struct latch_entry *entry = &latch->entries[i];

		if (!entry->suspect || !has_come(latch, entry->since, now, believed))
			continue;
		entry->suspect = false;
		latch->changed = true;
		n++;
	}
	return n;
}

static bool among(const uint32_t *numbers, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void latch_forget_suspects(struct latch *latch, const uint32_t *numbers, size_t count)
{
	for (size_t i = latch->count; i > 0; i--)
		if (latch->entries[i - 1].suspect &&
		    !among(numbers, count, latch->entries[i - 1].number))
			take_out(latch, i - 1);
}

void latch_lift(struct latch *latch, uint32_t number, struct latch *lifted)
{
	struct latch_entry *entry = find(latch, number);

	if (!entry)
		return;
	insert(lifted, entry);
	take_out(latch, (size_t)(entry - latch->entries));
}

static void amend(struct latch *latch, uint32_t number, struct wall at, struct latch *lifted)
{
	struct latch_entry *entry = find(latch, number);

	if (!entry)
		return;
	if (wall_before(entry->since, at)) {
		latch_lift(latch, number, lifted);
	} else if (wall_before(at, entry->since)) {
		entry->since = at;
		latch->changed = true;
	}
}

void latch_amend(struct latch *latch, const struct policy *policy, struct latch *lifted)
{
	for (size_t i = 0; i < policy->stages_count; i++)
		amend(latch, policy->stages[i].number, policy->stages[i].cutoff, lifted);
	for (size_t i = 0; i < policy->waivers_count; i++)
		amend(latch, policy->waivers[i].number, policy->waivers[i].until, lifted);
}

bool latch_is_called(const struct latch_entry *entry, const char *text)
{
	const char *name = entry->name;
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, entry->number);
	if (strcmp(text, number) == 0)
		return true;
	/* One part alone is a whole measure: too much for an order. */
	if (!strchr(text, '/'))
		return false;
	for (; *text && *name; text++, name++)
		if (*text != (*name == ' ' ? '/' : *name))
			return false;
	return *text == '\0' && (*name == '\0' || *name == ' ');
}

/* ---- text ---- */

bool latch_dirty(const struct latch *latch)
{
	return latch->changed || latch->mark.ns != latch->mark_saved.ns;
}

bool latch_changed(const struct latch *latch)
{
	return latch->changed || !wall_before(latch->mark, wall_add(latch->mark_saved, MARK_STEP));
}

/* A number and the one character behind it; false: none, or too large. */
static bool take_number(const char **text, int64_t *value)
{
	char *end;

	if (**text != '-' && (**text < '0' || **text > '9'))
		return false;
	errno = 0;
	*value = strtoll(*text, &end, 10);
	if (errno != 0 || end == *text || *end != ' ')
		return false;
	*text = end + 1;
	return true;
}

static bool take_word(const char **text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*text, word, length) != 0)
		return false;
	*text += length;
	return true;
}

static bool take_mark(struct latch *latch, const char *text)
{
	char *end;

	if (latch->mark.ns != 0 || *text < '1' || *text > '9')
		return false;
	errno = 0;
	latch->mark.ns = latch->mark_saved.ns = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool take_reference(struct latch *latch, const char *text)
{
	const char *space = strchr(text, ' ');
	size_t length = space ? (size_t)(space - text) : 0;
	char *end;

	if (length == 0 || length >= sizeof(latch->boot) || latch->boot[0] != '\0')
		return false;
	memcpy(latch->boot, text, length);
	errno = 0;
	latch->reference = strtoll(space + 1, &end, 10);
	return errno == 0 && end != space + 1 && *end == '\0';
}

static bool name_valid(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			return false;
	return true;
}

/* Numbers ascend. */
static bool take_entry(struct latch *latch, const char *text, bool suspect)
{
	uint32_t last = latch->count ? latch->entries[latch->count - 1].number : 0;
	struct latch_entry entry = {.suspect = suspect};
	int64_t number;

	if (!take_number(&text, &number) || !take_number(&text, &entry.since.ns) ||
	    !take_number(&text, &entry.seen.ns) || !name_valid(text) || number <= last ||
	    number > INT32_MAX)
		return false;
	entry.number = (uint32_t)number;
	entry.name = text;
	insert(latch, &entry);
	return true;
}

static bool take_line(struct latch *latch, const char *line)
{
	if (take_word(&line, "mark "))
		return take_mark(latch, line);
	if (take_word(&line, "clock "))
		return take_reference(latch, line);
	if (take_word(&line, "latch "))
		return take_entry(latch, line, false);
	return take_word(&line, "suspect ") && take_entry(latch, line, true);
}

/* *line: the first bad one, or how many there are. */
static bool take_lines(struct latch *latch, const char *text, size_t length, unsigned int *line)
{
	const char *next = text, *end;

	for (*line = 0; next < text + length; next = end + 1) {
		char *copy;

		++*line;
		end = memchr(next, '\n', length - (size_t)(next - text));
		if (!end)
			return false;
		copy = arena_string_n(latch->arena, next, (size_t)(end - next));
		if (strlen(copy) != (size_t)(end - next) || !take_line(latch, copy))
			return false;
	}
	return true;
}

int latch_parse(struct latch *latch, const char *text, size_t length, unsigned int *line)
{
	size_t body = length < STATEFILE_SUM ? 0 : length - STATEFILE_SUM;

	reset(latch);
	if (take_lines(latch, text, body, line)) {
		++*line;
		latch->changed = false;
		if (statefile_sum_right(text, length))
			return 0;
	}
	reset(latch);
	return -EBADMSG;
}

static void print(const struct latch *latch, FILE *out)
{
	if (latch->mark.ns > 0)
		fprintf(out, "mark %" PRId64 "\n", latch->mark.ns);
	if (latch->boot[0] != '\0')
		fprintf(out, "clock %s %" PRId64 "\n", latch->boot, latch->reference);
	for (size_t i = 0; i < latch->count; i++) {
		const struct latch_entry *entry = &latch->entries[i];

		fprintf(out, "%s %" PRIu32 " %" PRId64 " %" PRId64 " %s\n",
			entry->suspect ? "suspect" : "latch", entry->number, entry->since.ns,
			entry->seen.ns, entry->name);
	}
}

/* ---- files ---- */

int latch_load(struct latch *latch, const char *path, unsigned int *line)
{
	char *text = NULL;
	size_t length = 0;
	int error;

	*line = 0;
	reset(latch);
	error = statefile_read(path, FILE_MAX, &text, &length);
	if (error == -ENOENT)
		return 0;
	if (!error)
		error = latch_parse(latch, text, length, line);
	free(text);
	return error;
}

int latch_save(struct latch *latch, const char *path)
{
	char sum[STATEFILE_SUM + 1], *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int error = -ENOMEM;

	if (!out)
		return error;
	print(latch, out);
	if (fflush(out) == 0) {
		statefile_sum(text, length, sum);
		fputs(sum, out);
	}
	if (!ferror(out) && fclose(out) == 0)
		error = statefile_save(path, text, length);
	if (!error) {
		latch->changed = false;
		latch->mark_saved = latch->mark;
	}
	free(text);
	return error;
}
