/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <string.h>

#include "classifiers/http.h"
#include "classifiers/http_head.h"

/* Where in a chunked body (RFC 9112 §7.1): http_position.chunked. */
enum chunk {
	CHUNK_NONE,
	CHUNK_FIRST_DIGIT, /* a chunk's size must begin here */
	CHUNK_DIGITS,
	CHUNK_EXTENSION,    /* the rest of the size's line */
	CHUNK_LAST,	    /* likewise, of the chunk of no bytes */
	CHUNK_DATA,	    /* body_left bytes */
	CHUNK_DATA_END,	    /* the line end behind them */
	CHUNK_TRAILER,	    /* at the beginning of a trailer's line, or of the empty one */
	CHUNK_TRAILER_LINE, /* inside of a trailer's line */
};

struct framing {
	uint64_t length;
	bool has_length, chunked, upgrade;
	bool faulty; /* no two servers would agree where the body ends */
};

static bool number_read(const struct cursor *word, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < word->left; i++) {
		if (!isdigit(word->at[i]) || i == 18)
			return false;
		*number = *number * 10 + (uint64_t)(word->at[i] - '0');
	}
	return word->left > 0;
}

static void length_read(struct framing *framing, struct cursor value)
{
	struct cursor word;
	uint64_t length;

	while (http_head_word(&value, &word)) {
		if (!number_read(&word, &length) ||
		    (framing->has_length && length != framing->length))
			framing->faulty = true;
		framing->has_length = true;
		framing->length = length;
	}
}

/* Only a last coding of "chunked" tells where a request ends (RFC 9112 §6.3). */
static void coding_read(struct framing *framing, struct cursor value)
{
	struct cursor word;

	while (http_head_word(&value, &word)) {
		framing->chunked = http_head_is(&word, "chunked");
		if (!framing->chunked && !http_head_is(&word, "identity"))
			framing->faulty = true;
	}
}

static struct framing framing_read(struct cursor fields)
{
	struct framing framing = {0};
	struct cursor name, value;

	while (http_head_field(&fields, &name, &value)) {
		if (http_head_is(&name, "content-length"))
			length_read(&framing, value);
		else if (http_head_is(&name, "transfer-encoding"))
			coding_read(&framing, value);
		else if (http_head_is(&name, "upgrade"))
			framing.upgrade = true;
	}
	return framing;
}

void http_position_head(struct http_position *position, const uint8_t *head, size_t length)
{
	struct http_head read;
	struct framing framing;

	*position = (struct http_position){0};
	if (http_head_read(head, length, false, &read) != ANSWER_FOUND || read.cut) {
		http_position_lost(position);
		return;
	}
	if (http_head_is(&read.method, "CONNECT")) {
		position->tunnel = 1; /* a body would have no meaning: RFC 9110 §9.3.6 */
		return;
	}
	framing = framing_read(read.fields);
	position->tunnel = framing.upgrade;
	if (framing.chunked)
		position->chunked = CHUNK_FIRST_DIGIT;
	else if (framing.faulty)
		http_position_lost(position);
	else
		position->body_left = framing.length;
}

void http_position_lost(struct http_position *position)
{
	*position = (struct http_position){.lost = 1};
}

/* A digit of a chunk's size, or what stands behind it. */
static void chunk_size(struct http_position *position, uint8_t byte)
{
	int digit = isdigit(byte) ? byte - '0' : tolower(byte) - 'a' + 10;

	if (isxdigit(byte) && position->body_left < UINT64_C(1) << 56) {
		position->body_left = position->body_left << 4 | (unsigned int)digit;
		position->chunked = CHUNK_DIGITS;
	} else if (!isxdigit(byte) && position->chunked == CHUNK_DIGITS && strchr(" \t;\r", byte) &&
		   byte != '\0') {
		position->chunked = position->body_left > 0 ? CHUNK_EXTENSION : CHUNK_LAST;
	} else if (byte == '\n' && position->chunked == CHUNK_DIGITS) {
		position->chunked = position->body_left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
	} else {
		http_position_lost(position);
	}
}

/* One byte of the framing between chunks and behind them. */
static void chunk_byte(struct http_position *position, uint8_t byte)
{
	switch ((enum chunk)position->chunked) {
	case CHUNK_FIRST_DIGIT:
	case CHUNK_DIGITS:
		chunk_size(position, byte);
		break;
	case CHUNK_EXTENSION:
		if (byte == '\n')
			position->chunked = CHUNK_DATA;
		break;
	case CHUNK_LAST:
	case CHUNK_TRAILER_LINE:
		if (byte == '\n')
			position->chunked = CHUNK_TRAILER;
		break;
	case CHUNK_DATA_END:
		if (byte == '\n')
			position->chunked = CHUNK_FIRST_DIGIT;
		else if (byte != '\r')
			http_position_lost(position);
		break;
	case CHUNK_TRAILER:
		if (byte == '\n')
			position->chunked = CHUNK_NONE;
		else if (byte != '\r')
			position->chunked = CHUNK_TRAILER_LINE;
		break;
	case CHUNK_NONE:
	case CHUNK_DATA:
		break;
	}
}

/* Takes body_left bytes, or as many as there are. */
static void data_take(struct http_position *position, struct cursor *c)
{
	size_t n = position->body_left < c->left ? (size_t)position->body_left : c->left;

	cursor_skip(c, n);
	position->body_left -= n;
}

static void chunks_take(struct http_position *position, struct cursor *c)
{
	while (position->chunked != CHUNK_NONE && c->left > 0) {
		struct cursor before = *c;

		if (position->chunked != CHUNK_DATA) {
			chunk_byte(position, cursor_u8(c));
			if (position->lost)
				*c = before; /* the byte may be a request's first */
			continue;
		}
		data_take(position, c);
		if (position->body_left == 0)
			position->chunked = CHUNK_DATA_END;
	}
}

/* Methods are upper case by custom only, but inside of a body custom is all there is to go by. */
static bool looks_like_head(struct cursor c)
{
	struct http_head head;

	for (size_t i = 0; cursor_peek(&c, i) >= 0 && cursor_peek(&c, i) != ' '; i++)
		if (!isupper(cursor_peek(&c, i)) && cursor_peek(&c, i) != '-')
			return false;
	return c.left > 0 && http_head_read(c.at, c.left, false, &head) != ANSWER_NOT_MINE;
}

/* Up to where a request may begin: here, or at the beginning of a line. */
static void resync(struct cursor *c)
{
	while (c->left > 0 && !looks_like_head(*c)) {
		const uint8_t *end = memchr(c->at, '\n', c->left);

		cursor_skip(c, end ? (size_t)(end - c->at) + 1 : c->left);
	}
}

size_t http_position_body(struct http_position *position, const uint8_t *bytes, size_t length)
{
	struct cursor c = cursor_new(bytes, length);

	if (position->chunked != CHUNK_NONE)
		chunks_take(position, &c);
	else
		data_take(position, &c);
	if (position->lost)
		resync(&c);
	return length - c.left;
}

void http_position_gap(struct http_position *position, size_t length)
{
	bool data = position->chunked == CHUNK_NONE || position->chunked == CHUNK_DATA;

	if (length == 0 || position->lost)
		return;
	if (!data || position->body_left < length) {
		http_position_lost(position);
		return;
	}
	position->body_left -= length;
	if (position->chunked == CHUNK_DATA && position->body_left == 0)
		position->chunked = CHUNK_DATA_END;
}
