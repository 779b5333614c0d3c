/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>

#include "classifiers/dns_name.h"

#define OCTETS_MAX 255
#define LABEL_MAX 63
#define POINTER 0xc0

static inline struct cursor cursor_into(const struct dns_message *message, size_t at)
{
	struct cursor c = cursor_new(message->bytes, message->length);

	cursor_skip(&c, at);
	return c;
}

/* Takes labels up to the end of the name or to a pointer, and counts their octets. *target: where
 * the pointer leads; 0 when there was none. */
static bool labels_take(struct dns_message *message, struct cursor *c, size_t *octets,
			size_t *target)
{
	while (!dns_name_spent(message)) {
		uint8_t length = cursor_u8(c);

		message->steps++;
		if (length >= POINTER) {
			*target = (size_t)(length & ~POINTER) << 8 | cursor_u8(c);
			return !c->bad && *target >= DNS_HEADER;
		}
		*octets += 1U + length;
		if (length > LABEL_MAX || *octets > OCTETS_MAX || !cursor_skip(c, length))
			return false;
		if (length == 0) {
			*target = 0;
			return true;
		}
	}
	return false;
}

bool dns_name_take(struct dns_message *message, struct cursor *c, uint16_t *at)
{
	size_t part, octets = 0, target;
	unsigned int jumps = 0;

	if (c->bad)
		return false;
	part = (size_t)(c->at - message->bytes);
	*at = (uint16_t)part;
	if (!labels_take(message, c, &octets, &target))
		return false;
	/* most records of a message point to one name: it need not be walked again */
	while (target > 0 && (octets > 0 || target != message->good)) {
		struct cursor labels = cursor_into(message, target);

		if (target >= part || jumps++ == DNS_NAME_JUMPS)
			return false;
		if (octets == 0)
			*at = (uint16_t)target;
		part = target;
		if (!labels_take(message, &labels, &octets, &target))
			return false;
	}
	if (target > 0)
		*at = (uint16_t)target;
	message->good = *at;
	return true;
}

/* The next label of a name that was found good; an empty one is its end. */
static struct cursor label_next(const struct dns_message *message, struct cursor *c)
{
	uint8_t length = cursor_u8(c);

	while (length >= POINTER) {
		*c = cursor_into(message, (size_t)(length & ~POINTER) << 8 | cursor_u8(c));
		length = cursor_u8(c);
	}
	return cursor_sub(c, length);
}

static bool label_equal(const struct cursor *a, const struct cursor *b)
{
	if (a->left != b->left)
		return false;
	for (size_t i = 0; i < a->left; i++)
		if (a->at[i] != b->at[i] && tolower(a->at[i]) != tolower(b->at[i]))
			return false;
	return true;
}

bool dns_name_equal(struct dns_message *message, uint16_t a, uint16_t b)
{
	struct cursor at_a, at_b, label, other;

	if (a == b)
		return true;
	at_a = cursor_into(message, a);
	at_b = cursor_into(message, b);
	do {
		label = label_next(message, &at_a);
		other = label_next(message, &at_b);
		message->steps += 1 + (unsigned int)label.left / 8;
		if (dns_name_spent(message) || !label_equal(&label, &other))
			return false;
	} while (label.left > 0);
	return true;
}

static size_t byte_text(uint8_t byte, uint8_t *text)
{
	size_t n = 0;

	if (byte > ' ' && byte < 0x7f) {
		if (byte == '.' || byte == '\\')
			text[n++] = '\\';
		text[n++] = byte;
		return n;
	}
	text[n++] = '\\';
	text[n++] = (uint8_t)('0' + byte / 100);
	text[n++] = (uint8_t)('0' + byte / 10 % 10);
	text[n++] = (uint8_t)('0' + byte % 10);
	return n;
}

size_t dns_name_text(const struct dns_message *message, uint16_t at, uint8_t text[DNS_NAME_TEXT])
{
	struct cursor c = cursor_into(message, at), label = label_next(message, &c);
	size_t n = 0;

	if (label.left == 0)
		text[n++] = '.';
	while (label.left > 0) {
		while (label.left > 0)
			n += byte_text(cursor_u8(&label), text + n);
		text[n++] = '.';
		label = label_next(message, &c);
	}
	return n;
}
