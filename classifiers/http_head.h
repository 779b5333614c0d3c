/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The form of an HTTP/1 request head (RFC 9112 §3, §5), for http.c (its names) and http_position.c
 * (its framing). Lenient where servers are: bare LF, white space around words, folded lines, lines
 * that are no field. Slices point into the caller's bytes.
 */
#ifndef CUTOFFD_HTTP_HEAD_H
#define CUTOFFD_HTTP_HEAD_H

#include "classifiers/classifier.h"
#include "classifiers/cursor.h"

struct http_head {
	struct cursor method, target;
	struct cursor fields; /* the lines behind the request line, without the empty one */
	size_t length;	      /* of the whole head, with empty lines before it */
	bool cut;	      /* it has no end: fields are the lines that are there */
};

/* With last, or when there are HTTP_HEAD_MAX bytes, a request line is enough. */
enum answer http_head_read(const uint8_t *bytes, size_t length, bool last, struct http_head *head);

/* The next field: its name without the colon, its value with folded lines as they stand. */
bool http_head_field(struct cursor *fields, struct cursor *name, struct cursor *value);
/* The next word of a value: white space, ends of folded lines and commas stand between words. */
bool http_head_word(struct cursor *value, struct cursor *word);
/* Case-blind. */
bool http_head_is(const struct cursor *text, const char *word);

#endif
