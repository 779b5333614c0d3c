/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Name patterns as settings write them: `host.example` exactly that, `*.example` everything under
 * it, `**.example` it and everything under it; inside a label `*` is any run of characters (also
 * none) and `#` one digit. Names are compared case-blind, as A-labels, without a final dot.
 *
 * The body of a pattern is its canonical form without the leading `*.` or `**.`. Pure.
 */
#ifndef CUTOFFD_PATTERN_H
#define CUTOFFD_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_LABEL_MAX 63 /* RFC 1035 §2.3.4 */
#define PATTERN_MAX 253	     /* of the whole pattern, without a final dot */

enum pattern_error {
	PATTERN_OK,
	PATTERN_EMPTY,
	PATTERN_TOO_WIDE,    /* no letter or fixed digit at all: bare `*`, `**`, `*.*` */
	PATTERN_EMPTY_LABEL, /* two dots, or a dot at the start */
	PATTERN_LABEL_LONG,
	PATTERN_LONG,
	PATTERN_UNICODE,     /* a byte outside of ASCII */
	PATTERN_CHARACTER,   /* anything but letters, digits, '-', '_', '.', '*', '#' */
	PATTERN_DOUBLE_STAR, /* `**` anywhere but as the first label */
	PATTERN_ADDRESS,     /* the last label is a number */
};

enum pattern_scope {
	PATTERN_HOST = 1, /* the name itself */
	PATTERN_UNDER,	  /* everything under it */
	PATTERN_TREE,	  /* both */
};

struct pattern {
	enum pattern_scope scope;
	bool wild;	/* its body has a `*` or `#` */
	uint8_t labels; /* of its body */
	uint8_t length;
	char text[PATTERN_MAX + 1]; /* canonical: lower case, no final dot; NUL-terminated */
};

/* text is not NUL-terminated. *pattern is filled on PATTERN_OK only. */
enum pattern_error pattern_parse(const char *text, size_t length, struct pattern *pattern);
/* What is wrong and what to write instead, for the end of a complaint. */
const char *pattern_error_text(enum pattern_error error);

/* Length of what stands before the body: "", "*.", "**.". */
static inline size_t pattern_marker(enum pattern_scope scope)
{
	return scope == PATTERN_HOST ? 0 : scope == PATTERN_UNDER ? 2 : 3;
}

/* How much of a wild body lies left of its longest literal suffix, without the dot between them:
 * "ksn-*-geo.x.example" → 9. The body's whole length when its last label is wild. */
size_t pattern_wild_length(const char *body, size_t length);

/* Whether a body covers the name: all of it (HOST, TREE) or what stands behind one of its dots
 * (UNDER, TREE). name: lower case, any bytes, without a final dot. */
bool pattern_matches(const char *body, size_t body_length, enum pattern_scope scope,
		     const char *name, size_t length);

/* Which of two bodies is the more specific: < 0 for a, > 0 for b, 0 for neither. More labels; then,
 * label by label from the right, a literal over `#` over `*`, and more literal characters. */
int pattern_compare(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
