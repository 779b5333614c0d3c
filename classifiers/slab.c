/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/slab.h"

#include <stdlib.h>
#include <string.h>

bool slab_init(struct slab *slab, uint32_t max, size_t size)
{
	*slab = (struct slab){.size = size, .max = max, .freed = SLAB_NONE};
	slab->items = calloc(max, size);
	return slab->items != NULL;
}

void slab_release(struct slab *slab)
{
	free(slab->items);
	slab->items = NULL;
}

uint32_t slab_take(struct slab *slab)
{
	uint32_t number = slab->freed;

	if (number != SLAB_NONE) {
		memcpy(&slab->freed, slab_at(slab, number), sizeof(slab->freed));
		memset(slab_at(slab, number), 0, slab->size);
	} else if (slab->fresh < slab->max) {
		number = slab->fresh++;
	} else {
		return SLAB_NONE;
	}
	slab->used++;
	return number;
}

void slab_give_back(struct slab *slab, uint32_t number)
{
	memcpy(slab_at(slab, number), &slab->freed, sizeof(slab->freed));
	slab->freed = number;
	slab->used--;
}
