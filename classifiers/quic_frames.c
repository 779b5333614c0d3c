/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "classifiers/quic_frames.h"

#define FRAME_PADDING 0x00
#define FRAME_PING 0x01
#define FRAME_ACK 0x02
#define FRAME_ACK_ECN 0x03
#define FRAME_CRYPTO 0x06
#define FRAME_CONNECTION_CLOSE 0x1c

uint64_t quic_varint(struct cursor *c)
{
	uint8_t first = cursor_u8(c);
	uint64_t value = first & 0x3f;

	for (unsigned int more = (1U << (first >> 6)) - 1; more > 0; more--)
		value = value << 8 | cursor_u8(c);
	return value;
}

/* A packet's padding is most of it. */
static void padding_skip(struct cursor *c)
{
	size_t n = 0;

	while (cursor_peek(c, n) == FRAME_PADDING)
		n++;
	cursor_skip(c, n);
}

static void ack_skip(struct cursor *c, bool ecn)
{
	uint64_t ranges;

	quic_varint(c); /* largest acknowledged */
	quic_varint(c); /* delay */
	ranges = quic_varint(c);
	quic_varint(c); /* first range */
	for (; ranges > 0 && !c->bad; ranges--) {
		quic_varint(c);
		quic_varint(c);
	}
	for (unsigned int i = 0; ecn && i < 3; i++)
		quic_varint(c);
}

static void close_skip(struct cursor *c)
{
	uint64_t reason;

	quic_varint(c); /* error */
	quic_varint(c); /* type of the frame that caused it */
	reason = quic_varint(c);
	cursor_skip(c, reason > c->left ? c->left + 1 : (size_t)reason);
}

static bool crypto_take(struct cursor *c, struct quic_crypto_frame *frame)
{
	uint64_t length;

	frame->offset = quic_varint(c);
	length = quic_varint(c);
	if (c->bad || length > c->left)
		return false;
	frame->length = (size_t)length;
	frame->bytes = cursor_take(c, frame->length);
	return true;
}

bool quic_frames_next(struct cursor *frames, struct quic_crypto_frame *frame)
{
	while (frames->left > 0) {
		uint64_t type = quic_varint(frames);

		switch (type) {
		case FRAME_PADDING:
			padding_skip(frames);
			break;
		case FRAME_PING:
			break;
		case FRAME_ACK:
		case FRAME_ACK_ECN:
			ack_skip(frames, type == FRAME_ACK_ECN);
			break;
		case FRAME_CONNECTION_CLOSE:
			close_skip(frames);
			break;
		case FRAME_CRYPTO:
			return crypto_take(frames, frame);
		default:
			return false;
		}
	}
	return false;
}

static bool is_held(const struct quic_stream *stream, uint32_t at)
{
	return stream->held[at / 64] >> at % 64 & 1;
}

void quic_stream_reset(struct quic_stream *stream)
{
	memset(stream->held, 0, (stream->end + 63) / 64 * sizeof(stream->held[0]));
	stream->known = stream->end = 0;
}

/* In order, with nothing held behind: no bits are needed. */
static void append(struct quic_stream *stream, const struct quic_crypto_frame *frame,
		   uint32_t start, uint32_t end)
{
	if (end <= stream->known)
		return;
	memcpy(stream->bytes + stream->known, frame->bytes + (stream->known - start),
	       end - stream->known);
	stream->known = stream->end = end;
}

void quic_stream_add(struct quic_stream *stream, const struct quic_crypto_frame *frame)
{
	uint32_t start, end;

	if (frame->offset >= QUIC_STREAM_BYTES)
		return;
	start = (uint32_t)frame->offset;
	end = frame->length < QUIC_STREAM_BYTES - start ? start + (uint32_t)frame->length
							: QUIC_STREAM_BYTES;
	if (start <= stream->known && stream->known == stream->end) {
		append(stream, frame, start, end);
		return;
	}
	for (uint32_t at = start > stream->known ? start : stream->known; at < end; at++) {
		if (is_held(stream, at))
			continue;
		stream->bytes[at] = frame->bytes[at - start];
		stream->held[at / 64] |= UINT64_C(1) << at % 64;
	}
	if (end > stream->end)
		stream->end = end;
	while (stream->known < stream->end && is_held(stream, stream->known))
		stream->known++;
}
