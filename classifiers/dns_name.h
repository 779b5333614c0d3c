/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names inside of a DNS message (RFC 1035 §3.1, §4.1.4), known by where they begin. A pointer may
 * only lead to before the part of the name that it ends, so no walk can go round; and chains of
 * pointers cannot make a message cost more than others of its length: there is a budget for all of
 * its names, and a name has at most DNS_NAME_JUMPS.
 */
#ifndef CUTOFFD_DNS_NAME_H
#define CUTOFFD_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/cursor.h"

#define DNS_HEADER 12

/* Every byte of a name of 255 octets as \DDD, with its dots. */
#define DNS_NAME_TEXT 1024

/* As many as a name has labels. */
#define DNS_NAME_JUMPS 128
/* Labels and pointers that are looked at in one message. Each of the records that fit into one may
 * be read four times. */
#define DNS_NAME_STEPS 32768

/* A whole message, at most 65535 bytes. */
struct dns_message {
	const uint8_t *bytes;
	size_t length;
	uint16_t good;	    /* where the name stands that was read last; 0 at first */
	unsigned int steps; /* that were taken so far */
};

/* The budget is used up: what was read since is not to be relied on. */
static inline bool dns_name_spent(const struct dns_message *message)
{
	return message->steps > DNS_NAME_STEPS;
}

/* Takes a name from c, which reads from the message. *at is where its first label stands, past
 * pointers that it begins with: names that point to one place have one *at. False when it is
 * malformed, does not fit into c (which is bad then), or the budget is used up. */
bool dns_name_take(struct dns_message *message, struct cursor *c, uint16_t *at);

/* Both have come from dns_name_take. Case-blind. */
bool dns_name_equal(struct dns_message *message, uint16_t a, uint16_t b);

/* In RFC 4343's form (\DDD, \. and \\), with the final dot; "." is the root. Returns its length. */
size_t dns_name_text(const struct dns_message *message, uint16_t at, uint8_t text[DNS_NAME_TEXT]);

#endif
