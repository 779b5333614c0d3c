/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Buffers of five sizes out of one piece of memory that is taken once (a buddy allocator), so that
 * what streams hold together is bounded and gives way quickly. Used by reassembly.c only.
 */
#ifndef CUTOFFD_BUFFERS_H
#define CUTOFFD_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

#define BUFFER_MIN 2048
#define BUFFER_MAX 32768

struct buffers;

/* bytes is rounded up to a multiple of BUFFER_MAX. NULL when memory is out. */
struct buffers *buffers_new(size_t bytes);
void buffers_free(struct buffers *buffers);

/* At least size (1 to BUFFER_MAX) bytes, not zeroed; *room: how many. NULL when there is no such
 * piece left. */
uint8_t *buffers_take(struct buffers *buffers, size_t size, size_t *room);
/* A buffer that buffers_take gave, or NULL. */
void buffers_give(struct buffers *buffers, const uint8_t *buffer);
/* What is taken, in bytes. */
size_t buffers_used(const struct buffers *buffers);

#endif
