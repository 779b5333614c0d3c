/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sensor/decode_layers.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_FRAGMENT_OFFSET 0xfff8

/* IANA's protocol numbers. */
#define PROTOCOL_HOP_BY_HOP 0
#define PROTOCOL_ROUTING 43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_AUTHENTICATION 51
#define PROTOCOL_DESTINATION 60
#define PROTOCOL_MOBILITY 135
#define PROTOCOL_HIP 139
#define PROTOCOL_SHIM6 140

/* RFC 8200 §4.1 knows of five, one of them twice. */
#define EXTENSIONS_MAX 8

/* The IP packet begins here and ends after length bytes; length 0: the card had yet to write it
 * (segmentation offload), or a jumbogram, so it ends with the frame. */
static void begin_network(struct layers *layers, size_t length)
{
	if (length > 0)
		layers_limit(layers, length);
	layers->packet->network = layers->rest.at;
	layers->packet->network_length = layers->rest.left;
}

/* The headers do not fit: cut by the capture, or by the packet's own length, which cannot be. */
static enum decode_result too_short(const struct layers *layers, enum decode_result bad)
{
	return layers->missing > 0 ? DECODE_TRUNCATED : bad;
}

/* RFC 4302 §2.2: the length counts words of four bytes, less two. */
static enum decode_result skip_authentication(struct layers *layers, uint8_t *protocol)
{
	uint8_t length;

	*protocol = cursor_u8(&layers->rest);
	length = cursor_u8(&layers->rest);
	return cursor_skip(&layers->rest, 4u * length + 6) ? DECODE_OK : DECODE_TRUNCATED;
}

/* RFC 791 §3.1. */
enum decode_result decode_ipv4(struct layers *layers)
{
	struct packet *packet = layers->packet;
	struct cursor header = layers->rest;
	uint8_t version_length = cursor_u8(&header);
	size_t header_length = 4u * (version_length & 0x0f);
	uint16_t length, fragment;
	const uint8_t *addresses;
	uint8_t protocol;

	cursor_skip(&header, 1);
	length = cursor_u16(&header);
	cursor_skip(&header, 2);
	fragment = cursor_u16(&header);
	cursor_skip(&header, 1);
	protocol = cursor_u8(&header);
	cursor_skip(&header, 2);
	addresses = cursor_take(&header, 8);
	if (!addresses)
		return DECODE_TRUNCATED;
	if (version_length >> 4 != 4 || header_length < IPV4_HEADER_MIN ||
	    (length > 0 && length < header_length))
		return DECODE_BAD_IPV4;
	packet->source = address_v4(addresses);
	packet->destination = address_v4(addresses + 4);
	begin_network(layers, length);
	if (!cursor_skip(&layers->rest, header_length))
		return DECODE_TRUNCATED;
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET))
		return DECODE_FRAGMENT;
	if (protocol == PROTOCOL_AUTHENTICATION &&
	    skip_authentication(layers, &protocol) != DECODE_OK)
		return too_short(layers, DECODE_BAD_IPV4);
	return decode_transport(protocol, layers);
}

static bool is_extension(uint8_t protocol)
{
	return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_ROUTING ||
	       protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_AUTHENTICATION ||
	       protocol == PROTOCOL_DESTINATION || protocol == PROTOCOL_MOBILITY ||
	       protocol == PROTOCOL_HIP || protocol == PROTOCOL_SHIM6;
}

/* A fragment header on a packet that is whole (RFC 6946) is nothing to stop at. */
static enum decode_result skip_fragment_header(struct layers *layers, uint8_t *protocol)
{
	uint16_t fragment;

	*protocol = cursor_u8(&layers->rest);
	cursor_skip(&layers->rest, 1);
	fragment = cursor_u16(&layers->rest);
	if (!cursor_skip(&layers->rest, 4))
		return DECODE_TRUNCATED;
	return fragment & (IPV6_MORE_FRAGMENTS | IPV6_FRAGMENT_OFFSET) ? DECODE_FRAGMENT
								       : DECODE_OK;
}

/* RFC 6564 §4: the form that all the others have. */
static enum decode_result skip_extension(struct layers *layers, uint8_t *protocol)
{
	uint8_t length;

	if (*protocol == PROTOCOL_FRAGMENT)
		return skip_fragment_header(layers, protocol);
	if (*protocol == PROTOCOL_AUTHENTICATION)
		return skip_authentication(layers, protocol);
	*protocol = cursor_u8(&layers->rest);
	length = cursor_u8(&layers->rest);
	return cursor_skip(&layers->rest, 8u * length + 6) ? DECODE_OK : DECODE_TRUNCATED;
}

/* RFC 8200 §3, §4. */
enum decode_result decode_ipv6(struct layers *layers)
{
	struct packet *packet = layers->packet;
	struct cursor header = layers->rest;
	uint32_t version = cursor_u32(&header) >> 28;
	uint16_t length = cursor_u16(&header);
	uint8_t protocol = cursor_u8(&header);
	enum decode_result result;
	const uint8_t *addresses;

	cursor_skip(&header, 1);
	addresses = cursor_take(&header, 32);
	if (!addresses)
		return DECODE_TRUNCATED;
	if (version != 6)
		return DECODE_BAD_IPV6;
	packet->source = address_v6(addresses);
	packet->destination = address_v6(addresses + 16);
	begin_network(layers, length > 0 ? (size_t)IPV6_HEADER + length : 0);
	cursor_skip(&layers->rest, IPV6_HEADER);
	for (unsigned int i = 0; is_extension(protocol); i++) {
		if (i == EXTENSIONS_MAX)
			return DECODE_BAD_IPV6;
		result = skip_extension(layers, &protocol);
		if (result == DECODE_TRUNCATED)
			return too_short(layers, DECODE_BAD_IPV6);
		if (result != DECODE_OK)
			return result;
	}
	return decode_transport(protocol, layers);
}

enum decode_result decode_ip(struct layers *layers)
{
	int first = cursor_peek(&layers->rest, 0);

	if (first < 0)
		return DECODE_TRUNCATED;
	if (first >> 4 == 4)
		return decode_ipv4(layers);
	return first >> 4 == 6 ? decode_ipv6(layers) : DECODE_NOT_IP;
}
