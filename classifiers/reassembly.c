/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "classifiers/buffers.h"

_Static_assert(REASSEMBLY_BYTES <= BUFFER_MAX, "a stream fits into one buffer");
_Static_assert(REASSEMBLY_BYTES <= UINT16_MAX, "offsets fit into a piece");

/* Bytes from start up to, not including, end. */
struct piece {
	uint16_t start, end;
};

struct reassembly {
	struct reassembly *next_free;
	uint8_t *buffer;
	size_t room;
	unsigned int count;
	/* In order; between any two there is a gap. */
	struct piece pieces[REASSEMBLY_PIECES];
};

struct reassembly_pool {
	struct buffers *buffers;
	struct reassembly *streams;
	struct reassembly *free;
};

struct reassembly_pool *reassembly_pool_new(size_t bytes)
{
	struct reassembly_pool *pool = calloc(1, sizeof(*pool));
	size_t streams_max = bytes / BUFFER_MIN + (bytes % BUFFER_MIN > 0);

	if (!pool)
		return NULL;
	pool->buffers = buffers_new(bytes);
	pool->streams = calloc(streams_max, sizeof(*pool->streams));
	if (!pool->buffers || !pool->streams) {
		reassembly_pool_free(pool);
		return NULL;
	}
	for (size_t i = streams_max; i > 0; i--) {
		pool->streams[i - 1].next_free = pool->free;
		pool->free = &pool->streams[i - 1];
	}
	return pool;
}

void reassembly_pool_free(struct reassembly_pool *pool)
{
	if (!pool)
		return;
	free(pool->streams);
	buffers_free(pool->buffers);
	free(pool);
}

size_t reassembly_pool_used(const struct reassembly_pool *pool)
{
	return buffers_used(pool->buffers);
}

struct reassembly *reassembly_new(struct reassembly_pool *pool)
{
	struct reassembly *stream = pool->free;
	uint8_t *buffer;
	size_t room;

	if (!stream)
		return NULL;
	buffer = buffers_take(pool->buffers, BUFFER_MIN, &room);
	if (!buffer)
		return NULL;
	pool->free = stream->next_free;
	stream->buffer = buffer;
	stream->room = room;
	stream->count = 0;
	return stream;
}

void reassembly_free(struct reassembly_pool *pool, struct reassembly *stream)
{
	if (!stream)
		return;
	buffers_give(pool->buffers, stream->buffer);
	stream->next_free = pool->free;
	pool->free = stream;
}

static bool make_room(struct reassembly_pool *pool, struct reassembly *stream, size_t end)
{
	uint8_t *larger;
	size_t room;

	if (end <= stream->room)
		return true;
	larger = buffers_take(pool->buffers, end, &room);
	if (!larger)
		return false;
	memcpy(larger, stream->buffer, stream->room);
	buffers_give(pool->buffers, stream->buffer);
	stream->buffer = larger;
	stream->room = room;
	return true;
}

/* How the new bytes lie to the pieces that are there. */
struct overlap {
	unsigned int first, count; /* the pieces that it touches: they become one with it */
	struct piece united;
	bool grows;
};

static struct overlap find_overlap(const struct reassembly *stream, struct piece new)
{
	struct overlap overlap = {.united = new, .grows = true};
	const struct piece *piece = stream->pieces;

	while (overlap.first < stream->count && piece[overlap.first].end < new.start)
		overlap.first++;
	piece += overlap.first;
	while (overlap.first + overlap.count < stream->count &&
	       piece[overlap.count].start <= new.end)
		overlap.count++;
	if (overlap.count == 0)
		return overlap;
	overlap.grows = new.start < piece[0].start || new.end > piece[overlap.count - 1].end ||
			overlap.count > 1;
	if (piece[0].start < new.start)
		overlap.united.start = piece[0].start;
	if (piece[overlap.count - 1].end > new.end)
		overlap.united.end = piece[overlap.count - 1].end;
	return overlap;
}

/* Copies what lies between the pieces; whether the rest agrees with them. */
static bool copy_new(struct reassembly *stream, const struct overlap *overlap, struct piece new,
		     const uint8_t *bytes)
{
	size_t at = new.start;
	bool agrees = true;

	for (unsigned int i = 0; i < overlap->count; i++) {
		struct piece piece = stream->pieces[overlap->first + i];
		size_t end = piece.end < new.end ? piece.end : new.end;

		if (at < piece.start) {
			memcpy(stream->buffer + at, bytes + (at - new.start), piece.start - at);
			at = piece.start;
		}
		if (at < end) {
			agrees &= memcmp(stream->buffer + at, bytes + (at - new.start), end - at) ==
				  0;
			at = end;
		}
	}
	if (at < new.end)
		memcpy(stream->buffer + at, bytes + (at - new.start), new.end - at);
	return agrees;
}

static void unite(struct reassembly *stream, const struct overlap *overlap)
{
	struct piece *at = stream->pieces + overlap->first;
	unsigned int behind = stream->count - overlap->first - overlap->count;

	memmove(at + 1, at + overlap->count, behind * sizeof(*at));
	*at = overlap->united;
	stream->count += 1 - overlap->count;
}

enum reassembly_result reassembly_add(struct reassembly_pool *pool, struct reassembly *stream,
				      uint32_t offset, const uint8_t *bytes, size_t length)
{
	struct overlap overlap;
	struct piece new;
	bool agrees;

	if (length == 0)
		return REASSEMBLY_NOTHING;
	if (offset >= REASSEMBLY_BYTES)
		return REASSEMBLY_FULL;
	if (length > REASSEMBLY_BYTES - offset)
		length = REASSEMBLY_BYTES - offset;
	new = (struct piece){(uint16_t)offset, (uint16_t)(offset + length)};
	overlap = find_overlap(stream, new);
	if (overlap.count == 0 && stream->count == REASSEMBLY_PIECES)
		return REASSEMBLY_FULL;
	if (!make_room(pool, stream, new.end))
		return REASSEMBLY_FULL;
	agrees = copy_new(stream, &overlap, new, bytes);
	unite(stream, &overlap);
	if (!agrees)
		return REASSEMBLY_AMBIGUOUS;
	return overlap.grows ? REASSEMBLY_TAKEN : REASSEMBLY_NOTHING;
}

void reassembly_drop_pieces(struct reassembly *stream)
{
	stream->count = stream->count > 0 && stream->pieces[0].start == 0 ? 1 : 0;
}

const uint8_t *reassembly_bytes(const struct reassembly *stream, size_t *length)
{
	*length = stream->count > 0 && stream->pieces[0].start == 0 ? stream->pieces[0].end : 0;
	return stream->buffer;
}
