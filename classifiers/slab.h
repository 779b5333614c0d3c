/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A slab: items of one size in one block of memory, named by number. Taken all at once, so that
 * packets never make it grow; pages that no item was in yet cost nothing.
 */
#ifndef CUTOFFD_SLAB_H
#define CUTOFFD_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

struct slab {
	uint8_t *items;
	size_t size;	/* of an item, at least 4 */
	uint32_t max;	/* items that there are */
	uint32_t fresh; /* items from here on were never taken */
	uint32_t freed; /* first of the chain of items given back */
	uint32_t used;
};

/* false when memory is out. A zeroed slab can be released too. */
bool slab_init(struct slab *slab, uint32_t max, size_t size);
void slab_release(struct slab *slab);

/* The number of a zeroed item, or SLAB_NONE when all are taken. */
uint32_t slab_take(struct slab *slab);
void slab_give_back(struct slab *slab, uint32_t number);

static inline void *slab_at(const struct slab *slab, uint32_t number)
{
	return slab->items + number * slab->size;
}

static inline uint32_t slab_left(const struct slab *slab)
{
	return slab->max - slab->used;
}

#endif
