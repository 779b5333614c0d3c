/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside of an opened Initial packet: its frames (RFC 9000 §12.4, §19), and the CRYPTO stream that
 * they carry. A stream takes bytes in any order and in any number of pieces, since senders scramble
 * them on purpose; of bytes that come twice the first stay.
 */
#ifndef CUTOFFD_QUIC_FRAMES_H
#define CUTOFFD_QUIC_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "classifiers/cursor.h"

/* RFC 9000 §16 */
uint64_t quic_varint(struct cursor *c);

struct quic_crypto_frame {
	uint64_t offset;
	const uint8_t *bytes;
	size_t length;
};

/* The next CRYPTO frame; false at the end, and at a frame that may not stand in an Initial. */
bool quic_frames_next(struct cursor *frames, struct quic_crypto_frame *frame);

/* No hello comes near it; what lies beyond is not held. */
#define QUIC_STREAM_BYTES 16384

struct quic_stream {
	uint32_t known;			       /* bytes from the start up to the first gap */
	uint32_t end;			       /* nothing is held from here on */
	uint64_t held[QUIC_STREAM_BYTES / 64]; /* a bit for each byte behind the first gap */
	uint8_t bytes[QUIC_STREAM_BYTES];
};

/* Of a stream that was zeroed once. */
void quic_stream_reset(struct quic_stream *stream);
void quic_stream_add(struct quic_stream *stream, const struct quic_crypto_frame *frame);

#endif
