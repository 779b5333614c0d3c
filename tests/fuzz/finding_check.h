/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must hold of every finding, whatever bytes it was made from. */
#ifndef CUTOFFD_TESTS_FINDING_CHECK_H
#define CUTOFFD_TESTS_FINDING_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "classifiers/classifier.h"

static inline void expect(bool holds)
{
	if (!holds)
		abort();
}

static inline void finding_check(const struct finding *finding, enum answer answer)
{
	size_t end = 0;

	expect(answer == ANSWER_FOUND || finding->names_count + finding->answers_count == 0 ||
	       finding->carrier == CARRIER_DNS);
	expect(finding->names_count <= FINDING_NAMES && finding->text_length <= FINDING_TEXT);
	expect(finding->questions_count <= finding->names_count);
	expect(finding->answers_count <= FINDING_ANSWERS);
	for (unsigned int i = 0; i < finding->names_count; i++) {
		expect(finding->names[i].offset == end && finding->names[i].length > 0);
		end += finding->names[i].length;
	}
	expect(end == finding->text_length);
	for (size_t i = 0; i < end; i++)
		expect(finding->text[i] < 'A' || finding->text[i] > 'Z');
}

static inline bool finding_equal(const struct finding *a, const struct finding *b)
{
	return a->names_count == b->names_count && a->text_length == b->text_length &&
	       memcmp(a->text, b->text, a->text_length) == 0;
}

/* Of a stream's beginning and of more of it: what was found stays, and so does "not mine". */
static inline void answers_check(enum answer part, const struct finding *part_finding,
				 enum answer whole, const struct finding *whole_finding)
{
	expect(part == ANSWER_MORE || part == whole);
	expect(part != ANSWER_FOUND || finding_equal(part_finding, whole_finding));
}

#endif
