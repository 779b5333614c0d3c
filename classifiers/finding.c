/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "classifiers/classifier.h"

void finding_reset(struct finding *finding, enum carrier carrier)
{
	finding->carrier = carrier;
	finding->names_count = 0;
	finding->text_length = 0;
	finding->truncated = false;
	finding->is_response = false;
	finding->questions_count = 0;
	finding->answers_count = 0;
}

static bool finding_holds(const struct finding *finding, enum evidence_kind kind, const char *text,
			  size_t length)
{
	for (unsigned int i = 0; i < finding->names_count; i++) {
		const struct finding_name *name = &finding->names[i];

		if (name->kind == kind && name->length == length &&
		    memcmp(finding->text + name->offset, text, length) == 0)
			return true;
	}
	return false;
}

bool finding_add_name(struct finding *finding, enum evidence_kind kind, const uint8_t *bytes,
		      size_t length)
{
	char *text = finding->text + finding->text_length;

	if (length > 0 && bytes[length - 1] == '.')
		length--;
	if (length == 0)
		return true;
	if (length > FINDING_TEXT - finding->text_length) {
		finding->truncated = true;
		return false;
	}
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] | 0x20 : bytes[i]);
	if (finding_holds(finding, kind, text, length))
		return true;
	if (finding->names_count == FINDING_NAMES) {
		finding->truncated = true;
		return false;
	}
	finding->names[finding->names_count++] = (struct finding_name){
		.kind = kind,
		.offset = (uint16_t)finding->text_length,
		.length = (uint16_t)length,
	};
	finding->text_length += (unsigned int)length;
	return true;
}

const char *finding_name(const struct finding *finding, unsigned int i, size_t *length)
{
	*length = finding->names[i].length;
	return finding->text + finding->names[i].offset;
}
