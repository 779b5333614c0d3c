/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An arena: many small allocations that live and die together (settings, policy).
 * It never gives single ones back, and ends the process when memory is out, so that callers
 * need no error path for it. Not for anything that packets make grow.
 */
#ifndef CUTOFFD_ARENA_H
#define CUTOFFD_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc));
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((malloc));
char *arena_string(struct arena *arena, const char *text);
char *arena_string_n(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A larger copy of an array that was made here: old_count elements kept, the rest zero. */
void *arena_grow(struct arena *arena, const void *old, size_t old_count, size_t new_count,
		 size_t size);

#endif
