/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct address address_v4(const uint8_t bytes[4])
{
	struct address a = {.family = FAMILY_V4};

	memcpy(a.bytes, bytes, 4);
	return a;
}

struct address address_v6(const uint8_t bytes[16])
{
	struct address a = {.family = FAMILY_V6};

	memcpy(a.bytes, bytes, 16);
	return a;
}

bool address_parse(const char *text, struct address *out)
{
	struct address a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = FAMILY_V4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = FAMILY_V6;
	else
		return false;
	*out = a;
	return true;
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT])
{
	int family = address->family == FAMILY_V4 ? AF_INET : AF_INET6;

	if (address->family == FAMILY_NONE ||
	    !inet_ntop(family, address->bytes, text, ADDRESS_TEXT))
		snprintf(text, ADDRESS_TEXT, "none");
	return text;
}

bool address_valid(const struct address *address)
{
	static const uint8_t zero[12];

	if (address->family == FAMILY_V4)
		return memcmp(address->bytes + 4, zero, sizeof(zero)) == 0;
	return address->family == FAMILY_V6;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

size_t address_size(const struct address *address)
{
	return address->family == FAMILY_V4 ? 4 : 16;
}

/* Clears the bits beyond length; whether any of them was set. */
static bool clear_host_bits(struct prefix *prefix)
{
	bool found = false;

	for (size_t i = 0; i < address_size(&prefix->address); i++) {
		int kept = prefix->length - (int)i * 8;
		uint8_t mask = kept >= 8 ? 0xff : kept <= 0 ? 0 : (uint8_t)(0xff00 >> kept);

		found |= (prefix->address.bytes[i] & ~mask) != 0;
		prefix->address.bytes[i] &= mask;
	}
	return found;
}

/* One to three digits and nothing else, or -1. */
static int parse_length(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int value = 0;

	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return -1;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

enum prefix_error prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char address[ADDRESS_TEXT];
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	int length, longest;

	if (n >= sizeof(address))
		return PREFIX_NOT_AN_ADDRESS;
	memcpy(address, text, n);
	address[n] = '\0';
	if (!address_parse(address, &out->address))
		return PREFIX_NOT_AN_ADDRESS;
	longest = (int)address_size(&out->address) * 8;
	length = slash ? parse_length(slash + 1) : longest;
	if (length < 0 || length > longest)
		return PREFIX_BAD_LENGTH;
	out->length = (uint8_t)length;
	return clear_host_bits(out) ? PREFIX_HOST_BITS : PREFIX_OK;
}

const char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT])
{
	char address[ADDRESS_TEXT];

	snprintf(text, PREFIX_TEXT, "%s/%u", address_format(&prefix->address, address),
		 prefix->length);
	return text;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	size_t whole = prefix->length / 8;
	unsigned int rest = prefix->length % 8;

	if (prefix->address.family != address->family ||
	    memcmp(prefix->address.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->address.bytes[whole] ^ address->bytes[whole]) &
			     (0xff00 >> rest) & 0xff) == 0;
}

bool prefix_any_contains(const struct prefix *prefixes, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&prefixes[i], address))
			return true;
	return false;
}
