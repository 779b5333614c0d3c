/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reassembly: the first bytes of one direction of a flow, put in order. Used for TCP's client
 * side (by the sensor) and for QUIC's CRYPTO stream (by quic.c), both by offset from the start of
 * the stream; sequence numbers and their wrap are the caller's.
 *
 * Bounded: REASSEMBLY_BYTES and REASSEMBLY_PIECES for each stream, and a total for the pool, whose
 * memory is taken once. A stream costs a buffer only while it is incomplete.
 */
#ifndef CUTOFFD_REASSEMBLY_H
#define CUTOFFD_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASSEMBLY_BYTES 32768 /* a stream's bytes, counted from its start */
#define REASSEMBLY_PIECES 32   /* runs of bytes with gaps between them, at a time */

struct reassembly;
struct reassembly_pool;

enum reassembly_result {
	REASSEMBLY_TAKEN,     /* new bytes; the contiguous run may have grown */
	REASSEMBLY_NOTHING,   /* all of it was known already */
	REASSEMBLY_AMBIGUOUS, /* as TAKEN, but it disagrees with bytes held (first seen stay) */
	REASSEMBLY_FULL, /* beyond the stream's or the pool's limits: nothing of it was taken */
};

/* bytes: what all streams of the pool may hold together (untouched pages cost nothing). NULL when
 * memory is out. */
struct reassembly_pool *reassembly_pool_new(size_t bytes);
void reassembly_pool_free(struct reassembly_pool *pool);
size_t reassembly_pool_used(const struct reassembly_pool *pool);

/* NULL when the pool is at its limit (an ordinary case: the caller counts it and gives up). */
struct reassembly *reassembly_new(struct reassembly_pool *pool);
void reassembly_free(struct reassembly_pool *pool, struct reassembly *stream);

/* bytes that stand at offset in the stream. What reaches beyond REASSEMBLY_BYTES is left out; FULL
 * when all of it lies there. */
enum reassembly_result reassembly_add(struct reassembly_pool *pool, struct reassembly *stream,
				      uint32_t offset, const uint8_t *bytes, size_t length);

/* Forgets what lies behind the first gap. */
void reassembly_drop_pieces(struct reassembly *stream);

/* The bytes from the stream's start up to the first gap. They stay good until the next call with
 * this stream. */
const uint8_t *reassembly_bytes(const struct reassembly *stream, size_t *length);

#endif
