/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sensor/decode.h"

#include "daemon/sensor/decode_layers.h"

#define TCP_HEADER_MIN 20
#define UDP_HEADER 8

const char *decode_result_name(enum decode_result result)
{
	static const char *const names[DECODE_RESULTS] = {
		[DECODE_OK] = "ok",
		[DECODE_LINKTYPE] = "link-type",
		[DECODE_NOT_IP] = "not-ip",
		[DECODE_TRUNCATED] = "truncated",
		[DECODE_BAD_LINK] = "bad-link",
		[DECODE_BAD_IPV4] = "bad-ipv4",
		[DECODE_BAD_IPV6] = "bad-ipv6",
		[DECODE_FRAGMENT] = "fragment",
		[DECODE_OTHER_PROTOCOL] = "other-protocol",
		[DECODE_BAD_TCP] = "bad-tcp",
		[DECODE_BAD_UDP] = "bad-udp",
	};

	return names[result];
}

void layers_limit(struct layers *layers, size_t length)
{
	if (length <= layers->rest.left) {
		layers->rest.left = length;
		layers->missing = 0;
	} else {
		layers->missing = length - layers->rest.left;
	}
}

static void set_payload(struct layers *layers)
{
	struct packet *packet = layers->packet;

	packet->payload_length = layers->rest.left;
	packet->payload_wire = layers->rest.left + layers->missing;
	packet->payload = packet->payload_length > 0 ? layers->rest.at : NULL;
}

/* RFC 9293 §3.1. */
static enum decode_result decode_tcp(struct layers *layers)
{
	size_t wire = layers->rest.left + layers->missing;
	struct packet *packet = layers->packet;
	struct cursor header = layers->rest;
	size_t length;

	packet->source_port = cursor_u16(&header);
	packet->destination_port = cursor_u16(&header);
	packet->tcp_sequence = cursor_u32(&header);
	packet->tcp_acknowledgement = cursor_u32(&header);
	length = 4u * (cursor_u8(&header) >> 4);
	packet->tcp_flags = cursor_u8(&header);
	if (wire < TCP_HEADER_MIN)
		return DECODE_BAD_TCP;
	if (header.bad)
		return DECODE_TRUNCATED;
	if (length < TCP_HEADER_MIN || length > wire)
		return DECODE_BAD_TCP;
	if (!cursor_skip(&layers->rest, length))
		return DECODE_TRUNCATED;
	set_payload(layers);
	return DECODE_OK;
}

/* RFC 768. Length 0 is a jumbogram's (RFC 2675 §4) or left to the network card. */
static enum decode_result decode_udp(struct layers *layers)
{
	size_t wire = layers->rest.left + layers->missing;
	struct packet *packet = layers->packet;
	struct cursor header = layers->rest;
	uint16_t length;

	packet->source_port = cursor_u16(&header);
	packet->destination_port = cursor_u16(&header);
	length = cursor_u16(&header);
	if (wire < UDP_HEADER)
		return DECODE_BAD_UDP;
	if (header.bad || layers->rest.left < UDP_HEADER)
		return DECODE_TRUNCATED;
	if (length > 0 && (length < UDP_HEADER || length > wire))
		return DECODE_BAD_UDP;
	if (length > 0)
		layers_limit(layers, length);
	cursor_skip(&layers->rest, UDP_HEADER);
	set_payload(layers);
	return DECODE_OK;
}

enum decode_result decode_transport(uint8_t protocol, struct layers *layers)
{
	layers->packet->protocol = protocol;
	if (protocol == PROTOCOL_TCP)
		return decode_tcp(layers);
	if (protocol == PROTOCOL_UDP)
		return decode_udp(layers);
	return DECODE_OTHER_PROTOCOL;
}

enum decode_result decode_packet(int linktype, const uint8_t *bytes, size_t length,
				 size_t wire_length, struct packet *packet)
{
	struct layers layers = {
		.rest = cursor_new(bytes, length),
		.missing = wire_length > length ? wire_length - length : 0,
		.packet = packet,
	};

	*packet = (struct packet){0};
	return decode_link(linktype, &layers);
}
