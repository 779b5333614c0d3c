/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of every link type: the first byte chooses it, the second how many bytes more the frame
 * had on the wire.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "daemon/sensor/decode.h"

static const int linktypes[] = {1,   0,	  9,   12,  14,	 50,  51,  101,
				104, 108, 113, 147, 204, 228, 229, 276};

/* Reads all that the packet points to, so that the sanitizer sees what is not the frame's. */
static unsigned int sum(const uint8_t *bytes, size_t length)
{
	unsigned int total = 0;

	for (size_t i = 0; i < length; i++)
		total += bytes[i];
	return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t count = sizeof(linktypes) / sizeof(linktypes[0]);
	static volatile unsigned int total;
	enum decode_result result;
	struct packet packet;

	if (size < 2)
		return 0;
	result = decode_packet(linktypes[data[0] % count], data + 2, size - 2, size - 2 + data[1],
			       &packet);
	if (!decode_result_name(result))
		abort();
	if (result != DECODE_OK)
		return 0;
	if (packet.payload_length > packet.payload_wire ||
	    (packet.payload == NULL) != (packet.payload_length == 0))
		abort();
	total += sum(packet.network, packet.network_length);
	total += sum(packet.payload, packet.payload_length);
	return 0;
}
