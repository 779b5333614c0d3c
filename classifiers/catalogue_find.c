/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in the catalogue: one question to the table for each suffix of the name. */
#include <string.h>

#include "classifiers/catalogue_read.h"

/* A pattern's body is at most PATTERN_MAX bytes, and the byte left of it tells what it covers. */
#define WINDOW (PATTERN_MAX + 1)
#define LABELS_MAX (WINDOW / 2 + 1)

struct suffix {
	uint64_t hash;
	uint16_t start;
};

struct question {
	size_t length;
	bool cut; /* the name is longer than the window */
	unsigned int suffixes_count;
	struct suffix suffixes[LABELS_MAX]; /* the shortest first */
	char name[WINDOW];
};

struct answer_so_far {
	uint32_t slot; /* the literal with the most labels */
	unsigned int slot_labels;
	uint32_t glob; /* the best one */
};

static void lower_copy(char *to, const char *from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] | 0x20) : from[i];
}

/* Takes the name's window, and asks memory for the slots of all suffixes at once. */
static void question_set(struct question *question, const struct catalogue *catalogue,
			 const char *name, size_t length)
{
	struct siphash state = siphash_new(&catalogue->header->key);
	uint32_t slots = catalogue_count(catalogue, SECTION_SLOTS), labels = 0;
	size_t end, start;
	uint64_t hash;

	question->cut = length > PATTERN_MAX;
	question->length = question->cut ? WINDOW : length;
	lower_copy(question->name, name + length - question->length, question->length);
	for (end = question->length; labels < catalogue->header->labels_max; end = start - 1) {
		for (start = end; start > 0 && question->name[start - 1] != '.'; start--)
			;
		siphash_bytes(&state, question->name + start, end - start);
		hash = siphash_value(&state);
		__builtin_prefetch(&catalogue->slots[catalogue_slot_of(hash, slots)]);
		question->suffixes[labels].hash = hash;
		question->suffixes[labels++].start = (uint16_t)start;
		if (start == 0)
			break;
	}
	question->suffixes_count = labels;
}

static bool is_text(const struct catalogue *catalogue, const struct catalogue_slot *slot,
		    const char *text, size_t length)
{
	uint32_t offset;
	size_t marker = 0;

	if (slot->kind == SLOT_ANCHOR) {
		offset = catalogue->anchors[slot->text].text;
	} else {
		marker = pattern_marker((enum pattern_scope)slot->kind);
		offset = slot->text + (uint32_t)marker;
	}
	return slot->length - marker == length &&
	       memcmp(catalogue->text + offset, text, length) == 0;
}

/* All slots of one suffix: the first literal that applies, and the anchor. */
static void ask(const struct catalogue *catalogue, const struct question *question,
		unsigned int number, uint32_t *literal, uint32_t *anchor)
{
	const struct suffix *suffix = &question->suffixes[number];
	bool whole = suffix->start == 0 && !question->cut;
	uint32_t count = catalogue_count(catalogue, SECTION_SLOTS), kind;
	const struct catalogue_slot *slot;
	uint32_t i = (uint32_t)catalogue_slot_of(suffix->hash, count);

	*literal = *anchor = CATALOGUE_NONE;
	for (;; i = i + 1 == count ? 0 : i + 1) {
		slot = &catalogue->slots[i];
		kind = slot->kind;
		if (kind == SLOT_EMPTY)
			return;
		if (slot->tag != (uint32_t)suffix->hash ||
		    !is_text(catalogue, slot, question->name + suffix->start,
			     question->length - suffix->start))
			continue;
		if (kind == SLOT_ANCHOR)
			*anchor = slot->text;
		else if (*literal == CATALOGUE_NONE &&
			 kind != (whole ? (uint32_t)PATTERN_UNDER : (uint32_t)PATTERN_HOST) &&
			 (whole || suffix->start > 0))
			*literal = i;
	}
}

static void ask_anchor(const struct catalogue *catalogue, const struct question *question,
		       uint32_t anchor, size_t rest, struct answer_so_far *answer)
{
	const struct catalogue_glob *globs = catalogue->globs;
	uint32_t glob = catalogue_walk(catalogue, &catalogue->anchors[anchor], question->name,
				       question->length, rest, question->cut);

	if (glob != CATALOGUE_NONE &&
	    (answer->glob == CATALOGUE_NONE || globs[glob].rank < globs[answer->glob].rank))
		answer->glob = glob;
}

/* From the whole name to its last label. Nothing beats a literal that covers the whole name. */
static void ask_all(const struct catalogue *catalogue, const struct question *question,
		    struct answer_so_far *answer)
{
	bool globs = catalogue_count(catalogue, SECTION_GLOBS) > 0;
	uint32_t literal, anchor;
	size_t start;

	for (unsigned int i = question->suffixes_count; i-- > 0;) {
		start = question->suffixes[i].start;
		ask(catalogue, question, i, &literal, &anchor);
		if (literal != CATALOGUE_NONE && answer->slot == CATALOGUE_NONE) {
			answer->slot = literal;
			answer->slot_labels = i + 1;
			if (start == 0 || !globs)
				return;
		}
		if (anchor != CATALOGUE_NONE && start > 0)
			ask_anchor(catalogue, question, anchor, start - 1, answer);
	}
	if (catalogue->header->root_anchor != CATALOGUE_NONE)
		ask_anchor(catalogue, question, catalogue->header->root_anchor, question->length,
			   answer);
}

static unsigned int glob_labels(const struct catalogue *catalogue, uint32_t number)
{
	const struct catalogue_glob *glob = &catalogue->globs[number];
	unsigned int labels = glob->scope == PATTERN_HOST;

	for (uint32_t i = 0; i < glob->length; i++)
		labels += catalogue->text[glob->text + i] == '.';
	return labels;
}

bool catalogue_find_name(const struct catalogue *catalogue, const char *name, size_t length,
			 struct catalogue_match *match)
{
	struct answer_so_far answer = {.slot = CATALOGUE_NONE, .glob = CATALOGUE_NONE};
	struct question question;

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length == 0)
		return false;
	question_set(&question, catalogue, name, length);
	ask_all(catalogue, &question, &answer);
	if (answer.glob != CATALOGUE_NONE &&
	    (answer.slot == CATALOGUE_NONE ||
	     glob_labels(catalogue, answer.glob) > answer.slot_labels)) {
		match->service = catalogue->globs[answer.glob].service;
		match->indicator = catalogue_count(catalogue, SECTION_SLOTS) + answer.glob;
		return true;
	}
	if (answer.slot == CATALOGUE_NONE)
		return false;
	match->service = catalogue->slots[answer.slot].service;
	match->indicator = answer.slot;
	return true;
}
