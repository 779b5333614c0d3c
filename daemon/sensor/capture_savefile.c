/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcap files, as draft-ietf-opsawg-pcap describes them, and what older and patched writers made of
 * them: nanoseconds, Kuznetzov's longer packet headers, versions before 2.4 with the two lengths in
 * either order. The header's snapshot length is not believed: it limits nothing here.
 */
#include <errno.h>
#include <string.h>

#include "daemon/sensor/capture_source.h"

#define MAGIC_MICROSECONDS 0xa1b2c3d4
#define MAGIC_NANOSECONDS 0xa1b23c4d
#define MAGIC_KUZNETZOV 0xa1b2cd34 /* Linux libpcap of the nineties */

#define FILE_HEADER 24
#define PACKET_HEADER 16
#define PACKET_HEADER_KUZNETZOV 24

struct savefile {
	struct capture base;
	bool little;
	bool old_lengths;	/* captured and wire length in either order */
	uint32_t fraction_ns;	/* what one unit of the timestamps' second half is */
	uint32_t header_length; /* of each packet's header */
	int linktype;
};

static uint32_t magic_in(const uint8_t bytes[4], bool little)
{
	struct cursor cursor = cursor_new(bytes, 4);

	return capture_u32(&cursor, little);
}

static bool is_magic(uint32_t magic)
{
	return magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS ||
	       magic == MAGIC_KUZNETZOV;
}

static bool savefile_recognise(const uint8_t magic[4])
{
	return is_magic(magic_in(magic, false)) || is_magic(magic_in(magic, true));
}

static int savefile_start(struct capture *capture)
{
	struct savefile *file = (struct savefile *)capture;
	const uint8_t *bytes = capture_input_take(capture->input, FILE_HEADER);
	struct cursor header;
	uint16_t major, minor;
	uint32_t magic;

	if (!bytes)
		return capture_cut(capture, "the file's header");
	file->little = !is_magic(magic_in(bytes, false));
	header = cursor_new(bytes, FILE_HEADER);
	magic = capture_u32(&header, file->little);
	major = capture_u16(&header, file->little);
	minor = capture_u16(&header, file->little);
	cursor_skip(&header, 12); /* time zone, accuracy, snapshot length */
	/* The upper bits tell of a frame check sequence; IP's own lengths leave it out. */
	file->linktype = (int)(capture_u32(&header, file->little) & 0xffff);
	/* 543 is Digital Unix's. */
	if (major != 2 && major != 543)
		return capture_fail(capture, -EPROTO, "pcap version %u.%u is not read", major,
				    minor);
	file->old_lengths = major == 543 || minor < 4;
	file->fraction_ns = magic == MAGIC_NANOSECONDS ? 1 : 1000;
	file->header_length = magic == MAGIC_KUZNETZOV ? PACKET_HEADER_KUZNETZOV : PACKET_HEADER;
	return 0;
}

static void order_lengths(uint32_t *captured, uint32_t *wire)
{
	uint32_t larger = *captured > *wire ? *captured : *wire;

	*captured = *captured < *wire ? *captured : *wire;
	*wire = larger;
}

static int savefile_next(struct capture *capture, struct capture_packet *packet)
{
	struct savefile *file = (struct savefile *)capture;
	const uint8_t *bytes;
	struct cursor header;
	uint32_t seconds, fraction;

	if (capture_input_ended(capture->input) && !capture_input_error(capture->input))
		return -ENODATA;
	bytes = capture_input_take(capture->input, file->header_length);
	if (!bytes)
		return capture_cut(capture, "a packet's header");
	header = cursor_new(bytes, file->header_length);
	seconds = capture_u32(&header, file->little);
	fraction = capture_u32(&header, file->little);
	packet->length = capture_u32(&header, file->little);
	packet->wire_length = capture_u32(&header, file->little);
	if (file->old_lengths)
		order_lengths(&packet->length, &packet->wire_length);
	if (packet->wire_length < packet->length)
		packet->wire_length = packet->length;
	if (packet->length > CAPTURE_RECORD_MAX)
		return capture_fail(
			capture, -EBADMSG, "damaged before byte %llu: a packet of %u bytes",
			(unsigned long long)capture_input_position(capture->input), packet->length);
	packet->at.ns = seconds * CLOCK_SECOND + (int64_t)fraction * file->fraction_ns;
	packet->linktype = file->linktype;
	packet->bytes = capture_input_take(capture->input, packet->length);
	return packet->bytes ? 1 : capture_cut(capture, "a packet");
}

const struct capture_kind capture_savefile = {
	.size = sizeof(struct savefile),
	.recognise = savefile_recognise,
	.start = savefile_start,
	.next = savefile_next,
};
