/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reader of untrusted bytes that cannot run past the end. Once a read does not fit, the cursor
 * is bad for good (sticky), every further read gives zero, and the caller asks once at the end.
 * The only way that this project reads packet bytes.
 */
#ifndef CUTOFFD_CURSOR_H
#define CUTOFFD_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static inline struct cursor cursor_new(const uint8_t *bytes, size_t length)
{
	return (struct cursor){.at = bytes, .left = length};
}

/* The next n bytes, or NULL (and bad) when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (c->bad || n > c->left) {
		c->bad = true;
		c->left = 0;
		return NULL;
	}
	if (n > 0) {
		c->at += n;
		c->left -= n;
	}
	return at;
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
	cursor_take(c, n);
	return !c->bad;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? p[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_u24(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 3);

	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	uint32_t high = cursor_u16(c);

	return high << 16 | cursor_u16(c);
}

/* The next n bytes as a cursor of their own; a bad one when there are fewer. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_take(c, n);

	return (struct cursor){.at = p, .left = c->bad ? 0 : n, .bad = c->bad};
}

/* Looks without taking: the byte at offset from here, or -1 when there is none. */
static inline int cursor_peek(const struct cursor *c, size_t offset)
{
	return c->bad || offset >= c->left ? -1 : c->at[offset];
}

#endif
