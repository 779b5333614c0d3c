/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pcapng files (draft-ietf-opsawg-pcapng): any number of sections in either byte order, each with
 * interfaces of any link type, snapshot length and time resolution. Blocks that carry no packet are
 * skipped.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/sensor/capture_source.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 2 /* obsolete, still found in old files */
#define BLOCK_SIMPLE_PACKET 3
#define BLOCK_ENHANCED_PACKET 6

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define BLOCK_OVERHEAD 12 /* type, length, and the length once more at the end */
#define SECTION_LENGTH_MIN 28

#define OPTION_END 0
#define OPTION_TSRESOL 9
#define OPTION_TSOFFSET 14

/* Far more than any writer makes; bounds what a file can make us hold. */
#define INTERFACES_MAX 65536

/* Timestamps are ticks; one is 2^-shift s, or multiply / divide ns. */
struct interface {
	int linktype;
	uint32_t snapshot; /* 0: no limit */
	bool binary;
	uint8_t shift;
	uint32_t multiply;
	uint64_t divide; /* 0: a tick is too short to ever make a nanosecond */
	int64_t offset;	 /* seconds */
};

struct pcapng {
	struct capture base;
	bool little;
	struct interface *interfaces; /* of this section */
	size_t interfaces_count, interfaces_room;
	struct wall last; /* simple packets have no time: that of the packet before */
};

struct block {
	uint32_t type;
	uint64_t at;	    /* where it begins in the file */
	struct cursor body; /* of the types that are read */
};

static int damaged(struct pcapng *file, const struct block *block, const char *what)
{
	return capture_fail(&file->base, -EBADMSG, "damaged in the block at byte %llu: %s",
			    (unsigned long long)block->at, what);
}

static bool pcapng_recognise(const uint8_t magic[4])
{
	struct cursor cursor = cursor_new(magic, 4);

	return cursor_u32(&cursor) == BLOCK_SECTION;
}

/* A section's byte order stands behind the length that is written in it. */
static int read_byte_order(struct pcapng *file, const struct block *block)
{
	const uint8_t *bytes = capture_input_peek(file->base.input, 12);
	struct cursor cursor;
	uint32_t magic;

	if (!bytes)
		return capture_cut(&file->base, "a section's header");
	cursor = cursor_new(bytes + 8, 4);
	magic = cursor_u32(&cursor);
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return damaged(file, block, "no byte order");
	file->little = magic != BYTE_ORDER_MAGIC;
	return 0;
}

static bool block_is_read(uint32_t type)
{
	return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET ||
	       type == BLOCK_SIMPLE_PACKET || type == BLOCK_ENHANCED_PACKET;
}

static int take_body(struct pcapng *file, struct block *block, uint32_t length)
{
	struct cursor trailer;
	const uint8_t *bytes;

	if (length > CAPTURE_RECORD_MAX)
		return damaged(file, block, "longer than a packet can be");
	bytes = capture_input_take(file->base.input, length - 8);
	if (!bytes)
		return capture_cut(&file->base, "a block");
	block->body = cursor_new(bytes, length - BLOCK_OVERHEAD);
	trailer = cursor_new(bytes + length - BLOCK_OVERHEAD, 4);
	if (capture_u32(&trailer, file->little) != length)
		return damaged(file, block, "its two lengths differ");
	return 0;
}

/* Takes the next block. 0, -ENODATA at the end, or another -errno. */
static int next_block(struct pcapng *file, struct block *block)
{
	struct capture_input *input = file->base.input;
	const uint8_t *bytes;
	struct cursor header;
	uint32_t length;
	int result;

	if (capture_input_ended(input) && !capture_input_error(input))
		return -ENODATA;
	block->at = capture_input_position(input);
	bytes = capture_input_peek(input, 8);
	if (!bytes)
		return capture_cut(&file->base, "a block's header");
	if (pcapng_recognise(bytes)) {
		result = read_byte_order(file, block);
		if (result < 0)
			return result;
	}
	bytes = capture_input_take(input, 8);
	header = cursor_new(bytes, 8);
	block->type = capture_u32(&header, file->little);
	length = capture_u32(&header, file->little);
	if (length < BLOCK_OVERHEAD || length % 4 != 0)
		return damaged(file, block, "a length that cannot be");
	if (block_is_read(block->type))
		return take_body(file, block, length);
	return capture_input_skip(input, length - 8) ? 0 : capture_cut(&file->base, "a block");
}

static int read_section(struct pcapng *file, struct block *block)
{
	uint16_t major, minor;

	cursor_skip(&block->body, 4);
	major = capture_u16(&block->body, file->little);
	minor = capture_u16(&block->body, file->little);
	if (block->body.bad)
		return damaged(file, block, "a section's header that is too short");
	if (major != 1)
		return capture_fail(&file->base, -EPROTO, "pcapng version %u.%u is not read", major,
				    minor);
	file->interfaces_count = 0;
	return 0;
}

/* if_tsresol: a power of ten, or with the highest bit set of two, below a second. */
static void set_resolution(struct interface *interface, uint8_t resolution)
{
	interface->binary = resolution & 0x80;
	interface->shift = resolution & 0x7f;
	interface->multiply = 1;
	interface->divide = 1;
	for (unsigned int i = interface->shift; i < 9; i++)
		interface->multiply *= 10;
	for (unsigned int i = 9; i < interface->shift && interface->divide > 0; i++)
		interface->divide = i < 28 ? interface->divide * 10 : 0;
}

static void read_interface_options(struct pcapng *file, struct cursor *body,
				   struct interface *interface)
{
	while (!body->bad && body->left >= 4) {
		uint16_t code = capture_u16(body, file->little);
		uint16_t length = capture_u16(body, file->little);
		struct cursor value = cursor_sub(body, length);

		if (code == OPTION_END || body->bad)
			return;
		if (code == OPTION_TSRESOL && length == 1)
			set_resolution(interface, cursor_u8(&value));
		if (code == OPTION_TSOFFSET && length == 8) {
			uint64_t first = capture_u32(&value, file->little);
			uint64_t second = capture_u32(&value, file->little);

			interface->offset = (int64_t)(file->little ? second << 32 | first
								   : first << 32 | second);
		}
		cursor_skip(body, -length & 3u);
	}
}

static struct interface *add_interface(struct pcapng *file)
{
	size_t room = file->interfaces_room ? 2 * file->interfaces_room : 4;
	struct interface *larger;

	if (file->interfaces_count == file->interfaces_room) {
		larger = reallocarray(file->interfaces, room, sizeof(*larger));
		if (!larger)
			return NULL;
		file->interfaces = larger;
		file->interfaces_room = room;
	}
	return &file->interfaces[file->interfaces_count++];
}

static int read_interface(struct pcapng *file, struct block *block)
{
	struct interface *interface;

	if (file->interfaces_count == INTERFACES_MAX)
		return damaged(file, block, "too many interfaces");
	interface = add_interface(file);
	if (!interface)
		return capture_fail(&file->base, -ENOMEM, "out of memory");
	*interface = (struct interface){.linktype = capture_u16(&block->body, file->little)};
	cursor_skip(&block->body, 2);
	interface->snapshot = capture_u32(&block->body, file->little);
	if (block->body.bad)
		return damaged(file, block, "an interface that is too short");
	set_resolution(interface, 6);
	read_interface_options(file, &block->body, interface);
	return 0;
}

static struct wall time_of(const struct interface *interface, uint64_t ticks)
{
	unsigned __int128 ns = 0;
	int64_t offset;
	struct wall at;

	if (interface->binary)
		ns = (unsigned __int128)ticks * (uint64_t)CLOCK_SECOND >> interface->shift;
	else if (interface->divide > 0)
		ns = (unsigned __int128)ticks * interface->multiply / interface->divide;
	at.ns = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
	if (__builtin_mul_overflow(interface->offset, CLOCK_SECOND, &offset) ||
	    __builtin_add_overflow(at.ns, offset, &at.ns))
		at.ns = interface->offset < 0 ? INT64_MIN : INT64_MAX;
	return at;
}

/* The first part of the enhanced and of the obsolete packet block differ only in the first word. */
static int read_packet(struct pcapng *file, struct block *block, struct capture_packet *packet)
{
	struct cursor *body = &block->body;
	const struct interface *interface;
	uint32_t number;
	uint64_t ticks;

	if (block->type == BLOCK_PACKET) {
		number = capture_u16(body, file->little);
		cursor_skip(body, 2); /* drops */
	} else {
		number = capture_u32(body, file->little);
	}
	ticks = (uint64_t)capture_u32(body, file->little) << 32;
	ticks |= capture_u32(body, file->little);
	packet->length = capture_u32(body, file->little);
	packet->wire_length = capture_u32(body, file->little);
	packet->bytes = cursor_take(body, packet->length);
	if (body->bad)
		return damaged(file, block, "a packet longer than its block");
	if (number >= file->interfaces_count)
		return damaged(file, block, "a packet of an interface that was not described");
	if (packet->wire_length < packet->length)
		packet->wire_length = packet->length;
	interface = &file->interfaces[number];
	packet->linktype = interface->linktype;
	packet->at = file->last = time_of(interface, ticks);
	return 1;
}

static int read_simple_packet(struct pcapng *file, struct block *block,
			      struct capture_packet *packet)
{
	const struct interface *interface;
	size_t length;

	packet->wire_length = capture_u32(&block->body, file->little);
	if (block->body.bad)
		return damaged(file, block, "a packet that is too short");
	if (file->interfaces_count == 0)
		return damaged(file, block, "a packet of an interface that was not described");
	interface = &file->interfaces[0];
	length = block->body.left; /* with up to three bytes of padding */
	if (length > packet->wire_length)
		length = packet->wire_length;
	if (interface->snapshot > 0 && length > interface->snapshot)
		length = interface->snapshot;
	packet->length = (uint32_t)length;
	packet->bytes = cursor_take(&block->body, length);
	packet->linktype = interface->linktype;
	packet->at = file->last;
	return 1;
}

static int read_block(struct pcapng *file, struct block *block, struct capture_packet *packet)
{
	switch (block->type) {
	case BLOCK_SECTION:
		return read_section(file, block);
	case BLOCK_INTERFACE:
		return read_interface(file, block);
	case BLOCK_PACKET:
	case BLOCK_ENHANCED_PACKET:
		return read_packet(file, block, packet);
	case BLOCK_SIMPLE_PACKET:
		return read_simple_packet(file, block, packet);
	default:
		return 0;
	}
}

static int pcapng_start(struct capture *capture)
{
	struct pcapng *file = (struct pcapng *)capture;
	struct block block = {0};
	int result = next_block(file, &block);

	return result < 0 ? result : read_section(file, &block);
}

static int pcapng_next(struct capture *capture, struct capture_packet *packet)
{
	struct pcapng *file = (struct pcapng *)capture;
	struct block block = {0};
	int result;

	do {
		result = next_block(file, &block);
		if (result == 0)
			result = read_block(file, &block, packet);
	} while (result == 0);
	return result;
}

static void pcapng_stop(struct capture *capture)
{
	free(((struct pcapng *)capture)->interfaces);
}

const struct capture_kind capture_pcapng = {
	.size = sizeof(struct pcapng),
	.recognise = pcapng_recognise,
	.start = pcapng_start,
	.next = pcapng_next,
	.stop = pcapng_stop,
};
