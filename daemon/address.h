/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network addresses and prefixes: plain values, in network byte order, compared by memcmp.
 * Unused bytes of an IPv4 address are zero, so two equal addresses are equal in all bytes.
 */
#ifndef CUTOFFD_ADDRESS_H
#define CUTOFFD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum family {
	FAMILY_NONE = 0,
	FAMILY_V4 = 4,
	FAMILY_V6 = 6,
};

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes[16];
};

/* Bits of the address beyond length are zero. */
struct prefix {
	struct address address;
	uint8_t length;
};

/* Room for every text that address_format and prefix_format write, with the final NUL. */
#define ADDRESS_TEXT 48
#define PREFIX_TEXT 52

enum prefix_error {
	PREFIX_OK,
	PREFIX_NOT_AN_ADDRESS,
	PREFIX_BAD_LENGTH,
	PREFIX_HOST_BITS, /* 10.0.0.1/8: *out holds the prefix with the host bits cleared */
};

struct address address_v4(const uint8_t bytes[4]);
struct address address_v6(const uint8_t bytes[16]);
bool address_parse(const char *text, struct address *out);
const char *address_format(const struct address *address, char text[ADDRESS_TEXT]);
/* Whether it is a value that this module could have made: for addresses that came in a message. */
bool address_valid(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
/* 4 or 16. */
size_t address_size(const struct address *address);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone (its full length). */
enum prefix_error prefix_parse(const char *text, struct prefix *out);
const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT]);
bool prefix_contains(const struct prefix *prefix, const struct address *address);
/* Whether any of count prefixes holds the address. Linear: for policies' short lists. */
bool prefix_any_contains(const struct prefix *prefixes, size_t count,
			 const struct address *address);

#endif
