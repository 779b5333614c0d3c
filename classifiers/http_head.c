/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "classifiers/http.h"
#include "classifiers/http_head.h"

/* Servers take any word that fits into their buffer for the request line: 8 KiB, as they come. */
#define METHOD_MAX 8192

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 §5.6.2 */
static bool is_token(int c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

/* White space, and the ends of folded lines. */
static bool is_space(int c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static void trim_end(struct cursor *text)
{
	while (text->left > 0 && is_space(text->at[text->left - 1]))
		text->left--;
}

static void trim_start(struct cursor *text)
{
	while (is_blank(cursor_peek(text, 0)))
		cursor_skip(text, 1);
}

/* The next line without its end; false when no line end is there. */
static bool line_next(struct cursor *c, struct cursor *line)
{
	const uint8_t *end = c->left > 0 ? memchr(c->at, '\n', c->left) : NULL;

	if (!end)
		return false;
	*line = cursor_sub(c, (size_t)(end - c->at));
	cursor_skip(c, 1);
	if (line->left > 0 && line->at[line->left - 1] == '\r')
		line->left--;
	return true;
}

/* FOUND: c stands on the first byte that is not of an empty line. */
static enum answer empty_lines_skip(struct cursor *c)
{
	for (;;) {
		size_t end = cursor_peek(c, 0) == '\r' ? 1 : 0;
		int next = cursor_peek(c, end);

		if (next < 0)
			return ANSWER_MORE;
		if (next != '\n')
			return end == 0 ? ANSWER_FOUND : ANSWER_NOT_MINE;
		cursor_skip(c, end + 1);
	}
}

/* FOUND: method holds the word, and a blank stands behind it. */
static enum answer method_take(struct cursor *c, struct cursor *method)
{
	size_t n = 0;

	while (n <= METHOD_MAX && cursor_peek(c, n) >= 0 && is_token(cursor_peek(c, n)))
		n++;
	if (n > METHOD_MAX)
		return ANSWER_NOT_MINE;
	if (cursor_peek(c, n) < 0)
		return ANSWER_MORE;
	if (n == 0 || !is_blank(cursor_peek(c, n)))
		return ANSWER_NOT_MINE;
	*method = cursor_sub(c, n);
	return ANSWER_FOUND;
}

static bool has_control_bytes(const struct cursor *text)
{
	for (size_t i = 0; i < text->left; i++)
		if ((text->at[i] < 0x20 && text->at[i] != '\t') || text->at[i] == 0x7f)
			return true;
	return false;
}

/* "HTTP/1.0", "HTTP/1.1", "HTTP/1.x": not RTSP/1.0, SIP/2.0 or HTTP/2.0. */
static bool is_version(const struct cursor *text)
{
	return text->left == 8 && strncasecmp((const char *)text->at, "HTTP/1.", 7) == 0 &&
	       isdigit(text->at[7]);
}

/* rest: the request line behind the method. */
static bool target_read(struct cursor rest, struct cursor *target)
{
	struct cursor version;
	size_t n;

	trim_start(&rest);
	trim_end(&rest);
	for (n = rest.left; n > 0 && !is_blank(rest.at[n - 1]);)
		n--;
	*target = cursor_sub(&rest, n);
	version = rest;
	trim_end(target);
	return target->left > 0 && is_version(&version);
}

static enum answer request_line_take(struct cursor *c, struct http_head *head)
{
	enum answer answer = empty_lines_skip(c);
	struct cursor line, part;

	if (answer == ANSWER_FOUND)
		answer = method_take(c, &head->method);
	if (answer != ANSWER_FOUND)
		return answer;
	if (!line_next(c, &line)) {
		part = *c;
		if (part.at[part.left - 1] == '\r')
			part.left--;
		return has_control_bytes(&part) ? ANSWER_NOT_MINE : ANSWER_MORE;
	}
	return !has_control_bytes(&line) && target_read(line, &head->target) ? ANSWER_FOUND
									     : ANSWER_NOT_MINE;
}

/* FOUND: fields are the lines up to the empty one, which is taken too. MORE: those that are there.
 */
static enum answer fields_take(struct cursor *c, struct cursor *fields)
{
	struct cursor line, start = *c;
	size_t length = 0;

	while (line_next(c, &line)) {
		if (line.left == 0) {
			*fields = cursor_sub(&start, length);
			return ANSWER_FOUND;
		}
		length = start.left - c->left;
	}
	*fields = cursor_sub(&start, length);
	return ANSWER_MORE;
}

enum answer http_head_read(const uint8_t *bytes, size_t length, bool last, struct http_head *head)
{
	size_t there = length < HTTP_HEAD_MAX ? length : HTTP_HEAD_MAX;
	struct cursor c = cursor_new(bytes, there);
	enum answer answer = request_line_take(&c, head);

	last |= length >= HTTP_HEAD_MAX;
	head->cut = false;
	if (answer == ANSWER_MORE && last)
		return ANSWER_NOT_MINE;
	if (answer != ANSWER_FOUND)
		return answer;
	answer = fields_take(&c, &head->fields);
	head->cut = answer == ANSWER_MORE && last;
	head->length = head->cut ? there : there - c.left;
	return head->cut ? ANSWER_FOUND : answer;
}

/* A field's line, and those folded onto it (RFC 9112 §5.2). */
static bool folded_line_next(struct cursor *c, struct cursor *line)
{
	struct cursor start = *c, more;

	if (!line_next(c, line))
		return false;
	while (is_blank(cursor_peek(c, 0)) && line_next(c, &more))
		line->left = start.left - c->left;
	return true;
}

bool http_head_field(struct cursor *fields, struct cursor *name, struct cursor *value)
{
	struct cursor line;

	while (folded_line_next(fields, &line)) {
		const uint8_t *colon = line.left > 0 ? memchr(line.at, ':', line.left) : NULL;

		if (!colon || is_blank(line.at[0]))
			continue;
		*name = cursor_sub(&line, (size_t)(colon - line.at));
		trim_end(name);
		cursor_skip(&line, 1);
		*value = line;
		return true;
	}
	return false;
}

static bool is_separator(int c)
{
	return is_space(c) || c == ',';
}

bool http_head_word(struct cursor *value, struct cursor *word)
{
	size_t n = 0;

	while (is_separator(cursor_peek(value, 0)))
		cursor_skip(value, 1);
	while (cursor_peek(value, n) >= 0 && !is_separator(cursor_peek(value, n)))
		n++;
	*word = cursor_sub(value, n);
	return n > 0;
}

bool http_head_is(const struct cursor *text, const char *word)
{
	return text->left == strlen(word) &&
	       strncasecmp((const char *)text->at, word, text->left) == 0;
}
