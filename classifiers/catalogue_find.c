/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in the catalogue: one question to the table for each suffix of the name. */
#include <string.h>

#include "classifiers/catalogue_read.h"

/* A pattern's body is at most PATTERN_MAX bytes, and the byte left of it tells what it covers. */
#define WINDOW (PATTERN_MAX + 1)
#define LABELS_MAX (WINDOW / 2 + 1)

#define WORD sizeof(uint64_t)
#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

struct suffix {
	uint32_t bucket;
	uint32_t filter;
	uint16_t start;
	uint16_t labels;
};

struct question {
	size_t length;
	bool cut; /* the name is longer than the window */
	unsigned int suffixes_count;
	struct suffix suffixes[LABELS_MAX]; /* the shortest first */
	char name[WINDOW + WORD];	    /* lower case; whole words can be read at its end */
};

struct answer_so_far {
	uint32_t record; /* the literal with the most labels */
	unsigned int record_labels;
	uint32_t glob; /* the best one */
};

/* Eight characters at once: the high bit of each is set by a carry where it is in A to Z. */
static uint64_t lower_word(uint64_t word)
{
	uint64_t low = word & EACH(0x7f);
	uint64_t from_a = low + EACH(0x80 - 'A'), behind_z = low + EACH(0x7f - 'Z');
	uint64_t upper = (from_a ^ behind_z) & ~word & EACH(0x80);

	return word | upper >> 2;
}

/* One bit for each dot among eight characters. */
static unsigned int dots_of(uint64_t word)
{
	uint64_t other = word ^ EACH('.');
	uint64_t dots = ~(((other & EACH(0x7f)) + EACH(0x7f)) | other | EACH(0x7f));

	return (unsigned int)((dots >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

/* Takes the name's window in lower case; where its dots are, from the left. */
static unsigned int take_name(struct question *question, const char *name, size_t length,
			      uint8_t dots[WINDOW])
{
	unsigned int count = 0, bits;
	uint64_t word;

	question->cut = length > PATTERN_MAX;
	question->length = question->cut ? WINDOW : length;
	memcpy(question->name, name + length - question->length, question->length);
	memset(question->name + question->length, 0, WORD);
	for (size_t i = 0; i < question->length; i += WORD) {
		memcpy(&word, question->name + i, WORD);
		word = lower_word(le64toh(word));
		for (bits = dots_of(word); bits; bits &= bits - 1)
			dots[count++] = (uint8_t)(i + (unsigned int)__builtin_ctz(bits));
		word = htole64(word);
		memcpy(question->name + i, &word, WORD);
	}
	return count;
}

/* As siphash_bytes, but reads whole words: the name has room behind it. */
static void hash_label(struct siphash *state, const char *label, size_t length)
{
	size_t left = length;
	uint64_t word;

	for (;; left -= WORD, label += WORD) {
		memcpy(&word, label, WORD);
		word = le64toh(word);
		if (left < WORD)
			break;
		siphash_word(state, word);
	}
	word &= (UINT64_C(1) << left * 8) - 1;
	siphash_word(state, (uint64_t)length << 56 | word);
}

static bool has_keys(const struct catalogue *catalogue, unsigned int labels)
{
	return catalogue->header->labels_present[labels / 64] >> labels % 64 & 1;
}

/* Asks memory for what the table holds of all suffixes at once: each may be a miss of the cache. */
static void question_set(struct question *question, const struct catalogue *catalogue,
			 const char *name, size_t length)
{
	struct siphash state = siphash_new(&catalogue->header->key);
	uint32_t buckets = catalogue_count(catalogue, SECTION_BUCKETS) - 1;
	uint8_t dots[WINDOW];
	unsigned int dot = take_name(question, name, length, dots);
	size_t end = question->length, start;
	struct suffix *suffix;
	uint64_t hash;

	question->suffixes_count = 0;
	for (unsigned int labels = 1; labels <= catalogue->header->labels_max; labels++) {
		start = dot > 0 ? dots[--dot] + 1u : 0;
		hash_label(&state, question->name + start, end - start);
		if (has_keys(catalogue, labels)) {
			suffix = &question->suffixes[question->suffixes_count++];
			hash = siphash_value(&state);
			suffix->filter = catalogue_filter_bits(hash);
			suffix->start = (uint16_t)start;
			suffix->labels = (uint16_t)labels;
			suffix->bucket = catalogue_bucket_of(hash, buckets);
			__builtin_prefetch(&catalogue->buckets[suffix->bucket]);
		}
		if (start == 0)
			break;
		end = start - 1;
	}
}

static bool may_be_there(const struct catalogue *catalogue, const struct suffix *suffix)
{
	return (catalogue->buckets[suffix->bucket].filter & suffix->filter) == suffix->filter;
}

/* All records of one suffix: the first literal that applies, and the anchor. */
static void ask(const struct catalogue *catalogue, const struct question *question,
		const struct suffix *suffix, uint32_t *literal, uint32_t *anchor)
{
	const struct catalogue_bucket *bucket = &catalogue->buckets[suffix->bucket];
	const uint8_t *at = catalogue->records + bucket[0].records, *text;
	const uint8_t *end = catalogue->records + bucket[1].records;
	size_t length = question->length - suffix->start;
	bool whole = suffix->start == 0;
	struct catalogue_record record;

	/* a bucket lies across lines; ask for all of them before the first is there */
	for (const uint8_t *line = at + 64; line < end; line += 64)
		__builtin_prefetch(line);
	for (; at < end; at = text + record.length) {
		memcpy(&record, at, sizeof(record));
		text = at + sizeof(record);
		if (record.length == length &&
		    memcmp(text, question->name + suffix->start, length) == 0) {
			if (record.kind == RECORD_ANCHOR)
				memcpy(anchor, text + length, sizeof(*anchor));
			else if (*literal == CATALOGUE_NONE &&
				 record.kind != (whole ? PATTERN_UNDER : PATTERN_HOST))
				*literal = (uint32_t)(at - catalogue->records);
		}
		if (record.kind == RECORD_ANCHOR)
			text += sizeof(*anchor);
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
	const struct suffix *suffix;
	uint32_t literal, anchor;

	for (unsigned int i = question->suffixes_count; i-- > 0;) {
		suffix = &question->suffixes[i];
		if (!may_be_there(catalogue, suffix) || (suffix->start == 0 && question->cut))
			continue;
		literal = anchor = CATALOGUE_NONE;
		ask(catalogue, question, suffix, &literal, &anchor);
		if (literal != CATALOGUE_NONE && answer->record == CATALOGUE_NONE) {
			answer->record = literal;
			answer->record_labels = suffix->labels;
			if (suffix->start == 0 || !globs)
				return;
		}
		if (anchor != CATALOGUE_NONE && suffix->start > 0)
			ask_anchor(catalogue, question, anchor, suffix->start - 1u, answer);
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

static uint16_t record_service(const struct catalogue *catalogue, uint32_t offset)
{
	struct catalogue_record record;

	memcpy(&record, catalogue->records + offset, sizeof(record));
	return record.service;
}

bool catalogue_find_name(const struct catalogue *catalogue, const char *name, size_t length,
			 struct catalogue_match *match)
{
	struct answer_so_far answer = {.record = CATALOGUE_NONE, .glob = CATALOGUE_NONE};
	struct question question;

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length == 0)
		return false;
	question_set(&question, catalogue, name, length);
	ask_all(catalogue, &question, &answer);
	if (answer.glob != CATALOGUE_NONE &&
	    (answer.record == CATALOGUE_NONE ||
	     glob_labels(catalogue, answer.glob) > answer.record_labels)) {
		match->service = catalogue->globs[answer.glob].service;
		match->indicator = catalogue_count(catalogue, SECTION_RECORDS) + answer.glob;
		return true;
	}
	if (answer.record == CATALOGUE_NONE)
		return false;
	match->service = record_service(catalogue, answer.record);
	match->indicator = answer.record;
	return true;
}
