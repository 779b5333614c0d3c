/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A flow of some messages. The first byte says how: from the IP header on as they are, or as the
 * payload of TCP or UDP to the port of the next two. Each message has two bytes in front: how long
 * it is, and in the topmost bit, whether the server sent it.
 */
#include "classifiers/ndpi.h"

#include <stdlib.h>
#include <string.h>

#define AS_IT_IS 0x01
#define UDP 0x02
#define HEADERS 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The headers in front of a payload, as long as TCP's. */
static void put_headers(uint8_t *packet, size_t length, bool udp, bool from_client,
			const uint8_t port[2])
{
	const uint8_t client_port[2] = {0x9c, 0x40};

	memset(packet, 0, HEADERS);
	packet[0] = udp ? 0x48 : 0x45; /* IP options make up for UDP's shorter header */
	packet[2] = (uint8_t)(length >> 8);
	packet[3] = (uint8_t)length;
	packet[9] = udp ? 17 : 6;
	packet[from_client ? 15 : 19] = 1;
	packet += udp ? 32 : 20;
	memcpy(packet, from_client ? client_port : port, 2);
	memcpy(packet + 2, from_client ? port : client_port, 2);
	if (!udp) {
		packet[12] = 0x50;
		packet[13] = 0x18;
	}
}

/* In memory of its own, so that the sanitizer knows where it ends. */
static void feed(struct ndpi *ndpi, struct ndpi_flow *flow, const uint8_t *bytes, size_t length,
		 const uint8_t how[3], bool from_client)
{
	const struct wall now = {INT64_C(1727582400000000000)};
	size_t headers = how[0] & AS_IT_IS ? 0 : HEADERS;
	uint8_t *packet = malloc(headers + length);
	struct ndpi_result result;

	if (!packet)
		abort();
	if (headers > 0)
		put_headers(packet, headers + length, how[0] & UDP, from_client, how + 1);
	if (length > 0)
		memcpy(packet + headers, bytes, length);
	ndpi_engine_feed(ndpi, flow, packet, headers + length, from_client, now, &result);
	free(packet);
	if (result.decided && result.protocol[0] == '\0')
		abort();
	if ((result.protocol[0] == '\0') != (result.application[0] == '\0'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ndpi *ndpi; /* takes longer to make than all else */
	const uint8_t *how = data;
	struct ndpi_flow *flow;
	struct ndpi_result result;

	if (size < 3)
		return 0;
	if (!ndpi)
		ndpi = ndpi_engine_new();
	flow = ndpi_engine_flow_new();
	if (!ndpi || !flow)
		abort();
	data += 3;
	size -= 3;
	while (size >= 2) {
		bool from_client = !(data[0] & 0x80);
		size_t length = (size_t)(data[0] & 0x7f) << 8 | data[1];

		data += 2;
		size -= 2;
		if (length > size)
			length = size;
		feed(ndpi, flow, data, length, how, from_client);
		data += length;
		size -= length;
	}
	ndpi_engine_give_up(ndpi, flow, &result);
	if (!result.decided)
		abort();
	ndpi_engine_flow_free(flow);
	return 0;
}
