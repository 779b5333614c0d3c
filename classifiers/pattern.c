/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/pattern.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

static enum pattern_error check_characters(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if ((unsigned char)c >= 0x80)
			return PATTERN_UNICODE;
		if (c >= 'A' && c <= 'Z')
			continue;
		if (!is_plain(c) && c != '.' && c != '*' && c != '#')
			return PATTERN_CHARACTER;
	}
	return PATTERN_OK;
}

static void canonical_copy(char *to, const char *from, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + ('a' - 'A')) : from[i];
	to[length] = '\0';
}

static enum pattern_scope scope_of(const char *text)
{
	if (strncmp(text, "**.", 3) == 0)
		return PATTERN_TREE;
	if (strncmp(text, "*.", 2) == 0)
		return PATTERN_UNDER;
	return PATTERN_HOST;
}

static enum pattern_error check_label(const char *label, size_t length)
{
	if (length == 0)
		return PATTERN_EMPTY_LABEL;
	if (length > PATTERN_LABEL_MAX)
		return PATTERN_LABEL_LONG;
	for (size_t i = 1; i < length; i++)
		if (label[i] == '*' && label[i - 1] == '*')
			return PATTERN_DOUBLE_STAR;
	return PATTERN_OK;
}

static enum pattern_error check_body(const char *body, struct pattern *pattern)
{
	const char *label = body;
	enum pattern_error error;
	size_t length;

	for (;; label += length + 1) {
		length = strcspn(label, ".");
		error = check_label(label, length);
		if (error != PATTERN_OK)
			return error;
		pattern->labels++;
		if (!label[length])
			break;
	}
	pattern->wild = strpbrk(body, "*#") != NULL;
	if (strspn(body, "*#.") == strlen(body))
		return PATTERN_TOO_WIDE;
	return strspn(label, "0123456789#") == length ? PATTERN_ADDRESS : PATTERN_OK;
}

enum pattern_error pattern_parse(const char *text, size_t length, struct pattern *pattern)
{
	struct pattern parsed = {.scope = PATTERN_HOST};
	enum pattern_error error = check_characters(text, length);

	if (error != PATTERN_OK)
		return error;
	if (length > 1 && text[length - 1] == '.')
		length--;
	if (length == 0)
		return PATTERN_EMPTY;
	if (length > PATTERN_MAX)
		return PATTERN_LONG;
	canonical_copy(parsed.text, text, length);
	if (strcmp(parsed.text, "*") == 0 || strcmp(parsed.text, "**") == 0)
		return PATTERN_TOO_WIDE;
	parsed.length = (uint8_t)length;
	parsed.scope = scope_of(parsed.text);
	error = check_body(parsed.text + pattern_marker(parsed.scope), &parsed);
	if (error == PATTERN_OK)
		*pattern = parsed;
	return error;
}

const char *pattern_error_text(enum pattern_error error)
{
	switch (error) {
	case PATTERN_OK:
		return "nothing is wrong";
	case PATTERN_EMPTY:
		return "the name is empty; write a name such as \"host.example\"";
	case PATTERN_TOO_WIDE:
		return "this would match every name; name at least one domain, such as "
		       "\"*.example.com\"";
	case PATTERN_EMPTY_LABEL:
		return "a label is empty; write one dot between labels and none at the start";
	case PATTERN_LABEL_LONG:
		return "a label is longer than 63 characters; no such name exists, shorten it";
	case PATTERN_LONG:
		return "the name is longer than 253 characters; no such name exists, shorten it";
	case PATTERN_UNICODE:
		return "names on the wire are ASCII; write it in A-labels (xn--...)";
	case PATTERN_CHARACTER:
		return "only letters, digits, '-', '_', '.', '*' and '#' stand in a name; leave "
		       "out scheme, port and path, and write addresses as prefixes";
	case PATTERN_DOUBLE_STAR:
		return "\"**\" can only be the first label, as in \"**.example.com\"; inside a "
		       "label write one \"*\"";
	case PATTERN_ADDRESS:
		return "no name ends in a number; write addresses as prefixes";
	}
	return "unknown error";
}

/* Where the last label of text begins. */
static size_t last_label(const char *text, size_t length)
{
	while (length > 0 && text[length - 1] != '.')
		length--;
	return length;
}

static bool has_wildcard(const char *text, size_t length)
{
	return memchr(text, '*', length) || memchr(text, '#', length);
}

size_t pattern_wild_length(const char *body, size_t length)
{
	size_t end = length, start;

	while (end > 0) {
		start = last_label(body, end);
		if (has_wildcard(body + start, end - start))
			break;
		end = start > 0 ? start - 1 : 0;
	}
	return end;
}

/* One label: on a mismatch only the last star need take one more character, since what stands
 * before it was matched as early as can be. */
static bool label_matches(const char *glob, size_t glob_length, const char *label, size_t length)
{
	size_t g = 0, i = 0, star = SIZE_MAX, star_at = 0;

	while (i < length) {
		if (g < glob_length && glob[g] == '*') {
			star = g++;
			star_at = i;
		} else if (g < glob_length &&
			   (glob[g] == '#' ? is_digit(label[i]) : glob[g] == label[i])) {
			g++;
			i++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			i = ++star_at;
		} else {
			return false;
		}
	}
	while (g < glob_length && glob[g] == '*')
		g++;
	return g == glob_length;
}

bool pattern_matches(const char *body, size_t body_length, enum pattern_scope scope,
		     const char *name, size_t length)
{
	size_t glob, label;

	for (;;) {
		glob = last_label(body, body_length);
		label = last_label(name, length);
		if (!label_matches(body + glob, body_length - glob, name + label, length - label))
			return false;
		if (glob == 0 || label == 0)
			break;
		body_length = glob - 1;
		length = label - 1;
	}
	if (glob > 0)
		return false;
	return label > 0 ? scope != PATTERN_HOST : scope != PATTERN_UNDER;
}

static int label_rank(const char *label, size_t length, int *literals)
{
	bool digits = false, star = false;

	*literals = 0;
	for (size_t i = 0; i < length; i++) {
		star |= label[i] == '*';
		digits |= label[i] == '#';
		*literals += is_plain(label[i]) ? PATTERN_MAX : label[i] == '#';
	}
	return star ? 0 : digits ? 1 : 2;
}

static int label_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int a_literals, b_literals;
	int a_rank = label_rank(a, a_length, &a_literals);
	int b_rank = label_rank(b, b_length, &b_literals);

	if (a_rank != b_rank)
		return b_rank - a_rank;
	return a_rank == 2 ? 0 : b_literals - a_literals;
}

static int count_labels(const char *body, size_t length)
{
	int labels = 1;

	for (size_t i = 0; i < length; i++)
		labels += body[i] == '.';
	return labels;
}

int pattern_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = count_labels(b, b_length) - count_labels(a, a_length);
	size_t a_label, b_label;

	while (order == 0) {
		a_label = last_label(a, a_length);
		b_label = last_label(b, b_length);
		order = label_compare(a + a_label, a_length - a_label, b + b_label,
				      b_length - b_label);
		if (a_label == 0 || b_label == 0)
			break;
		a_length = a_label - 1;
		b_length = b_label - 1;
	}
	return order;
}
